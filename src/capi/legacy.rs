//! Functions of single SDK releases that firmware may refer to beside the CoAP client.

use super::types::iotx_ret_code_t;
use crate::sync::Mutex;
use std::ffi::{c_char, c_int, c_void};
use std::sync::PoisonError;

const FAIL_RETURN: c_int = -1;
const SUCCESS: c_int = iotx_ret_code_t::IOTX_SUCCESS as c_int;

/// Logs in to the cloud for an MQTT connection (SDK 2.01 to 2.1). This library has no MQTT: the call
/// fails, with a log line.
///
/// @return -1, always
#[unsafe(no_mangle)]
pub extern "C" fn IOT_SetupConnInfoSecure(
    product_key: *const c_char,
    device_name: *const c_char,
    device_secret: *const c_char,
    info_ptr: *mut *mut c_void,
) -> c_int {
    let _ = (product_key, device_name, device_secret, info_ptr);
    boundary!(on_panic => FAIL_RETURN, {
        log::error!("IOT_SetupConnInfoSecure: this library has no MQTT, for which it prepares");
        FAIL_RETURN
    })
}

/// Chooses the region of MQTT connections (SDK 2.1). A CoAP client is led by its URL: the call does
/// nothing but write a log line.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_SetupDomain(domain_type: c_int) {
    boundary!(on_panic => (), {
        log::warn!("IOT_SetupDomain: {domain_type} ignored, a CoAP client is led by its URL");
    })
}

/// What watches over the events of the process.
type Monitor = Option<unsafe extern "C" fn(event: c_int)>;

static MONITOR: Mutex<Monitor> = Mutex::new(None);

/// Makes a function the one that iotx_event_post calls (SDK 2.21 and later). A CoAP client posts
/// nothing.
///
/// @param monitor_cb  takes the place of the one before; NULL: none. It must return, as iotx_response_callback_t
///
/// @retval 0   done
///
/// # Safety
///
/// `monitor_cb` is NULL or may be called with any number, from any thread that calls iotx_event_post.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_event_regist_cb(
    monitor_cb: Option<unsafe extern "C" fn(event: c_int)>,
) -> c_int {
    boundary!(on_panic => FAIL_RETURN, {
        *MONITOR.lock().unwrap_or_else(PoisonError::into_inner) = monitor_cb;
        SUCCESS
    })
}

/// Calls the function registered by iotx_event_regist_cb.
///
/// @param event  handed to it
///
/// @retval 0   it has been called
/// @retval -1  there is none
#[unsafe(no_mangle)]
pub extern "C" fn iotx_event_post(event: c_int) -> c_int {
    boundary!(on_panic => FAIL_RETURN, {
        // Copied, so that no lock is held during the call: the monitor may register another one.
        let monitor = *MONITOR.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(monitor) = monitor else {
            return FAIL_RETURN;
        };
        // SAFETY: promised when it was registered.
        unsafe { monitor(event) };
        SUCCESS
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI32, Ordering};

    static LAST_EVENT: AtomicI32 = AtomicI32::new(0);

    unsafe extern "C" fn keep(event: c_int) {
        LAST_EVENT.store(event, Ordering::Relaxed);
    }

    /// One test, because the monitor is process-wide.
    #[test]
    fn events_reach_the_monitor_while_there_is_one() {
        assert_eq!(iotx_event_post(1), -1);
        // SAFETY: `keep` takes any number.
        assert_eq!(unsafe { iotx_event_regist_cb(Some(keep)) }, 0);
        assert_eq!(iotx_event_post(0x3000), 0);
        assert_eq!(LAST_EVENT.load(Ordering::Relaxed), 0x3000);
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { iotx_event_regist_cb(None) }, 0);
        assert_eq!(iotx_event_post(2), -1);
        assert_eq!(LAST_EVENT.load(Ordering::Relaxed), 0x3000);
    }
}
