//! One request on its way, and the timers that govern it (RFC 7252 sections 4.2 and 4.3).

use super::encoded::EncodedRequest;
use super::params::{Spans, TransmissionParams};
use super::reader::MessageType;
use super::time::{Instant, Millis, RandomSource};

/// Why an exchange ended without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No acknowledgement to any of the transmissions.
    Unacknowledged,
    /// Acknowledged (or sent as Non-confirmable), but no response within the exchange's lifetime.
    Unanswered,
    /// Too many requests were waiting for their response only; this one was the oldest.
    Displaced,
    /// The session it was sent on is gone, and its owner did not want it sent on the next one.
    SessionLost,
    /// It could not be encoded anew, as [`replace_requests`](super::MessageLayer::replace_requests)
    /// demanded.
    Unsendable,
}

pub(super) struct Exchange<U> {
    pub(super) user: U,
    pub(super) request: Box<EncodedRequest>,
    /// Goes before the others, and also while these are paused.
    pub(super) urgent: bool,
    /// Transmissions since the peer was last heard; see [`suspect`](super::MessageLayer::suspect).
    pub(super) unheard: u8,
    pub(super) suspected: bool,
    pub(super) state: State,
}

#[derive(Clone, Copy)]
pub(super) enum State {
    /// Waits for its first transmission.
    Queued,
    /// Confirmable and not acknowledged: due again at `due`, unless `held` back for a request that
    /// goes first. Its message id was first sent at `first_sent`.
    Unacknowledged {
        first_sent: Instant,
        due: Instant,
        timeout: Millis,
        retransmissions: u8,
        held: bool,
    },
    /// Acknowledged, or Non-confirmable: only the response is missing.
    AwaitingResponse { expires: Instant },
    /// Over; the owner has yet to collect it.
    Over(Ended),
}

/// What an exchange is to do next by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Be transmitted for the first time, or under a new message id.
    Send,
    /// Be transmitted again as it is.
    Repeat,
    End(Ended),
}

impl Step {
    pub(super) const fn is_transmission(self) -> bool {
        matches!(self, Self::Send | Self::Repeat)
    }
}

/// What the layer allows its exchanges at the moment: instants from which something may be done,
/// [`Instant::NEVER`] where only an event can tell.
pub(super) struct Gate {
    /// Now, or earlier where the question is only what comes next.
    pub(super) now: Instant,
    /// NSTART leaves room for another Confirmable request.
    pub(super) room: bool,
    /// Requests that are not urgent may be transmitted.
    pub(super) released: Instant,
    /// There is a message id to be had.
    pub(super) id_free: Instant,
    /// PROBING_RATE lets a Non-confirmable message through.
    pub(super) probe_at: Instant,
    /// How long a message is repeated under its message id.
    pub(super) repetition_window: Millis,
}

impl<U> Exchange<U> {
    pub(super) const fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued)
    }

    /// Whether it waits to be sent again as the message it was.
    pub(super) const fn is_put_back(&self) -> bool {
        self.is_queued() && self.request.message_id.is_some()
    }

    /// Whether it has been sent and its response counts.
    pub(super) const fn is_sent(&self) -> bool {
        matches!(
            self.state,
            State::Unacknowledged { .. } | State::AwaitingResponse { .. }
        )
    }

    pub(super) fn is_confirmable(&self) -> bool {
        self.request.message_type == MessageType::Confirmable
    }

    /// Whether it is one of the interactions that NSTART counts (section 4.7).
    pub(super) const fn is_in_flight(&self) -> bool {
        matches!(self.state, State::Unacknowledged { held: false, .. })
    }

    pub(super) const fn is_awaiting_response(&self) -> bool {
        matches!(self.state, State::AwaitingResponse { .. })
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Interrupts the repetition of a Confirmable request in flight for an urgent one; its timer
    /// goes on. Tells whether that changed anything.
    pub(super) fn stand_back(&mut self) -> bool {
        !self.urgent && self.hold(true)
    }

    /// Takes the repetition up again. Tells whether that changed anything.
    pub(super) fn go_on(&mut self) -> bool {
        self.hold(false)
    }

    fn hold(&mut self, hold: bool) -> bool {
        match &mut self.state {
            State::Unacknowledged { held, .. } if *held != hold => {
                *held = hold;
                true
            }
            _ => false,
        }
    }

    /// What it is to do next, and when; [`Instant::NEVER`] when only an event can tell.
    #[inline(always)]
    pub(super) fn next_step(&self, gate: &Gate, params: &TransmissionParams) -> (Instant, Step) {
        let released = if self.urgent {
            Instant::default()
        } else {
            gate.released
        };
        match self.state {
            State::Queued if !self.is_confirmable() => {
                let at = released.max(gate.id_free).max(gate.probe_at);
                (at, Step::Send)
            }
            State::Queued if gate.room => (released.max(gate.id_free), Step::Send),
            State::Queued | State::Unacknowledged { held: true, .. } => {
                (Instant::NEVER, Step::Send)
            }
            State::Unacknowledged {
                first_sent,
                due,
                retransmissions,
                held: false,
                ..
            } => {
                let due = due.max(released);
                if retransmissions >= params.max_retransmit {
                    (due, Step::End(Ended::Unacknowledged))
                } else if due.max(gate.now) <= first_sent + gate.repetition_window {
                    (due, Step::Repeat)
                } else {
                    (due.max(gate.id_free), Step::Send)
                }
            }
            State::AwaitingResponse { expires } => (expires, Step::End(Ended::Unanswered)),
            State::Over(reason) => (Instant::default(), Step::End(reason)),
        }
    }

    /// Notes one transmission at `now`, of a new message id if `fresh`, and sets the timer for what
    /// comes next. Returns when that is.
    #[inline(always)]
    pub(super) fn transmitted(
        &mut self,
        now: Instant,
        fresh: bool,
        spans: &Spans,
        random: &mut dyn RandomSource,
    ) -> Instant {
        self.request.transmissions = self.request.transmissions.saturating_add(1);
        self.unheard = self.unheard.saturating_add(1);
        let (first_sent, timeout, retransmissions) = match self.state {
            State::Unacknowledged {
                first_sent,
                timeout,
                retransmissions,
                ..
            } => (
                if fresh { now } else { first_sent },
                timeout.doubled(),
                retransmissions.saturating_add(1),
            ),
            _ if self.is_confirmable() => (now, spans.initial_timeout(random), 0),
            _ => {
                let expires = now + spans.non_lifetime;
                self.state = State::AwaitingResponse { expires };
                return expires;
            }
        };
        let due = now + timeout;
        self.state = State::Unacknowledged {
            first_sent,
            due,
            timeout,
            retransmissions,
            held: false,
        };
        due
    }

    /// Notes an empty ACK: what remains is to wait for the response. Tells whether that was news.
    pub(super) fn acknowledged(&mut self, spans: &Spans) -> bool {
        if let State::Unacknowledged { first_sent, .. } = self.state {
            let expires = first_sent + spans.exchange_lifetime;
            self.state = State::AwaitingResponse { expires };
            return true;
        }
        false
    }

    /// Whether its timers say, at `now`, that the peer does not hear: a second retransmission, with
    /// nothing heard since the first of the three transmissions.
    pub(super) fn is_suspicious(&self, now: Instant, max_retransmit: u8) -> bool {
        let State::Unacknowledged { due, held, .. } = self.state else {
            return false;
        };
        // Where there is no second retransmission, the end of the last timer takes its place.
        let before = 2.min(max_retransmit.saturating_add(1));
        self.unheard > before || (self.unheard == before && due <= now && !held)
    }
}
