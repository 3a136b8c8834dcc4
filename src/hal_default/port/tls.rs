//! `HAL_SSL_*`: TLS over TCP, on OpenSSL.
//!
//! The server's certificate is always verified: against the roots that the caller gives, or the
//! bundled ones when it gives none; chain, dates and name.

use std::ffi::{c_char, c_int};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use openssl::ssl::{self, ErrorCode, HandshakeError, MidHandshakeSslStream, SslStream};
use openssl::x509::{X509, X509VerifyResult};

use super::stream::{Attempt, CLOSED, CONNECT_TIME, Direction, connect, transfer, wait};
use crate::hal::certs::ROOTS_PEM;
use crate::hal_default::boundary::{bytes, bytes_mut, guard, text};
use crate::sync::Mutex;
use crate::tls::{self, Rationed, SetupError, SystemRoots};

/// What the SDK's callers take for failure.
const NO_HANDLE: usize = 0;

/// Why there is no connection.
#[derive(Debug)]
enum Failure {
    Connect(io::Error),
    Roots(String),
    Setup(SetupError),
    Certificate(X509VerifyResult),
    Handshake(String),
    TimedOut,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "{error}"),
            Self::Roots(problem) => write!(f, "the root certificates cannot be used: {problem}"),
            Self::Setup(error) => write!(f, "{error}"),
            Self::Certificate(result) => {
                write!(
                    f,
                    "the server's certificate is rejected: {}",
                    result.error_string()
                )
            }
            Self::Handshake(error) => write!(f, "the handshake failed: {error}"),
            Self::TimedOut => f.write_str("the server did not complete the handshake in time"),
        }
    }
}

/// One connection. The lock is held for single attempts only, never while waiting: one thread may
/// write while another waits in a read.
struct Connection {
    fd: RawFd,
    stream: Mutex<SslStream<Rationed>>,
}

impl Connection {
    fn attempt(
        &self,
        operation: impl FnOnce(&mut SslStream<Rationed>) -> Result<usize, ssl::Error>,
    ) -> Attempt {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        tls::prepare(stream.get_mut());
        match operation(&mut stream) {
            Ok(0) => Attempt::Closed,
            Ok(moved) => Attempt::Moved(moved),
            Err(error) => match error.code() {
                ErrorCode::WANT_READ => Attempt::WantRead,
                ErrorCode::WANT_WRITE => Attempt::WantWrite,
                ErrorCode::ZERO_RETURN => Attempt::Closed,
                _ => Attempt::failed(error),
            },
        }
    }
}

/// The roots in a PEM text, which may carry its terminator.
fn parse_roots(pem: &[u8]) -> Result<Vec<X509>, Failure> {
    let pem = pem.split(|byte| *byte == 0).next().unwrap_or_default();
    match X509::stack_from_pem(pem) {
        Ok(roots) if roots.is_empty() => Err(Failure::Roots("there is none".to_owned())),
        Ok(roots) => Ok(roots),
        Err(error) => Err(Failure::Roots(error.to_string())),
    }
}

fn establish(
    host: &str,
    port: u16,
    roots: &[u8],
    handshake_time: Duration,
) -> Result<Connection, Failure> {
    let roots = parse_roots(roots)?;
    let ssl = tls::client(host, roots, SystemRoots::Ignored).map_err(Failure::Setup)?;
    let stream = connect(host, port).map_err(Failure::Connect)?;
    let fd = stream.as_raw_fd();
    let deadline = Instant::now() + handshake_time;
    tls::forget_errors();
    let mut result = ssl.connect(Rationed::new(stream));
    loop {
        result = match result {
            Ok(stream) => {
                return Ok(Connection {
                    fd,
                    stream: Mutex::new(stream),
                });
            }
            Err(HandshakeError::WouldBlock(unfinished)) => go_on(fd, unfinished, deadline)?,
            Err(HandshakeError::SetupFailure(error)) => return Err(Failure::Setup(error.into())),
            Err(HandshakeError::Failure(failed)) => {
                return Err(match failed.ssl().verify_result() {
                    X509VerifyResult::OK => Failure::Handshake(failed.error().to_string()),
                    rejected => Failure::Certificate(rejected),
                });
            }
        }
    }
}

type HandshakeResult = Result<SslStream<Rationed>, HandshakeError<Rationed>>;

fn go_on(
    fd: RawFd,
    mut unfinished: MidHandshakeSslStream<Rationed>,
    deadline: Instant,
) -> Result<HandshakeResult, Failure> {
    let direction = if unfinished.error().code() == ErrorCode::WANT_WRITE {
        Direction::Write
    } else {
        Direction::Read
    };
    match wait(fd, direction, deadline) {
        Ok(true) => {
            tls::prepare(unfinished.get_mut());
            Ok(unfinished.handshake())
        }
        Ok(false) => Err(Failure::TimedOut),
        Err(error) => Err(Failure::Connect(error)),
    }
}

/// `HAL_SSL_Establish`: 0 for failure, with a log line.
///
/// # Safety
/// `host` is NULL or NUL-terminated; `roots` is NULL or readable for `roots_len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tls_establish(
    host: *const c_char,
    port: u16,
    roots: *const c_char,
    roots_len: usize,
) -> usize {
    guard("HAL_SSL_Establish", NO_HANDLE, || {
        // SAFETY: promised by the caller.
        let (host, roots) = unsafe {
            let len = u32::try_from(roots_len).unwrap_or(0);
            (text(host), bytes(roots.cast(), len))
        };
        let Some(host) = host else {
            log::error!("HAL_SSL_Establish: no host, or not UTF-8");
            return NO_HANDLE;
        };
        let roots = roots.unwrap_or(ROOTS_PEM.to_bytes());
        match establish(host, port, roots, CONNECT_TIME) {
            Ok(connection) => Box::into_raw(Box::new(connection)).expose_provenance(),
            Err(failure) => {
                log::error!("HAL_SSL_Establish: {host}:{port}: {failure}");
                NO_HANDLE
            }
        }
    })
}

/// `HAL_SSL_Destroy`: sends close_notify and closes. 0; -1 for the handle 0.
///
/// # Safety
/// `handle` is 0 or comes from [`iotx_hal_default_tls_establish`] and has not been destroyed.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tls_destroy(handle: usize) -> i32 {
    guard("HAL_SSL_Destroy", CLOSED, || {
        let pointer: *mut Connection = std::ptr::with_exposed_provenance_mut(handle);
        if pointer.is_null() {
            return CLOSED;
        }
        // SAFETY: promised by the caller.
        let connection = unsafe { Box::from_raw(pointer) };
        let mut stream = connection
            .stream
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = stream.shutdown() {
            log::debug!("HAL_SSL_Destroy: no close_notify: {error}");
        }
        0
    })
}

/// # Safety
/// `handle` is 0 or comes from [`iotx_hal_default_tls_establish`] and is not destroyed during `'a`.
unsafe fn connection<'a>(handle: usize) -> Option<&'a Connection> {
    let pointer: *const Connection = std::ptr::with_exposed_provenance(handle);
    // SAFETY: promised by the caller.
    unsafe { pointer.as_ref() }
}

/// A C length and time, neither of which may be negative.
fn bounds(len: c_int, timeout_ms: c_int) -> Option<(u32, Duration)> {
    let timeout = u64::try_from(timeout_ms).ok()?;
    Some((u32::try_from(len).ok()?, Duration::from_millis(timeout)))
}

/// `HAL_SSL_Write`: as `HAL_TCP_Write`.
///
/// # Safety
/// As [`connection`]; `data` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tls_write(
    handle: usize,
    data: *const c_char,
    len: c_int,
    timeout_ms: c_int,
) -> i32 {
    guard("HAL_SSL_Write", CLOSED, || {
        let Some((len, timeout)) = bounds(len, timeout_ms) else {
            return CLOSED;
        };
        // SAFETY: promised by the caller.
        let (connection, data) = unsafe { (connection(handle), bytes(data.cast(), len)) };
        let (Some(connection), Some(data)) = (connection, data) else {
            return CLOSED;
        };
        transfer(
            "HAL_SSL_Write",
            connection.fd,
            data.len(),
            timeout,
            &mut |sent| connection.attempt(|stream| stream.ssl_write(&data[sent..])),
        )
    })
}

/// `HAL_SSL_Read`: as `HAL_TCP_Read`.
///
/// # Safety
/// As [`connection`]; `data` is NULL or readable and writable for `len` bytes, and nobody else uses
/// it meanwhile.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tls_read(
    handle: usize,
    data: *mut c_char,
    len: c_int,
    timeout_ms: c_int,
) -> i32 {
    guard("HAL_SSL_Read", CLOSED, || {
        let Some((len, timeout)) = bounds(len, timeout_ms) else {
            return CLOSED;
        };
        // SAFETY: promised by the caller.
        let (connection, data) = unsafe { (connection(handle), bytes_mut(data.cast(), len)) };
        let (Some(connection), Some(data)) = (connection, data) else {
            return CLOSED;
        };
        transfer(
            "HAL_SSL_Read",
            connection.fd,
            data.len(),
            timeout,
            &mut |got| connection.attempt(|stream| stream.ssl_read(&mut data[got..])),
        )
    })
}

#[cfg(test)]
#[cfg(not(miri))] // OpenSSL and sockets
mod tests;
