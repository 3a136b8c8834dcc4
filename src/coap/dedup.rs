//! Recognising separate responses that come again (RFC 7252 section 4.5).

use super::time::{Instant, Millis};

/// How many acknowledged responses are remembered: as many as requests may wait for a separate one.
/// What is forgotten is reset when it comes again, which costs nothing but the datagram.
const REMEMBERED: usize = 64;

/// The message ids of the separate responses acknowledged last: a repetition is acknowledged again,
/// anything else that matches no request is not.
#[derive(Debug)]
pub(super) struct AcknowledgedResponses {
    seen: [Option<(u16, Instant)>; REMEMBERED],
    next_slot: usize,
}

impl Default for AcknowledgedResponses {
    fn default() -> Self {
        Self {
            seen: [None; REMEMBERED],
            next_slot: 0,
        }
    }
}

impl AcknowledgedResponses {
    /// Whether a response with this id was acknowledged less than `lifetime` before `now`.
    pub(super) fn contains(&self, message_id: u16, now: Instant, lifetime: Millis) -> bool {
        let mut seen = self.seen.iter().flatten();
        seen.any(|&(id, at)| id == message_id && now < at + lifetime)
    }

    pub(super) fn insert(&mut self, message_id: u16, now: Instant) {
        self.seen[self.next_slot] = Some((message_id, now));
        self.next_slot = (self.next_slot + 1) % REMEMBERED;
    }
}
