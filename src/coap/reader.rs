//! The strict, allocation-free reader that every received datagram passes first
//! (RFC 7252 sections 3, 4.1 to 4.3).
//!
//! `coap-lite` is lenient where the RFC is not (it takes versions 0, 2 and 3, an empty payload
//! behind the marker, and non-empty 0.00 messages), so nothing else in the crate reads raw bytes.

use super::code::{Class, Code};
use super::option::{OptionNumber, Options};
use super::recognized;
use super::token::Token;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

pub(super) const PAYLOAD_MARKER: u8 = 0xff;
pub(super) const HEADER_LEN: usize = 4;
const VERSION: u8 = 1;

/// The message type in the header (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// CON: to be acknowledged.
    Confirmable = 0,
    /// NON: sent once, not acknowledged.
    NonConfirmable = 1,
    /// ACK: acknowledges a Confirmable message.
    Acknowledgement = 2,
    /// RST: the message could not be processed.
    Reset = 3,
}

impl MessageType {
    const fn from_bits(bits: u8) -> Self {
        match bits & 0x03 {
            0 => Self::Confirmable,
            1 => Self::NonConfirmable,
            2 => Self::Acknowledgement,
            _ => Self::Reset,
        }
    }

    /// The first header byte of a message of this type whose token has `token_len` bytes.
    #[must_use]
    pub const fn header_byte(self, token_len: u8) -> u8 {
        VERSION << 6 | (self as u8) << 4 | token_len
    }
}

/// Why a datagram is not a CoAP message this client may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// Shorter than a header, or of another version: to be ignored silently (section 3).
    NotCoap,
    /// A message format error in a message whose header could be read (sections 3 and 4.1): a
    /// Confirmable one is rejected with a Reset, any other ignored (sections 4.2 and 4.3).
    Malformed {
        /// Type in the header.
        message_type: MessageType,
        /// Message id in the header.
        message_id: u16,
    },
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCoap => f.write_str("not a CoAP version 1 message"),
            Self::Malformed {
                message_type,
                message_id,
            } => {
                write!(f, "malformed {message_type:?} message {message_id:#06x}")
            }
        }
    }
}

impl std::error::Error for FormatError {}

/// A well-formed message, borrowed from the datagram it came in.
#[derive(Clone)]
pub struct Datagram<'a> {
    bytes: &'a [u8],
    message_type: MessageType,
    code: Code,
    message_id: u16,
    token: Token,
    options_end: usize,
    unrecognized_critical: Option<OptionNumber>,
}

impl<'a> Datagram<'a> {
    /// Reads a datagram, refusing everything section 3 calls a format error.
    ///
    /// # Errors
    ///
    /// See [`FormatError`].
    #[inline(always)] // into the one place where what arrives is read
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let &[first, code, id_high, id_low, ..] = bytes else {
            return Err(FormatError::NotCoap);
        };
        if first >> 6 != VERSION {
            return Err(FormatError::NotCoap);
        }
        let message_type = MessageType::from_bits(first >> 4);
        let message_id = u16::from_be_bytes([id_high, id_low]);
        let malformed = FormatError::Malformed {
            message_type,
            message_id,
        };

        let code = Code(code);
        if code.class() == Class::Reserved || (code == Code::EMPTY && bytes.len() > HEADER_LEN) {
            return Err(malformed);
        }
        let token_end = HEADER_LEN + usize::from(first & 0x0f);
        let token = bytes
            .get(HEADER_LEN..token_end)
            .and_then(Token::from_slice)
            .ok_or(malformed)?;

        let mut options = Options::new(&bytes[token_end..]);
        let (mut judge, mut unrecognized_critical) = (recognized::Judge::default(), None);
        while let Some((number, value)) = options.step().map_err(|_| malformed)? {
            // What is not recognised and elective is only passed over.
            if number.is_critical()
                && !judge.recognizes(number, value)
                && unrecognized_critical.is_none()
            {
                unrecognized_critical = Some(number);
            }
        }
        let options_end = bytes.len() - options.rest().len();
        if options.rest() == [PAYLOAD_MARKER] {
            return Err(malformed);
        }
        Ok(Self {
            bytes,
            message_type,
            code,
            message_id,
            token,
            options_end,
            unrecognized_critical,
        })
    }

    /// The message type.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The message id.
    #[must_use]
    pub const fn message_id(&self) -> u16 {
        self.message_id
    }

    /// The token.
    #[must_use]
    pub const fn token(&self) -> Token {
        self.token
    }

    /// The options, in order.
    #[must_use]
    pub fn options(&self) -> Options<'a> {
        Options::new(&self.bytes[HEADER_LEN + self.token.as_slice().len()..self.options_end])
    }

    /// The first critical option this client does not recognise, if any (section 5.4.1): an unknown
    /// one, one of undefined length (5.4.3), or one that comes more often than it may (5.4.5).
    #[must_use]
    pub const fn unrecognized_critical_option(&self) -> Option<OptionNumber> {
        self.unrecognized_critical
    }

    /// The value of an option, if it is there and recognised: not what is of undefined length
    /// (section 5.4.3), and the first of several where there may be one (5.4.5).
    #[must_use]
    pub fn option(&self, number: OptionNumber) -> Option<&'a [u8]> {
        let mut judge = recognized::Judge::default();
        self.options()
            .find(|&(found, value)| judge.recognizes(found, value) && found == number)
            .map(|(_, value)| value)
    }

    /// For how long the response holds (Max-Age, section 5.10.5): 60 s if it does not say. With
    /// 4.29 and 5.03 it is the time to wait before asking again.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        let seconds = self
            .option(OptionNumber::MAX_AGE)
            .and_then(recognized::uint);
        Duration::from_secs(seconds.map_or(60, u64::from))
    }

    /// Where in the datagram the payload lies; empty when there is none.
    #[must_use]
    pub fn payload_range(&self) -> Range<usize> {
        (self.options_end + 1).min(self.bytes.len())..self.bytes.len()
    }

    /// The payload; empty when there is none.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload_range()]
    }
}

impl fmt::Debug for Datagram<'_> {
    /// Without options and payload, which may hold an authentication token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagram")
            .field("message_type", &self.message_type)
            .field("code", &self.code)
            .field("message_id", &self.message_id)
            .field("token", &self.token)
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn malformed(message_type: MessageType, message_id: u16) -> FormatError {
        FormatError::Malformed {
            message_type,
            message_id,
        }
    }

    #[test]
    fn debug_output_holds_neither_options_nor_payload() {
        let bytes = b"\x64\x45\x00\x07abcd\xd3\x30tok\xff{\"token\":\"tok\"}";
        let shown = format!("{:?}", Datagram::parse(bytes).unwrap());
        assert!(shown.contains("message_id: 7"), "{shown}");
        // As text, and as numbers.
        assert!(
            !shown.contains("tok\"") && !shown.contains("116"),
            "{shown}"
        );
    }

    #[test]
    fn reads_a_piggybacked_answer() {
        let bytes = b"\x64\x45\x12\x34\x04\x03\x02\x01\xc1\x32\xff{\"token\":\"x\"}";
        let message = Datagram::parse(bytes).unwrap();
        assert_eq!(message.message_type(), MessageType::Acknowledgement);
        assert_eq!(message.code(), Code::CONTENT);
        assert_eq!(message.message_id(), 0x1234);
        assert_eq!(message.token(), Token::from_number(0x0102_0304));
        assert_eq!(message.payload(), b"{\"token\":\"x\"}");
        assert_eq!(message.payload_range(), 11..24);
        assert_eq!(
            message.options().collect::<Vec<_>>(),
            [(OptionNumber(12), &[0x32][..])]
        );
    }

    #[test]
    fn reads_messages_without_options_or_payload() {
        let empty = Datagram::parse(&[0x60, 0, 0, 1]).unwrap();
        assert_eq!((empty.code(), empty.payload()), (Code::EMPTY, &[][..]));
        assert_eq!(empty.options().count(), 0);
        let bare = Datagram::parse(&[0x41, 0x45, 0, 1, 9]).unwrap();
        assert_eq!(bare.payload_range(), 5..5);
        let payload_only = Datagram::parse(&[0x50, 0x45, 0, 1, 0xff, b'a']).unwrap();
        assert_eq!(payload_only.payload(), b"a");
    }

    #[test]
    fn section_3_short_and_foreign_versions_are_not_coap() {
        for bytes in [
            &[][..],
            &[0x40],
            &[0x40, 0, 0],
            &[0x00, 0x45, 0, 1],
            &[0x80, 0x45, 0, 1],
            &[0xc0; 9],
        ] {
            assert_eq!(
                Datagram::parse(bytes).unwrap_err(),
                FormatError::NotCoap,
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn section_3_token_lengths_9_to_15_are_format_errors() {
        for tkl in 9..=15 {
            let mut bytes = vec![0x40 | tkl, 0x45, 0, 7];
            bytes.resize(4 + usize::from(tkl), 1);
            let expected = malformed(MessageType::Confirmable, 7);
            assert_eq!(Datagram::parse(&bytes).unwrap_err(), expected, "TKL {tkl}");
        }
    }

    #[test]
    fn section_4_1_empty_messages_hold_nothing_behind_the_header() {
        for tail in [&[1][..], &[0xff], &[0xff, b'x'], &[0xc0]] {
            let bytes = [&[0x70, 0, 0, 3], tail].concat();
            assert_eq!(
                Datagram::parse(&bytes).unwrap_err(),
                malformed(MessageType::Reset, 3)
            );
        }
        let with_token = Datagram::parse(&[0x61, 0, 0, 3, 9]);
        assert_eq!(
            with_token.unwrap_err(),
            malformed(MessageType::Acknowledgement, 3)
        );
    }

    #[test]
    fn section_3_a_payload_marker_without_payload_is_a_format_error() {
        let error = Datagram::parse(&[0x50, 0x45, 0, 9, 0xff]).unwrap_err();
        assert_eq!(error, malformed(MessageType::NonConfirmable, 9));
    }

    #[test]
    fn section_4_2_reserved_code_classes_are_format_errors() {
        for code in [0x20, 0x3f, 0x60, 0xc0, 0xe1, 0xff] {
            let error = Datagram::parse(&[0x40, code, 0, 1]).unwrap_err();
            assert_eq!(
                error,
                malformed(MessageType::Confirmable, 1),
                "code {code:#x}"
            );
        }
    }

    #[test]
    fn section_3_truncated_tokens_and_options_are_format_errors() {
        for bytes in [
            &[0x44, 0x45, 0, 1, 1, 2, 3][..],
            &[0x40, 0x45, 0, 1, 0xc2, 1],
            &[0x40, 0x45, 0, 1, 0xf0],
        ] {
            let expected = malformed(MessageType::Confirmable, 1);
            assert_eq!(Datagram::parse(bytes).unwrap_err(), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn section_5_4_1_unknown_critical_options_are_found_behind_known_ones() {
        // 2090 is elective and known; 9 is critical and unknown; 10 is elective and unknown.
        let known = Datagram::parse(&[0x60, 0x45, 0, 1, 0xe0, 0x07, 0x1d]).unwrap();
        assert_eq!(known.unrecognized_critical_option(), None);
        let critical = Datagram::parse(&[0x60, 0x45, 0, 1, 0x40, 0x50]).unwrap();
        assert_eq!(
            critical.unrecognized_critical_option(),
            Some(OptionNumber(9))
        );
        let elective = Datagram::parse(&[0x60, 0x45, 0, 1, 0xa1, 0]).unwrap();
        assert_eq!(elective.unrecognized_critical_option(), None);
    }

    /// Any bytes: no panic, and what is accepted re-reads to the same parts.
    #[test]
    fn arbitrary_bytes_never_panic_and_ranges_stay_inside() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let rounds = if cfg!(miri) { 300 } else { 200_000 };
        let mut accepted = 0;
        for _ in 0..rounds {
            let len = usize::from(next() % 40);
            let mut bytes: Vec<u8> = (0..len).map(|_| next()).collect();
            if let Some(first) = bytes.first_mut() {
                *first = 0x40 | (*first & 0x37); // mostly version 1 and short tokens
            }
            let Ok(message) = Datagram::parse(&bytes) else {
                continue;
            };
            accepted += 1;
            let options: usize = message.options().map(|(_, value)| value.len()).sum();
            let token = message.token().as_slice().len();
            assert!(HEADER_LEN + token + options + message.payload().len() <= bytes.len());
            assert!(message.payload_range().end <= bytes.len());
        }
        assert!(
            accepted > rounds / 100,
            "the generator must reach the accepting paths"
        );
    }
}
