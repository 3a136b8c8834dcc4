//! Why a call of the client failed.

use super::event::ReportError;
use core::fmt;

/// Why a report was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It was not taken.
    Report(ReportError),
    /// There is no connection, or the datagram did not leave.
    NotSent,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(error) => error.fmt(f),
            Self::NotSent => f.write_str("the message could not be sent"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why an authentication failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The cloud refused, reset, or kept asking to try again later.
    Refused,
    /// No usable answer within the bound.
    TimedOut,
    /// There is no connection, or the request did not leave.
    NotSent,
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the cloud refused the authentication",
            Self::TimedOut => "no answer to the authentication in time",
            Self::NotSent => "the authentication request could not be sent",
        })
    }
}

impl std::error::Error for AuthError {}
