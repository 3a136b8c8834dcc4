//! What every C entry point of this module shares.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::body::Body;
use crate::cancel::Shield;

/// Runs the body of an entry point. A panic must not unwind into C: it becomes one error line and
/// `on_panic`. Nor may the firmware cancel the thread meanwhile.
#[inline(always)]
pub(super) fn guard<T>(entry: &str, on_panic: T, mut body: impl FnMut() -> T) -> T {
    let mut result = on_panic;
    run(entry, Body::new(&mut || result = body()));
    result
}

#[inline(never)]
fn run(entry: &str, body: Body<'_>) {
    guard_in_place(entry, (), || body.call());
}

/// [`guard`] for what every report passes: some 150 bytes more, and a call less.
#[inline(always)]
pub(super) fn guard_in_place<T>(entry: &str, on_panic: T, body: impl FnOnce() -> T) -> T {
    let _shield = Shield::raise();
    // The entry points keep no state that a panic could leave half changed: locks are taken with
    // `PoisonError::into_inner` and hold values replaced in one step.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        failed(entry);
        on_panic
    })
}

#[cold]
fn failed(entry: &str) {
    log::error!("{entry}: internal error, the call has failed");
}

/// The text at `text`; `None` for NULL and for text that is not UTF-8.
///
/// # Safety
/// `text` is NULL or points to NUL-terminated text that nobody changes during `'a`.
pub(super) unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

/// How much of a buffer is looked at. More than this many bytes no result can tell, and no slice
/// can have where addresses are 32 bits long.
fn slice_len(len: u32) -> usize {
    len.min(i32::MAX as u32) as usize
}

/// The bytes at `data`, the first 2 GiB at most; `None` for NULL.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes during `'a`.
pub(super) unsafe fn bytes<'a>(data: *const u8, len: u32) -> Option<&'a [u8]> {
    if data.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(unsafe { std::slice::from_raw_parts(data, slice_len(len)) })
}

/// The buffer at `data`, its first 2 GiB at most; `None` for NULL or no room.
///
/// # Safety
/// `data` is NULL or readable and writable for `len` bytes during `'a`, and nobody else uses it
/// meanwhile.
pub(super) unsafe fn bytes_mut<'a>(data: *mut u8, len: u32) -> Option<&'a mut [u8]> {
    if data.is_null() || len == 0 {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(unsafe { std::slice::from_raw_parts_mut(data, slice_len(len)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_documented_failure() {
        let answer = guard("HAL_Test", -1, || {
            std::panic::resume_unwind(Box::new("on purpose"))
        });
        assert_eq!(answer, -1);
        assert_eq!(guard("HAL_Test", -1, || 7), 7);
        let in_place = guard_in_place("HAL_Test", -1, || {
            std::panic::resume_unwind(Box::new("on purpose"))
        });
        assert_eq!(in_place, -1);
    }

    #[test]
    fn a_length_fits_the_result_that_tells_it() {
        assert_eq!(slice_len(7), 7);
        assert_eq!(i32::try_from(slice_len(u32::MAX)), Ok(i32::MAX));
    }

    #[test]
    fn null_is_nothing() {
        // SAFETY: NULL is allowed by all three.
        unsafe {
            assert!(text(std::ptr::null()).is_none());
            assert!(bytes(std::ptr::null(), 5).is_none());
            assert!(bytes_mut(std::ptr::null_mut(), 5).is_none());
        }
    }
}
