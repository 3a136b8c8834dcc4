//! The message layer of RFC 7252 section 4, server side, without I/O: datagrams and instants in,
//! datagrams out.

mod codec;
mod dedup;
mod separate;

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use coap_lite::Packet;
pub(crate) use codec::Outgoing;
use codec::{Kind, Parsed};
use dedup::{Dedup, Seen};
use separate::Pending;

use crate::endpoint::Endpoint;

/// Timing of the message layer; the defaults are those of RFC 7252 section 4.8.
#[derive(Debug, Clone)]
pub struct Timing {
    /// First timeout of a confirmable response before the random factor of 1 to 1.5.
    pub ack_timeout: Duration,
    /// How often a confirmable response is sent again.
    pub max_retransmit: u32,
    /// How long a message id is remembered.
    pub exchange_lifetime: Duration,
    /// Bound on remembered exchanges of one port; the oldest are forgotten first.
    pub max_exchanges: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            ack_timeout: Duration::from_secs(2),
            max_retransmit: 4,
            exchange_lifetime: Duration::from_secs(247),
            max_exchanges: 200_000,
        }
    }
}

/// How an answer travels to a confirmable request (RFC 7252 section 5.2). Non-confirmable requests
/// are always answered by a non-confirmable message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// In the acknowledgement itself.
    #[default]
    Piggybacked,
    /// Empty acknowledgement now, confirmable response after it.
    Separate,
    /// Empty acknowledgement now, non-confirmable response after it.
    SeparateNon,
}

/// What a datagram turned out to be, for the observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// Not a CoAP message this endpoint can read; says why.
    Malformed(&'static str),
    /// A repeated request: answered as the first time, not processed again.
    Duplicate,
    /// An empty confirmable message.
    Ping,
    /// Our separate response has arrived.
    Acknowledged,
    /// The peer refused a message of ours.
    Reset,
    /// A well-formed message that a server has no use for, such as a response.
    Unexpected,
}

/// What has to be done with a datagram.
pub(crate) enum Received {
    /// A request seen for the first time.
    Request {
        exchange: Exchange,
        packet: Packet,
        /// The id was used before by a different message: the device breaks RFC 7252 section 4.4.
        id_reused: bool,
    },
    /// Anything else; send `replies`, which may be empty.
    Handled {
        note: Note,
        id: Option<u16>,
        replies: Vec<Vec<u8>>,
    },
}

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) endpoint: Endpoint,
    pub(crate) id: u16,
    pub(crate) confirmable: bool,
    token: Vec<u8>,
    fingerprint: u64,
}

/// An answer as datagrams.
pub(crate) struct Response {
    /// The empty acknowledgement before a separate response.
    pub(crate) at_once: Option<Vec<u8>>,
    /// The message with the answer.
    pub(crate) later: Vec<u8>,
}

/// What [`MessageLayer::expire`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// Send this again.
    Resend(Endpoint, Vec<u8>),
    /// The device never acknowledged this response.
    GaveUp(Endpoint, u16),
}

/// Duplicate detection and reliable separate responses for all endpoints of one port.
pub(crate) struct MessageLayer {
    dedup: Dedup,
    pending: Pending,
    hasher: RandomState,
}

impl MessageLayer {
    pub(crate) fn new(timing: &Timing) -> Self {
        MessageLayer {
            dedup: Dedup::new(timing.exchange_lifetime, timing.max_exchanges),
            pending: Pending::new(timing),
            hasher: RandomState::new(),
        }
    }

    /// Takes one datagram apart.
    pub(crate) fn receive(&mut self, now: Instant, from: Endpoint, datagram: &[u8]) -> Received {
        self.dedup.expire(now);
        let handled = |note, id, replies| Received::Handled {
            note,
            id: Some(id),
            replies,
        };
        let rejected = |note, kind, id| {
            let confirmable = kind == Kind::Confirmable;
            handled(
                note,
                id,
                confirmable.then(|| codec::reset(id)).into_iter().collect(),
            )
        };
        match codec::parse(datagram) {
            Parsed::Ignore(reason) => Received::Handled {
                note: Note::Malformed(reason),
                id: None,
                replies: Vec::new(),
            },
            Parsed::FormatError { kind, id, reason } => rejected(Note::Malformed(reason), kind, id),
            Parsed::Other { kind, id } => rejected(Note::Unexpected, kind, id),
            Parsed::Empty { kind, id } => match kind {
                Kind::Confirmable => handled(Note::Ping, id, vec![codec::reset(id)]),
                Kind::NonConfirmable => handled(Note::Unexpected, id, Vec::new()),
                Kind::Acknowledgement | Kind::Reset => {
                    let ours = self.pending.settle(from, id);
                    let note = match (ours, kind) {
                        (_, Kind::Reset) => Note::Reset,
                        (true, _) => Note::Acknowledged,
                        (false, _) => Note::Unexpected,
                    };
                    handled(note, id, Vec::new())
                }
            },
            Parsed::Request { kind, packet } => self.request(from, kind, packet, datagram),
        }
    }

    fn request(&mut self, from: Endpoint, kind: Kind, packet: Packet, datagram: &[u8]) -> Received {
        let exchange = Exchange {
            endpoint: from,
            id: packet.header.message_id,
            confirmable: kind == Kind::Confirmable,
            token: packet.get_token().to_vec(),
            fingerprint: self.hasher.hash_one(datagram),
        };
        let id_reused = match self.dedup.seen(from, exchange.id, exchange.fingerprint) {
            Seen::Repeated(replies) => {
                return Received::Handled {
                    note: Note::Duplicate,
                    id: Some(exchange.id),
                    replies,
                };
            }
            Seen::Reused => true,
            Seen::Never => false,
        };
        Received::Request {
            exchange,
            packet,
            id_reused,
        }
    }

    /// Encodes the answer, which leaves after `delay`, and remembers it for repetitions.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        delay: Duration,
        exchange: &Exchange,
        answer: &Outgoing<'_>,
        delivery: Delivery,
    ) -> Response {
        let to = exchange.endpoint;
        let token = exchange.token.as_slice();
        if !exchange.confirmable {
            let id = self.dedup.next_id(to);
            let response = answer.encode(Kind::NonConfirmable, id, token);
            // A repeated non-confirmable request is silently ignored (RFC 7252 section 4.3).
            self.dedup
                .remember(now, to, exchange.id, exchange.fingerprint, Vec::new());
            return Response {
                at_once: None,
                later: response,
            };
        }
        if delivery == Delivery::Piggybacked {
            let ack = answer.encode(Kind::Acknowledgement, exchange.id, token);
            self.dedup.remember(
                now,
                to,
                exchange.id,
                exchange.fingerprint,
                vec![ack.clone()],
            );
            return Response {
                at_once: None,
                later: ack,
            };
        }
        let ack = codec::empty_ack(exchange.id);
        self.dedup.remember(
            now,
            to,
            exchange.id,
            exchange.fingerprint,
            vec![ack.clone()],
        );
        let id = self.dedup.next_id(to);
        let response = if delivery == Delivery::Separate {
            let response = answer.encode(Kind::Confirmable, id, token);
            let spread = self.hasher.hash_one((to, id, exchange.fingerprint));
            self.pending
                .add(now + delay, to, id, response.clone(), spread);
            response
        } else {
            answer.encode(Kind::NonConfirmable, id, token)
        };
        Response {
            at_once: Some(ack),
            later: response,
        }
    }

    /// Marks the request as dealt with although it gets no answer.
    pub(crate) fn swallow(&mut self, now: Instant, exchange: &Exchange) {
        let Exchange {
            endpoint,
            id,
            fingerprint,
            ..
        } = *exchange;
        self.dedup
            .remember(now, endpoint, id, fingerprint, Vec::new());
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pending.deadline()
    }

    /// Repeats or gives up separate responses whose time has come.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Expired> {
        self.pending.expire(now)
    }

    /// Drops all state of an association that has ended.
    pub(crate) fn forget(&mut self, endpoint: Endpoint) {
        self.dedup.forget(endpoint);
        self.pending.forget(endpoint);
    }
}

impl Outgoing<'_> {
    /// An answer without options and payload.
    #[cfg(test)]
    pub(crate) fn bare(code: crate::code::Code) -> Outgoing<'static> {
        Outgoing {
            code,
            options: &[],
            payload: &[],
        }
    }
}

#[cfg(test)]
mod tests;
