//! Authenticating over a platform: the blocking call, its retries, and connecting anew.

use super::announcement::Announcement;
use super::authentication::AuthStatus;
use super::driver::{Buffer, Client, Turn};
use super::endpoint::{Endpoint, Security};
use super::error::AuthError;
use super::happening::Sink;
use super::identity::DeviceIdentity;
use super::platform::{ConnectRequest, Platform, ResumableSession, SendFailed};
use super::settings::Settings;
use crate::coap::Instant;
use core::time::Duration;

const FIRST_BUSY_PAUSE: Duration = Duration::from_secs(1);

impl<P: Platform, U> Client<P, U> {
    /// Authenticates: returns as soon as the cloud has answered, and within [`Settings::auth_bound`] in
    /// any case. The request is retransmitted by RFC 7252 meanwhile; a 5.xx answer is tried again after
    /// a doubling pause. A connection that has ended, or turns out to have ended, is opened anew, once; the
    /// time that takes comes on top of the bound, which starts again then.
    ///
    /// After [`AuthError::TimedOut`] the request stays on its way: an answer that [`run`](Self::run)
    /// still receives authenticates the client.
    ///
    /// # Errors
    ///
    /// See [`AuthError`].
    pub fn authenticate(&self, sink: &mut Sink<'_, U>) -> Result<(), AuthError> {
        let bound = self.lock().session.settings().auth_bound;
        let mut buffer = self.take_buffer();
        let mut connected_anew = false;
        let result = loop {
            match self.ensure_link(&mut buffer, sink) {
                Ok(anew) => connected_anew |= anew,
                Err(error) => break Err(error),
            }
            let mut now = self.platform.now();
            let deadline = now + bound;
            self.catch_up(&mut now, deadline, &mut buffer, sink);
            let result = self.authenticate_until(&mut now, deadline, &mut buffer, sink);
            // The end of an idle session is often noticed only now.
            if result != Err(AuthError::NotSent) || connected_anew || self.is_connected() {
                break result;
            }
        };
        self.keep_buffer(buffer);
        self.tell(sink);
        if result.is_ok() {
            self.lock().session.take_announcement();
            self.announce();
        }
        result
    }

    /// Begins an authentication and returns: [`run`](Self::run) or [`process`](Self::process) does the rest, within
    /// [`Settings::auth_bound`], and tells the sink how it has ended. A connection that has ended is opened anew
    /// there too. Begun while another one is under way, it is that one.
    ///
    /// # Errors
    ///
    /// [`AuthError::NotSent`] when the client was closed.
    pub fn begin_to_authenticate(&self) -> Result<(), AuthError> {
        let now = self.platform.now();
        let mut state = self.lock();
        if self.is_closed() {
            return Err(AuthError::NotSent);
        }
        state.note_user();
        state.session.want_authentication(now);
        let connected = state.can_send();
        if !connected {
            state.urge(now);
            self.begin_repair(&mut state, now);
        }
        if connected {
            // And nothing else that is due: what has arrived has yet to be read.
            let random = &mut || self.platform.random();
            state.session.begin_what_is_wanted(now, random);
        }
        self.flush_first(&mut state, now);
        Ok(())
    }

    /// Tells the cloud about module and SDK, where the platform has vendor ids. Failing to is no failure.
    pub(super) fn announce(&self) {
        if !self.lock().session.settings().announce {
            return;
        }
        let Some(ids) = self.platform.vendor_ids() else {
            return;
        };
        let now = self.platform.now();
        let mut state = self.lock();
        for announcement in Announcement::all(state.session.identity(), &ids) {
            let report = announcement.report();
            match state
                .session
                .announce(now, &mut || self.platform.random(), &report)
            {
                Ok(_) => self.flush_first(&mut state, now),
                Err(error) => log::info!("announcement not sent: {error}"),
            }
        }
    }

    fn authenticate_until(
        &self,
        now: &mut Instant,
        deadline: Instant,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Result<(), AuthError> {
        let mut pause = FIRST_BUSY_PAUSE;
        self.wait_as_asked(now, deadline, buffer, sink)?;
        self.begin_authentication(*now)?;
        loop {
            let (status, recovering) = {
                let session = &self.lock().session;
                (session.auth_status(), session.is_recovering())
            };
            match status {
                AuthStatus::Authenticated => return Ok(()),
                AuthStatus::Refused if !recovering => return Err(AuthError::Refused),
                AuthStatus::Unanswered if !recovering => return Err(AuthError::TimedOut),
                AuthStatus::Idle if !recovering => return Err(AuthError::NotSent),
                AuthStatus::Busy(code) => {
                    let resume = (*now + pause).max(self.lock().session.asked_until());
                    if resume >= deadline {
                        log::error!("authentication: the server kept answering {code}");
                        return Err(AuthError::Refused);
                    }
                    pause = pause.saturating_mul(2);
                    self.wait_while(status, now, resume, buffer, sink);
                    if self.auth_status() == status {
                        self.begin_authentication(*now)?;
                    }
                }
                _ if !self.is_connected() => return Err(AuthError::NotSent),
                // On its way; or about to be, by the session itself.
                waiting => match self.turn(now, deadline, Some(waiting), buffer, sink) {
                    Turn::TimeUp => {
                        self.lock().session.leave_authentication(*now);
                        log::error!("no answer to the authentication in time");
                        return Err(AuthError::TimedOut);
                    }
                    Turn::Closed => return Err(AuthError::NotSent),
                    Turn::Nothing | Turn::Handled | Turn::Progress => {}
                },
            }
        }
    }

    /// The cloud may have asked not to be asked, in answer to an earlier call: a program that calls again and
    /// again waits here.
    fn wait_as_asked(
        &self,
        now: &mut Instant,
        deadline: Instant,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Result<(), AuthError> {
        let asked_until = self.lock().session.asked_until();
        let status = self.auth_status();
        if *now < asked_until {
            self.wait_while(status, now, asked_until.min(deadline), buffer, sink);
            if self.auth_status() == status && asked_until >= deadline {
                log::error!("authentication: the server has asked for a longer pause");
                return Err(AuthError::Refused);
            }
        }
        Ok(())
    }

    /// Goes on receiving until `until`, or until the authentication is not in this state any more.
    fn wait_while(
        &self,
        status: AuthStatus,
        now: &mut Instant,
        until: Instant,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) {
        while self.auth_status() == status {
            if let Turn::TimeUp | Turn::Closed = self.turn(now, until, Some(status), buffer, sink) {
                return;
            }
        }
    }

    fn auth_status(&self) -> AuthStatus {
        self.lock().session.auth_status()
    }

    fn is_connected(&self) -> bool {
        self.lock().can_send()
    }

    /// Begins an authentication, or takes over the one that the session has begun by itself.
    fn begin_authentication(&self, now: Instant) -> Result<(), AuthError> {
        let mut state = self.lock();
        if state.session.join_authentication() {
            return Ok(());
        }
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
}

/// What to connect to, and what to prove there.
pub(super) fn connect_request<'a>(
    identity: &DeviceIdentity,
    endpoint: &'a Endpoint,
    settings: &Settings,
    resume: Option<&'a ResumableSession>,
) -> ConnectRequest<'a> {
    let psk = (endpoint.security == Security::Dtls).then(|| identity.dtls_psk());
    ConnectRequest {
        endpoint,
        offer: settings.dtls_offer,
        psk,
        resume,
        path_mtu: settings.path_mtu,
        handshake_bound: settings.handshake_bound,
        flight_timeout: settings.flight_timeout,
    }
}
