//! The connection: noticing that it is lost, and having another one.
//!
//! A DTLS session dies without a word: the server restarts, or a NAT forgets the path. Where reports show that the peer
//! does not hear, a new handshake begins beside the old session, which goes on until the new one stands (make before
//! break). A session that has been closed is renewed at once if something waits for it, and with the next report otherwise. A
//! connection that cannot renew itself, as a firmware's own HAL gives, is replaced by a new one, which blocks.

use super::authenticate::connect_request;
use super::backoff::Pauses;
use super::driver::{Buffer, Client, Turn};
use super::endpoint::Security;
use super::error::AuthError;
use super::happening::{Happening, ReceiveFailure, Sink};
use super::platform::{ConnectError, Platform, Renewal, ResumableSession, Transport};
use super::recovery::earliest;
use super::state::State;
use crate::coap::Instant;
use std::sync::Arc;

/// Whether the connection carries anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Up,
    /// It seems to be dead, and a renewal is under way; but it goes on until there is another.
    Suspect,
    /// It is dead.
    Down,
    /// It is dead, and a renewal is under way.
    Renewing,
}

/// What is known about the connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    phase: Phase,
    /// The next attempt begins no earlier.
    not_before: Instant,
    pauses: Pauses,
    /// Between sessions that ended before anything came by them, although their handshakes were completed.
    short_lived: Pauses,
    /// Nothing has come by this session yet.
    unproved: bool,
    /// How many attempts have failed altogether.
    failures: u32,
    /// Someone waits for the connection without having a request in the queue yet.
    urged: bool,
    /// A thread is connecting anew, without the lock.
    connecting: bool,
    /// What the next connection can resume the session of the last one from.
    resumable: Option<ResumableSession>,
}

/// What is to be done about the connection once the lock is free.
pub(super) enum Repair<T> {
    Nothing,
    /// Drop this one, if there is one, and connect anew.
    Connect(Option<Arc<T>>),
}

impl<T: Transport, U> State<T, U> {
    /// Whether what is submitted can leave.
    pub(super) fn can_send(&self) -> bool {
        self.transport.is_some() && matches!(self.link.phase, Phase::Up | Phase::Suspect)
    }

    /// Whether there is something to receive from.
    pub(super) fn can_receive(&self) -> bool {
        self.transport.is_some() && self.link.phase != Phase::Down
    }

    /// Whether connection and session are as they should be: then the session has nothing to do before the
    /// [next deadline](Self::session_deadline).
    #[inline(always)]
    pub(super) const fn is_settled(&self) -> bool {
        let connected = self.transport.is_some() && matches!(self.link.phase, Phase::Up);
        connected && self.session.is_settled()
    }

    /// The cheap question of every turn: if there is nothing to do at `now` but to wait for a datagram, until when.
    #[inline(always)] // into the two that take turns
    pub(super) fn calm_until(&self, now: Instant) -> Option<Instant> {
        let session = &self.session;
        let may_be_lost = session.security == Security::Dtls
            && (self.link.pauses.are_pausing() || session.layer.may_be_suspected(now));
        if may_be_lost || session.has_news() || !self.is_settled() {
            return None;
        }
        let until = session.next_deadline_if_settled().unwrap_or(Instant::NEVER);
        (until > now).then_some(until)
    }

    /// When the session next has something to do without the peer's help.
    pub(super) fn session_deadline(&self) -> Option<Instant> {
        self.session.next_deadline(self.can_send())
    }

    /// When session or connection next have something to do without the peer's help.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        earliest(self.session_deadline(), self.next_repair())
    }

    /// When the next attempt to mend the connection may begin; `None` if none is needed.
    pub(super) fn next_repair(&self) -> Option<Instant> {
        let needed = match self.link.phase {
            Phase::Down => self.wants_link() && !self.link.connecting,
            Phase::Up | Phase::Suspect | Phase::Renewing => false,
        };
        needed.then_some(self.link.not_before)
    }

    /// Someone wants the connection now, and has no request in the queue yet.
    pub(super) fn urge(&mut self, now: Instant) {
        self.link.urged = true;
        self.link.not_before = now;
    }

    fn wants_link(&self) -> bool {
        let waiting = self.session.is_waiting_for_peer() || self.session.is_recovering();
        self.link.urged || (waiting && self.session.settings().renew_session)
    }
}

impl<P: Platform, U> Client<P, U> {
    /// Begins what there is to be done about the connection at `now`.
    pub(super) fn repair(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
    ) -> Repair<P::Transport> {
        match state.link.phase {
            Phase::Up => self.watch_silence(state, now),
            Phase::Suspect | Phase::Renewing => Repair::Nothing,
            Phase::Down if state.next_repair().is_none_or(|at| now < at) => Repair::Nothing,
            Phase::Down => self.replace(state, now),
        }
    }

    /// Renews a DTLS session whose peer does not seem to hear.
    fn watch_silence(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
    ) -> Repair<P::Transport> {
        let settings = state.session.settings();
        let may = settings.renew_session && state.session.security == Security::Dtls;
        let silent = state.session.layer.silent_since().is_some();
        if !may || !silent {
            return Repair::Nothing;
        }
        let again = state.link.pauses.are_pausing();
        let suspect = state.session.layer.suspect(now);
        let due = suspect || again && state.session.is_waiting_for_peer();
        if !due || now < state.link.not_before {
            return Repair::Nothing;
        }
        log::warn!(
            "{} does not answer: the session seems to be lost, beginning another one",
            self.endpoint
        );
        self.replace(state, now)
    }

    /// Begins a renewal, or asks for a new connection.
    fn replace(&self, state: &mut State<P::Transport, U>, now: Instant) -> Repair<P::Transport> {
        self.pace(state, now);
        state.link.urged = false;
        let transport = state.transport.as_ref();
        if let Some(Renewal::Begun) = transport.map(|transport| transport.renew()) {
            state.link.phase = match state.link.phase {
                Phase::Up | Phase::Suspect => Phase::Suspect,
                Phase::Down | Phase::Renewing => Phase::Renewing,
            };
            return Repair::Nothing;
        }
        if state.link.phase == Phase::Up {
            state.session.session_lost();
        }
        state.link.phase = Phase::Down;
        state.link.connecting = true;
        let transport = state.transport.take();
        if let Some(resumable) = transport
            .as_ref()
            .and_then(|transport| transport.resumable())
        {
            state.link.resumable = Some(resumable);
        }
        Repair::Connect(transport)
    }

    /// A report has been taken that cannot leave: begins what can be begun without waiting.
    pub(super) fn begin_repair(&self, state: &mut State<P::Transport, U>, now: Instant) {
        let due = state.next_repair().is_some_and(|at| at <= now);
        let Some(transport) = state.transport.as_ref().filter(|_| due) else {
            return;
        };
        if transport.renew() == Renewal::Begun {
            self.pace(state, now);
            state.link.phase = Phase::Renewing;
        }
    }

    /// An attempt begins: the next one has to wait for longer.
    fn pace(&self, state: &mut State<P::Transport, U>, now: Instant) {
        let random = &mut || self.platform.random();
        let pause = state.link.pauses.after_failure(random);
        state.link.not_before = now + pause;
    }

    /// Connects anew, blocking, without the lock.
    pub(super) fn connect_anew(&self, now: &mut Instant, before: Option<Arc<P::Transport>>) {
        // Closing a DTLS session sends a datagram, and frees the port for the next one.
        drop(before);
        log::info!("connecting to {} again", self.endpoint);
        let state = self.lock();
        let resume = state.link.resumable.clone();
        let request = connect_request(
            state.session.identity(),
            &self.endpoint,
            state.session.settings(),
            resume.as_ref(),
        );
        drop(state);
        let connected = self.platform.connect(&request).map(Arc::new);
        *now = self.platform.now();
        let mut state = self.lock();
        state.link.connecting = false;
        match connected {
            Err(ConnectError) => state.link.failures = state.link.failures.wrapping_add(1),
            // Dropped after the lock: closing a DTLS session sends a datagram.
            Ok(_) if self.is_closed() => {}
            Ok(transport) => {
                state.transport = Some(transport);
                self.link_is_up(&mut state, *now);
            }
        }
    }

    fn link_is_up(&self, state: &mut State<P::Transport, U>, now: Instant) {
        log::info!("connected to {} by a new session", self.endpoint);
        state.link.phase = Phase::Up;
        state.link.unproved = true;
        state.link.urged = false;
        state.link.resumable = None;
        state.link.not_before = Instant::default();
        state.link.pauses.reset();
        // That the handshake was completed is a sign of life.
        state.session.layer.heard(now);
    }

    /// Something came from the peer: the session is alive.
    pub(super) fn link_is_alive(&self, state: &mut State<P::Transport, U>) {
        if state.session.security != Security::Dtls {
            return;
        }
        if std::mem::take(&mut state.link.unproved) {
            state.link.short_lived.reset();
        }
        if state.link.phase == Phase::Suspect {
            log::info!("{} answers again: the session goes on", self.endpoint);
            state.link.phase = Phase::Up;
            if let Some(transport) = &state.transport {
                transport.cancel_renewal();
            }
        }
        if state.link.phase == Phase::Up && state.link.pauses.are_pausing() {
            state.link.not_before = Instant::default();
            state.link.pauses.reset();
        }
    }

    /// The transport has renewed itself: from now on the new session carries everything.
    pub(super) fn renewed(&self, state: &mut State<P::Transport, U>, now: Instant) {
        // In the phase Up too: a renewal that came to be regretted may have gone too far to be given up.
        if state.link.phase != Phase::Renewing {
            state.session.session_lost();
        }
        self.link_is_up(state, now);
    }

    /// The transport could not renew itself.
    pub(super) fn not_renewed(&self, state: &mut State<P::Transport, U>) {
        log::warn!("no new session with {}", self.endpoint);
        state.link.failures = state.link.failures.wrapping_add(1);
        state.link.phase = match state.link.phase {
            Phase::Up | Phase::Suspect => Phase::Up,
            Phase::Down | Phase::Renewing => Phase::Down,
        };
    }

    /// The peer has closed the connection, or broken it.
    pub(super) fn connection_ended(
        &self,
        now: Instant,
        ended: &Arc<P::Transport>,
        sink: &mut Sink<'_, U>,
    ) {
        let mut state = self.lock();
        let current = state.transport.as_ref();
        if !current.is_some_and(|current| Arc::ptr_eq(current, ended)) {
            return;
        }
        if state.link.phase == Phase::Renewing {
            self.not_renewed(&mut state);
            return;
        }
        log::error!("the connection to {} has ended", self.endpoint);
        state.link.phase = match state.link.phase {
            // The renewal goes on.
            Phase::Suspect => Phase::Renewing,
            _ => Phase::Down,
        };
        if state.link.unproved {
            // A server that completes handshakes and ends the sessions must not be flooded with them.
            let random = &mut || self.platform.random();
            let pause = state.link.short_lived.after_failure(random);
            state.link.not_before = state.link.not_before.max(now + pause);
        }
        state.session.session_lost();
        drop(state);
        if !self.is_closed() {
            sink(Happening::ReceiveFailed(ReceiveFailure::ConnectionEnded));
        }
    }

    /// Waits until there is a connection, if there is none. Tells whether it is another one.
    pub(super) fn ensure_link(
        &self,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Result<bool, AuthError> {
        let mut now = self.platform.now();
        let (failures, bound) = {
            let mut state = self.lock();
            if self.is_closed() {
                return Err(AuthError::NotSent);
            }
            if state.can_send() {
                return Ok(false);
            }
            state.urge(now);
            (
                state.link.failures,
                state.session.settings().handshake_bound,
            )
        };
        // The transport keeps to the bound; this is for one that does not.
        let until = now + bound.saturating_mul(2);
        loop {
            let turn = self.turn(&mut now, until, None, buffer, sink);
            let state = self.lock();
            if state.can_send() {
                return Ok(true);
            }
            let failed = state.link.failures != failures;
            if failed || matches!(turn, Turn::Closed | Turn::TimeUp) {
                return Err(AuthError::NotSent);
            }
        }
    }
}
