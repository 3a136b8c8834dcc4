//! AES-128-CBC without padding: the only place in this layer that names OpenSSL.

use std::error::Error;
use std::fmt;

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
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
/// only runs the cipher and allocates nothing. OpenSSL wipes both contexts when they are freed.
pub(super) struct Aes128Cbc {
    encryption: Chained,
    decryption: Chained,
}

/// A context that chains on from one message to the next. To give it another initialisation vector
/// costs OpenSSL more than a message of a few blocks does; as CBC only adds the vector to a
/// message's first block, it can be exchanged there.
struct Chained {
    context: CipherCtx,
    /// What the context will add to the next block: the last one of ciphertext.
    vector: Block,
}

impl Chained {
    const START: Block = [0; BLOCK_LEN];

    const fn new(context: CipherCtx) -> Self {
        Self {
            context,
            vector: Self::START,
        }
    }

    /// Brings a message's first block, of plaintext, from the context's vector to `iv`, or back.
    fn exchange_vector(&self, iv: &Block, first: &mut Block) {
        for ((byte, ours), theirs) in first.iter_mut().zip(&self.vector).zip(iv) {
            *byte ^= ours ^ theirs;
        }
    }

    /// Runs the cipher over all of `data` but the last block, where it lies. The safe wrapper wants
    /// a block of room behind what it works on in place: that is the last one, whose content stays.
    fn update(&mut self, data: &mut [u8]) -> Result<(), CipherError> {
        let len = data.len().saturating_sub(BLOCK_LEN);
        // The wrapper panics on what C's int cannot hold.
        i32::try_from(len).map_err(|_| CipherError)?;
        // Without padding, as many bytes come out as went in, at once.
        if self.context.cipher_update_inplace(data, len)? == len {
            Ok(())
        } else {
            Err(CipherError)
        }
    }
}

impl Aes128Cbc {
    pub(super) fn new(key: &Block) -> Result<Self, CipherError> {
        let (cipher, vector) = (Some(Cipher::aes_128_cbc()), Some(&Chained::START[..]));
        let mut encryption = CipherCtx::new()?;
        encryption.encrypt_init(cipher, Some(key), vector)?;
        encryption.set_padding(false);
        let mut decryption = CipherCtx::new()?;
        decryption.decrypt_init(cipher, Some(key), vector)?;
        decryption.set_padding(false);
        Ok(Self {
            encryption: Chained::new(encryption),
            decryption: Chained::new(decryption),
        })
    }

    /// Encrypts `data`, which is made of whole blocks, where it lies, but for the last block: that
    /// is room that OpenSSL's wrapper wants. After an error the context must not be used again.
    pub(super) fn encrypt(&mut self, iv: &Block, data: &mut [u8]) -> Result<(), CipherError> {
        let chain = &mut self.encryption;
        let end = data.len().saturating_sub(BLOCK_LEN);
        if let Some(first) = data[..end].first_chunk_mut() {
            chain.exchange_vector(iv, first);
            chain.update(data)?;
        }
        if let Some(last) = data[..end].last_chunk() {
            chain.vector = *last;
        }
        Ok(())
    }

    /// Decrypts one block; `previous` is the block of ciphertext before it, or the vector. After an
    /// error the context must not be used again.
    pub(super) fn decrypt_block(
        &mut self,
        previous: &Block,
        block: &Block,
    ) -> Result<Block, CipherError> {
        let mut room = [0; 2 * BLOCK_LEN];
        room[..BLOCK_LEN].copy_from_slice(block);
        self.decrypt_all_but_last(previous, &mut room)?;
        let (&output, _) = room.split_first_chunk().ok_or(CipherError)?;
        room.zeroize();
        Ok(output)
    }

    /// Decrypts all blocks of `data` but the last where they lie, and leaves the last alone. After
    /// an error the context must not be used again.
    pub(super) fn decrypt_all_but_last(
        &mut self,
        iv: &Block,
        data: &mut [u8],
    ) -> Result<(), CipherError> {
        let chain = &mut self.decryption;
        let end = data.len().saturating_sub(BLOCK_LEN);
        let Some(&last) = data[..end].last_chunk() else {
            return Ok(());
        };
        chain.update(data)?;
        if let Some(first) = data.first_chunk_mut() {
            chain.exchange_vector(iv, first);
        }
        chain.vector = last;
        Ok(())
    }
}
