//! The seam to the platform: small safe wrappers over the imported `HAL_*` symbols.
//!
//! Time, sleep, chance, console output, UDP, DTLS and the device's identity are reached only
//! through C symbols that the platform may define; `hal_default` holds weak definitions for Linux.
//! The `sys` module is the only place that names those symbols, and no wrapper here calls the
//! default implementation directly: a call the optimiser can see through would make a firmware's
//! own function be ignored.
//!
//! # What is asked of a port
//!
//! The wrappers distrust values (lengths, handles, unterminated text) but must trust a port in
//! three points, and each `unsafe` block leans on them:
//!
//! 1. a function touches only the memory its prototype gives it, during the call;
//! 2. a handle stays usable from whichever thread calls, until it is closed, and is never unwound
//!    through;
//! 3. [`udp::UdpSocket`] and [`dtls::DtlsSession`] may be sent on while another thread waits in a
//!    receive. A port without that property needs callers that take turns, as the original SDK's
//!    did.

pub mod certs;
pub mod clock;
pub mod console;
pub mod dtls;
pub(crate) mod dtls_offer;
pub mod identity;
pub(crate) mod immediate;
pub(crate) mod opened;
mod platform;
pub mod random;
pub(crate) mod sys;
pub mod udp;

use std::fmt;
use std::time::Duration;

pub use platform::{HalPlatform, HalTransport};

/// What a receive call came back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// One datagram of this many bytes lies at the start of the buffer. A datagram longer than the
    /// buffer is cut, so give the buffer one byte more than the longest message you accept.
    Datagram(usize),
    /// The time-out passed.
    Timeout,
    /// The wait ended early without a datagram (a signal, an empty datagram). Not an error.
    Interrupted,
    /// The transport reported an error. It may still work: the cause can be a lost route.
    Failed,
    /// The peer ended the session; nothing will come any more.
    Closed(CloseReason),
}

/// How a peer ended a DTLS session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// A fatal alert.
    FatalAlert,
    /// A close_notify: the orderly end.
    CloseNotify,
}

/// Why a datagram was not sent. Carries what the port said, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The port returned this error.
    Refused(i64),
    /// The port took only part of the datagram, which is useless to the receiver.
    Short {
        /// Bytes the port claims to have sent.
        sent: usize,
        /// Bytes of the datagram.
        wanted: usize,
    },
    /// Longer than the seam can express.
    TooLong,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "the transport returned {code}"),
            Self::Short { sent, wanted } => {
                write!(f, "the transport sent only {sent} of {wanted} bytes")
            }
            Self::TooLong => f.write_str("the datagram is too long"),
        }
    }
}

impl std::error::Error for SendError {}

/// The transport could not be set up. The port has logged why; the seam carries no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectError;

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the transport could not be set up")
    }
}

impl std::error::Error for ConnectError {}

/// Runs a read of the seam with the wait it is to have: with 0, one of the shortest wait that the seam can express,
/// which the default port does not wait.
fn with_wait<T>(timeout_ms: u32, read: impl FnOnce(std::ffi::c_uint) -> T) -> T {
    if timeout_ms == 0 {
        immediate::immediately(|| read(wait_ms(0)))
    } else {
        read(wait_ms(timeout_ms))
    }
}

/// Bounds a wait to what every port understands: 0 means "for ever" there, and some ports keep the
/// value in a signed integer.
fn wait_ms(timeout_ms: u32) -> std::ffi::c_uint {
    timeout_ms.clamp(1, i32::MAX as u32)
}

/// Whole milliseconds, rounded up so that a wait of so many never ends before its time. (Not by way of nanoseconds, which
/// have 128 bits: their division is a function of its own, of a hundred instructions.)
pub(crate) const fn milliseconds(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1000);
    whole.saturating_add(duration.subsec_nanos().div_ceil(1_000_000) as u64)
}

/// The length of a buffer as the seam counts it.
fn buffer_len(buffer: &[u8]) -> std::ffi::c_uint {
    std::ffi::c_uint::try_from(buffer.len()).unwrap_or(std::ffi::c_uint::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_for_ever_and_never_negative_in_c() {
        assert_eq!(wait_ms(0), 1);
        assert_eq!(wait_ms(1), 1);
        assert_eq!(wait_ms(2000), 2000);
        assert_eq!(wait_ms(u32::MAX), i32::MAX as u32);
    }

    #[test]
    fn milliseconds_are_rounded_up_and_bounded() {
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_micros(1500)), 2);
        assert_eq!(milliseconds(Duration::new(2, 999_000_001)), 3000);
        assert_eq!(milliseconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn send_errors_say_what_happened() {
        assert_eq!(
            SendError::Refused(-16).to_string(),
            "the transport returned -16"
        );
        assert_eq!(
            SendError::Short { sent: 3, wanted: 9 }.to_string(),
            "the transport sent only 3 of 9 bytes"
        );
    }
}
