//! Waiting, sending and receiving on a datagram socket.

use std::io;
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::{Duration, Instant};

use crate::hal::immediate;

/// Result of a wait.
#[derive(Debug)]
pub(super) enum Wait {
    /// The descriptor is ready, or has an error to fetch.
    Ready,
    /// The time is over.
    TimedOut,
    /// A signal handler ran.
    Interrupted,
    /// The wait itself failed: a closed descriptor, no memory.
    Failed(io::Error),
}

/// Waits until there is something to receive; `None` waits for ever.
#[inline(always)] // small, and on the way of every report
pub(super) fn wait_readable(fd: RawFd, timeout: Option<Duration>) -> Wait {
    wait(fd, libc::POLLIN, timeout)
}

/// Waits until there is room to send; `None` waits for ever.
pub(super) fn wait_writable(fd: RawFd, timeout: Option<Duration>) -> Wait {
    wait(fd, libc::POLLOUT, timeout)
}

#[inline]
fn wait(fd: RawFd, events: libc::c_short, timeout: Option<Duration>) -> Wait {
    let mut entry = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one valid entry.
    match unsafe { libc::poll(&raw mut entry, 1, poll_ms(timeout)) } {
        0 => Wait::TimedOut,
        1 if entry.revents & libc::POLLNVAL != 0 => {
            Wait::Failed(io::Error::from_raw_os_error(libc::EBADF))
        }
        1 => Wait::Ready,
        _ => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Wait::Interrupted,
            error => Wait::Failed(error),
        },
    }
}

/// poll's time-out: rounded up, so that a wait never ends before its time, and bounded.
fn poll_ms(timeout: Option<Duration>) -> libc::c_int {
    let Some(timeout) = timeout else { return -1 };
    // as_nanos() would compute in 128 bits, for every wait.
    let rest = timeout.subsec_nanos().div_ceil(1_000_000);
    let seconds = timeout.as_secs().min(u32::MAX.into());
    libc::c_int::try_from(seconds * 1000 + u64::from(rest)).unwrap_or(libc::c_int::MAX)
}

/// Takes one datagram that is already there; `WouldBlock` when none is. What does not fit is cut
/// off.
#[inline(always)]
pub(super) fn receive_now(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: pointer and length describe `buffer`.
    let got = unsafe {
        libc::recv(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// Sends one datagram on a connected socket. May block while the local queue is full.
///
/// An error that an *earlier* datagram caused (ICMP port unreachable) is reported by the kernel on
/// the next call, which then has not sent anything; so the call is made once more, and only its own
/// failure counts.
///
/// A connected socket keeps the source address it was given first. When the device has another one now, as after
/// a modem has attached again, nothing leaves any more; so the socket is then [moved](move_source).
#[inline]
pub(super) fn send(fd: RawFd, datagram: &[u8]) -> io::Result<usize> {
    match send_once(fd, datagram) {
        Ok(sent) => Ok(sent),
        Err(error) => send_again(fd, datagram, error),
    }
}

#[inline(always)]
fn send_once(fd: RawFd, datagram: &[u8]) -> io::Result<usize> {
    // SAFETY: pointer and length describe `datagram`.
    let sent = unsafe {
        libc::send(
            fd,
            datagram.as_ptr().cast(),
            datagram.len(),
            libc::MSG_NOSIGNAL,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// What [`send`] does after a failure.
#[cold]
fn send_again(fd: RawFd, datagram: &[u8], mut error: io::Error) -> io::Result<usize> {
    let mut stale_error_possible = true;
    let mut may_move = true;
    loop {
        if error.kind() == io::ErrorKind::Interrupted {
            // Once more, whatever has been tried before.
        } else if reports_unreachable(&error) && stale_error_possible {
            stale_error_possible = false;
        } else if may_move && says_source_is_gone(&error) && move_source(fd).is_ok() {
            may_move = false;
        } else {
            return Err(error);
        }
        match send_once(fd, datagram) {
            Ok(sent) => return Ok(sent),
            Err(another) => error = another,
        }
    }
}

/// Whether a datagram may have been refused because the address it would come from is not the device's any more.
fn says_source_is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EADDRNOTAVAIL | libc::EINVAL)
    )
}

/// Connects a socket to its peer once more, by which it gets the source address that the routes give now. Without a
/// route nothing changes.
fn move_source(fd: RawFd) -> io::Result<()> {
    // SAFETY: our caller's descriptor, which is open during the call and which `ManuallyDrop` does not close.
    let socket = ManuallyDrop::new(unsafe { UdpSocket::from_raw_fd(fd) });
    let (peer, before) = (socket.peer_addr()?, socket.local_addr()?);
    // Tried out on another socket: to be connected anew, this one has to forget its peer first.
    let probe = socket_towards(peer)?;
    probe.connect(peer)?;
    if probe.local_addr()?.ip() == before.ip() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    forget_peer(fd)?;
    socket.connect(peer)?;
    log::info!("the device has another address now: going on from there");
    Ok(())
}

/// A socket of the address family of `peer`, with a port of the system's choice.
pub(super) fn socket_towards(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any)
}

/// Takes the peer from a connected socket, and with it the source address and port that were chosen for it.
pub(super) fn forget_peer(fd: RawFd) -> io::Result<()> {
    // SAFETY: all zeros is a valid sockaddr.
    let mut nobody: libc::sockaddr = unsafe { std::mem::zeroed() };
    nobody.sa_family = libc::sa_family_t::try_from(libc::AF_UNSPEC).unwrap_or_default();
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr>()).unwrap_or_default();
    // SAFETY: pointer and length describe `nobody`.
    if unsafe { libc::connect(fd, &raw const nobody, length) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether `error` says that datagrams do not reach the peer: an ICMP answer, or no route at the
/// moment. Both can pass.
pub(super) fn reports_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

/// The descriptor in a handle of the C seam. 0 is refused as the SDK's readers do: it is a failed
/// call's leftover, or the standard input, and never one of ours.
pub(super) fn descriptor(handle: isize) -> Option<RawFd> {
    RawFd::try_from(handle).ok().filter(|fd| *fd > 0)
}

/// Lends the socket behind a descriptor to std's functions, without closing it at the end.
pub(super) fn borrowed(fd: RawFd) -> ManuallyDrop<UdpSocket> {
    // SAFETY: the descriptor is used for calls on this socket only and never closed through this
    // value; a stale one gives EBADF.
    ManuallyDrop::new(unsafe { UdpSocket::from_raw_fd(fd) })
}

/// Moves a socket off the descriptors 0 to 2. A daemon that closed them would otherwise be given
/// one of them here: the seam refuses 0, and a stray `printf` would send the other two into the
/// network.
pub(super) fn off_standard_streams(socket: UdpSocket) -> io::Result<UdpSocket> {
    const FIRST_FREE: libc::c_int = 3;
    if socket.as_raw_fd() >= FIRST_FREE {
        return Ok(socket);
    }
    // SAFETY: duplicates an open descriptor; no memory is involved.
    let moved = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_FREE) };
    if moved < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fcntl just made this descriptor for us.
    Ok(unsafe { UdpSocket::from_raw_fd(moved) })
}

/// How long a call of the C seam with this time-out may wait; `None` is for ever, for which 0 stands there. Not at
/// all where the caller has asked for a read that does not wait.
pub(super) fn patience(timeout_ms: u32) -> Option<Duration> {
    if immediate::is_wanted() {
        return Some(Duration::ZERO);
    }
    (timeout_ms != 0).then(|| Duration::from_millis(timeout_ms.into()))
}

/// A point in time to wait for, or never.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// At the end of this [`patience`], from now on.
    pub(super) fn after(patience: Option<Duration>) -> Self {
        Self(patience.map(|wait| Instant::now() + wait))
    }

    /// At the end of the [`patience`] for `timeout_ms`, from now on.
    #[inline(always)]
    pub(super) fn after_ms(timeout_ms: u32) -> Self {
        Self::after(patience(timeout_ms))
    }

    /// The time left; `None` is for ever.
    #[inline(always)]
    pub(super) fn remaining(self) -> Option<Duration> {
        self.0
            .map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether the point has passed.
    pub(super) fn is_past(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_and_bounded() {
        assert_eq!(poll_ms(None), -1);
        assert_eq!(poll_ms(Some(Duration::ZERO)), 0);
        assert_eq!(poll_ms(Some(Duration::from_nanos(1))), 1);
        assert_eq!(poll_ms(Some(Duration::from_micros(1500))), 2);
        assert_eq!(poll_ms(Some(Duration::MAX)), libc::c_int::MAX);
    }

    #[test]
    fn zero_is_never() {
        assert!(!Deadline::after_ms(0).is_past());
        assert_eq!(Deadline::after_ms(0).remaining(), None);
        assert!(Deadline::after_ms(60_000).remaining() > Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_read_that_is_not_to_wait_does_not() {
        immediate::immediately(|| assert!(Deadline::after_ms(60_000).is_past()));
        assert!(!Deadline::after_ms(60_000).is_past());
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn a_socket_whose_address_is_still_the_devices_stays_as_it_is() {
        let peer = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket
            .connect(peer.local_addr().expect("address"))
            .expect("connect");
        let before = socket.local_addr().expect("address");
        assert!(move_source(socket.as_raw_fd()).is_err());
        assert_eq!(socket.local_addr().expect("address"), before);
        assert_eq!(send(socket.as_raw_fd(), b"still there").expect("sent"), 11);
        for (number, moved) in [(libc::ENETUNREACH, true), (libc::EMSGSIZE, false)] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(says_source_is_gone(&error), moved);
        }
    }

    #[test]
    fn handles_that_are_no_descriptor_of_ours_are_refused() {
        for handle in [-1, 0, isize::MIN, isize::MAX] {
            assert_eq!(descriptor(handle), None, "{handle}");
        }
        assert_eq!(descriptor(7), Some(7));
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn waiting_on_a_closed_descriptor_fails() {
        let fd = UdpSocket::bind("127.0.0.1:0").expect("bind").as_raw_fd();
        // The number may be reused by another test's socket: this one can not.
        assert!(fd < 1_000_000);
        assert!(matches!(wait_readable(1_000_000, None), Wait::Failed(_)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn an_error_left_by_an_earlier_datagram_does_not_swallow_the_next() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = server.local_addr().expect("address");
        let client = UdpSocket::bind("127.0.0.1:0").expect("bind");
        client.connect(address).expect("connect");
        drop(server);
        assert_eq!(send(client.as_raw_fd(), b"lost").expect("first"), 4);

        // On loopback the ICMP answer is queued before send returns.
        let server = UdpSocket::bind(address).expect("bind again");
        server
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("timeout");
        assert_eq!(send(client.as_raw_fd(), b"kept").expect("second"), 4);
        let mut buffer = [0u8; 8];
        assert_eq!(server.recv(&mut buffer).expect("receive"), 4);
        assert_eq!(&buffer[..4], b"kept");
    }
}
