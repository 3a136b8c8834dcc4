//! Separate confirmable responses until the device acknowledges them (RFC 7252 section 4.2).

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::{Expired, Timing};
use crate::endpoint::Endpoint;

struct Response {
    bytes: Vec<u8>,
    timeout: Duration,
    due: Instant,
    repeated: u32,
}

pub(super) struct Pending {
    ack_timeout: Duration,
    max_retransmit: u32,
    responses: HashMap<(Endpoint, u16), Response>,
    timers: BTreeSet<(Instant, Endpoint, u16)>,
}

impl Pending {
    pub(super) fn new(timing: &Timing) -> Self {
        Pending {
            ack_timeout: timing.ack_timeout,
            max_retransmit: timing.max_retransmit,
            responses: HashMap::new(),
            timers: BTreeSet::new(),
        }
    }

    /// Starts the timer of a response that is being sent now; `spread` is any number, the random
    /// factor of 1 to 1.5 is drawn from it.
    pub(super) fn add(&mut self, now: Instant, to: Endpoint, id: u16, bytes: Vec<u8>, spread: u64) {
        let timeout = self.ack_timeout + self.ack_timeout.mul_f64((spread % 1024) as f64 / 2048.0);
        let due = now + timeout;
        let response = Response {
            bytes,
            timeout,
            due,
            repeated: 0,
        };
        if let Some(old) = self.responses.insert((to, id), response) {
            self.timers.remove(&(old.due, to, id));
        }
        self.timers.insert((due, to, id));
    }

    /// An acknowledgement or a reset ends the retransmission; says whether there was one.
    pub(super) fn settle(&mut self, from: Endpoint, id: u16) -> bool {
        let Some(response) = self.responses.remove(&(from, id)) else {
            return false;
        };
        self.timers.remove(&(response.due, from, id))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(due, ..)| *due)
    }

    pub(super) fn expire(&mut self, now: Instant) -> Vec<Expired> {
        let mut expired = Vec::new();
        while let Some(&(due, to, id)) = self.timers.first() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            let Some(response) = self.responses.get_mut(&(to, id)) else {
                continue;
            };
            if response.repeated == self.max_retransmit {
                self.responses.remove(&(to, id));
                expired.push(Expired::GaveUp(to, id));
                continue;
            }
            response.repeated += 1;
            response.timeout *= 2;
            response.due = now + response.timeout;
            self.timers.insert((response.due, to, id));
            expired.push(Expired::Resend(to, response.bytes.clone()));
        }
        expired
    }

    pub(super) fn forget(&mut self, endpoint: Endpoint) {
        self.responses.retain(|(to, _), _| *to != endpoint);
        self.timers.retain(|(_, to, _)| *to != endpoint);
    }
}
