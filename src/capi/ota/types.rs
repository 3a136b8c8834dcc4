//! Constants and enums, with the names and numbers of the SDK.

#![allow(non_camel_case_types)]

use std::ffi::c_int;

/// Reports go over MQTT. Not in this library.
pub const OTA_CH_SIGNAL_MQTT: c_int = 0;
/// Reports go over CoAP.
pub const OTA_CH_SIGNAL_COAP: c_int = 1;
/// Images come over HTTP or HTTPS.
pub const OTA_CH_FETCH_HTTP: c_int = 1;

/// What went wrong last, see IOT_OTA_GetLastError.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IOT_OTA_Err_t {
    /// A report could not be sent over the CoAP client.
    IOT_OTAE_OSC_FAILED = -7,
    /// Out of memory.
    IOT_OTAE_NOMEM = -6,
    /// The download failed.
    IOT_OTAE_FETCH_FAILED = -5,
    /// A text is too long, or does not fit.
    IOT_OTAE_STR_TOO_LONG = -4,
    /// The call makes no sense now.
    IOT_OTAE_INVALID_STATE = -3,
    /// An argument is NULL or out of range.
    IOT_OTAE_INVALID_PARAM = -2,
    /// Anything else.
    IOT_OTAE_GENERAL = -1,
    /// Nothing.
    IOT_OTAE_NONE = 0,
}

/// Steps of an update for IOT_OTA_ReportProgress: a percentage, or one of the failures.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IOT_OTA_Progress_t {
    /// The image could not be installed.
    IOT_OTAP_BURN_FAILED = -4,
    /// The image is not the one that was ordered. (The spelling is the SDK's.)
    IOT_OTAP_CHECK_FALIED = -3,
    /// The image could not be fetched.
    IOT_OTAP_FETCH_FAILED = -2,
    /// Anything else failed.
    IOT_OTAP_GENERAL_FAILED = -1,
    /// Nothing has been fetched yet.
    IOT_OTAP_FETCH_PERCENTAGE_MIN = 0,
    /// All of it has been fetched.
    IOT_OTAP_FETCH_PERCENTAGE_MAX = 100,
}

/// States of an update.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IOT_OTA_State_t {
    /// There is no handle.
    IOT_OTAS_UNINITED = 0,
    /// Nothing is ordered.
    IOT_OTAS_INITED = 1,
    /// An image is ordered and not complete.
    IOT_OTAS_FETCHING = 2,
    /// The image is complete.
    IOT_OTAS_FETCHED = 3,
}

/// Kinds of updates.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IOT_OTA_Type_t {
    /// None is ordered.
    IOT_OTAT_NONE = 0,
    /// A configuration. Never over CoAP.
    IOT_OTAT_COTA = 1,
    /// A firmware.
    IOT_OTAT_FOTA = 2,
}

/// What IOT_OTA_Ioctl can be asked, numbered as in SDK 2.21 and 2.30.
///
/// Programs compiled with SDK 2.00 to 2.1 use other numbers for the first five: IOT_OTAG_FETCHED_SIZE was
/// 0, FILE_SIZE 1, MD5SUM 2, VERSION 3 and CHECK_FIRMWARE 4. They get what they mean, because the numbers
/// 0 to 4 stand for nothing else here.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IOT_OTA_CmdType_t {
    /// Configurations do not come over CoAP.
    IOT_OTAG_COTA_CONFIG_ID = 0,
    /// Configurations do not come over CoAP.
    IOT_OTAG_COTA_CONFIG_SIZE = 1,
    /// Configurations do not come over CoAP.
    IOT_OTAG_COTA_SIGN = 2,
    /// Configurations do not come over CoAP.
    IOT_OTAG_COTA_SIGN_METHOD = 3,
    /// Configurations do not come over CoAP.
    IOT_OTAG_COTA_URL = 4,
    /// Configurations do not come over CoAP: IOT_OTAE_GENERAL.
    IOT_OTAG_COTA_GETTYPE = 5,
    /// `uint32_t`: IOT_OTAT_FOTA.
    IOT_OTAG_OTA_TYPE = 6,
    /// `uint32_t`: bytes of the image that have been fetched.
    IOT_OTAG_FETCHED_SIZE = 7,
    /// `uint32_t`: bytes of the whole image.
    IOT_OTAG_FILE_SIZE = 8,
    /// Text: the MD5 that was ordered, 32 hexadecimal digits.
    IOT_OTAG_MD5SUM = 9,
    /// Text: the version that was ordered.
    IOT_OTAG_VERSION = 10,
    /// `uint32_t`: 1 if the complete image has the MD5 that was ordered, else 0.
    IOT_OTAG_CHECK_FIRMWARE = 11,
    /// Configurations do not come over CoAP: IOT_OTAE_GENERAL.
    IOT_OTAG_CHECK_CONFIG = 12,
    /// Begins the ordered image anew, from its first byte. Nothing is stored.
    IOT_OTAG_RESET_FETCHED_SIZE = 13,
}

/// A progress as C passes it: any int.
pub type IOT_OTA_Progress_int = c_int;
/// A command as C passes it: any int.
pub type IOT_OTA_CmdType_int = c_int;

const _: () = {
    assert!(size_of::<IOT_OTA_Progress_t>() == size_of::<IOT_OTA_Progress_int>());
    assert!(size_of::<IOT_OTA_CmdType_t>() == size_of::<IOT_OTA_CmdType_int>());
};
