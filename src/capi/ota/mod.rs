//! Firmware updates over CoAP, in a header of their own: `include/exports/iot_export_ota.h`.

mod handle;

// From here on in the order of the header; blank lines keep rustfmt from sorting them.
pub mod types;

mod lifecycle;

mod report;

mod fetch;

mod ioctl;

pub use fetch::{IOT_OTA_FetchYield, IOT_OTA_IsFetchFinish, IOT_OTA_IsFetching};
pub use ioctl::IOT_OTA_Ioctl;
pub use lifecycle::{IOT_OTA_Deinit, IOT_OTA_GetLastError, IOT_OTA_Init};
pub use report::{
    IOT_OTA_GetConfig, IOT_OTA_ReportProgress, IOT_OTA_ReportVersion, IOT_OTA_RequestImage,
};

use handle::Handle;
use std::ffi::c_int;
use types::IOT_OTA_Err_t;

const GENERAL: c_int = IOT_OTA_Err_t::IOT_OTAE_GENERAL as c_int;
const INVALID_PARAM: c_int = IOT_OTA_Err_t::IOT_OTAE_INVALID_PARAM as c_int;

/// Remembers the error for IOT_OTA_GetLastError and gives the value to return.
fn fail(handle: &Handle, error: IOT_OTA_Err_t, result: c_int) -> c_int {
    handle.set_last_error(error as c_int);
    result
}

fn refuse_null(function: &str) -> c_int {
    log::error!("{function}: no handle (NULL, or deinitialised)");
    INVALID_PARAM
}
