//! How a download fails.

use core::fmt;

/// Why there are no further bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The next attempt may succeed, and goes on where this one ended: a lost connection, a server that is
    /// busy, a name that does not resolve at the moment.
    Passing(String),
    /// This URL will not give the image that was ordered: it is gone, or another one.
    Final(String),
}

impl Failure {
    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing(reason.into())
    }

    pub(crate) fn last(reason: impl Into<String>) -> Self {
        Self::Final(reason.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(reason) | Self::Final(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Failure {}
