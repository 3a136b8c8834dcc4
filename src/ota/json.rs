//! The members of an answer, whatever their types are, so that a wrong one can be named.

use core::fmt;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::marker::PhantomData;

/// An answer's members of interest; others are skipped.
#[derive(Default)]
pub(super) struct Answer<'a> {
    pub(super) message: Option<Value<'a>>,
    pub(super) data: Option<Data<'a>>,
}

/// The member `data`.
pub(super) enum Data<'a> {
    Members(Members<'a>),
    Null,
    Other,
}

/// The members of interest in `data`.
#[derive(Default)]
pub(super) struct Members<'a> {
    pub(super) version: Option<Value<'a>>,
    pub(super) url: Option<Value<'a>>,
    pub(super) md5: Option<Value<'a>>,
    pub(super) size: Option<Value<'a>>,
}

impl Members<'_> {
    /// Whether none of them is there: nothing is ordered.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            version,
            url,
            md5,
            size,
        } = self;
        version.is_none() && url.is_none() && md5.is_none() && size.is_none()
    }
}

/// A member's value.
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    /// Negative, or not whole.
    OtherNumber,
    Other,
}

/// A member's name, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object whose members of interest go to their places, each at most once.
trait Object<'de>: Default {
    /// Takes the value if the name is of interest; otherwise says no and leaves it alone.
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

impl<'de> Object<'de> for Answer<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "message" => once(&mut self.message, map),
            "data" => once(&mut self.data, map),
            _ => Ok(false),
        }
    }
}

impl<'de> Object<'de> for Members<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "version" => once(&mut self.version, map),
            "url" => once(&mut self.url, map),
            "md5" => once(&mut self.md5, map),
            "size" => once(&mut self.size, map),
            _ => Ok(false),
        }
    }
}

fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    place: &mut Option<T>,
    map: &mut A,
) -> Result<bool, A::Error> {
    match place.replace(map.next_value()?) {
        None => Ok(true),
        Some(_) => Err(A::Error::custom("member comes twice")),
    }
}

fn collect<'de, T: Object<'de>, A: MapAccess<'de>>(mut map: A) -> Result<T, A::Error> {
    let mut object = T::default();
    while let Some(Name(name)) = map.next_key()? {
        if !object.take(&name, &mut map)? {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(object)
}

impl<'de> Deserialize<'de> for Answer<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<'a>(PhantomData<&'a ()>);

        impl<'de> Visitor<'de> for ObjectVisitor<'de> {
            type Value = Answer<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                collect(map)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// What a JSON value can be made into: both of [`Data`] and [`Value`] take every type.
trait Any<'de>: Sized {
    const OTHER: Self;

    fn null() -> Self {
        Self::OTHER
    }

    fn text(_: Cow<'de, str>) -> Self {
        Self::OTHER
    }

    fn number(_: Option<u64>) -> Self {
        Self::OTHER
    }

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::OTHER)
    }
}

impl<'de> Any<'de> for Value<'de> {
    const OTHER: Self = Self::Other;

    fn text(text: Cow<'de, str>) -> Self {
        Self::Text(text)
    }

    fn number(number: Option<u64>) -> Self {
        number.map_or(Self::OtherNumber, Self::Number)
    }
}

impl<'de> Any<'de> for Data<'de> {
    const OTHER: Self = Self::Other;

    fn null() -> Self {
        Self::Null
    }

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        collect(map).map(Self::Members)
    }
}

struct AnyVisitor<T>(PhantomData<T>);

impl<'de, T: Any<'de>> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::number(Some(number)))
    }

    /// A negative number; the others come as `u64`.
    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::number(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::number(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::OTHER)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::object(map)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Data<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}
