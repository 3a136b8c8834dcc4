//! What this port's sessions do beyond the four functions of the C seam, for the client that
//! announced itself: see [`dtls_offer`](crate::hal::dtls_offer).

use std::ffi::c_void;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::boundary::guard;
use super::session::Session;
use crate::hal::dtls_offer::SessionExtras;

/// The table that create hands to the client.
pub(super) static EXTRAS: Extras = Extras;

/// Works on contexts that `HAL_DTLSSession_create` of this port made.
#[derive(Debug)]
pub(super) struct Extras;

/// Runs `body` on the session behind `context`.
///
/// # Safety
/// `context` is a live session of this port.
unsafe fn on<T>(
    name: &str,
    context: NonNull<c_void>,
    or: T,
    mut body: impl FnMut(&Session) -> T,
) -> T {
    guard(name, or, || {
        // SAFETY: promised by the caller; a session is shared, never borrowed mutably.
        body(unsafe { context.cast::<Session>().as_ref() })
    })
}

impl SessionExtras for Extras {
    unsafe fn renew(&self, context: NonNull<c_void>) -> bool {
        // SAFETY: the trait's promise.
        unsafe { on("DTLS renew", context, false, Session::renew) }
    }

    unsafe fn cancel_renewal(&self, context: NonNull<c_void>) {
        // SAFETY: the trait's promise.
        unsafe { on("DTLS cancel", context, (), Session::cancel_renewal) }
    }

    unsafe fn next_timeout(&self, context: NonNull<c_void>) -> Option<Duration> {
        // SAFETY: the trait's promise.
        unsafe { on("DTLS next timeout", context, None, Session::next_timeout) }
    }

    unsafe fn resumable(&self, context: NonNull<c_void>) -> Option<Zeroizing<Vec<u8>>> {
        // SAFETY: the trait's promise.
        unsafe { on("DTLS resumable", context, None, Session::resumable) }
    }

    unsafe fn descriptor(&self, context: NonNull<c_void>) -> Option<RawFd> {
        // SAFETY: the trait's promise.
        unsafe {
            on("DTLS descriptor", context, None, |session| {
                Some(session.descriptor())
            })
        }
    }

    unsafe fn largest_datagram(&self, context: NonNull<c_void>) -> Option<usize> {
        // SAFETY: the trait's promise.
        unsafe {
            on("DTLS largest datagram", context, None, |session| {
                Some(session.largest_datagram())
            })
        }
    }
}
