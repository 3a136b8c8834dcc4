//! A read that does not wait, asked for past the C seam.
//!
//! The seam's shortest wait is a millisecond, since its 0 means "for ever". A caller that wants what is there and
//! nothing else runs the read of one millisecond inside [`immediately`]; the default port looks at
//! [`is_wanted`] and does not wait. A firmware's own port never looks, and waits its millisecond.

use std::cell::Cell;

thread_local! {
    static WANTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a call of the seam whose wait, on this thread, is to be none.
pub(crate) fn immediately<T>(read: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            WANTED.set(self.0);
        }
    }
    let _restore = Restore(WANTED.replace(true));
    read()
}

/// Whether the call under way on this thread is not to wait.
pub(crate) fn is_wanted() -> bool {
    WANTED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_wanted_inside_and_on_this_thread_only() {
        assert!(!is_wanted());
        immediately(|| {
            assert!(is_wanted());
            immediately(|| assert!(is_wanted()));
            assert!(is_wanted());
            let elsewhere = std::thread::spawn(is_wanted);
            assert!(!elsewhere.join().expect("thread"));
        });
        assert!(!is_wanted());
    }

    #[test]
    fn a_panic_withdraws_it() {
        let caught = std::panic::catch_unwind(|| {
            immediately(|| std::panic::resume_unwind(Box::new(())));
        });
        assert!(caught.is_err());
        assert!(!is_wanted());
    }
}
