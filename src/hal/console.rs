//! The console over `HAL_Printf`.

use std::ffi::c_char;

use super::sys;

/// Lines shorter than this are copied on the stack.
const STACK_LINE: usize = 512;

/// Prints `text` as it is: no line end is added, and `%` has no meaning. NUL characters become `?`,
/// since the text ends at the first one for C. Allocates only for texts of 512 bytes and
/// more.
pub fn print(text: &str) {
    with_c_text(text, |line| {
        // SAFETY: the format is a literal with one %s, and `line` is NUL-terminated and outlives
        // the call; port promises 1 and 2.
        unsafe { sys::HAL_Printf(c"%s".as_ptr(), line) }
    });
}

/// Calls `body` with a NUL-terminated copy of `text`.
fn with_c_text(text: &str, body: impl FnOnce(*const c_char)) {
    let length = text.len();
    if length < STACK_LINE {
        let mut line = [0u8; STACK_LINE];
        line[..length].copy_from_slice(text.as_bytes());
        replace_nul(&mut line[..length]);
        body(line.as_ptr().cast());
    } else {
        let mut line = Vec::with_capacity(length + 1);
        line.extend_from_slice(text.as_bytes());
        replace_nul(&mut line);
        line.push(0);
        body(line.as_ptr().cast());
    }
}

fn replace_nul(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|byte| **byte == 0) {
        *byte = b'?';
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn copied(text: &str) -> String {
        let mut seen = String::new();
        with_c_text(text, |line| {
            // SAFETY: `with_c_text` gives NUL-terminated text that lives until this closure
            // returns.
            let line = unsafe { CStr::from_ptr(line) };
            seen = line
                .to_str()
                .expect("the copy of a str is UTF-8")
                .to_owned();
        });
        seen
    }

    #[test]
    fn text_reaches_c_unchanged() {
        assert_eq!(copied(""), "");
        assert_eq!(copied("100 %s of 温度\r\n"), "100 %s of 温度\r\n");
    }

    #[test]
    fn interior_nul_characters_are_replaced() {
        assert_eq!(copied("a\0b\0"), "a?b?");
        let long = format!("{}\0", "x".repeat(600));
        assert_eq!(copied(&long), format!("{}?", "x".repeat(600)));
    }

    #[test]
    fn lines_around_the_stack_buffer_keep_every_byte() {
        for length in [510, 511, 512, 513, 5000] {
            let text = "y".repeat(length);
            assert_eq!(copied(&text), text, "{length} bytes");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn the_console_takes_conversion_characters_as_text() {
        print("%s%n%d\n");
    }
}
