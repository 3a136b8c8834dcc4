//! What a client asks of the world around it. The HAL implements these; so do the tests.

use super::announcement::VendorIds;
use super::endpoint::Endpoint;
use super::settings::DtlsOffer;
use crate::cloud_auth::Secret;
use crate::coap::Instant;
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

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

    /// Sixteen random bits, where the platform has them for less.
    fn random_u16(&self) -> u16 {
        (self.random() >> 16) as u16
    }

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
///
/// The methods beyond sending and receiving are for connections that have a session of their own, as DTLS
/// has; the defaults are those of one that has none.
pub trait Transport {
    /// Sends one datagram, whole.
    ///
    /// # Errors
    ///
    /// [`SendFailed`] when any of it did not leave; the transport has logged why.
    fn send(&self, datagram: &[u8]) -> Result<(), SendFailed>;

    /// Waits at most `timeout` for a datagram; with a timeout of zero it takes what is there already, and only
    /// a connection that cannot ask for that waits a millisecond. Another thread may send meanwhile; only one
    /// thread receives at a time. While a renewal is under way, this is also what drives it.
    fn receive(&self, buffer: &mut [u8], timeout: Duration) -> Received;

    /// Begins a new handshake with the peer, resuming the session if it can be, and returns at once.
    ///
    /// A session that is still alive goes on meanwhile: it carries what is sent and received until
    /// [`receive`](Self::receive) reports [`Received::Renewed`]. One that has ended stays ended until then.
    /// Asked for while a renewal is under way, it changes nothing.
    fn renew(&self) -> Renewal {
        Renewal::Unsupported
    }

    /// Gives up a renewal under way, if it has not gone too far: the session it was to replace has proved to be
    /// alive.
    fn cancel_renewal(&self) {}

    /// How long until the connection has something to do by itself, such as repeating a flight of a
    /// handshake; [`receive`](Self::receive) then does it. `None`: nothing but what arrives moves it.
    fn next_timeout(&self) -> Option<Duration> {
        None
    }

    /// What a later connection to the same endpoint can resume this session from, if anything.
    fn resumable(&self) -> Option<ResumableSession> {
        None
    }

    /// A file descriptor that becomes readable when there is something to [`receive`](Self::receive); valid
    /// as long as the connection.
    fn descriptor(&self) -> Option<i32> {
        None
    }
}

/// What [`Transport::renew`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// A new handshake is under way.
    Begun,
    /// This connection cannot be renewed: connect anew.
    Unsupported,
}

/// A DTLS session in the form its library can resume it from. Secret, since it holds the master secret: it is
/// wiped on drop and not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumableSession(Zeroizing<Vec<u8>>);

impl ResumableSession {
    /// Takes the library's bytes over.
    #[must_use]
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The bytes in clear.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ResumableSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResumableSession({} bytes)", self.0.len())
    }
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
    /// The renewal has succeeded: from now on the new session carries everything.
    Renewed,
    /// The renewal has failed, in its bounded time; an old session that was alive still carries what is sent.
    NotRenewed,
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
    /// A session to resume, as [`Transport::resumable`] gave it; one that is refused leads to a full handshake.
    pub resume: Option<&'a ResumableSession>,
    /// The path MTU, IP and UDP headers included, that handshake datagrams must fit.
    pub path_mtu: u16,
    /// How long a handshake may take altogether.
    pub handshake_bound: Duration,
    /// After how long without an answer a handshake's flight is sent again at first; doubled each time.
    pub flight_timeout: Duration,
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
