//! What a device keeps while it is without power: a session as bytes, and back.
//!
//! The bytes hold keys and the token, and whoever can change them changes the session: storing them safely is
//! the program's part. They are read strictly all the same, for storage ages. In this order, integers big-endian:
//!
//! | bytes | meaning |
//! |---|---|
//! | 4, 1 | "IOTX", version |
//! | 8 | the first eight bytes of SHA-256 over all that follows: against storage that ages |
//! | 3 × (2 + n) | endpoint as a URL, product key, device name: whose session it is |
//! | 1 | the token option that has proved right; 0: none has yet |
//! | 4 | sequence number of symmetric sessions |
//! | 14 | what the message layer has used up: message ids and tokens ([`coap::Snapshot`]) |
//! | 2 + n | token; empty: there is none |
//! | 8 | what is left of its lifetime, in ms |
//! | 2 + n | the cloud's share of the payload key of symmetric sessions |
//! | 2 + n | the DTLS session |

use super::endpoint::TokenOption;
use crate::cloud_auth::{MAX_RANDOM_LEN, MAX_TOKEN_LEN};
use crate::coap;
use core::fmt;
use core::time::Duration;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const MAGIC: [u8; 4] = *b"IOTX";
const VERSION: u8 = 1;
const DIGEST_LEN: usize = 8;
const HEAD_LEN: usize = MAGIC.len() + 1 + DIGEST_LEN;

/// Why saved bytes are no session of this client. Nothing has been sent then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// Not what [`Client::save`](super::Client::save) returned, or not all of it.
    Damaged,
    /// Saved by a release of this library that writes them otherwise.
    Version,
    /// The session of another device.
    OtherDevice,
    /// The session with another server.
    OtherEndpoint,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "the saved session is damaged",
            Self::Version => "the session was saved by another release",
            Self::OtherDevice => "the saved session is another device's",
            Self::OtherEndpoint => "the saved session is one with another server",
        })
    }
}

impl std::error::Error for SnapshotError {}

/// A session between two wakes.
#[derive(PartialEq, Eq)]
pub(super) struct Snapshot<'a> {
    pub(super) endpoint: &'a str,
    pub(super) product_key: &'a str,
    pub(super) device_name: &'a str,
    /// The token option that has proved right.
    pub(super) token_option: Option<TokenOption>,
    pub(super) seq: u32,
    /// The message layer's own.
    pub(super) layer: coap::Snapshot,
    pub(super) grant: Option<SavedGrant<'a>>,
    /// Empty where there is none.
    pub(super) dtls: &'a [u8],
}

/// A token and what goes with it.
#[derive(PartialEq, Eq)]
pub(super) struct SavedGrant<'a> {
    pub(super) token: &'a str,
    pub(super) lifetime_left: Duration,
    /// The cloud's share of the key of symmetric sessions; empty in others.
    pub(super) random: &'a str,
}

impl fmt::Debug for Snapshot<'_> {
    /// Without the token, and without the DTLS session, which holds the master secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("endpoint", &self.endpoint)
            .field("product_key", &self.product_key)
            .field("device_name", &self.device_name)
            .finish_non_exhaustive()
    }
}

impl<'a> Snapshot<'a> {
    /// The bytes to keep; `None` when a part is longer than they can tell.
    pub(super) fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let grant = self.grant.as_ref();
        let (token, random) = grant.map_or(("", ""), |grant| (grant.token, grant.random));
        let lifetime_left = grant.map_or(Duration::ZERO, |grant| grant.lifetime_left);
        let texts = [self.endpoint, self.product_key, self.device_name];
        let variable: usize = texts.iter().map(|text| text.len()).sum();
        let len = HEAD_LEN + variable + token.len() + random.len() + self.dtls.len() + 64;
        // All at once: a growing Vec frees its old memory as it is, and the secrets with it.
        let mut out = Zeroizing::new(Vec::with_capacity(len));
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&[0; DIGEST_LEN]);
        for text in texts {
            put(&mut out, text.as_bytes())?;
        }
        out.push(match self.token_option {
            None => 0,
            Some(TokenOption::Number61) => 1,
            Some(TokenOption::Number2088) => 2,
        });
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.layer.to_bytes());
        put(&mut out, token.as_bytes())?;
        let millis = u64::try_from(lifetime_left.as_millis()).unwrap_or(u64::MAX);
        out.extend_from_slice(&millis.to_be_bytes());
        put(&mut out, random.as_bytes())?;
        put(&mut out, self.dtls)?;
        let digest = digest(&out[HEAD_LEN..]);
        out[HEAD_LEN - DIGEST_LEN..HEAD_LEN].copy_from_slice(&digest);
        Some(out)
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, SnapshotError> {
        let mut reader = Reader(bytes);
        if reader.array()? != MAGIC {
            return Err(SnapshotError::Damaged);
        }
        if reader.array()? != [VERSION] {
            return Err(SnapshotError::Version);
        }
        let expected: [u8; DIGEST_LEN] = reader.array()?;
        if expected != digest(reader.0) {
            return Err(SnapshotError::Damaged);
        }
        let (endpoint, product_key, device_name) = (reader.text()?, reader.text()?, reader.text()?);
        let token_option = match reader.array()? {
            [0] => None,
            [1] => Some(TokenOption::Number61),
            [2] => Some(TokenOption::Number2088),
            [_] => return Err(SnapshotError::Damaged),
        };
        let seq = u32::from_be_bytes(reader.array()?);
        let layer = coap::Snapshot::from_bytes(reader.array()?);
        let token = reader.text()?;
        let lifetime_left = Duration::from_millis(u64::from_be_bytes(reader.array()?));
        let random = reader.text()?;
        let dtls = reader.bytes()?;
        let plausible = token.len() <= MAX_TOKEN_LEN
            && !token.contains(char::is_control)
            && random.len() <= MAX_RANDOM_LEN;
        if !reader.0.is_empty() || !plausible {
            return Err(SnapshotError::Damaged);
        }
        Ok(Self {
            endpoint,
            product_key,
            device_name,
            token_option,
            seq,
            layer,
            grant: (!token.is_empty()).then_some(SavedGrant {
                token,
                lifetime_left,
                random,
            }),
            dtls,
        })
    }
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_LEN] {
    let digest = Sha256::digest(bytes);
    core::array::from_fn(|n| digest[n])
}

/// Appends the length in two bytes, and the bytes.
fn put(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(*array)
    }

    fn bytes(&mut self) -> Result<&'a [u8], SnapshotError> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<&'a str, SnapshotError> {
        str::from_utf8(self.bytes()?).map_err(|_| SnapshotError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Snapshot<'static> {
        Snapshot {
            endpoint: "coaps://h:5684",
            product_key: "pk",
            device_name: "dn",
            token_option: Some(TokenOption::Number2088),
            seq: 0x0102_0304,
            layer: coap::Snapshot::from_bytes([9; 14]),
            grant: Some(SavedGrant {
                token: "tok",
                lifetime_left: Duration::from_millis(172_800_000),
                random: "ad2b3a5eb51d64f7",
            }),
            dtls: &[7; 300],
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let shown = format!("{:?}", sample());
        assert!(shown.contains("coaps://h:5684"), "{shown}");
        for secret in ["tok", "ad2b", "7, 7"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    /// Makes the digest right again, so that the reader behind it is reached.
    fn seal(bytes: &mut [u8]) {
        let digest = digest(&bytes[HEAD_LEN..]);
        bytes[HEAD_LEN - DIGEST_LEN..HEAD_LEN].copy_from_slice(&digest);
    }

    #[test]
    fn what_is_written_is_read() {
        let sample = sample();
        let bytes = sample.encode().unwrap();
        assert_eq!(Snapshot::decode(&bytes), Ok(sample));
        let empty = Snapshot {
            grant: None,
            token_option: None,
            dtls: &[],
            ..self::sample()
        };
        assert_eq!(Snapshot::decode(&empty.encode().unwrap()), Ok(empty));
    }

    #[test]
    fn the_bytes_are_written_into_memory_that_never_moves() {
        let bytes = sample().encode().unwrap();
        let len = HEAD_LEN + 14 + 4 + 3 + 16 + 300 + 64;
        assert_eq!(bytes.capacity(), len);
    }

    #[test]
    fn every_truncation_every_changed_byte_and_every_appended_one_is_damage() {
        let bytes = sample().encode().unwrap();
        for len in 0..bytes.len() {
            let cut = Snapshot::decode(&bytes[..len]);
            assert_eq!(cut, Err(SnapshotError::Damaged), "{len}");
        }
        for index in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[index] ^= 0x10;
            let expected = if index == 4 {
                SnapshotError::Version
            } else {
                SnapshotError::Damaged
            };
            assert_eq!(Snapshot::decode(&changed), Err(expected), "{index}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert_eq!(Snapshot::decode(&longer), Err(SnapshotError::Damaged));
        seal(&mut longer);
        assert_eq!(Snapshot::decode(&longer), Err(SnapshotError::Damaged));
    }

    #[test]
    fn any_bytes_behind_a_right_digest_are_read_without_a_panic_and_only_whole() {
        let original = sample().encode().unwrap();
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut draw = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        let mut read = 0;
        for _ in 0..if cfg!(miri) { 200 } else { 20_000 } {
            let mut bytes = original.to_vec();
            for _ in 0..1 + draw() % 3 {
                let index = HEAD_LEN + draw() % (bytes.len() - HEAD_LEN);
                match draw() % 4 {
                    0 => bytes[index] = draw() as u8,
                    1 => bytes.truncate(index.max(HEAD_LEN + 1)),
                    2 => bytes.insert(index, draw() as u8),
                    _ => drop(bytes.remove(index)),
                }
                if bytes.len() <= HEAD_LEN + 1 {
                    break;
                }
            }
            seal(&mut bytes);
            if let Ok(snapshot) = Snapshot::decode(&bytes) {
                read += 1;
                let again = snapshot.encode().map(|again| again.to_vec());
                // A lifetime without a token is the one thing that is not kept.
                assert!(snapshot.grant.is_none() || again.as_ref() == Some(&bytes));
            }
        }
        assert!(read > 10, "the generator must reach the end of the reader");
    }
}
