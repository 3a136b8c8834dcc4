//! AES-128-CBC without padding: the only place in this layer that names OpenSSL.

use std::error::Error;
use std::fmt;

use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxRef};
use openssl::error::ErrorStack;
use zeroize::Zeroize;

/// Length of an AES block, in bytes.
pub(super) const BLOCK_LEN: usize = 16;

/// One AES block, an initialisation vector, or a key of AES-128: all are 16 bytes.
pub(super) type Block = [u8; BLOCK_LEN];

/// OpenSSL could not do its work: out of memory, or built or configured without AES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherError;

impl fmt::Display for CipherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenSSL failed to run AES-128-CBC")
    }
}

impl Error for CipherError {}

impl From<ErrorStack> for CipherError {
    /// Nothing of OpenSSL's report is kept. To have the `ErrorStack` means that the thread's error
    /// queue is empty again, where a leftover would confuse the next call of a DTLS session.
    fn from(_: ErrorStack) -> Self {
        Self
    }
}

/// One key, ready to encrypt and decrypt.
///
/// OpenSSL looks the algorithm up and expands the key once, in [`Aes128Cbc::new`]; each later call
/// only sets the initialisation vector and allocates nothing. OpenSSL wipes both contexts when
/// they are freed.
pub(super) struct Aes128Cbc {
    encryption: CipherCtx,
    decryption: CipherCtx,
}

impl Aes128Cbc {
    pub(super) fn new(key: &Block) -> Result<Self, CipherError> {
        let mut encryption = CipherCtx::new()?;
        encryption.encrypt_init(Some(Cipher::aes_128_cbc()), Some(key), None)?;
        encryption.set_padding(false);
        let mut decryption = CipherCtx::new()?;
        decryption.decrypt_init(Some(Cipher::aes_128_cbc()), Some(key), None)?;
        decryption.set_padding(false);
        Ok(Self {
            encryption,
            decryption,
        })
    }

    /// Encrypts `data`, which is made of whole blocks, where it lies.
    pub(super) fn encrypt(&mut self, iv: &Block, data: &mut [u8]) -> Result<(), CipherError> {
        self.encryption.encrypt_init(None, None, Some(iv))?;
        update_all_but_last(&mut self.encryption, data)?;
        if let Some(last) = data.last_chunk_mut() {
            *last = update_block(&mut self.encryption, last)?;
        }
        Ok(())
    }

    /// Decrypts one block; `previous` is the block of ciphertext before it, or the vector.
    pub(super) fn decrypt_block(
        &mut self,
        previous: &Block,
        block: &Block,
    ) -> Result<Block, CipherError> {
        self.decryption.decrypt_init(None, None, Some(previous))?;
        update_block(&mut self.decryption, block)
    }

    /// Decrypts all blocks of `data` but the last where they lie, and leaves the last alone.
    pub(super) fn decrypt_all_but_last(
        &mut self,
        iv: &Block,
        data: &mut [u8],
    ) -> Result<(), CipherError> {
        self.decryption.decrypt_init(None, None, Some(iv))?;
        update_all_but_last(&mut self.decryption, data)
    }
}

/// The safe wrapper wants a block of room behind what it works on in place. The last block is that
/// room; its content stays.
fn update_all_but_last(context: &mut CipherCtxRef, data: &mut [u8]) -> Result<(), CipherError> {
    let len = data.len().saturating_sub(BLOCK_LEN);
    // The wrapper panics on what C's int cannot hold.
    i32::try_from(len).map_err(|_| CipherError)?;
    if len > 0 {
        exactly(len, context.cipher_update_inplace(data, len)?)?;
    }
    Ok(())
}

fn update_block(context: &mut CipherCtxRef, block: &Block) -> Result<Block, CipherError> {
    let mut room = [0; 2 * BLOCK_LEN];
    exactly(BLOCK_LEN, context.cipher_update(block, Some(&mut room))?)?;
    let (&output, _) = room.split_first_chunk().ok_or(CipherError)?;
    room.zeroize();
    Ok(output)
}

/// Without padding, as many bytes come out as went in, at once.
fn exactly(expected: usize, written: usize) -> Result<(), CipherError> {
    if written == expected {
        Ok(())
    } else {
        Err(CipherError)
    }
}
