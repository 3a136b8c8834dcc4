//! `HAL_DTLSSession_*` on OpenSSL: DTLS 1.2 (RFC 6347), server certificate always verified, or a
//! pre-shared key.
//!
//! From below: `link` is the socket, `records` the sieve for what arrives on it, `router` says who
//! takes a record; `wire` is what OpenSSL sees of both. A `handshake` is driven without waiting; an
//! `effort` is one or more of them within a bounded time; a `channel` is what a handshake leaves. An
//! `association` holds a channel and, while it is being replaced, the effort for its successor. A
//! `session` is that behind a lock, with the waiting.

mod alerts;
mod association;
mod channel;
mod context;
mod dialer;
mod effort;
mod extras;
mod failure;
mod handshake;
mod link;
mod records;
mod resume;
mod router;
mod session;
#[cfg(test)]
#[cfg(not(miri))] // OpenSSL and sockets
mod tests;
mod timers;
mod verify;
mod waker;
mod wire;

use std::ffi::{c_char, c_uint, c_void};
use std::ptr;

use self::channel::Ended;
use self::dialer::{Limits, Proof, Target};
use self::session::{Read, Session, WriteError, establish};
use super::boundary::{bytes, bytes_mut, guard, guard_in_place, text};
use crate::hal::sys::{
    DTLS_FATAL_ALERT_MESSAGE, DTLS_INVALID_PARAM, DTLS_PEER_CLOSE_NOTIFY, DTLS_READ_DATA_FAILED,
    DTLS_SUCCESS, coap_dtls_options_t,
};
use crate::hal::{certs, dtls_offer};

/// `HAL_DTLSSession_create`: connects and does the whole handshake. NULL on failure, after one line
/// with the reason.
///
/// Roots left NULL mean the bundled ones. A pre-shared key, a session to resume and limits come by
/// way of [`dtls_offer`], and what this port can do beyond the seam goes back the same way.
///
/// # Safety
/// `options` is NULL or valid, its texts NULL or NUL-terminated.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_dtls_create(
    options: *const coap_dtls_options_t,
) -> *mut c_void {
    guard("HAL_DTLSSession_create", ptr::null_mut(), || {
        // SAFETY: promised by the caller.
        let host = unsafe { options.as_ref() }
            .and_then(|options| unsafe { text(options.p_host.cast_const()) });
        let Some(host) = host else {
            log::error!("HAL_DTLSSession_create: no options, or the host is NULL or not UTF-8");
            return ptr::null_mut();
        };
        // SAFETY: not NULL, else there were no host; promised by the caller.
        let options = unsafe { &*options };
        let roots = if options.p_ca_cert_pem.is_null() {
            certs::ROOTS_PEM
        } else {
            // SAFETY: not NULL; promised by the caller.
            unsafe { std::ffi::CStr::from_ptr(options.p_ca_cert_pem.cast::<c_char>()) }
        };
        let announced = dtls_offer::current();
        let limits = announced
            .as_ref()
            .map_or_else(Limits::default, Limits::announced);
        let proof = Proof::new(roots.to_bytes(), announced);
        let target = Target {
            host,
            port: options.port,
        };
        match establish(target, &proof, limits) {
            Ok(session) => {
                let context = Box::into_raw(Box::new(session)).cast();
                dtls_offer::extend(context, &extras::EXTRAS);
                context
            }
            Err(failure) => {
                log::error!(
                    "DTLS connection to {host}:{} failed: {failure}",
                    options.port
                );
                ptr::null_mut()
            }
        }
    })
}

/// `HAL_DTLSSession_write`: sends `*len` bytes as one record.
///
/// SUCCESS only when the datagram was handed to the network; the code of the session's end after it
/// has ended; INVALID_PARAM for NULL, an empty datagram, or one longer than a record;
/// READ_DATA_FAILED for every other failure (the SDK has no code for failed writes).
///
/// # Safety
/// `session` is NULL or a live session; `len` is NULL or valid; `data` is NULL or readable for
/// `*len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_dtls_write(
    session: *mut c_void,
    data: *const u8,
    len: *mut c_uint,
) -> c_uint {
    guard_in_place("HAL_DTLSSession_write", DTLS_READ_DATA_FAILED, || {
        // SAFETY: promised by the caller; a session is shared, never borrowed mutably.
        let (session, len) = unsafe { (session.cast::<Session>().as_ref(), len.as_ref()) };
        let (Some(session), Some(len)) = (session, len) else {
            return DTLS_INVALID_PARAM;
        };
        // SAFETY: promised by the caller.
        let Some(datagram) = (unsafe { bytes(data, *len) }) else {
            return DTLS_INVALID_PARAM;
        };
        match session.write(datagram) {
            Ok(()) => DTLS_SUCCESS,
            Err(WriteError::Length) => DTLS_INVALID_PARAM,
            Err(WriteError::Ended(ended)) => code_of(ended),
            Err(WriteError::Transport) => DTLS_READ_DATA_FAILED,
        }
    })
}

/// `HAL_DTLSSession_read`: waits for one record; `*len` is the room before and the length after.
///
/// SUCCESS with length 0 is a time-out; a time-out of 0 waits for ever. A signal does not end the
/// wait. What does not fit is cut off. While a renewal is under way (which only the client behind
/// [`dtls_offer`] can ask for), its end is reported by a code of its own.
///
/// # Safety
/// `session` is NULL or a live session; `len` is NULL or valid; `data` is NULL or writable for
/// `*len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_dtls_read(
    session: *mut c_void,
    data: *mut u8,
    len: *mut c_uint,
    timeout_ms: c_uint,
) -> c_uint {
    guard_in_place("HAL_DTLSSession_read", DTLS_READ_DATA_FAILED, || {
        // SAFETY: promised by the caller; a session is shared, never borrowed mutably.
        let (session, len) = unsafe { (session.cast::<Session>().as_ref(), len.as_mut()) };
        let Some(len) = len else {
            return DTLS_INVALID_PARAM;
        };
        let room = std::mem::replace(len, 0);
        // SAFETY: promised by the caller.
        let (Some(session), Some(buffer)) = (session, unsafe { bytes_mut(data, room) }) else {
            return DTLS_INVALID_PARAM;
        };
        match session.read(buffer, timeout_ms) {
            Read::Datagram(length) => {
                *len = c_uint::try_from(length).unwrap_or(0);
                DTLS_SUCCESS
            }
            Read::Timeout => DTLS_SUCCESS,
            Read::Ended(ended) => code_of(ended),
            Read::Failed => DTLS_READ_DATA_FAILED,
            Read::Renewed => dtls_offer::RENEWED,
            Read::NotRenewed => dtls_offer::NOT_RENEWED,
        }
    })
}

/// `HAL_DTLSSession_free`: sends close_notify and frees. INVALID_PARAM for NULL.
///
/// # Safety
/// `session` is NULL or a live session that nobody uses any more.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_dtls_free(session: *mut c_void) -> c_uint {
    guard("HAL_DTLSSession_free", DTLS_SUCCESS, || {
        if session.is_null() {
            return DTLS_INVALID_PARAM;
        }
        // SAFETY: made by Box::into_raw in create, and freed once by the caller's promise.
        drop(unsafe { Box::from_raw(session.cast::<Session>()) });
        DTLS_SUCCESS
    })
}

fn code_of(ended: Ended) -> c_uint {
    match ended {
        Ended::CloseNotify => DTLS_PEER_CLOSE_NOTIFY,
        Ended::FatalAlert => DTLS_FATAL_ALERT_MESSAGE,
        // The seam has no code for a session that this side gave up: it is as dead as after an alert.
        Ended::Broken => DTLS_FATAL_ALERT_MESSAGE,
    }
}
