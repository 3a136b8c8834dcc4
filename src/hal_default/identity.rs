//! The device's identity, kept in memory.
//!
//! `HAL_Set*` and `HAL_Get*` are process-wide by their prototypes. Nothing is stored on disk: a
//! firmware that wants its identity to survive a restart brings its own functions.

use std::ffi::{CStr, c_char, c_int};
use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::boundary::guard;
use crate::hal::identity::{DEVICE_NAME_LEN, PRODUCT_KEY_LEN, SECRET_LEN};
use crate::sync::{Mutex, MutexGuard};

/// A NULL, an unknown number, or a text that is too long.
const FAILED: c_int = -1;

/// What is kept, by the numbers of `enum iotx_hal_identity` in shim.h, with the longest text of
/// each.
const PRODUCT_KEY: usize = 0;
const DEVICE_NAME: usize = 2;
const LONGEST: [usize; 4] = [PRODUCT_KEY_LEN, SECRET_LEN, DEVICE_NAME_LEN, SECRET_LEN];

/// The texts without terminators. Overwritten and dropped values are wiped.
struct Store([Option<Zeroizing<Vec<u8>>>; LONGEST.len()]);

impl Store {
    const fn new() -> Self {
        Self([const { None }; LONGEST.len()])
    }

    /// The number of characters kept; `None` for a text that is too long, and an unknown number.
    fn set(&mut self, which: usize, value: &[u8]) -> Option<usize> {
        if value.len() > *LONGEST.get(which)? {
            return None;
        }
        self.0[which] = Some(Zeroizing::new(value.to_vec()));
        Some(value.len())
    }

    /// The text, empty when never set; `None` for an unknown number.
    fn get(&self, which: usize) -> Option<&[u8]> {
        self.0
            .get(which)
            .map(|value| value.as_ref().map_or(&[][..], |value| value.as_slice()))
    }

    /// "{product key}.{device name}", or nothing while either is unknown.
    fn device_id(&self) -> Vec<u8> {
        let known = |which| self.get(which).filter(|text| !text.is_empty());
        match (known(PRODUCT_KEY), known(DEVICE_NAME)) {
            (Some(key), Some(name)) => [key, b".", name].concat(),
            _ => Vec::new(),
        }
    }
}

static STORE: Mutex<Store> = Mutex::new(Store::new());

fn store() -> MutexGuard<'static, Store> {
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes `text` and a NUL; the number of characters.
///
/// # Safety
/// `out` is writable for the text and its NUL.
unsafe fn write_text(out: *mut c_char, text: &[u8]) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        out.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
        out.add(text.len()).write(0);
    }
    c_int::try_from(text.len()).unwrap_or(FAILED)
}

/// `HAL_SetProductKey` and its kin: the number of characters kept, or -1.
///
/// # Safety
/// `value` is NULL or NUL-terminated text.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_identity_set(which: c_int, value: *const c_char) -> c_int {
    guard("HAL_Set*", FAILED, || {
        let Ok(which) = usize::try_from(which) else {
            return FAILED;
        };
        if value.is_null() {
            return FAILED;
        }
        // SAFETY: promised by the caller.
        let value = unsafe { CStr::from_ptr(value) }.to_bytes();
        // In a statement of its own: a line is logged through the firmware's HAL_Printf, which may
        // ask for the device's name.
        let kept = store().set(which, value);
        match kept.and_then(|length| c_int::try_from(length).ok()) {
            Some(length) => length,
            None => {
                log::error!("HAL_Set*: a text of {} characters is too long", value.len());
                FAILED
            }
        }
    })
}

/// `HAL_GetProductKey` and its kin: the number of characters written before the NUL, 0 when never
/// set, or -1.
///
/// # Safety
/// `out` is NULL or has room for the longest text of its kind and a NUL.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_identity_get(which: c_int, out: *mut c_char) -> c_int {
    guard("HAL_Get*", FAILED, || {
        let Ok(which) = usize::try_from(which) else {
            return FAILED;
        };
        if out.is_null() {
            return FAILED;
        }
        let store = store();
        let Some(text) = store.get(which) else {
            return FAILED;
        };
        // SAFETY: promised by the caller; `set` bounds the text.
        unsafe { write_text(out, text) }
    })
}

/// `HAL_GetDeviceID`: writes "{product key}.{device name}" and returns its length; 0 while either
/// is unknown; -1 for NULL.
///
/// # Safety
/// `out` is NULL or has room for 65 bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_identity_device_id(out: *mut c_char) -> c_int {
    guard("HAL_GetDeviceID", FAILED, || {
        if out.is_null() {
            return FAILED;
        }
        let id = store().device_id();
        // SAFETY: promised by the caller; 20 + 1 + 32 characters and a NUL are less than 65 bytes.
        unsafe { write_text(out, &id) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hal::identity;

    const DEVICE_SECRET: usize = 3;

    #[test]
    fn values_are_kept_up_to_their_documented_length() {
        let mut store = Store::new();
        for (which, longest) in LONGEST.iter().enumerate() {
            assert_eq!(store.set(which, &vec![b'x'; *longest]), Some(*longest));
            assert_eq!(store.set(which, &vec![b'y'; *longest + 1]), None);
            assert_eq!(
                store.get(which),
                Some(vec![b'x'; *longest].as_slice()),
                "kept"
            );
        }
        assert_eq!(store.set(LONGEST.len(), b"x"), None);
        assert_eq!(store.get(LONGEST.len()), None);
    }

    #[test]
    fn the_device_id_joins_key_and_name() {
        let mut store = Store::new();
        assert_eq!(store.device_id(), b"");
        store.set(PRODUCT_KEY, b"a1B2c3D4e5F").expect("set");
        assert_eq!(store.device_id(), b"");
        store.set(DEVICE_NAME, b"dev01").expect("set");
        assert_eq!(store.device_id(), b"a1B2c3D4e5F.dev01");
    }

    /// One test, because the store behind the seam is process-wide.
    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn what_is_set_through_the_seam_is_read_back_through_it() {
        assert!(identity::product_key().is_none());
        assert!(identity::device_id().is_none());
        identity::set_product_key(c"a1B2c3D4e5F").expect("set");
        identity::set_device_name(c"dev01").expect("set");
        identity::set_device_secret(c"0123456789abcdef").expect("set");
        identity::set_product_secret(c"fedcba").expect("set");
        assert_eq!(*identity::product_key().expect("key"), "a1B2c3D4e5F");
        assert_eq!(*identity::device_name().expect("name"), "dev01");
        assert_eq!(
            *identity::device_secret().expect("secret"),
            "0123456789abcdef"
        );
        assert_eq!(*identity::product_secret().expect("secret"), "fedcba");
        assert_eq!(*identity::device_id().expect("id"), "a1B2c3D4e5F.dev01");

        let too_long = c"123456789012345678901";
        assert_eq!(identity::set_product_key(too_long), Err(identity::Rejected));
        assert_eq!(*identity::product_key().expect("key"), "a1B2c3D4e5F");
    }

    #[test]
    fn null_and_unknown_numbers_give_minus_one() {
        let mut out: [c_char; 65] = [0; 65];
        // SAFETY: NULL is allowed; `out` has room for every text.
        unsafe {
            assert_eq!(iotx_hal_default_identity_set(0, std::ptr::null()), FAILED);
            assert_eq!(iotx_hal_default_identity_set(4, c"x".as_ptr()), FAILED);
            assert_eq!(iotx_hal_default_identity_set(-1, c"x".as_ptr()), FAILED);
            let secret = DEVICE_SECRET as c_int;
            assert_eq!(
                iotx_hal_default_identity_get(secret, std::ptr::null_mut()),
                FAILED
            );
            assert_eq!(iotx_hal_default_identity_get(4, out.as_mut_ptr()), FAILED);
            assert_eq!(iotx_hal_default_identity_get(-1, out.as_mut_ptr()), FAILED);
            assert_eq!(
                iotx_hal_default_identity_device_id(std::ptr::null_mut()),
                FAILED
            );
        }
    }
}
