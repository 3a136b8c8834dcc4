//! Reading and writing messages with coap-lite, and what it lets pass but RFC 7252 does not.

use coap_lite::{CoapOption, MessageClass, MessageType, Packet};

use crate::code::Code;

pub(super) use coap_lite::MessageType as Kind;

/// A datagram, sorted by RFC 7252 sections 3, 4.2 and 4.3.
pub(super) enum Parsed {
    /// To be ignored silently.
    Ignore(&'static str),
    /// A message format error: a confirmable one is rejected with a Reset.
    FormatError {
        kind: Kind,
        id: u16,
        reason: &'static str,
    },
    /// Code 0.00 and nothing else.
    Empty { kind: Kind, id: u16 },
    /// A confirmable or non-confirmable request.
    Request { kind: Kind, packet: Packet },
    /// Responses, and code classes without a meaning.
    Other { kind: Kind, id: u16 },
}

pub(super) fn parse(datagram: &[u8]) -> Parsed {
    let Some(&[first, code, high, low]) = datagram.first_chunk::<4>() else {
        return Parsed::Ignore("shorter than a header");
    };
    if first >> 6 != 1 {
        return Parsed::Ignore("version is not 1");
    }
    let kind = kind_of(first);
    let id = u16::from_be_bytes([high, low]);
    let format_error = |reason| Parsed::FormatError { kind, id, reason };
    let token_length = first & 0x0F;
    if token_length > 8 {
        return format_error("token longer than 8 bytes");
    }
    if code == 0 {
        if datagram.len() > 4 || token_length != 0 {
            return format_error("empty message with content");
        }
        return Parsed::Empty { kind, id };
    }
    let request = code >> 5 == 0;
    if !request || matches!(kind, Kind::Acknowledgement | Kind::Reset) {
        return Parsed::Other { kind, id };
    }
    let Ok(packet) = Packet::from_bytes(datagram) else {
        return format_error("options or token run past the end");
    };
    if marker_without_payload(&packet, datagram) {
        return format_error("payload marker without a payload");
    }
    Parsed::Request { kind, packet }
}

fn kind_of(first: u8) -> Kind {
    match first >> 4 & 3 {
        0 => Kind::Confirmable,
        1 => Kind::NonConfirmable,
        2 => Kind::Acknowledgement,
        _ => Kind::Reset,
    }
}

/// coap-lite drops a lone marker on reading. The encoding of everything before it is unique, so
/// writing the message again comes out one byte shorter exactly then.
fn marker_without_payload(packet: &Packet, datagram: &[u8]) -> bool {
    packet.payload.is_empty()
        && datagram.last() == Some(&0xFF)
        && packet
            .to_bytes_unlimited()
            .is_ok_and(|again| again.len() != datagram.len())
}

/// An answer on its way out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// Response code.
    pub(crate) code: Code,
    /// Option numbers and values.
    pub(crate) options: &'a [(u16, Vec<u8>)],
    /// Payload; the marker is left out when it is empty.
    pub(crate) payload: &'a [u8],
}

impl Outgoing<'_> {
    pub(super) fn encode(&self, kind: Kind, id: u16, token: &[u8]) -> Vec<u8> {
        let mut packet = header(kind, MessageClass::from(self.code.0), id);
        packet.set_token(token.to_vec());
        for (number, value) in self.options {
            packet.add_option(CoapOption::from(*number), value.clone());
        }
        packet.payload = self.payload.to_vec();
        bytes(&packet)
    }
}

pub(super) fn empty_ack(id: u16) -> Vec<u8> {
    bytes(&header(
        MessageType::Acknowledgement,
        MessageClass::Empty,
        id,
    ))
}

pub(super) fn reset(id: u16) -> Vec<u8> {
    bytes(&header(MessageType::Reset, MessageClass::Empty, id))
}

fn header(kind: Kind, code: MessageClass, id: u16) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_version(1);
    packet.header.set_type(kind);
    packet.header.code = code;
    packet.header.message_id = id;
    packet
}

fn bytes(packet: &Packet) -> Vec<u8> {
    // Without a limit the only error left is a header that does not fit its own four bytes.
    packet.to_bytes_unlimited().unwrap_or_default()
}
