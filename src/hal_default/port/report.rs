//! The log, for the parts of the port that are C.

use std::ffi::{CStr, c_char};

use crate::hal_default::boundary::guard;

/// Writes one error line: what a function failed at.
///
/// # Safety
/// Both are NUL-terminated.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_report(function: *const c_char, problem: *const c_char) {
    guard("log", (), || {
        // SAFETY: promised by the caller.
        let (function, problem) = unsafe { (CStr::from_ptr(function), CStr::from_ptr(problem)) };
        log::error!(
            "{}: {}",
            function.to_string_lossy(),
            problem.to_string_lossy()
        );
    });
}
