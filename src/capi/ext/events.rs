//! Events: what `event_handle` of the SDK's configuration is called with.

#![allow(non_camel_case_types)]

use crate::capi::context::{Context, Recipient};
use crate::capi::types::{iotx_coap_event_int, iotx_coap_event_t};
use crate::client::{AuthError, Failure, FailureReason, ReceiveFailure};
use std::ffi::{c_int, c_uint, c_void};
use std::mem::{MaybeUninit, size_of};
use std::ptr;

/// Events beyond those of iotx_coap_event_t, handed to event_handle as well.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_more_events_t {
    /// The client has a new token: reports may be sent. `p_data` is NULL.
    IOTX_COAP_EVENT_AUTHENTICATED = 100,
}

/// Why something failed, for iotx_coap_failure_t. Later releases may add values.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_failure_reason_t {
    /// SEND_FAILED: none of the transmissions was acknowledged. The cloud may have got the report.
    IOTX_COAP_FAILURE_UNACKNOWLEDGED = 1,
    /// SEND_FAILED: acknowledged, or sent as IOTX_MESSAGE_NON, and not answered in its time (RFC 7252,
    /// 4.8.2).
    IOTX_COAP_FAILURE_UNANSWERED = 2,
    /// SEND_FAILED: the cloud rejected the message (Reset).
    IOTX_COAP_FAILURE_RESET = 3,
    /// SEND_FAILED: the DTLS session, and with it the report, was lost more often than it is tried again.
    IOTX_COAP_FAILURE_SESSION_LOST = 4,
    /// SEND_FAILED: the cloud does not accept the device any more.
    IOTX_COAP_FAILURE_NOT_ACCEPTED = 5,
    /// SEND_FAILED: it could not leave in its time, or AUTH_FAILED: the request could not be sent.
    IOTX_COAP_FAILURE_NOT_SENT = 6,
    /// SEND_FAILED: it could not be written anew for the token, or the key, that is in force now.
    IOTX_COAP_FAILURE_NOT_ENCODABLE = 7,
    /// RECV_FAILED: a datagram was too long, and dropped.
    IOTX_COAP_FAILURE_TOO_LONG = 32,
    /// RECV_FAILED: the payload of an answer was not encrypted as agreed. The answer is delivered as it came.
    IOTX_COAP_FAILURE_NOT_DECRYPTED = 33,
    /// RECV_FAILED: the connection has ended.
    IOTX_COAP_FAILURE_CONNECTION_ENDED = 34,
    /// AUTH_FAILED: the cloud refused the device, or kept asking to try again later.
    IOTX_COAP_FAILURE_AUTH_REFUSED = 64,
    /// AUTH_FAILED: no usable answer in time.
    IOTX_COAP_FAILURE_AUTH_TIMEOUT = 65,
}

/// What failed: the `p_data` of IOTX_COAP_EVENT_SEND_FAILED, _RECV_FAILED and _AUTH_FAILED, valid until
/// event_handle returns.
///
/// event_handle is called only for clients made by iotx_coap_init_with with report_events set to 1. Its first
/// argument is the client. Every report whose IOT_CoAP_SendMessage returned IOTX_SUCCESS ends in exactly
/// one of a call of its resp_callback and an IOTX_COAP_EVENT_SEND_FAILED, unless IOT_CoAP_Deinit ends the
/// client before.
///
/// It runs where resp_callbacks do: on the thread that is in IOT_CoAP_Yield, IOT_CoAP_DeviceNameAuth or
/// iotx_coap_process, one at a time per such call. It may call every function, IOT_CoAP_SendMessage and
/// IOT_CoAP_Deinit of the same client included.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct iotx_coap_failure_t {
    /// Size of this struct as the library was compiled. Later releases add members at the end only.
    pub size: usize,
    /// Why: iotx_coap_failure_reason_t.
    pub reason: c_int,
    /// SEND_FAILED: how many datagrams the report has cost; 0 if it never left. Otherwise 0.
    pub transmissions: c_uint,
    /// SEND_FAILED: the message id of the report, the last one if it was sent anew; -1 if it never left.
    /// Otherwise -1.
    pub message_id: c_int,
    /// SEND_FAILED: the token of the report, as IOT_CoAP_GetCurToken told it before it was sent. Otherwise 0.
    pub token: c_uint,
    /// SEND_FAILED: what the report's resp_callback would have got as its first argument; NULL for a report
    /// of the library's own (IOT_OTA_*). Otherwise NULL.
    pub user_data: MaybeUninit<*mut c_void>,
}

impl Context {
    /// A report was given up.
    pub(in crate::capi) fn send_failed(&self, failure: Failure<Recipient>) {
        let user_data = match failure.user {
            Recipient::Program(callback) => callback.user_data,
            Recipient::Library(_) => MaybeUninit::new(ptr::null_mut()),
        };
        self.tell_failure(
            iotx_coap_event_t::IOTX_COAP_EVENT_SEND_FAILED,
            iotx_coap_failure_t {
                transmissions: failure.transmissions,
                message_id: failure.message_id.map_or(-1, c_int::from),
                token: failure.token,
                user_data,
                ..because(of_report(failure.reason))
            },
        );
    }

    /// Something could not be received.
    pub(in crate::capi) fn receive_failed(&self, failure: ReceiveFailure) {
        let event = iotx_coap_event_t::IOTX_COAP_EVENT_RECV_FAILED;
        self.tell_failure(event, because(of_receiving(failure)));
    }

    /// The device is not authenticated, and the client has given up.
    pub(in crate::capi) fn auth_failed(&self, error: AuthError) {
        let event = iotx_coap_event_t::IOTX_COAP_EVENT_AUTH_FAILED;
        self.tell_failure(event, because(of_authentication(error)));
    }

    /// The client has a new token.
    pub(in crate::capi) fn authenticated(&self) {
        let event = iotx_coap_more_events_t::IOTX_COAP_EVENT_AUTHENTICATED;
        self.tell(event as c_int, ptr::null_mut());
    }

    fn tell_failure(&self, event: iotx_coap_event_t, mut failure: iotx_coap_failure_t) {
        self.tell(event as c_int, (&raw mut failure).cast());
    }

    fn tell(&self, event: iotx_coap_event_int, p_data: *mut c_void) {
        let Some(function) = self.habits.event_handle else {
            return;
        };
        // SAFETY: the program gave us this function with the promise of its type, and of report_events: callable
        // with the client, an event, and data that live until it returns.
        unsafe { function(self.name(), event, p_data) };
    }
}

fn because(reason: iotx_coap_failure_reason_t) -> iotx_coap_failure_t {
    iotx_coap_failure_t {
        size: size_of::<iotx_coap_failure_t>(),
        reason: reason as c_int,
        transmissions: 0,
        message_id: -1,
        token: 0,
        user_data: MaybeUninit::new(ptr::null_mut()),
    }
}

const fn of_report(reason: FailureReason) -> iotx_coap_failure_reason_t {
    use iotx_coap_failure_reason_t as Reason;
    match reason {
        FailureReason::Unacknowledged => Reason::IOTX_COAP_FAILURE_UNACKNOWLEDGED,
        FailureReason::Unanswered => Reason::IOTX_COAP_FAILURE_UNANSWERED,
        FailureReason::Reset => Reason::IOTX_COAP_FAILURE_RESET,
        FailureReason::SessionLost => Reason::IOTX_COAP_FAILURE_SESSION_LOST,
        FailureReason::AuthRefused => Reason::IOTX_COAP_FAILURE_NOT_ACCEPTED,
        FailureReason::NotSent => Reason::IOTX_COAP_FAILURE_NOT_SENT,
        FailureReason::NotEncodable => Reason::IOTX_COAP_FAILURE_NOT_ENCODABLE,
    }
}

const fn of_receiving(failure: ReceiveFailure) -> iotx_coap_failure_reason_t {
    use iotx_coap_failure_reason_t as Reason;
    match failure {
        ReceiveFailure::TooLong => Reason::IOTX_COAP_FAILURE_TOO_LONG,
        ReceiveFailure::NotDecrypted => Reason::IOTX_COAP_FAILURE_NOT_DECRYPTED,
        ReceiveFailure::ConnectionEnded => Reason::IOTX_COAP_FAILURE_CONNECTION_ENDED,
    }
}

const fn of_authentication(error: AuthError) -> iotx_coap_failure_reason_t {
    use iotx_coap_failure_reason_t as Reason;
    match error {
        AuthError::Refused => Reason::IOTX_COAP_FAILURE_AUTH_REFUSED,
        AuthError::TimedOut => Reason::IOTX_COAP_FAILURE_AUTH_TIMEOUT,
        AuthError::NotSent => Reason::IOTX_COAP_FAILURE_NOT_SENT,
    }
}
