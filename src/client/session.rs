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
    Class, Code, Datagram, Ended, Finished, Handled, Instant, MAX_AWAITED, MessageLayer, Outcome,
    RandomSource, RequestHead, Token,
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

    /// Whether [`report`](Self::report) would take a report at `now`, for all it knows of the token: one that was refused,
    /// or is too old, is replaced while reports wait for the next.
    #[must_use]
    pub fn takes_reports(&self, now: Instant) -> bool {
        let grant = self.grant.as_ref();
        grant.is_some_and(|grant| now < grant.expires || self.settings.reauthenticate)
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

    /// The next datagram due at `now`, with the token number of its request. Without `repetitions` only one that leaves
    /// for the first time: for whoever has yet to read what has arrived.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        repetitions: bool,
    ) -> Option<(u32, &[u8])> {
        self.layer.poll_transmission(now, random, repetitions)
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
            Err(error) => {
                log::debug!("datagram of {} bytes ignored: {error}", datagram.len());
                if self.security == Security::Dtls {
                    // Of no use, but the peer's.
                    self.layer.heard(now);
                }
                let reply = MessageLayer::<Purpose<U>>::reject(error);
                return Arrival { reply, event: None };
            }
        };
        let Handled { reply, outcome } = self.layer.handle(now, &message);
        let response = Received {
            head: ResponseHead {
                message_type: message.message_type(),
                code: message.code(),
                message_id: message.message_id(),
                token: message.token(),
            },
            pause: backoff::asked_for(&message),
            payload: message.payload_range(),
        };
        let event = match outcome {
            Outcome::Ignored | Outcome::Acknowledged => {
                // It may be a repetition of the answer that brought the token.
                datagram.zeroize();
                None
            }
            Outcome::Response(finished) => self.answered(now, random, finished, response, datagram),
            Outcome::Reset(finished) => {
                let of_auth = matches!(finished.user, Purpose::Authentication);
                if of_auth {
                    self.auth = AuthStatus::Refused;
                    self.attempt_failed(now, random, None);
                }
                self.fail(finished, FailureReason::Reset);
                of_auth.then_some(Event::Auth)
            }
        };
        Arrival { reply, event }
    }

    fn answered(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        mut finished: Finished<Purpose<U>>,
        response: Received,
        datagram: &mut [u8],
    ) -> Option<Event<U>> {
        let Received {
            mut head,
            pause,
            payload,
        } = response;
        if let Purpose::Report { sent_under, .. } = &finished.user
            && self.judge_token(now, random, head.code, sent_under)
        {
            finished = self.send_again(now, random, finished)?;
        }
        let Finished { user, request } = finished;
        // The number the program was promised, whatever token the request carried in the end.
        head.token = Token::from_number(request.number());
        self.layer.recycle(request);
        match user {
            Purpose::Authentication => {
                let answer = &datagram[payload];
                self.finish_authentication(now, random, head.code, pause, answer);
                // The buffer will be used again, and freed some day, as it is: the token must not stay in it.
                datagram.zeroize();
                Some(Event::Auth)
            }
            Purpose::Report {
                user, sent_under, ..
            } => {
                self.back_off(now, head.code, pause);
                let key = sent_under.key.as_ref();
                let (payload, opened) = open_payload(key, head.code, datagram, payload);
                // Error texts come in clear; an answer of the application ought not to.
                if !opened && head.code.class() == Class::Success {
                    self.notify(Happening::ReceiveFailed(ReceiveFailure::NotDecrypted));
                }
                user.map(|user| Event::Response {
                    user,
                    head,
                    payload,
                })
            }
            Purpose::Discovery => {
                let (code, len) = (head.code, payload.len());
                log::info!("/.well-known/core answered {code} ({len} bytes)");
                None
            }
        }
    }

    /// Leaves the cloud alone for as long as it has asked for.
    fn back_off(&mut self, now: Instant, code: Code, pause: Option<Duration>) {
        if let Some(pause) = pause.filter(|_| self.settings.heed_back_off) {
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

/// What a response says, apart from its payload's bytes.
struct Received {
    head: ResponseHead,
    /// How long its sender asks to be left alone.
    pause: Option<Duration>,
    payload: Range<usize>,
}

/// Decrypts the payload of a response where it lies, with the key its request was encrypted with. Tells whether that
/// was possible, or nothing to do.
fn open_payload(
    key: Option<&SessionKey>,
    code: Code,
    datagram: &mut [u8],
    payload: Range<usize>,
) -> (Range<usize>, bool) {
    let Some(key) = key.filter(|_| !payload.is_empty()) else {
        return (payload, true);
    };
    match key.decrypt_in_place(&mut datagram[payload.clone()]) {
        Ok(len) => (payload.start..payload.start + len, true),
        Err(_) => {
            // The cloud sends error texts in clear; whatever it is, the program gets to see it.
            log::warn!("payload of a {code} response is not encrypted; passed on as it came");
            (payload, false)
        }
    }
}
