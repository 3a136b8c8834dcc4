//! `POST /auth`: from signed parameters to a token.

use std::sync::Arc;

use iotx_coap::cloud_auth::{Secret, SessionKey, SignMethod, sign_parameters};
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use serde::Serialize;

use super::answer::Answer;
use super::limits::SeqSet;
use super::params::{Encoding, Params};
use super::refusal::Refusal;
use super::request::Request;
use super::sessions::{Session, Symmetric};
use super::{Context, Failed, Outcome, Overload, Platform, Verdict};
use crate::code::Code;
use crate::devices::DeviceId;
use crate::endpoint::Transport;
use crate::message::Delivery;
use crate::token::hex;

const MAX_CLIENT_ID: usize = 64;

impl From<ErrorStack> for Failed {
    fn from(error: ErrorStack) -> Self {
        log::error!("authentication backend: {error}");
        Refusal::Overload.into()
    }
}

/// The 2.05 payload; the members in the order in which the service was seen to send them.
#[derive(Serialize)]
struct Granted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    random: Option<&'a str>,
    #[serde(rename = "seqOffset", skip_serializing_if = "Option::is_none")]
    seq_offset: Option<u32>,
    token: &'a str,
}

impl Platform {
    pub(super) fn authenticate(&mut self, context: &Context<'_>, request: &Request) -> Verdict {
        self.try_authenticate(context, request)
            .unwrap_or_else(|failed| Verdict {
                answer: Answer::refusing(&failed.refusal),
                outcome: Outcome::AuthRefused {
                    device: failed.device,
                    refusal: failed.refusal,
                },
                delivery: failed.delivery,
                seal: None,
            })
    }

    fn try_authenticate(
        &mut self,
        context: &Context<'_>,
        request: &Request,
    ) -> Result<Verdict, Failed> {
        request.check_method()?;
        let encoding = request
            .content_format()
            .and_then(Encoding::from_format)
            .ok_or(Refusal::UnsupportedFormat)?;
        let answer_in = match request.accept() {
            None => encoding,
            Some(format) => Encoding::from_format(format).ok_or(Refusal::NotAcceptable)?,
        };
        let params = Params::read(request.payload(), encoding)?;
        let delivery = delivery(&params)?;
        let failed = |refusal, device: &DeviceId| Failed {
            refusal,
            device: Some(device.clone()),
            delivery,
        };
        let id = DeviceId::new(params.require("productKey")?, params.require("deviceName")?);
        let wanted = Wanted::read(&params).map_err(|refusal| failed(refusal, &id))?;
        if self.overload != Overload::Off {
            return Err(failed(Refusal::Overload, &id));
        }
        let device = self
            .devices
            .get(&id)
            .ok_or_else(|| failed(Refusal::UnknownDevice, &id))?;
        let expected = sign_parameters(wanted.method, device.secret.as_bytes(), params.iter());
        if !expected.matches_ignore_case(wanted.sign) {
            return Err(failed(Refusal::WrongSign, &id));
        }
        if device.disabled {
            return Err(failed(Refusal::DeviceDisabled, &id));
        }
        if !context.session_admits(&id) {
            return Err(failed(Refusal::OtherDevicesSession, &id));
        }
        // The documents know no `seq` in DTLS: it is signed like any parameter and has no effect.
        let symmetric = wanted.seq.is_some() && context.transport != Transport::Dtls;
        let (owner, secret) = (Arc::clone(&device.id), device.secret.clone());
        let (payload, session) =
            self.grant(context, owner, &secret, symmetric, delivery, answer_in)?;
        let outcome = Outcome::Authenticated {
            device: session,
            symmetric,
            method: wanted.method,
            encoding,
        };
        // Seen in the field without any option, so without a Content-Format.
        let answer = Answer::new(Code::CONTENT, payload);
        Ok(Verdict {
            answer,
            outcome,
            delivery,
            seal: None,
        })
    }

    /// Issues the token, opens the session and writes the answer.
    fn grant(
        &mut self,
        context: &Context<'_>,
        device: Arc<DeviceId>,
        secret: &Secret,
        symmetric: bool,
        delivery: Delivery,
        encoding: Encoding,
    ) -> Result<(Vec<u8>, DeviceId), ErrorStack> {
        let (token, expires) = self.issuer.issue(context.now)?;
        let random = match (&self.settings.random, symmetric) {
            (_, false) => None,
            (Some(pinned), true) => Some(pinned.clone()),
            (None, true) => {
                let mut bytes = [0; 8];
                rand_bytes(&mut bytes)?;
                Some(hex(&bytes))
            }
        };
        let seq_offset = self.settings.seq_offset;
        let granted = Granted {
            random: random.as_deref(),
            seq_offset: random.as_ref().map(|_| seq_offset),
            token: token.as_str(),
        };
        let payload = granted.encode(encoding);
        let symmetric = random.map(|random| Symmetric {
            key: Arc::new(SessionKey::derive(secret.as_bytes(), &random)),
            seq_offset,
            used: SeqSet::default(),
        });
        let id = (*device).clone();
        let session = Session {
            device,
            expires,
            delivery,
            symmetric,
        };
        self.sessions.add(context.now, token.as_bytes(), session);
        Ok((payload, id))
    }
}

/// The parameters that decide, checked for form.
struct Wanted<'a> {
    sign: &'a str,
    method: SignMethod,
    seq: Option<u32>,
}

impl<'a> Wanted<'a> {
    fn read(params: &'a Params) -> Result<Self, Refusal> {
        let client_id = params.require("clientId")?;
        if client_id.chars().count() > MAX_CLIENT_ID {
            return Err(Refusal::ClientIdTooLong);
        }
        let sign = params.require("sign")?;
        let method = match params.get("signmethod") {
            None => SignMethod::default(),
            Some(name) => SignMethod::from_name(name).ok_or(Refusal::UnknownSignMethod)?,
        };
        let seq = match params.get("seq") {
            None => None,
            Some(text) => Some(decimal(text).ok_or(Refusal::BadParameter("seq"))?),
        };
        Ok(Wanted { sign, method, seq })
    }
}

/// Digits only: `parse` alone would let a plus sign pass.
fn decimal(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn delivery(params: &Params) -> Result<Delivery, Refusal> {
    match params.get("ackMode") {
        None | Some("0") => Ok(Delivery::Piggybacked),
        Some("1") => Ok(Delivery::Separate),
        Some(_) => Err(Refusal::BadParameter("ackMode")),
    }
}

impl Granted<'_> {
    fn encode(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => serde_json::to_vec(self).unwrap_or_default(),
            Encoding::Cbor => {
                let mut bytes = Vec::new();
                let mut encoder = minicbor::Encoder::new(&mut bytes);
                let members = if self.random.is_some() { 3 } else { 1 };
                let mut write = || {
                    encoder.map(members)?;
                    if let (Some(random), Some(seq_offset)) = (self.random, self.seq_offset) {
                        encoder
                            .str("random")?
                            .str(random)?
                            .str("seqOffset")?
                            .u32(seq_offset)?;
                    }
                    encoder.str("token")?.str(self.token)?.ok()
                };
                // Writing to a Vec does not fail.
                let _: Result<(), minicbor::encode::Error<std::convert::Infallible>> = write();
                bytes
            }
        }
    }
}
