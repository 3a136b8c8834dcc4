//! Keeping threads from being cancelled (`pthread_cancel`) inside Rust.
//!
//! C firmware may end a thread that is inside one of our functions. On glibc the thread's stack is
//! then unwound from the system call it waits in; frames of Rust do not allow that, and the process
//! aborts. Elsewhere the frames are skipped, and locks stay locked. So each entry point raises a
//! [`Shield`], and those that wait end with a [`point`].
//!
//! What leaves a callback by other ways, a C++ exception or `pthread_exit`, is not kept pending: it
//! ends the process, as the documentation of the callbacks says. And a thread of the type
//! `PTHREAD_CANCEL_ASYNCHRONOUS` may not call this library at all, like any function that POSIX
//! does not name async-cancel-safe.

use std::cell::Cell;
use std::ffi::c_int;
use std::marker::PhantomData;

/// `PTHREAD_CANCEL_DISABLE`, with glibc and with musl.
const DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

thread_local! {
    /// Shields up in this thread. The client's calls nest: only the outermost pays for the C
    /// library's calls.
    static UP: Cell<usize> = const { Cell::new(0) };
}

/// While it lives, a cancellation of this thread is kept pending.
pub(crate) struct Shield {
    /// What to go back to; `None` for all but the outermost.
    before: Option<c_int>,
    /// Belongs to the thread that raised it.
    not_send: PhantomData<*const ()>,
}

impl Shield {
    #[inline(always)]
    pub(crate) fn raise() -> Self {
        let outermost = UP.with(|up| up.replace(up.get() + 1)) == 0;
        Self {
            before: outermost.then(|| set_state(DISABLE)),
            not_send: PhantomData,
        }
    }
}

impl Drop for Shield {
    #[inline(always)]
    fn drop(&mut self) {
        UP.with(|up| up.set(up.get() - 1));
        if let Some(before) = self.before {
            set_state(before);
        }
    }
}

/// Whether this thread is inside one of our functions: in a callback, if C asks.
pub(crate) fn is_kept_pending() -> bool {
    UP.get() > 0
}

/// Sets the calling thread's state and gives the one before.
#[inline(always)]
fn set_state(state: c_int) -> c_int {
    let mut before = DISABLE;
    // SAFETY: a state that is one, and a valid place for the old one.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    before
}

/// Ends the thread if it has been cancelled and no shield is up: a cancellation point of POSIX.
///
/// To be called last in an `extern "C-unwind"` function, where nothing is left to be dropped:
/// forced unwinding may cross such frames (RFC 2945), and no others.
pub(crate) fn point() {
    // SAFETY: returns, or unwinds as described.
    unsafe { pthread_testcancel() }
}

#[cfg(test)]
#[cfg(not(miri))] // calls the C library
mod tests {
    use super::*;

    const ENABLE: c_int = 0;

    fn state() -> c_int {
        let state = set_state(DISABLE);
        set_state(state);
        state
    }

    #[test]
    fn the_outermost_shield_brings_back_what_was() {
        for before in [ENABLE, DISABLE] {
            set_state(before);
            {
                let _outer = Shield::raise();
                assert_eq!(state(), DISABLE);
                drop(Shield::raise());
                assert_eq!(state(), DISABLE);
                assert!(is_kept_pending());
            }
            assert_eq!(state(), before);
            assert!(!is_kept_pending());
        }
        set_state(ENABLE);
    }
}
