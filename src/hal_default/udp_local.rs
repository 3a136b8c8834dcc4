//! The `HAL_UDP_*` functions that releases 2.21 to 3.2.0 added for local discovery: unconnected
//! sockets, multicast, explicit peers. The cloud client uses none of them; firmware may. IPv4 only,
//! as their address type is.

use std::ffi::{CString, c_char, c_int, c_uint, c_ushort};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use super::boundary::{bytes, bytes_mut, guard, text};
use super::ipv4::{NetworkAddr, bind, receive_from_now, resolve_v4};
use super::socket::{
    Patience, Wait, borrowed, descriptor, off_standard_streams, send, wait_writable,
};
use super::udp::{FAILED, INTERRUPTED, TIMED_OUT, WAIT_FAILED, count, receive_with};

/// An IPv4 socket; bound to `host`:`port` unless the port is 0.
fn create_unconnected(host: Option<&str>, port: u16) -> io::Result<UdpSocket> {
    // SAFETY: creates a descriptor; no memory is involved.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made for us.
    let socket = off_standard_streams(UdpSocket::from(unsafe { OwnedFd::from_raw_fd(fd) }))?;
    if port == 0 {
        return Ok(socket);
    }
    let fd = socket.as_raw_fd();
    enable(fd, libc::SO_REUSEADDR)?;
    enable(fd, libc::SO_BROADCAST)?;
    bind(fd, resolve_v4(host.unwrap_or("0.0.0.0"), port)?)?;
    Ok(socket)
}

fn enable(fd: RawFd, option: c_int) -> io::Result<()> {
    set_option(fd, libc::SOL_SOCKET, option, &1i32.to_ne_bytes())
}

fn set_option(fd: RawFd, level: c_int, option: c_int, value: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: pointer and length describe `value`.
    let result = unsafe { libc::setsockopt(fd, level, option, value.as_ptr().cast(), length) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Waits for room and sends with `transmit`, or gives a code of `HAL_UDP_readTimeout`.
fn send_within(fd: RawFd, timeout_ms: u32, transmit: impl FnOnce() -> io::Result<usize>) -> c_int {
    match wait_writable(fd, Patience::of_call(timeout_ms)) {
        Wait::Ready => {}
        Wait::TimedOut => return TIMED_OUT,
        Wait::Interrupted => return INTERRUPTED,
        Wait::Failed(_) => return WAIT_FAILED,
    }
    match transmit() {
        Ok(sent) => count(sent),
        Err(error) => {
            log::warn!("sending over UDP failed: {error}");
            FAILED
        }
    }
}

/// 0, or -1 after one line about why.
fn report(what: &str, result: io::Result<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            log::error!("{what} failed: {error}");
            FAILED
        }
    }
}

/// `HAL_UDP_create_without_connect`: a socket bound to `host`:`port` (NULL is any address), or an
/// unbound one for port 0; -1 on failure.
///
/// # Safety
/// `host` is NULL or NUL-terminated text.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_create_unconnected(
    host: *const c_char,
    port: c_ushort,
) -> isize {
    guard("HAL_UDP_create_without_connect", -1, || {
        // SAFETY: promised by the caller.
        let name = unsafe { text(host) };
        if name.is_none() && !host.is_null() {
            log::error!("HAL_UDP_create_without_connect: the host is not UTF-8");
            return -1;
        }
        match create_unconnected(name, port) {
            Ok(socket) => socket.into_raw_fd() as isize,
            Err(error) => {
                let name = name.unwrap_or("any address");
                log::error!("binding a UDP socket to {name}, port {port}, failed: {error}");
                -1
            }
        }
    })
}

/// `HAL_UDP_connect`: 0 or -1.
///
/// # Safety
/// `host` is NULL or NUL-terminated text.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_connect(
    handle: isize,
    host: *const c_char,
    port: c_ushort,
) -> c_int {
    guard("HAL_UDP_connect", FAILED, || {
        // SAFETY: promised by the caller.
        let (Some(fd), Some(host)) = (descriptor(handle), unsafe { text(host) }) else {
            return FAILED;
        };
        let connected = resolve_v4(host, port).and_then(|peer| borrowed(fd).connect(peer));
        report("connecting the UDP socket", connected)
    })
}

/// `HAL_UDP_send`: bytes sent, or a code of `HAL_UDP_readTimeout`; a time-out of 0 waits for ever.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_send_within(
    handle: isize,
    data: *const u8,
    len: c_uint,
    timeout_ms: c_uint,
) -> c_int {
    guard("HAL_UDP_send", FAILED, || {
        // SAFETY: promised by the caller.
        let (Some(fd), Some(datagram)) = (descriptor(handle), unsafe { bytes(data, len) }) else {
            return FAILED;
        };
        send_within(fd, timeout_ms, || send(fd, datagram))
    })
}

/// `HAL_UDP_sendto`: as `HAL_UDP_send`, to `remote`.
///
/// # Safety
/// `remote` is NULL or valid; `data` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_send_to(
    handle: isize,
    remote: *const NetworkAddr,
    data: *const u8,
    len: c_uint,
    timeout_ms: c_uint,
) -> c_int {
    guard("HAL_UDP_sendto", FAILED, || {
        // SAFETY: promised by the caller.
        let (remote, datagram) = unsafe { (remote.as_ref(), bytes(data, len)) };
        let remote = remote.and_then(NetworkAddr::to_socket_addr);
        let (Some(fd), Some(remote), Some(datagram)) = (descriptor(handle), remote, datagram)
        else {
            return FAILED;
        };
        send_within(fd, timeout_ms, || borrowed(fd).send_to(datagram, remote))
    })
}

/// `HAL_UDP_recvfrom`: as `HAL_UDP_readTimeout`; the sender's address goes to `remote`.
///
/// # Safety
/// `remote` is NULL or writable; `data` is NULL or writable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_receive_from(
    handle: isize,
    remote: *mut NetworkAddr,
    data: *mut u8,
    len: c_uint,
    timeout_ms: c_uint,
) -> c_int {
    guard("HAL_UDP_recvfrom", FAILED, || {
        // SAFETY: promised by the caller.
        let buffer = unsafe { bytes_mut(data, len) };
        let (Some(fd), Some(buffer)) = (descriptor(handle), buffer) else {
            return FAILED;
        };
        if remote.is_null() {
            return FAILED;
        }
        let mut sender = None;
        let received = receive_with(fd, timeout_ms, || {
            let (length, from) = receive_from_now(fd, buffer)?;
            sender = Some(NetworkAddr::from(from));
            Ok(length)
        });
        if received > 0 {
            let Some(sender) = sender else { return FAILED };
            // SAFETY: not NULL, and writable by the caller's promise.
            unsafe { remote.write(sender) };
        }
        received
    })
}

/// `HAL_UDP_joinmulticast`: 0 or -1.
///
/// # Safety
/// `group` is NULL or NUL-terminated text.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_join_multicast(
    handle: isize,
    group: *const c_char,
) -> c_int {
    guard("HAL_UDP_joinmulticast", FAILED, || {
        // SAFETY: promised by the caller.
        let group = unsafe { text(group) }.and_then(|group| group.parse::<Ipv4Addr>().ok());
        let (Some(fd), Some(group)) = (descriptor(handle), group) else {
            return FAILED;
        };
        let joined = borrowed(fd).join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED);
        report("joining the multicast group", joined)
    })
}

/// `HAL_UDP_bindtodevice`: 0 or -1.
///
/// # Safety
/// `interface_name` is NULL or NUL-terminated text.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_udp_bind_to_device(
    handle: isize,
    interface_name: *const c_char,
) -> c_int {
    guard("HAL_UDP_bindtodevice", FAILED, || {
        // SAFETY: promised by the caller.
        let name = unsafe { text(interface_name) }.and_then(|name| CString::new(name).ok());
        let (Some(fd), Some(name)) = (descriptor(handle), name) else {
            return FAILED;
        };
        let bound = set_option(
            fd,
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            name.as_bytes_with_nul(),
        );
        report("binding the UDP socket to an interface", bound)
    })
}

#[cfg(test)]
#[cfg(not(miri))] // every test needs sockets
mod tests {
    use super::*;
    use std::net::SocketAddrV4;

    const PATIENCE: c_uint = 10_000;

    /// A socket of the seam under test, closed at the end.
    struct Handle(isize);

    impl Handle {
        fn unbound() -> Self {
            // SAFETY: NULL is allowed.
            let handle = unsafe { iotx_hal_default_udp_create_unconnected(std::ptr::null(), 0) };
            assert!(handle > 2, "{handle}");
            Self(handle)
        }

        fn local_port(&self) -> u16 {
            borrowed(self.0 as RawFd)
                .local_addr()
                .expect("address")
                .port()
        }

        fn connect(&self, host: &std::ffi::CStr, port: u16) -> c_int {
            // SAFETY: `host` is NUL-terminated.
            unsafe { iotx_hal_default_udp_connect(self.0, host.as_ptr(), port) }
        }

        fn send_to(&self, remote: &NetworkAddr, data: &[u8]) -> c_int {
            let length = data.len() as c_uint;
            // SAFETY: the pointers and the length describe `remote` and `data`.
            unsafe { iotx_hal_default_udp_send_to(self.0, remote, data.as_ptr(), length, PATIENCE) }
        }

        fn receive_from(&self, buffer: &mut [u8], timeout_ms: c_uint) -> (c_int, NetworkAddr) {
            let mut remote = NetworkAddr {
                addr: [0; 16],
                port: 0,
            };
            let length = buffer.len() as c_uint;
            // SAFETY: the pointers and the length describe `remote` and `buffer`.
            let received = unsafe {
                iotx_hal_default_udp_receive_from(
                    self.0,
                    &raw mut remote,
                    buffer.as_mut_ptr(),
                    length,
                    timeout_ms,
                )
            };
            (received, remote)
        }
    }

    impl Drop for Handle {
        fn drop(&mut self) {
            // SAFETY: closes the descriptor made for this value.
            assert_eq!(unsafe { libc::close(self.0 as RawFd) }, 0);
        }
    }

    fn loopback(port: u16) -> NetworkAddr {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into()
    }

    #[test]
    fn an_unconnected_socket_sends_and_tells_the_sender() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let port = server.local_addr().expect("address").port();
        let handle = Handle::unbound();
        assert_eq!(handle.send_to(&loopback(port), b"who is there"), 12);
        let mut buffer = [0u8; 32];
        let (_, client) = server.recv_from(&mut buffer).expect("receive");
        assert_eq!(client.port(), handle.local_port());
        server.send_to(b"me", client).expect("answer");
        let (received, sender) = handle.receive_from(&mut buffer, PATIENCE);
        assert_eq!(received, 2);
        assert_eq!(sender.to_socket_addr(), loopback(port).to_socket_addr());
        assert_eq!(handle.receive_from(&mut buffer, 1).0, TIMED_OUT);
    }

    #[test]
    fn a_port_binds_the_socket() {
        let free = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let port = free.local_addr().expect("address").port();
        drop(free);
        // SAFETY: NUL-terminated text.
        let handle =
            Handle(unsafe { iotx_hal_default_udp_create_unconnected(c"127.0.0.1".as_ptr(), port) });
        assert_eq!(handle.local_port(), port);
    }

    #[test]
    fn an_address_of_another_host_cannot_be_bound() {
        // SAFETY: NUL-terminated text.
        let handle =
            unsafe { iotx_hal_default_udp_create_unconnected(c"192.0.2.1".as_ptr(), 5683) };
        assert_eq!(handle, -1);
    }

    #[test]
    fn connecting_later_works_once_the_name_resolves() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let port = server.local_addr().expect("address").port();
        let handle = Handle::unbound();
        assert_eq!(handle.connect(c"two words", port), FAILED);
        assert_eq!(handle.connect(c"127.0.0.1", port), 0);
        // SAFETY: pointer and length describe the literal.
        let sent =
            unsafe { iotx_hal_default_udp_send_within(handle.0, b"hi".as_ptr(), 2, PATIENCE) };
        assert_eq!(sent, 2);
        assert_eq!(server.recv(&mut [0; 8]).expect("receive"), 2);
    }

    #[test]
    fn null_and_bad_handles_give_minus_one() {
        let handle = Handle::unbound();
        let mut buffer = [0u8; 4];
        // SAFETY: NULL and foreign handles are allowed everywhere.
        unsafe {
            let null = std::ptr::null();
            let data = buffer.as_mut_ptr();
            assert_eq!(iotx_hal_default_udp_connect(handle.0, null, 1), FAILED);
            assert_eq!(
                iotx_hal_default_udp_connect(-1, c"127.0.0.1".as_ptr(), 1),
                FAILED
            );
            assert_eq!(iotx_hal_default_udp_send_within(-1, data, 4, 1), FAILED);
            assert_eq!(
                iotx_hal_default_udp_send_within(handle.0, null.cast(), 4, 1),
                FAILED
            );
            assert_eq!(
                iotx_hal_default_udp_send_to(handle.0, null.cast(), data, 4, 1),
                FAILED
            );
            let nobody = std::ptr::null_mut();
            assert_eq!(
                iotx_hal_default_udp_receive_from(handle.0, nobody, data, 4, 1),
                FAILED
            );
            assert_eq!(iotx_hal_default_udp_join_multicast(handle.0, null), FAILED);
            assert_eq!(iotx_hal_default_udp_bind_to_device(handle.0, null), FAILED);
        }
    }

    #[test]
    fn multicast_groups_must_be_multicast_addresses() {
        let handle = Handle::unbound();
        let join = |group: &std::ffi::CStr| {
            // SAFETY: NUL-terminated text.
            unsafe { iotx_hal_default_udp_join_multicast(handle.0, group.as_ptr()) }
        };
        assert_eq!(join(c"127.0.0.1"), FAILED);
        assert_eq!(join(c"coap"), FAILED);
    }

    #[test]
    fn an_interface_that_does_not_exist_cannot_be_bound_to() {
        let handle = Handle::unbound();
        let bind = |name: &std::ffi::CStr| {
            // SAFETY: NUL-terminated text.
            unsafe { iotx_hal_default_udp_bind_to_device(handle.0, name.as_ptr()) }
        };
        assert_eq!(bind(c"no-such-if0"), FAILED);
    }

    #[test]
    fn failures_of_the_wait_and_of_the_send_have_their_own_codes() {
        let handle = Handle::unbound();
        let transmit = || Err(io::ErrorKind::OutOfMemory.into());
        assert_eq!(send_within(handle.0 as RawFd, PATIENCE, transmit), FAILED);
        assert_eq!(send_within(1_000_000, PATIENCE, || Ok(1)), WAIT_FAILED);
    }
}
