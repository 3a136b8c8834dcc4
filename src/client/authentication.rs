//! How a session gets, keeps and loses its grant: the exchange of `POST /auth`.

use super::endpoint::Security;
use super::session::{Purpose, Session};
use crate::cloud_auth::{AnswerError, AuthRequest, Secret, SessionKey, parse_answer};
use crate::coap::{
    Class, Code, Instant, MessageType, OptionNumber, RandomSource, RequestHeadBuilder, Submission,
    SubmitError,
};
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

/// The part of a token's lifetime in which it is renewed: the last hour of 48.
const RENEWAL_SHARE: u32 = 48;

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

/// What the cloud's authentication answer gave.
pub(super) struct Grant {
    pub(super) token: Secret,
    pub(super) expires: Instant,
    /// From when on the next token is due.
    pub(super) renew_at: Instant,
    /// The payload key of symmetric sessions.
    pub(super) key: Option<SessionKey>,
    /// The cloud's share of that key.
    pub(super) random: Option<Secret>,
}

impl<U> Session<U> {
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
        self.abort_authentication();
        self.recovery.attempt_ends = None;
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
        let secret = self.identity.device_secret.as_bytes();
        let payload = Zeroizing::new(request.encode(secret, settings.encoding));
        let format = u32::from(settings.encoding.content_format());
        let head = RequestHeadBuilder::new(Code::POST)
            .path(b"auth")
            .uint(OptionNumber::CONTENT_FORMAT, format)
            .uint(OptionNumber::ACCEPT, format)
            .build()
            .map_err(SubmitError::Request)?;
        let submission = Submission {
            message_type: MessageType::Confirmable,
            head: &head,
            payload: &payload,
            user: Purpose::Authentication,
        };
        let token = self.layer.submit_first(random, submission)?;
        self.auth = AuthStatus::Pending;
        Ok(token)
    }

    /// Drops the request of an authentication under way.
    pub(super) fn abort_authentication(&mut self) {
        self.layer
            .abort_where(|purpose| matches!(purpose, Purpose::Authentication));
    }

    /// `pause` is how long the server asks to be left alone, if it does.
    pub(super) fn finish_authentication(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        code: Code,
        pause: Option<Duration>,
        payload: &[u8],
    ) {
        match code.class() {
            Class::Success if code == Code::CONTENT => match self.accept_answer(now, payload) {
                Ok(grant) => {
                    log::info!("authenticated");
                    self.auth = AuthStatus::Authenticated;
                    self.granted(now, grant);
                }
                Err(error) => {
                    log::error!("authentication answer of no use: {error}");
                    self.auth = AuthStatus::Refused;
                    self.attempt_failed(now, random, None);
                }
            },
            _ if code.class() == Class::ServerError || pause.is_some() => {
                log::warn!("authentication: the server answered {code}");
                self.auth = AuthStatus::Busy(code);
                self.attempt_failed(now, random, pause);
            }
            _ => {
                log::error!("authentication refused: {code}{}", Quoted(payload));
                self.auth = AuthStatus::Refused;
                self.refused();
            }
        }
    }

    /// Takes token and key over together, or nothing.
    fn accept_answer(&mut self, now: Instant, payload: &[u8]) -> Result<Grant, AnswerError> {
        let symmetric = self.security == Security::Symmetric;
        let answer = parse_answer(payload, self.settings.encoding, symmetric)?;
        let random = answer.symmetric.map(|grant| {
            self.seq = grant.seq_offset;
            grant.random
        });
        Ok(self.grant_for(now, self.settings.token_lifetime, answer.token, random))
    }

    /// A grant that ends `lifetime` after `now`; with the cloud's share of the key in symmetric sessions.
    pub(super) fn grant_for(
        &self,
        now: Instant,
        lifetime: Duration,
        token: Secret,
        random: Option<Secret>,
    ) -> Grant {
        let secret = self.identity.device_secret.as_bytes();
        let key = random.as_ref();
        let early = self.settings.token_lifetime / RENEWAL_SHARE;
        Grant {
            token,
            expires: now + lifetime,
            renew_at: now + lifetime.saturating_sub(early),
            key: key.map(|random| SessionKey::derive(secret, random.as_str())),
            random,
        }
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
