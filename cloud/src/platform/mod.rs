//! The platform: a state machine from requests to answers, without I/O and without a clock of its
//! own.

mod answer;
mod auth;
mod limits;
mod params;
mod publish;
mod refusal;
mod request;
mod sessions;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use iotx_coap::cloud_auth::{Secret, SessionKey, SignMethod, dtls_psk};
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;

pub use answer::Answer;
pub use limits::RateLimit;
pub use params::Encoding;
pub use refusal::Refusal;
pub use request::{
    OPTION_MESSAGE_ID, OPTION_SEQ, OPTION_TOKEN_61, OPTION_TOKEN_2088, Request, TokenOption,
    TokenPlace,
};

use crate::clock::UnixMillis;
use crate::devices::{DeviceId, Devices};
use crate::endpoint::Transport;
use crate::message::Delivery;
use crate::token::{Issuer, TokenStyle};
use limits::Bucket;
use sessions::Sessions;

/// Which requests are answered 5.00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overload {
    /// None.
    #[default]
    Off,
    /// `/auth`: its backend does not answer.
    Auth,
    /// All that get as far as the backend.
    Everything,
}

/// What can be set about the platform.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Life of a token; 48 hours by the documents.
    pub token_lifetime: Duration,
    /// Looks of a token.
    pub token_style: TokenStyle,
    /// Where tokens are looked for.
    pub token_option: TokenOption,
    /// `seqOffset` of symmetric sessions.
    pub seq_offset: u32,
    /// `random` of symmetric sessions; drawn afresh for each unless given.
    pub random: Option<String>,
    /// The token to issue, always, instead of a fresh one.
    pub token: Option<Secret>,
    /// Posts per device.
    pub rate_limit: RateLimit,
    /// Whether error texts to symmetric sessions are encrypted like all payloads (default) or sent
    /// in clear; which of the two the service does is not known (?).
    pub encrypt_errors: bool,
    /// How answers travel; `None` leaves it to the session's ackMode. A scripted reply that says how
    /// it travels goes before.
    pub delivery: Option<Delivery>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            token_lifetime: Duration::from_secs(48 * 3600),
            token_style: TokenStyle::default(),
            token_option: TokenOption::default(),
            seq_offset: 1,
            random: None,
            token: None,
            rate_limit: RateLimit::default(),
            encrypt_errors: true,
            delivery: None,
        }
    }
}

/// What is known about a request besides its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) transport: Transport,
    /// The device whose pre-shared key opened the DTLS session.
    pub(crate) session_of: Option<&'a DeviceId>,
    pub(crate) now: UnixMillis,
}

impl Context<'_> {
    /// Whether the DTLS session, if a device's key opened it, is that device's.
    fn session_admits(&self, device: &DeviceId) -> bool {
        self.session_of.is_none_or(|owner| owner == device)
    }
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who posted.
    pub device: DeviceId,
    /// The topic, without `/topic`.
    pub topic: String,
    /// The payload, decrypted.
    pub payload: Vec<u8>,
    /// Content-Format as given; the service does not check it.
    pub content_format: Option<u16>,
    /// Sequence number, in symmetric sessions.
    pub seq: Option<u32>,
    /// Where the token was.
    pub token_place: TokenPlace,
    /// The id given to the message, as in option 2090.
    pub cloud_id: u64,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A token was issued.
    Authenticated {
        /// To whom.
        device: DeviceId,
        /// Whether for a symmetric session.
        symmetric: bool,
        /// How the request was signed.
        method: SignMethod,
        /// Encoding of the parameters.
        encoding: Encoding,
    },
    /// An authentication was refused.
    AuthRefused {
        /// Who it claimed to be, if it said.
        device: Option<DeviceId>,
        /// Why.
        refusal: Refusal,
    },
    /// A post was accepted.
    Published(Report),
    /// Another request was refused.
    Refused {
        /// Whose token it carried, if that is known.
        device: Option<DeviceId>,
        /// Why.
        refusal: Refusal,
    },
    /// The platform was not asked: a script answered in its place.
    Scripted,
}

/// An answer, and how to give it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) answer: Answer,
    pub(crate) outcome: Outcome,
    pub(crate) delivery: Delivery,
    /// Key of the symmetric session, for [`Platform::seal`].
    pub(crate) seal: Option<Seal>,
}

/// The key that payloads of one session are encrypted with.
#[derive(Clone)]
pub(crate) struct Seal(Arc<SessionKey>);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(..)")
    }
}

/// The platform's whole state.
pub(crate) struct Platform {
    pub(crate) settings: Settings,
    pub(crate) devices: Devices,
    pub(crate) overload: Overload,
    issuer: Issuer,
    sessions: Sessions,
    buckets: HashMap<Arc<DeviceId>, Bucket>,
    next_cloud_id: u64,
}

impl Platform {
    pub(crate) fn new(settings: Settings, devices: Devices) -> Result<Self, ErrorStack> {
        let mut issuer = Issuer::new(settings.token_style, settings.token_lifetime)?;
        issuer.pinned = settings.token.clone();
        let mut first_id = [0; 8];
        rand_bytes(&mut first_id)?;
        Ok(Platform {
            settings,
            devices,
            overload: Overload::Off,
            issuer,
            sessions: Sessions::default(),
            buckets: HashMap::new(),
            // Half the range is left to count up in.
            next_cloud_id: u64::from_be_bytes(first_id) >> 1,
        })
    }

    /// Answers one request.
    pub(crate) fn handle(&mut self, context: &Context<'_>, request: &Request) -> Verdict {
        let path: Vec<&str> = request.segments().iter().map(String::as_str).collect();
        let mut verdict = match (request.check_options(), &path[..]) {
            (Err(refusal), _) => refused(None, refusal),
            (Ok(()), ["auth"]) => self.authenticate(context, request),
            (Ok(()), ["topic", topic @ ..]) if !topic.is_empty() => {
                self.publish(context, request, topic)
            }
            (Ok(()), _) => refused(None, Refusal::NotFound),
        };
        verdict.seal = self.seal_of(context.now, request);
        verdict
    }

    /// The key for answers to this request, if it carries the token of a symmetric session.
    pub(crate) fn seal_of(&mut self, now: UnixMillis, request: &Request) -> Option<Seal> {
        let (token, _) = request.token(self.settings.token_option)?;
        let session = self.sessions.get(&self.issuer, now, token).ok()?;
        session
            .symmetric
            .as_ref()
            .map(|symmetric| Seal(Arc::clone(&symmetric.key)))
    }

    /// Encrypts the answer's payload where the session asks for it.
    pub(crate) fn seal(&self, answer: &mut Answer, seal: Option<&Seal>) {
        let Some(Seal(key)) = seal else { return };
        let in_clear =
            answer.in_clear || (answer.code.class() != 2 && !self.settings.encrypt_errors);
        if in_clear || answer.payload.is_empty() {
            return;
        }
        let mut sealed = Vec::new();
        if let Err(error) = key.encrypt_into(&answer.payload, &mut sealed) {
            log::error!("cannot encrypt an answer: {error}");
            *answer = Answer::bare(crate::code::Code::INTERNAL_ERROR);
            return;
        }
        answer.payload = sealed;
    }

    /// The key for a DTLS handshake with this identity.
    pub(crate) fn psk(&self, identity: &str) -> Option<(DeviceId, Secret)> {
        let parsed = dtls_psk::parse_identity(identity)?;
        let id = DeviceId::new(parsed.product_key, parsed.device_name);
        let device = self.devices.get(&id)?;
        let key = dtls_psk::key(
            parsed.method,
            device.secret.as_bytes(),
            parsed.product_key,
            parsed.device_name,
            parsed.timestamp,
        );
        Some((id, key))
    }

    /// Enables or disables a device; says whether there is one of this name.
    pub(crate) fn set_disabled(&mut self, id: &DeviceId, disabled: bool) -> bool {
        let Some(device) = self.devices.get_mut(id) else {
            return false;
        };
        device.disabled = disabled;
        true
    }

    /// Makes tokens unknown: those of one device, or all.
    pub(crate) fn revoke_tokens(&mut self, device: Option<&DeviceId>) {
        self.sessions.revoke(device);
    }

    /// Ends the life of tokens: those of one device, or all.
    pub(crate) fn expire_tokens(&mut self, now: UnixMillis, device: Option<&DeviceId>) {
        self.sessions.expire(now, device);
    }

    /// Forgets all that devices have brought about, as a restart without a database does.
    pub(crate) fn forget_all(&mut self) -> Result<(), ErrorStack> {
        self.sessions = Sessions::default();
        self.buckets.clear();
        self.issuer.renew_key()
    }

    /// From now on issues this token, or fresh ones again.
    pub(crate) fn pin_token(&mut self, token: Option<Secret>) {
        self.issuer.pinned = token;
    }

    /// Life of the tokens to come.
    pub(crate) fn set_token_lifetime(&mut self, lifetime: Duration) {
        self.issuer.life = lifetime;
    }

    /// Life and style of the tokens to come.
    pub(crate) fn set_tokens(&mut self, style: TokenStyle, life: Duration) {
        self.issuer.style = style;
        self.issuer.life = life;
    }

    fn next_cloud_id(&mut self) -> u64 {
        self.next_cloud_id += 1;
        self.next_cloud_id
    }
}

/// A failed attempt, with what was known by then.
struct Failed {
    refusal: Refusal,
    device: Option<DeviceId>,
    delivery: Delivery,
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Failed {
            refusal,
            device: None,
            delivery: Delivery::default(),
        }
    }
}

/// A refusal of anything but an authentication.
fn refused(device: Option<DeviceId>, refusal: Refusal) -> Verdict {
    Verdict {
        answer: Answer::refusing(&refusal),
        outcome: Outcome::Refused { device, refusal },
        delivery: Delivery::default(),
        seal: None,
    }
}

#[cfg(test)]
mod tests;
