//! The session of one device: authentication, reports, and what answers mean. No I/O.

use super::authentication::{AuthStatus, Grant};
use super::backoff;
use super::endpoint::{Endpoint, Security, TokenOption};
use super::event::{Arrival, Event, ResponseHead};
use super::happening::{Failure, FailureReason, Happening, ReceiveFailure};
use super::identity::DeviceIdentity;
use super::recovery::Recovery;
use super::settings::Settings;
use crate::cloud_auth::SessionKey;
use crate::coap::{
    Class, Code, Datagram, Ended, Finished, FormatError, Handled, Instant, MAX_AWAITED,
    MessageLayer, MessageType, Outcome, RandomSource, RequestHead, Token,
};
use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use zeroize::Zeroize;

/// How much a program that never calls [`Client::run`](super::Client::run) is told afterwards, beyond what can
/// fail at once.
const SPARE_NOTICES: usize = 128;

/// The session of one device.
pub struct Session<U> {
    pub(super) identity: DeviceIdentity,
    pub(super) security: Security,
    pub(super) token_option: TokenOption,
    pub(super) settings: Settings,
    pub(super) layer: MessageLayer<Purpose<U>>,
    pub(super) auth: AuthStatus,
    pub(super) grant: Option<Arc<Grant>>,
    pub(super) recovery: Recovery,
    pub(super) seq: u32,
    pub(super) heads: Vec<(HeadKey, RequestHead)>,
    pub(super) scratch: Vec<u8>,
    /// What the program has yet to be told.
    pub(super) notices: VecDeque<Happening<'static, U>>,
}

/// Why a request was sent.
pub(super) enum Purpose<U> {
    Authentication,
    Report {
        /// `None` for the library's own reports, whose responses concern nobody.
        user: Option<U>,
        /// Whose token and key the report carries: by the time it is answered, another may be in force.
        sent_under: Arc<Grant>,
        /// What [`Session::report`] returned.
        number: u32,
        accepted: Instant,
        /// Whether it has been refused once, for its token.
        resent: bool,
    },
    Discovery,
}

#[derive(PartialEq, Eq)]
pub(super) struct HeadKey {
    pub(super) path: Vec<u8>,
    pub(super) content_format: u16,
}

impl<U> Session<U> {
    /// An unauthenticated session with `endpoint`.
    pub fn new(
        identity: DeviceIdentity,
        endpoint: &Endpoint,
        settings: Settings,
        random: &mut dyn RandomSource,
    ) -> Self {
        Self {
            security: endpoint.security,
            token_option: settings
                .token_option
                .unwrap_or_else(|| endpoint.token_option()),
            layer: MessageLayer::new(settings.transmission.clone(), random),
            // The SDK starts below 10,000; the cloud answers with the number to go on from.
            seq: random.below(10_000),
            identity,
            settings,
            auth: AuthStatus::Idle,
            grant: None,
            recovery: Recovery::default(),
            heads: Vec::new(),
            scratch: Vec::new(),
            notices: VecDeque::new(),
        }
    }

    /// Who this session speaks for.
    #[must_use]
    pub const fn identity(&self) -> &DeviceIdentity {
        &self.identity
    }

    /// Its settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the authentication stands.
    #[must_use]
    pub const fn auth_status(&self) -> AuthStatus {
        self.auth
    }

    /// Whether there is a token that may be used at `now`.
    #[must_use]
    pub fn is_authenticated(&self, now: Instant) -> bool {
        let grant = self.grant.as_ref();
        grant.is_some_and(|grant| now < grant.expires) && !self.recovery.void
    }

    /// Whether there is a token that has not been refused, whatever its age.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.grant.is_some() && !self.recovery.void
    }

    /// The token number the next request will carry.
    #[must_use]
    pub const fn next_token(&self) -> u32 {
        self.layer.next_token()
    }

    /// Whether any request still waits for something, or the program has yet to be told of something.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.is_waiting_for_peer() || !self.notices.is_empty()
    }

    /// The next datagram due at `now`, with the token number of its request.
    #[inline(always)]
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Option<(u32, &[u8])> {
        self.layer.poll_transmit(now, random)
    }

    /// Whether any request still waits for the peer, or to be sent.
    #[must_use]
    pub fn is_waiting_for_peer(&self) -> bool {
        self.layer.outstanding() > 0
    }

    /// Drops the request with this token number.
    pub fn abort(&mut self, token: u32) {
        let Some(Finished { user, request }) = self.layer.abort(token) else {
            return;
        };
        self.layer.recycle(request);
        if let Purpose::Authentication = user {
            self.auth = AuthStatus::Idle;
        }
    }

    /// Ends what has waited in vain by `now`.
    pub(super) fn expire(&mut self, now: Instant, random: &mut dyn RandomSource) {
        while let Some((finished, ended)) = self.layer.poll_ended(now) {
            let reason = match ended {
                Ended::Unacknowledged => FailureReason::Unacknowledged,
                Ended::Unanswered | Ended::Displaced => FailureReason::Unanswered,
                Ended::SessionLost => FailureReason::SessionLost,
                Ended::Unsendable => FailureReason::NotEncodable,
            };
            if let Purpose::Authentication = finished.user {
                self.auth = AuthStatus::Unanswered;
                self.attempt_failed(now, random, None);
            }
            self.fail(finished, reason);
        }
    }

    /// Ends a request without a response.
    pub(super) fn fail(&mut self, finished: Finished<Purpose<U>>, reason: FailureReason) {
        let Finished { user, request } = finished;
        match user {
            Purpose::Authentication => log::warn!("authentication given up: {reason}"),
            Purpose::Report {
                user: Some(user), ..
            } => {
                log::warn!(
                    "report {:08x} given up after {} transmissions: {reason}",
                    request.number(),
                    request.transmissions()
                );
                self.notify(Happening::ReportFailed(Failure {
                    user,
                    message_id: request.message_id(),
                    token: request.number(),
                    reason,
                    transmissions: request.transmissions(),
                }));
            }
            Purpose::Report { user: None, .. } => log::debug!("announcement: {reason}"),
            Purpose::Discovery => log::info!("resource discovery given up: {reason}"),
        }
        self.layer.recycle(request);
    }

    /// Leaves something to be told to the program.
    pub(super) fn notify(&mut self, notice: Happening<'static, U>) {
        let params = &self.settings.transmission;
        let most = SPARE_NOTICES + params.queue_limit + params.nstart + MAX_AWAITED;
        if self.notices.len() >= most {
            log::warn!(
                "the program does not ask what happens: the oldest of {most} events is forgotten"
            );
            // A report has one end only; of other news the next is as good.
            let other = |notice: &Happening<'_, U>| !matches!(notice, Happening::ReportFailed(_));
            let index = self.notices.iter().position(other);
            self.notices.remove(index.unwrap_or(0));
        }
        self.notices.push_back(notice);
    }

    /// Whether there is something to tell the program.
    #[must_use]
    pub fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Whether there is something to tell, to the program or to the cloud.
    pub(super) fn has_news(&self) -> bool {
        self.has_notice() || self.is_announcement_due()
    }

    /// The next thing to tell the program, apart from what [`handle`](Self::handle) returns.
    pub fn take_notice(&mut self) -> Option<Happening<'static, U>> {
        self.notices.pop_front()
    }

    /// Handles one datagram; `datagram` is decrypted in place where the session encrypts payloads.
    pub fn handle(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        datagram: &mut [u8],
    ) -> Arrival<U> {
        let message = match Datagram::parse(datagram) {
            Ok(message) => message,
            Err(error) => return self.not_read(now, datagram.len(), error),
        };
        let Handled { reply, outcome } = self.layer.handle_in_place(now, &message);
        let response = Received {
            message_type: message.message_type(),
            code: message.code(),
            message_id: message.message_id(),
            pause: backoff::asked_for(&message),
            payload: message.payload_range(),
        };
        let event = match outcome {
            Outcome::Ignored | Outcome::Acknowledged => None,
            Outcome::Response(index) => self.answered(now, random, index, response, datagram),
            Outcome::Reset(index) => self.was_reset(now, random, index),
        };
        Arrival { reply, event }
    }

    #[cold]
    fn not_read(&mut self, now: Instant, len: usize, error: FormatError) -> Arrival<U> {
        log::debug!("datagram of {len} bytes ignored: {error}");
        if self.security == Security::Dtls {
            // Of no use, but the peer's.
            self.layer.heard(now);
        }
        let reply = MessageLayer::<Purpose<U>>::reject(error);
        Arrival { reply, event: None }
    }

    #[cold]
    fn was_reset(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        index: usize,
    ) -> Option<Event<U>> {
        let finished = self.layer.remove(index);
        let of_auth = matches!(finished.user, Purpose::Authentication);
        if of_auth {
            self.auth = AuthStatus::Refused;
            self.attempt_failed(now, random, None);
        }
        self.fail(finished, FailureReason::Reset);
        of_auth.then_some(Event::Auth)
    }

    fn answered(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        index: usize,
        response: Received,
        datagram: &mut [u8],
    ) -> Option<Event<U>> {
        // The number is the one the program was promised, whatever token the request carried in the end.
        let (user, number) = if self.is_refused(now, random, index, response.code) {
            self.send_again(now, random, index)?
        } else {
            self.layer.finish(index)
        };
        match user {
            Purpose::Report {
                user, sent_under, ..
            } => {
                self.back_off(now, &response);
                let payload = match &sent_under.key {
                    Some(key) => self.open_payload(key, &response, datagram),
                    None => response.payload.clone(),
                };
                user.map(|user| Event::Response {
                    user,
                    head: ResponseHead {
                        message_type: response.message_type,
                        code: response.code,
                        message_id: response.message_id,
                        token: Token::from_number(number),
                    },
                    payload,
                })
            }
            Purpose::Authentication => {
                self.auth_answered(now, random, response, datagram);
                Some(Event::Auth)
            }
            Purpose::Discovery => {
                discovered(response.code, response.payload.len());
                None
            }
        }
    }

    #[inline(never)]
    fn auth_answered(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        response: Received,
        datagram: &mut [u8],
    ) {
        let answer = &datagram[response.payload];
        self.finish_authentication(now, random, response.code, response.pause, answer);
        // The buffer will be used again, and freed some day, as it is: the token must not stay in it.
        datagram.zeroize();
    }

    /// Decrypts the payload of a response where it lies, with the key its request was encrypted with.
    #[inline(never)]
    fn open_payload(
        &mut self,
        key: &SessionKey,
        response: &Received,
        datagram: &mut [u8],
    ) -> Range<usize> {
        let (code, payload) = (response.code, response.payload.clone());
        if payload.is_empty() {
            return payload;
        }
        match key.decrypt_in_place(&mut datagram[payload.clone()]) {
            Ok(len) => payload.start..payload.start + len,
            Err(_) => {
                // The cloud sends error texts in clear; whatever it is, the program gets to see it.
                log::warn!("payload of a {code} response is not encrypted; passed on as it came");
                // An answer of the application ought not to come in clear.
                if code.class() == Class::Success {
                    self.notify(Happening::ReceiveFailed(ReceiveFailure::NotDecrypted));
                }
                payload
            }
        }
    }

    /// Whether the response to the request at `index` refuses the token it was sent with.
    fn is_refused(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        index: usize,
        code: Code,
    ) -> bool {
        let Purpose::Report { sent_under, .. } = self.layer.user(index) else {
            return false;
        };
        // What has been granted since then is another token, of which the response says nothing.
        let grant = self.grant.as_ref();
        let current = grant.is_some_and(|grant| Arc::ptr_eq(grant, sent_under));
        self.judge_token(now, random, code, current)
    }

    /// Leaves the cloud alone for as long as it has asked for.
    fn back_off(&mut self, now: Instant, response: &Received) {
        if let Some(pause) = response.pause {
            self.leave_alone(now, response.code, pause);
        }
    }

    #[cold]
    fn leave_alone(&mut self, now: Instant, code: Code, pause: Duration) {
        if self.settings.heed_back_off {
            log::warn!("{code}: nothing is sent for {} s", pause.as_secs());
            self.layer.back_off_until(now + pause);
        }
    }
}

impl<U> fmt::Debug for Session<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("security", &self.security)
            .field("auth", &self.auth)
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

#[cold]
fn discovered(code: Code, len: usize) {
    log::info!("/.well-known/core answered {code} ({len} bytes)");
}

/// What a response says, apart from its payload's bytes.
struct Received {
    message_type: MessageType,
    code: Code,
    message_id: u16,
    /// How long its sender asks to be left alone.
    pause: Option<Duration>,
    payload: Range<usize>,
}
