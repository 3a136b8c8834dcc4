//! The session of one device: authentication, reports, and what answers mean. No I/O.

use super::authentication::{AuthStatus, Grant};
use super::endpoint::{Endpoint, Security, TokenOption};
use super::event::{Arrival, Event, Report, ReportError, ResponseHead};
use super::happening::{Failure, FailureReason, Happening};
use super::identity::DeviceIdentity;
use super::settings::Settings;
use crate::cloud_auth::SessionKey;
use crate::coap::{
    Code, Datagram, Ended, Finished, Instant, MAX_DATAGRAM, MessageLayer, MessageType,
    OptionNumber, Outcome, RandomSource, RequestHead, RequestHeadBuilder, Submission, SubmitError,
    Token, check_path,
};
use core::fmt;
use core::ops::Range;
use std::collections::VecDeque;
use std::sync::Arc;
use zeroize::Zeroize;

/// Options per message, as in the SDK (which dropped the token silently beyond them).
const MAX_OPTIONS: usize = 12;

/// Encoded heads of the paths reported to last.
const REMEMBERED_HEADS: usize = 4;

/// `Accept` of every report: application/octet-stream, whatever the report's own format.
const ACCEPT_OCTET_STREAM: u32 = 42;
const ACCEPT_LINK_FORMAT: u32 = 40;

/// The session of one device.
pub struct Session<U> {
    pub(super) identity: DeviceIdentity,
    pub(super) security: Security,
    pub(super) token_option: TokenOption,
    pub(super) settings: Settings,
    pub(super) layer: MessageLayer<Purpose<U>>,
    pub(super) auth: AuthStatus,
    pub(super) grant: Option<Arc<Grant>>,
    pub(super) seq: u32,
    pub(super) heads: Vec<(HeadKey, RequestHead)>,
    scratch: Vec<u8>,
    /// What the program has yet to be told.
    notices: VecDeque<Happening<'static, U>>,
}

/// Why a request was sent.
pub(super) enum Purpose<U> {
    Authentication,
    Report {
        /// `None` for the library's own reports, whose responses concern nobody.
        user: Option<U>,
        /// Whose token and key the report carries: by the time it is answered, another may be in force.
        sent_under: Arc<Grant>,
    },
    Discovery,
}

#[derive(PartialEq, Eq)]
pub(super) struct HeadKey {
    path: Vec<u8>,
    content_format: u16,
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
        self.grant.as_ref().is_some_and(|grant| now < grant.expires)
    }

    /// Whether there is a token, whatever its age.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.grant.is_some()
    }

    /// The token number the next request will carry.
    #[must_use]
    pub const fn next_token(&self) -> u32 {
        self.layer.next_token()
    }

    /// Whether any request still waits for something, or the program has yet to be told of something.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.layer.outstanding() > 0 || !self.notices.is_empty()
    }

    /// Takes a report; its response comes with `user`. Returns its token number.
    ///
    /// # Errors
    ///
    /// See [`ReportError`]. The checks run in the SDK's order: payload length, authentication, path.
    pub fn report(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        report: &Report<'_>,
        user: U,
    ) -> Result<u32, ReportError> {
        self.submit_report(now, random, report, Some(user))
    }

    /// Takes a report of the library's own: its response concerns nobody.
    ///
    /// # Errors
    ///
    /// As [`report`](Self::report).
    pub fn notify(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        report: &Report<'_>,
    ) -> Result<u32, ReportError> {
        self.submit_report(now, random, report, None)
    }

    fn submit_report(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        report: &Report<'_>,
        user: Option<U>,
    ) -> Result<u32, ReportError> {
        // A program that never receives must still be able to send.
        self.expire(now);
        if report.payload.len() >= MAX_DATAGRAM {
            return Err(ReportError::TooLong);
        }
        if !self.is_authenticated(now) {
            if self.grant.take().is_some() {
                log::warn!("the token has reached its age limit; authenticate again");
            }
            return Err(ReportError::NotAuthenticated);
        }
        check_path(report.path, self.max_segments()).map_err(ReportError::Path)?;
        let index = self.head_index(report)?;
        let Some(grant) = &self.grant else {
            return Err(ReportError::NotAuthenticated);
        };
        let sent_under = Arc::clone(grant);
        let head = &mut self.heads[index].1;
        let payload = match &grant.key {
            None => report.payload,
            Some(key) => {
                self.scratch.clear();
                key.encrypt_seq(self.seq, &mut self.scratch)
                    .map_err(|_| ReportError::Crypto)?;
                head.fill(OptionNumber::SEQUENCE, &self.scratch)
                    .map_err(|_| ReportError::Crypto)?;
                self.scratch.clear();
                key.encrypt_into(report.payload, &mut self.scratch)
                    .map_err(|_| ReportError::Crypto)?;
                &self.scratch
            }
        };
        let message_type = if report.confirmable {
            MessageType::Confirmable
        } else {
            MessageType::NonConfirmable
        };
        let submission = Submission {
            message_type,
            head,
            payload,
            user: Purpose::Report { user, sent_under },
        };
        let token = self.layer.submit(random, submission)?;
        self.seq = self.seq.wrapping_add(1);
        Ok(token)
    }

    /// Asks the server for `/.well-known/core`; the answer is only logged (`iotx_get_well_known`).
    ///
    /// # Errors
    ///
    /// [`SubmitError`].
    pub fn discover(&mut self, random: &mut dyn RandomSource) -> Result<u32, SubmitError> {
        let head = RequestHeadBuilder::new(Code::GET)
            .path(b".well-known/core")
            .uint(OptionNumber::ACCEPT, ACCEPT_LINK_FORMAT)
            .build()
            .map_err(SubmitError::Request)?;
        let submission = Submission {
            message_type: MessageType::Confirmable,
            head: &head,
            payload: &[],
            user: Purpose::Discovery,
        };
        self.layer.submit(random, submission)
    }

    /// The next datagram due at `now`, with the token number of its request.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Option<(u32, &[u8])> {
        self.layer.poll_transmit(now, random)
    }

    /// When there is next something to do without the peer's help.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.layer.next_deadline()
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
    pub fn expire(&mut self, now: Instant) {
        while let Some((finished, ended)) = self.layer.poll_ended(now) {
            let reason = match ended {
                Ended::Unacknowledged => FailureReason::Unacknowledged,
                Ended::Unanswered | Ended::Displaced => FailureReason::Unanswered,
                Ended::SessionLost => FailureReason::SessionLost,
                Ended::Unsendable => FailureReason::NotEncodable,
            };
            self.fail(finished, reason);
        }
    }

    /// Ends a request without a response.
    fn fail(&mut self, finished: Finished<Purpose<U>>, reason: FailureReason) {
        let Finished { user, request } = finished;
        match user {
            Purpose::Authentication => {
                log::warn!("authentication given up: {reason}");
                self.auth = match reason {
                    FailureReason::Reset => AuthStatus::Refused,
                    _ => AuthStatus::Unanswered,
                };
            }
            Purpose::Report {
                user: Some(user), ..
            } => {
                log::warn!(
                    "report {:08x} given up after {} transmissions: {reason}",
                    request.number(),
                    request.transmissions()
                );
                self.notices.push_back(Happening::ReportFailed(Failure {
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

    /// Handles one datagram; `datagram` is decrypted in place where the session encrypts payloads.
    pub fn handle(&mut self, now: Instant, datagram: &mut [u8]) -> Arrival<U> {
        let message = match Datagram::parse(datagram) {
            Ok(message) => message,
            Err(error) => {
                log::debug!("datagram of {} bytes ignored: {error}", datagram.len());
                let reply = MessageLayer::<Purpose<U>>::reject(error);
                return Arrival { reply, event: None };
            }
        };
        let handled = self.layer.handle(now, &message);
        let mut head = ResponseHead {
            message_type: message.message_type(),
            code: message.code(),
            message_id: message.message_id(),
            token: message.token(),
        };
        let payload = message.payload_range();
        let event = match handled.outcome {
            Outcome::Ignored | Outcome::Acknowledged => None,
            Outcome::Response(Finished { user, request }) => {
                // The number the program was promised, whatever token the request carried in the end.
                head.token = Token::from_number(request.number());
                self.layer.recycle(request);
                match user {
                    Purpose::Authentication => {
                        self.finish_authentication(now, head.code, &datagram[payload]);
                        // The buffer will be used again, and freed some day, as it is: the token must not
                        // stay in it.
                        datagram.zeroize();
                        Some(Event::Auth)
                    }
                    Purpose::Report { user, sent_under } => {
                        let key = sent_under.key.as_ref();
                        let payload = open_payload(key, head.code, datagram, payload);
                        self.heed_refusal(head.code, &sent_under);
                        user.map(|user| Event::Response {
                            user,
                            head,
                            payload,
                        })
                    }
                    Purpose::Discovery => {
                        log::info!(
                            "/.well-known/core answered {} ({} bytes)",
                            head.code,
                            payload.len()
                        );
                        None
                    }
                }
            }
            Outcome::Reset(finished) => {
                let of_auth = matches!(finished.user, Purpose::Authentication);
                self.fail(finished, FailureReason::Reset);
                of_auth.then_some(Event::Auth)
            }
        };
        Arrival {
            reply: handled.reply,
            event,
        }
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

    /// Uri-Path options that leave room for Content-Format, Accept, token and, in symmetric sessions,
    /// the sequence number.
    const fn max_segments(&self) -> usize {
        match self.security {
            Security::Plain | Security::Dtls => MAX_OPTIONS - 3,
            Security::Symmetric => MAX_OPTIONS - 4,
        }
    }

    /// The encoded head for the report's path and format, made on first use.
    fn head_index(&mut self, report: &Report<'_>) -> Result<usize, ReportError> {
        let same =
            |key: &HeadKey| key.path == report.path && key.content_format == report.content_format;
        if let Some(index) = self.heads.iter().position(|(key, _)| same(key)) {
            return Ok(index);
        }
        let Some(grant) = &self.grant else {
            return Err(ReportError::NotAuthenticated);
        };
        let number = self.token_option.number();
        let mut builder = RequestHeadBuilder::new(Code::POST)
            .path(report.path)
            .uint(
                OptionNumber::CONTENT_FORMAT,
                u32::from(report.content_format),
            )
            .uint(OptionNumber::ACCEPT, ACCEPT_OCTET_STREAM)
            .placeholder(number, grant.token.as_bytes().len());
        if grant.key.is_some() {
            // Every 32-bit number has at most ten digits: one cipher block.
            builder = builder.placeholder(OptionNumber::SEQUENCE, SessionKey::encrypted_len(10));
        }
        let mut head = builder.build().map_err(|_| ReportError::TooLong)?;
        head.fill(number, grant.token.as_bytes())
            .map_err(|_| ReportError::TooLong)?;
        if self.heads.len() >= REMEMBERED_HEADS {
            self.heads.remove(0);
        }
        let key = HeadKey {
            path: report.path.to_vec(),
            content_format: report.content_format,
        };
        self.heads.push((key, head));
        Ok(self.heads.len() - 1)
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

/// Decrypts the payload of a response where it lies, with the key its request was encrypted with.
fn open_payload(
    key: Option<&SessionKey>,
    code: Code,
    datagram: &mut [u8],
    payload: Range<usize>,
) -> Range<usize> {
    let Some(key) = key.filter(|_| !payload.is_empty()) else {
        return payload;
    };
    match key.decrypt_in_place(&mut datagram[payload.clone()]) {
        Ok(len) => payload.start..payload.start + len,
        Err(_) => {
            // The cloud sends error texts in clear; whatever it is, the program gets to see it.
            log::warn!("payload of a {code} response is not encrypted; passed on as it came");
            payload
        }
    }
}
