//! The message layer of one endpoint: exchanges, retransmission, matching, deduplication
//! (RFC 7252 sections 4.2 to 4.5, 4.7 and 5.3).
//!
//! A state machine without I/O. Its driver submits requests, sends what
//! [`poll_transmit`](MessageLayer::poll_transmit) hands out, feeds in what arrives, and collects what
//! [`poll_ended`](MessageLayer::poll_ended) gives up; the clock is an argument.

use super::code::{Class, Code};
use super::message_id::MessageIds;
use super::params::TransmissionParams;
use super::reader::{Datagram, FormatError, MessageType};
use super::request::{RequestError, RequestHead};
use super::time::{Instant, RandomSource};
use super::token::{Token, Tokens};
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

/// How many acknowledged separate responses are remembered, so that their repetitions are acknowledged
/// again and nothing else is (section 4.5).
const REMEMBERED_RESPONSES: usize = 16;

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// As many requests wait as [`TransmissionParams::queue_limit`] allows.
    QueueFull,
    /// The request cannot be encoded.
    Request(RequestError),
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => f.write_str("too many requests are waiting to be sent"),
            Self::Request(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SubmitError {}

/// An empty message to be sent back at once: an ACK or a Reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply([u8; 4]);

impl Reply {
    fn new(message_type: MessageType, message_id: u16) -> Self {
        let [high, low] = message_id.to_be_bytes();
        Self([message_type.header_byte(0), Code::EMPTY.0, high, low])
    }

    fn acknowledge(message_id: u16) -> Self {
        Self::new(MessageType::Acknowledgement, message_id)
    }

    fn reset(message_id: u16) -> Self {
        Self::new(MessageType::Reset, message_id)
    }

    /// The datagram to send.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

/// What became of a received message.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<U> {
    /// It matched nothing that was waiting.
    Ignored,
    /// It acknowledged a request whose response will come separately.
    Acknowledged,
    /// It is the response to the request submitted with this value.
    Response(U),
    /// The peer reset the request submitted with this value.
    Reset(U),
}

/// The result of [`MessageLayer::handle`].
#[derive(Debug, PartialEq, Eq)]
pub struct Handled<U> {
    /// To be sent back at once.
    pub reply: Option<Reply>,
    /// What the message meant.
    pub outcome: Outcome<U>,
}

/// Why an exchange ended without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No acknowledgement to any of the transmissions.
    Unacknowledged,
    /// Acknowledged (or sent as Non-confirmable), but no response within the exchange's lifetime.
    Unanswered,
}

/// The exchanges of one client with its one peer. `U` is whatever the owner ties to a request.
pub struct MessageLayer<U> {
    params: TransmissionParams,
    ids: MessageIds,
    tokens: Tokens,
    exchanges: Vec<Exchange<U>>,
    acknowledged_responses: [Option<(u16, Instant)>; REMEMBERED_RESPONSES],
    next_slot: usize,
    spare_buffers: Vec<Zeroizing<Vec<u8>>>,
}

struct Exchange<U> {
    user: U,
    message_type: MessageType,
    message_id: u16,
    token: u32,
    bytes: Zeroizing<Vec<u8>>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// Waits for its first transmission.
    Queued,
    /// Confirmable and not acknowledged: due again at `due`.
    Unacknowledged {
        due: Instant,
        timeout: Duration,
        retransmissions: u8,
        expires: Instant,
    },
    /// Acknowledged, or Non-confirmable: only the response is missing.
    AwaitingResponse { expires: Instant },
}

impl<U> MessageLayer<U> {
    /// A layer without exchanges; ids and tokens start at random points.
    pub fn new(params: TransmissionParams, random: &mut dyn RandomSource) -> Self {
        Self {
            params,
            ids: MessageIds::new(random),
            tokens: Tokens::new(random),
            exchanges: Vec::new(),
            acknowledged_responses: [None; REMEMBERED_RESPONSES],
            next_slot: 0,
            spare_buffers: Vec::new(),
        }
    }

    /// The token number the next request will carry.
    #[must_use]
    pub const fn next_token(&self) -> u32 {
        self.tokens.peek()
    }

    /// How many requests wait for a response or for their first transmission.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.exchanges.len()
    }

    /// How many requests wait for their first transmission.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.exchanges
            .iter()
            .filter(|e| matches!(e.state, State::Queued))
            .count()
    }

    /// Takes a request. It goes out with the next [`poll_transmit`](Self::poll_transmit), or, for a
    /// Confirmable one, as soon as NSTART allows (section 4.7). Returns its token number.
    ///
    /// # Errors
    ///
    /// See [`SubmitError`]; nothing has changed then.
    pub fn submit(
        &mut self,
        random: &mut dyn RandomSource,
        message_type: MessageType,
        head: &RequestHead,
        payload: &[u8],
        user: U,
    ) -> Result<u32, SubmitError> {
        if self.queued() >= self.params.queue_limit {
            return Err(SubmitError::QueueFull);
        }
        let index = self.exchanges.len();
        self.insert(index, random, message_type, head, payload, user)
    }

    /// Takes a request that goes before those already waiting, and however many they are.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Request`]; nothing has changed then.
    pub fn submit_first(
        &mut self,
        random: &mut dyn RandomSource,
        message_type: MessageType,
        head: &RequestHead,
        payload: &[u8],
        user: U,
    ) -> Result<u32, SubmitError> {
        let index = self.exchanges.iter().position(|e| !e.is_sent());
        let index = index.unwrap_or(self.exchanges.len());
        self.insert(index, random, message_type, head, payload, user)
    }

    fn insert(
        &mut self,
        index: usize,
        random: &mut dyn RandomSource,
        message_type: MessageType,
        head: &RequestHead,
        payload: &[u8],
        user: U,
    ) -> Result<u32, SubmitError> {
        let exchanges = &self.exchanges;
        let message_id = self
            .ids
            .take(|id| exchanges.iter().any(|e| e.message_id == id));
        let token = self.tokens.peek();
        let mut bytes = self.spare_buffers.pop().unwrap_or_default();
        head.write(message_type, message_id, token, payload, &mut bytes)
            .map_err(SubmitError::Request)?;
        self.tokens
            .take(random, |n| exchanges.iter().any(|e| e.token == n));
        let state = State::Queued;
        self.exchanges.insert(
            index,
            Exchange {
                user,
                message_type,
                message_id,
                token,
                bytes,
                state,
            },
        );
        Ok(token)
    }

    /// The next datagram that is due, with the token number of its request; `None` when nothing is due
    /// at `now`. Each call counts as one transmission.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Option<(u32, &[u8])> {
        let index = self.due_index(now)?;
        let exchange = &mut self.exchanges[index];
        exchange.state = match exchange.state {
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
                    retransmissions: retransmissions + 1,
                    expires,
                }
            }
            _ if exchange.message_type == MessageType::Confirmable => {
                let timeout = self.params.initial_timeout(random);
                let expires = now + self.params.exchange_lifetime();
                State::Unacknowledged {
                    due: now + timeout,
                    timeout,
                    retransmissions: 0,
                    expires,
                }
            }
            _ => State::AwaitingResponse {
                expires: now + self.params.non_lifetime(),
            },
        };
        Some((exchange.token, &exchange.bytes))
    }

    /// Takes out the next exchange that has ended without a response by `now`.
    pub fn poll_ended(&mut self, now: Instant) -> Option<(U, Ended)> {
        let max_retransmit = self.params.max_retransmit;
        let (index, reason) = self
            .exchanges
            .iter()
            .enumerate()
            .find_map(|(index, exchange)| {
                let reason = match exchange.state {
                    State::Unacknowledged {
                        due,
                        retransmissions,
                        ..
                    } if due <= now && retransmissions >= max_retransmit => Ended::Unacknowledged,
                    State::AwaitingResponse { expires } if expires <= now => Ended::Unanswered,
                    _ => return None,
                };
                Some((index, reason))
            })?;
        Some((self.remove(index), reason))
    }

    /// When the layer next has something to do by itself; `None` when it only waits for the peer.
    /// An instant that has passed already means: now.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let may_start = self.in_flight() < self.params.nstart.max(1);
        self.exchanges
            .iter()
            .filter_map(|exchange| match exchange.state {
                State::Unacknowledged { due, .. } => Some(due),
                State::AwaitingResponse { expires } => Some(expires),
                State::Queued if may_start || exchange.is_non_confirmable() => {
                    Some(Instant::default())
                }
                State::Queued => None,
            })
            .min()
    }

    /// Drops the request with this token number and gives its value back.
    pub fn abort(&mut self, token: u32) -> Option<U> {
        let index = self.exchanges.iter().position(|e| e.token == token)?;
        Some(self.remove(index))
    }

    /// Drops every exchange that has the property, without a word to anyone.
    pub fn abort_where(&mut self, mut property: impl FnMut(&U) -> bool) {
        self.exchanges.retain(|exchange| !property(&exchange.user));
    }

    /// Whether the request with this token number has been sent at least once.
    #[must_use]
    pub fn is_sent(&self, token: u32) -> bool {
        self.exchanges
            .iter()
            .any(|e| e.token == token && !matches!(e.state, State::Queued))
    }

    /// Answers a datagram that could not be read: a malformed Confirmable message is reset, everything
    /// else ignored (sections 4.2 and 4.3).
    #[must_use]
    pub fn reject(error: FormatError) -> Option<Reply> {
        match error {
            FormatError::Malformed {
                message_type: MessageType::Confirmable,
                message_id,
            } => Some(Reply::reset(message_id)),
            _ => None,
        }
    }

    /// Handles a message from the peer.
    pub fn handle(&mut self, now: Instant, message: &Datagram<'_>) -> Handled<U> {
        match (message.message_type(), message.code().class()) {
            (MessageType::Acknowledgement, Class::Empty) => self.handle_empty_ack(message),
            (MessageType::Reset, Class::Empty) => self.handle_reset(message),
            (MessageType::Acknowledgement, _) if message.code().is_response() => {
                self.handle_piggybacked(message)
            }
            (MessageType::Confirmable, _) if message.code().is_response() => {
                self.handle_separate_confirmable(now, message)
            }
            (MessageType::NonConfirmable, _) if message.code().is_response() => Handled {
                reply: None,
                outcome: self.take_response(message),
            },
            // A ping (section 4.3) or a request: this endpoint serves nothing.
            (MessageType::Confirmable, _) => {
                let reply = Some(Reply::reset(message.message_id()));
                Handled {
                    reply,
                    outcome: Outcome::Ignored,
                }
            }
            _ => Handled {
                reply: None,
                outcome: Outcome::Ignored,
            },
        }
    }

    /// Section 4.2: an empty ACK ends the retransmission; the response comes separately.
    fn handle_empty_ack(&mut self, message: &Datagram<'_>) -> Handled<U> {
        let waiting = self
            .exchanges
            .iter_mut()
            .find(|e| e.message_id == message.message_id());
        let outcome = match waiting {
            Some(exchange) => match exchange.state {
                State::Unacknowledged { expires, .. } => {
                    exchange.state = State::AwaitingResponse { expires };
                    Outcome::Acknowledged
                }
                _ => Outcome::Ignored,
            },
            None => Outcome::Ignored,
        };
        Handled {
            reply: None,
            outcome,
        }
    }

    /// Section 4.2: a Reset ends the exchange, Confirmable or not.
    fn handle_reset(&mut self, message: &Datagram<'_>) -> Handled<U> {
        let index = self
            .exchanges
            .iter()
            .position(|e| e.message_id == message.message_id() && e.is_sent());
        let outcome = index.map_or(Outcome::Ignored, |index| Outcome::Reset(self.remove(index)));
        Handled {
            reply: None,
            outcome,
        }
    }

    /// Section 5.3.2: a piggybacked response matches by message id and token.
    fn handle_piggybacked(&mut self, message: &Datagram<'_>) -> Handled<U> {
        let matches = self.exchanges.iter().any(|e| {
            e.message_id == message.message_id() && e.message_type == MessageType::Confirmable
        });
        let outcome = if matches {
            self.take_response(message)
        } else {
            Outcome::Ignored
        };
        Handled {
            reply: None,
            outcome,
        }
    }

    /// Section 5.2.2: a separate response is acknowledged, also when it comes again; one that belongs
    /// to nothing is reset.
    fn handle_separate_confirmable(&mut self, now: Instant, message: &Datagram<'_>) -> Handled<U> {
        let id = message.message_id();
        if self.remembers(now, id) {
            return Handled {
                reply: Some(Reply::acknowledge(id)),
                outcome: Outcome::Ignored,
            };
        }
        match self.take_response(message) {
            outcome @ Outcome::Response(_) => {
                self.remember(now, id);
                Handled {
                    reply: Some(Reply::acknowledge(id)),
                    outcome,
                }
            }
            outcome => Handled {
                reply: Some(Reply::reset(id)),
                outcome,
            },
        }
    }

    /// Ends the exchange whose token the response carries; section 5.4.1 forbids processing a response
    /// with an unknown critical option.
    fn take_response(&mut self, message: &Datagram<'_>) -> Outcome<U> {
        if let Some(option) = message.unknown_critical_option() {
            log::warn!("response with unknown critical option {option} rejected");
            return Outcome::Ignored;
        }
        let token = message.token();
        let index = self
            .exchanges
            .iter()
            .position(|e| e.is_sent() && Token::from_number(e.token) == token);
        index.map_or(Outcome::Ignored, |index| {
            Outcome::Response(self.remove(index))
        })
    }

    fn remembers(&self, now: Instant, message_id: u16) -> bool {
        let lifetime = self.params.exchange_lifetime();
        let known = self.acknowledged_responses.iter().flatten();
        known
            .into_iter()
            .any(|&(id, at)| id == message_id && now.since(at) < lifetime)
    }

    fn remember(&mut self, now: Instant, message_id: u16) {
        self.acknowledged_responses[self.next_slot] = Some((message_id, now));
        self.next_slot = (self.next_slot + 1) % REMEMBERED_RESPONSES;
    }

    fn in_flight(&self) -> usize {
        self.exchanges
            .iter()
            .filter(|e| matches!(e.state, State::Unacknowledged { .. }))
            .count()
    }

    fn due_index(&self, now: Instant) -> Option<usize> {
        let may_start = self.in_flight() < self.params.nstart.max(1);
        self.exchanges
            .iter()
            .position(|exchange| match exchange.state {
                State::Queued => may_start || exchange.is_non_confirmable(),
                State::Unacknowledged {
                    due,
                    retransmissions,
                    ..
                } => due <= now && retransmissions < self.params.max_retransmit,
                State::AwaitingResponse { .. } => false,
            })
    }

    fn remove(&mut self, index: usize) -> U {
        let exchange = self.exchanges.remove(index);
        if self.spare_buffers.len() <= self.params.nstart {
            self.spare_buffers.push(exchange.bytes);
        }
        exchange.user
    }
}

impl<U> Exchange<U> {
    fn is_sent(&self) -> bool {
        !matches!(self.state, State::Queued)
    }

    fn is_non_confirmable(&self) -> bool {
        self.message_type == MessageType::NonConfirmable
    }
}

impl<U> fmt::Debug for MessageLayer<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageLayer")
            .field("outstanding", &self.outstanding())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
