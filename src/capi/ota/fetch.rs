//! The download.

use super::handle::Handle;
use super::types::IOT_OTA_Err_t::{
    IOT_OTAE_FETCH_FAILED, IOT_OTAE_INVALID_PARAM, IOT_OTAE_INVALID_STATE,
};
use super::{GENERAL, INVALID_PARAM, fail, refuse_null};
use crate::download::FetchError;
use crate::ota::{Phase, progress_payload};
use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

/// What a download reports once, with its first bytes (SDK 2.00 to 2.30).
const BEGIN: &str = "Enter in downloading state";

/// Longer waits are cut: some programs count in milliseconds.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Says whether an image is ordered and not complete: time for IOT_OTA_FetchYield.
///
/// @param handle  the handle
///
/// @return 1 or 0; 0 also if `handle` is NULL or no handle (any more)
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_IsFetching(handle: *mut c_void) -> c_int {
    boundary!(on_panic => 0, {
        c_int::from(phase(handle) == Some(Phase::Fetching))
    })
}

/// Says whether the image is complete, right or wrong.
///
/// @param handle  the handle
///
/// @return 1 or 0; 0 also if `handle` is NULL or no handle (any more)
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_IsFetchFinish(handle: *mut c_void) -> c_int {
    boundary!(on_panic => 0, {
        c_int::from(phase(handle) == Some(Phase::Fetched))
    })
}

fn phase(handle: *mut c_void) -> Option<Phase> {
    let handle = Handle::acquire(handle)?;
    let phase = handle.update().phase();
    Some(phase)
}

/// Fetches the next bytes of the image. With the first ones, progress 0 is reported.
///
/// After IOT_OTAE_GENERAL, IOT_OTA_IsFetching tells how to go on. 1: the next call connects again and goes on
/// behind the last byte, at a new URL if the cloud has ordered the same image again. 0: the order has been
/// given up, because its URL will not give the image. That happens only while no byte of the image has been
/// handed out. Afterwards nothing but the same image's other bytes ever follow, whatever the cloud orders; a
/// program that wants no more of them resets the fetched size (IOT_OTAG_RESET_FETCHED_SIZE), and is given
/// the first byte again, or releases the handle. An attempt that has failed twice without a byte is made
/// again after a pause of a second, then two, up to a minute; calls meanwhile wait, and return 0.
///
/// @param handle     the handle
/// @param buf        where the bytes go; what lies behind them is overwritten up to the length of what was
///                   missing of the image
/// @param buf_len    how many it can hold
/// @param timeout_s  how long to wait at most, in seconds, as the header of every SDK release says (the
///                   code of some took milliseconds); values above 60 count as 60. The wait ends early
///                   when `buf` is full or the image complete. The system's resolver is not interrupted
///
/// @return how many bytes are in `buf`, 0 if none came in time, or another thread fetched all the while;
///         otherwise
/// @retval IOT_OTAE_GENERAL        the download failed; a log line says why
/// @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more), `buf` is NULL, or `buf_len` is 0
/// @retval IOT_OTAE_INVALID_STATE  no image is ordered, or it is complete
///
/// # Safety
///
/// `buf` is NULL or has `buf_len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_FetchYield(
    handle: *mut c_void,
    buf: *mut c_char,
    buf_len: u32,
    timeout_s: u32,
) -> c_int {
    boundary!(on_panic => GENERAL, {
        let Some(handle) = Handle::acquire(handle) else {
            return refuse_null("IOT_OTA_FetchYield");
        };
        // More could not be told in an int.
        let len = buf_len.min(c_int::MAX.unsigned_abs()) as usize;
        if buf.is_null() || len == 0 {
            log::error!("IOT_OTA_FetchYield: no buffer (NULL, or of length 0)");
            return fail(&handle, IOT_OTAE_INVALID_PARAM, INVALID_PARAM);
        }
        let timeout = Duration::from_secs(timeout_s.into()).min(LONGEST_WAIT);
        let Some(mut fetcher) = handle.fetcher(timeout) else {
            log::warn!("IOT_OTA_FetchYield: another thread is fetching");
            return 0;
        };
        let missing = handle.update().missing();
        let len = usize::try_from(missing).map_or(len, |missing| len.min(missing));
        // The caller may not have written to its buffer, but a Rust slice needs defined bytes.
        // SAFETY: not NULL, so it has that many writable bytes, as our caller promises.
        let buffer = unsafe {
            buf.write_bytes(0, len);
            std::slice::from_raw_parts_mut(buf.cast::<u8>(), len)
        };
        let fetched = if len > 0 {
            fetcher.fetch(handle.shared_update(), buffer, timeout)
        } else {
            Err(FetchError::NothingOrdered)
        };
        drop(fetcher);
        match fetched {
            Ok(len) => {
                if len > 0 && handle.update().announce() {
                    announce(&handle);
                }
                c_int::try_from(len).unwrap_or(c_int::MAX)
            }
            Err(FetchError::NothingOrdered) => {
                log::error!("IOT_OTA_FetchYield: no image is ordered, or it is complete");
                fail(&handle, IOT_OTAE_INVALID_STATE, IOT_OTAE_INVALID_STATE as c_int)
            }
            Err(FetchError::Failed(failure)) => {
                log::error!("IOT_OTA_FetchYield: {failure}");
                fail(&handle, IOT_OTAE_FETCH_FAILED, GENERAL)
            }
        }
    })
}

/// Reports the begin of a download. The bytes are here whether this succeeds or not.
fn announce(handle: &Handle) {
    let Ok(payload) = progress_payload(0, Some(BEGIN)) else {
        return;
    };
    if let Err(error) = handle.post(&handle.topics.progress, &payload, None) {
        log::warn!("the begin of the download was not reported: {error}");
    }
}
