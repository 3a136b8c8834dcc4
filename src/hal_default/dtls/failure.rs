//! Why a handshake or a session failed, in words for the log.

use std::ffi::{CStr, c_int};
use std::fmt;
use std::io;
use std::time::Duration;

use openssl::error::ErrorStack;

use super::super::connect::ConnectFailure;
use super::alerts::Alert;
use super::stream::Trouble;
use super::verify::Rejection;

/// Reasons of OpenSSL's ssl library (`SSL_R_*`), which the bindings do not name.
mod reason {
    use std::ffi::c_int;
    pub(super) const LIBRARY: c_int = 20;
    pub(super) const BAD_PROTOCOL_VERSION_NUMBER: c_int = 116;
    pub(super) const NO_SHARED_CIPHER: c_int = 193;
    pub(super) const UNKNOWN_CIPHER_RETURNED: c_int = 248;
    pub(super) const UNKNOWN_SSL_VERSION: c_int = 254;
    pub(super) const UNSUPPORTED_PROTOCOL: c_int = 258;
    pub(super) const UNSUPPORTED_SSL_VERSION: c_int = 259;
    pub(super) const WRONG_CIPHER_RETURNED: c_int = 261;
    pub(super) const WRONG_SSL_VERSION: c_int = 266;
    pub(super) const WRONG_VERSION_NUMBER: c_int = 267;
    pub(super) const VERSION_TOO_LOW: c_int = 396;
    /// A received fatal alert is reported as this plus its number.
    pub(super) const ALERTS: c_int = 1000;
}

/// Numbers of alerts with a meaning of their own here (RFC 5246 7.2.2).
const ALERT_HANDSHAKE_FAILURE: Alert = Alert(40);
const ALERT_PROTOCOL_VERSION: Alert = Alert(70);

/// Why there is no session.
#[derive(Debug)]
pub(super) enum Failure {
    /// The host is neither a name nor an address: no certificate can be checked against it.
    Name(String),
    /// No socket.
    Connect(ConnectFailure),
    /// The root certificates cannot be used.
    Roots(String),
    /// A test variable is set and cannot be used.
    #[cfg(feature = "redirect")]
    Redirect(super::super::redirect::Malformed),
    /// A pre-shared key is demanded, and there is none.
    NoKey,
    /// OpenSSL could not be set up.
    Setup(ErrorStack),
    /// The peer cannot be reached, said repeatedly by the network.
    Unreachable(io::Error),
    /// A datagram of the handshake is longer than the network interface takes.
    PathMtu(u16),
    /// The time is over; whether the peer had answered at all, and the last alert that it, or
    /// somebody in its name, had sent in clear.
    Timeout {
        after: Duration,
        heard: bool,
        alert: Option<Alert>,
    },
    /// The server's certificate.
    Certificate(Rejection),
    /// The server chose the pre-shared key, and then this happened.
    PskRefused(Box<Failure>),
    /// The peer speaks another version only.
    Version,
    /// No cipher suite in common, or the server chose one that was not offered.
    Suites,
    /// The server sent a fatal alert.
    Alert(Alert),
    /// Anything else, in OpenSSL's words.
    Protocol(String),
}

impl Failure {
    /// Tells an error of OpenSSL's handshake apart.
    pub(super) fn from_openssl(trouble: &Trouble) -> Self {
        trouble
            .stack
            .errors()
            .iter()
            .filter(|error| error.library_code() == reason::LIBRARY)
            .find_map(|error| Self::from_reason(error.reason_code()))
            .unwrap_or_else(|| Self::Protocol(trouble.to_string()))
    }

    /// An alert that ended the handshake.
    pub(super) fn from_alert(alert: Alert) -> Self {
        if alert == ALERT_PROTOCOL_VERSION {
            Self::Version
        } else {
            Self::Alert(alert)
        }
    }

    /// Whether nothing but silence was the reason: the path to the server may be to blame.
    pub(super) fn is_silence(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreachable(_) => true,
            Self::PskRefused(cause) => cause.is_silence(),
            _ => false,
        }
    }

    fn from_reason(reason: c_int) -> Option<Self> {
        if let Some(alert) = alert_of(reason) {
            return Some(Self::from_alert(alert));
        }
        match reason {
            reason::BAD_PROTOCOL_VERSION_NUMBER
            | reason::UNKNOWN_SSL_VERSION
            | reason::UNSUPPORTED_PROTOCOL
            | reason::UNSUPPORTED_SSL_VERSION
            | reason::WRONG_SSL_VERSION
            | reason::WRONG_VERSION_NUMBER
            | reason::VERSION_TOO_LOW => Some(Self::Version),
            reason::NO_SHARED_CIPHER
            | reason::UNKNOWN_CIPHER_RETURNED
            | reason::WRONG_CIPHER_RETURNED => Some(Self::Suites),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(host) => write!(f, "{host:?} is neither a host name nor an address"),
            Self::Connect(failure) => write!(f, "{failure}"),
            Self::Roots(problem) => write!(f, "the root certificates cannot be used: {problem}"),
            #[cfg(feature = "redirect")]
            Self::Redirect(error) => write!(f, "{error}"),
            Self::NoKey => f.write_str("a pre-shared key is demanded, and none is known"),
            Self::Setup(error) => write!(f, "OpenSSL could not be set up: {error}"),
            Self::Unreachable(error) => write!(f, "the server cannot be reached: {error}"),
            Self::PathMtu(mtu) => write!(
                f,
                "the network interface takes no datagrams for a path MTU of {mtu}: set a smaller one"
            ),
            Self::Timeout {
                after,
                heard,
                alert,
            } => {
                if *heard {
                    write!(f, "the server stopped answering; gave up after {after:.1?}")?;
                } else {
                    write!(f, "no answer from the server within {after:.1?}")?;
                }
                match alert {
                    Some(alert) => write!(f, ", having heard the alert {}", alert.name()),
                    None => Ok(()),
                }
            }
            Self::Certificate(rejection) => write!(f, "{rejection}"),
            Self::PskRefused(cause) => write!(f, "the pre-shared key did not work: {cause}"),
            Self::Version => f.write_str("the server does not speak DTLS 1.2"),
            Self::Suites => f.write_str("no cipher suite in common with the server"),
            Self::Alert(ALERT_HANDSHAKE_FAILURE) => write!(
                f,
                "fatal alert {} from the server: probably no cipher suite in common",
                ALERT_HANDSHAKE_FAILURE.name()
            ),
            Self::Alert(alert) => write!(f, "fatal alert {} from the server", alert.name()),
            Self::Protocol(text) => f.write_str(text),
        }
    }
}

/// The fatal alert behind a reason code.
fn alert_of(reason: c_int) -> Option<Alert> {
    reason
        .checked_sub(reason::ALERTS)
        .and_then(|number| u8::try_from(number).ok())
        .map(Alert)
}

/// The fatal alert that a session's trouble consists of, if it is one: the last entry. Others may have been there before.
pub(super) fn fatal_alert(stack: &ErrorStack) -> Option<Alert> {
    let last = stack.errors().last()?;
    let of_session = last.library_code() == reason::LIBRARY;
    of_session.then(|| alert_of(last.reason_code())).flatten()
}

impl Alert {
    /// Its name and number, as `bad certificate (42)`.
    pub(super) fn name(self) -> String {
        let number = self.0;
        // SAFETY: gives a static text for every number.
        let name =
            unsafe { CStr::from_ptr(openssl_sys::SSL_alert_desc_string_long(number.into())) };
        format!("{} ({number})", name.to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_numbered_from_a_thousand() {
        assert_eq!(alert_of(1040), Some(Alert(40)));
        assert_eq!(alert_of(1000), Some(Alert(0)));
        assert_eq!(alert_of(1255), Some(Alert(255)));
        assert_eq!(alert_of(999), None);
        assert_eq!(alert_of(1256), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks OpenSSL")]
    fn alerts_have_names() {
        assert_eq!(Alert(40).name(), "handshake failure (40)");
        assert_eq!(Alert(48).name(), "unknown CA (48)");
        assert_eq!(Alert(115).name(), "unknown PSK identity (115)");
        assert_eq!(Alert(254).name(), "unknown (254)");
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks OpenSSL")]
    fn the_kinds_of_silence_read_differently() {
        for (heard, alert, text) in [
            (false, None, "no answer from the server within 30.0s"),
            (
                true,
                None,
                "the server stopped answering; gave up after 30.0s",
            ),
            (
                false,
                Some(Alert(40)),
                "no answer from the server within 30.0s, having heard the alert handshake failure (40)",
            ),
        ] {
            let after = Duration::from_secs(30);
            let failure = Failure::Timeout {
                after,
                heard,
                alert,
            };
            assert_eq!(failure.to_string(), text);
        }
    }
}
