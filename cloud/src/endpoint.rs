//! Who a message came from.

use std::fmt;
use std::net::SocketAddr;

/// Which of the cloud's ports a message came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Plain CoAP over UDP, by default port 5683.
    Udp,
    /// CoAP over UDP with encrypted payloads ("coap-psk"), by default port 5682. The messages
    /// themselves tell the modes apart, so both UDP ports serve both.
    Symmetric,
    /// CoAP over DTLS, by default port 5684.
    Dtls,
    /// HTTP, for firmware images.
    Http,
    /// HTTP over TLS, for the same.
    Https,
    /// No port: what the cloud does by itself.
    Cloud,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "udp",
            Transport::Symmetric => "sym",
            Transport::Dtls => "dtls",
            Transport::Http => "http",
            Transport::Https => "https",
            Transport::Cloud => "cloud",
        })
    }
}

/// A CoAP endpoint (RFC 7252 section 1.2), that is where an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The port it came in by.
    pub transport: Transport,
    /// Address and port of the device.
    pub peer: SocketAddr,
    /// Number of the DTLS association, 0 without DTLS: a new handshake from the same address makes
    /// another endpoint (RFC 7252 section 9.1.1).
    pub session: u64,
}

/// Among whose messages an id stands for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Namespace {
    /// Those of one endpoint, by the letter of RFC 7252 section 4.4.
    Endpoint(Endpoint),
    /// Those of all sessions with one master secret, of which this is a hash: a DTLS session and
    /// what was resumed from it, from whatever address. Only the two that made the secret know it (RFC
    /// 5246 section 7.3), so these sessions are with the same device, which has not lost its memory either.
    Secret(u64),
}
