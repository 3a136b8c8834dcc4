//! `HAL_Kv_*`: a small store that outlives the process, in one file.
//!
//! The file is the one that `IOTX_KV_FILE` names; else `iot_sdk/kv` under `$XDG_STATE_HOME`, or
//! under `$HOME/.local/state`; else `/var/lib/iot_sdk/kv`. Only its owner may read it: firmware
//! keeps secrets here.

mod store;

use std::env;
use std::ffi::{c_char, c_int, c_void};
use std::path::PathBuf;

use self::store::{Error, Store};
use crate::hal_default::boundary::{bytes, guard, text};

const FAILED: c_int = -1;

fn store() -> Store {
    let from = |name: &str| env::var_os(name).filter(|path| !path.is_empty());
    let path = from("IOTX_KV_FILE").map(PathBuf::from).unwrap_or_else(|| {
        let state = from("XDG_STATE_HOME")
            .map(PathBuf::from)
            .or_else(|| from("HOME").map(|home| PathBuf::from(home).join(".local/state")))
            .unwrap_or_else(|| PathBuf::from("/var/lib"));
        state.join("iot_sdk/kv")
    });
    Store::new(path)
}

fn report(function: &str, result: Result<(), Error>) -> c_int {
    match result {
        Ok(()) => 0,
        // Asking whether there is something is no fault.
        Err(Error::NoSuchKey) => FAILED,
        Err(error) => {
            log::error!("{function}: {error}");
            FAILED
        }
    }
}

/// # Safety
/// `key` is NULL or NUL-terminated.
unsafe fn key<'a>(key: *const c_char) -> Result<&'a str, Error> {
    // SAFETY: promised by the caller.
    unsafe { text(key) }.ok_or(Error::BadKey)
}

/// `HAL_Kv_Set`: 0; -1 for bad arguments and if the file cannot be written, which leaves it as it
/// was.
///
/// # Safety
/// `name` is NULL or NUL-terminated; `value` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_kv_set(
    name: *const c_char,
    value: *const c_void,
    len: c_int,
    sync: c_int,
) -> c_int {
    guard("HAL_Kv_Set", FAILED, || {
        let set = || {
            // SAFETY: promised by the caller.
            let name = unsafe { key(name) }?;
            let len = u32::try_from(len).map_err(|_| Error::BadValue)?;
            // SAFETY: promised by the caller.
            let value = unsafe { bytes(value.cast(), len) }.ok_or(Error::BadValue)?;
            store().set(name, value, sync != 0)
        };
        report("HAL_Kv_Set", set())
    })
}

/// `HAL_Kv_Get`: 0 and the length; -1 for bad arguments, an unknown key, a buffer that is too
/// small, and a file that cannot be read. Nothing is written to buffer and length then.
///
/// # Safety
/// `name` is NULL or NUL-terminated; `len` is NULL or readable and writable; `out` is NULL or
/// writable for `*len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_kv_get(
    name: *const c_char,
    out: *mut c_void,
    len: *mut c_int,
) -> c_int {
    guard("HAL_Kv_Get", FAILED, || {
        let get = || {
            // SAFETY: promised by the caller.
            let name = unsafe { key(name) }?;
            if out.is_null() || len.is_null() {
                return Err(Error::NoBuffer);
            }
            let value = store().get(name)?;
            // SAFETY: not NULL, so it is the caller's variable.
            let room = usize::try_from(unsafe { len.read() }).unwrap_or(0);
            let value_len = c_int::try_from(value.len()).map_err(|_| Error::BadValue)?;
            if value.len() > room {
                return Err(Error::TooSmall {
                    room,
                    needed: value.len(),
                });
            }
            // SAFETY: not NULL, and the value fits into the room that the caller promises.
            unsafe {
                std::ptr::copy_nonoverlapping(value.as_ptr(), out.cast(), value.len());
                len.write(value_len);
            }
            Ok(())
        };
        report("HAL_Kv_Get", get())
    })
}

/// `HAL_Kv_Del`: 0, also when there was no such key; -1 for bad arguments and if the file cannot be
/// written.
///
/// # Safety
/// `name` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_kv_delete(name: *const c_char) -> c_int {
    guard("HAL_Kv_Del", FAILED, || {
        // SAFETY: promised by the caller.
        let result = unsafe { key(name) }.and_then(|name| store().delete(name));
        report("HAL_Kv_Del", result)
    })
}

/// `HAL_Kv_Erase_All`: 0, or -1 if the file cannot be written. Works on a damaged file too.
#[unsafe(no_mangle)]
extern "C" fn iotx_hal_default_kv_erase() -> c_int {
    guard("HAL_Kv_Erase_All", FAILED, || {
        report("HAL_Kv_Erase_All", store().erase())
    })
}
