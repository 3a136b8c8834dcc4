//! The payload of the 2.05 answer to `POST /auth`.
//!
//! Whatever the bytes are, the outcome is a whole [`AuthAnswer`] or one [`AnswerError`]. Members
//! may come in any order, unknown ones are skipped, and one that comes twice makes the answer
//! malformed.

mod cbor;
#[cfg(test)]
mod hostile_tests;
mod json;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;

use super::decimal;
use super::request::Encoding;
use super::secret::Secret;

/// Longest token that is accepted, in bytes. The cloud documents no limit: the samples have 32 to
/// 110 characters, and the C SDK has room for 192.
pub const MAX_TOKEN_LEN: usize = 1024;

/// Longest `random` that is accepted, in bytes; the C SDK has room for as many.
pub const MAX_RANDOM_LEN: usize = 32;

/// What the cloud grants a device that has proved its identity.
#[derive(Debug)]
pub struct AuthAnswer {
    /// To be sent with every request. Holds no control character, so it can also be a C string.
    pub token: Secret,
    /// Given in the symmetric mode, and only there.
    pub symmetric: Option<SymmetricGrant>,
}

/// What the symmetric mode needs beside the token.
#[derive(Debug)]
pub struct SymmetricGrant {
    /// The cloud's share of the session key: text of 1 to [`MAX_RANDOM_LEN`] bytes.
    pub random: Secret,
    /// The sequence number of the device's next request.
    pub seq_offset: u32,
}

/// Why an answer was not accepted. Never holds any part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// Not one well-formed map in this encoding, or a member that is needed comes twice in it.
    Malformed(Encoding),
    /// This member is there but of the wrong type.
    WrongType(&'static str),
    /// There is no token.
    NoToken,
    /// The token is empty text.
    EmptyToken,
    /// The token is longer than [`MAX_TOKEN_LEN`].
    TokenTooLong,
    /// The token holds a control character, such as NUL.
    ControlCharacterInToken,
    /// The symmetric mode was expected but there is no `random`.
    NoRandom,
    /// `random` is empty text.
    EmptyRandom,
    /// `random` is longer than [`MAX_RANDOM_LEN`].
    RandomTooLong,
    /// The symmetric mode was expected but there is no `seqOffset`.
    NoSeqOffset,
    /// `seqOffset` is no decimal number, negative, or greater than `u32::MAX`.
    SeqOffsetOutOfRange,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(encoding) => write!(f, "not a well-formed {encoding} map"),
            Self::WrongType(member) => write!(f, "member {member} is of the wrong type"),
            Self::NoToken => f.write_str("no token"),
            Self::EmptyToken => f.write_str("empty token"),
            Self::TokenTooLong => write!(f, "token longer than {MAX_TOKEN_LEN} bytes"),
            Self::ControlCharacterInToken => f.write_str("control character in the token"),
            Self::NoRandom => f.write_str("no random"),
            Self::EmptyRandom => f.write_str("empty random"),
            Self::RandomTooLong => write!(f, "random longer than {MAX_RANDOM_LEN} bytes"),
            Self::NoSeqOffset => f.write_str("no seqOffset"),
            Self::SeqOffsetOutOfRange => f.write_str("seqOffset is not a number of 32 bits"),
        }
    }
}

impl Error for AnswerError {}

/// Reads the payload of an answer.
///
/// `encoding` is what the request asked for. The service may answer in JSON all the same, so a first
/// byte that can only be the other encoding overrules it.
/// `expect_symmetric` tells whether `random` and `seqOffset` are needed; if not, they are not even
/// looked at.
///
/// # Errors
///
/// See [`AnswerError`].
pub fn parse_answer(
    payload: &[u8],
    encoding: Encoding,
    expect_symmetric: bool,
) -> Result<AuthAnswer, AnswerError> {
    match actual_encoding(payload, encoding) {
        Encoding::Json => json::members(payload),
        Encoding::Cbor => cbor::members(payload),
    }?
    .check(expect_symmetric)
}

fn actual_encoding(payload: &[u8], hint: Encoding) -> Encoding {
    match payload.first() {
        Some(b'{' | b' ' | b'\t' | b'\n' | b'\r') => Encoding::Json,
        // Major type 5, a map. No JSON text starts like this, nor is it the start of any UTF-8.
        Some(0xA0..=0xBF) => Encoding::Cbor,
        _ => hint,
    }
}

/// The members of interest as they were found, before anything is asked of them.
#[derive(Default)]
struct Members<'a> {
    token: Option<Value<'a>>,
    random: Option<Value<'a>>,
    seq_offset: Option<Value<'a>>,
}

/// A member's value. Text that can be used where it lies in the payload is not copied.
enum Value<'a> {
    Borrowed(&'a str),
    Owned(Secret),
    Number(u64),
    Other,
}

impl<'a> Members<'a> {
    /// Where the value of a member of that name belongs; `None` for a name of no interest.
    fn slot(&mut self, name: &str) -> Option<&mut Option<Value<'a>>> {
        match name {
            "token" => Some(&mut self.token),
            "random" => Some(&mut self.random),
            "seqOffset" => Some(&mut self.seq_offset),
            _ => None,
        }
    }

    fn check(self, expect_symmetric: bool) -> Result<AuthAnswer, AnswerError> {
        let token = self.token.ok_or(AnswerError::NoToken)?.into_text("token")?;
        match token.as_str() {
            "" => return Err(AnswerError::EmptyToken),
            text if text.len() > MAX_TOKEN_LEN => return Err(AnswerError::TokenTooLong),
            text if text.contains(char::is_control) => {
                return Err(AnswerError::ControlCharacterInToken);
            }
            _ => {}
        }
        if !expect_symmetric {
            return Ok(AuthAnswer {
                token,
                symmetric: None,
            });
        }
        let random = self
            .random
            .ok_or(AnswerError::NoRandom)?
            .into_text("random")?;
        match random.as_bytes().len() {
            0 => return Err(AnswerError::EmptyRandom),
            1..=MAX_RANDOM_LEN => {}
            _ => return Err(AnswerError::RandomTooLong),
        }
        let seq_offset = self
            .seq_offset
            .ok_or(AnswerError::NoSeqOffset)?
            .into_seq_offset()?;
        Ok(AuthAnswer {
            token,
            symmetric: Some(SymmetricGrant { random, seq_offset }),
        })
    }
}

impl Value<'_> {
    fn into_text(self, member: &'static str) -> Result<Secret, AnswerError> {
        match self {
            Self::Borrowed(text) => Ok(Secret::new(text)),
            Self::Owned(text) => Ok(text),
            Self::Number(_) | Self::Other => Err(AnswerError::WrongType(member)),
        }
    }

    fn into_seq_offset(self) -> Result<u32, AnswerError> {
        let number = match &self {
            Self::Number(number) => u32::try_from(*number).ok(),
            Self::Borrowed(text) => decimal::parse(text.as_bytes()),
            Self::Owned(text) => decimal::parse(text.as_bytes()),
            Self::Other => return Err(AnswerError::WrongType("seqOffset")),
        };
        number.ok_or(AnswerError::SeqOffsetOutOfRange)
    }
}
