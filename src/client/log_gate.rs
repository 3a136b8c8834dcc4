//! Log lines wait until the client's lock is free.
//!
//! A log line leaves through the firmware's own HAL_Printf, which may take a lock of its own, or call this
//! library again (firmware that reports its log to the cloud does). Printed while this thread holds a client's
//! lock, it could wait for ever. So whoever takes the lock holds a [`Hold`], and what is logged meanwhile is
//! printed when the last one of the thread ends.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

/// A finished line and what prints it.
type Line = (String, fn(&str));

thread_local! {
    /// How many holds there are, times two; and one more while lines wait. Apart from the lines, so that a thread that
    /// logs nothing never registers their destructor.
    static HELD: Cell<usize> = const { Cell::new(0) };
    static WAITING: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

const HOLD: usize = 2;
const ANY_WAITING: usize = 1;

/// Holds back the log lines of this thread until it is dropped.
pub(crate) struct Hold(PhantomData<*const ()>);

/// Begins to hold back the log lines of this thread.
#[inline(always)]
pub(crate) fn hold() -> Hold {
    HELD.with(|held| held.set(held.get() + HOLD));
    Hold(PhantomData)
}

/// Whether this thread's lines are being held back.
pub(crate) fn is_held() -> bool {
    HELD.get() >= HOLD
}

/// Prints `line` with `print`: at once, or when the last [`Hold`] of this thread ends.
pub(crate) fn pass(line: String, print: fn(&str)) {
    let mut line = Some(line);
    if is_held() {
        // Fails only while the thread is ending; better to print then than to lose the line.
        let _ = WAITING.try_with(|waiting| {
            if let Some(line) = line.take() {
                waiting.borrow_mut().push((line, print));
                HELD.set(HELD.get() | ANY_WAITING);
            }
        });
    }
    if let Some(line) = line {
        print(&line);
    }
}

impl Drop for Hold {
    #[inline(always)]
    fn drop(&mut self) {
        let last = HELD.with(|held| {
            held.set(held.get() - HOLD);
            held.get() == ANY_WAITING
        });
        if last {
            print_waiting();
        }
    }
}

#[cold]
fn print_waiting() {
    HELD.set(HELD.get() & !ANY_WAITING);
    // Taken out first: printing may log, or hold, again.
    let lines = WAITING.try_with(RefCell::take).unwrap_or_default();
    for (line, print) in lines {
        print(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static PRINTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    fn print(line: &str) {
        assert!(!is_held(), "printed while held: {line}");
        PRINTED.with_borrow_mut(|printed| printed.push(line.to_owned()));
        if line == "re-enters" {
            let _lock = hold();
            pass("from inside".into(), print);
        }
    }

    fn printed() -> Vec<String> {
        PRINTED.take()
    }

    #[test]
    fn lines_wait_for_the_last_hold_and_keep_their_order() {
        pass("before".into(), print);
        let outer = hold();
        pass("first".into(), print);
        let inner = hold();
        pass("second".into(), print);
        drop(inner);
        assert_eq!(printed(), ["before"]);
        drop(outer);
        assert_eq!(printed(), ["first", "second"]);
        pass("after".into(), print);
        assert_eq!(printed(), ["after"]);
    }

    #[test]
    fn a_printer_may_call_the_library_again() {
        let lock = hold();
        pass("re-enters".into(), print);
        drop(lock);
        assert_eq!(printed(), ["re-enters", "from inside"]);
    }
}
