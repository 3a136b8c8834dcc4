//! Waiting for SIGINT or SIGTERM.

use std::io;
use std::mem::MaybeUninit;

/// SIGINT and SIGTERM, kept from killing the process.
pub(crate) struct Signals(libc::sigset_t);

impl Signals {
    /// Blocks both signals in this thread and in those it starts from now on, so that they wait
    /// for [`wait`](Self::wait).
    pub(crate) fn block() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` initialises the set it is given (POSIX); the calls after it get the
        // initialised set and valid signal numbers.
        let (set, status) = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
            let set = set.assume_init();
            (
                set,
                libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()),
            )
        };
        if status == 0 {
            Ok(Signals(set))
        } else {
            Err(io::Error::from_raw_os_error(status))
        }
    }

    /// Waits for one of them and returns its name.
    pub(crate) fn wait(&self) -> io::Result<&'static str> {
        let mut signal = 0;
        // SAFETY: both pointers are to live values of the right type; the set is initialised.
        let status = unsafe { libc::sigwait(&raw const self.0, &raw mut signal) };
        match (status, signal) {
            (0, libc::SIGINT) => Ok("SIGINT"),
            (0, _) => Ok("SIGTERM"),
            (error, _) => Err(io::Error::from_raw_os_error(error)),
        }
    }
}
