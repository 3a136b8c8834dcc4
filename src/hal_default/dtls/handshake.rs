//! One handshake, without waiting: records and time come in, flights go out.

use std::io;
use std::time::{Duration, Instant};

use super::alerts::{Alert, Suspicion};
use super::context::{Psk, Suites};
use super::dialer::Dialer;
use super::failure::Failure;
use super::records::Record;
use super::resume::{ProvenBy, Resumable};
use super::stream::Stream;
use super::timers;
use super::verify::Verdict;

/// The times a handshake must keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// When the first attempt began.
    pub(super) start: Instant,
    /// When it is given up.
    pub(super) end: Instant,
    /// From the server's choice of the pre-shared key, if that is bounded by itself.
    pub(super) psk: Option<Duration>,
    /// From the server's first answer, if that is bounded by itself.
    pub(super) heard: Option<Duration>,
}

/// A handshake under way.
#[derive(Debug)]
pub(super) struct Handshake {
    stream: Stream,
    verdict: Verdict,
    psk: Psk,
    resume: Option<Resumable>,
    suspicion: Suspicion,
    heard: bool,
    times: Times,
    unreachable_limit: u32,
    path_mtu: u16,
}

impl Handshake {
    /// Prepares one; the first flight leaves with the first [`Self::drive`].
    pub(super) fn new(
        dialer: &Dialer,
        suites: Suites,
        resume: Option<Resumable>,
        times: Times,
        unreachable_limit: u32,
    ) -> Result<Self, Failure> {
        let (stream, verdict) = dialer
            .object(suites, resume.as_ref())
            .map_err(Failure::Setup)?;
        Ok(Self {
            stream,
            verdict,
            psk: dialer.psk().clone(),
            resume,
            suspicion: Suspicion::default(),
            heard: false,
            times,
            unreachable_limit,
            path_mtu: dialer.link().path_mtu(),
        })
    }

    /// Takes a record; one of a handshake shows that the server goes on.
    pub(super) fn deliver(&mut self, record: Record<'_>) {
        self.heard = true;
        if record.is_handshake() {
            self.suspicion.lay_to_rest();
        }
        self.stream.wire_mut().deliver(record);
    }

    /// Takes an alert in clear.
    pub(super) fn suspect(&mut self, alert: Alert) {
        self.heard = true;
        self.suspicion.raise(alert);
    }

    /// Takes an error of the socket.
    pub(super) fn keep(&mut self, error: io::Error) {
        self.stream.wire_mut().keep(error);
    }

    /// Whether the server seems to have answered.
    pub(super) fn is_heard(&self) -> bool {
        self.heard
    }

    /// Whether it began as the resumption of a session.
    pub(super) fn resumes(&self) -> bool {
        self.resume.is_some()
    }

    /// Whether the server has chosen the pre-shared key.
    pub(super) fn has_chosen_psk(&self) -> bool {
        self.psk.is_chosen()
    }

    /// Does what can be done now. `Ok(true)`: the handshake is complete.
    pub(super) fn drive(&mut self, now: Instant) -> Result<bool, Failure> {
        self.check_time(now)?;
        self.repeat_flight_if_due()?;
        match self.stream.connect() {
            Ok(()) => return Ok(true),
            Err(trouble) if trouble.wants_to_wait() => {}
            Err(trouble) => {
                let rejection = self.verdict.take().map(Failure::Certificate);
                return Err(rejection.unwrap_or_else(|| Failure::from_openssl(&trouble)));
            }
        }
        self.check_network()?;
        self.settle_bounds(now);
        Ok(false)
    }

    /// How long until [`Self::drive`] has something to do by itself.
    ///
    /// OpenSSL's timer follows the wall clock, which may be set meanwhile: no wait goes past the
    /// end.
    pub(super) fn due(&self, now: Instant) -> Duration {
        let left = self.times.end.saturating_duration_since(now);
        timers::until_retransmission(self.stream.ssl()).map_or(left, |due| due.min(left))
    }

    fn check_time(&self, now: Instant) -> Result<(), Failure> {
        if now < self.times.end {
            return Ok(());
        }
        Err(Failure::Timeout {
            after: now.saturating_duration_since(self.times.start),
            heard: self.heard,
            alert: self.suspicion.last(),
        })
    }

    fn repeat_flight_if_due(&mut self) -> Result<(), Failure> {
        if timers::until_retransmission(self.stream.ssl()) != Some(Duration::ZERO) {
            return Ok(());
        }
        if let Some(alert) = self.suspicion.flight_is_due() {
            return Err(Failure::from_alert(alert));
        }
        self.stream.wire_mut().gather();
        let repeated = self.stream.retransmit_if_due();
        self.stream.wire_mut().send_gathered();
        repeated.map_err(|stack| Failure::Protocol(stack.to_string()))
    }

    /// Believes repeated reports that the peer is unreachable.
    fn check_network(&mut self) -> Result<(), Failure> {
        let wire = self.stream.wire_mut();
        let Some(error) = wire.take_error() else {
            return Ok(());
        };
        if error.raw_os_error() == Some(libc::EMSGSIZE) {
            return Err(Failure::PathMtu(self.path_mtu));
        }
        if wire.unreachable() > self.unreachable_limit {
            return Err(Failure::Unreachable(error));
        }
        log::debug!("DTLS handshake: {error}; trying on");
        Ok(())
    }

    /// Brings the end forward once the bounds within the handshake begin.
    fn settle_bounds(&mut self, now: Instant) {
        let begun = [
            (self.has_chosen_psk(), &mut self.times.psk),
            (self.heard, &mut self.times.heard),
        ];
        for (begins, bound) in begun {
            if let Some(bound) = bound.take_if(|_| begins) {
                self.times.end = self.times.end.min(now + bound);
            }
        }
    }

    /// The session, once the handshake is complete.
    pub(super) fn finish(self) -> Established {
        let ssl = self.stream.ssl();
        let declined = self
            .resume
            .as_ref()
            .filter(|_| !ssl.session_reused())
            .map(Resumable::has_ticket);
        let resumed = self.resume.as_ref().filter(|_| ssl.session_reused());
        let proven_by = match resumed {
            Some(resumed) => resumed.proven_by(),
            None if self.psk.is_chosen() => ProvenBy::Psk,
            None => ProvenBy::Certificate,
        };
        Established {
            resumable: Resumable::from_handshake(ssl, proven_by, self.resume.as_ref()),
            proven_by,
            resumed: resumed.is_some(),
            declined_ticket: declined,
            stream: self.stream,
        }
    }
}

/// The result of a handshake.
#[derive(Debug)]
pub(super) struct Established {
    pub(super) stream: Stream,
    pub(super) resumable: Option<Resumable>,
    /// What the server declined to resume from: a ticket, or a session id.
    pub(super) declined_ticket: Option<bool>,
    resumed: bool,
    proven_by: ProvenBy,
}

impl Established {
    /// One line for the log.
    pub(super) fn describe(&self) -> String {
        let ssl = self.stream.ssl();
        let cipher = ssl
            .current_cipher()
            .map_or("no cipher", |cipher| cipher.name());
        let proof = match self.proven_by {
            ProvenBy::Certificate => "server certificate",
            ProvenBy::Psk => "pre-shared key",
        };
        let how = if self.resumed { "resumed" } else { "new" };
        format!("{}, {cipher}, {proof}, {how}", ssl.version_str())
    }
}
