//! Payload encryption of the symmetric mode ("coap-psk" in the C SDK): AES-128 in CBC mode with
//! PKCS#7 padding (RFC 5652, section 6.3), and the same initialisation vector for every message.
//!
//! This is the cloud's scheme, and it is weak: equal payloads look equal, and nothing protects them
//! against change. DTLS is the mode to choose where there is a choice.

use std::error::Error;
use std::fmt;
use std::sync::PoisonError;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::crypto::{Aes128Cbc, BLOCK_LEN, Block, CipherError};
use super::decimal;
use crate::sync::Mutex;

/// The vector that the cloud prescribes.
const IV: &Block = b"543yhjy97ae7fyfg";

/// The part of the digest that becomes the key.
const KEY_START: usize = 8;

/// The key of one authentication, 16 bytes, wiped when dropped.
///
/// The cipher is set up by the first use and kept, so that later messages cost no allocation; one
/// key can be used by several threads.
pub struct SessionKey {
    // Boxed, so that moving the session key leaves no copy of the bytes behind.
    key: Box<Zeroizing<Block>>,
    cipher: Mutex<Option<Aes128Cbc>>,
}

impl SessionKey {
    /// The key that the cloud derives too: bytes 8 to 23 of SHA-256 over the DeviceSecret, a comma
    /// and the `random` of the authentication answer as it was received.
    pub fn derive(device_secret: &[u8], random: &str) -> Self {
        let mut output = Sha256::new()
            .chain_update(device_secret)
            .chain_update(",")
            .chain_update(random)
            .finalize();
        let mut key = Box::new(Zeroizing::new(Block::default()));
        key.copy_from_slice(&output[KEY_START..KEY_START + BLOCK_LEN]);
        output.as_mut_slice().zeroize();
        Self {
            key,
            cipher: Mutex::new(None),
        }
    }

    /// How many bytes `plain` bytes become: the next greater multiple of 16.
    pub const fn encrypted_len(plain: usize) -> usize {
        (plain / BLOCK_LEN + 1) * BLOCK_LEN
    }

    /// The capacity that [`SessionKey::encrypt_into`] needs for `plain` bytes: the cipher works in
    /// one block more than its result has.
    pub const fn encryption_room(plain: usize) -> usize {
        Self::encrypted_len(plain) + BLOCK_LEN
    }

    /// Pads and encrypts `plain` and appends the result, [`SessionKey::encrypted_len`] bytes, to
    /// `out`. Allocates only if `out` has less than [`SessionKey::encryption_room`] left.
    ///
    /// # Errors
    ///
    /// [`CipherError`] if OpenSSL fails; `out` is as before then.
    pub fn encrypt_into(&self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), CipherError> {
        let start = out.len();
        let padded = Self::encrypted_len(plain.len());
        let padding = padded - plain.len();
        out.reserve(Self::encryption_room(plain.len()));
        out.extend_from_slice(plain);
        out.resize(start + padded + BLOCK_LEN, padding as u8);
        let result = self.with_cipher(|cipher| cipher.encrypt(IV, &mut out[start..]));
        if result.is_ok() {
            out.truncate(start + padded);
        } else {
            out[start..].zeroize();
            out.truncate(start);
        }
        result
    }

    /// Decrypts `data` where it lies and returns the length of the plaintext at its start; what
    /// follows up to the end of `data` is padding.
    ///
    /// # Errors
    ///
    /// * [`DecryptError::Length`] and [`DecryptError::Padding`]: `data` cannot have been made by
    ///   [`SessionKey::encrypt_into`] with this key, and **is unchanged**. The cloud may send the
    ///   text of an error in clear; it is still readable then.
    /// * [`DecryptError::Cipher`]: OpenSSL failed; the content of `data` is of no use any more.
    pub fn decrypt_in_place(&self, data: &mut [u8]) -> Result<usize, DecryptError> {
        let Some((rest, last)) = data.split_last_chunk::<BLOCK_LEN>() else {
            return Err(DecryptError::Length);
        };
        if !rest.len().is_multiple_of(BLOCK_LEN) {
            return Err(DecryptError::Length);
        }
        // The last block alone tells whether the padding is right: no need to touch the others.
        let previous = rest.last_chunk().unwrap_or(IV);
        let last = self.with_cipher(|cipher| cipher.decrypt_block(previous, last))?;
        let last = Zeroizing::new(last);
        let padding = padding_len(&last).ok_or(DecryptError::Padding)?;
        if !rest.is_empty() {
            self.with_cipher(|cipher| cipher.decrypt_all_but_last(IV, data))?;
        }
        let last_start = data.len() - BLOCK_LEN;
        data[last_start..].copy_from_slice(&*last);
        Ok(data.len() - padding)
    }

    /// Appends the encrypted sequence number, 16 bytes made from its decimal text, to `out`.
    ///
    /// # Errors
    ///
    /// [`CipherError`] if OpenSSL fails; `out` is as before then.
    pub fn encrypt_seq(&self, seq: u32, out: &mut Vec<u8>) -> Result<(), CipherError> {
        self.encrypt_into(decimal::format(seq, &mut [0; decimal::MAX_DIGITS]), out)
    }

    /// Reads an encrypted sequence number.
    ///
    /// # Errors
    ///
    /// [`DecryptError::Length`] for anything but one block, [`DecryptError::NotASequenceNumber`]
    /// for a block that holds another text than a decimal number of 32 bits, and all that
    /// [`SessionKey::decrypt_in_place`] reports.
    pub fn decrypt_seq(&self, data: &[u8]) -> Result<u32, DecryptError> {
        let mut block: Block = data.try_into().map_err(|_| DecryptError::Length)?;
        let len = self.decrypt_in_place(&mut block)?;
        decimal::parse(&block[..len]).ok_or(DecryptError::NotASequenceNumber)
    }

    fn with_cipher<T>(
        &self,
        run: impl FnOnce(&mut Aes128Cbc) -> Result<T, CipherError>,
    ) -> Result<T, CipherError> {
        let mut slot = self.cipher.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out meanwhile: after an error or a panic the next use starts afresh rather than
        // with a context in an unknown state.
        let mut cipher = match slot.take() {
            Some(cipher) => cipher,
            None => Aes128Cbc::new(&self.key)?,
        };
        let result = run(&mut cipher)?;
        *slot = Some(cipher);
        Ok(result)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

/// Why a ciphertext was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptError {
    /// Not one or more whole blocks of 16 bytes, or not one in the case of a sequence number.
    Length,
    /// No PKCS#7 padding at the end: another key, or clear text.
    Padding,
    /// The text is no decimal number of 32 bits.
    NotASequenceNumber,
    /// OpenSSL failed.
    Cipher(CipherError),
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("length of the ciphertext is wrong"),
            Self::Padding => f.write_str("padding is wrong: another key, or clear text"),
            Self::NotASequenceNumber => f.write_str("not a sequence number"),
            Self::Cipher(error) => error.fmt(f),
        }
    }
}

impl Error for DecryptError {}

impl From<CipherError> for DecryptError {
    fn from(error: CipherError) -> Self {
        Self::Cipher(error)
    }
}

/// Length of the padding that ends in the last byte of the plaintext; `None` unless it is 1 to 16
/// and all its bytes say the same. All 16 bytes are looked at in any case, so that the time taken
/// tells nothing about the plaintext.
fn padding_len(last: &Block) -> Option<usize> {
    let padding = last[BLOCK_LEN - 1];
    let wrong = last
        .iter()
        .rev()
        .zip(0_u8..)
        .fold(0, |wrong, (&byte, from_end)| {
            let within = u8::from(from_end < padding).wrapping_neg();
            wrong | (within & (byte ^ padding))
        });
    let right = (wrong == 0) & (1..=BLOCK_LEN as u8).contains(&padding);
    right.then_some(usize::from(padding))
}

#[cfg(test)]
mod tests;
