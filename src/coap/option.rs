//! Options: their numbers, their classes, and iterating over those of a checked datagram
//! (RFC 7252 sections 3.1, 5.4 and 5.10).

use core::fmt;

/// An option number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionNumber(pub u16);

impl OptionNumber {
    /// Uri-Path: one segment of the path.
    pub const URI_PATH: Self = Self(11);
    /// Content-Format of the payload.
    pub const CONTENT_FORMAT: Self = Self(12);
    /// Max-Age: for how many seconds a response holds (section 5.10.5).
    pub const MAX_AGE: Self = Self(14);
    /// Accept: the Content-Format wanted in the answer.
    pub const ACCEPT: Self = Self(17);
    /// The cloud's authentication token on `*.iot-as-coap.*` hosts (cloud document of 2017).
    pub const AUTH_TOKEN: Self = Self(61);
    /// The cloud's authentication token on `*.link.aliyuncs.com` hosts (cloud document of 2018).
    pub const AUTH_TOKEN_2018: Self = Self(2088);
    /// The encrypted sequence number of symmetric sessions.
    pub const SEQUENCE: Self = Self(2089);
    /// The id the cloud gave to a reported message.
    pub const CLOUD_MESSAGE_ID: Self = Self(2090);

    /// Block2 (RFC 7959): which part of a longer payload this is.
    pub const BLOCK2: Self = Self(23);

    /// Whether a recipient that does not know the option must refuse the message (section 5.4.1).
    #[must_use]
    pub const fn is_critical(self) -> bool {
        self.0 & 1 == 1
    }
}

impl fmt::Display for OptionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for OptionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The options of a message, in the order they were sent.
///
/// Iteration ends at the payload marker, at the end of the bytes, or at the first malformed option;
/// on the options of a [`Datagram`](super::Datagram) the last cannot happen.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
    number: u16,
}

/// Why the option list cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionError {
    /// Nibble 15 outside the payload marker (section 3.1).
    ReservedNibble,
    /// The list, or a value, runs past the datagram.
    Truncated,
    /// The option number exceeds 65,535.
    NumberOverflow,
}

impl<'a> Options<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            number: 0,
        }
    }

    /// The bytes not yet consumed.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads one option; `None` at the payload marker or the end.
    #[inline]
    pub(super) fn step(&mut self) -> Result<Option<(OptionNumber, &'a [u8])>, OptionError> {
        let Some((&head, mut rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        if head == super::reader::PAYLOAD_MARKER {
            return Ok(None);
        }
        let delta = extended(head >> 4, &mut rest)?;
        let length = usize::from(extended(head & 0x0f, &mut rest)?);
        let number = self
            .number
            .checked_add(delta)
            .ok_or(OptionError::NumberOverflow)?;
        let (value, rest) = rest
            .split_at_checked(length)
            .ok_or(OptionError::Truncated)?;
        (self.number, self.rest) = (number, rest);
        Ok(Some((OptionNumber(number), value)))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (OptionNumber, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.step().ok().flatten()
    }
}

/// Resolves a four-bit delta or length with its extension bytes (section 3.1).
///
/// Sums beyond 65,535 are refused: no option number, and no datagram, reaches them.
#[inline(always)]
fn extended(nibble: u8, rest: &mut &[u8]) -> Result<u16, OptionError> {
    match nibble {
        13 => {
            let (&byte, tail) = rest.split_first().ok_or(OptionError::Truncated)?;
            *rest = tail;
            Ok(u16::from(byte) + 13)
        }
        14 => {
            let (&bytes, tail) = rest.split_first_chunk().ok_or(OptionError::Truncated)?;
            *rest = tail;
            u16::from_be_bytes(bytes)
                .checked_add(269)
                .ok_or(OptionError::NumberOverflow)
        }
        15 => Err(OptionError::ReservedNibble),
        small => Ok(u16::from(small)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_5_4_6_criticality_follows_the_number() {
        assert!(OptionNumber::AUTH_TOKEN.is_critical());
        assert!(OptionNumber::SEQUENCE.is_critical());
        assert!(!OptionNumber::AUTH_TOKEN_2018.is_critical());
        assert!(!OptionNumber::CLOUD_MESSAGE_ID.is_critical());
    }

    #[test]
    fn section_3_1_extension_bytes_are_big_endian_on_every_host() {
        // Option 2088 (delta 14, 2088 - 269 = 0x071b), value "t"; then 2090, eight bytes.
        let bytes = [0xe1, 0x07, 0x1b, b't', 0x28, 1, 2, 3, 4, 5, 6, 7, 8];
        let options: Vec<_> = Options::new(&bytes).collect();
        assert_eq!(options[0], (OptionNumber(2088), &b"t"[..]));
        assert_eq!(
            options[1],
            (OptionNumber(2090), &[1, 2, 3, 4, 5, 6, 7, 8][..])
        );
        assert_eq!(options.len(), 2);
    }

    #[test]
    fn a_zero_length_option_may_end_the_message() {
        let mut options = Options::new(&[0xc0]);
        assert_eq!(options.step(), Ok(Some((OptionNumber(12), &[][..]))));
        assert_eq!(options.step(), Ok(None));
    }

    #[test]
    fn section_3_1_malformed_option_lists_are_refused() {
        let error = |bytes: &[u8]| {
            let mut options = Options::new(bytes);
            loop {
                match options.step() {
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(error) => return Some(error),
                }
            }
        };
        assert_eq!(error(&[0xf0]), Some(OptionError::ReservedNibble));
        assert_eq!(error(&[0x1f, 0, 0]), Some(OptionError::ReservedNibble));
        assert_eq!(error(&[0xd0]), Some(OptionError::Truncated));
        assert_eq!(error(&[0xe0, 1]), Some(OptionError::Truncated));
        assert_eq!(error(&[0x12, 1]), Some(OptionError::Truncated));
        assert_eq!(error(&[0x0e, 0, 1]), Some(OptionError::Truncated));
        assert_eq!(
            error(&[0xe0, 0xff, 0xff]),
            Some(OptionError::NumberOverflow)
        );
        assert_eq!(
            error(&[0xe0, 0xfe, 0xf2, 0x10]),
            Some(OptionError::NumberOverflow)
        );
        assert_eq!(error(&[0xe0, 0xfe, 0xf2]), None);
    }
}
