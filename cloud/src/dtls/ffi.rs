//! The few DTLS calls of OpenSSL that the `openssl` crate does not wrap.
//!
//! All `unsafe` of the DTLS server is in this file, behind four safe functions.

use std::ffi::{c_int, c_uint, c_void};
use std::io::{Read, Write};
use std::sync::OnceLock;
use std::time::Duration;

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslOptions, SslRef, SslStream};
use openssl_sys as sys;

/// `BIO_ADDR` of `openssl/bio.h`; opaque here as there.
#[repr(C)]
struct BioAddr {
    _opaque: [u8; 0],
}

/// `DTLS_timer_cb` of `openssl/ssl.h`.
type TimerCallback = extern "C" fn(*mut sys::SSL, c_uint) -> c_uint;

unsafe extern "C" {
    fn DTLSv1_listen(ssl: *mut sys::SSL, client: *mut BioAddr) -> c_int;
    fn DTLS_set_timer_cb(ssl: *mut sys::SSL, callback: Option<TimerCallback>);
    fn BIO_ADDR_new() -> *mut BioAddr;
    fn BIO_ADDR_free(address: *mut BioAddr);
}

/// `DTLS_CTRL_GET_TIMEOUT` and `DTLS_CTRL_HANDLE_TIMEOUT` of `openssl/ssl.h`: the documented
/// `DTLSv1_get_timeout` and `DTLSv1_handle_timeout` are macros over these.
const CTRL_GET_TIMEOUT: c_int = 73;
const CTRL_HANDLE_TIMEOUT: c_int = 74;

/// `SSL_OP_NO_ENCRYPT_THEN_MAC` of `openssl/ssl.h`, which the `openssl` crate has no name for.
pub(super) const NO_ENCRYPT_THEN_MAC: SslOptions = SslOptions::from_bits_retain(1 << 19);

/// RFC 6347 section 4.2.4.1: timers double up to 60 seconds.
const MAX_TIMER_US: c_uint = 60_000_000;

/// What became of one datagram given to [`listen`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listen {
    /// A ClientHello without a (valid) cookie; a HelloVerifyRequest has been written if it was
    /// well-formed, and no state is kept.
    NotYet,
    /// A ClientHello with a valid cookie: continue with `SSL_accept` on the same stream.
    Verified,
}

/// Runs `DTLSv1_listen` on the datagram that waits in the stream.
///
/// # Errors
/// What OpenSSL reports when the stream cannot be used any more.
pub(super) fn listen<S: Read + Write>(stream: &mut SslStream<S>) -> Result<Listen, ErrorStack> {
    // SAFETY: takes no arguments; NULL is handled below.
    let address = unsafe { BIO_ADDR_new() };
    if address.is_null() {
        return Err(ErrorStack::get());
    }
    // SAFETY: the SSL is alive and, by `&mut`, not in use elsewhere; `address` comes from
    // BIO_ADDR_new. OpenSSL only writes into `address`.
    let verdict = unsafe { DTLSv1_listen(stream.ssl().as_ptr(), address) };
    // SAFETY: allocated above, freed once, not used afterwards.
    unsafe { BIO_ADDR_free(address) };
    match verdict {
        1.. => Ok(Listen::Verified),
        0 => {
            clear_errors();
            Ok(Listen::NotYet)
        }
        _ => Err(ErrorStack::get()),
    }
}

/// Empties this thread's error queue. `SSL_get_error` takes whatever lies there for the result of
/// the call before it, so that without this one peer's junk would end another peer's session.
pub(super) fn clear_errors() {
    drop(ErrorStack::get());
}

/// Time until the flight in the air has to be sent again; `None` when nothing is outstanding.
pub(super) fn retransmission_due(ssl: &SslRef) -> Option<Duration> {
    let mut left = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // SAFETY: the SSL is alive; the command writes one `struct timeval` through the pointer, which
    // points to one. It only reads the SSL.
    let set = unsafe {
        sys::SSL_ctrl(
            ssl.as_ptr(),
            CTRL_GET_TIMEOUT,
            0,
            (&raw mut left).cast::<c_void>(),
        )
    };
    (set == 1).then(|| {
        let micros = left.tv_sec.max(0) as u64 * 1_000_000 + left.tv_usec.max(0) as u64;
        Duration::from_micros(micros)
    })
}

/// Sends the outstanding flight again if its timer has run out.
///
/// # Errors
/// What OpenSSL reports after too many repetitions: the handshake has failed.
pub(super) fn handle_timeout<S: Read + Write>(stream: &mut SslStream<S>) -> Result<(), ErrorStack> {
    // SAFETY: the SSL is alive and, by `&mut`, not in use elsewhere; the command takes no pointer.
    let verdict = unsafe {
        sys::SSL_ctrl(
            stream.ssl().as_ptr(),
            CTRL_HANDLE_TIMEOUT,
            0,
            std::ptr::null_mut(),
        )
    };
    if verdict < 0 {
        Err(ErrorStack::get())
    } else {
        Ok(())
    }
}

/// First timeout of this session's flights, in microseconds.
static INITIAL_TIMER: OnceLock<Index<Ssl, c_uint>> = OnceLock::new();

/// Replaces OpenSSL's first timeout of one second; it doubles as usual.
///
/// # Errors
/// When OpenSSL has no memory for the setting.
pub(super) fn set_initial_timer(ssl: &mut SslRef, initial: Duration) -> Result<(), ErrorStack> {
    let index = match INITIAL_TIMER.get() {
        Some(index) => *index,
        None => *INITIAL_TIMER.get_or_init({
            let index = Ssl::new_ex_index()?;
            move || index
        }),
    };
    let micros = c_uint::try_from(initial.as_micros()).unwrap_or(MAX_TIMER_US);
    ssl.set_ex_data(index, micros.clamp(1, MAX_TIMER_US));
    // SAFETY: the SSL is alive; the callback is a plain function, valid for ever.
    unsafe { DTLS_set_timer_cb(ssl.as_ptr(), Some(next_timer)) };
    Ok(())
}

/// Called by OpenSSL with 0 for a new flight, else with the timeout that has just run out.
extern "C" fn next_timer(ssl: *mut sys::SSL, current: c_uint) -> c_uint {
    if current != 0 {
        return current.saturating_mul(2).min(MAX_TIMER_US);
    }
    // SAFETY: OpenSSL passes the SSL the timer belongs to; it outlives this call and the ex data
    // read here are written only by `set_initial_timer`, before any handshake.
    let ssl = unsafe { SslRef::from_ptr(ssl) };
    INITIAL_TIMER
        .get()
        .and_then(|index| ssl.ex_data(*index))
        .copied()
        .unwrap_or(1_000_000)
}
