//! Waiting for a socket, with a way for other threads to end the wait: a reader that waits for long
//! must learn that a renewal has begun, whose flights it is to repeat.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::super::socket::{Patience, Wait};

/// A counter of the kernel that can be waited for beside a socket.
#[derive(Debug)]
pub(super) struct Waker(Option<OwnedFd>);

impl Waker {
    /// Without a free descriptor there is one that wakes nobody: waits then last as long as their
    /// callers wish.
    pub(super) fn new() -> Self {
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            log::debug!("no event descriptor: {}", io::Error::last_os_error());
            return Self(None);
        }
        // SAFETY: eventfd just made this descriptor for us.
        Self(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Ends the wait under way, or the next one.
    pub(super) fn wake(&self) {
        let one = 1u64;
        if let Some(fd) = &self.0 {
            // SAFETY: pointer and length describe `one`. It fails only when a wake is pending anyway.
            unsafe { libc::write(fd.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
        }
    }

    fn clear(&self) {
        let mut count = 0u64;
        if let Some(fd) = &self.0 {
            // SAFETY: pointer and length describe `count`; the call does not block.
            unsafe { libc::read(fd.as_raw_fd(), (&raw mut count).cast(), size_of::<u64>()) };
        }
    }

    /// Waits until there is something to receive. A wake reads as [`Wait::Interrupted`].
    pub(super) fn wait_readable(&self, socket: RawFd, patience: impl Into<Patience>) -> Wait {
        let entry = |fd: RawFd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        // poll ignores negative descriptors.
        let own = self.0.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        let mut entries = [entry(socket), entry(own)];
        let ms = patience.into().poll_ms();
        // SAFETY: two valid entries.
        match unsafe { libc::poll(entries.as_mut_ptr(), 2, ms) } {
            0 => return Wait::TimedOut,
            1.. => {}
            _ => {
                let error = io::Error::last_os_error();
                return if error.kind() == io::ErrorKind::Interrupted {
                    Wait::Interrupted
                } else {
                    Wait::Failed(error)
                };
            }
        }
        if entries[1].revents != 0 {
            self.clear();
        }
        match entries[0].revents {
            0 => Wait::Interrupted,
            events if events & libc::POLLNVAL != 0 => {
                Wait::Failed(io::Error::from_raw_os_error(libc::EBADF))
            }
            _ => Wait::Ready,
        }
    }
}

#[cfg(test)]
#[cfg(not(miri))] // sockets
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::time::Duration;

    #[test]
    fn a_wake_ends_one_wait() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let waker = Waker::new();
        let wait = |timeout: Option<Duration>| waker.wait_readable(socket.as_raw_fd(), timeout);
        std::thread::scope(|scope| {
            scope.spawn(|| waker.wake());
            assert!(matches!(wait(None), Wait::Interrupted));
        });
        waker.wake();
        waker.wake();
        assert!(matches!(wait(None), Wait::Interrupted), "one for both");
        let soon = Some(Duration::from_millis(1));
        assert!(matches!(wait(soon), Wait::TimedOut));
        let address = socket.local_addr().expect("address");
        socket.send_to(b"datagram", address).expect("send");
        waker.wake();
        assert!(matches!(wait(None), Wait::Ready));
        assert!(matches!(wait(None), Wait::Ready), "still there");
    }

    #[test]
    fn bad_descriptors_are_failures() {
        let waker = Waker::new();
        assert!(matches!(
            waker.wait_readable(1_000_000, Patience::of_call(0)),
            Wait::Failed(_)
        ));
    }

    #[test]
    fn without_an_event_descriptor_the_socket_is_waited_for() {
        let waker = Waker(None);
        waker.wake();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let soon = Some(Duration::from_millis(1));
        assert!(matches!(
            waker.wait_readable(socket.as_raw_fd(), soon),
            Wait::TimedOut
        ));
    }
}
