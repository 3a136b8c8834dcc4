//! What goes into a session and comes out: reports, why one is refused, and what arrived.

use crate::coap::{Code, MessageType, PathError, Reply, RequestError, SubmitError, Token};
use core::fmt;
use core::ops::Range;

/// One report to the cloud.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Path of the topic, such as `/topic/{pk}/{dn}/user/update`.
    pub path: &'a [u8],
    /// What is reported.
    pub payload: &'a [u8],
    /// Content-Format of the payload: 50 for JSON, 60 for CBOR.
    pub content_format: u16,
    /// Whether the cloud is to acknowledge it (CON) or not (NON).
    pub confirmable: bool,
}

/// Why a report was not taken. Nothing has been sent then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// The payload, or the message around it, exceeds the datagram limit.
    TooLong,
    /// There is no valid token: authenticate first.
    NotAuthenticated,
    /// The path cannot be sent.
    Path(PathError),
    /// Too many requests are waiting.
    QueueFull,
    /// The payload could not be encrypted.
    Crypto,
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => RequestError::TooLong.fmt(f),
            Self::NotAuthenticated => f.write_str("not authenticated"),
            Self::Path(error) => error.fmt(f),
            Self::QueueFull => SubmitError::QueueFull.fmt(f),
            Self::Crypto => f.write_str("payload could not be encrypted"),
        }
    }
}

impl std::error::Error for ReportError {}

impl From<SubmitError> for ReportError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::QueueFull => Self::QueueFull,
            SubmitError::Request(_) => Self::TooLong,
        }
    }
}

/// Header and token of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Message type.
    pub message_type: MessageType,
    /// Response code.
    pub code: Code,
    /// Message id.
    pub message_id: u16,
    /// Token.
    pub token: Token,
}

/// What a datagram, or the passing of time, means to the owner of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<U> {
    /// The status of the authentication has changed.
    Auth,
    /// The response to a report; its payload, decrypted, lies in this part of the datagram's buffer.
    Response {
        /// What the report was submitted with.
        user: U,
        /// Header and token.
        head: ResponseHead,
        /// Payload.
        payload: Range<usize>,
    },
}

/// What [`Session::handle`] made of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrival<U> {
    /// To be sent back at once.
    pub reply: Option<Reply>,
    /// What it means; `None` for messages that end nothing.
    pub event: Option<Event<U>>,
}
