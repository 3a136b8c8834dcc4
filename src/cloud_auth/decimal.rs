//! Sequence numbers are numbers to us but decimal text to the cloud.

/// Digits of `u32::MAX`.
pub(super) const MAX_DIGITS: usize = 10;

/// Writes `number` to the end of `buffer` and returns the digits; no allocation.
pub(super) fn format(number: u32, buffer: &mut [u8; MAX_DIGITS]) -> &[u8] {
    let mut rest = number;
    let mut start = MAX_DIGITS;
    loop {
        start -= 1;
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &buffer[start..];
        }
    }
}

/// Reads digits and nothing else: no sign, no blanks, no empty text, nothing beyond `u32::MAX`.
pub(super) fn parse(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |number, &digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for number in [
            0,
            1,
            9,
            10,
            9122,
            65_535,
            1_000_000_000,
            i32::MAX as u32 + 1,
            u32::MAX,
        ] {
            let mut buffer = [0; MAX_DIGITS];
            let text = format(number, &mut buffer);
            assert_eq!(text, number.to_string().as_bytes());
            assert_eq!(parse(text), Some(number));
        }
    }

    #[test]
    fn leading_zeros_are_digits_too() {
        assert_eq!(parse(b"000000000000007"), Some(7));
    }

    #[test]
    fn anything_but_digits_in_range_is_refused() {
        for text in [
            "",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "4294967296",
            "99999999999",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
