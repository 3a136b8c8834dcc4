//! A fatal alert in the middle of a session. OpenSSL sends one when it is of that opinion and cannot
//! be told to, so this builds the record itself: keys from the master secret (RFC 5246 sections 5 and
//! 6.3), protection by the suite (6.2.3), header of DTLS (RFC 6347 section 4.1).

use openssl::cipher::{Cipher as EvpCipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::sign::Signer;
use openssl::ssl::SslRef;
use openssl::symm::{Cipher, Crypter, Mode, encrypt_aead};
use zeroize::Zeroizing;

const CONTENT_ALERT: u8 = 21;
const DTLS_1_2: [u8; 2] = [0xFE, 0xFD];
/// Level fatal, description internal_error.
const INTERNAL_ERROR: [u8; 2] = [2, 80];
/// Length of the part of a nonce that is not sent, in GCM and CCM.
const IMPLICIT: usize = 4;

type Secret = Zeroizing<Vec<u8>>;

/// How a suite protects records.
#[derive(Clone, Copy)]
enum Protection {
    /// MAC, then CBC (RFC 5246 section 6.2.3.2).
    Cbc(Cipher, MessageDigest),
    /// GCM.
    Gcm(Cipher),
    /// CCM with a tag of this length, all with keys of 128 bits.
    Ccm(usize),
    /// ChaCha20-Poly1305 (RFC 7905).
    ChaCha(Cipher),
}

impl Protection {
    /// By the IANA name of the suite.
    fn of(suite: &str) -> Option<Self> {
        let (_, name) = suite.split_once("_WITH_")?;
        Some(match name {
            "AES_128_CBC_SHA" => Protection::Cbc(Cipher::aes_128_cbc(), MessageDigest::sha1()),
            "AES_256_CBC_SHA" => Protection::Cbc(Cipher::aes_256_cbc(), MessageDigest::sha1()),
            "AES_128_CBC_SHA256" => Protection::Cbc(Cipher::aes_128_cbc(), MessageDigest::sha256()),
            "AES_256_CBC_SHA256" => Protection::Cbc(Cipher::aes_256_cbc(), MessageDigest::sha256()),
            "AES_128_GCM_SHA256" => Protection::Gcm(Cipher::aes_128_gcm()),
            "AES_256_GCM_SHA384" => Protection::Gcm(Cipher::aes_256_gcm()),
            "AES_128_CCM" => Protection::Ccm(16),
            "AES_128_CCM_8" => Protection::Ccm(8),
            "CHACHA20_POLY1305_SHA256" => Protection::ChaCha(Cipher::chacha20_poly1305()),
            _ => return None,
        })
    }

    /// Lengths of MAC key, key and implicit nonce.
    fn key_lengths(self) -> [usize; 3] {
        match self {
            Protection::Cbc(cipher, digest) => [digest.size(), cipher.key_len(), 0],
            Protection::Gcm(cipher) => [0, cipher.key_len(), IMPLICIT],
            Protection::Ccm(_) => [0, 16, IMPLICIT],
            Protection::ChaCha(cipher) => [0, cipher.key_len(), 12],
        }
    }

    /// The body of a record: `content` protected.
    fn seal(self, keys: &Keys, head: &Head, content: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        match self {
            Protection::Cbc(cipher, digest) => {
                let key = PKey::hmac(&keys.mac)?;
                let mut signer = Signer::new(digest, &key)?;
                signer.update(&head.authenticated(content.len()))?;
                let mac = signer.sign_oneshot_to_vec(content)?;
                let mut plain = [content, &mac].concat();
                let block = cipher.block_size();
                let padding = block - 1 - plain.len() % block;
                plain.extend(vec![padding as u8; padding + 1]);
                let mut iv = [0; 16];
                rand_bytes(&mut iv)?;
                let mut crypter = Crypter::new(cipher, Mode::Encrypt, &keys.key, Some(&iv))?;
                crypter.pad(false);
                let mut sealed = vec![0; plain.len() + block];
                let mut len = crypter.update(&plain, &mut sealed)?;
                len += crypter.finalize(&mut sealed[len..])?;
                Ok([&iv[..], &sealed[..len]].concat())
            }
            Protection::Gcm(cipher) => {
                let body = aead(cipher, keys, &keys.nonce(head), head, content, 16)?;
                Ok([&head.number[..], &body].concat())
            }
            Protection::Ccm(tag) => {
                let cipher = EvpCipher::aes_128_ccm();
                let body = ccm(cipher, keys, &keys.nonce(head), head, content, tag)?;
                Ok([&head.number[..], &body].concat())
            }
            Protection::ChaCha(cipher) => {
                let mut nonce = keys.iv.to_vec();
                for (byte, number) in nonce[4..].iter_mut().zip(head.number) {
                    *byte ^= number;
                }
                aead(cipher, keys, &nonce, head, content, 16)
            }
        }
    }
}

fn aead(
    cipher: Cipher,
    keys: &Keys,
    nonce: &[u8],
    head: &Head,
    content: &[u8],
    tag: usize,
) -> Result<Vec<u8>, ErrorStack> {
    let mut tag = vec![0; tag];
    let additional = head.authenticated(content.len());
    let sealed = encrypt_aead(
        cipher,
        &keys.key,
        Some(nonce),
        &additional,
        content,
        &mut tag,
    )?;
    Ok([sealed, tag].concat())
}

/// The same with CCM, where OpenSSL wants to know the length of the tag before it sees the key;
/// `encrypt_aead` tells it after.
fn ccm(
    cipher: &CipherRef,
    keys: &Keys,
    nonce: &[u8],
    head: &Head,
    content: &[u8],
    tag: usize,
) -> Result<Vec<u8>, ErrorStack> {
    let mut context = CipherCtx::new()?;
    context.encrypt_init(Some(cipher), None, None)?;
    context.set_iv_length(nonce.len())?;
    context.set_tag_length(tag)?;
    context.encrypt_init(None, Some(&keys.key), Some(nonce))?;
    context.set_data_len(content.len())?;
    context.cipher_update(&head.authenticated(content.len()), None)?;
    let mut sealed = Vec::new();
    context.cipher_update_vec(content, &mut sealed)?;
    context.cipher_final_vec(&mut sealed)?;
    let mut tag = vec![0; tag];
    context.tag(&mut tag)?;
    Ok([sealed, tag].concat())
}

/// Of the server's side.
struct Keys {
    mac: Secret,
    key: Secret,
    iv: Secret,
}

impl Keys {
    /// The nonce of GCM (RFC 5288) and CCM (RFC 6655); its second half is sent along.
    fn nonce(&self, head: &Head) -> Vec<u8> {
        [&self.iv[..], &head.number].concat()
    }

    fn derive(ssl: &SslRef, suite: &str, lengths: [usize; 3]) -> Result<Option<Self>, ErrorStack> {
        let Some(session) = ssl.session() else {
            return Ok(None);
        };
        let mut master = Zeroizing::new(vec![0; session.master_key_len()]);
        session.master_key(&mut master);
        let mut seed = b"key expansion".to_vec();
        let mut random = [0; 32];
        ssl.server_random(&mut random);
        seed.extend(random);
        ssl.client_random(&mut random);
        seed.extend(random);
        let digest = if suite.ends_with("_SHA384") {
            MessageDigest::sha384()
        } else {
            MessageDigest::sha256()
        };
        let block = expand(&master, &seed, digest, 2 * lengths.iter().sum::<usize>())?;
        // Each length twice: the client's first, then the server's.
        let mut at = 0;
        let [mac, key, iv] = lengths.map(|len| {
            at += 2 * len;
            Zeroizing::new(block[at - len..at].to_vec())
        });
        Ok(Some(Keys { mac, key, iv }))
    }
}

/// `P_hash` of RFC 5246 section 5.
fn expand(
    secret: &[u8],
    seed: &[u8],
    digest: MessageDigest,
    len: usize,
) -> Result<Secret, ErrorStack> {
    let key = PKey::hmac(secret)?;
    let hmac = |parts: &[&[u8]]| -> Result<Secret, ErrorStack> {
        let mut signer = Signer::new(digest, &key)?;
        for part in parts {
            signer.update(part)?;
        }
        signer.sign_to_vec().map(Zeroizing::new)
    };
    let mut block = Zeroizing::new(Vec::with_capacity(len + digest.size()));
    let mut a = hmac(&[seed])?;
    while block.len() < len {
        block.extend_from_slice(&hmac(&[&a, seed])?);
        a = hmac(&[&a])?;
    }
    Ok(block)
}

/// What a record says before its body.
struct Head {
    /// Epoch and sequence number.
    number: [u8; 8],
}

impl Head {
    /// What the MAC covers besides the content.
    fn authenticated(&self, len: usize) -> Vec<u8> {
        let mut head = self.number.to_vec();
        head.push(CONTENT_ALERT);
        head.extend(DTLS_1_2);
        head.extend((len as u16).to_be_bytes());
        head
    }
}

/// The datagram with the alert, to be sent as the record of this number (epoch and sequence number).
/// `None` if the session is not one of DTLS 1.2 with a suite that this cloud offers.
///
/// # Errors
/// What OpenSSL reports.
pub(super) fn fatal(ssl: &SslRef, number: u64) -> Result<Option<Vec<u8>>, ErrorStack> {
    let suite = ssl.current_cipher().and_then(|it| it.standard_name());
    let Some(suite) = suite.filter(|_| ssl.version_str() == "DTLSv1.2") else {
        return Ok(None);
    };
    let Some(protection) = Protection::of(suite) else {
        return Ok(None);
    };
    let Some(keys) = Keys::derive(ssl, suite, protection.key_lengths())? else {
        return Ok(None);
    };
    let number = number.to_be_bytes();
    let body = protection.seal(&keys, &Head { number }, &INTERNAL_ERROR)?;
    let mut datagram = vec![CONTENT_ALERT];
    datagram.extend(DTLS_1_2);
    datagram.extend(number);
    datagram.extend((body.len() as u16).to_be_bytes());
    datagram.extend(body);
    Ok(Some(datagram))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expansion_is_that_of_the_published_vector() {
        // The test vector for P_SHA256 in the IETF TLS list's archive, in common use.
        let secret = hex("9bbe436ba940f017b17652849a71db35");
        let seed = [
            b"test label".to_vec(),
            hex("a0ba9f936cda311827a6f796ffd5198c"),
        ]
        .concat();
        let out = expand(&secret, &seed, MessageDigest::sha256(), 100).unwrap();
        assert_eq!(out[..16], hex("e3f229ba727be17b8d122620557cd453")[..]);
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }
}
