//! The panic boundary around every exported function.

use crate::body::Body;
use std::any::Any;

/// Evaluates the body, with logging in place and the thread safe from being cancelled; should it
/// panic, logs one line and gives the stated value instead.
///
/// `in place` is for what every report passes: 150 bytes more, and a call less.
macro_rules! boundary {
    (on_panic => $value:expr, $body:block) => {
        $crate::capi::boundary::guard($value, || $body)
    };
    (in place, on_panic => $value:expr, $body:block) => {{
        let _shield = $crate::cancel::Shield::raise();
        $crate::capi::log::install();
        match ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(|| $body)) {
            Ok(result) => result,
            Err(panic) => {
                $crate::capi::boundary::report(panic);
                $value
            }
        }
    }};
}

#[inline(always)]
pub(super) fn guard<T>(on_panic: T, mut body: impl FnMut() -> T) -> T {
    let mut result = on_panic;
    run(Body::new(&mut || result = body()));
    result
}

#[inline(never)]
fn run(body: Body<'_>) {
    boundary!(in place, on_panic => (), { body.call() });
}

/// Logs what was caught. `AssertUnwindSafe` above is sound because shared state sits behind mutexes
/// whose users restore their invariants before anything that can panic, and ignore poisoning.
#[cold]
pub(super) fn report(panic: Box<dyn Any + Send>) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    log::error!("internal error: {text}");
    // A payload whose destructor panics must not take the caller down after all.
    std::mem::forget(panic);
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_becomes_the_stated_value() {
        let fails = |fail: bool| {
            boundary!(on_panic => -1, {
                assert!(!fail, "on purpose");
                0
            })
        };
        assert_eq!(fails(false), 0);
        assert_eq!(fails(true), -1);
        let fails_in_place = |fail: bool| {
            boundary!(in place, on_panic => -1, {
                assert!(!fail, "on purpose");
                0
            })
        };
        assert_eq!(fails_in_place(false), 0);
        assert_eq!(fails_in_place(true), -1);
    }
}
