//! One request on its way, and the timers that govern it (RFC 7252 sections 4.2 and 4.3).

use super::params::TransmissionParams;
use super::reader::MessageType;
use super::time::{Instant, RandomSource};
use core::time::Duration;
use zeroize::Zeroizing;

/// Why an exchange ended without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No acknowledgement to any of the transmissions.
    Unacknowledged,
    /// Acknowledged (or sent as Non-confirmable), but no response within the exchange's lifetime.
    Unanswered,
}

pub(super) struct Exchange<U> {
    pub(super) user: U,
    pub(super) message_type: MessageType,
    pub(super) message_id: u16,
    pub(super) token: u32,
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) state: State,
}

#[derive(Clone, Copy)]
pub(super) enum State {
    /// Waits for its first transmission.
    Queued,
    /// Confirmable and not acknowledged: due again at `due`, unless `held` back for a request that goes
    /// first.
    Unacknowledged {
        due: Instant,
        timeout: Duration,
        retransmissions: u8,
        expires: Instant,
        held: bool,
    },
    /// Acknowledged, or Non-confirmable: only the response is missing.
    AwaitingResponse { expires: Instant },
}

impl<U> Exchange<U> {
    pub(super) const fn is_sent(&self) -> bool {
        !matches!(self.state, State::Queued)
    }

    pub(super) fn is_non_confirmable(&self) -> bool {
        self.message_type == MessageType::NonConfirmable
    }

    /// Whether it is one of the interactions that NSTART counts (section 4.7).
    pub(super) const fn is_in_flight(&self) -> bool {
        matches!(self.state, State::Unacknowledged { held: false, .. })
    }

    pub(super) const fn is_awaiting_response(&self) -> bool {
        matches!(self.state, State::AwaitingResponse { .. })
    }

    /// Stops, or resumes, the repetition of a Confirmable request that is not acknowledged; its timer goes on.
    /// Tells whether that changed anything.
    pub(super) fn hold(&mut self, hold: bool) -> bool {
        match &mut self.state {
            State::Unacknowledged { held, .. } if *held != hold => {
                *held = hold;
                true
            }
            _ => false,
        }
    }

    /// Whether it is to be sent at `now`; a Confirmable one for the first time only if it `may_start`.
    pub(super) fn is_due(&self, now: Instant, may_start: bool, max_retransmit: u8) -> bool {
        match self.state {
            State::Queued => may_start || self.is_non_confirmable(),
            State::Unacknowledged {
                due,
                retransmissions,
                held,
                ..
            } => !held && due <= now && retransmissions < max_retransmit,
            State::AwaitingResponse { .. } => false,
        }
    }

    /// When there is next something to do about it.
    pub(super) fn deadline(&self, may_start: bool) -> Option<Instant> {
        match self.state {
            State::Queued if may_start || self.is_non_confirmable() => Some(Instant::default()),
            State::Queued | State::Unacknowledged { held: true, .. } => None,
            State::Unacknowledged { due, .. } => Some(due),
            State::AwaitingResponse { expires } => Some(expires),
        }
    }

    /// Whether, and why, it has ended by `now`.
    pub(super) fn ended(&self, now: Instant, max_retransmit: u8) -> Option<Ended> {
        match self.state {
            State::Unacknowledged {
                due,
                retransmissions,
                held: false,
                ..
            } if due <= now && retransmissions >= max_retransmit => Some(Ended::Unacknowledged),
            State::AwaitingResponse { expires } if expires <= now => Some(Ended::Unanswered),
            _ => None,
        }
    }

    /// How often it has been sent, as far as its state still tells.
    pub(super) const fn transmissions(&self) -> u8 {
        match self.state {
            State::Queued => 0,
            State::Unacknowledged {
                retransmissions, ..
            } => retransmissions.saturating_add(1),
            State::AwaitingResponse { .. } => 1,
        }
    }

    /// Notes one transmission at `now` and sets the timer for what comes next.
    pub(super) fn transmitted(
        &mut self,
        now: Instant,
        params: &TransmissionParams,
        random: &mut dyn RandomSource,
    ) {
        self.state = match self.state {
            State::Unacknowledged {
                timeout,
                retransmissions,
                expires,
                ..
            } => {
                let timeout = timeout.saturating_mul(2);
                State::Unacknowledged {
                    due: now + timeout,
                    timeout,
                    retransmissions: retransmissions.saturating_add(1),
                    expires,
                    held: false,
                }
            }
            _ if self.message_type == MessageType::Confirmable => {
                let timeout = params.initial_timeout(random);
                State::Unacknowledged {
                    due: now + timeout,
                    timeout,
                    retransmissions: 0,
                    expires: now + params.exchange_lifetime(),
                    held: false,
                }
            }
            _ => State::AwaitingResponse {
                expires: now + params.non_lifetime(),
            },
        };
    }

    /// Notes an empty ACK: what remains is to wait for the response. Tells whether that was news.
    pub(super) fn acknowledged(&mut self) -> bool {
        if let State::Unacknowledged { expires, .. } = self.state {
            self.state = State::AwaitingResponse { expires };
            return true;
        }
        false
    }
}
