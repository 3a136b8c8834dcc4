//! The session over a platform: sends what is due, waits, receives, delivers; blocking, as the SDK's
//! functions block.
//!
//! Deliveries run with no lock held and no borrow of the client's state alive, so that a program's
//! callback may call every method again.

use super::authentication::AuthStatus;
use super::endpoint::{Endpoint, Security};
use super::event::{Event, Report, ReportError, ResponseHead};
use super::identity::DeviceIdentity;
use super::platform::{ConnectError, ConnectRequest, Platform, Received, SendFailed, Transport};
use super::session::Session;
use super::settings::Settings;
use crate::coap::Instant;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest datagram that is received whole; longer ones are dropped, with a log line.
pub const RECEIVE_CAPACITY: usize = 2047;

/// Waited after a failed receive, so that a socket that fails at once cannot make a caller spin.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);
/// How long to look for a further datagram once one has been handled and others are expected.
const DRAIN_WAIT: Duration = Duration::from_millis(1);
const FIRST_BUSY_PAUSE: Duration = Duration::from_secs(1);

/// One byte more than a datagram may have, to see that one was cut; and one for a NUL.
type Buffer = Box<[u8; RECEIVE_CAPACITY + 2]>;

/// Why a report was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It was not taken.
    Report(ReportError),
    /// There is no connection, or the datagram did not leave.
    NotSent,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(error) => error.fmt(f),
            Self::NotSent => f.write_str("the message could not be sent"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why an authentication failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The cloud refused, reset, or kept asking to try again later.
    Refused,
    /// No usable answer within the bound.
    TimedOut,
    /// There is no connection, or the request did not leave.
    NotSent,
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the cloud refused the authentication",
            Self::TimedOut => "no answer to the authentication in time",
            Self::NotSent => "the authentication request could not be sent",
        })
    }
}

impl std::error::Error for AuthError {}

/// The response to a report, on its way to the program.
#[derive(Debug)]
pub struct Delivery<'a, U> {
    /// What the report was sent with.
    pub user: U,
    /// Header and token.
    pub head: ResponseHead,
    /// The payload, decrypted, with a NUL behind it that is not part of it.
    pub payload_and_nul: &'a mut [u8],
}

/// A device's client. `U` is what the program ties to each report.
///
/// Every method may be called from any thread, and from inside a delivery.
pub struct Client<P: Platform, U> {
    platform: P,
    endpoint: Endpoint,
    closed: AtomicBool,
    state: Mutex<State<P::Transport, U>>,
}

struct State<T, U> {
    session: Session<U>,
    transport: Option<Arc<T>>,
    spare_buffers: Vec<Buffer>,
}

/// What one turn of the loop did.
enum Turn {
    /// Nothing that ends a request; go on.
    Idle,
    /// A response was delivered, or the authentication moved.
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
        let transport = platform.connect(&connect_request(&identity, &endpoint, &settings))?;
        let session = Session::new(identity, &endpoint, settings, &mut || platform.random());
        let state = State {
            session,
            transport: Some(Arc::new(transport)),
            spare_buffers: Vec::with_capacity(1),
        };
        Ok(Self {
            platform,
            endpoint,
            closed: AtomicBool::new(false),
            state: Mutex::new(state),
        })
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

    /// The token number the next request will carry.
    pub fn next_token(&self) -> u32 {
        self.lock().session.next_token()
    }

    /// Authenticates: returns as soon as the cloud has answered, and within [`Settings::auth_bound`] in
    /// any case. The request is retransmitted by RFC 7252 meanwhile; a 5.xx answer is tried again after
    /// a doubling pause. A connection that has ended is opened anew first.
    ///
    /// After [`AuthError::TimedOut`] the request stays on its way: an answer that [`run`](Self::run)
    /// still receives authenticates the client.
    ///
    /// # Errors
    ///
    /// See [`AuthError`].
    pub fn authenticate(&self, deliver: &mut dyn FnMut(Delivery<'_, U>)) -> Result<(), AuthError> {
        self.reconnect_if_closed()?;
        let bound = self.lock().session.settings().auth_bound;
        let deadline = self.platform.now() + bound;
        let mut buffer = self.take_buffer();
        let result = self.authenticate_until(deadline, &mut buffer, deliver);
        self.keep_buffer(buffer);
        result
    }

    fn authenticate_until(
        &self,
        deadline: Instant,
        buffer: &mut Buffer,
        deliver: &mut dyn FnMut(Delivery<'_, U>),
    ) -> Result<(), AuthError> {
        let mut pause = FIRST_BUSY_PAUSE;
        self.begin_authentication()?;
        loop {
            let turn = self.turn(deadline, buffer, deliver);
            let (status, connected) = {
                let state = self.lock();
                (state.session.auth_status(), state.transport.is_some())
            };
            match status {
                AuthStatus::Authenticated => return Ok(()),
                AuthStatus::Refused => return Err(AuthError::Refused),
                AuthStatus::Unanswered => return Err(AuthError::TimedOut),
                AuthStatus::Idle => return Err(AuthError::NotSent),
                AuthStatus::Pending => match turn {
                    _ if !connected => return Err(AuthError::NotSent),
                    Turn::TimeUp => {
                        log::error!("no answer to the authentication in time");
                        return Err(AuthError::TimedOut);
                    }
                    Turn::Closed => return Err(AuthError::NotSent),
                    Turn::Idle | Turn::Progress => {}
                },
                AuthStatus::Busy(code) => {
                    let resume = self.platform.now() + pause;
                    if resume >= deadline {
                        log::error!("authentication: the server kept answering {code}");
                        return Err(AuthError::Refused);
                    }
                    pause = pause.saturating_mul(2);
                    while let Turn::Idle | Turn::Progress = self.turn(resume, buffer, deliver) {}
                    self.begin_authentication()?;
                }
            }
        }
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
        let mut state = self.lock();
        if state.transport.is_none() {
            return Err(SendError::NotSent);
        }
        let now = self.platform.now();
        let token = state
            .session
            .report(now, &mut || self.platform.random(), report, user)
            .map_err(SendError::Report)?;
        self.flush_watching(&mut state, now, token)
            .map_err(|SendFailed| SendError::NotSent)
    }

    /// Asks for `/.well-known/core`; the answer is only logged.
    ///
    /// # Errors
    ///
    /// [`SendError::NotSent`], or [`ReportError::QueueFull`].
    pub fn discover(&self) -> Result<(), SendError> {
        let mut state = self.lock();
        let now = self.platform.now();
        let token = state
            .session
            .discover(&mut || self.platform.random())
            .map_err(|error| SendError::Report(error.into()))?;
        self.flush_watching(&mut state, now, token)
            .map_err(|SendFailed| SendError::NotSent)
    }

    /// Receives, delivers and retransmits for at most `wait`; returns as soon as what arrived has been
    /// handled.
    pub fn run(&self, wait: Duration, deliver: &mut dyn FnMut(Delivery<'_, U>)) {
        let mut deadline = self.platform.now() + wait;
        let mut buffer = self.take_buffer();
        loop {
            match self.turn(deadline, &mut buffer, deliver) {
                Turn::Idle => {}
                Turn::TimeUp | Turn::Closed => break,
                Turn::Progress => {
                    if !self.lock().session.is_waiting() {
                        break;
                    }
                    // More answers are expected: take those that are here already, wait for none.
                    deadline = deadline.min(self.platform.now() + DRAIN_WAIT);
                }
            }
        }
        self.keep_buffer(buffer);
    }

    /// Closes the connection and makes every call that is under way return. Responses still missing are
    /// not delivered.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let transport = self.lock().transport.take();
        // Outside the lock: closing a DTLS session sends a datagram.
        drop(transport);
    }

    /// One round: send what is due, wait until `until` or for a datagram, handle it, deliver.
    fn turn(
        &self,
        until: Instant,
        buffer: &mut Buffer,
        deliver: &mut dyn FnMut(Delivery<'_, U>),
    ) -> Turn {
        let now = self.platform.now();
        let (wait, transport) = {
            let mut state = self.lock();
            if self.closed.load(Ordering::Acquire) {
                return Turn::Closed;
            }
            state.session.expire(now);
            self.flush(&mut state, now, &mut |_| {});
            let next = state
                .session
                .next_deadline()
                .map_or(until, |due| due.min(until));
            (next.since(now), state.transport.clone())
        };
        if now >= until {
            return Turn::TimeUp;
        }
        let Some(transport) = transport else {
            self.platform.sleep(until.since(now));
            return Turn::Idle;
        };
        let wait = wait.max(Duration::from_millis(1));
        match transport.receive(&mut buffer[..=RECEIVE_CAPACITY], wait) {
            Received::Datagram(len) if len > RECEIVE_CAPACITY => {
                log::warn!("datagram of more than {RECEIVE_CAPACITY} bytes dropped");
                Turn::Idle
            }
            Received::Datagram(len) => self.arrived(&transport, buffer, len, deliver),
            Received::Nothing => Turn::Idle,
            Received::Failed => {
                self.platform.sleep(wait.min(PAUSE_AFTER_FAILURE));
                Turn::Idle
            }
            Received::Closed => {
                self.connection_ended(&transport);
                Turn::Idle
            }
        }
    }

    fn arrived(
        &self,
        transport: &P::Transport,
        buffer: &mut Buffer,
        len: usize,
        deliver: &mut dyn FnMut(Delivery<'_, U>),
    ) -> Turn {
        let event = {
            let mut state = self.lock();
            let now = self.platform.now();
            let arrival = state.session.handle(now, &mut buffer[..len]);
            if let Some(reply) = arrival.reply
                && transport.send(reply.as_bytes()).is_err()
            {
                log::warn!("an acknowledgement could not be sent");
            }
            self.flush(&mut state, now, &mut |_| {});
            arrival.event
        };
        match event {
            None => Turn::Idle,
            Some(Event::Auth) => Turn::Progress,
            Some(Event::Response {
                user,
                head,
                payload,
            }) => {
                buffer[payload.end] = 0;
                let payload_and_nul = &mut buffer[payload.start..=payload.end];
                deliver(Delivery {
                    user,
                    head,
                    payload_and_nul,
                });
                Turn::Progress
            }
        }
    }

    /// Sends what is due. A failure is logged and left to the retransmission; the token numbers of what
    /// did not leave go to `failed`.
    fn flush(&self, state: &mut State<P::Transport, U>, now: Instant, failed: &mut dyn FnMut(u32)) {
        let Some(transport) = &state.transport else {
            return;
        };
        while let Some((token, bytes)) = state
            .session
            .poll_transmit(now, &mut || self.platform.random())
        {
            if transport.send(bytes).is_err() {
                log::warn!("a datagram of {} bytes could not be sent", bytes.len());
                failed(token);
            }
        }
    }

    /// Sends what is due; if that includes the request `watched` and it does not leave, the request is
    /// dropped and the failure told.
    fn flush_watching(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
        watched: u32,
    ) -> Result<(), SendFailed> {
        let mut failed = state.transport.is_none();
        self.flush(state, now, &mut |token| failed |= token == watched);
        if failed {
            state.session.abort(watched);
            return Err(SendFailed);
        }
        Ok(())
    }

    fn begin_authentication(&self) -> Result<(), AuthError> {
        let mut state = self.lock();
        let now = self.platform.now();
        let token = state
            .session
            .begin_authentication(&mut || self.platform.random())
            .map_err(|error| {
                log::error!("authentication: {error}");
                AuthError::NotSent
            })?;
        self.flush_watching(&mut state, now, token)
            .map_err(|SendFailed| AuthError::NotSent)
    }

    fn reconnect_if_closed(&self) -> Result<(), AuthError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(AuthError::NotSent);
        }
        if self.lock().transport.is_some() {
            return Ok(());
        }
        log::info!("connecting to {} again", self.endpoint);
        // The handshake may take seconds, so it runs without the lock.
        let request = {
            let state = self.lock();
            connect_request(
                state.session.identity(),
                &self.endpoint,
                state.session.settings(),
            )
        };
        let transport = self
            .platform
            .connect(&request)
            .map_err(|ConnectError| AuthError::NotSent)?;
        let mut state = self.lock();
        if self.closed.load(Ordering::Acquire) {
            return Err(AuthError::NotSent);
        }
        state.transport = Some(Arc::new(transport));
        Ok(())
    }

    fn connection_ended(&self, ended: &Arc<P::Transport>) {
        let mut state = self.lock();
        if state
            .transport
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, ended))
        {
            log::error!(
                "the connection to {} has ended; authenticate again",
                self.endpoint
            );
            let transport = state.transport.take();
            drop(state);
            drop(transport);
        }
    }

    fn take_buffer(&self) -> Buffer {
        let spare = self.lock().spare_buffers.pop();
        spare.unwrap_or_else(|| Box::new([0; RECEIVE_CAPACITY + 2]))
    }

    fn keep_buffer(&self, buffer: Buffer) {
        let mut state = self.lock();
        if state.spare_buffers.is_empty() {
            state.spare_buffers.push(buffer);
        }
    }

    /// A panic while the lock was held is stopped at the C boundary; the state is then as consistent as
    /// any early return leaves it, so later calls go on with it.
    fn lock(&self) -> MutexGuard<'_, State<P::Transport, U>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

fn connect_request<'a>(
    identity: &DeviceIdentity,
    endpoint: &'a Endpoint,
    settings: &Settings,
) -> ConnectRequest<'a> {
    let psk = (endpoint.security == Security::Dtls).then(|| identity.dtls_psk());
    ConnectRequest {
        endpoint,
        offer: settings.dtls_offer,
        psk,
    }
}
