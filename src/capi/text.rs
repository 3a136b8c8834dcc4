//! Strings from C.

use std::ffi::c_char;

/// The bytes before the NUL at `text`, if there is one within the first `limit` bytes.
///
/// # Safety
///
/// `text` must be readable up to and including its NUL, or for `limit` bytes if there is none among
/// them; the bytes must not change while the result lives.
pub(super) unsafe fn bytes_within<'a>(text: *const c_char, limit: usize) -> Option<&'a [u8]> {
    // SAFETY: reads no further than the NUL, or `limit`, up to which the caller promises readable bytes.
    let len = unsafe { libc::strnlen(text, limit) };
    // SAFETY: the `len` bytes before NUL or limit have just been read.
    (len < limit).then(|| unsafe { std::slice::from_raw_parts(text.cast(), len) })
}

/// As [`bytes_within`], for text that must be UTF-8; `None` also for NULL.
///
/// # Safety
///
/// As for [`bytes_within`], unless `text` is NULL.
pub(super) unsafe fn str_within<'a>(text: *const c_char, limit: usize) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the rest is promised by our caller.
    let bytes = unsafe { bytes_within(text, limit) }?;
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_includes_the_terminator() {
        let text = c"abc";
        // SAFETY: a terminated literal.
        unsafe {
            assert_eq!(bytes_within(text.as_ptr(), 4), Some(&b"abc"[..]));
            assert_eq!(bytes_within(text.as_ptr(), 3), None);
            assert_eq!(bytes_within(text.as_ptr(), 0), None);
            assert_eq!(str_within(text.as_ptr(), 10), Some("abc"));
            assert_eq!(str_within(c"\xff".as_ptr(), 10), None);
            assert_eq!(str_within(std::ptr::null(), 10), None);
        }
    }
}
