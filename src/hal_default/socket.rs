//! Waiting, sending and receiving on a datagram socket.

use std::io;
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::Duration;

use super::clock::Moment;
use crate::hal::{immediate, milliseconds};

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

/// How long a wait may last: milliseconds, or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience(Option<u32>);

impl Patience {
    /// Of a call of the C seam with this time-out, where 0 stands for ever. None where the caller has asked for a read
    /// that does not wait.
    pub(super) fn of_call(timeout_ms: u32) -> Self {
        Self(if immediate::is_wanted() {
            Some(0)
        } else {
            Some(timeout_ms).filter(|ms| *ms != 0)
        })
    }

    /// Whether it is none at all.
    pub(super) fn is_none(self) -> bool {
        self.0 == Some(0)
    }

    /// The shorter of two.
    pub(super) fn or_less(self, other: Self) -> Self {
        Self(match (self.0, other.0) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        })
    }

    /// As poll has it.
    pub(super) fn poll_ms(self) -> libc::c_int {
        const FOR_EVER: libc::c_int = -1;
        self.0.map_or(FOR_EVER, |ms| {
            libc::c_int::try_from(ms).unwrap_or(libc::c_int::MAX)
        })
    }
}

/// `None` is for ever; otherwise rounded up, so that a wait never ends before its time.
impl From<Option<Duration>> for Patience {
    fn from(timeout: Option<Duration>) -> Self {
        Self(timeout.map(|timeout| u32::try_from(milliseconds(timeout)).unwrap_or(u32::MAX)))
    }
}

/// Waits until there is something to receive.
#[inline(always)] // small, and on the way of every report
pub(super) fn wait_readable(fd: RawFd, patience: impl Into<Patience>) -> Wait {
    wait(fd, libc::POLLIN, patience.into())
}

/// Waits until there is room to send.
pub(super) fn wait_writable(fd: RawFd, patience: impl Into<Patience>) -> Wait {
    wait(fd, libc::POLLOUT, patience.into())
}

#[inline]
fn wait(fd: RawFd, events: libc::c_short, patience: Patience) -> Wait {
    let mut entry = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one valid entry.
    match unsafe { libc::poll(&raw mut entry, 1, patience.poll_ms()) } {
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

/// A wait that began at one point in time, and when it is to end, if at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    begun: Moment,
    patience: Patience,
}

impl Deadline {
    /// At the end of this patience, from now on.
    pub(super) fn after(patience: Patience) -> Self {
        Self {
            begun: Moment::now(),
            patience,
        }
    }

    /// When the wait began.
    pub(super) fn begun(self) -> Moment {
        self.begun
    }

    /// The time left; `None` is for ever.
    #[inline(always)]
    pub(super) fn remaining(self) -> Option<Duration> {
        let left = u64::from(self.patience.0?).saturating_sub(Moment::now().ms_since(self.begun));
        Some(Duration::from_millis(left))
    }

    /// Whether the end has come.
    pub(super) fn is_past(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_and_bounded() {
        let poll_ms = |timeout: Option<Duration>| Patience::from(timeout).poll_ms();
        assert_eq!(poll_ms(None), -1);
        assert_eq!(poll_ms(Some(Duration::ZERO)), 0);
        assert_eq!(poll_ms(Some(Duration::from_nanos(1))), 1);
        assert_eq!(poll_ms(Some(Duration::from_micros(1500))), 2);
        assert_eq!(poll_ms(Some(Duration::MAX)), libc::c_int::MAX);
        assert_eq!(Patience::of_call(u32::MAX).poll_ms(), libc::c_int::MAX);
    }

    #[test]
    fn the_shorter_patience_counts() {
        let [never, short, long] = [0, 5, 7].map(Patience::of_call);
        for (one, other, shorter) in [
            (short, long, short),
            (long, short, short),
            (never, long, long),
            (long, never, long),
            (never, never, never),
        ] {
            assert_eq!(one.or_less(other), shorter);
        }
    }

    fn deadline_of(timeout_ms: u32) -> Deadline {
        Deadline::after(Patience::of_call(timeout_ms))
    }

    #[test]
    fn zero_is_never() {
        assert!(!deadline_of(0).is_past());
        assert_eq!(deadline_of(0).remaining(), None);
        assert!(deadline_of(60_000).remaining() > Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_read_that_is_not_to_wait_does_not() {
        immediate::immediately(|| {
            assert!(Patience::of_call(60_000).is_none());
            assert!(deadline_of(60_000).is_past());
        });
        assert!(!deadline_of(60_000).is_past());
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
        assert!(matches!(
            wait_readable(1_000_000, Patience(None)),
            Wait::Failed(_)
        ));
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
