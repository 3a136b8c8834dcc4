//! Transmissions that wait for something other than the peer's acknowledgement: a renewed session,
//! a new authentication, or the end of a back-off (RFC 7252 section 5.9.3.4, RFC 8516).

use super::layer::MessageLayer;
use super::time::Instant;

/// What holds the requests back that are not urgent.
#[derive(Debug, Default)]
pub(super) struct Pause {
    paused: bool,
    back_off_until: Instant,
}

impl Pause {
    /// From when on requests may be transmitted; [`Instant::NEVER`] when only the owner knows.
    pub(super) const fn released(&self) -> Instant {
        if self.paused {
            Instant::NEVER
        } else {
            self.back_off_until
        }
    }
}

impl<U> MessageLayer<U> {
    /// Stops, or resumes, everything but the requests of [`submit_first`](Self::submit_first) and
    /// what the peer says.
    ///
    /// Meanwhile requests are taken into the queue as ever, nothing is transmitted for the first
    /// time or again, and no Confirmable request is given up: its timer goes on, and what it has
    /// missed follows once the pause is over. A response still counts; an exchange of which only
    /// the response is missing still ends with its lifetime.
    pub fn set_paused(&mut self, paused: bool) {
        self.pause.paused = paused;
        self.disturb();
    }

    /// Whether the owner has [paused](Self::set_paused) the layer.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.pause.paused
    }

    /// Pauses until `until`, as [`set_paused`](Self::set_paused) does, when the peer has asked for
    /// it; the later of several instants counts. [`next_deadline`](Self::next_deadline) knows when
    /// it is over.
    pub fn back_off_until(&mut self, until: Instant) {
        self.pause.back_off_until = self.pause.back_off_until.max(until);
        self.disturb();
    }

    /// Ends a back-off before its time, if there is one.
    pub fn end_back_off(&mut self) {
        self.pause.back_off_until = Instant::default();
        self.disturb();
    }

    /// Whether the peer's request for a pause still counts at `now`.
    #[must_use]
    pub fn is_backing_off(&self, now: Instant) -> bool {
        now < self.pause.back_off_until
    }
}
