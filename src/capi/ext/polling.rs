//! A client inside a program's own event loop.

use crate::cancel;
use crate::capi::client::refuse_null;
use crate::capi::context::Context;
use crate::capi::types::{iotx_coap_context_t, iotx_ret_code_t};
use crate::client::Happening;
use std::ffi::c_int;
use std::time::Duration;

/// The file descriptor to wait at: it becomes readable when there is something for iotx_coap_process.
/// Use it with poll, select or epoll, and for nothing else. It belongs to the client, and a client that
/// connects anew has another one, so ask before every wait. From any thread.
///
/// @param p_context  the client
///
/// @return the descriptor; -1 while there is no connection, when the firmware's own HAL_UDP_* or
///         HAL_DTLSSession_* made it (their handles need not be descriptors: wait by the firmware's own
///         means), and when `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_descriptor(p_context: *mut iotx_coap_context_t) -> c_int {
    boundary!(on_panic => -1, {
        let context = Context::acquire(p_context);
        context.and_then(|context| context.client.descriptor()).unwrap_or(-1)
    })
}

/// How long a loop may wait, at most, before it calls iotx_coap_process, if nothing arrives at the descriptor:
/// until a message is to be repeated, or given up, the token to be renewed, or the like. Ask before every wait, and again after a
/// message was sent: a loop that waits while another thread sends must be woken up for it, by the
/// program. From any thread.
///
/// @param p_context  the client
///
/// @return milliseconds, as poll and epoll_wait take them: 0 when something is due now, -1 when only what
///         arrives moves anything, and also when `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_next_timeout(p_context: *mut iotx_coap_context_t) -> c_int {
    boundary!(on_panic => -1, {
        let context = Context::acquire(p_context);
        context.and_then(|context| context.client.next_timeout()).map_or(-1, millis)
    })
}

/// Begins to authenticate the device and does not wait: iotx_coap_process or IOT_CoAP_Yield does the rest, within
/// auth_timeout_ms, or that long after the end of the pause that the cloud has asked for in an earlier answer (5 min at
/// most). How it ends is told by an event, IOTX_COAP_EVENT_AUTHENTICATED or
/// IOTX_COAP_EVENT_AUTH_FAILED (see iotx_coap_failure_t), and by iotx_coap_is_authenticated. After a failure it may be
/// begun again; while one is under way, it is that one. From any thread.
///
/// @param p_context  the client
///
/// @retval IOTX_SUCCESS              begun
/// @retval IOTX_ERR_SEND_MSG_FAILED  the client is being ended by another thread
/// @retval IOTX_ERR_INVALID_PARAM    `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_authenticate_begin(
    p_context: *mut iotx_coap_context_t,
) -> c_int {
    boundary!(on_panic => iotx_ret_code_t::IOTX_ERR_SEND_MSG_FAILED as c_int, {
        let Some(context) = Context::acquire(p_context) else {
            return refuse_null("iotx_coap_authenticate_begin");
        };
        let result = match context.client.begin_to_authenticate() {
            Ok(()) => iotx_ret_code_t::IOTX_SUCCESS,
            Err(_) => iotx_ret_code_t::IOTX_ERR_SEND_MSG_FAILED,
        };
        result as c_int
    })
}

/// Receives what is there, calls the callbacks of answered reports and the event_handle, and sends what is due, as IOT_CoAP_Yield
/// does, but waits for nothing. Call it when the descriptor is readable or the time-out has passed; at
/// any other time it does no harm. Only where a connection that the firmware's own HAL_DTLSSession_* made has
/// been lost does it block, while these make another one. With a firmware's own HAL_UDP_* or HAL_DTLSSession_* it waits one
/// millisecond in the read function, the shortest wait that this can express.
///
/// From any thread; while another one is in IOT_CoAP_Yield with the same client, that one receives. The
/// callbacks run on the calling thread before the function returns, and may call every function.
///
/// @param p_context  the client
///
/// @return how many answers there were, 0 or more, those without a callback included;
///         IOTX_ERR_INVALID_PARAM (negative) when `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer. The callbacks of the messages that were sent are as their type says.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn iotx_coap_process(p_context: *mut iotx_coap_context_t) -> c_int {
    let result = boundary!(on_panic => iotx_ret_code_t::IOTX_SUCCESS as c_int, {
        let Some(context) = Context::acquire(p_context) else {
            return refuse_null("iotx_coap_process");
        };
        let mut answers: c_int = 0;
        context.client.process(&mut |happening| {
            answers += c_int::from(matches!(happening, Happening::Response(_)));
            context.happened(happening);
        });
        context.refresh_peeked();
        answers
    });
    cancel::point();
    result
}

/// Whether the cloud has accepted the device, so that IOT_CoAP_SendMessage takes reports. It stays so while the client
/// replaces a token that was refused, or has become too old, by itself (see `reauthenticate` in iotx_coap_settings_t): reports
/// are taken then, and wait for the next token. It ends when the cloud refuses the device for good
/// (IOTX_COAP_EVENT_AUTH_FAILED), or with the token where the client replaces none. From any thread.
///
/// @param p_context  the client
///
/// @return 1 or 0; 0 also when `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_is_authenticated(p_context: *mut iotx_coap_context_t) -> c_int {
    boundary!(on_panic => 0, {
        let context = Context::acquire(p_context);
        context.map_or(0, |context| c_int::from(context.client.takes_reports()))
    })
}

/// Rounded up, so that a loop does not wake before its time and spin.
fn millis(wait: Duration) -> c_int {
    c_int::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_are_rounded_up_and_bounded() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(5)), 5);
        assert_eq!(millis(Duration::MAX), c_int::MAX);
    }

    #[test]
    fn pointers_that_are_no_clients_are_refused() {
        let nothing = std::ptr::null_mut();
        // SAFETY: any pointer may be given.
        unsafe {
            assert_eq!(iotx_coap_descriptor(nothing), -1);
            assert_eq!(iotx_coap_next_timeout(nothing), -1);
            assert_eq!(iotx_coap_process(nothing), -1);
            assert_eq!(iotx_coap_authenticate_begin(nothing), -1);
            assert_eq!(iotx_coap_is_authenticated(nothing), 0);
        }
    }
}
