//! The message layer of one endpoint: exchanges, retransmission, matching, deduplication
//! (RFC 7252 sections 4.2 to 4.5, 4.7 and 5.3).
//!
//! A state machine without I/O. Its driver submits requests, sends what
//! [`poll_transmit`](MessageLayer::poll_transmit) hands out, feeds in what arrives, and collects what
//! [`poll_ended`](MessageLayer::poll_ended) gives up; the clock is an argument.

use super::code::{Class, Code};
use super::dedup::AcknowledgedResponses;
use super::exchange::{Ended, Exchange, State};
use super::message_id::MessageIds;
use super::params::TransmissionParams;
use super::reader::{Datagram, FormatError, MessageType};
use super::request::{RequestError, RequestHead};
use super::time::{Instant, RandomSource};
use super::token::{Token, Tokens};
use core::fmt;
use zeroize::Zeroizing;

/// How many requests may be without their response after nothing else is missing. Beyond, the oldest is
/// forgotten: the network, or a program that never receives, must not be able to fill the memory.
const MAX_AWAITED: usize = 64;

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

/// A request that has ended without a response.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished<U> {
    /// What the request was submitted with.
    pub user: U,
    /// Why it has ended.
    pub reason: Ended,
    /// Its message id.
    pub message_id: u16,
    /// Its token number.
    pub token: u32,
    /// How often it was sent.
    pub transmissions: u8,
}

/// The exchanges of one client with its one peer. `U` is whatever the owner ties to a request.
pub struct MessageLayer<U> {
    params: TransmissionParams,
    ids: MessageIds,
    tokens: Tokens,
    exchanges: Vec<Exchange<U>>,
    acknowledged_responses: AcknowledgedResponses,
    spare_buffers: Vec<Zeroizing<Vec<u8>>>,
}

impl<U> MessageLayer<U> {
    /// A layer without exchanges; ids and tokens start at random points.
    pub fn new(params: TransmissionParams, random: &mut dyn RandomSource) -> Self {
        Self {
            params,
            ids: MessageIds::new(random),
            tokens: Tokens::new(random),
            exchanges: Vec::new(),
            acknowledged_responses: AcknowledgedResponses::default(),
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
        self.forget_oldest_awaited();
        let index = self.exchanges.len();
        self.insert(index, random, message_type, head, payload, user)
    }

    /// Takes a request that goes before those already waiting, and however many they are. Where NSTART
    /// leaves it no room, a Confirmable request under way stands back: it is not repeated until this one has
    /// been acknowledged or has ended, and then goes on where it stood. Its response still counts.
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
        self.forget_oldest_awaited();
        let index = self.exchanges.iter().position(|e| !e.is_sent());
        let index = index.unwrap_or(self.exchanges.len());
        let token = self.insert(index, random, message_type, head, payload, user)?;
        while !self.may_start() && self.exchanges.iter_mut().any(|e| e.hold(true)) {}
        Ok(token)
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
        let (may_start, max_retransmit) = (self.may_start(), self.params.max_retransmit);
        let mut exchanges = self.exchanges.iter_mut();
        let exchange = exchanges.find(|e| e.is_due(now, may_start, max_retransmit))?;
        exchange.transmitted(now, &self.params, random);
        Some((exchange.token, &exchange.bytes))
    }

    /// Takes out the next exchange that has ended without a response by `now`.
    pub fn poll_ended(&mut self, now: Instant) -> Option<(U, Ended)> {
        self.poll_finished(now).map(|f| (f.user, f.reason))
    }

    /// The same, with what identifies the exchange.
    pub fn poll_finished(&mut self, now: Instant) -> Option<Finished<U>> {
        let max_retransmit = self.params.max_retransmit;
        let ended = |exchange: &Exchange<U>| exchange.ended(now, max_retransmit);
        let mut exchanges = self.exchanges.iter().enumerate();
        let (index, reason) = exchanges.find_map(|(index, e)| Some((index, ended(e)?)))?;
        let exchange = &self.exchanges[index];
        let (message_id, token) = (exchange.message_id, exchange.token);
        let transmissions = exchange.transmissions();
        Some(Finished {
            user: self.remove(index),
            reason,
            message_id,
            token,
            transmissions,
        })
    }

    /// When the layer next has something to do by itself; `None` when it only waits for the peer.
    /// An instant that has passed already means: now.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let may_start = self.may_start();
        let deadlines = self.exchanges.iter().filter_map(|e| e.deadline(may_start));
        deadlines.min()
    }

    /// Drops the request with this token number and gives its value back.
    pub fn abort(&mut self, token: u32) -> Option<U> {
        let index = self.exchanges.iter().position(|e| e.token == token)?;
        Some(self.remove(index))
    }

    /// Drops every exchange that has the property, without a word to anyone.
    pub fn abort_where(&mut self, mut property: impl FnMut(&U) -> bool) {
        self.exchanges.retain(|exchange| !property(&exchange.user));
        self.resume_held();
    }

    /// Whether the request with this token number has been sent at least once.
    #[must_use]
    pub fn is_sent(&self, token: u32) -> bool {
        self.exchanges
            .iter()
            .any(|e| e.token == token && e.is_sent())
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
                outcome: self.take_response(message, |_| true),
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
        let mut exchanges = self.exchanges.iter_mut();
        let waiting = exchanges.find(|e| e.message_id == message.message_id());
        let outcome = if waiting.is_some_and(Exchange::acknowledged) {
            self.resume_held();
            Outcome::Acknowledged
        } else {
            Outcome::Ignored
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
        let acknowledges = |e: &Exchange<U>| {
            e.message_id == message.message_id() && e.message_type == MessageType::Confirmable
        };
        Handled {
            reply: None,
            outcome: self.take_response(message, acknowledges),
        }
    }

    /// Section 5.2.2: a separate response is acknowledged, also when it comes again; one that belongs
    /// to nothing is reset.
    fn handle_separate_confirmable(&mut self, now: Instant, message: &Datagram<'_>) -> Handled<U> {
        let id = message.message_id();
        let outcome = self.take_response(message, |_| true);
        let reply = match outcome {
            Outcome::Response(_) => {
                self.acknowledged_responses.insert(id, now);
                Reply::acknowledge(id)
            }
            // Asked last: a server that has restarted may reuse an id for a response that is awaited.
            _ if self.is_repetition(now, id) => Reply::acknowledge(id),
            _ => Reply::reset(id),
        };
        Handled {
            reply: Some(reply),
            outcome,
        }
    }

    /// Ends the exchange whose token the response carries and that also `fits`; section 5.4.1 forbids
    /// processing a response with an unknown critical option.
    fn take_response(
        &mut self,
        message: &Datagram<'_>,
        fits: impl Fn(&Exchange<U>) -> bool,
    ) -> Outcome<U> {
        let token = message.token();
        let answered =
            |e: &Exchange<U>| e.is_sent() && Token::from_number(e.token) == token && fits(e);
        let Some(index) = self.exchanges.iter().position(answered) else {
            return Outcome::Ignored;
        };
        if let Some(option) = message.unknown_critical_option() {
            log::warn!("response with unknown critical option {option} rejected");
            return Outcome::Ignored;
        }
        Outcome::Response(self.remove(index))
    }

    fn is_repetition(&self, now: Instant, message_id: u16) -> bool {
        let lifetime = self.params.exchange_lifetime();
        self.acknowledged_responses
            .contains(message_id, now, lifetime)
    }

    /// Whether NSTART leaves room for a further Confirmable request.
    fn may_start(&self) -> bool {
        let in_flight = self.exchanges.iter().filter(|e| e.is_in_flight()).count();
        in_flight < self.params.nstart.max(1)
    }

    /// Lets requests that stood back go on, as far as there is room.
    fn resume_held(&mut self) {
        while self.may_start() && self.exchanges.iter_mut().any(|e| e.hold(false)) {}
    }

    fn forget_oldest_awaited(&mut self) {
        let awaited = self.exchanges.iter().enumerate();
        let mut awaited = awaited.filter(|(_, exchange)| exchange.is_awaiting_response());
        let oldest = awaited.next().map(|(index, _)| index);
        if awaited.count() + 1 >= MAX_AWAITED
            && let Some(index) = oldest
        {
            log::info!("the response to an older request is not expected any more");
            self.remove(index);
        }
    }

    fn remove(&mut self, index: usize) -> U {
        let exchange = self.exchanges.remove(index);
        if self.spare_buffers.len() <= self.params.nstart {
            self.spare_buffers.push(exchange.bytes);
        }
        self.resume_held();
        exchange.user
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
