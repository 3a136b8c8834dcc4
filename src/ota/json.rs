//! The members of an answer, whatever their types are, so that a wrong one can be named.

use core::fmt;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;

/// Names of the members of interest, in the answer and in its `data` alike.
const NAMES: [&str; 6] = ["message", "data", "version", "url", "md5", "size"];

/// An object's members of interest; others are skipped.
#[derive(Default)]
pub(super) struct Members<'a>([Option<Value<'a>>; NAMES.len()]);

/// A member's value.
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    /// Negative, or not whole.
    OtherNumber,
    Object(Box<Members<'a>>),
    Null,
    Other,
}

impl<'a> Members<'a> {
    /// The member of this name, which must be one of interest. It is gone afterwards.
    pub(super) fn take(&mut self, name: &str) -> Option<Value<'a>> {
        self.place(name)?.take()
    }

    /// Whether none of them is there.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<Value<'a>>> {
        let index = NAMES.iter().position(|known| *known == name)?;
        Some(&mut self.0[index])
    }
}

/// A member's name, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    /// A negative number; the others come as `u64`.
    fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(Name(name)) = map.next_key()? {
            let Some(place) = members.place(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if place.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("member comes twice"));
            }
        }
        Ok(Value::Object(Box::new(members)))
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}
