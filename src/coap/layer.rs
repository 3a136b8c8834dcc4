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
    pub(super) spans: Spans,
    pub(super) ids: MessageIds,
    pub(super) tokens: Tokens,
    pub(super) exchanges: Vec<Exchange<U>>,
    pub(super) acknowledged_responses: AcknowledgedResponses,
    pub(super) pause: Pause,
    pub(super) silence: Silence,
    #[allow(clippy::vec_box)] // as they come from exchanges and go back into them
    spare_requests: Vec<Box<EncodedRequest>>,
    /// Before this instant no timer has anything to do, unless [disturbed](Self::disturb).
    /// [`UNKNOWN`] has passed already: then the exchanges are asked.
    quiet_until: Instant,
}

/// No more than that something may be due.
const UNKNOWN: Instant = Instant::from_millis(0);

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
            spare_requests: Vec::new(),
            quiet_until: UNKNOWN,
        }
    }

    /// Something has changed that may bring forward what is due next: an exchange, or what holds
    /// exchanges back.
    pub(super) const fn disturb(&mut self) {
        self.quiet_until = UNKNOWN;
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
        let index = self.exchanges.len();
        // As long as there are few, it does not matter what they are doing.
        if index >= self.params.queue_limit.min(MAX_UNCOLLECTED) {
            let uncollected = self.exchanges.iter().filter(|e| e.is_over()).count();
            if self.queued() >= self.params.queue_limit || uncollected >= MAX_UNCOLLECTED {
                return Err(SubmitError::QueueFull);
            }
        }
        self.insert(index, random, submission, false)
    }

    /// Takes a request that goes before those already waiting, however many they are, and also
    /// while these are [paused](Self::set_paused). Where NSTART leaves it no room, a Confirmable
    /// request under way stands back: it is not repeated until this one has been acknowledged or
    /// has ended, and then goes on where it stood. Its response still counts.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Request`]; nothing has changed then.
    #[inline(never)]
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

    #[inline(always)] // into the two that take requests
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
        let spare = self.spare_requests.pop();
        let mut request = spare.unwrap_or_else(|| Box::new(EncodedRequest::blank()));
        let token = self.tokens.peek();
        head.write(message_type, 0, token, payload, &mut request.bytes)
            .map_err(SubmitError::Request)?;
        self.disturb();
        self.displace_oldest_awaited();
        let token = self.take_token(random);
        request.begin(message_type, token);
        let exchange = Exchange {
            user,
            request,
            urgent,
            unheard: 0,
            suspected: false,
            state: State::Queued,
        };
        if index == self.exchanges.len() {
            self.exchanges.push(exchange);
        } else {
            self.exchanges.insert(index, exchange);
        }
        Ok(token)
    }

    #[inline(always)]
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
    #[inline(always)]
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Option<(u32, &[u8])> {
        if self.is_quiet(now) {
            return None;
        }
        let (index, fresh) = self.find_due(now)?;
        self.transmit(now, random, index, fresh)
    }

    /// The exchange whose transmission is due, and whether under a new message id.
    #[inline(always)]
    fn find_due(&mut self, now: Instant) -> Option<(usize, bool)> {
        let [only] = self.exchanges.as_slice() else {
            return self.find_due_of_several(now);
        };
        let gate = self.gate(now, usize::from(only.is_in_flight()));
        let (at, step) = only.next_step(&gate, &self.params);
        if at <= now && step.is_transmission() {
            return Some((0, step == Step::Send));
        }
        self.quiet_until = at;
        None
    }

    #[inline(never)]
    fn find_due_of_several(&mut self, now: Instant) -> Option<(usize, bool)> {
        let gate = self.gate(now, self.in_flight());
        let mut next = Instant::NEVER;
        for (index, exchange) in self.exchanges.iter().enumerate() {
            let (at, step) = exchange.next_step(&gate, &self.params);
            if at <= now && step.is_transmission() {
                return Some((index, step == Step::Send));
            }
            next = next.min(at);
        }
        self.quiet_until = next;
        None
    }

    #[inline(always)]
    fn transmit(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        index: usize,
        fresh: bool,
    ) -> Option<(u32, &[u8])> {
        let exchange = self.exchanges.get(index)?;
        if fresh && !exchange.is_put_back() {
            let lifetime = if exchange.is_confirmable() {
                self.spans.exchange_lifetime
            } else {
                self.spans.non_lifetime
            };
            let exchanges = &self.exchanges;
            // Its own former id is not taken again within its lifetime.
            let others = exchanges.len() > 1;
            let in_use = |id| others && exchanges.iter().any(|e| e.request.went_as(id));
            let id = self.ids.take(now, lifetime, in_use)?;
            self.exchanges.get_mut(index)?.request.identify(id);
        }
        let several = self.exchanges.len() > 1;
        let exchange = self.exchanges.get_mut(index)?;
        let (len, confirmable) = (exchange.request.bytes.len(), exchange.is_confirmable());
        self.silence
            .transmitted(now, len, confirmable, &self.params, &self.spans);
        let next = exchange.transmitted(now, fresh, &self.spans, random);
        // Of several exchanges others may be due.
        self.quiet_until = if several { UNKNOWN } else { next };
        Some((exchange.request.number, exchange.request.as_bytes()))
    }

    /// Takes out the next exchange that has ended without a response by `now`.
    pub fn poll_ended(&mut self, now: Instant) -> Option<(Finished<U>, Ended)> {
        if self.is_quiet(now) {
            return None;
        }
        let gate = self.gate(now, self.in_flight());
        let params = &self.params;
        let ended = |exchange: &Exchange<U>| match exchange.next_step(&gate, params) {
            (at, Step::End(reason)) if at <= now => Some(reason),
            _ => None,
        };
        let mut exchanges = self.exchanges.iter().enumerate();
        let (index, reason) = exchanges.find_map(|(index, e)| Some((index, ended(e)?)))?;
        Some((self.remove(index), reason))
    }

    /// When the layer next has something to do by itself; `None` when it only waits for the peer,
    /// or for its owner to end a pause. An instant that has passed already means: now.
    #[must_use]
    #[inline(always)]
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.quiet_until {
            _ if self.exchanges.is_empty() => None,
            Instant::NEVER => None,
            UNKNOWN => self.first_step(Instant::default()),
            known => Some(known),
        }
    }

    /// Whether no exchange has anything to do at `now`, as far as can be told without asking them.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self, now: Instant) -> bool {
        let quiet = self.exchanges.is_empty() || now < self.quiet_until;
        debug_assert!(
            !quiet || self.first_step(now).is_none_or(|at| at > now),
            "something is due at {now:?}, but it is quiet until {:?}",
            self.quiet_until
        );
        quiet
    }

    /// When the first of the exchanges has something to do, asked at `now`.
    fn first_step(&self, now: Instant) -> Option<Instant> {
        let gate = self.gate(now, self.in_flight());
        let steps = self.exchanges.iter();
        let steps = steps.map(|e| e.next_step(&gate, &self.params).0);
        steps.min().filter(|at| *at < Instant::NEVER)
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
        self.disturb();
        self.resume_held();
    }

    /// Takes back the buffer of a request that nobody needs any more, for one to come: an owner
    /// that does this with each [`Finished`] makes reports free of allocations.
    #[inline]
    pub fn recycle(&mut self, request: Box<EncodedRequest>) {
        if self.spare_requests.len() <= self.params.nstart {
            self.spare_requests.push(request);
        }
    }

    /// What the exchanges are allowed at the moment, with so many of them in flight.
    fn gate(&self, now: Instant, in_flight: usize) -> Gate {
        Gate {
            now,
            room: in_flight < self.nstart(),
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

    #[inline(always)]
    fn displace_oldest_awaited(&mut self) {
        if self.exchanges.len() < MAX_AWAITED {
            return;
        }
        let mut exchanges = self.exchanges.iter_mut();
        let mut awaited = exchanges.by_ref().filter(|e| e.is_awaiting_response());
        if let Some(oldest) = awaited.next()
            && awaited.count() + 1 >= MAX_AWAITED
        {
            oldest.state = State::Over(Ended::Displaced);
        }
    }

    /// What is tied to the request at this index.
    pub(crate) fn user(&self, index: usize) -> &U {
        &self.exchanges[index].user
    }

    /// Takes the request at this index out, keeps its buffer, and gives what was tied to it, and its
    /// number.
    #[inline(always)] // into the one place where answers are taken
    pub(crate) fn finish(&mut self, index: usize) -> (U, u32) {
        let Finished { user, request } = self.remove(index);
        let number = request.number;
        self.recycle(request);
        (user, number)
    }

    /// Takes the request at this index out.
    #[inline(always)] // into what takes requests out
    pub(crate) fn remove(&mut self, index: usize) -> Finished<U> {
        self.disturb();
        let last = index + 1 == self.exchanges.len();
        let Exchange { user, request, .. } = if last {
            // The same, without the others that would move up.
            self.exchanges.swap_remove(index)
        } else {
            self.exchanges.remove(index)
        };
        if !self.exchanges.is_empty() {
            self.resume_held();
        }
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
