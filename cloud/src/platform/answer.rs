//! Answers before they become messages.

use super::refusal::Refusal;
use super::request::OPTION_MESSAGE_ID;
use crate::code::Code;

const MAX_AGE: u16 = 14;

/// Code, options and payload of an answer. `Debug` leaves the payload out: it may be a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The code.
    pub code: Code,
    /// Option numbers and values.
    pub options: Vec<(u16, Vec<u8>)>,
    /// The payload, in clear.
    pub payload: Vec<u8>,
    /// Sent in clear even to a symmetric session.
    pub in_clear: bool,
}

impl Answer {
    /// A code and nothing else.
    pub fn bare(code: Code) -> Self {
        Answer {
            code,
            options: Vec::new(),
            payload: Vec::new(),
            in_clear: false,
        }
    }

    /// A code and a payload.
    pub fn new(code: Code, payload: impl Into<Vec<u8>>) -> Self {
        Answer {
            payload: payload.into(),
            ..Answer::bare(code)
        }
    }

    /// With the option Max-Age (RFC 7252 section 5.10.5): how many seconds the answer stays true, and
    /// with 4.29 (RFC 8516) and 5.03 how long the device is to wait.
    #[must_use]
    pub fn max_age(mut self, seconds: u32) -> Self {
        let bytes = seconds.to_be_bytes();
        let zeros = (seconds.leading_zeros() / 8) as usize;
        self.options.push((MAX_AGE, bytes[zeros..].to_vec()));
        self
    }

    /// The answer to an accepted post: 2.05, option 2090, no payload.
    pub(crate) fn accepted(cloud_id: u64) -> Self {
        let id = (OPTION_MESSAGE_ID, cloud_id.to_be_bytes().to_vec());
        Answer {
            options: vec![id],
            ..Answer::bare(Code::CONTENT)
        }
    }

    /// The answer that goes with a refusal.
    pub(crate) fn refusing(refusal: &Refusal) -> Self {
        Answer::new(refusal.code(), refusal.text())
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.code, self.payload.len())
    }
}
