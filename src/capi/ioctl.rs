//! The process-wide set-up calls: IOT_Ioctl and IOT_SetupConnInfo. Identity lives behind the HAL.

use super::text;
use super::types::{
    IOTX_DEVICE_NAME_LEN, IOTX_DEVICE_SECRET_LEN, IOTX_MODULE_LEN, IOTX_PRODUCT_KEY_LEN,
    IOTX_PRODUCT_SECRET_LEN, iotx_conn_info_t, iotx_ioctl_option_t as Option_,
};
use crate::hal::identity;
use crate::sync::Mutex;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI32, Ordering};
use zeroize::Zeroizing;

const SUCCESS_RETURN: c_int = 0;
const FAIL_RETURN: c_int = -1;
const NULL_VALUE_ERROR: c_int = -2;

static REGION: AtomicI32 = AtomicI32::new(0);
static DYNAMIC_REGISTER: AtomicI32 = AtomicI32::new(0);
static MODULE: Mutex<String> = Mutex::new(String::new());

/// Sets or gets one of the process-wide settings of the SDK.
///
/// The identity (product key and secret, device name and secret) is kept by the platform's HAL_Set* and
/// HAL_Get*. No client uses it: a client's identity is the one given to IOT_CoAP_Init.
///
/// @param option  one of iotx_ioctl_option_t, in the numbering of SDK 3.2.0
/// @param data    what the option's description says. A SET copies a NUL-terminated string. A GET copies
///                exactly as many bytes as the stored string has and NO terminator, as the SDK does:
///                zero the buffer first, or what it held shows behind them
///
/// @retval 0   done
/// @retval -1  `data` is NULL, the string is longer than the option allows, or the option does not exist or
///             has no meaning for a CoAP client
///
/// # Safety
///
/// `data` is NULL or what the option's description says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Ioctl(option: c_int, data: *mut c_void) -> c_int {
    boundary!(on_panic => FAIL_RETURN, {
        if data.is_null() {
            log::error!("IOT_Ioctl: no data (NULL) for option {option}");
            return FAIL_RETURN;
        }
        // SAFETY: not NULL; that it fits the option is our caller's promise.
        let done = unsafe { ioctl(option, data) };
        match done {
            Ok(()) => SUCCESS_RETURN,
            Err(why) => {
                log::error!("IOT_Ioctl: option {option}: {why}");
                FAIL_RETURN
            }
        }
    })
}

/// # Safety
///
/// `data` is what the option's description says.
unsafe fn ioctl(option: c_int, data: *mut c_void) -> Result<(), &'static str> {
    const SET_REGION: c_int = Option_::IOTX_IOCTL_SET_REGION as c_int;
    const GET_REGION: c_int = Option_::IOTX_IOCTL_GET_REGION as c_int;
    const SET_DYNAMIC_REGISTER: c_int = Option_::IOTX_IOCTL_SET_DYNAMIC_REGISTER as c_int;
    const GET_DYNAMIC_REGISTER: c_int = Option_::IOTX_IOCTL_GET_DYNAMIC_REGISTER as c_int;
    const SET_PRODUCT_KEY: c_int = Option_::IOTX_IOCTL_SET_PRODUCT_KEY as c_int;
    const GET_PRODUCT_KEY: c_int = Option_::IOTX_IOCTL_GET_PRODUCT_KEY as c_int;
    const SET_PRODUCT_SECRET: c_int = Option_::IOTX_IOCTL_SET_PRODUCT_SECRET as c_int;
    const GET_PRODUCT_SECRET: c_int = Option_::IOTX_IOCTL_GET_PRODUCT_SECRET as c_int;
    const SET_DEVICE_NAME: c_int = Option_::IOTX_IOCTL_SET_DEVICE_NAME as c_int;
    const GET_DEVICE_NAME: c_int = Option_::IOTX_IOCTL_GET_DEVICE_NAME as c_int;
    const SET_DEVICE_SECRET: c_int = Option_::IOTX_IOCTL_SET_DEVICE_SECRET as c_int;
    const GET_DEVICE_SECRET: c_int = Option_::IOTX_IOCTL_GET_DEVICE_SECRET as c_int;
    const SET_MODULE: c_int = Option_::IOTX_IOCTL_SET_MODULE as c_int;
    const GET_MODULE: c_int = Option_::IOTX_IOCTL_GET_MODULE as c_int;

    let number: *mut c_int = data.cast();
    let string: *mut c_char = data.cast();
    // SAFETY: in every arm, `data` is an int or a string buffer, whichever the option's description
    // says, as our caller promises.
    unsafe {
        match option {
            SET_REGION => REGION.store(number.read_unaligned(), Ordering::Relaxed),
            GET_REGION => number.write_unaligned(REGION.load(Ordering::Relaxed)),
            SET_DYNAMIC_REGISTER => {
                DYNAMIC_REGISTER.store(number.read_unaligned(), Ordering::Relaxed);
            }
            GET_DYNAMIC_REGISTER => {
                number.write_unaligned(DYNAMIC_REGISTER.load(Ordering::Relaxed));
            }
            SET_PRODUCT_KEY => set(Stored::ProductKey, string)?,
            SET_PRODUCT_SECRET => set(Stored::ProductSecret, string)?,
            SET_DEVICE_NAME => set(Stored::DeviceName, string)?,
            SET_DEVICE_SECRET => set(Stored::DeviceSecret, string)?,
            SET_MODULE => {
                let module = terminated(string, IOTX_MODULE_LEN)?;
                *MODULE.lock().unwrap_or_else(PoisonError::into_inner) =
                    module.to_string_lossy().into_owned();
            }
            GET_PRODUCT_KEY => get(identity::product_key(), string),
            GET_PRODUCT_SECRET => get(identity::product_secret(), string),
            GET_DEVICE_NAME => get(identity::device_name(), string),
            GET_DEVICE_SECRET => get(identity::device_secret(), string),
            GET_MODULE => {
                let module = MODULE
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                get(Some(Zeroizing::new(module)), string);
            }
            _ => return Err("unknown, or without meaning for a CoAP client"),
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Stored {
    ProductKey,
    ProductSecret,
    DeviceName,
    DeviceSecret,
}

impl Stored {
    const fn max_len(self) -> usize {
        match self {
            Self::ProductKey => IOTX_PRODUCT_KEY_LEN,
            Self::ProductSecret => IOTX_PRODUCT_SECRET_LEN,
            Self::DeviceName => IOTX_DEVICE_NAME_LEN,
            Self::DeviceSecret => IOTX_DEVICE_SECRET_LEN,
        }
    }

    fn store(self, value: &CStr) -> Result<(), &'static str> {
        match self {
            Self::ProductKey => identity::set_product_key(value),
            Self::ProductSecret => identity::set_product_secret(value),
            Self::DeviceName => identity::set_device_name(value),
            Self::DeviceSecret => identity::set_device_secret(value),
        }
        .map_err(|_| "the platform refused the value")
    }
}

/// # Safety
///
/// `string` is NULL or NUL-terminated.
unsafe fn set(what: Stored, string: *const c_char) -> Result<(), &'static str> {
    // SAFETY: promised by our caller.
    what.store(unsafe { value(what, string) }?)
}

/// # Safety
///
/// As for [`terminated`].
unsafe fn value<'a>(what: Stored, string: *const c_char) -> Result<&'a CStr, &'static str> {
    // SAFETY: promised by our caller (NULL is refused inside).
    unsafe { terminated(string, what.max_len()) }
}

/// # Safety
///
/// `string` is NULL, or NUL-terminated and unchanged while the result lives.
unsafe fn terminated<'a>(string: *const c_char, max_len: usize) -> Result<&'a CStr, &'static str> {
    // SAFETY: promised by our caller; where the first call finds a NUL, there is one for the second.
    unsafe {
        text::str_within(string, max_len + 1).ok_or("text is NULL, too long, or not UTF-8")?;
        Ok(CStr::from_ptr(string))
    }
}

/// Copies the stored bytes and nothing else: SDK 3.10's example reads into a buffer whose content must
/// survive when nothing is stored.
///
/// # Safety
///
/// `out` has room for the longest value the option can have.
unsafe fn get(stored: Option<Zeroizing<String>>, out: *mut c_char) {
    if let Some(value) = stored {
        // SAFETY: the value is not longer than the option's limit, for which our caller has room.
        unsafe { ptr::copy_nonoverlapping(value.as_ptr().cast(), out, value.len()) };
    }
}

/// The MQTT connection data that a CoAP client does not have. Never written to after this.
struct ConnInfo(iotx_conn_info_t);

// SAFETY: the pointers lead to string literals, and the SDK's contract gives callers the struct to read.
unsafe impl Sync for ConnInfo {}

const NO_TEXT: *mut c_char = c"".as_ptr().cast_mut();

static CONN_INFO: ConnInfo = ConnInfo(iotx_conn_info_t {
    port: 0,
    init: 0,
    host_name: NO_TEXT,
    client_id: NO_TEXT,
    username: NO_TEXT,
    password: NO_TEXT,
    pub_key: NO_TEXT.cast_const(),
});

/// Stores the identity with the platform, as four IOT_Ioctl calls would. SDK 2.30's CoAP example calls it
/// before IOT_CoAP_Init; no client uses what it stores.
///
/// @param product_key    product key
/// @param device_name    device name
/// @param device_secret  device secret; all three NUL-terminated, and copied
/// @param info_ptr       receives a pointer to an iotx_conn_info_t of empty strings, which is the library's
///                       and must not be written to; NULL if not wanted
///
/// @retval 0   done
/// @retval -2  one of the first three is NULL or too long, and nothing has been stored; or the platform has
///             refused one
///
/// # Safety
///
/// The first three are NULL or NUL-terminated; `info_ptr` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_SetupConnInfo(
    product_key: *const c_char,
    device_name: *const c_char,
    device_secret: *const c_char,
    info_ptr: *mut *mut c_void,
) -> c_int {
    boundary!(on_panic => NULL_VALUE_ERROR, {
        // SAFETY: promised by our caller.
        let stored = unsafe { set_identity(product_key, device_name, device_secret) };
        if let Err(why) = stored {
            log::error!("IOT_SetupConnInfo: {why}");
            return NULL_VALUE_ERROR;
        }
        if !info_ptr.is_null() {
            // SAFETY: not NULL, so it is writable, as our caller promises.
            unsafe { info_ptr.write((&raw const CONN_INFO.0).cast_mut().cast()) };
        }
        SUCCESS_RETURN
    })
}

/// All three or, unless the platform refuses one, none.
///
/// # Safety
///
/// As for [`IOT_SetupConnInfo`].
unsafe fn set_identity(
    product_key: *const c_char,
    device_name: *const c_char,
    device_secret: *const c_char,
) -> Result<(), &'static str> {
    // SAFETY: promised by our caller.
    let values = unsafe {
        [
            (Stored::ProductKey, value(Stored::ProductKey, product_key)?),
            (Stored::DeviceName, value(Stored::DeviceName, device_name)?),
            (
                Stored::DeviceSecret,
                value(Stored::DeviceSecret, device_secret)?,
            ),
        ]
    };
    values
        .into_iter()
        .try_for_each(|(what, value)| what.store(value))
}
