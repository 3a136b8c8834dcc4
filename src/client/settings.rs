//! What a client may be told beyond the SDK's configuration.

use super::endpoint::TokenOption;
use crate::cloud_auth::{Encoding, SignMethod};
use crate::coap::TransmissionParams;
use core::time::Duration;

/// Which proofs of identity the DTLS ClientHello offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtlsOffer {
    /// Server certificate first, pre-shared key last.
    #[default]
    Both,
    /// Server certificate only.
    CertificateOnly,
    /// Pre-shared key only.
    PskOnly,
}

/// The settings of one client; the defaults are what the SDK's own configuration implies.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Transmission parameters (RFC 7252 section 4.8).
    pub transmission: TransmissionParams,
    /// Signature of the authentication request.
    pub sign_method: SignMethod,
    /// Encoding of the authentication request and its answer.
    pub encoding: Encoding,
    /// `ackMode` of the authentication request: 1 asks the cloud to answer in separate responses.
    pub ack_mode: Option<u8>,
    /// How long one authentication may take altogether.
    pub auth_bound: Duration,
    /// How long a token is used before a new authentication is due (48 h by the cloud's document).
    pub token_lifetime: Duration,
    /// The token option; `None` chooses by host ([`Endpoint::token_option`](super::Endpoint)).
    pub token_option: Option<TokenOption>,
    /// What the DTLS handshake offers.
    pub dtls_offer: DtlsOffer,
    /// Whether the device tells the cloud about its module and SDK after an authentication, where the
    /// platform has vendor ids ([`VendorIds`](super::VendorIds)).
    pub announce: bool,
    /// Whether the client authenticates again by itself: when the cloud refuses its token (4.01, 4.02), and
    /// before the token's lifetime is over.
    pub reauthenticate: bool,
    /// Whether a report that was refused for its token is sent once more under the new one.
    pub resend_refused: bool,
    /// Whether reports wait while the cloud has asked for it (4.29, 5.03 and their Max-Age).
    pub heed_back_off: bool,
    /// Whether a DTLS session that the peer seems to have lost is renewed while reports are under way.
    pub renew_session: bool,
    /// The path MTU that DTLS handshakes fit, IP and UDP headers included; the default is what IPv6
    /// carries everywhere (RFC 8200 section 5).
    pub path_mtu: u16,
    /// How long one DTLS handshake may take altogether.
    pub handshake_bound: Duration,
    /// After how long without an answer a flight of a DTLS handshake is sent again at first, doubled each
    /// time (RFC 6347 section 4.2.4.1). 1 s suits most links; RFC 7925 section 11 recommends 9 s on slow ones.
    pub flight_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transmission: TransmissionParams::default(),
            sign_method: SignMethod::default(),
            encoding: Encoding::default(),
            ack_mode: None,
            auth_bound: Duration::from_secs(10),
            token_lifetime: Duration::from_secs(48 * 60 * 60),
            token_option: None,
            dtls_offer: DtlsOffer::default(),
            announce: true,
            reauthenticate: true,
            resend_refused: true,
            heed_back_off: true,
            renew_session: true,
            path_mtu: 1280,
            handshake_bound: Duration::from_secs(30),
            flight_timeout: Duration::from_secs(1),
        }
    }
}
