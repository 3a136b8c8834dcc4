//! Waiting at thousands of descriptors: epoll, level-triggered.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// So many events are taken at once.
const BATCH: usize = 512;

pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: epoll_create1 just made this descriptor for us.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; BATCH],
        })
    }

    /// From now on tells `number` when `fd` is readable. A descriptor that is closed is forgotten by itself.
    pub(crate) fn watch(&self, fd: RawFd, number: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: number as u64,
        };
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: the pointer is to a struct of ours that outlives the call.
        let added = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) };
        if added == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Waits for at most `timeout`; hands the number of each descriptor that is readable to `ready`.
    pub(crate) fn wait(&mut self, timeout: Duration, mut ready: impl FnMut(usize)) {
        let ms = timeout.as_nanos().div_ceil(1_000_000);
        let ms = libc::c_int::try_from(ms).unwrap_or(libc::c_int::MAX);
        let (pointer, room) = (self.events.as_mut_ptr(), BATCH as libc::c_int);
        // SAFETY: pointer and length describe `events`, which outlives the call.
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), pointer, room, ms) };
        // Negative: a signal; the caller comes back anyhow.
        for event in self.events.iter().take(usize::try_from(count).unwrap_or(0)) {
            ready(event.u64 as usize);
        }
    }
}
