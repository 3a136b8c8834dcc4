//! What the device reports: its version, and how far an update is.

use super::handle::Handle;
use super::types::IOT_OTA_Err_t::{
    IOT_OTAE_GENERAL, IOT_OTAE_INVALID_PARAM, IOT_OTAE_OSC_FAILED, IOT_OTAE_STR_TOO_LONG,
};
use super::types::{IOT_OTA_Err_t, IOT_OTA_Progress_int};
use super::{GENERAL, INVALID_PARAM, fail, refuse_null};
use crate::capi::text;
use crate::ota::{
    MAX_FIRMWARE_VERSION_LEN, MAX_REPORT_LEN, ReportError, VersionReport, progress_payload,
};
use std::ffi::{c_char, c_int, c_void};

/// No byte behind the longest version's terminator is looked at.
const VERSION_SCAN: usize = MAX_FIRMWARE_VERSION_LEN + 1;
/// More than any description that fits into a report.
const MESSAGE_SCAN: usize = MAX_REPORT_LEN + 1;

/// Tells the cloud which firmware runs, and asks for a newer one. If there is one, the answer orders it:
/// IOT_OTA_IsFetching says so after an IOT_CoAP_Yield.
///
/// Two messages are posted: "inform", until the cloud has accepted one of this handle about this version,
/// and "request", every time.
///
/// @param handle   the handle
/// @param version  NUL-terminated, 1 to 32 bytes of UTF-8
///
/// @retval IOT_OTAE_NONE           the messages have left, or wait behind others
/// @retval IOT_OTAE_GENERAL        the version is empty or too long, or a message could not be sent;
///                                 IOT_OTA_GetLastError tells which
/// @retval IOT_OTAE_INVALID_PARAM  an argument is NULL, or `handle` no handle (any more)
///
/// # Safety
///
/// `version` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_ReportVersion(
    handle: *mut c_void,
    version: *const c_char,
) -> c_int {
    boundary!(on_panic => GENERAL, {
        // SAFETY: promised by our caller.
        unsafe { report_version("IOT_OTA_ReportVersion", handle, version, true) }
    })
}

/// Asks for an image without informing the cloud of the version first. SDK 2.1 and 2.21 declare this
/// function; that it posts "request" over CoAP is this library's reading of its name.
///
/// @param handle   the handle
/// @param version  the version that runs, as for IOT_OTA_ReportVersion
///
/// @return as IOT_OTA_ReportVersion
///
/// # Safety
///
/// As for IOT_OTA_ReportVersion.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_RequestImage(
    handle: *mut c_void,
    version: *const c_char,
) -> c_int {
    boundary!(on_panic => GENERAL, {
        // SAFETY: promised by our caller.
        unsafe { report_version("IOT_OTA_RequestImage", handle, version, false) }
    })
}

/// # Safety
///
/// As for [`IOT_OTA_ReportVersion`].
unsafe fn report_version(
    function: &str,
    handle: *mut c_void,
    version: *const c_char,
    inform: bool,
) -> c_int {
    let Some(handle) = Handle::acquire(handle) else {
        return refuse_null(function);
    };
    if version.is_null() {
        log::error!("{function}: no version (NULL)");
        return fail(&handle, IOT_OTAE_INVALID_PARAM, INVALID_PARAM);
    }
    // SAFETY: not NULL, so it is terminated, as our caller promises.
    let version = unsafe { text_within(version, VERSION_SCAN, ReportError::Version) };
    let report = match version.and_then(VersionReport::new) {
        Ok(report) => report,
        Err(error) => {
            log::error!("{function}: {error}");
            return fail(&handle, report_error(error), GENERAL);
        }
    };
    let topics = &handle.topics;
    if inform && handle.update().is_news(&report.version) {
        let informs = Some(report.version);
        if let Err(error) = handle.post(&topics.inform, &report.payload, informs) {
            log::error!("{function}: {error}");
            return fail(&handle, IOT_OTAE_OSC_FAILED, GENERAL);
        }
    }
    match handle.post(&topics.request, &report.payload, None) {
        Ok(()) => 0,
        Err(error) => {
            log::error!("{function}: {error}");
            fail(&handle, IOT_OTAE_OSC_FAILED, GENERAL)
        }
    }
}

/// Asks for a configuration. Configurations come over MQTT only, so this always fails.
///
/// @return IOT_OTAE_INVALID_PARAM if `handle` is NULL or no handle (any more), else IOT_OTAE_GENERAL
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_GetConfig(
    handle: *mut c_void,
    config_scope: *const c_char,
    get_type: *const c_char,
    attribute_keys: *const c_char,
) -> c_int {
    boundary!(on_panic => GENERAL, {
        let _ = (config_scope, get_type, attribute_keys);
        let Some(handle) = Handle::acquire(handle) else {
            return refuse_null("IOT_OTA_GetConfig");
        };
        log::error!("IOT_OTA_GetConfig: configurations do not come over CoAP");
        fail(&handle, IOT_OTAE_GENERAL, GENERAL)
    })
}

/// Tells the cloud how far the update is.
///
/// @param handle    the handle
/// @param progress  from IOT_OTAP_BURN_FAILED to IOT_OTAP_FETCH_PERCENTAGE_MAX
/// @param msg       NUL-terminated text to go with it; NULL: none. The report as a whole has room for 255
///                  bytes
///
/// @retval IOT_OTAE_NONE           the message has left, or waits behind others
/// @retval IOT_OTAE_GENERAL        `progress` is out of range, `msg` too long or no UTF-8, or the message
///                                 could not be sent; IOT_OTA_GetLastError tells which
/// @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more)
///
/// # Safety
///
/// `msg` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_ReportProgress(
    handle: *mut c_void,
    progress: IOT_OTA_Progress_int,
    msg: *const c_char,
) -> c_int {
    boundary!(on_panic => GENERAL, {
        let Some(handle) = Handle::acquire(handle) else {
            return refuse_null("IOT_OTA_ReportProgress");
        };
        let message = if msg.is_null() {
            Ok(None)
        } else {
            // SAFETY: not NULL, so it is terminated, as our caller promises.
            unsafe { text_within(msg, MESSAGE_SCAN, ReportError::TooLong) }.map(Some)
        };
        let payload = message.and_then(|message| progress_payload(progress, message));
        match payload.map(|payload| handle.post(&handle.topics.progress, &payload, None)) {
            Ok(Ok(())) => 0,
            Ok(Err(error)) => {
                log::error!("IOT_OTA_ReportProgress: {error}");
                fail(&handle, IOT_OTAE_OSC_FAILED, GENERAL)
            }
            Err(error) => {
                log::error!("IOT_OTA_ReportProgress: {error}");
                fail(&handle, report_error(error), GENERAL)
            }
        }
    })
}

/// The text at `text`; `too_long` if no NUL comes within `limit` bytes.
///
/// # Safety
///
/// `text` must be NUL-terminated, and not change while the result lives.
unsafe fn text_within<'a>(
    text: *const c_char,
    limit: usize,
    too_long: ReportError,
) -> Result<&'a str, ReportError> {
    // SAFETY: promised by our caller.
    let bytes = unsafe { text::bytes_within(text, limit) }.ok_or(too_long)?;
    std::str::from_utf8(bytes).map_err(|_| ReportError::Encoding)
}

const fn report_error(error: ReportError) -> IOT_OTA_Err_t {
    match error {
        ReportError::TooLong | ReportError::PathTooLong => IOT_OTAE_STR_TOO_LONG,
        ReportError::Version | ReportError::Step | ReportError::NoName | ReportError::Encoding => {
            IOT_OTAE_INVALID_PARAM
        }
    }
}
