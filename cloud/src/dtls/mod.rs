//! The DTLS port: one socket, many sessions, told apart by the peer's address.
//!
//! The cookie exchange is left to `DTLSv1_listen`. A hand-made HelloVerifyRequest would be easy to
//! write, but OpenSSL could not be told afterwards to begin with the second ClientHello: its
//! message number is 1 and it is part of the handshake's hash, so it cannot be passed off as a
//! first one. `DTLSv1_listen` on one spare SSL object keeps no state per peer: the object becomes a
//! session only when it has read a valid cookie, and a new spare takes its place.

mod alert;
mod context;
mod cookie;
mod ffi;
mod peer;
mod record;
mod server;

use std::time::Duration;

pub(crate) use context::make_context;
pub(crate) use server::DtlsServer;

use crate::pki::CertificateOptions;

/// Highest protocol version offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DtlsVersion {
    /// DTLS 1.2 and nothing else, as the service.
    #[default]
    V1_2,
    /// DTLS 1.0 and nothing else, which no SDK release speaks.
    V1_0,
}

/// Which ClientHellos must show a cookie, so that their sender has shown that it is there (RFC 6347
/// section 4.2.1). From an address that has a session, all must (section 4.2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VerifyRequest {
    /// All. The safe choice, and costs every handshake a round trip and a second ClientHello.
    #[default]
    Always,
    /// Those that do not resume a session: the RFC lets a server trust the others.
    New,
    /// None: for measurements only, since anybody can make the server send much to others.
    Never,
}

/// Among which messages one with the same id and the same bytes is a repetition, to be answered as before and not
/// acted upon (RFC 7252 section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageIds {
    /// Those of a session and of all that were resumed from it. Such a session has the master secret of the one
    /// before, so the same device is there, and it has not restarted without its memory: what it sends again
    /// because the answer was lost with a session is taken once.
    ///
    /// Not so after a full handshake, even from the same address and with the same key: there a device may have
    /// restarted, and what it sends under ids counted from the beginning can be new.
    #[default]
    Resumed,
    /// Those of one session: the letter of RFC 7252 section 9.1.1, by which every session is another endpoint. For
    /// devices that begin their ids and CoAP tokens anew when they resume.
    Session,
}

/// What can be set about the DTLS port.
#[derive(Debug, Clone)]
pub struct DtlsOptions {
    /// The server certificate; `None` offers pre-shared keys only.
    pub certificate: Option<CertificateOptions>,
    /// Whether pre-shared keys are offered.
    pub psk: bool,
    /// Protocol version.
    pub version: DtlsVersion,
    /// Suites in OpenSSL's notation, instead of all that SDK releases and today's clients offer.
    pub ciphers: Option<String>,
    /// Whether the order of the server's suites decides, not the client's.
    pub prefer_own_order: bool,
    /// Whether sessions can be resumed, by ticket or by id.
    pub resumption: bool,
    /// Whether resumption by ticket is offered, not only by session id.
    pub tickets: bool,
    /// Which handshakes begin with a HelloVerifyRequest.
    pub verify_request: VerifyRequest,
    /// How far message ids reach.
    pub message_ids: MessageIds,
    /// Largest UDP payload sent.
    pub mtu: u32,
    /// First timeout of a handshake flight; it doubles with every repetition.
    pub flight_timeout: Duration,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How long a session may be silent.
    pub idle_timeout: Duration,
    /// How many sessions are held.
    pub max_sessions: usize,
}

impl Default for DtlsOptions {
    fn default() -> Self {
        DtlsOptions {
            certificate: Some(CertificateOptions::default()),
            psk: true,
            version: DtlsVersion::default(),
            ciphers: None,
            prefer_own_order: false,
            resumption: true,
            tickets: true,
            verify_request: VerifyRequest::default(),
            message_ids: MessageIds::default(),
            // The least MTU of IPv6, 1280, less its header and that of UDP.
            mtu: 1232,
            flight_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30 * 60),
            max_sessions: 20_000,
        }
    }
}
