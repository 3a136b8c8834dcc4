//! The session of one device: authentication, reports, and what answers mean. No I/O.

use super::endpoint::{Endpoint, Security, TokenOption};
use super::identity::DeviceIdentity;
use super::settings::Settings;
use crate::cloud_auth::{AnswerError, AuthRequest, Secret, SessionKey, parse_answer};
use crate::coap::{
    Class, Code, Datagram, Ended, Instant, MAX_DATAGRAM, MessageLayer, MessageType, OptionNumber,
    Outcome, PathError, RandomSource, Reply, RequestError, RequestHead, RequestHeadBuilder,
    SubmitError, Token, check_path,
};
use core::fmt;
use core::ops::Range;

/// Options per message, as in the SDK (which dropped the token silently beyond them).
const MAX_OPTIONS: usize = 12;

/// Encoded heads of the paths reported to last.
const REMEMBERED_HEADS: usize = 4;

/// `Accept` of every report: application/octet-stream, whatever the report's own format.
const ACCEPT_OCTET_STREAM: u32 = 42;
const ACCEPT_LINK_FORMAT: u32 = 40;

/// One report to the cloud.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Path of the topic, such as `/topic/{pk}/{dn}/user/update`.
    pub path: &'a [u8],
    /// What is reported.
    pub payload: &'a [u8],
    /// Content-Format of the payload: 50 for JSON, 60 for CBOR.
    pub content_format: u16,
    /// Whether the cloud is to acknowledge it (CON) or not (NON).
    pub confirmable: bool,
}

/// Why a report was not taken. Nothing has been sent then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// The payload, or the message around it, exceeds the datagram limit.
    TooLong,
    /// There is no valid token: authenticate first.
    NotAuthenticated,
    /// The path cannot be sent.
    Path(PathError),
    /// Too many requests are waiting.
    QueueFull,
    /// The payload could not be encrypted.
    Crypto,
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => RequestError::TooLong.fmt(f),
            Self::NotAuthenticated => f.write_str("not authenticated"),
            Self::Path(error) => error.fmt(f),
            Self::QueueFull => SubmitError::QueueFull.fmt(f),
            Self::Crypto => f.write_str("payload could not be encrypted"),
        }
    }
}

impl std::error::Error for ReportError {}

impl From<SubmitError> for ReportError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::QueueFull => Self::QueueFull,
            SubmitError::Request(_) => Self::TooLong,
        }
    }
}

/// Where the authentication stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthStatus {
    /// None was begun, or the last one was cancelled.
    Idle,
    /// The request is on its way.
    Pending,
    /// The cloud answered with a token.
    Authenticated,
    /// The cloud asks to try again later (5.xx).
    Busy(Code),
    /// The cloud refused (4.xx, Reset), or its answer is of no use.
    Refused,
    /// No answer to any transmission.
    Unanswered,
}

/// Header and token of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Message type.
    pub message_type: MessageType,
    /// Response code.
    pub code: Code,
    /// Message id.
    pub message_id: u16,
    /// Token.
    pub token: Token,
}

/// What a datagram, or the passing of time, means to the owner of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<U> {
    /// The status of the authentication has changed.
    Auth,
    /// The response to a report; its payload, decrypted, lies in this part of the datagram's buffer.
    Response {
        /// What the report was submitted with.
        user: U,
        /// Header and token.
        head: ResponseHead,
        /// Payload.
        payload: Range<usize>,
    },
}

/// What [`Session::handle`] made of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrival<U> {
    /// To be sent back at once.
    pub reply: Option<Reply>,
    /// What it means; `None` for messages that end nothing.
    pub event: Option<Event<U>>,
}

/// The session of one device.
pub struct Session<U> {
    identity: DeviceIdentity,
    security: Security,
    token_option: TokenOption,
    settings: Settings,
    layer: MessageLayer<Purpose<U>>,
    auth: AuthStatus,
    grant: Option<Grant>,
    seq: u32,
    heads: Vec<(HeadKey, RequestHead)>,
    scratch: Vec<u8>,
}

/// What the cloud's authentication answer gave.
struct Grant {
    token: Secret,
    expires: Instant,
    /// The payload key of symmetric sessions.
    key: Option<SessionKey>,
}

/// Why a request was sent.
enum Purpose<U> {
    Authentication,
    Report(U),
    Discovery,
}

#[derive(PartialEq, Eq)]
struct HeadKey {
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

    /// The token number the next request will carry.
    #[must_use]
    pub const fn next_token(&self) -> u32 {
        self.layer.next_token()
    }

    /// Whether any request still waits for something.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.layer.outstanding() > 0
    }

    /// Begins an authentication; one that was under way is cancelled. Returns its token number.
    ///
    /// A token from before stays in use until the cloud has answered.
    ///
    /// # Errors
    ///
    /// [`SubmitError`]; the status is then [`AuthStatus::Idle`].
    pub fn begin_authentication(
        &mut self,
        random: &mut dyn RandomSource,
    ) -> Result<u32, SubmitError> {
        self.layer
            .abort_where(|purpose| matches!(purpose, Purpose::Authentication));
        self.auth = AuthStatus::Idle;
        let settings = &self.settings;
        let request = AuthRequest {
            product_key: &self.identity.product_key,
            device_name: &self.identity.device_name,
            client_id: &self.identity.client_id(),
            method: settings.sign_method,
            seq: (self.security == Security::Symmetric).then_some(self.seq),
            ack_mode: settings.ack_mode,
        };
        let payload = request.encode(self.identity.device_secret.as_bytes(), settings.encoding);
        let format = u32::from(settings.encoding.content_format());
        let head = RequestHeadBuilder::new(Code::POST)
            .path(b"auth")
            .uint(OptionNumber::CONTENT_FORMAT, format)
            .uint(OptionNumber::ACCEPT, format)
            .build()
            .map_err(SubmitError::Request)?;
        let token = self.layer.submit_first(
            random,
            MessageType::Confirmable,
            &head,
            &payload,
            Purpose::Authentication,
        )?;
        self.auth = AuthStatus::Pending;
        Ok(token)
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
        let key = self.grant.as_ref().and_then(|grant| grant.key.as_ref());
        let head = &mut self.heads[index].1;
        let payload = match key {
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
        let token =
            self.layer
                .submit(random, message_type, head, payload, Purpose::Report(user))?;
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
        self.layer.submit(
            random,
            MessageType::Confirmable,
            &head,
            &[],
            Purpose::Discovery,
        )
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

    /// Whether the request with this token number has left at least once.
    #[must_use]
    pub fn is_sent(&self, token: u32) -> bool {
        self.layer.is_sent(token)
    }

    /// Drops the request with this token number.
    pub fn abort(&mut self, token: u32) {
        if let Some(Purpose::Authentication) = self.layer.abort(token) {
            self.auth = AuthStatus::Idle;
        }
    }

    /// Ends what has waited in vain by `now`.
    pub fn expire(&mut self, now: Instant) {
        while let Some((purpose, ended)) = self.layer.poll_ended(now) {
            let why = match ended {
                Ended::Unacknowledged => "no acknowledgement to any transmission",
                Ended::Unanswered => "no response within the exchange lifetime",
            };
            match purpose {
                Purpose::Authentication => {
                    log::warn!("authentication given up: {why}");
                    self.auth = AuthStatus::Unanswered;
                }
                Purpose::Report(_) => log::warn!("report given up: {why}"),
                Purpose::Discovery => log::info!("resource discovery given up: {why}"),
            }
        }
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
        let head = ResponseHead {
            message_type: message.message_type(),
            code: message.code(),
            message_id: message.message_id(),
            token: message.token(),
        };
        let payload = message.payload_range();
        let event = match handled.outcome {
            Outcome::Ignored | Outcome::Acknowledged => None,
            Outcome::Response(Purpose::Authentication) => {
                self.finish_authentication(now, head.code, &datagram[payload]);
                Some(Event::Auth)
            }
            Outcome::Response(Purpose::Report(user)) => {
                let payload = self.open_response(head.code, datagram, payload);
                Some(Event::Response {
                    user,
                    head,
                    payload,
                })
            }
            Outcome::Response(Purpose::Discovery) => {
                log::info!(
                    "/.well-known/core answered {} ({} bytes)",
                    head.code,
                    payload.len()
                );
                None
            }
            Outcome::Reset(Purpose::Authentication) => {
                log::warn!("authentication reset by the server");
                self.auth = AuthStatus::Refused;
                Some(Event::Auth)
            }
            Outcome::Reset(Purpose::Report(_) | Purpose::Discovery) => {
                log::warn!("request {:#06x} reset by the server", head.message_id);
                None
            }
        };
        Arrival {
            reply: handled.reply,
            event,
        }
    }

    fn finish_authentication(&mut self, now: Instant, code: Code, payload: &[u8]) {
        self.auth = match code.class() {
            Class::Success if code == Code::CONTENT => match self.accept_answer(now, payload) {
                Ok(()) => {
                    log::info!("authenticated");
                    AuthStatus::Authenticated
                }
                Err(error) => {
                    log::error!("authentication answer of no use: {error}");
                    AuthStatus::Refused
                }
            },
            Class::ServerError => {
                log::warn!("authentication: the server answered {code}");
                AuthStatus::Busy(code)
            }
            _ => {
                log::error!("authentication refused: {code}{}", Quoted(payload));
                self.revoke();
                AuthStatus::Refused
            }
        };
    }

    /// Takes token and key over together, or nothing.
    fn accept_answer(&mut self, now: Instant, payload: &[u8]) -> Result<(), AnswerError> {
        let symmetric = self.security == Security::Symmetric;
        let answer = parse_answer(payload, self.settings.encoding, symmetric)?;
        let key = answer.symmetric.map(|grant| {
            self.seq = grant.seq_offset;
            SessionKey::derive(
                self.identity.device_secret.as_bytes(),
                grant.random.as_str(),
            )
        });
        let expires = now + self.settings.token_lifetime;
        self.heads.clear();
        self.grant = Some(Grant {
            token: answer.token,
            expires,
            key,
        });
        Ok(())
    }

    /// Decrypts the payload of a report's response and notices a voided token.
    fn open_response(
        &mut self,
        code: Code,
        datagram: &mut [u8],
        payload: Range<usize>,
    ) -> Range<usize> {
        let key = self.grant.as_ref().and_then(|grant| grant.key.as_ref());
        let opened = match key {
            Some(key) if !payload.is_empty() => {
                match key.decrypt_in_place(&mut datagram[payload.clone()]) {
                    Ok(len) => payload.start..payload.start + len,
                    Err(_) => {
                        // The cloud sends error texts in clear; whatever it is, the program gets to see it.
                        log::warn!(
                            "payload of a {code} response is not encrypted; passed on as it came"
                        );
                        payload
                    }
                }
            }
            _ => payload,
        };
        if code == Code::UNAUTHORIZED || code == Code::BAD_OPTION {
            log::warn!(
                "report answered {code}: the token (sent in option {}) is not valid any more",
                self.token_option.number()
            );
            self.revoke();
        }
        opened
    }

    fn revoke(&mut self) {
        self.grant = None;
        self.heads.clear();
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

/// The first characters of an error text from the network, made fit for one log line.
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, ", \"{}\"", self.0[..self.0.len().min(80)].escape_ascii())
    }
}
