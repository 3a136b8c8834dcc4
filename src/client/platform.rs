//! What a client asks of the world around it. The HAL implements these; so do the tests.

use super::announcement::VendorIds;
use super::endpoint::Endpoint;
use super::settings::DtlsOffer;
use crate::cloud_auth::Secret;
use crate::coap::Instant;
use core::fmt;
use core::time::Duration;

/// Time, randomness and connections.
pub trait Platform {
    /// A connection this platform makes.
    type Transport: Transport;

    /// The monotonic clock.
    fn now(&self) -> Instant;

    /// Sleeps.
    fn sleep(&self, duration: Duration);

    /// Thirty-two random bits.
    fn random(&self) -> u32;

    /// Connects to the cloud: resolves the host and, for [`Security::Dtls`](super::Security::Dtls),
    /// completes the handshake. Bounded in time.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; the platform has logged the details.
    fn connect(&self, request: &ConnectRequest<'_>) -> Result<Self::Transport, ConnectError>;

    /// The ids of the module's vendor, if the platform has both.
    fn vendor_ids(&self) -> Option<VendorIds> {
        None
    }
}

/// A connection that carries one CoAP message per datagram.
pub trait Transport {
    /// Sends one datagram, whole.
    ///
    /// # Errors
    ///
    /// [`SendFailed`] when any of it did not leave; the transport has logged why.
    fn send(&self, datagram: &[u8]) -> Result<(), SendFailed>;

    /// Waits at most `timeout` (at least 1 ms) for a datagram. Another thread may send meanwhile; only one
    /// thread receives at a time.
    fn receive(&self, buffer: &mut [u8], timeout: Duration) -> Received;
}

/// What [`Transport::receive`] came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A datagram of this many bytes.
    Datagram(usize),
    /// Nothing within the timeout.
    Nothing,
    /// A passing failure, such as an ICMP error; may have come at once.
    Failed,
    /// The connection is at its end: the peer closed the DTLS session or sent a fatal alert.
    Closed,
}

/// A datagram did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendFailed;

/// What to connect to, and what to prove there.
#[derive(Debug)]
pub struct ConnectRequest<'a> {
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// What a DTLS handshake may offer.
    pub offer: DtlsOffer,
    /// The pre-shared key, for offers that include it.
    pub psk: Option<PskCredentials>,
}

/// A DTLS pre-shared key and its identity (RFC 4279).
#[derive(Debug)]
pub struct PskCredentials {
    /// `psk_identity`, sent in the clear.
    pub identity: String,
    /// The key's bytes.
    pub key: Secret,
}

/// No connection could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectError;

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection to the server")
    }
}

impl std::error::Error for ConnectError {}
