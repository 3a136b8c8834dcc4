//! The client's [`Platform`] over the HAL: what makes a [`Client`](crate::client::Client) run on the
//! functions a firmware may replace.

use super::SendError;
use super::dtls::{Arrival, DtlsOptions, DtlsSession, Offer, PskCredentials};
use super::udp::UdpSocket;
use super::{certs, clock, identity, random};
use crate::client::{
    ConnectError, ConnectRequest, DtlsOffer, Endpoint, Platform, Received, Renewal,
    ResumableSession, Security, SendFailed, Transport, VendorIds,
};
use crate::coap::Instant;
use std::ffi::CString;
use std::time::Duration;

/// One client's access to the HAL. Holds the client's own clock state, and nothing process-wide.
#[derive(Debug)]
pub struct HalPlatform {
    uptime: clock::Uptime,
}

impl HalPlatform {
    /// A platform whose clock starts now. Seeds the port's generator from it, as the SDK does: behind some
    /// ports is libc's, which would give a device the same ids and tokens after every boot.
    #[must_use]
    pub fn new() -> Self {
        let uptime = clock::Uptime::start();
        #[allow(clippy::cast_possible_truncation)] // the low bits are those that differ
        random::seed(uptime.now_ms() as u32);
        Self { uptime }
    }
}

impl Default for HalPlatform {
    fn default() -> Self {
        Self::new()
    }
}

impl Platform for HalPlatform {
    type Transport = HalTransport;

    #[inline(always)]
    fn now(&self) -> Instant {
        Instant::from_millis(self.uptime.now_ms())
    }

    fn sleep(&self, duration: Duration) {
        clock::sleep_ms(millis(duration));
    }

    fn random(&self) -> u32 {
        random::next_u32()
    }

    fn vendor_ids(&self) -> Option<VendorIds> {
        let (partner, module) = (identity::partner_id()?, identity::module_id()?);
        Some(VendorIds {
            partner: partner.as_str().to_owned(),
            module: module.as_str().to_owned(),
        })
    }

    fn connect(&self, request: &ConnectRequest<'_>) -> Result<HalTransport, ConnectError> {
        let Endpoint {
            security,
            host,
            port,
        } = request.endpoint;
        let host = CString::new(host.as_str()).map_err(|_| ConnectError)?;
        match security {
            Security::Plain | Security::Symmetric => UdpSocket::connect(&host, *port)
                .map(HalTransport::Udp)
                .map_err(|_| ConnectError),
            Security::Dtls => {
                let psk = request.psk.as_ref().and_then(|psk| {
                    PskCredentials::new(psk.identity.as_bytes(), psk.key.as_bytes())
                });
                let options = DtlsOptions {
                    host: &host,
                    port: *port,
                    ca_pem: certs::ROOTS_PEM,
                    psk,
                    offer: match request.offer {
                        DtlsOffer::Both => Offer::Both,
                        DtlsOffer::CertificateOnly => Offer::CertificateOnly,
                        DtlsOffer::PskOnly => Offer::PskOnly,
                    },
                    resume: request.resume.map(ResumableSession::as_bytes),
                    path_mtu: request.path_mtu,
                    handshake_bound: request.handshake_bound,
                    flight_timeout: request.flight_timeout,
                };
                DtlsSession::create(options)
                    .map(HalTransport::Dtls)
                    .map_err(|_| ConnectError)
            }
        }
    }
}

/// A connection through the HAL.
#[derive(Debug)]
pub enum HalTransport {
    /// Plain UDP.
    Udp(UdpSocket),
    /// DTLS.
    Dtls(DtlsSession),
}

impl Transport for HalTransport {
    #[inline(always)]
    fn send(&self, datagram: &[u8]) -> Result<(), SendFailed> {
        let sent = match self {
            Self::Udp(socket) => socket.send(datagram),
            Self::Dtls(session) => session.send(datagram),
        };
        sent.map_err(|error| did_not_leave(datagram.len(), error))
    }

    fn receive(&self, buffer: &mut [u8], timeout: Duration) -> Received {
        let timeout = millis(timeout);
        match self {
            Self::Udp(socket) => socket.receive(buffer, timeout).into(),
            Self::Dtls(session) => match session.receive(buffer, timeout) {
                Arrival::Network(received) => received.into(),
                Arrival::Renewed => Received::Renewed,
                Arrival::NotRenewed => Received::NotRenewed,
            },
        }
    }

    fn renew(&self) -> Renewal {
        match self.session() {
            Some(session) if session.renew() => Renewal::Begun,
            _ => Renewal::Unsupported,
        }
    }

    fn cancel_renewal(&self) {
        if let Some(session) = self.session() {
            session.cancel_renewal();
        }
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.session()?.next_timeout()
    }

    fn resumable(&self) -> Option<ResumableSession> {
        self.session()?.resumable().map(ResumableSession::new)
    }

    fn descriptor(&self) -> Option<i32> {
        match self {
            Self::Udp(socket) => socket.descriptor(),
            Self::Dtls(session) => session.descriptor(),
        }
    }
}

#[cold]
fn did_not_leave(len: usize, error: SendError) -> SendFailed {
    log::warn!("a datagram of {len} bytes did not leave: {error}");
    SendFailed
}

impl HalTransport {
    fn session(&self) -> Option<&DtlsSession> {
        match self {
            Self::Udp(_) => None,
            Self::Dtls(session) => Some(session),
        }
    }
}

impl From<super::Received> for Received {
    fn from(received: super::Received) -> Self {
        match received {
            super::Received::Datagram(len) => Self::Datagram(len),
            super::Received::Timeout | super::Received::Interrupted => Self::Nothing,
            super::Received::Failed => Self::Failed,
            super::Received::Closed(_) => Self::Closed,
        }
    }
}

/// Milliseconds for the HAL, rounded up so that a wait never ends before its deadline.
fn millis(duration: Duration) -> u32 {
    // as_nanos() would compute in 128 bits, for every wait.
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    let seconds = duration.as_secs().min(u32::MAX.into());
    u32::try_from(seconds * 1000 + u64::from(rest)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_and_bounded() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(5)), 5);
        assert_eq!(millis(Duration::from_micros(61_000_001)), 61_001);
        assert_eq!(millis(Duration::MAX), u32::MAX);
    }
}
