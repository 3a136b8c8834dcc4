//! `HAL_Aes128_*`: one handle is one message, encrypted or decrypted in as many calls as the caller
//! likes.
//!
//! The chaining goes on from call to call: two calls give what one over both parts would. A new
//! message needs a new handle, which starts at the vector again.

use std::ffi::{c_int, c_void};
use std::sync::PoisonError;

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use zeroize::{Zeroize, Zeroizing};

use crate::hal_default::boundary::guard;
use crate::sync::Mutex;

const BLOCK_LEN: usize = 16;
/// What is handled at a time: source and destination may be the same memory.
const CHUNK_LEN: usize = 16 * BLOCK_LEN;
const FAILED: c_int = -1;

/// By the numbers of `AES_DIR_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Encrypt = 0,
    Decrypt = 1,
}

/// By the numbers of `enum iotx_hal_aes` in port.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    CbcEncrypt = 0,
    CbcDecrypt = 1,
    CfbEncrypt = 2,
    CfbDecrypt = 3,
}

impl Operation {
    fn from_number(number: c_int) -> Option<Self> {
        [
            Self::CbcEncrypt,
            Self::CbcDecrypt,
            Self::CfbEncrypt,
            Self::CfbDecrypt,
        ]
        .into_iter()
        .find(|operation| *operation as c_int == number)
    }

    /// CBC needs the handle to have been made for its direction. CFB runs the cipher forwards both
    /// ways (NIST SP 800-38A, 6.3), so ports take either for it.
    fn suits(self, direction: Direction) -> bool {
        match self {
            Self::CbcEncrypt => direction == Direction::Encrypt,
            Self::CbcDecrypt => direction == Direction::Decrypt,
            Self::CfbEncrypt | Self::CfbDecrypt => true,
        }
    }

    fn start(self, key: &[u8], iv: &[u8]) -> Result<CipherCtx, ErrorStack> {
        let mut context = CipherCtx::new()?;
        match self {
            Self::CbcEncrypt => {
                context.encrypt_init(Some(Cipher::aes_128_cbc()), Some(key), Some(iv))?;
            }
            Self::CbcDecrypt => {
                context.decrypt_init(Some(Cipher::aes_128_cbc()), Some(key), Some(iv))?;
            }
            Self::CfbEncrypt => {
                context.encrypt_init(Some(Cipher::aes_128_cfb128()), Some(key), Some(iv))?;
            }
            Self::CfbDecrypt => {
                context.decrypt_init(Some(Cipher::aes_128_cfb128()), Some(key), Some(iv))?;
            }
        }
        context.set_padding(false);
        Ok(context)
    }

    /// How many bytes `count` means: CBC counts blocks. `None` for more than any memory has.
    fn byte_len(self, count: usize) -> Option<usize> {
        let unit = match self {
            Self::CbcEncrypt | Self::CbcDecrypt => BLOCK_LEN,
            Self::CfbEncrypt | Self::CfbDecrypt => 1,
        };
        count
            .checked_mul(unit)
            .filter(|len| isize::try_from(*len).is_ok())
    }
}

/// What a `p_HAL_Aes128_t` points to.
struct Aes {
    key: Zeroizing<[u8; BLOCK_LEN]>,
    iv: [u8; BLOCK_LEN],
    direction: Direction,
    /// From the first call on; the operation stays what it was then.
    running: Mutex<Option<(Operation, CipherCtx)>>,
}

impl Aes {
    /// Hands `context` of this operation to `work`, starting it if need be.
    fn with(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut CipherCtx) -> Result<(), ErrorStack>,
    ) -> Result<(), String> {
        if !operation.suits(self.direction) {
            return Err("the handle was made for the other direction".to_owned());
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let context = match &mut *running {
            Some((started, context)) if *started == operation => context,
            Some(_) => return Err("the handle is in use for another operation".to_owned()),
            none => {
                let context = operation
                    .start(self.key.as_slice(), &self.iv)
                    .map_err(|error| error.to_string())?;
                &mut none.insert((operation, context)).1
            }
        };
        work(context).map_err(|error| error.to_string())
    }
}

/// Runs `context` over `len` bytes.
///
/// # Safety
/// `src` is readable and `dst` writable for `len` bytes; they are the same memory or do not
/// overlap.
unsafe fn update(
    context: &mut CipherCtx,
    src: *const u8,
    len: usize,
    dst: *mut u8,
) -> Result<(), ErrorStack> {
    let mut from = Zeroizing::new([0u8; CHUNK_LEN]);
    let mut to = Zeroizing::new([0u8; CHUNK_LEN + BLOCK_LEN]);
    let (mut read, mut written) = (0, 0);
    while read < len {
        let chunk = (len - read).min(CHUNK_LEN);
        // SAFETY: within `len`, by the loop's condition and the minimum.
        unsafe { std::ptr::copy_nonoverlapping(src.add(read), from.as_mut_ptr(), chunk) };
        let produced = context.cipher_update(&from[..chunk], Some(&mut *to))?;
        // Decryption without padding holds nothing back, so what is written never overtakes what
        // has been read.
        let produced = produced.min(len - written);
        // SAFETY: within `len`, by the minimum.
        unsafe { std::ptr::copy_nonoverlapping(to.as_ptr(), dst.add(written), produced) };
        read += chunk;
        written += produced;
    }
    Ok(())
}

/// `HAL_Aes128_Init`; NULL for NULL and for a direction that is none.
///
/// # Safety
/// `key` and `iv` are NULL or readable for 16 bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_aes_new(
    key: *const u8,
    iv: *const u8,
    direction: c_int,
) -> *mut c_void {
    guard("HAL_Aes128_Init", std::ptr::null_mut(), || {
        let direction = match direction {
            0 => Direction::Encrypt,
            1 => Direction::Decrypt,
            _ => {
                log::error!("HAL_Aes128_Init: no such direction: {direction}");
                return std::ptr::null_mut();
            }
        };
        if key.is_null() || iv.is_null() {
            log::error!("HAL_Aes128_Init: no key or no vector (NULL)");
            return std::ptr::null_mut();
        }
        let mut aes = Box::new(Aes {
            key: Zeroizing::new([0; BLOCK_LEN]),
            iv: [0; BLOCK_LEN],
            direction,
            running: Mutex::new(None),
        });
        // SAFETY: not NULL, so 16 bytes are readable, as the caller promises. Copied to where they
        // stay.
        unsafe {
            std::ptr::copy_nonoverlapping(key, aes.key.as_mut_ptr(), BLOCK_LEN);
            std::ptr::copy_nonoverlapping(iv, aes.iv.as_mut_ptr(), BLOCK_LEN);
        }
        Box::into_raw(aes).cast()
    })
}

/// `HAL_Aes128_Destroy`: 0; -1 for NULL.
///
/// # Safety
/// `aes` is NULL or comes from [`iotx_hal_default_aes_new`] and has not been freed.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_aes_free(aes: *mut c_void) -> c_int {
    guard("HAL_Aes128_Destroy", FAILED, || {
        if aes.is_null() {
            return FAILED;
        }
        // SAFETY: promised by the caller. OpenSSL wipes its context, and the key wipes itself.
        let mut aes = unsafe { Box::from_raw(aes.cast::<Aes>()) };
        aes.iv.zeroize();
        0
    })
}

/// The four operations: 0, or -1 for NULL, an impossible length, a handle of the other direction,
/// and if OpenSSL fails.
///
/// # Safety
/// `aes` is NULL or a live handle; `src` and `dst` are NULL or have `count` blocks (CBC) or bytes
/// (CFB), and are the same memory or do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_aes_update(
    aes: *mut c_void,
    operation: c_int,
    src: *const c_void,
    count: usize,
    dst: *mut c_void,
) -> c_int {
    guard("HAL_Aes128", FAILED, || {
        let Some(operation) = Operation::from_number(operation) else {
            return FAILED;
        };
        // SAFETY: promised by the caller.
        let aes = unsafe { aes.cast::<Aes>().cast_const().as_ref() };
        let (Some(aes), Some(len), false, false) =
            (aes, operation.byte_len(count), src.is_null(), dst.is_null())
        else {
            log::error!("HAL_Aes128, {operation:?}: a NULL, or an impossible length ({count})");
            return FAILED;
        };
        let result = aes.with(operation, |context| {
            // SAFETY: promised by the caller.
            unsafe { update(context, src.cast(), len, dst.cast()) }
        });
        match result {
            Ok(()) => 0,
            Err(reason) => {
                log::error!("HAL_Aes128, {operation:?}: {reason}");
                FAILED
            }
        }
    })
}
