//! The cloud's order to load another firmware: the payload of an answer.

use super::json::{Members, Value};
use super::url::{Url, UrlError};
use core::fmt;
use std::borrow::Cow;

/// Longest version that is accepted, in bytes. (The cloud's console allows 64 characters.)
pub const MAX_VERSION_LEN: usize = 128;

const MD5_HEX_LEN: usize = 32;

/// What the cloud wants the device to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Version of the image, 1 to [`MAX_VERSION_LEN`] bytes without control characters.
    pub version: String,
    /// Where it is.
    pub url: Url,
    /// Its MD5.
    pub md5: Md5Sum,
    /// Its size in bytes; not 0.
    pub size: u32,
}

impl Order {
    /// Whether both orders mean the same image; its URL may differ, because signed URLs do each time.
    #[must_use]
    pub fn is_same_image(&self, other: &Self) -> bool {
        (&self.version, self.md5, self.size) == (&other.version, other.md5, other.size)
    }
}

/// An MD5 sum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Md5Sum(pub [u8; MD5_HEX_LEN / 2]);

impl Md5Sum {
    /// Reads 32 hexadecimal digits of either case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != MD5_HEX_LEN {
            return None;
        }
        let mut sum = [0; MD5_HEX_LEN / 2];
        for (byte, pair) in sum.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
        }
        Some(Self(sum))
    }
}

impl fmt::Display for Md5Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Md5Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why an answer's payload is no order that can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// Not one well-formed JSON object, or a member that is needed comes twice in it.
    Malformed,
    /// This member is missing.
    Missing(&'static str),
    /// This member is of the wrong type.
    WrongType(&'static str),
    /// The version is empty, too long, or holds a control character.
    Version,
    /// The URL is of no use.
    Url(UrlError),
    /// The MD5 is not 32 hexadecimal digits.
    Md5,
    /// The size is not a number from 1 to 4294967295.
    Size,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a well-formed JSON object"),
            Self::Missing(member) => write!(f, "no \"{member}\""),
            Self::WrongType(member) => write!(f, "\"{member}\" is of the wrong type"),
            Self::Version => write!(
                f,
                "the version is not 1 to {MAX_VERSION_LEN} printable bytes"
            ),
            Self::Url(error) => error.fmt(f),
            Self::Md5 => f.write_str("the MD5 is not 32 hexadecimal digits"),
            Self::Size => f.write_str("the size is not a number from 1 to 4294967295"),
        }
    }
}

impl std::error::Error for OrderError {}

/// Reads the payload of an answer to a report. `None`: the answer orders nothing, because it is empty,
/// its `message` is not `success`, or it has no `data` (or an empty one).
///
/// # Errors
///
/// See [`OrderError`]: something was ordered, but not so that it could be done.
pub fn parse_answer(payload: &[u8]) -> Result<Option<Order>, OrderError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(payload) else {
        return Err(OrderError::Malformed);
    };
    // Another text, or another type: not the answer that carries orders.
    if !matches!(answer.take("message"), Some(Value::Text(text)) if text == "success") {
        return Ok(None);
    }
    let mut data = match answer.take("data") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(data)) if data.is_empty() => return Ok(None),
        Some(Value::Object(data)) => data,
        Some(_) => return Err(OrderError::WrongType("data")),
    };
    let version = text(&mut data, "version")?;
    if version.is_empty() || version.len() > MAX_VERSION_LEN || version.contains(char::is_control) {
        return Err(OrderError::Version);
    }
    let url = Url::parse(&text(&mut data, "url")?).map_err(OrderError::Url)?;
    let md5 = Md5Sum::from_hex(&text(&mut data, "md5")?).ok_or(OrderError::Md5)?;
    let size = match data.take("size") {
        None => return Err(OrderError::Missing("size")),
        Some(Value::Number(size)) => u32::try_from(size).map_err(|_| OrderError::Size)?,
        Some(Value::OtherNumber) => return Err(OrderError::Size),
        Some(_) => return Err(OrderError::WrongType("size")),
    };
    if size == 0 {
        return Err(OrderError::Size);
    }
    Ok(Some(Order {
        version: version.into_owned(),
        url,
        md5,
        size,
    }))
}

fn text<'a>(data: &mut Members<'a>, member: &'static str) -> Result<Cow<'a, str>, OrderError> {
    match data.take(member) {
        Some(Value::Text(text)) => Ok(text),
        Some(_) => Err(OrderError::WrongType(member)),
        None => Err(OrderError::Missing(member)),
    }
}
