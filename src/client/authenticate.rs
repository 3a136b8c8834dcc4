//! Authenticating over a platform: the blocking call, its retries, and connecting anew.

use super::announcement::Announcement;
use super::authentication::AuthStatus;
use super::driver::{Buffer, Client, Turn};
use super::endpoint::{Endpoint, Security};
use super::error::AuthError;
use super::happening::Sink;
use super::identity::DeviceIdentity;
use super::platform::{ConnectError, ConnectRequest, Platform, SendFailed};
use super::settings::Settings;
use crate::coap::Instant;
use core::time::Duration;
use std::sync::Arc;

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
        let mut connected_anew = self.reconnect_if_ended()?;
        let bound = self.lock().session.settings().auth_bound;
        let mut buffer = self.take_buffer();
        let result = loop {
            let mut now = self.platform.now();
            let deadline = now + bound;
            self.catch_up(&mut now, deadline, &mut buffer, sink);
            let result = self.authenticate_until(&mut now, deadline, &mut buffer, sink);
            // The end of an idle session is often noticed only now.
            if result != Err(AuthError::NotSent) || connected_anew || self.is_connected() {
                break result;
            }
            match self.reconnect_if_ended() {
                Ok(anew) => connected_anew = anew,
                Err(error) => break Err(error),
            }
        };
        self.keep_buffer(buffer);
        if result.is_ok() {
            self.announce();
        }
        result
    }

    /// Tells the cloud about module and SDK, where the platform has vendor ids. Failing to is no failure.
    fn announce(&self) {
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
                .notify(now, &mut || self.platform.random(), &report)
            {
                Ok(_) => self.flush(&mut state, now, &mut |_| {}),
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
        self.begin_authentication(*now)?;
        loop {
            match self.auth_status() {
                AuthStatus::Authenticated => return Ok(()),
                AuthStatus::Refused => return Err(AuthError::Refused),
                AuthStatus::Unanswered => return Err(AuthError::TimedOut),
                AuthStatus::Idle => return Err(AuthError::NotSent),
                AuthStatus::Pending if !self.is_connected() => return Err(AuthError::NotSent),
                pending @ AuthStatus::Pending => {
                    match self.turn(now, deadline, Some(pending), buffer, sink) {
                        Turn::TimeUp => {
                            log::error!("no answer to the authentication in time");
                            return Err(AuthError::TimedOut);
                        }
                        Turn::Closed => return Err(AuthError::NotSent),
                        Turn::Nothing | Turn::Handled | Turn::Progress => {}
                    }
                }
                busy @ AuthStatus::Busy(code) => {
                    let resume = *now + pause;
                    if resume >= deadline {
                        log::error!("authentication: the server kept answering {code}");
                        return Err(AuthError::Refused);
                    }
                    pause = pause.saturating_mul(2);
                    self.wait_while(busy, now, resume, buffer, sink);
                    if self.auth_status() == busy {
                        self.begin_authentication(*now)?;
                    }
                }
            }
        }
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
        self.lock().transport.is_some()
    }

    fn begin_authentication(&self, now: Instant) -> Result<(), AuthError> {
        let mut state = self.lock();
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

    /// Tells whether it connected.
    fn reconnect_if_ended(&self) -> Result<bool, AuthError> {
        let request = {
            let state = self.lock();
            if self.is_closed() {
                return Err(AuthError::NotSent);
            }
            if state.transport.is_some() {
                return Ok(false);
            }
            connect_request(
                state.session.identity(),
                &self.endpoint,
                state.session.settings(),
            )
        };
        log::info!("connecting to {} again", self.endpoint);
        // The handshake may take seconds, so it runs without the lock.
        let transport = self
            .platform
            .connect(&request)
            .map_err(|ConnectError| AuthError::NotSent)?;
        // Should another thread have connected too, or the client been closed, this connection is dropped, and
        // after the lock: closing a DTLS session sends a datagram.
        let transport = Arc::new(transport);
        let mut state = self.lock();
        if self.is_closed() {
            return Err(AuthError::NotSent);
        }
        if state.transport.is_none() {
            state.transport = Some(Arc::clone(&transport));
        }
        Ok(true)
    }
}

/// What to connect to, and what to prove there.
pub(super) fn connect_request<'a>(
    identity: &DeviceIdentity,
    endpoint: &'a Endpoint,
    settings: &Settings,
) -> ConnectRequest<'a> {
    let psk = (endpoint.security == Security::Dtls).then(|| identity.dtls_psk());
    ConnectRequest {
        endpoint,
        offer: settings.dtls_offer,
        psk,
        resume: None,
        path_mtu: settings.path_mtu,
        handshake_bound: settings.handshake_bound,
    }
}
