//! Stateless cookies for HelloVerifyRequest (RFC 6347 section 4.2.1).
//!
//! A cookie is the first half of `HMAC-SHA256(secret, slot || peer address)`. The slot is a coarse counter
//! of time, so that cookies collected by an attacker stop working after [`SLOT`] to twice that. It is
//! not sent: there are but two that a cookie can be of.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::sign::Signer;
use zeroize::Zeroizing;

const SLOT: Duration = Duration::from_secs(60);
/// A handshake carries the cookie twice. Half of the MAC is as much as RFC 2104 section 5 wants to be left, and
/// 128 bits are more than anybody can guess in two minutes.
const LEN: usize = 16;

/// Makes and checks cookies; shared by all sessions of one server.
pub(super) struct Cookies {
    key: PKey<Private>,
    epoch: Instant,
}

impl Cookies {
    pub(super) fn new() -> Result<Self, ErrorStack> {
        let mut key = Zeroizing::new([0; 32]);
        rand_bytes(&mut *key)?;
        Ok(Cookies {
            key: PKey::hmac(&*key)?,
            epoch: Instant::now(),
        })
    }

    /// Writes the cookie for `peer` and returns its length.
    pub(super) fn generate(
        &self,
        now: Instant,
        peer: SocketAddr,
        out: &mut [u8],
    ) -> Result<usize, ErrorStack> {
        let cookie = self.cookie(self.slot(now), peer)?;
        match out.get_mut(..LEN) {
            Some(room) => {
                room.copy_from_slice(&cookie);
                Ok(LEN)
            }
            None => Ok(0),
        }
    }

    /// Whether `cookie` was made for `peer` in this slot or the one before.
    pub(super) fn verify(&self, now: Instant, peer: SocketAddr, cookie: &[u8]) -> bool {
        let current = self.slot(now);
        let made_in = |slot| {
            let expected = self.cookie(slot, peer);
            expected.is_ok_and(|expected| memcmp::eq(&expected, cookie))
        };
        // `memcmp::eq` takes slices of one length.
        cookie.len() == LEN && (made_in(current) || current.checked_sub(1).is_some_and(made_in))
    }

    fn slot(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_secs() / SLOT.as_secs()
    }

    fn cookie(&self, slot: u64, peer: SocketAddr) -> Result<[u8; LEN], ErrorStack> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key)?;
        signer.update(&slot.to_be_bytes())?;
        match peer.ip() {
            IpAddr::V4(ip) => signer.update(&ip.octets())?,
            IpAddr::V6(ip) => signer.update(&ip.octets())?,
        }
        signer.update(&peer.port().to_be_bytes())?;
        let mut mac = [0; 32];
        signer.sign(&mut mac)?;
        let mut cookie = [0; LEN];
        cookie.copy_from_slice(&mac[..LEN]);
        Ok(cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_belongs_to_one_address_and_a_short_time() {
        let cookies = Cookies::new().unwrap();
        let now = cookies.epoch;
        let peer: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        let mut cookie = [0; 255];
        let len = cookies.generate(now, peer, &mut cookie).unwrap();
        let cookie = &cookie[..len];

        assert!(cookies.verify(now, peer, cookie));
        assert!(cookies.verify(now + SLOT, peer, cookie));
        assert!(!cookies.verify(now + 2 * SLOT, peer, cookie));
        assert!(!cookies.verify(now, "127.0.0.1:4001".parse().unwrap(), cookie));
        assert!(!cookies.verify(now, "[::1]:4000".parse().unwrap(), cookie));
        assert!(!Cookies::new().unwrap().verify(now, peer, cookie));

        let mut flipped = cookie.to_vec();
        flipped[len - 1] ^= 1;
        assert!(!cookies.verify(now, peer, &flipped));
        assert!(!cookies.verify(now, peer, &cookie[..len - 1]));
        assert!(!cookies.verify(now, peer, b""));
        assert!(!cookies.verify(now, peer, &[cookie, &[0]].concat()));
    }
}
