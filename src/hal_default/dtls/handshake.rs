//! From a host name to an established session, within a bounded time.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslStream};
use openssl::x509::X509;

use super::super::connect::connect;
use super::super::socket::{Wait, wait_readable};
use super::context::{PskChosen, Suites, build, parse_roots};
use super::datagrams::Datagrams;
use super::failure::Failure;
use super::session::Session;
use super::timers;
use super::verify::{ServerName, Verdict, demand};
use crate::hal::dtls::{Offer, PskCredentials};
use crate::hal::dtls_offer::Announced;

/// Longest datagram of a handshake: what IPv6 carries everywhere (1280, RFC 8200 5) less its and
/// UDP's header. Flights are cut to it instead of relying on IP fragments, which many mobile
/// networks drop.
const MAX_DATAGRAM: u32 = 1280 - 40 - 8;

/// How long and how stubbornly to try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For everything, a second attempt included. With the timer of RFC 6347 a flight is sent five
    /// times in it.
    pub(super) total: Duration,
    /// From the server's choice of the pre-shared key to the end of the handshake, while
    /// certificates remain to be tried. Servers answer a wrong key with silence: records that do
    /// not decrypt are dropped (RFC 6347 4.1.2.7).
    pub(super) psk: Duration,
    /// How many times the network may report the peer as unreachable before it is believed. One
    /// such report is easily forged, or left from before the server started.
    pub(super) unreachable: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(30),
            psk: Duration::from_secs(10),
            unreachable: 2,
        }
    }
}

/// Whom to connect to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// What proves the server's identity, and ours.
#[derive(Debug)]
pub(super) struct Proof<'a> {
    roots_pem: &'a [u8],
    offer: Offer,
    psk: Option<PskCredentials>,
}

impl<'a> Proof<'a> {
    /// Roots in PEM, and what was announced for this handshake; nothing announced means
    /// certificates.
    pub(super) fn new(roots_pem: &'a [u8], announced: Option<Announced>) -> Self {
        let (offer, psk) =
            announced.map_or((Offer::CertificateOnly, None), |it| (it.offer, it.psk));
        Self {
            roots_pem,
            offer,
            psk,
        }
    }

    /// The suites for the first attempt.
    fn suites(&self) -> Result<Suites, Failure> {
        match (self.offer, &self.psk) {
            (Offer::PskOnly, None) => Err(Failure::NoKey),
            (Offer::PskOnly, Some(_)) => Ok(Suites::Psk),
            (Offer::Both, Some(_)) => Ok(Suites::Both),
            (Offer::CertificateOnly, _) | (Offer::Both, None) => Ok(Suites::Certificates),
        }
    }

    fn roots(&self, suites: Suites) -> Result<Vec<X509>, Failure> {
        if suites == Suites::Psk {
            return Ok(Vec::new());
        }
        let mut roots = parse_roots(self.roots_pem)?;
        extend_with_extra_roots(&mut roots)?;
        Ok(roots)
    }
}

#[cfg(feature = "redirect")]
fn extend_with_extra_roots(roots: &mut Vec<X509>) -> Result<(), Failure> {
    use super::super::redirect::{extra_roots, unusable_extra_roots};
    if let Some(pem) = extra_roots().map_err(Failure::Redirect)? {
        let extra = parse_roots(&pem)
            .map_err(|failure| Failure::Redirect(unusable_extra_roots(failure.to_string())))?;
        roots.extend(extra);
    }
    Ok(())
}

#[cfg(not(feature = "redirect"))]
#[allow(clippy::unnecessary_wraps, clippy::ptr_arg)] // the signature of the variant that can fail
fn extend_with_extra_roots(_: &mut Vec<X509>) -> Result<(), Failure> {
    Ok(())
}

/// Connects and shakes hands. When the server chose the pre-shared key, it did not work, and
/// certificates are allowed too, a second attempt offers certificates only.
pub(super) fn establish(
    target: Target<'_>,
    proof: &Proof<'_>,
    limits: Limits,
) -> Result<Session, Failure> {
    let clock = Clock {
        start: Instant::now(),
        limits,
    };
    let suites = proof.suites()?;
    match attempt(target, proof, suites, clock) {
        Err(failure @ Failure::PskRefused(_)) if suites == Suites::Both && !clock.is_over() => {
            log::warn!(
                "{}:{}: {failure}; trying with certificates",
                target.host,
                target.port
            );
            attempt(target, proof, Suites::Certificates, clock)
        }
        result => result,
    }
}

/// The time of one call of [`establish`].
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: Instant,
    limits: Limits,
}

impl Clock {
    fn end(&self) -> Instant {
        self.start + self.limits.total
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.end()
    }
}

/// A handshake under way.
struct Handshake {
    socket: Arc<UdpSocket>,
    stream: SslStream<Datagrams>,
    verdict: Verdict,
    psk_chosen: PskChosen,
    certificates_remain: bool,
    clock: Clock,
    end: Instant,
}

fn attempt(
    target: Target<'_>,
    proof: &Proof<'_>,
    suites: Suites,
    clock: Clock,
) -> Result<Session, Failure> {
    let roots = proof.roots(suites)?;
    let (context, psk_chosen) =
        build(suites, &roots, proof.psk.as_ref()).map_err(Failure::Setup)?;
    let socket = Arc::new(connect(target.host, target.port).map_err(Failure::Connect)?);
    let (stream, verdict) = start(&context, target, &socket).map_err(Failure::Setup)?;
    let mut handshake = Handshake {
        socket,
        stream,
        verdict,
        psk_chosen,
        certificates_remain: suites == Suites::Both,
        clock,
        end: clock.end(),
    };
    match handshake.run() {
        Ok(()) => Ok(handshake.into_session(target)),
        // A key is not to blame for a peer that went away.
        Err(failure @ Failure::Unreachable(_)) => Err(failure),
        Err(failure) if handshake.psk_chosen.get() => Err(Failure::PskRefused(Box::new(failure))),
        Err(failure) => Err(failure),
    }
}

fn start(
    context: &openssl::ssl::SslContextRef,
    target: Target<'_>,
    socket: &Arc<UdpSocket>,
) -> Result<(SslStream<Datagrams>, Verdict), ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    ssl.set_mtu(MAX_DATAGRAM)?;
    let verdict = demand(&mut ssl, &ServerName::new(target.host))?;
    let stream = SslStream::new(ssl, Datagrams::new(Arc::clone(socket)))?;
    Ok((stream, verdict))
}

impl Handshake {
    /// Runs the handshake to its end.
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            drop(ErrorStack::get());
            match self.stream.connect() {
                Ok(()) => return Ok(()),
                Err(error) if wants_to_wait(&error) => {}
                Err(error) => {
                    let rejection = self.verdict.take().map(Failure::Certificate);
                    return Err(rejection.unwrap_or_else(|| Failure::from_openssl(&error)));
                }
            }
            self.check_network()?;
            self.wait()?;
        }
    }

    /// Believes repeated reports that the peer is unreachable.
    fn check_network(&mut self) -> Result<(), Failure> {
        let transport = self.stream.get_mut();
        let Some(error) = transport.take_error() else {
            return Ok(());
        };
        if transport.unreachable() > self.clock.limits.unreachable {
            return Err(Failure::Unreachable(error));
        }
        log::debug!("DTLS handshake: {error}; trying on");
        Ok(())
    }

    /// Waits for the peer's next datagram; sends the last flight again when it is due.
    fn wait(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        if self.psk_chosen.get() && self.certificates_remain {
            self.certificates_remain = false;
            self.end = self.end.min(now + self.clock.limits.psk);
        }
        let left = self.end.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Failure::Timeout {
                after: now.duration_since(self.clock.start),
                heard: self.stream.get_ref().heard(),
            });
        }
        // OpenSSL's timer follows the wall clock, which may be set while we wait: no wait goes past
        // the end.
        let due = timers::until_retransmission(self.stream.ssl())
            .unwrap_or(left)
            .min(left);
        match wait_readable(self.socket.as_raw_fd(), Some(due)) {
            Wait::Ready | Wait::Interrupted => Ok(()),
            Wait::Failed(error) => Err(Failure::Unreachable(error)),
            Wait::TimedOut => timers::retransmit_if_due(&mut self.stream)
                .map_err(|stack| Failure::Protocol(stack.to_string())),
        }
    }

    fn into_session(self, target: Target<'_>) -> Session {
        let ssl = self.stream.ssl();
        let proof = if self.psk_chosen.get() {
            "pre-shared key"
        } else {
            "server certificate"
        };
        log::info!(
            "DTLS session with {}:{}: {}, {}, {proof}, {}",
            target.host,
            target.port,
            ssl.version_str(),
            ssl.current_cipher()
                .map_or("no cipher", |cipher| cipher.name()),
            if ssl.session_reused() {
                "resumed"
            } else {
                "new"
            },
        );
        Session::new(
            self.socket,
            self.stream,
            format!("{}:{}", target.host, target.port),
        )
    }
}

fn wants_to_wait(error: &openssl::ssl::Error) -> bool {
    matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE)
}
