//! What all handshakes of one session share: the server, what proves its identity and ours, and the
//! limits.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext};
use zeroize::Zeroizing;

use super::context::{self, Psk, Suites};
use super::failure::Failure;
use super::link::Link;
use super::resume::{self, Binding, Resumable};
use super::roots::Roots;
use super::stream::Stream;
use super::timers::{self, FIRST_INTERVAL};
use super::verify::{Verdict, demand};
use super::wire::Wire;
use crate::hal::dtls::{DEFAULT_HANDSHAKE_BOUND, DEFAULT_PATH_MTU, Offer, PskCredentials};
use crate::hal::dtls_offer::Announced;
use crate::host::{Host, NoHost};

/// How long and how stubbornly to try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For everything, further attempts included. With the timer of RFC 6347 a flight is sent five
    /// times in half a minute.
    pub(super) total: Duration,
    /// From the server's choice of the pre-shared key to the end of the handshake, while
    /// certificates remain to be tried. Servers answer a wrong key with silence: records that do
    /// not decrypt are dropped (RFC 6347 4.1.2.7).
    pub(super) psk: Duration,
    /// How many times the network may report the peer as unreachable before it is believed. One
    /// such report is easily forged, or left from before the server started.
    pub(super) unreachable: u32,
    /// After how long a flight is sent again at first; doubled each time (RFC 6347 4.2.4.1).
    pub(super) first_interval: Duration,
    /// The path MTU, IP and UDP headers included, that flights are cut to instead of relying on IP
    /// fragments, which many mobile networks drop.
    pub(super) path_mtu: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: DEFAULT_HANDSHAKE_BOUND,
            psk: psk_bound(DEFAULT_HANDSHAKE_BOUND),
            unreachable: 2,
            first_interval: FIRST_INTERVAL,
            path_mtu: DEFAULT_PATH_MTU,
        }
    }
}

impl Limits {
    /// As the client announced.
    pub(super) fn announced(announced: &Announced) -> Self {
        Self {
            total: announced.handshake_bound,
            psk: psk_bound(announced.handshake_bound),
            first_interval: announced.flight_timeout.max(SHORTEST_INTERVAL),
            path_mtu: announced.path_mtu,
            ..Self::default()
        }
    }
}

/// The key's part of a handshake's time: 10 s of the default 30. Where round trips take seconds, a client has more patience
/// altogether, and with the key as well.
fn psk_bound(total: Duration) -> Duration {
    total / 3
}

/// OpenSSL takes an interval of 0 for the wish to have its own; and a flight that is sent again before it
/// can be answered only adds to the load that delays the answer.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Whom to connect to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// What proves the server's identity, and ours. Not to be printed: what a session is resumed from holds its master secret.
pub(super) struct Proof<'a> {
    roots_pem: &'a [u8],
    offer: Offer,
    psk: Option<PskCredentials>,
    resume: Option<Zeroizing<Vec<u8>>>,
}

impl<'a> Proof<'a> {
    /// Roots in PEM, and what was announced for this handshake; nothing announced means
    /// certificates.
    pub(super) fn new(roots_pem: &'a [u8], announced: Option<Announced>) -> Self {
        let (offer, psk, resume) = announced.map_or((Offer::CertificateOnly, None, None), |it| {
            (it.offer, it.psk, it.resume)
        });
        Self {
            roots_pem,
            offer,
            psk,
            resume,
        }
    }

    fn suites(&self) -> Result<Suites, Failure> {
        match (self.offer, &self.psk) {
            (Offer::PskOnly, None) => Err(Failure::NoKey),
            (Offer::PskOnly, Some(_)) => Ok(Suites::Psk),
            (Offer::Both, Some(_)) => Ok(Suites::Both),
            (Offer::CertificateOnly, _) | (Offer::Both, None) => Ok(Suites::Certificates),
        }
    }

    /// All trusted roots; none are needed for the key alone.
    fn roots(&self, suites: Suites) -> Result<Roots, Failure> {
        match suites {
            Suites::Psk => Ok(Roots::none()),
            Suites::Certificates | Suites::Both => Roots::with_extra(self.roots_pem),
        }
    }
}

/// Begins handshakes, on one link.
#[derive(Debug)]
pub(super) struct Dialer {
    link: Arc<Link>,
    context: SslContext,
    psk: Psk,
    /// What the server's certificate must be for.
    name: Host,
    suites: Suites,
    limits: Limits,
    binding: Binding,
    /// Whether to ask for a session ticket (RFC 5077). It costs some 200 bytes when it is given and again
    /// whenever it is used, where a session id costs 32: so it is left to servers that give no id, or do not
    /// know it later.
    wants_ticket: Cell<bool>,
    /// "host:port", for the log.
    peer: String,
}

impl Dialer {
    /// Everything that can go wrong before the first datagram.
    pub(super) fn new(
        target: Target<'_>,
        proof: &Proof<'_>,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let Target { host, port } = target;
        // Before anything else: OpenSSL takes an empty name for the wish not to check it, and one that
        // begins with a dot for that of all its subdomains.
        let name = Host::parse_bare(host).map_err(|NoHost| Failure::Name(host.to_owned()))?;
        let suites = proof.suites()?;
        let roots = proof.roots(suites)?;
        let psk = proof
            .psk
            .as_ref()
            .filter(|_| suites != Suites::Certificates);
        let context = context::shared(suites, &roots)?;
        let link = Link::open(host, port, limits.path_mtu).map_err(Failure::Connect)?;
        let identity = psk.map_or(&b""[..], PskCredentials::identity);
        Ok(Self {
            link: Arc::new(link),
            context,
            psk: Psk::new(psk),
            name,
            suites,
            limits,
            binding: Binding::new(host, port, roots.pem(), identity),
            wants_ticket: Cell::new(false),
            peer: format!("{host}:{port}"),
        })
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// The suites that a first attempt offers.
    pub(super) fn suites(&self) -> Suites {
        self.suites
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn psk(&self) -> &Psk {
        &self.psk
    }

    /// "host:port", for the log.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// An OpenSSL object for one handshake.
    pub(super) fn object(
        &self,
        suites: Suites,
        resume: Option<&Resumable>,
    ) -> Result<(Stream, Verdict), ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        self.psk.lend(&mut ssl)?;
        let resumed = resume.and_then(Resumable::suite);
        if suites != self.suites || resumed.is_some() {
            suites.offer(&mut ssl, resumed)?;
        }
        ssl.set_mtu(self.link.largest_datagram().into())?;
        if self.limits.first_interval != FIRST_INTERVAL {
            timers::set_first_interval(&mut ssl, self.limits.first_interval)?;
        }
        if !self.wants_ticket.get() && !resume.is_some_and(Resumable::has_ticket) {
            resume::ask_for_no_ticket(&mut ssl);
        }
        let verdict = demand(&mut ssl, &self.name)?;
        if let Some(resumable) = resume {
            // SAFETY: the session is of this context, or was written by one of the same method;
            // which is what OpenSSL needs, and it checks the method.
            unsafe { ssl.set_session(resumable.session()) }?;
        }
        let stream = Stream::new(ssl, Wire::new(Arc::clone(&self.link)))?;
        Ok((stream, verdict))
    }

    /// What a handshake has shown about the server's way of resumption: `resumable` is what it gave, and
    /// `declined_ticket` says what it declined. One way having failed, the other one is tried next time.
    pub(super) fn learn(&self, resumable: Option<&Resumable>, declined_ticket: Option<bool>) {
        let has_ticket = resumable.is_none_or(Resumable::has_ticket);
        self.wants_ticket.set(match declined_ticket {
            Some(ticket) => !ticket || resumable.is_none(),
            None => has_ticket,
        });
    }

    /// The session that `proof` brings to be resumed, if it can be used here.
    pub(super) fn kept_session(&self, proof: &Proof<'_>) -> Option<Resumable> {
        let bytes = proof.resume.as_ref()?;
        if resume::is_wish_for_ticket(bytes, self.binding) {
            self.wants_ticket.set(true);
            return None;
        }
        match Resumable::import(bytes, self.binding, self.suites) {
            Ok(resumable) => {
                self.wants_ticket.set(resume::has_wish_for_ticket(bytes));
                Some(resumable)
            }
            Err(refusal) => {
                log::warn!(
                    "{}: the kept DTLS session is not used: {refusal}",
                    self.peer
                );
                None
            }
        }
    }

    /// The bytes that [`Self::kept_session`] reads.
    pub(super) fn keep_session(&self, resumable: Option<&Resumable>) -> Option<Zeroizing<Vec<u8>>> {
        match resumable {
            Some(resumable) if resumable.is_good_for(self.suites) => {
                resumable.export(self.binding, self.wants_ticket.get())
            }
            None if self.wants_ticket.get() => Some(resume::wish_for_ticket(self.binding)),
            _ => None,
        }
    }
}
