//! Init, Deinit, and the last error.

use super::handle::Handle;
use super::{GENERAL, refuse_null};
use crate::capi::context::Context;
use crate::capi::text;
use crate::coap::MAX_PATH_LEN;
use crate::ota::Topics;
use std::ffi::{c_char, c_int, c_void};

/// More than any name in a path.
const NAME_SCAN: usize = MAX_PATH_LEN + 1;

/// Gets a client ready for firmware updates. Nothing is sent yet. A client can have several handles, a
/// process as many as it likes; they are independent.
///
/// @param product_key  product key of the device, copied
/// @param device_name  device name, copied
/// @param ch_signal    the client, an iotx_coap_context_t *. It may be deinitialised before the handle;
///                     reports fail from then on
///
/// @return the handle, to be released by IOT_OTA_Deinit; NULL, with a log line, when an argument is NULL,
///         `ch_signal` is no client (any more), a name is empty or no UTF-8, or both names together make a path of more than 135 bytes
///
/// # Safety
///
/// The names are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_Init(
    product_key: *const c_char,
    device_name: *const c_char,
    ch_signal: *mut c_void,
) -> *mut c_void {
    boundary!(on_panic => std::ptr::null_mut(), {
        let context = Context::acquire(ch_signal);
        // SAFETY: promised by our caller.
        let (product_key, device_name) = unsafe {
            (
                text::str_within(product_key, NAME_SCAN),
                text::str_within(device_name, NAME_SCAN),
            )
        };
        let Some(context) = context else {
            log::error!("IOT_OTA_Init: no client (NULL, or deinitialised)");
            return std::ptr::null_mut();
        };
        let (Some(product_key), Some(device_name)) = (product_key, device_name) else {
            log::error!("IOT_OTA_Init: product key or device name is NULL, too long or no UTF-8");
            return std::ptr::null_mut();
        };
        match Topics::new(product_key, device_name) {
            Ok(topics) => Handle::register(&context, topics),
            Err(error) => {
                log::error!("IOT_OTA_Init: {error}");
                std::ptr::null_mut()
            }
        }
    })
}

/// Releases a handle, whatever its state: ends its download and frees what it holds. Answers to its
/// reports that arrive later are ignored. May be called from inside a callback.
///
/// @param handle  the handle
///
/// @retval IOT_OTAE_NONE           done
/// @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more)
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_Deinit(handle: *mut c_void) -> c_int {
    boundary!(on_panic => GENERAL, {
        if Handle::release(handle) {
            0
        } else {
            refuse_null("IOT_OTA_Deinit")
        }
    })
}

/// Tells why the last call failed that failed.
///
/// @param handle  the handle
///
/// @return a value of IOT_OTA_Err_t: IOT_OTAE_NONE if no call has failed yet, IOT_OTAE_INVALID_PARAM if
///         `handle` is NULL or no handle (any more)
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_GetLastError(handle: *mut c_void) -> c_int {
    boundary!(on_panic => GENERAL, {
        match Handle::acquire(handle) {
            Some(handle) => handle.last_error(),
            None => refuse_null("IOT_OTA_GetLastError"),
        }
    })
}
