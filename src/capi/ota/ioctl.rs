//! Questions about an update.

use super::handle::Handle;
use super::types::IOT_OTA_CmdType_t as Command;
use super::types::IOT_OTA_Err_t::{
    IOT_OTAE_GENERAL, IOT_OTAE_INVALID_PARAM, IOT_OTAE_INVALID_STATE, IOT_OTAE_STR_TOO_LONG,
};
use super::types::{IOT_OTA_CmdType_int, IOT_OTA_Err_t, IOT_OTA_Type_t};
use super::{GENERAL, INVALID_PARAM, fail, refuse_null};
use std::ffi::{c_int, c_void};

/// Tells about the image that is ordered, or fetched.
///
/// SDK 2.21 alone stored the version as a newly allocated string through a `char **`; here it is copied
/// like the other texts, as in all other releases.
///
/// @param handle   the handle
/// @param type     what is asked; see IOT_OTA_CmdType_t for what is stored
/// @param buf      where it goes: for numbers, an aligned `uint32_t`; for IOT_OTAG_RESET_FETCHED_SIZE, which
///                 stores nothing, anything
/// @param buf_len  bytes in `buf`: exactly 4 for numbers; for texts at least one, the NUL included
///
/// @retval IOT_OTAE_NONE           done
/// @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more), `buf` is NULL, `buf_len` or the
///                                 alignment is wrong, or there is no such command
/// @retval IOT_OTAE_INVALID_STATE  nothing is ordered; or, for IOT_OTAG_CHECK_FIRMWARE, which then stores
///                                 0, the image is not complete
/// @retval IOT_OTAE_STR_TOO_LONG   the text does not fit; its beginning is stored, with a NUL
/// @retval IOT_OTAE_GENERAL        the command is about configurations, which do not come over CoAP
///
/// # Safety
///
/// `buf` is NULL or has `buf_len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_Ioctl(
    handle: *mut c_void,
    r#type: IOT_OTA_CmdType_int,
    buf: *mut c_void,
    buf_len: usize,
) -> c_int {
    boundary!(on_panic => GENERAL, {
        let Some(handle) = Handle::acquire(handle) else {
            return refuse_null("IOT_OTA_Ioctl");
        };
        let stores = r#type != Command::IOT_OTAG_RESET_FETCHED_SIZE as c_int;
        if stores && (buf.is_null() || buf_len == 0) {
            log::error!("IOT_OTA_Ioctl: no buffer (NULL, or of length 0)");
            return fail(&handle, IOT_OTAE_INVALID_PARAM, INVALID_PARAM);
        }
        // SAFETY: promised by our caller.
        match unsafe { ioctl(&handle, r#type, buf, buf_len) } {
            Ok(()) => 0,
            Err(error) => fail(&handle, error, error as c_int),
        }
    })
}

/// # Safety
///
/// `buf` must have `buf_len` writable bytes, at least one, unless the command is to reset.
unsafe fn ioctl(
    handle: &Handle,
    command: c_int,
    buf: *mut c_void,
    buf_len: usize,
) -> Result<(), IOT_OTA_Err_t> {
    const OF_SDK_2_1: [Command; 5] = [
        Command::IOT_OTAG_FETCHED_SIZE,
        Command::IOT_OTAG_FILE_SIZE,
        Command::IOT_OTAG_MD5SUM,
        Command::IOT_OTAG_VERSION,
        Command::IOT_OTAG_CHECK_FIRMWARE,
    ];
    const OF_SDK_2_30: [Command; 9] = [
        Command::IOT_OTAG_COTA_GETTYPE,
        Command::IOT_OTAG_OTA_TYPE,
        Command::IOT_OTAG_FETCHED_SIZE,
        Command::IOT_OTAG_FILE_SIZE,
        Command::IOT_OTAG_MD5SUM,
        Command::IOT_OTAG_VERSION,
        Command::IOT_OTAG_CHECK_FIRMWARE,
        Command::IOT_OTAG_CHECK_CONFIG,
        Command::IOT_OTAG_RESET_FETCHED_SIZE,
    ];
    let known = usize::try_from(command)
        .ok()
        .and_then(|number| OF_SDK_2_1.iter().chain(&OF_SDK_2_30).nth(number));
    let Some(&command) = known else {
        log::error!("IOT_OTA_Ioctl: no such command: {command}");
        return Err(IOT_OTAE_INVALID_PARAM);
    };
    if command == Command::IOT_OTAG_RESET_FETCHED_SIZE {
        // A fetch under way notices, and adds nothing to the new beginning.
        return if handle.update().restart() {
            Ok(())
        } else {
            Err(IOT_OTAE_INVALID_STATE)
        };
    }
    let update = handle.update();
    let order = update.order().ok_or(IOT_OTAE_INVALID_STATE)?;
    let number = match command {
        Command::IOT_OTAG_OTA_TYPE => IOT_OTA_Type_t::IOT_OTAT_FOTA as u32,
        Command::IOT_OTAG_FETCHED_SIZE => update.fetched(),
        Command::IOT_OTAG_FILE_SIZE => order.size,
        Command::IOT_OTAG_CHECK_FIRMWARE => u32::from(update.verdict() == Some(true)),
        Command::IOT_OTAG_MD5SUM => {
            // SAFETY: promised by our caller.
            return unsafe { store_text(&order.md5.to_string(), buf, buf_len) };
        }
        Command::IOT_OTAG_VERSION => {
            // SAFETY: promised by our caller.
            return unsafe { store_text(&order.version, buf, buf_len) };
        }
        _ => {
            log::error!("IOT_OTA_Ioctl: configurations do not come over CoAP");
            return Err(IOT_OTAE_GENERAL);
        }
    };
    let place: *mut u32 = buf.cast();
    if buf_len != size_of::<u32>() || !place.is_aligned() {
        log::error!("IOT_OTA_Ioctl: a number needs an aligned buffer of 4 bytes, not of {buf_len}");
        return Err(IOT_OTAE_INVALID_PARAM);
    }
    // SAFETY: aligned and of that size, and writable, as our caller promises.
    unsafe { place.write(number) };
    if command == Command::IOT_OTAG_CHECK_FIRMWARE && update.verdict().is_none() {
        return Err(IOT_OTAE_INVALID_STATE);
    }
    Ok(())
}

/// Copies as much of the text as fits, with a NUL behind it.
///
/// # Safety
///
/// `buf` must have `buf_len` writable bytes, at least one.
unsafe fn store_text(text: &str, buf: *mut c_void, buf_len: usize) -> Result<(), IOT_OTA_Err_t> {
    let kept = text.len().min(buf_len - 1);
    let place: *mut u8 = buf.cast();
    // SAFETY: `kept` + 1 bytes are within `buf_len`, as our caller promises.
    unsafe {
        place.copy_from_nonoverlapping(text.as_ptr(), kept);
        place.add(kept).write(0);
    }
    if kept < text.len() {
        log::error!(
            "IOT_OTA_Ioctl: {buf_len} bytes are too few for a text of {}",
            text.len()
        );
        return Err(IOT_OTAE_STR_TOO_LONG);
    }
    Ok(())
}
