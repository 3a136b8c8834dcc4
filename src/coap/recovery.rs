//! Requests that outlive the session, the token, or the power supply they were first sent with.

use super::dedup::AcknowledgedResponses;
use super::encoded::{EncodedRequest, Finished, Replacement};
use super::exchange::{Ended, Exchange, State};
use super::layer::MessageLayer;
use super::message_id::MessageIds;
use super::silence::Silence;
use super::time::{Instant, RandomSource};
use crate::few;

/// What must survive a device's power cycle so that neither message ids nor tokens are used again
/// too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    next_message_id: u16,
    busy_id_blocks: u64,
    next_token: u32,
}

impl Snapshot {
    /// Length of the encoded form, in bytes.
    pub const LEN: usize = 14;

    /// The encoded form: big-endian next message id, next token number, and one bit for each 1,024
    /// message ids of which some are in use.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..2].copy_from_slice(&self.next_message_id.to_be_bytes());
        bytes[2..6].copy_from_slice(&self.next_token.to_be_bytes());
        bytes[6..].copy_from_slice(&self.busy_id_blocks.to_be_bytes());
        bytes
    }

    /// Reads the encoded form. Every value is a valid one; whether it is the device's own is for
    /// the caller to know.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, busy @ ..] = bytes;
        Self {
            next_message_id: u16::from_be_bytes([a, b]),
            next_token: u32::from_be_bytes([c, d, e, f]),
            busy_id_blocks: u64::from_be_bytes(busy),
        }
    }
}

impl<U> MessageLayer<U> {
    /// Goes over to a new connection with the same server, such as a renewed DTLS session: every request
    /// that has been sent and not answered goes back to the queue, in order and before those queued
    /// already, to be sent again with all its retransmissions.
    ///
    /// It keeps its message id and token. For a peer that sees another endpoint now (section 9.1.1) these
    /// are as good as new ones; one that knows the endpoint again, by its address or by the DTLS session that
    /// was resumed, and has taken the request before, sees the repetition it is and does not take it
    /// twice.
    ///
    /// `may` decides for each whether it is worth it ([`requeues`](EncodedRequest::requeues) tells
    /// how often this has happened to it); where it says no, the request ends with
    /// [`Ended::SessionLost`].
    pub fn requeue_sent(&mut self, mut may: impl FnMut(&U, &EncodedRequest) -> bool) {
        self.acknowledged_responses = AcknowledgedResponses::default();
        self.silence = Silence::default();
        self.disturb();
        // Stable: within each rank the order stays.
        few::sort_by_key(&mut self.exchanges, |e| (!e.urgent, e.is_queued()));
        for index in 0..self.exchanges.len() {
            let exchange = &self.exchanges[index];
            if !exchange.is_sent() {
                continue;
            }
            if may(&exchange.user, &exchange.request) {
                self.put_back(index);
            } else {
                self.exchanges[index].state = State::Over(Ended::SessionLost);
            }
        }
    }

    /// Takes a request that has ended once more: it goes before those that wait, however many they
    /// are, under a new token and, in time, a new message id. It keeps its number, which is
    /// returned.
    ///
    /// For a report that was refused for its authentication token: [`set_paused`](Self::set_paused)
    /// keeps it until [`replace_requests`](Self::replace_requests) has given it the new one.
    pub fn resubmit(&mut self, random: &mut dyn RandomSource, finished: Finished<U>) -> u32 {
        let waiting = |e: &Exchange<U>| e.is_queued() && !e.urgent;
        let index = self.exchanges.iter().position(waiting);
        let index = index.unwrap_or(self.exchanges.len());
        let Finished { user, request } = finished;
        let number = request.number;
        self.exchanges.insert(
            index,
            Exchange {
                user,
                request,
                urgent: false,
                unheard: 0,
                suspected: false,
                state: State::Queued,
            },
        );
        let token = self.take_token(random);
        self.exchanges[index].request.rename(token);
        self.put_back(index);
        number
    }

    fn put_back(&mut self, index: usize) {
        self.disturb();
        let exchange = &mut self.exchanges[index];
        exchange.request.requeues = exchange.request.requeues.saturating_add(1);
        (exchange.unheard, exchange.suspected) = (0, false);
        exchange.state = State::Queued;
    }

    /// Lets the owner rewrite the requests that wait for their first transmission (since they were
    /// last put back), for what they carry may have become invalid meanwhile: the authentication
    /// token, or a payload encrypted under a key that is gone. One that does not fit into a
    /// datagram any more ends with [`Ended::Unsendable`].
    pub fn replace_requests(
        &mut self,
        mut replace: impl FnMut(&mut U, &EncodedRequest) -> Replacement,
    ) {
        self.disturb();
        for exchange in self.exchanges.iter_mut().filter(|e| e.is_queued()) {
            let request = &mut exchange.request;
            let written = match replace(&mut exchange.user, request) {
                Replacement::Keep => continue,
                Replacement::With { head, payload } => {
                    let (message_type, token) = (request.message_type, request.token);
                    // Another message than the one the peer may have seen under that id.
                    (request.message_id, request.former_id) = (None, None);
                    head.write(message_type, 0, token, &payload, &mut request.bytes)
                        .is_ok()
                }
                Replacement::Fail => false,
            };
            if !written {
                exchange.state = State::Over(Ended::Unsendable);
            }
        }
    }

    /// What to keep for [`restore`](Self::restore) when the device is about to lose its memory.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let (next_message_id, busy_id_blocks) = self.ids.progress(now);
        Snapshot {
            next_message_id,
            busy_id_blocks,
            next_token: self.tokens.peek(),
        }
    }

    /// Goes on with message ids and tokens where a [`snapshot`](Self::snapshot) stands: for a new
    /// layer towards the same endpoint. The time in between is unknown here, so ids that were in
    /// use count as used just now.
    pub fn restore(&mut self, now: Instant, snapshot: &Snapshot) {
        self.ids = MessageIds::resume(
            snapshot.next_message_id,
            snapshot.busy_id_blocks,
            now,
            self.spans.exchange_lifetime,
        );
        self.tokens.resume(snapshot.next_token);
        self.disturb();
    }
}
