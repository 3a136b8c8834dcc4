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

/// A CoAP endpoint (RFC 7252 section 1.2): message ids mean something only within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The port it came in by.
    pub transport: Transport,
    /// Address and port of the device.
    pub peer: SocketAddr,
    /// Number of the DTLS association, 0 without DTLS: after a new handshake from the same address
    /// message ids start afresh (RFC 7252 section 9.1.1).
    pub session: u64,
}
