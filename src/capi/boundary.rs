//! The panic boundary around every exported function.

use std::any::Any;

/// Evaluates the body, with logging in place and the thread safe from being cancelled; should it
/// panic, logs one line and gives the stated value instead.
macro_rules! boundary {
    (on_panic => $value:expr, $body:block) => {{
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

/// Logs what was caught. `AssertUnwindSafe` above is sound because shared state sits behind mutexes
/// whose users restore their invariants before anything that can panic, and ignore poisoning.
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
    }
}
