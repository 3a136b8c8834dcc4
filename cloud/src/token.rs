//! Tokens: making them, and telling a genuine one from a forgery.

use std::collections::BTreeSet;
use std::time::Duration;

use iotx_coap::cloud_auth::Secret;
use openssl::base64;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::sign::Signer;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::UnixMillis;

/// What tokens look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenStyle {
    /// `payload.signature`, as in the vendor's document of 2017: 126 characters, made from
    /// `{"token":"<32 hex digits>","exp":<seconds>}` and HMAC-SHA256, both in base64url.
    #[default]
    Signed,
    /// A JSON Web Token (RFC 7519) of three parts, 163 characters.
    Jwt,
    /// Random letters and digits of this length; 32 is what a published console log shows.
    Random(usize),
}

/// The part before the signature of [`TokenStyle::Jwt`]: `{"alg":"HS256","typ":"JWT"}`.
const JWT_HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

/// What a token says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inspection {
    /// No token of this length has been issued.
    WrongLength,
    /// Not issued with this key.
    Forged,
    /// Issued here; its life is over.
    Expired,
    /// Issued here and alive, so far as the text tells.
    Genuine,
}

#[derive(Deserialize)]
struct Claims {
    exp: u64,
}

pub(crate) struct Issuer {
    key: PKey<Private>,
    pub(crate) style: TokenStyle,
    pub(crate) life: Duration,
    /// The next tokens, for tests that need to know them.
    pub(crate) pinned: Option<Secret>,
    lengths: BTreeSet<usize>,
}

impl Issuer {
    pub(crate) fn new(style: TokenStyle, life: Duration) -> Result<Self, ErrorStack> {
        let mut issuer = Issuer {
            key: new_key()?,
            style,
            life,
            pinned: None,
            lengths: BTreeSet::new(),
        };
        // Before the first device authenticates, the length of a token is known already.
        let sample = issuer.make(UnixMillis(1_700_000_000_000))?;
        issuer.lengths.insert(sample.as_bytes().len());
        Ok(issuer)
    }

    /// Makes forgeries of all tokens issued so far.
    pub(crate) fn renew_key(&mut self) -> Result<(), ErrorStack> {
        self.key = new_key()?;
        Ok(())
    }

    /// A new token and the instant its life ends.
    pub(crate) fn issue(&mut self, now: UnixMillis) -> Result<(Secret, UnixMillis), ErrorStack> {
        let expires = now.plus(self.life);
        let token = match &self.pinned {
            Some(pinned) => pinned.clone(),
            None => self.make(expires)?,
        };
        self.lengths.insert(token.as_bytes().len());
        Ok((token, expires))
    }

    /// Judges a token by its text alone.
    pub(crate) fn inspect(&self, token: &[u8], now: UnixMillis) -> Inspection {
        if !self.lengths.contains(&token.len()) {
            return Inspection::WrongLength;
        }
        match self.claims(token) {
            None => Inspection::Forged,
            Some(claims) if claims.exp <= now.seconds() => Inspection::Expired,
            Some(_) => Inspection::Genuine,
        }
    }

    fn make(&self, expires: UnixMillis) -> Result<Secret, ErrorStack> {
        let header = match self.style {
            TokenStyle::Random(len) => return random_text(len),
            TokenStyle::Signed => "",
            TokenStyle::Jwt => JWT_HEADER,
        };
        let mut id = Zeroizing::new([0; 16]);
        rand_bytes(&mut *id)?;
        let id = Zeroizing::new(hex(&*id));
        let claims = Zeroizing::new(format!(
            "{{\"token\":\"{}\",\"exp\":{}}}",
            *id,
            expires.seconds()
        ));
        let signed = Zeroizing::new(format!("{header}{}", *base64url(claims.as_bytes())));
        let signature = base64url(&self.sign(signed.as_bytes())?);
        Ok(Secret::new(format!("{}.{}", *signed, *signature)))
    }

    fn claims(&self, token: &[u8]) -> Option<Claims> {
        let dot = token.iter().rposition(|byte| *byte == b'.')?;
        let (signed, signature) = (&token[..dot], &token[dot + 1..]);
        let expected = base64url(&self.sign(signed).ok()?);
        if signature.len() != expected.len() || !memcmp::eq(signature, expected.as_bytes()) {
            return None;
        }
        let claims = signed.rsplit(|byte| *byte == b'.').next()?;
        serde_json::from_slice(&unbase64url(claims)?).ok()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        Signer::new(MessageDigest::sha256(), &self.key)?.sign_oneshot_to_vec(bytes)
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let mut key = Zeroizing::new([0; 32]);
    rand_bytes(&mut *key)?;
    PKey::hmac(&*key)
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|d| digit(d.into()))
        .collect()
}

fn digit(value: u32) -> char {
    char::from_digit(value, 16).unwrap_or('0')
}

fn random_text(len: usize) -> Result<Secret, ErrorStack> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = Zeroizing::new(vec![0; len]);
    rand_bytes(&mut bytes)?;
    let text: String = bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte & 63)]))
        .collect();
    Ok(Secret::new(text))
}

fn base64url(bytes: &[u8]) -> Zeroizing<String> {
    let padded = Zeroizing::new(base64::encode_block(bytes));
    let url = padded.trim_end_matches('=').chars().map(|c| match c {
        '+' => '-',
        '/' => '_',
        other => other,
    });
    Zeroizing::new(url.collect())
}

fn unbase64url(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut padded: Zeroizing<String> = Zeroizing::new(String::with_capacity(text.len() + 3));
    for byte in text {
        padded.push(match byte {
            b'-' => '+',
            b'_' => '/',
            other => char::from(*other),
        });
    }
    while !padded.len().is_multiple_of(4) {
        padded.push('=');
    }
    base64::decode_block(&padded).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_500_000_000_000);
    const LIFE: Duration = Duration::from_secs(48 * 3600);

    #[test]
    fn signed_styles_carry_their_own_expiry() {
        for (style, length, parts) in [(TokenStyle::Signed, 126, 2), (TokenStyle::Jwt, 163, 3)] {
            let mut issuer = Issuer::new(style, LIFE).unwrap();
            let (token, expires) = issuer.issue(NOW).unwrap();
            assert_eq!(expires, NOW.plus(LIFE));
            assert_eq!(token.as_str().len(), length);
            assert_eq!(token.as_str().split('.').count(), parts);
            assert!(token.as_str().starts_with("eyJ"));
            let at = |time| issuer.inspect(token.as_bytes(), time);
            assert_eq!(at(NOW), Inspection::Genuine);
            assert_eq!(at(UnixMillis(expires.0 - 1)), Inspection::Genuine);
            assert_eq!(at(expires), Inspection::Expired);
        }
    }

    #[test]
    fn any_change_makes_a_forgery() {
        let mut issuer = Issuer::new(TokenStyle::Signed, LIFE).unwrap();
        let (token, _) = issuer.issue(NOW).unwrap();
        for at in 0..token.as_bytes().len() {
            let mut changed = token.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                issuer.inspect(&changed, NOW),
                Inspection::Forged,
                "byte {at}"
            );
        }
        assert_eq!(issuer.inspect(token.as_bytes(), NOW), Inspection::Genuine);
        issuer.renew_key().unwrap();
        assert_eq!(issuer.inspect(token.as_bytes(), NOW), Inspection::Forged);
        let other = Issuer::new(TokenStyle::Signed, LIFE).unwrap();
        assert_eq!(other.inspect(token.as_bytes(), NOW), Inspection::Forged);
    }

    #[test]
    fn only_issued_lengths_count() {
        let mut issuer = Issuer::new(TokenStyle::Random(32), LIFE).unwrap();
        assert_eq!(issuer.inspect(&[b'x'; 31], NOW), Inspection::WrongLength);
        assert_eq!(issuer.inspect(&[b'x'; 32], NOW), Inspection::Forged);
        issuer.pinned = Some(Secret::new("short"));
        let (token, _) = issuer.issue(NOW).unwrap();
        assert_eq!(token.as_str(), "short");
        assert_eq!(issuer.inspect(b"other", NOW), Inspection::Forged);
        assert_eq!(issuer.inspect(b"", NOW), Inspection::WrongLength);
    }

    #[test]
    fn random_tokens_have_the_length_asked_for() {
        for length in [1, 32, 300, 1025] {
            let mut issuer = Issuer::new(TokenStyle::Random(length), LIFE).unwrap();
            let (one, _) = issuer.issue(NOW).unwrap();
            let (two, _) = issuer.issue(NOW).unwrap();
            assert_eq!(one.as_str().len(), length);
            assert!(length == 1 || !one.ct_eq(two.as_bytes()));
        }
    }
}
