//! How a session gets, keeps and loses its grant: the exchange of `POST /auth`.

use super::endpoint::Security;
use super::session::{Purpose, Session};
use crate::cloud_auth::{AnswerError, AuthRequest, Secret, SessionKey, parse_answer};
use crate::coap::{
    Class, Code, Instant, MessageType, OptionNumber, RandomSource, RequestHeadBuilder, Submission,
    SubmitError,
};
use core::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

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
    /// The payload key of symmetric sessions.
    pub(super) key: Option<SessionKey>,
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

    pub(super) fn finish_authentication(&mut self, now: Instant, code: Code, payload: &[u8]) {
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
        self.grant = Some(Arc::new(Grant {
            token: answer.token,
            expires,
            key,
        }));
        Ok(())
    }

    /// Notices a report's answer that voids the token it was sent with. What has been granted since then is
    /// another token, of which the answer says nothing.
    pub(super) fn heed_refusal(&mut self, code: Code, sent_under: &Arc<Grant>) {
        let voids_token = code == Code::UNAUTHORIZED || code == Code::BAD_OPTION;
        let current = self.grant.as_ref();
        if voids_token && current.is_some_and(|grant| Arc::ptr_eq(grant, sent_under)) {
            log::warn!(
                "report answered {code}: the token (sent in option {}) is not valid any more",
                self.token_option.number()
            );
            self.revoke();
            if self.auth == AuthStatus::Authenticated {
                self.auth = AuthStatus::Refused;
            }
        }
    }

    pub(super) fn revoke(&mut self) {
        self.grant = None;
        self.heads.clear();
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
