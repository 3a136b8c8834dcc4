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
use dedup::{Answered, Dedup, Seen, Separate};
use separate::Pending;

use crate::endpoint::{Endpoint, Namespace};

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
    among: Namespace,
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
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        from: Endpoint,
        among: Namespace,
        datagram: &[u8],
    ) -> Received {
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
            Parsed::Request { kind, packet } => {
                let exchange = Exchange {
                    endpoint: from,
                    among,
                    id: packet.header.message_id,
                    confirmable: kind == Kind::Confirmable,
                    token: packet.get_token().to_vec(),
                    fingerprint: self.hasher.hash_one(datagram),
                };
                self.request(now, exchange, packet)
            }
        }
    }

    fn request(&mut self, now: Instant, exchange: Exchange, packet: Packet) -> Received {
        let Exchange {
            among,
            id,
            fingerprint,
            ..
        } = exchange;
        let id_reused = match self.dedup.seen(among, id, fingerprint) {
            Seen::Repeated(answered) => {
                return Received::Handled {
                    note: Note::Duplicate,
                    id: Some(id),
                    replies: self.repeat(now, &exchange, answered),
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

    /// Answers a request as before. If the answer went by another session, that one is no more, or the
    /// device would not repeat the request by this one: a response that left by itself is sent here again.
    fn repeat(&mut self, now: Instant, request: &Exchange, answered: Answered) -> Vec<Vec<u8>> {
        let here = request.endpoint;
        if answered.to == here {
            return answered.reply.into_iter().collect();
        }
        self.dedup.redirect(request.among, request.id, here);
        let response = answered.separate.map(|separate| {
            let Separate {
                id,
                confirmable,
                message,
            } = separate;
            if confirmable {
                self.pending.settle(answered.to, id);
                self.retransmit(now, request, id, message.clone());
            }
            message
        });
        answered.reply.into_iter().chain(response).collect()
    }

    /// Sees to it that a response that leaves at `at` is repeated until it is acknowledged.
    fn retransmit(&mut self, at: Instant, request: &Exchange, id: u16, message: Vec<u8>) {
        let to = request.endpoint;
        let spread = self.hasher.hash_one((to, id, request.fingerprint));
        self.pending.add(at, to, id, message, spread);
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
        let token = exchange.token.as_slice();
        if !exchange.confirmable {
            let id = self.dedup.next_id(exchange.among);
            let message = answer.encode(Kind::NonConfirmable, id, token);
            // Repeated, such a request is silently ignored (RFC 7252 section 4.3), unless it comes by another
            // session, to which the device has moved since it had no answer.
            let separate = Separate {
                id,
                confirmable: false,
                message: message.clone(),
            };
            self.remember(now, exchange, None, Some(separate));
            return Response {
                at_once: None,
                later: message,
            };
        }
        if delivery == Delivery::Piggybacked {
            let ack = answer.encode(Kind::Acknowledgement, exchange.id, token);
            self.remember(now, exchange, Some(ack.clone()), None);
            return Response {
                at_once: None,
                later: ack,
            };
        }
        let ack = codec::empty_ack(exchange.id);
        let id = self.dedup.next_id(exchange.among);
        let confirmable = delivery == Delivery::Separate;
        let kind = if confirmable {
            Kind::Confirmable
        } else {
            Kind::NonConfirmable
        };
        let message = answer.encode(kind, id, token);
        let separate = Separate {
            id,
            confirmable,
            message: message.clone(),
        };
        self.remember(now, exchange, Some(ack.clone()), Some(separate));
        if confirmable {
            self.retransmit(now + delay, exchange, id, message.clone());
        }
        Response {
            at_once: Some(ack),
            later: message,
        }
    }

    /// Marks the request as dealt with although it gets no answer.
    pub(crate) fn swallow(&mut self, now: Instant, exchange: &Exchange) {
        self.remember(now, exchange, None, None);
    }

    fn remember(
        &mut self,
        now: Instant,
        exchange: &Exchange,
        reply: Option<Vec<u8>>,
        separate: Option<Separate>,
    ) {
        let answered = Answered {
            to: exchange.endpoint,
            reply,
            separate,
        };
        let (among, id) = (exchange.among, exchange.id);
        self.dedup
            .remember(now, among, id, exchange.fingerprint, answered);
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
