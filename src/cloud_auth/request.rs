//! The payload of `POST /auth`.

use std::fmt;

use serde::Serializer;

use super::sign::{SignMethod, sign_parameters};

/// How a payload of the authentication exchange is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// JSON (RFC 8259), what every release of the C SDK sends.
    #[default]
    Json,
    /// CBOR (RFC 8949).
    Cbor,
}

impl Encoding {
    /// The CoAP Content-Format and Accept number (RFC 7252, section 12.3; RFC 8949, section 9.4).
    pub fn content_format(self) -> u16 {
        match self {
            Self::Json => 50,
            Self::Cbor => 60,
        }
    }

    /// The encoding with that Content-Format; `None` for one that the cloud does not take.
    pub fn from_content_format(number: u16) -> Option<Self> {
        [Self::Json, Self::Cbor]
            .into_iter()
            .find(|encoding| encoding.content_format() == number)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Cbor => "CBOR",
        })
    }
}

/// What a device says about itself when it asks for a token.
#[derive(Clone, Copy, Debug)]
pub struct AuthRequest<'a> {
    /// Key of the product that the device belongs to.
    pub product_key: &'a str,
    /// Name of the device, unique within its product.
    pub device_name: &'a str,
    /// The device's own identifier; the cloud takes up to 64 characters.
    pub client_id: &'a str,
    /// How to sign. The member `signmethod` is sent only when this is not the default.
    pub method: SignMethod,
    /// The device's sequence number. Given in the symmetric mode, and only there.
    pub seq: Option<u32>,
    /// 0: the cloud answers within its acknowledgement, as without this; 1: it acknowledges first
    /// and answers in a message of its own (RFC 7252, section 5.2.2).
    pub ack_mode: Option<u8>,
}

impl AuthRequest<'_> {
    /// Signs the request with `device_secret` and writes it out.
    ///
    /// In JSON, without the optional members, these are to the byte the payloads of SDK 2.00 to
    /// 3.2.0: members in their order, no blanks. Every value is text, the numbers too, in JSON and
    /// in CBOR alike. The signature covers the values before JSON escaping.
    pub fn encode(&self, device_secret: &[u8], encoding: Encoding) -> Vec<u8> {
        let ack_mode = self.ack_mode.map(|mode| mode.to_string());
        let seq = self.seq.map(|number| number.to_string());
        let seq = seq.as_deref().map(|number| ("seq", number));

        let mut members = Vec::with_capacity(7);
        members.push(("productKey", self.product_key));
        members.push(("deviceName", self.device_name));
        members.push(("clientId", self.client_id));
        if self.method != SignMethod::default() {
            members.push(("signmethod", self.method.name()));
        }
        members.extend(ack_mode.as_deref().map(|mode| ("ackMode", mode)));
        let signed = members.iter().copied().chain(seq);
        let sign = sign_parameters(self.method, device_secret, signed);
        members.push(("sign", sign.as_str()));
        members.extend(seq);

        match encoding {
            Encoding::Json => to_json(&members),
            Encoding::Cbor => to_cbor(&members),
        }
    }
}

/// Enough for these members in either encoding: a buffer that grows leaves a signature behind, unwiped.
fn room(members: &[(&str, &str)]) -> usize {
    // JSON writes six bytes for one at worst, and six more around name and value; CBOR nine at worst before each.
    let sizes = members.iter().map(|(n, v)| n.len() + 6 * v.len() + 18);
    sizes.sum::<usize>() + 9
}

fn to_json(members: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(room(members));
    serde_json::Serializer::new(&mut out)
        .collect_map(members.iter().copied())
        .expect("text members are always valid JSON, and a Vec takes every write");
    out
}

fn to_cbor(members: &[(&str, &str)]) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::with_capacity(room(members)));
    let written = encoder.map(members.len() as u64).and_then(|encoder| {
        members.iter().try_fold(encoder, |encoder, (name, value)| {
            encoder.str(name)?.str(value)
        })
    });
    written.map(|_| ()).expect("a Vec takes every write");
    encoder.into_writer()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CLIENT_ID, DEVICE_NAME, DEVICE_SECRET, PRODUCT_KEY, unhex};
    use super::*;

    const REQUEST: AuthRequest<'static> = AuthRequest {
        product_key: PRODUCT_KEY,
        device_name: DEVICE_NAME,
        client_id: CLIENT_ID,
        method: SignMethod::HmacMd5,
        seq: None,
        ack_mode: None,
    };

    fn json(request: &AuthRequest<'_>, secret: &[u8]) -> String {
        String::from_utf8(request.encode(secret, Encoding::Json)).expect("JSON is UTF-8")
    }

    #[test]
    fn no_buffer_grows() {
        let name = "\u{1}\"é".repeat(200);
        let members = [("deviceName", name.as_str()), ("sign", "0f"), ("seq", "")];
        for write in [to_json, to_cbor] {
            let written = write(&members);
            assert_eq!(
                written.capacity(),
                Vec::<u8>::with_capacity(room(&members)).capacity()
            );
        }
    }

    /// The payload within the whole-message vector: what follows the first 0xFF marker.
    #[test]
    fn vector_of_the_plain_request() {
        let message = unhex(concat!(
            "4402000104030201b46175746811325132ff7b2270726f647563744b6579223a",
            "226131423263334434653546222c226465766963654e616d65223a2264657630",
            "31222c22636c69656e744964223a2261314232633344346535462e6465763031",
            "222c227369676e223a2264393131393134376635396635353964383465363765",
            "64303065316634633038227d",
        ));
        let marker = message
            .iter()
            .position(|&byte| byte == 0xFF)
            .expect("payload marker");
        assert_eq!(
            REQUEST.encode(DEVICE_SECRET, Encoding::Json),
            &message[marker + 1..]
        );
    }

    #[test]
    fn vector_of_the_symmetric_request() {
        let request = AuthRequest {
            seq: Some(9122),
            ..REQUEST
        };
        assert_eq!(
            json(&request, DEVICE_SECRET),
            concat!(
                r#"{"productKey":"a1B2c3D4e5F","deviceName":"dev01","clientId":"a1B2c3D4e5F.dev01","#,
                r#""sign":"b7c67f33a3b38ee8a9ce43b6b556f641","seq":"9122"}"#
            )
        );
    }

    /// A request that was seen in the field: 146 bytes with 18 bytes of CoAP before the payload.
    #[test]
    fn vector_seen_in_the_field() {
        let request = AuthRequest {
            product_key: "a1RP1qZfrEi",
            device_name: "example1",
            client_id: "a1RP1qZfrEi.example1",
            ..REQUEST
        };
        let payload = json(&request, b"fPloaszb6saUFJte4EhyuBHQpR9SuKHb");
        assert!(payload.ends_with(r#","sign":"f5204b935c67866fee8b8791cab9d6b0"}"#));
        assert_eq!(payload.len(), 146 - 18);
    }

    #[test]
    fn optional_members_have_their_place_and_are_signed() {
        let request = AuthRequest {
            method: SignMethod::HmacSha256,
            seq: Some(u32::MAX),
            ack_mode: Some(1),
            ..REQUEST
        };
        // Computed with Python's hmac module over
        // ackMode1clientIda1B2c3D4e5F.dev01deviceNamedev01productKeya1B2c3D4e5Fseq4294967295.
        assert_eq!(
            json(&request, DEVICE_SECRET),
            concat!(
                r#"{"productKey":"a1B2c3D4e5F","deviceName":"dev01","clientId":"a1B2c3D4e5F.dev01","#,
                r#""signmethod":"hmacsha256","ackMode":"1","#,
                r#""sign":"605ba89056d82b0c1dfde426841c9d8ed91f36e24c96f683fa1b575ad17b8818","#,
                r#""seq":"4294967295"}"#
            )
        );
    }

    #[test]
    fn values_are_escaped_but_signed_as_they_are() {
        let request = AuthRequest {
            client_id: "a\"b\\c\nd\u{e9}/",
            ..REQUEST
        };
        let sign = sign_parameters(
            SignMethod::HmacMd5,
            DEVICE_SECRET,
            [
                ("clientId", "a\"b\\c\nd\u{e9}/"),
                ("deviceName", DEVICE_NAME),
                ("productKey", PRODUCT_KEY),
            ],
        );
        let payload = json(&request, DEVICE_SECRET);
        assert!(
            payload.contains(r#""clientId":"a\"b\\c\ndé/""#),
            "{payload}"
        );
        assert!(payload.contains(sign.as_str()), "{payload}");
    }

    #[test]
    fn cbor_has_the_same_members_in_the_same_order() {
        let full = AuthRequest {
            method: SignMethod::HmacSha1,
            seq: Some(7),
            ack_mode: Some(0),
            ..REQUEST
        };
        for request in [REQUEST, full] {
            let payload = request.encode(DEVICE_SECRET, Encoding::Cbor);
            let mut decoder = minicbor::Decoder::new(&payload);
            let mut as_json = String::new();
            let members = decoder.map().expect("a map").expect("of definite length");
            for _ in 0..members {
                let name = decoder.str().expect("a name");
                let value = decoder.str().expect("a text value");
                as_json.push(if as_json.is_empty() { '{' } else { ',' });
                as_json.push_str(&format!("\"{name}\":\"{value}\""));
            }
            as_json.push('}');
            assert_eq!(decoder.position(), payload.len());
            assert_eq!(as_json, json(&request, DEVICE_SECRET));
        }
    }

    #[test]
    fn encodings_and_content_formats_map_both_ways() {
        for (encoding, number, name) in [(Encoding::Json, 50, "JSON"), (Encoding::Cbor, 60, "CBOR")]
        {
            assert_eq!(encoding.content_format(), number);
            assert_eq!(Encoding::from_content_format(number), Some(encoding));
            assert_eq!(encoding.to_string(), name);
        }
        assert_eq!(Encoding::from_content_format(42), None);
        assert_eq!(Encoding::default(), Encoding::Json);
    }
}
