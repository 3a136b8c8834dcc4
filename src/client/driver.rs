//! The session over a platform: sends what is due, waits, receives, delivers; blocking, as the SDK's
//! functions block.
//!
//! Deliveries run with no lock held and no borrow of the client's state alive, so that a program's
//! callback may call every method again.

use super::authenticate::connect_request;
use super::authentication::AuthStatus;
use super::endpoint::Endpoint;
use super::error::SendError;
use super::event::{Report, ReportError};
use super::happening::Sink;
use super::identity::DeviceIdentity;
use super::link::Repair;
use super::platform::{ConnectError, Platform, SendFailed};
use super::session::Session;
use super::settings::Settings;
use super::state::{Locked, State};
use crate::coap::{Instant, Millis};
use crate::sync::{Condvar, Mutex};
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

/// The longest datagram that is received whole; longer ones are dropped, with a log line.
pub const RECEIVE_CAPACITY: usize = 2047;

/// How long to look for a further datagram once one has been handled and others are expected.
const DRAIN_WAIT: Millis = Millis::new(1);
/// So many datagrams, or so much news, are taken before something else gets its turn: a peer that sends without end
/// must not put the timers off, nor a program that fails again and again keep its own call from returning.
pub(super) const MOST_AT_ONCE: usize = 64;
/// A wait of nothing would not be one.
const SHORTEST_WAIT: Millis = Millis::new(1);

/// One byte more than a datagram may have, to see that one was cut; and one for a NUL.
pub(super) type Buffer = Box<[u8; RECEIVE_CAPACITY + 2]>;

/// A device's client. `U` is what the program ties to each report.
///
/// Every method may be called from any thread, and from inside a delivery.
pub struct Client<P: Platform, U> {
    pub(super) platform: P,
    pub(super) endpoint: Endpoint,
    closed: AtomicBool,
    pub(super) receiver_changed: Condvar,
    pub(super) state: Mutex<State<P::Transport, U>>,
}

/// What one turn of the loop did.
pub(super) enum Turn {
    /// Nothing came.
    Nothing,
    /// A datagram was handled that ends no request.
    Handled,
    /// The program was told something, or the authentication moved.
    Progress,
    /// The time is over.
    TimeUp,
    /// The client was closed.
    Closed,
}

impl<P: Platform, U> Client<P, U> {
    /// Connects to `endpoint`; the session is not yet authenticated.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub fn connect(
        platform: P,
        identity: DeviceIdentity,
        endpoint: Endpoint,
        settings: Settings,
    ) -> Result<Self, ConnectError> {
        let request = connect_request(&identity, &endpoint, &settings, None);
        let transport = platform.connect(&request)?;
        let session = Session::new(identity, &endpoint, settings, &mut || platform.random());
        Ok(Self::with(platform, endpoint, session, transport))
    }

    pub(super) fn with(
        platform: P,
        endpoint: Endpoint,
        session: Session<U>,
        transport: P::Transport,
    ) -> Self {
        Self {
            platform,
            endpoint,
            closed: AtomicBool::new(false),
            receiver_changed: Condvar::new(),
            state: Mutex::new(State::new(session, transport)),
        }
    }

    /// Where the client is connected to.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether there is a token that may be used now.
    pub fn is_authenticated(&self) -> bool {
        let now = self.platform.now();
        self.lock().session.is_authenticated(now)
    }

    /// Whether [`send`](Self::send) takes reports: the cloud has accepted the device, and has not refused it since. They
    /// may have to wait for a token.
    pub fn takes_reports(&self) -> bool {
        let now = self.platform.now();
        self.lock().session.takes_reports(now)
    }

    /// Whether there is a token, whatever its age, and the token number the next request will carry; without
    /// asking the clock.
    pub fn peek(&self) -> (bool, u32) {
        self.lock().peek()
    }

    /// Whether any report still waits for its end.
    pub fn is_waiting(&self) -> bool {
        self.lock().session.is_waiting()
    }

    /// The token number the next request will carry.
    pub fn next_token(&self) -> u32 {
        self.lock().session.next_token()
    }

    /// Hands a report over; its response is delivered by [`run`](Self::run) or
    /// [`authenticate`](Self::authenticate). Does not wait.
    ///
    /// `Ok` means that the datagram has left or, where NSTART holds it back, that it is queued.
    ///
    /// # Errors
    ///
    /// See [`SendError`]; the report will not be sent then, and `user` has been dropped.
    pub fn send(&self, report: &Report<'_>, user: U) -> Result<(), SendError> {
        self.send_and_peek(report, user).0
    }

    /// As [`send`](Self::send), with a [`peek`](Self::peek) afterwards, which costs nothing here.
    pub(crate) fn send_and_peek(
        &self,
        report: &Report<'_>,
        user: U,
    ) -> (Result<(), SendError>, (bool, u32)) {
        let now = self.platform.now();
        let mut state = self.lock();
        let sent = self.send_under(&mut state, now, report, user);
        (sent, state.peek())
    }

    fn send_under(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
        report: &Report<'_>,
        user: U,
    ) -> Result<(), SendError> {
        state.note_user();
        let taken = state
            .session
            .report(now, &mut || self.platform.random(), report, user);
        if taken == Err(ReportError::QueueFull) {
            // A program that never receives: what keeps the others waiting must come to its end all the same.
            self.flush(state, now);
        }
        let token = taken.map_err(SendError::Report)?;
        let mends = state.session.settings().renew_session && !self.is_closed();
        let sent = if mends && !state.can_send() {
            // It waits for the connection.
            self.begin_repair(state, now);
            Ok(())
        } else {
            self.flush_watching(state, now, token)
        };
        sent.map_err(|SendFailed| SendError::NotSent)
    }

    /// Asks for `/.well-known/core`; the answer is only logged.
    ///
    /// # Errors
    ///
    /// [`SendError::NotSent`], or [`ReportError::QueueFull`].
    pub fn discover(&self) -> Result<(), SendError> {
        let now = self.platform.now();
        let mut state = self.lock();
        state.note_user();
        let token = state
            .session
            .discover(&mut || self.platform.random())
            .map_err(|error| SendError::Report(error.into()))?;
        self.flush_watching(&mut state, now, token)
            .map_err(|SendFailed| SendError::NotSent)
    }

    /// Receives, delivers and retransmits for at most `wait`; returns as soon as what arrived has been
    /// handled. Lost sessions and tokens are made good meanwhile. That takes longer than `wait` in one case: a
    /// connection that cannot renew itself is replaced by one whose handshake blocks.
    pub fn run(&self, wait: Duration, sink: &mut Sink<'_, U>) {
        self.run_and_peek(wait.into(), sink);
    }

    /// As [`run`](Self::run), with a [`peek`](Self::peek) at the end, which costs nothing here.
    pub(crate) fn run_and_peek(&self, wait: Millis, sink: &mut Sink<'_, U>) -> (bool, u32) {
        let mut now = self.platform.now();
        let mut deadline = now + wait;
        let mut most = MOST_AT_ONCE;
        let mut state = self.lock();
        let mut buffer = state.take_buffer();
        let calm = state.calm_until(now);
        let overdue = || state.session_deadline().is_some_and(|due| due <= now);
        let mut turn = if calm.is_none() && now < deadline && overdue() {
            drop(state);
            self.catch_up(&mut now, deadline, &mut buffer, sink)
        } else {
            self.turn_under((state, calm), &mut now, deadline, None, &mut buffer, sink)
        };
        loop {
            match turn {
                Turn::Nothing | Turn::Handled => {}
                Turn::TimeUp | Turn::Closed => break,
                Turn::Progress => {
                    let mut state = self.lock();
                    most -= 1;
                    if most == 0 || !state.session.is_waiting() {
                        state.keep_buffer(buffer);
                        return state.peek();
                    }
                    drop(state);
                    // More answers are expected: take those that are here already, wait for none.
                    deadline = deadline.min(now + DRAIN_WAIT);
                }
            }
            turn = self.turn(&mut now, deadline, None, &mut buffer, sink);
        }
        let mut state = self.lock();
        state.keep_buffer(buffer);
        state.peek()
    }

    /// Closes the connection. Responses still missing are not delivered. A call under way in another thread
    /// returns as soon as it notices: at the latest when the wait for a datagram that it is in has ended.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let transport = {
            let mut state = self.lock();
            state.wake_waiting_threads(&self.receiver_changed);
            state.transport.take()
        };
        // Outside the lock: closing a DTLS session sends a datagram.
        drop(transport);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Where a timer has run out while nobody was here, takes what has arrived in the meantime before the
    /// timers judge: a program that slept for minutes finds its answers, and nothing is repeated that
    /// has been answered long ago. Tells whether there was progress.
    pub(super) fn catch_up(
        &self,
        now: &mut Instant,
        until: Instant,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Turn {
        let overdue = |now| {
            let next = self.lock().session_deadline();
            next.is_some_and(|due| due <= now)
        };
        let mut done = Turn::Nothing;
        for _ in 0..MOST_AT_ONCE {
            if *now >= until || !overdue(*now) {
                break;
            }
            match self.receive(now, DRAIN_WAIT, None, buffer, sink) {
                Turn::Progress => done = Turn::Progress,
                Turn::Handled => {}
                Turn::Nothing | Turn::TimeUp | Turn::Closed => break,
            }
        }
        done
    }

    /// One round: send what is due, wait until `until` or for a datagram, handle it, deliver. `now` is the
    /// clock's last reading, and the next one afterwards. Does not begin to wait unless the authentication is
    /// in the state `expected`, if given.
    pub(super) fn turn(
        &self,
        now: &mut Instant,
        until: Instant,
        expected: Option<AuthStatus>,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Turn {
        let state = self.lock();
        let calm = state.calm_until(*now);
        self.turn_under((state, calm), now, until, expected, buffer, sink)
    }

    /// [`turn`](Self::turn), begun under the lock, with what [`State::calm_until`] says.
    #[inline(always)] // into the two that take turns
    fn turn_under<'a>(
        &'a self,
        (state, calm): (Locked<'a, P, U>, Option<Instant>),
        now: &mut Instant,
        until: Instant,
        expected: Option<AuthStatus>,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Turn {
        if self.is_closed() {
            return Turn::Closed;
        }
        let (state, wait) = match calm {
            Some(next) => (state, next.min(until).span_since(*now).max(SHORTEST_WAIT)),
            None => match self.work(state, now, until, expected.is_some(), sink) {
                Ok(prepared) => prepared,
                Err(turn) => return turn,
            },
        };
        if *now >= until {
            return Turn::TimeUp;
        }
        self.receive_under(state, now, wait, expected, buffer, sink)
    }

    /// Does what is due, and tells one thing that the program has yet to be told. Gives the lock back, and how long
    /// to wait for a datagram; or how the turn has ended.
    fn work<'a>(
        &'a self,
        mut state: Locked<'a, P, U>,
        now: &mut Instant,
        until: Instant,
        authenticating: bool,
        sink: &mut Sink<'_, U>,
    ) -> Result<(Locked<'a, P, U>, Millis), Turn> {
        let mut next = state.next_deadline();
        let due = next.is_some_and(|due| due <= *now) || !state.is_settled();
        // First: the timer that ends a report may be the one that shows that the session is lost.
        let lost = self.watch_silence(&mut state, *now);
        if due {
            let connected = state.can_send();
            let random = &mut || self.platform.random();
            state.session.advance(*now, random, connected);
        }
        if let Repair::Connect(before) = lost.or_else(|| self.mend(&mut state, *now)) {
            drop(state);
            self.connect_anew(now, before);
            // That may have taken long. If it was in vain and another attempt is due already, that is for another call.
            let again = *now < until || self.lock().can_send();
            return Err(if again { Turn::Handled } else { Turn::TimeUp });
        }
        if due {
            self.flush(&mut state, *now);
            next = state.next_deadline();
        }
        let notice = state.session.take_notice();
        if state.session.take_announcement() {
            drop(state);
            self.announce();
            state = self.lock();
        }
        let next = next.map_or(until, |next| next.min(until));
        let mut wait = next.span_since(*now).max(SHORTEST_WAIT);
        if let Some(notice) = notice {
            drop(state);
            sink(notice);
            if !authenticating {
                return Err(Turn::Progress);
            }
            // A caller that waits for the authentication is not kept from its answer by news, however much there is.
            *now = self.platform.now();
            wait = SHORTEST_WAIT;
            state = self.lock();
        }
        Ok((state, wait))
    }

    /// Tells the program what it has yet to be told.
    pub(super) fn tell(&self, sink: &mut Sink<'_, U>) {
        for _ in 0..MOST_AT_ONCE {
            if self.is_closed() {
                break;
            }
            let notice = self.lock().session.take_notice();
            let Some(notice) = notice else { break };
            sink(notice);
        }
    }

    pub(super) fn take_buffer(&self) -> Buffer {
        self.lock().take_buffer()
    }

    pub(super) fn keep_buffer(&self, buffer: Buffer) {
        self.lock().keep_buffer(buffer);
    }
}

impl<P: Platform, U> fmt::Debug for Client<P, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("session", &self.lock().session)
            .finish_non_exhaustive()
    }
}
