//! The client functions: Init, DeviceNameAuth, SendMessage, Yield, Deinit and their kin.

use super::context::{Callback, CallbackArgument, Context, Habits, Recipient};
use super::types::{
    IOTX_URI_MAX_LEN, iotx_coap_config_t, iotx_coap_context_t, iotx_content_type_t, iotx_message_t,
    iotx_msg_type_t, iotx_ret_code_t,
};
use super::{identity, text};
use crate::cancel;
use crate::client::{
    AuthError, Client, Endpoint, Happening, Report, ReportError, SendError, Settings,
};
use crate::cloud_auth::Encoding;
use crate::coap::PathError;
use crate::hal::HalPlatform;
use std::ffi::{c_char, c_int};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// More than any URL the parser accepts needs.
const MAX_URL_LEN: usize = 1024;
/// `wait_time_ms` 0, and negative values, mean this (SDK, all releases).
const DEFAULT_WAIT: Duration = Duration::from_secs(2);
/// Longer waits are cut: an uninitialised `wait_time_ms` must not block a program for days.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Creates a client and connects it: resolves the host and, for coaps, completes the DTLS handshake.
/// Blocks meanwhile, for a bounded time. The client is not authenticated yet.
///
/// @param p_config  see iotx_coap_config_t. Nothing of it is used after the call, neither the URL nor
///                  the device info
///
/// @return the client, to be released by IOT_CoAP_Deinit; NULL on failure, and one log line says why:
///         `p_config` or its `p_devinfo` is NULL, a member of the device info is not terminated, the URL
///         is malformed, the host cannot be resolved or reached, its certificate is not trusted,
///         or the handshake failed
///
/// # Safety
///
/// `p_config` is NULL or points to a configuration whose `p_url` is NULL or a NUL-terminated string
/// and whose `p_devinfo` is NULL or points to a device info.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_CoAP_Init(
    p_config: *mut iotx_coap_config_t,
) -> *mut iotx_coap_context_t {
    boundary!(on_panic => ptr::null_mut(), {
        // SAFETY: promised by our caller.
        unsafe { init(p_config, Choices::default(), None) }
    })
}

/// What a program may choose beyond the SDK's configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    /// The client's settings.
    pub(super) settings: Settings,
    /// What response callbacks get as their first argument.
    pub(super) callback_argument: CallbackArgument,
    /// Whether Yield always takes its whole time.
    pub(super) full_wait: bool,
    /// Whether `event_handle` is read and called.
    pub(super) report_events: bool,
}

/// A session to go on with.
pub(super) struct Saved<'a> {
    pub(super) bytes: &'a [u8],
    /// How long ago it was saved, if the device knows.
    pub(super) elapsed: Option<Duration>,
}

/// # Safety
///
/// As for [`IOT_CoAP_Init`]; and where the choices ask for events, `event_handle` is NULL or a function of its type.
pub(super) unsafe fn init(
    p_config: *const iotx_coap_config_t,
    choices: Choices,
    saved: Option<Saved<'_>>,
) -> *mut iotx_coap_context_t {
    if p_config.is_null() {
        log::error!("IOT_CoAP_Init: no configuration (NULL)");
        return ptr::null_mut();
    }
    // Member by member: `event_handle` may be uninitialised and is not touched, unless the program says so.
    // SAFETY: not NULL, so it points to a configuration, as our caller promises.
    let (url, wait_time_ms, info) = unsafe {
        (
            (*p_config).p_url,
            (*p_config).wait_time_ms,
            (*p_config).p_devinfo,
        )
    };
    if info.is_null() {
        log::error!("IOT_CoAP_Init: no device info (NULL)");
        return ptr::null_mut();
    }
    // SAFETY: not NULL, so it points to a device info, as our caller promises.
    let identity = match unsafe { identity::read(info) } {
        Ok(identity) => identity,
        Err(error) => {
            log::error!("IOT_CoAP_Init: {error}");
            return ptr::null_mut();
        }
    };
    let endpoint = if url.is_null() {
        Endpoint::default_for(&identity.product_key)
    } else {
        // SAFETY: not NULL, so it is a terminated string, as our caller promises.
        let Some(url) = (unsafe { text::str_within(url, MAX_URL_LEN) }) else {
            log::error!("IOT_CoAP_Init: the URL is no UTF-8 text of at most {MAX_URL_LEN} bytes");
            return ptr::null_mut();
        };
        match Endpoint::parse(url) {
            Ok(endpoint) => endpoint,
            Err(error) => {
                log::error!("IOT_CoAP_Init: URL \"{}\": {error}", url.escape_debug());
                return ptr::null_mut();
            }
        }
    };
    if identity.product_key.is_empty()
        || identity.device_name.is_empty()
        || identity.device_secret.as_bytes().is_empty()
    {
        log::warn!("IOT_CoAP_Init: product key, device name or device secret is empty");
    }
    let name = endpoint.to_string();
    let Choices {
        settings,
        callback_argument,
        full_wait,
        report_events,
    } = choices;
    let habits = Habits {
        wait: wait_time(wait_time_ms).into(),
        full_wait,
        callback_argument,
        event_handle: if report_events {
            // SAFETY: not NULL, so it is a configuration, and a program that asks for events has set this member.
            unsafe { (*p_config).event_handle }
        } else {
            None
        },
    };
    let platform = HalPlatform::new();
    let connected = match saved {
        None => Client::connect(platform, identity, endpoint, settings)
            .map_err(|error| error.to_string()),
        Some(Saved { bytes, elapsed }) => {
            Client::connect_restored(platform, identity, endpoint, settings, bytes, elapsed)
                .map_err(|error| error.to_string())
        }
    };
    match connected {
        Ok(client) => Context::register(client, habits),
        Err(error) => {
            log::error!("IOT_CoAP_Init: {name}: {error}");
            ptr::null_mut()
        }
    }
}

fn wait_time(wait_time_ms: c_int) -> Duration {
    match u64::try_from(wait_time_ms) {
        Ok(0) | Err(_) => DEFAULT_WAIT,
        Ok(millis) => Duration::from_millis(millis).min(LONGEST_WAIT),
    }
}

/// Releases a client: closes its connection and frees what it holds. Callbacks of reports that are
/// still unanswered are not called. May be called from inside a callback, and while other threads are in calls
/// with this client: those return when they notice, at the latest when the wait for a datagram that they are
/// in has ended, and a callback that is running in one of them is not waited for.
///
/// @param pp_context  where the client's pointer is kept; NULL is stored there. NULL, a NULL pointer there, or
///                    one that is not a client's (any more) does nothing
///
/// # Safety
///
/// `pp_context` is NULL or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_CoAP_Deinit(pp_context: *mut *mut iotx_coap_context_t) {
    boundary!(on_panic => (), {
        if pp_context.is_null() {
            return;
        }
        // SAFETY: not NULL, so it is the caller's pointer variable.
        let context = unsafe { pp_context.replace(ptr::null_mut()) };
        Context::release(context);
    })
}

/// Authenticates the device with the cloud and waits for the result: returns as soon as the cloud has
/// answered, after 10 s at the latest. The request is repeated meanwhile by the timing of RFC 7252; a
/// cloud that answers 5.00 is asked again after a pause. Answers to reports that arrive in the meantime
/// are handed to their callbacks. A connection that has ended is opened anew; what that takes (with coaps a
/// handshake, as in IOT_CoAP_Init) and the time spent in callbacks come on top of the 10 s.
///
/// @param p_context  the client
///
/// @retval IOTX_SUCCESS              the cloud has accepted the device; reports may be sent
/// @retval IOTX_ERR_AUTH_FAILED      the cloud refused the device or did not answer in time. After a
///                                   timeout, an answer that arrives later, during IOT_CoAP_Yield,
///                                   still authenticates
/// @retval IOTX_ERR_SEND_MSG_FAILED  the request could not be sent
/// @retval IOTX_ERR_INVALID_PARAM    `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer. The callbacks of the messages that were sent are as their type says.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn IOT_CoAP_DeviceNameAuth(
    p_context: *mut iotx_coap_context_t,
) -> c_int {
    let result = boundary!(on_panic => code(iotx_ret_code_t::IOTX_ERR_AUTH_FAILED), {
        let Some(context) = Context::acquire(p_context) else {
            return refuse_null("IOT_CoAP_DeviceNameAuth");
        };
        let result = context.client.authenticate(&mut |h| context.happened(h));
        context.refresh_peeked();
        code(match result {
            Ok(()) => iotx_ret_code_t::IOTX_SUCCESS,
            Err(AuthError::Refused | AuthError::TimedOut) => iotx_ret_code_t::IOTX_ERR_AUTH_FAILED,
            Err(AuthError::NotSent) => iotx_ret_code_t::IOTX_ERR_SEND_MSG_FAILED,
        })
    });
    cancel::point();
    result
}

/// Sends a report by POST to a path, normally "/topic/{product key}/{device name}/...". Does not wait
/// for the answer: IOT_CoAP_Yield receives it and calls the message's callback.
///
/// @param p_context  the client
/// @param p_path     NUL-terminated path. Empty segments mean nothing, no character but '/' is special
/// @param p_message  see iotx_message_t; copied
///
/// @retval IOTX_SUCCESS              the report has left, or waits behind one that is under way
/// @retval IOTX_ERR_INVALID_PARAM    an argument is NULL, the client's is no client's (any more),
///                                   `msg_type` is neither CON nor NON, or the payload is NULL and
///                                   its length is not 0
/// @retval IOTX_ERR_MSG_TOO_LOOG     the payload has 1280 bytes or more, or does not fit into a datagram
///                                   of 1280 bytes together with path and token
/// @retval IOTX_ERR_NOT_AUTHED       there is no valid token: call IOT_CoAP_DeviceNameAuth
/// @retval IOTX_ERR_URI_TOO_LOOG     the path has more than IOTX_URI_MAX_LEN bytes, or more than 9
///                                   segments (8 with coap-psk)
/// @retval IOTX_ERR_SEND_MSG_FAILED  the report could not be sent, or too many are waiting; it has been
///                                   dropped and its callback will not be called
///
/// # Safety
///
/// `p_path` is NULL or NUL-terminated; `p_message` is NULL or a message whose payload, if not NULL, has `payload_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_CoAP_SendMessage(
    p_context: *mut iotx_coap_context_t,
    p_path: *mut c_char,
    p_message: *mut iotx_message_t,
) -> c_int {
    boundary!(in place, on_panic => code(iotx_ret_code_t::IOTX_ERR_SEND_MSG_FAILED), {
        let Some(context) = Context::acquire_in_place(p_context) else {
            return refuse_null("IOT_CoAP_SendMessage");
        };
        // SAFETY: promised by our caller.
        code(unsafe { send(&context, p_path, p_message) })
    })
}

/// # Safety
///
/// As for [`IOT_CoAP_SendMessage`].
unsafe fn send(
    context: &Arc<Context>,
    p_path: *const c_char,
    p_message: *const iotx_message_t,
) -> iotx_ret_code_t {
    if p_path.is_null() || p_message.is_null() {
        log::error!("IOT_CoAP_SendMessage: no path or no message (NULL)");
        return iotx_ret_code_t::IOTX_ERR_INVALID_PARAM;
    }
    // SAFETY: not NULL, so it is a message, as our caller promises. `user_data`, which may be uninitialised,
    // is read as bytes that are carried and handed back.
    let (msg_type, content_type, p_payload, payload_len, callback) = unsafe {
        (
            (*p_message).msg_type,
            (*p_message).content_type,
            (*p_message).p_payload,
            (*p_message).payload_len,
            Callback {
                function: (*p_message).resp_callback,
                user_data: (&raw const (*p_message).user_data)
                    .cast::<MaybeUninit<_>>()
                    .read(),
            },
        )
    };
    let confirmable = if msg_type == iotx_msg_type_t::IOTX_MESSAGE_CON as c_int {
        true
    } else if msg_type == iotx_msg_type_t::IOTX_MESSAGE_NON as c_int {
        false
    } else {
        log::error!("IOT_CoAP_SendMessage: msg_type {msg_type} is neither CON nor NON");
        return iotx_ret_code_t::IOTX_ERR_INVALID_PARAM;
    };
    let payload = match (p_payload.is_null(), usize::from(payload_len)) {
        (_, 0) => &[],
        (true, len) => {
            log::error!("IOT_CoAP_SendMessage: payload is NULL, its length {len}");
            return iotx_ret_code_t::IOTX_ERR_INVALID_PARAM;
        }
        // SAFETY: not NULL, so it has that many bytes, as our caller promises.
        (false, len) => unsafe { std::slice::from_raw_parts(p_payload, len) },
    };
    // One byte beyond the limit is enough to see that a path is too long.
    const PATH_SCAN: usize = IOTX_URI_MAX_LEN + 1;
    // SAFETY: not NULL, so it is terminated, as our caller promises. Where no NUL comes in time, the
    // scanned bytes have been read and are not NUL.
    let path = unsafe {
        text::bytes_within(p_path, PATH_SCAN)
            .unwrap_or_else(|| std::slice::from_raw_parts(p_path.cast(), PATH_SCAN))
    };
    let encoding = if content_type == iotx_content_type_t::IOTX_CONTENT_TYPE_CBOR as c_int {
        Encoding::Cbor
    } else {
        Encoding::Json
    };
    let report = Report {
        path,
        payload,
        content_format: encoding.content_format(),
        confirmable,
    };
    let callback = match context.habits.callback_argument {
        CallbackArgument::UserData => callback,
        CallbackArgument::Client => Callback {
            user_data: MaybeUninit::new(Arc::as_ptr(context).cast_mut().cast()),
            ..callback
        },
    };
    let (sent, peeked) = context
        .client
        .send_and_peek(&report, Recipient::Program(callback));
    context.show(peeked);
    match sent {
        Ok(()) => iotx_ret_code_t::IOTX_SUCCESS,
        Err(error) => not_sent(context, error),
    }
}

/// Logs why a report was not taken, and gives the code for it.
#[cold]
fn not_sent(context: &Context, error: SendError) -> iotx_ret_code_t {
    if error != SendError::Report(ReportError::NotAuthenticated) || context.first_unauthenticated()
    {
        log::error!("IOT_CoAP_SendMessage: {error}");
    }
    match error {
        SendError::Report(ReportError::TooLong) => iotx_ret_code_t::IOTX_ERR_MSG_TOO_LOOG,
        SendError::Report(ReportError::NotAuthenticated) => iotx_ret_code_t::IOTX_ERR_NOT_AUTHED,
        SendError::Report(ReportError::Path(PathError::TooLong | PathError::TooManySegments)) => {
            iotx_ret_code_t::IOTX_ERR_URI_TOO_LOOG
        }
        SendError::Report(ReportError::QueueFull | ReportError::Crypto) | SendError::NotSent => {
            iotx_ret_code_t::IOTX_ERR_SEND_MSG_FAILED
        }
    }
}

/// Receives what the cloud has sent, calls the callbacks of answered reports, and repeats what has not
/// been acknowledged, by the timing of RFC 7252. Waits for at most the configured `wait_time_ms` (0:
/// 2000; values above 60000 count as 60000) and returns as soon as what arrived has been handled.
///
/// @param p_context  the client
///
/// @retval IOTX_SUCCESS            done
/// @retval IOTX_ERR_INVALID_PARAM  `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer. The callbacks of the messages that were sent are as their type says.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn IOT_CoAP_Yield(p_context: *mut iotx_coap_context_t) -> c_int {
    let result = boundary!(in place, on_panic => code(iotx_ret_code_t::IOTX_SUCCESS), {
        let Some(context) = Context::acquire_in_place(p_context) else {
            return refuse_null("IOT_CoAP_Yield");
        };
        let Habits {
            wait, full_wait, ..
        } = context.habits;
        let sink = &mut |h: Happening<'_, Recipient>| context.happened(h);
        if full_wait {
            context.client.run_whole(wait.into(), sink);
            context.refresh_peeked();
        } else {
            context.show(context.client.run_and_peek(wait, sink));
        }
        code(iotx_ret_code_t::IOTX_SUCCESS)
    });
    cancel::point();
    result
}

/// Tells the number the next request of this client will carry as its token; the answer's
/// IOT_CoAP_GetMessageToken will be the same. No header of SDK 2.30 to 3.2.0 declares it.
///
/// @param p_context  the client
///
/// @return the number; 0xFFFFFFFF when `p_context` is NULL
///
/// # Safety
///
/// `p_context` may be any pointer. The callbacks of the messages that were sent are as their type says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_CoAP_GetCurToken(p_context: *mut iotx_coap_context_t) -> u32 {
    boundary!(on_panic => u32::MAX, {
        let context = Context::acquire(p_context);
        context.map_or(u32::MAX, |context| context.client.next_token())
    })
}

/// Asks the server for its list of resources (GET /.well-known/core); the answer is only logged. No
/// header of the SDK declares it; its OTA examples do.
///
/// @param p_context  the client; it need not be authenticated
///
/// @retval IOTX_SUCCESS              the request has been sent
/// @retval IOTX_ERR_SEND_MSG_FAILED  it could not be sent
/// @retval IOTX_ERR_INVALID_PARAM    `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer. The callbacks of the messages that were sent are as their type says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_get_well_known(p_context: *mut iotx_coap_context_t) -> c_int {
    boundary!(on_panic => code(iotx_ret_code_t::IOTX_ERR_SEND_MSG_FAILED), {
        let Some(context) = Context::acquire(p_context) else {
            return refuse_null("iotx_get_well_known");
        };
        let result = context.client.discover();
        context.refresh_peeked();
        match result {
            Ok(()) => code(iotx_ret_code_t::IOTX_SUCCESS),
            Err(error) => {
                log::error!("iotx_get_well_known: {error}");
                code(iotx_ret_code_t::IOTX_ERR_SEND_MSG_FAILED)
            }
        }
    })
}

const fn code(code: iotx_ret_code_t) -> c_int {
    code as c_int
}

pub(super) fn refuse_null(function: &str) -> c_int {
    log::error!("{function}: no client (NULL, or deinitialised)");
    code(iotx_ret_code_t::IOTX_ERR_INVALID_PARAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_times_are_clamped() {
        assert_eq!(wait_time(0), Duration::from_secs(2));
        assert_eq!(wait_time(-1), Duration::from_secs(2));
        assert_eq!(wait_time(c_int::MIN), Duration::from_secs(2));
        assert_eq!(wait_time(1), Duration::from_millis(1));
        assert_eq!(wait_time(3000), Duration::from_secs(3));
        assert_eq!(wait_time(c_int::MAX), Duration::from_secs(60));
    }
}
