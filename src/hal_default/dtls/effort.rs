//! The effort to get a session within a bounded time: a handshake, and others in its place when it
//! failed for a reason that they may avoid.

use std::io;
use std::time::{Duration, Instant};

use super::alerts::Alert;
use super::context::Suites;
use super::dialer::Dialer;
use super::failure::Failure;
use super::handshake::{Established, Handshake, Times};
use super::records::Record;
use super::resume::Resumable;

/// A handshake under way, with what may come after it.
#[derive(Debug)]
pub(super) struct Effort {
    handshake: Handshake,
    suites: Suites,
    start: Instant,
    unreachable_limit: u32,
    /// Whether a handshake that a damaged or forged message can have ended was tried again.
    tried_again: bool,
    heard_before: bool,
}

/// How an effort differs between a new connection and the renewal of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing is there yet. A peer that the network reports as unreachable is given up, and each
    /// further handshake comes from a fresh port, so that a server that still answers the one before
    /// cannot confuse it.
    Connect,
    /// A session may still live on this port, and its server may only be restarting.
    Renew,
}

impl Purpose {
    fn unreachable_limit(self, dialer: &Dialer) -> u32 {
        match self {
            Self::Connect => dialer.limits().unreachable,
            Self::Renew => u32::MAX,
        }
    }
}

impl Effort {
    /// Begins; `resume` is used if it is still good. The first flight leaves with the first
    /// [`Self::drive`].
    pub(super) fn new(
        dialer: &Dialer,
        resume: Option<Resumable>,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        let start = Instant::now();
        let suites = dialer.suites();
        let resume = resume.filter(|resumable| resumable.is_good_for(suites));
        let unreachable_limit = purpose.unreachable_limit(dialer);
        let two_tries = resume.is_some() && purpose == Purpose::Connect;
        let times = times(dialer, start, suites, two_tries);
        Ok(Self {
            handshake: Handshake::new(dialer, suites, resume, times, unreachable_limit)?,
            suites,
            start,
            unreachable_limit,
            tried_again: false,
            heard_before: false,
        })
    }

    /// Takes a record for the handshake.
    pub(super) fn deliver(&mut self, record: Record<'_>) {
        self.handshake.deliver(record);
    }

    /// Takes an alert in clear.
    pub(super) fn suspect(&mut self, alert: Alert) {
        self.handshake.suspect(alert);
    }

    /// Takes an error of the socket.
    pub(super) fn keep(&mut self, error: io::Error) {
        self.handshake.keep(error);
    }

    /// How long until [`Self::drive`] has something to do by itself.
    pub(super) fn due(&self) -> Duration {
        self.handshake.due(Instant::now())
    }

    /// Does what can be done now. `Ok(true)`: there is a session to [`finish`](Self::finish).
    pub(super) fn drive(&mut self, dialer: &Dialer, purpose: Purpose) -> Result<bool, Failure> {
        loop {
            let now = Instant::now();
            let failure = match self.handshake.drive(now) {
                Ok(complete) => return Ok(complete),
                Err(failure) => self.explain(failure),
            };
            let Some((suites, what)) = self.alternative(&failure, now, dialer) else {
                return Err(failure);
            };
            log::warn!("{}: {failure}; trying {what}", dialer.peer());
            if purpose == Purpose::Connect {
                dialer
                    .link()
                    .take_fresh_port()
                    .map_err(Failure::Unreachable)?;
            }
            self.heard_before |= self.handshake.is_heard();
            let times = times(dialer, self.start, suites, false);
            self.suites = suites;
            self.handshake = Handshake::new(dialer, suites, None, times, self.unreachable_limit)?;
        }
    }

    /// Whether the server seems to have answered, in this attempt or one before.
    pub(super) fn is_heard(&self) -> bool {
        self.heard_before || self.handshake.is_heard()
    }

    /// Whether it began by resuming a session, and no full handshake has followed.
    pub(super) fn resumes(&self) -> bool {
        self.handshake.resumes()
    }

    /// A key is to blame for what happens after its choice, but not for a peer that went away.
    fn explain(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Unreachable(_) | Failure::PathMtu(_) => failure,
            failure if self.handshake.has_chosen_psk() => Failure::PskRefused(Box::new(failure)),
            failure => failure,
        }
    }

    /// What to try after `failure`: certificates instead of the key, a full handshake instead of a
    /// resumption, the same once more.
    fn alternative(
        &mut self,
        failure: &Failure,
        now: Instant,
        dialer: &Dialer,
    ) -> Option<(Suites, &'static str)> {
        if now >= self.start + dialer.limits().total {
            return None;
        }
        match failure {
            Failure::PskRefused(_) if self.suites == Suites::Both => {
                Some((Suites::Certificates, "with certificates"))
            }
            Failure::PskRefused(_)
            | Failure::Certificate(_)
            | Failure::Unreachable(_)
            | Failure::PathMtu(_)
            | Failure::Setup(_) => None,
            _ if self.handshake.resumes() => Some((self.suites, "without resumption")),
            // What comes in clear can be damaged on the way, or forged: see `records`.
            Failure::Protocol(_) if !self.tried_again => {
                self.tried_again = true;
                Some((self.suites, "once more"))
            }
            _ => None,
        }
    }

    /// The session, once [`Self::drive`] said that there is one.
    pub(super) fn finish(self) -> Established {
        self.handshake.finish()
    }
}

/// The times of a handshake of an effort that began at `start`.
fn times(dialer: &Dialer, start: Instant, suites: Suites, two_tries: bool) -> Times {
    let limits = dialer.limits();
    Times {
        start,
        end: start + limits.total,
        psk: (suites == Suites::Both).then_some(limits.psk),
        // A server that answers and then does not go on may be at a loss over the session that is
        // offered: that leaves time for a full handshake. Not so in a renewal: that would come from
        // the same port, where the server may still answer the resumption, and be taken for it. There
        // the next renewal is in full.
        heard: two_tries.then_some(limits.total / 2),
    }
}
