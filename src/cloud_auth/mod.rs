//! What the cloud asks of a device beyond CoAP itself: who it is, and, in the symmetric mode, how
//! its payloads are hidden.
//!
//! | module | subject |
//! |---|---|
//! | `sign` | the HMAC over the parameters of a request |
//! | `request` | the payload of `POST /auth` |
//! | `answer` | the payload of its 2.05 answer: the token, and the grant of the symmetric mode |
//! | `symmetric` | the session key of the symmetric mode, payload and sequence number encryption |
//! | [`dtls_psk`] | identity and key of a DTLS handshake with a pre-shared key |
//! | `secret` | text that is wiped after use and never printed |
//!
//! "Symmetric" is the cloud's name for the scheme that the C SDK calls *coap-psk*: plain CoAP over
//! UDP with AES-encrypted payloads. It has nothing to do with DTLS-PSK, which is [`dtls_psk`].
//!
//! Bytes in, bytes out: nothing here does I/O, logs, or keeps state between calls (apart from the
//! cipher that a [`SessionKey`] keeps warm). Both ends of the conversation use these functions; the
//! cloud's end verifies with the ones that the device's end signs with. OpenSSL is named in the
//! `crypto` submodule only.

#![forbid(unsafe_code)]

mod answer;
mod crypto;
mod decimal;
pub mod dtls_psk;
mod request;
mod secret;
mod sign;
mod symmetric;
#[cfg(test)]
mod testing;

pub use answer::{
    AnswerError, AuthAnswer, MAX_RANDOM_LEN, MAX_TOKEN_LEN, SymmetricGrant, parse_answer,
};
pub use crypto::CipherError;
pub use request::{AuthRequest, Encoding};
pub use secret::Secret;
pub use sign::{SignMethod, Signature, sign_parameters};
pub use symmetric::{DecryptError, SessionKey};
