//! `HAL_UDP_*` of a connected socket.

use std::ffi::{c_char, c_int, c_uint, c_ushort};
use std::io;
use std::os::fd::IntoRawFd;
use std::time::{Duration, Instant};

use super::boundary::{bytes, bytes_mut, guard, guard_in_place, text};
use super::connect::connect;
use super::socket::{Wait, descriptor, patience, receive_now, send, wait_readable};
use crate::hal::opened;

/// A bad argument, or an error of the socket.
pub(super) const FAILED: c_int = -1;
/// Nothing came in time.
pub(super) const TIMED_OUT: c_int = -2;
/// A signal ended the wait.
pub(super) const INTERRUPTED: c_int = -3;
/// The wait itself failed.
pub(super) const WAIT_FAILED: c_int = -4;

/// A byte count as the seam returns it.
pub(super) fn count(bytes: usize) -> c_int {
    c_int::try_from(bytes).unwrap_or(FAILED)
}

/// Waits for a datagram and takes it with `take`, or gives one of the codes above.
pub(super) fn receive_with(
    fd: c_int,
    timeout_ms: u32,
    mut take: impl FnMut() -> io::Result<usize>,
) -> c_int {
    let patience = patience(timeout_ms);
    let begun = Instant::now();
    let mut wait = patience;
    loop {
        match wait_readable(fd, wait) {
            Wait::Ready => {}
            Wait::TimedOut => return TIMED_OUT,
            Wait::Interrupted => return INTERRUPTED,
            Wait::Failed(error) => return wait_failed(&error),
        }
        match take() {
            // An empty datagram carries nothing, and a readiness may prove false (a bad checksum):
            // wait on, but a stream of either must not outlast the deadline.
            Ok(0) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(length) => return count(length),
            Err(error) => return take_failed(&error),
        }
        wait = patience.map(|patience| patience.saturating_sub(begun.elapsed()));
        if wait == Some(Duration::ZERO) {
            return TIMED_OUT;
        }
    }
}

#[cold]
fn wait_failed(error: &io::Error) -> c_int {
    log::error!("waiting on the UDP socket failed: {error}");
    WAIT_FAILED
}

#[cold]
fn send_failed(len: c_uint, error: &io::Error) -> c_int {
    log::warn!("sending {len} bytes over UDP failed: {error}");
    FAILED
}

#[cold]
fn take_failed(error: &io::Error) -> c_int {
    if error.kind() == io::ErrorKind::Interrupted {
        return INTERRUPTED;
    }
    log::debug!("receiving from the UDP socket failed: {error}");
    FAILED
}

/// `HAL_UDP_create`: a connected socket, or -1.
///
/// # Safety
/// `host` is NULL or NUL-terminated text.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_create(host: *const c_char, port: c_ushort) -> isize {
    guard("HAL_UDP_create", -1, || {
        // SAFETY: promised by the caller.
        let Some(host) = (unsafe { text(host) }) else {
            log::error!("HAL_UDP_create: the host is NULL or not UTF-8");
            return -1;
        };
        match connect(host, port) {
            Ok(socket) => {
                let fd = socket.into_raw_fd();
                let handle = fd as isize;
                opened::tell(handle, fd);
                handle
            }
            Err(failure) => {
                log::error!("UDP to {host}:{port} failed: {failure}");
                -1
            }
        }
    })
}

/// `HAL_UDP_close`: 0, or -1 for a handle that is no open socket.
#[unsafe(no_mangle)]
extern "C" fn iotx_hal_default_udp_close(handle: isize) -> c_int {
    guard("HAL_UDP_close", FAILED, || {
        let Some(fd) = descriptor(handle) else {
            return FAILED;
        };
        // SAFETY: closes a descriptor the caller owns by the contract of the seam; a stale one
        // gives EBADF.
        if unsafe { libc::close(fd) } == 0 {
            0
        } else {
            FAILED
        }
    })
}

/// `HAL_UDP_write`: bytes sent, or -1.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_write(
    handle: isize,
    data: *const u8,
    len: c_uint,
) -> c_int {
    guard_in_place("HAL_UDP_write", FAILED, || {
        // SAFETY: promised by the caller.
        let (Some(fd), Some(datagram)) = (descriptor(handle), unsafe { bytes(data, len) }) else {
            return FAILED;
        };
        match send(fd, datagram) {
            Ok(sent) => count(sent),
            Err(error) => send_failed(len, &error),
        }
    })
}

/// `HAL_UDP_readTimeout`: bytes received or one of the codes above; a time-out of 0 waits for ever.
///
/// # Safety
/// `data` is NULL or writable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_read(
    handle: isize,
    data: *mut u8,
    len: c_uint,
    timeout_ms: c_uint,
) -> c_int {
    guard_in_place("HAL_UDP_readTimeout", FAILED, || {
        // SAFETY: promised by the caller.
        let (Some(fd), Some(buffer)) = (descriptor(handle), unsafe { bytes_mut(data, len) }) else {
            return FAILED;
        };
        receive_with(fd, timeout_ms, || receive_now(fd, buffer))
    })
}

#[cfg(test)]
#[cfg(not(miri))] // every test needs sockets
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    const PATIENCE: c_uint = 10_000;

    fn server(address: &str) -> (UdpSocket, u16) {
        let socket = UdpSocket::bind(address).expect("bind");
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("timeout");
        let port = socket.local_addr().expect("address").port();
        (socket, port)
    }

    fn create(host: &std::ffi::CStr, port: u16) -> isize {
        // SAFETY: `host` is NUL-terminated.
        unsafe { iotx_hal_default_udp_create(host.as_ptr(), port) }
    }

    fn write(handle: isize, data: &[u8]) -> c_int {
        // SAFETY: pointer and length describe `data`.
        unsafe { iotx_hal_default_udp_write(handle, data.as_ptr(), data.len() as c_uint) }
    }

    fn read(handle: isize, buffer: &mut [u8], timeout_ms: c_uint) -> c_int {
        // SAFETY: pointer and length describe `buffer`.
        unsafe {
            iotx_hal_default_udp_read(
                handle,
                buffer.as_mut_ptr(),
                buffer.len() as c_uint,
                timeout_ms,
            )
        }
    }

    fn echo_over(host: &std::ffi::CStr, address: &str) {
        let (server, port) = server(address);
        let handle = create(host, port);
        assert!(handle > 2, "{host:?}: {handle}");
        assert_eq!(write(handle, b"ping"), 4);
        let mut buffer = [0u8; 16];
        let (length, from) = server.recv_from(&mut buffer).expect("receive");
        server.send_to(&buffer[..length], from).expect("answer");
        assert_eq!(read(handle, &mut buffer, PATIENCE), 4);
        assert_eq!(iotx_hal_default_udp_close(handle), 0);
    }

    #[test]
    fn both_families_and_names_work() {
        echo_over(c"127.0.0.1", "127.0.0.1:0");
        echo_over(c"localhost", "localhost:0");
        echo_over(c"::1", "[::1]:0");
        echo_over(c"[::1]", "[::1]:0");
    }

    #[test]
    fn hosts_without_an_address_give_minus_one() {
        assert_eq!(create(c"", 5683), -1);
        assert_eq!(create(c"no such host", 5683), -1);
        assert_eq!(create(c"\xff\xfe", 5683), -1);
        // SAFETY: NULL is allowed.
        let handle = unsafe { iotx_hal_default_udp_create(std::ptr::null(), 5683) };
        assert_eq!(handle, -1);
    }

    #[test]
    fn bad_handles_and_null_give_minus_one() {
        for handle in [-1, 0, isize::MAX] {
            assert_eq!(write(handle, b"x"), FAILED);
            assert_eq!(read(handle, &mut [0; 4], 1), FAILED);
            assert_eq!(iotx_hal_default_udp_close(handle), FAILED);
        }
        let (_server, port) = server("127.0.0.1:0");
        let handle = create(c"127.0.0.1", port);
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(
                iotx_hal_default_udp_write(handle, std::ptr::null(), 4),
                FAILED
            );
            assert_eq!(
                iotx_hal_default_udp_read(handle, std::ptr::null_mut(), 4, 1),
                FAILED
            );
        }
        assert_eq!(read(handle, &mut [], 1), FAILED);
        assert_eq!(iotx_hal_default_udp_close(handle), 0);
    }

    #[test]
    fn nothing_in_time_gives_minus_two() {
        let (_server, port) = server("127.0.0.1:0");
        let handle = create(c"127.0.0.1", port);
        assert_eq!(read(handle, &mut [0; 4], 1), TIMED_OUT);
        assert_eq!(iotx_hal_default_udp_close(handle), 0);
    }

    #[test]
    fn a_refusal_gives_minus_one() {
        let (server, port) = server("127.0.0.1:0");
        let handle = create(c"127.0.0.1", port);
        drop(server);
        assert_eq!(write(handle, b"x"), 1);
        assert_eq!(read(handle, &mut [0; 4], PATIENCE), FAILED);
        assert_eq!(iotx_hal_default_udp_close(handle), 0);
    }

    #[test]
    fn a_datagram_too_long_for_udp_gives_minus_one() {
        let (_server, port) = server("127.0.0.1:0");
        let handle = create(c"127.0.0.1", port);
        assert_eq!(write(handle, &vec![0; 70_000]), FAILED);
        assert_eq!(iotx_hal_default_udp_close(handle), 0);
    }

    #[test]
    fn empty_datagrams_are_passed_over() {
        let (server, port) = server("127.0.0.1:0");
        let handle = create(c"127.0.0.1", port);
        assert_eq!(write(handle, b"x"), 1);
        let (_, from) = server.recv_from(&mut [0; 4]).expect("receive");
        server.send_to(b"", from).expect("empty");
        server.send_to(b"full", from).expect("full");
        assert_eq!(read(handle, &mut [0; 8], PATIENCE), 4);
        server.send_to(b"", from).expect("empty");
        assert_eq!(read(handle, &mut [0; 8], 1), TIMED_OUT);
        assert_eq!(iotx_hal_default_udp_close(handle), 0);
    }

    #[test]
    fn a_socket_that_is_always_ready_with_nothing_does_not_outlast_the_deadline() {
        let (socket, port) = server("127.0.0.1:0");
        socket
            .send_to(b"never taken", ("127.0.0.1", port))
            .expect("send");
        assert_eq!(receive_with(socket.as_raw_fd(), 20, || Ok(0)), TIMED_OUT);
    }

    #[test]
    fn failures_of_the_wait_and_of_the_read_have_their_own_codes() {
        assert_eq!(receive_with(1_000_000, 5, || Ok(1)), WAIT_FAILED);
        let (server, port) = server("127.0.0.1:0");
        let handle = create(c"127.0.0.1", port);
        assert_eq!(write(handle, b"x"), 1);
        let (_, from) = server.recv_from(&mut [0; 4]).expect("receive");
        server.send_to(b"ready", from).expect("send");
        let fd = descriptor(handle).expect("descriptor");
        let interrupted = || Err(io::ErrorKind::Interrupted.into());
        assert_eq!(receive_with(fd, PATIENCE, interrupted), INTERRUPTED);
        let broken = || Err(io::ErrorKind::OutOfMemory.into());
        assert_eq!(receive_with(fd, PATIENCE, broken), FAILED);
        assert_eq!(iotx_hal_default_udp_close(handle), 0);
    }
}
