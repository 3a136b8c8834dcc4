//! Keeping threads from being cancelled (`pthread_cancel`) inside Rust.
//!
//! C firmware may end a thread that is inside one of our functions. On glibc the thread's stack is
//! then unwound from the system call it waits in; frames of Rust do not allow that, and the process
//! aborts. Elsewhere the frames are skipped, and locks stay locked. So each entry point raises a
//! [`Shield`], and those that wait end with a [`point`].

use std::ffi::c_int;

/// `PTHREAD_CANCEL_DISABLE`, with glibc and with musl.
const DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

/// While it lives, a cancellation of this thread is kept pending.
pub(crate) struct Shield {
    before: c_int,
}

impl Shield {
    pub(crate) fn raise() -> Self {
        let mut before = DISABLE;
        // SAFETY: a valid place for the old state; concerns the calling thread only.
        unsafe { pthread_setcancelstate(DISABLE, &raw mut before) };
        Self { before }
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        // SAFETY: the state comes from the same function, and there is a place for the old one.
        unsafe { pthread_setcancelstate(self.before, &raw mut self.before) };
    }
}

/// Ends the thread if it has been cancelled and no shield is up: a cancellation point of POSIX.
///
/// To be called last in an `extern "C-unwind"` function, where nothing is left to be dropped:
/// forced unwinding may cross such frames (RFC 2945), and no others.
pub(crate) fn point() {
    // SAFETY: returns, or unwinds as described.
    unsafe { pthread_testcancel() }
}
