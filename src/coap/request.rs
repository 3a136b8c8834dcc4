//! Requests: encoded once by `coap-lite`, then re-used with fresh ids and payloads.

use super::code::Code;
use super::option::{OptionNumber, Options};
use super::path;
use super::reader::{HEADER_LEN, MessageType, PAYLOAD_MARKER};
use super::token::Token;
use coap_lite::{CoapOption, MessageClass, Packet};
use core::fmt;
use core::ops::Range;
use zeroize::{Zeroize, Zeroizing};

/// `COAP_MSG_MAX_PDU_LEN`: the longest datagram this client sends, as in the SDK.
pub const MAX_DATAGRAM: usize = 1280;

/// Length of the tokens this client uses: the SDK's, which `IOT_CoAP_GetMessageToken` can return.
const TOKEN_LEN: usize = 4;

/// Why a request cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Header, options and payload exceed [`MAX_DATAGRAM`].
    TooLong,
    /// An option value is longer than the wire format allows.
    Option,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "message does not fit into {MAX_DATAGRAM} bytes"),
            Self::Option => f.write_str("option value too long"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Collects the options of a request.
#[derive(Debug)]
pub struct RequestHeadBuilder {
    packet: Packet,
    placeholders: Vec<OptionNumber>,
}

impl RequestHeadBuilder {
    /// A request with this code and nothing else.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let mut packet = Packet::new();
        packet.header.set_version(1);
        packet.header.code = MessageClass::from(code.0);
        packet.set_token(vec![0; TOKEN_LEN]);
        Self {
            packet,
            placeholders: Vec::new(),
        }
    }

    /// Adds one Uri-Path option per non-empty segment of `path`.
    #[must_use]
    pub fn path(mut self, path: &[u8]) -> Self {
        for segment in path::segments(path) {
            self.packet
                .add_option(CoapOption::UriPath, segment.to_vec());
        }
        self
    }

    /// Adds an option with an unsigned integer value, in the fewest bytes (RFC 7252 section 3.2).
    #[must_use]
    pub fn uint(self, number: OptionNumber, value: u32) -> Self {
        let bytes = value.to_be_bytes();
        let leading_zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        self.opaque(number, &bytes[leading_zeros..])
    }

    /// Adds an option with these bytes as its value.
    #[must_use]
    pub fn opaque(mut self, number: OptionNumber, value: &[u8]) -> Self {
        self.packet
            .add_option(CoapOption::from(number.0), value.to_vec());
        self
    }

    /// Adds an option of `len` bytes whose value comes later, through [`RequestHead::fill`].
    ///
    /// For values that must not linger in memory: `coap-lite` keeps, and does not wipe, what it encodes.
    #[must_use]
    pub fn placeholder(mut self, number: OptionNumber, len: usize) -> Self {
        self.placeholders.push(number);
        self.opaque(number, &vec![0; len])
    }

    /// Encodes header and options.
    ///
    /// # Errors
    ///
    /// [`RequestError::TooLong`] when they alone exceed [`MAX_DATAGRAM`], [`RequestError::Option`] when
    /// `coap-lite` refuses an option.
    pub fn build(self) -> Result<RequestHead, RequestError> {
        let bytes = self
            .packet
            .to_bytes_with_limit(usize::MAX)
            .map_err(|_| RequestError::Option)?;
        if bytes.len() > MAX_DATAGRAM {
            return Err(RequestError::TooLong);
        }
        let mut placeholders = Vec::with_capacity(self.placeholders.len());
        let mut options = Options::new(&bytes[HEADER_LEN + TOKEN_LEN..]);
        while let Some((number, value)) = options.next() {
            if self.placeholders.contains(&number) {
                let end = bytes.len() - options.rest().len();
                placeholders.push((number, end - value.len()..end));
            }
        }
        Ok(RequestHead {
            bytes: Zeroizing::new(bytes),
            placeholders,
        })
    }
}

/// The encoded head of a request: everything up to the payload marker, with placeholders for type,
/// message id and token. Wiped when dropped, since the authentication token may be in it.
#[derive(Clone)]
pub struct RequestHead {
    bytes: Zeroizing<Vec<u8>>,
    /// Where the values lie that are filled in, some of them for every request.
    placeholders: Vec<(OptionNumber, Range<usize>)>,
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestHead({} bytes)", self.bytes.len())
    }
}

impl RequestHead {
    /// How many payload bytes fit behind this head.
    #[must_use]
    pub fn payload_room(&self) -> usize {
        (MAX_DATAGRAM - self.bytes.len()).saturating_sub(1)
    }

    /// Writes the value of the [placeholder](RequestHeadBuilder::placeholder) with this number, in
    /// place; the lengths must agree.
    ///
    /// # Errors
    ///
    /// [`RequestError::Option`] when there is no such placeholder or its length is another.
    pub fn fill(&mut self, number: OptionNumber, value: &[u8]) -> Result<(), RequestError> {
        let mut placeholders = self.placeholders.iter();
        let (_, range) = placeholders
            .find(|(found, range)| *found == number && range.len() == value.len())
            .ok_or(RequestError::Option)?;
        self.bytes[range.clone()].copy_from_slice(value);
        Ok(())
    }

    /// Writes the complete message into `out`, replacing what is there; an empty payload has no marker.
    ///
    /// # Errors
    ///
    /// [`RequestError::TooLong`] when the payload exceeds [`payload_room`](Self::payload_room).
    #[inline(always)] // into the one place where requests are taken, and the one where they are replaced
    pub fn write(
        &self,
        message_type: MessageType,
        message_id: u16,
        token: u32,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RequestError> {
        if payload.len() > self.payload_room() {
            return Err(RequestError::TooLong);
        }
        let len = self.bytes.len() + usize::from(!payload.is_empty()) + payload.len();
        if out.capacity() < len {
            // A growing Vec frees its old memory as it is, and the authentication token with it.
            out.zeroize();
            out.reserve_exact(len);
        }
        // A call less than clearing and extending it: the next report mostly is as long as the last.
        if out.len() != len {
            out.resize(len, 0);
        }
        let (head, rest) = out.split_at_mut(self.bytes.len());
        head.copy_from_slice(&self.bytes);
        if let Some((marker, body)) = rest.split_first_mut() {
            *marker = PAYLOAD_MARKER;
            body.copy_from_slice(payload);
        }
        out[0] = message_type.header_byte(TOKEN_LEN as u8);
        out[2..4].copy_from_slice(&message_id.to_be_bytes());
        out[HEADER_LEN..HEADER_LEN + TOKEN_LEN]
            .copy_from_slice(Token::from_number(token).as_slice());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coap::Datagram;

    fn write(head: &RequestHead, payload: &[u8]) -> Result<Vec<u8>, RequestError> {
        let mut out = vec![0xee; 3];
        head.write(
            MessageType::Confirmable,
            0x0102,
            0x0102_0304,
            payload,
            &mut out,
        )
        .map(|()| out)
    }

    #[test]
    fn section_3_1_options_are_in_the_order_of_their_numbers() {
        let head = RequestHeadBuilder::new(Code::POST)
            .path(b"/topic/a/")
            .uint(OptionNumber::CONTENT_FORMAT, 50)
            .uint(OptionNumber::ACCEPT, 42)
            .opaque(OptionNumber::AUTH_TOKEN, b"tok")
            .build()
            .unwrap();
        let bytes = write(&head, b"{}").unwrap();
        assert_eq!(
            bytes,
            b"\x44\x02\x01\x02\x04\x03\x02\x01\xb5topic\x01a\x11\x32\x51\x2a\xd3\x1ftok\xff{}"
        );
        let read = Datagram::parse(&bytes).unwrap();
        assert_eq!(read.payload(), b"{}");
    }

    #[test]
    fn section_3_2_integers_use_the_fewest_bytes() {
        for (value, expected) in [
            (0, &[][..]),
            (1, &[1]),
            (256, &[1, 0]),
            (0x01_0203, &[1, 2, 3]),
            (u32::MAX, &[255; 4]),
        ] {
            let head = RequestHeadBuilder::new(Code::GET)
                .uint(OptionNumber::ACCEPT, value)
                .build()
                .unwrap();
            let bytes = write(&head, b"").unwrap();
            let read = Datagram::parse(&bytes).unwrap();
            assert_eq!(read.options().next().unwrap().1, expected, "{value}");
        }
    }

    #[test]
    fn section_3_an_empty_payload_has_no_marker_and_the_room_is_exact() {
        let head = RequestHeadBuilder::new(Code::POST)
            .path(b"auth")
            .build()
            .unwrap();
        assert_eq!(write(&head, b"").unwrap().len(), 8 + 5);
        let room = head.payload_room();
        assert_eq!(write(&head, &vec![0; room]).unwrap().len(), MAX_DATAGRAM);
        assert_eq!(write(&head, &vec![0; room + 1]), Err(RequestError::TooLong));
    }

    #[test]
    fn a_head_beyond_the_datagram_limit_is_refused() {
        let oversized =
            RequestHeadBuilder::new(Code::POST).opaque(OptionNumber::AUTH_TOKEN, &[b'x'; 1280]);
        assert_eq!(oversized.build().unwrap_err(), RequestError::TooLong);
        let absurd = RequestHeadBuilder::new(Code::POST)
            .opaque(OptionNumber::AUTH_TOKEN, &vec![b'x'; 70_000]);
        assert!(absurd.build().is_err());
    }

    #[test]
    fn placeholders_are_filled_in_place() {
        let mut head = RequestHeadBuilder::new(Code::POST)
            .path(b"a")
            .placeholder(OptionNumber::AUTH_TOKEN_2018, 3)
            .placeholder(OptionNumber::SEQUENCE, 2)
            .build()
            .unwrap();
        head.fill(OptionNumber::SEQUENCE, b"no").unwrap();
        head.fill(OptionNumber::AUTH_TOKEN_2018, b"tok").unwrap();
        assert_eq!(
            head.fill(OptionNumber::SEQUENCE, b"3"),
            Err(RequestError::Option)
        );
        assert_eq!(
            head.fill(OptionNumber::ACCEPT, b""),
            Err(RequestError::Option)
        );
        let bytes = write(&head, b"").unwrap();
        let options: Vec<_> = Datagram::parse(&bytes).unwrap().options().skip(1).collect();
        assert_eq!(options[0], (OptionNumber::AUTH_TOKEN_2018, &b"tok"[..]));
        assert_eq!(options[1], (OptionNumber::SEQUENCE, &b"no"[..]));
    }

    #[test]
    fn long_option_values_survive_the_round_trip() {
        for len in [12, 13, 268, 269, 1024] {
            let value = vec![b'v'; len];
            let head = RequestHeadBuilder::new(Code::POST)
                .opaque(OptionNumber::AUTH_TOKEN_2018, &value)
                .build()
                .unwrap();
            let bytes = write(&head, b"").unwrap();
            let read = Datagram::parse(&bytes).unwrap();
            assert_eq!(
                read.options().next(),
                Some((OptionNumber::AUTH_TOKEN_2018, &value[..]))
            );
        }
    }
}
