//! The descriptor behind a connection of the default port, handed past the C seam.
//!
//! A handle of the seam is a number or a pointer that only its port understands; a firmware's own need not be
//! a file descriptor, even if it looks like one. So the default port says so itself, while it opens a
//! connection: [`during`] runs the call that opens, [`tell`] notes on this thread what was opened, and
//! only a handle that the call then returns is taken for it. A firmware's own port never tells.

use std::cell::Cell;
use std::os::fd::RawFd;

/// A connection that was opened: its handle, and the descriptor behind it.
#[derive(Clone, Copy)]
struct Opened {
    handle: isize,
    descriptor: RawFd,
}

thread_local! {
    static LAST: Cell<Option<Opened>> = const { Cell::new(None) };
}

/// Runs a call of the seam that opens a connection. Gives its handle, and the descriptor behind that if the
/// default port made it.
pub(crate) fn during(open: impl FnOnce() -> isize) -> (isize, Option<RawFd>) {
    LAST.set(None);
    let handle = open();
    let told = LAST.take().filter(|told| told.handle == handle);
    (handle, told.map(|told| told.descriptor))
}

/// Says that the connection with this handle, just opened on this thread, is readable when `descriptor` is.
pub(crate) fn tell(handle: isize, descriptor: RawFd) {
    LAST.set(Some(Opened { handle, descriptor }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(handle: isize, told: Option<(isize, RawFd)>) -> Option<RawFd> {
        let open = || {
            if let Some((handle, descriptor)) = told {
                tell(handle, descriptor);
            }
            handle
        };
        let (returned, descriptor) = during(open);
        assert_eq!(returned, handle);
        descriptor
    }

    #[test]
    fn only_what_the_port_told_and_returned_has_a_descriptor() {
        assert_eq!(opening(7, Some((7, 5))), Some(5));
        assert_eq!(opening(8, Some((7, 5))), None, "wrapped by the firmware");
        assert_eq!(opening(7, None), None, "a firmware's own");
    }

    #[test]
    fn what_was_told_for_one_connection_is_not_taken_for_the_next() {
        tell(9, 5);
        assert_eq!(opening(9, None), None);
        assert_eq!(opening(9, Some((9, 6))), Some(6));
        assert_eq!(opening(9, None), None);
    }
}
