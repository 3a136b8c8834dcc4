//! The message layer of one endpoint: exchanges and their transmission
//! (RFC 7252 sections 4.2 to 4.4 and 4.7).
//!
//! A state machine without I/O. Its driver submits requests, sends what
//! [`poll_transmit`](MessageLayer::poll_transmit) hands out, feeds in what arrives
//! ([`handle`](MessageLayer::handle)), and collects what [`poll_ended`](MessageLayer::poll_ended)
//! gives up; the clock is an argument. Every request it takes ends in exactly one of: a response or
//! a Reset handed out by `handle`, a reason handed out by `poll_ended`, or an abort by its owner.

use super::dedup::AcknowledgedResponses;
use super::encoded::{EncodedRequest, Finished, Submission};
use super::exchange::{Ended, Exchange, Gate, State, Step};
use super::message_id::MessageIds;
use super::params::{Spans, TransmissionParams};
use super::pause::Pause;
use super::request::RequestError;
use super::silence::Silence;
use super::time::{Instant, RandomSource};
use super::token::Tokens;
use core::fmt;
use zeroize::Zeroizing;

/// How many requests may be without their response after nothing else is missing. Beyond, the
/// oldest is given up: the network, or a program that never receives, must not be able to fill the
/// memory.
pub const MAX_AWAITED: usize = 64;

/// How many ended exchanges may lie uncollected before new requests are refused.
const MAX_UNCOLLECTED: usize = 64;

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// As many requests wait as [`TransmissionParams::queue_limit`] allows, or the owner collects
    /// none of those that have ended.
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

/// The exchanges of one client with its one peer. `U` is whatever the owner ties to a request.
pub struct MessageLayer<U> {
    pub(super) params: TransmissionParams,
    spans: Spans,
    pub(super) ids: MessageIds,
    pub(super) tokens: Tokens,
    pub(super) exchanges: Vec<Exchange<U>>,
    pub(super) acknowledged_responses: AcknowledgedResponses,
    pub(super) pause: Pause,
    pub(super) silence: Silence,
    spare_buffers: Vec<Zeroizing<Vec<u8>>>,
}

impl<U> MessageLayer<U> {
    /// A layer without exchanges; ids and tokens start at random points.
    pub fn new(params: TransmissionParams, random: &mut dyn RandomSource) -> Self {
        Self {
            spans: params.spans(),
            params,
            ids: MessageIds::new(random),
            tokens: Tokens::new(random),
            exchanges: Vec::new(),
            acknowledged_responses: AcknowledgedResponses::default(),
            pause: Pause::default(),
            silence: Silence::default(),
            spare_buffers: Vec::new(),
        }
    }

    /// The token number the next request will carry.
    #[must_use]
    pub const fn next_token(&self) -> u32 {
        self.tokens.peek()
    }

    /// How many requests wait for a response, for their first transmission, or to be collected by
    /// [`poll_ended`](Self::poll_ended).
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.exchanges.len()
    }

    /// How many requests wait for their first transmission.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.exchanges.iter().filter(|e| e.is_queued()).count()
    }

    /// Takes a request. It goes out with the next [`poll_transmit`](Self::poll_transmit), or, for a
    /// Confirmable one, as soon as NSTART allows (section 4.7). Returns its token number, which
    /// names it from now on.
    ///
    /// # Errors
    ///
    /// See [`SubmitError`]; nothing has changed then.
    pub fn submit(
        &mut self,
        random: &mut dyn RandomSource,
        submission: Submission<'_, U>,
    ) -> Result<u32, SubmitError> {
        if !self.has_room() {
            return Err(SubmitError::QueueFull);
        }
        let index = self.exchanges.len();
        self.insert(index, random, submission, false)
    }

    /// Whether [`submit`](Self::submit) would take another request.
    #[must_use]
    #[inline(never)]
    pub fn has_room(&self) -> bool {
        let uncollected = self.exchanges.iter().filter(|e| e.is_over()).count();
        self.queued() < self.params.queue_limit && uncollected < MAX_UNCOLLECTED
    }

    /// Takes a request that goes before those already waiting, however many they are, and also
    /// while these are [paused](Self::set_paused). Where NSTART leaves it no room, a Confirmable
    /// request under way stands back: it is not repeated until this one has been acknowledged or
    /// has ended, and then goes on where it stood. Its response still counts.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Request`]; nothing has changed then.
    pub fn submit_first(
        &mut self,
        random: &mut dyn RandomSource,
        submission: Submission<'_, U>,
    ) -> Result<u32, SubmitError> {
        let index = self.exchanges.iter().position(Exchange::is_queued);
        let index = index.unwrap_or(self.exchanges.len());
        let number = self.insert(index, random, submission, true)?;
        while self.in_flight() + self.urgent_waiting() > self.nstart()
            && self.exchanges.iter_mut().any(Exchange::stand_back)
        {}
        Ok(number)
    }

    fn insert(
        &mut self,
        index: usize,
        random: &mut dyn RandomSource,
        submission: Submission<'_, U>,
        urgent: bool,
    ) -> Result<u32, SubmitError> {
        let Submission {
            message_type,
            head,
            payload,
            user,
        } = submission;
        let mut bytes = self.spare_buffers.pop().unwrap_or_default();
        head.write(message_type, 0, self.tokens.peek(), payload, &mut bytes)
            .map_err(SubmitError::Request)?;
        self.displace_oldest_awaited();
        let token = self.take_token(random);
        let request = EncodedRequest {
            number: token,
            message_type,
            message_id: None,
            former_id: None,
            token,
            transmissions: 0,
            requeues: 0,
            bytes,
        };
        self.exchanges.insert(
            index,
            Exchange {
                user,
                request,
                urgent,
                unheard: 0,
                suspected: false,
                state: State::Queued,
            },
        );
        Ok(token)
    }

    pub(super) fn take_token(&mut self, random: &mut dyn RandomSource) -> u32 {
        let exchanges = &self.exchanges;
        self.tokens.take(random, |number| {
            let mut requests = exchanges.iter().map(|e| &e.request);
            requests.any(|r| r.token == number || r.number == number)
        })
    }

    /// The next datagram that is due, with the number [`submit`](Self::submit) gave its request;
    /// `None` when nothing is due at `now`. Each call counts as one transmission.
    ///
    /// A repetition that comes so late that the peer may have forgotten the message id goes out
    /// under a new one: as the repetition it is, it counts towards MAX_RETRANSMIT.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Option<(u32, &[u8])> {
        self.poll_transmission(now, random, true)
    }

    /// As [`poll_transmit`](Self::poll_transmit); without `repetitions` only what leaves for the first time. For an
    /// owner that has yet to read what has arrived, and with it perhaps the answer to what is due again.
    pub fn poll_transmission(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        repetitions: bool,
    ) -> Option<(u32, &[u8])> {
        if self.exchanges.is_empty() {
            return None;
        }
        let gate = self.gate(now);
        let params = &self.params;
        let mut steps = self.exchanges.iter().enumerate().filter_map(|(index, e)| {
            let (at, step) = e.next_step(&gate, params)?;
            (at <= now && (repetitions || e.is_queued())).then_some((index, step))
        });
        let (index, step) = steps.find(|(_, step)| matches!(step, Step::Send | Step::Repeat))?;
        let fresh = step == Step::Send;
        let identified = self.exchanges[index].is_put_back();
        if fresh && !identified {
            let exchanges = &self.exchanges;
            let lifetime = if exchanges[index].is_confirmable() {
                self.spans.exchange_lifetime
            } else {
                self.spans.non_lifetime
            };
            let in_use = |id| exchanges.iter().any(|e| e.request.went_as(id));
            let id = self.ids.take(now, lifetime, in_use)?;
            self.exchanges[index].request.identify(id);
        }
        let exchange = &mut self.exchanges[index];
        let (len, confirmable) = (exchange.request.bytes.len(), exchange.is_confirmable());
        self.silence.transmitted(now, len, confirmable, params);
        exchange.transmitted(now, fresh, &self.params, random);
        Some((exchange.request.number, exchange.request.as_bytes()))
    }

    /// Takes out the next exchange that has ended without a response by `now`.
    pub fn poll_ended(&mut self, now: Instant) -> Option<(Finished<U>, Ended)> {
        if self.exchanges.is_empty() {
            return None;
        }
        let gate = self.gate(now);
        let params = &self.params;
        let ended = |exchange: &Exchange<U>| match exchange.next_step(&gate, params) {
            Some((at, Step::End(reason))) if at <= now => Some(reason),
            _ => None,
        };
        let mut exchanges = self.exchanges.iter().enumerate();
        let (index, reason) = exchanges.find_map(|(index, e)| Some((index, ended(e)?)))?;
        Some((self.remove(index), reason))
    }

    /// When the layer next has something to do by itself; `None` when it only waits for the peer,
    /// or for its owner to end a pause. An instant that has passed already means: now.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.exchanges.is_empty() {
            return None;
        }
        let gate = self.gate(Instant::default());
        let steps = self.exchanges.iter();
        let steps = steps.filter_map(|e| e.next_step(&gate, &self.params));
        steps.map(|(at, _)| at).min()
    }

    /// Drops the request that [`submit`](Self::submit) gave this number, and gives it back.
    pub fn abort(&mut self, number: u32) -> Option<Finished<U>> {
        let mut exchanges = self.exchanges.iter();
        let index = exchanges.position(|e| e.request.number == number)?;
        Some(self.remove(index))
    }

    /// Drops every exchange that has the property, without a word to anyone.
    pub fn abort_where(&mut self, mut property: impl FnMut(&U) -> bool) {
        self.exchanges.retain(|exchange| !property(&exchange.user));
        self.resume_held();
    }

    /// Takes back the buffer of a request that nobody needs any more, for one to come: an owner
    /// that does this with each [`Finished`] makes reports free of allocations.
    pub fn recycle(&mut self, request: EncodedRequest) {
        if self.spare_buffers.len() <= self.params.nstart {
            self.spare_buffers.push(request.bytes);
        }
    }

    /// What the exchanges are allowed at the moment.
    fn gate(&self, now: Instant) -> Gate {
        Gate {
            now,
            room: self.in_flight() < self.nstart(),
            released: self.pause.released(),
            id_free: self.ids.free_at(),
            probe_at: self.silence.probe_at(),
            repetition_window: self.spans.repetition_window,
        }
    }

    fn nstart(&self) -> usize {
        self.params.nstart.max(1)
    }

    /// How many interactions NSTART counts.
    fn in_flight(&self) -> usize {
        self.exchanges.iter().filter(|e| e.is_in_flight()).count()
    }

    /// How many urgent Confirmable requests are about to join them. They come before all others in
    /// `exchanges` that have yet to leave, so only those that stand back could take their places.
    fn urgent_waiting(&self) -> usize {
        let urgent = self.exchanges.iter().filter(|e| e.urgent && e.is_queued());
        urgent.filter(|e| e.is_confirmable()).count()
    }

    /// Lets requests that stood back go on, as far as there is room.
    pub(super) fn resume_held(&mut self) {
        while self.in_flight() + self.urgent_waiting() < self.nstart()
            && self.exchanges.iter_mut().any(Exchange::go_on)
        {}
    }

    fn displace_oldest_awaited(&mut self) {
        let mut exchanges = self.exchanges.iter_mut();
        let mut awaited = exchanges.by_ref().filter(|e| e.is_awaiting_response());
        if let Some(oldest) = awaited.next()
            && awaited.count() + 1 >= MAX_AWAITED
        {
            oldest.state = State::Over(Ended::Displaced);
        }
    }

    pub(super) fn remove(&mut self, index: usize) -> Finished<U> {
        let Exchange { user, request, .. } = self.exchanges.remove(index);
        self.resume_held();
        Finished { user, request }
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
