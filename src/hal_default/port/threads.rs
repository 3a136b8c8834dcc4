//! What threads.c must know of Rust.

use std::ffi::c_int;

use crate::cancel;

/// Whether frames of Rust lie below the caller, so that the thread must not be ended here: 1 or 0.
#[unsafe(no_mangle)]
extern "C" fn iotx_hal_default_in_callback() -> c_int {
    // Reads a thread-local number: cannot panic, so it needs no guard. With one it would see that.
    cancel::is_kept_pending().into()
}
