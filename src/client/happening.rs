//! What happens to a program while the client runs: answers, reports given up, authentications.

use super::error::AuthError;
use super::event::ResponseHead;
use core::fmt;

/// What a client hands everything that happens to.
pub type Sink<'s, U> = dyn FnMut(Happening<'_, U>) + 's;

/// One thing that happened. Handed over with no lock held, one at a time: whoever receives it may call every
/// method of the client again.
#[derive(Debug)]
pub enum Happening<'a, U> {
    /// A report was answered.
    Response(Delivery<'a, U>),
    /// A report will never be answered: nothing more comes for it.
    ReportFailed(Failure<U>),
    /// Something arrived that could not be received.
    ReceiveFailed(ReceiveFailure),
    /// The client has a new token.
    Authenticated,
    /// An authentication the client began by itself has failed for good, or the cloud refused the device.
    AuthFailed(AuthError),
}

/// The response to a report, on its way to the program.
#[derive(Debug)]
pub struct Delivery<'a, U> {
    /// What the report was sent with.
    pub user: U,
    /// Header and token.
    pub head: ResponseHead,
    /// The payload, decrypted, with a NUL behind it that is not part of it.
    pub payload_and_nul: &'a mut [u8],
}

/// A report that was given up, on its way to the program.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure<U> {
    /// What the report was sent with.
    pub user: U,
    /// The message id it was sent with last; `None` if it never left.
    pub message_id: Option<u16>,
    /// The token number it was taken with, which is also its answer's.
    pub token: u32,
    /// Why.
    pub reason: FailureReason,
    /// How many datagrams it has cost, over all its message ids.
    pub transmissions: u32,
}

/// Why a report was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// No acknowledgement to any transmission.
    Unacknowledged,
    /// Acknowledged, or sent as Non-confirmable, but not answered within the exchange's lifetime.
    Unanswered,
    /// The cloud answered with a Reset.
    Reset,
    /// The connection was lost, and with it what was under way, more often than a report is begun anew.
    SessionLost,
    /// The cloud does not accept the device any more.
    AuthRefused,
    /// It could not leave in its time: no connection, no token, or the cloud asked to wait for longer.
    NotSent,
    /// It could not be encoded anew for the token, or the key, that is in force now.
    NotEncodable,
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unacknowledged => "no acknowledgement to any transmission",
            Self::Unanswered => "no response within the exchange lifetime",
            Self::Reset => "reset by the server",
            Self::SessionLost => "the session was lost too often",
            Self::AuthRefused => "the cloud refused the device",
            Self::NotSent => "it could not be sent in time",
            Self::NotEncodable => "it does not fit the new token",
        })
    }
}

/// Why something could not be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveFailure {
    /// A datagram of more than [`RECEIVE_CAPACITY`](super::RECEIVE_CAPACITY) bytes.
    TooLong,
    /// The payload of this response is not encrypted as the session agreed; it is delivered as it came.
    NotDecrypted,
    /// The connection has ended.
    ConnectionEnded,
}

impl fmt::Display for ReceiveFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a datagram was too long",
            Self::NotDecrypted => "a payload was not encrypted as agreed",
            Self::ConnectionEnded => "the connection has ended",
        })
    }
}
