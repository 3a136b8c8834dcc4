//! The parameters of `/auth`, from JSON or from CBOR.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::refusal::Refusal;

/// An encoding of parameters and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// application/json, content format 50.
    Json,
    /// application/cbor, content format 60.
    Cbor,
}

impl Encoding {
    pub(crate) fn from_format(format: u16) -> Option<Self> {
        match format {
            super::request::JSON => Some(Encoding::Json),
            super::request::CBOR => Some(Encoding::Cbor),
            _ => None,
        }
    }
}

/// All submitted parameters as texts: which ones are signed depends on nothing but what is there.
/// `Debug` is not implemented: the sign is as good as a password.
#[derive(Default)]
pub(crate) struct Params {
    values: Vec<(String, Zeroizing<String>)>,
}

impl Params {
    pub(crate) fn read(payload: &[u8], encoding: Encoding) -> Result<Self, Refusal> {
        if payload.is_empty() {
            return Err(Refusal::NoPayload);
        }
        let params = match encoding {
            Encoding::Json => serde_json::from_slice(payload)
                .map_err(|_| Refusal::BrokenPayload("not a JSON object of texts and numbers"))?,
            Encoding::Cbor => cbor::read(payload).ok_or(Refusal::BrokenPayload(
                "not a CBOR map of texts and numbers",
            ))?,
        };
        Ok(params)
    }

    /// A parameter's value; an empty one counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn require(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::MissingParameter(name))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Says no to a name given twice: which value was signed would be anybody's guess.
    fn push(&mut self, name: String, value: String) -> Option<()> {
        if self.values.iter().any(|(known, _)| *known == name) {
            return None;
        }
        self.values.push((name, Zeroizing::new(value)));
        Some(())
    }
}

/// The one parameter that may have any shape, as it is neither signed nor read.
const RESOURCES: &str = "resources";

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ParamsVisitor;
        impl<'de> Visitor<'de> for ParamsVisitor {
            type Value = Params;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts and numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
                let mut params = Params::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == RESOURCES {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let text = match map.next_value::<serde_json::Value>()? {
                        serde_json::Value::String(text) => text,
                        serde_json::Value::Number(number) => number.to_string(),
                        serde_json::Value::Bool(value) => value.to_string(),
                        _ => return Err(serde::de::Error::custom("neither text nor number")),
                    };
                    params
                        .push(name, text)
                        .ok_or_else(|| serde::de::Error::custom("parameter given twice"))?;
                }
                Ok(params)
            }
        }
        deserializer.deserialize_map(ParamsVisitor)
    }
}

mod cbor {
    use minicbor::Decoder;
    use minicbor::data::Type;

    use super::{Params, RESOURCES};

    pub(super) fn read(payload: &[u8]) -> Option<Params> {
        let mut decoder = Decoder::new(payload);
        let mut params = Params::default();
        let mut left = decoder.map().ok()?;
        loop {
            match &mut left {
                Some(0) => break,
                Some(count) => *count -= 1,
                None if decoder.datatype().ok()? == Type::Break => {
                    decoder.skip().ok()?;
                    break;
                }
                None => {}
            }
            let name = text(&mut decoder)?;
            if name == RESOURCES {
                decoder.skip().ok()?;
                continue;
            }
            let value = match decoder.datatype().ok()? {
                Type::String | Type::StringIndef => text(&mut decoder)?,
                Type::Bool => decoder.bool().ok()?.to_string(),
                _ => i128::from(decoder.int().ok()?).to_string(),
            };
            params.push(name, value)?;
        }
        (decoder.position() == payload.len()).then_some(params)
    }

    /// A text of definite or indefinite length.
    fn text(decoder: &mut Decoder<'_>) -> Option<String> {
        decoder.str_iter().ok()?.collect::<Result<String, _>>().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Params, Refusal> {
        Params::read(text.as_bytes(), Encoding::Json)
    }

    fn cbor(bytes: &[u8]) -> Result<Params, Refusal> {
        Params::read(bytes, Encoding::Cbor)
    }

    #[test]
    fn json_texts_and_numbers() {
        let params = json(
            r#"{"productKey":"pk","timestamp":2524608000000,"seq":"9122","on":true,
                "resources":[{"a":1}],"empty":""}"#,
        )
        .unwrap();
        assert_eq!(params.get("productKey"), Some("pk"));
        assert_eq!(params.get("timestamp"), Some("2524608000000"));
        assert_eq!(params.get("seq"), Some("9122"));
        assert_eq!(params.get("on"), Some("true"));
        assert_eq!(params.get("empty"), None);
        assert_eq!(params.get("resources"), None);
        assert_eq!(
            params.require("sign").err(),
            Some(Refusal::MissingParameter("sign"))
        );
        assert_eq!(params.iter().count(), 5);
    }

    #[test]
    fn json_that_is_no_flat_object() {
        for text in [
            "x",
            "{",
            "[]",
            "1",
            r#"{"a":{}}"#,
            r#"{"a":null}"#,
            r#"{"a":1,"a":2}"#,
            "{}x",
        ] {
            assert!(
                matches!(json(text), Err(Refusal::BrokenPayload(_))),
                "{text}"
            );
        }
        assert!(matches!(json(""), Err(Refusal::NoPayload)));
    }

    #[test]
    fn cbor_texts_and_numbers() {
        // {"a": "x", "n": -7, "resources": [1], "t": true}
        let bytes = b"\xA4\x61a\x61x\x61n\x26\x69resources\x81\x01\x61t\xF5";
        let params = cbor(bytes).unwrap();
        let all: Vec<_> = params.iter().collect();
        assert_eq!(all, [("a", "x"), ("n", "-7"), ("t", "true")]);
        // Indefinite lengths: {_ "a": (_ "x", "y")}
        let params = cbor(b"\xBF\x61a\x7F\x61x\x61y\xFF\xFF").unwrap();
        assert_eq!(params.get("a"), Some("xy"));
    }

    #[test]
    fn cbor_that_is_no_flat_map() {
        let broken: [&[u8]; 8] = [
            b"\x01",
            b"\xA1\x61a",
            b"\xA1\x61a\x80",
            b"\xA1\x01\x61x",
            b"\xA2\x61a\x01\x61a\x02",
            b"\xA1\x61a\x61x\x00",
            b"\xBF\x61a\x61x",
            b"\xA1\x61a\xF6",
        ];
        for bytes in broken {
            assert!(
                matches!(cbor(bytes), Err(Refusal::BrokenPayload(_))),
                "{bytes:x?}"
            );
        }
        assert!(matches!(cbor(b""), Err(Refusal::NoPayload)));
    }
}
