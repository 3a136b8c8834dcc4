//! OpenSSL's retransmission timer (RFC 6347 4.2.4: 1 s at first, doubled up to 60 s), which it asks
//! its caller to run.

use std::ffi::{c_int, c_long};
use std::ptr;
use std::time::Duration;

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{SslRef, SslStream};

/// `DTLSv1_get_timeout` and `DTLSv1_handle_timeout` are macros over these commands.
const DTLS_CTRL_GET_TIMEOUT: c_int = 73;
const DTLS_CTRL_HANDLE_TIMEOUT: c_int = 74;

/// The time until the last flight is due again; `None` while nothing waits for an answer.
pub(super) fn until_retransmission(ssl: &SslRef) -> Option<Duration> {
    let mut time = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // SAFETY: `ssl` is live; the command writes one timeval.
    let running = unsafe {
        openssl_sys::SSL_ctrl(
            ssl.as_ptr(),
            DTLS_CTRL_GET_TIMEOUT,
            0,
            (&raw mut time).cast(),
        )
    };
    if running != 1 {
        return None;
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
}

/// Sends the last flight again if it is due.
pub(super) fn retransmit_if_due<S>(stream: &mut SslStream<S>) -> Result<(), ErrorStack> {
    const FAILED: c_long = -1;
    let ssl = stream.ssl().as_ptr();
    // SAFETY: `ssl` is live and, with its stream, borrowed for writing; the command takes no
    // argument.
    let result =
        unsafe { openssl_sys::SSL_ctrl(ssl, DTLS_CTRL_HANDLE_TIMEOUT, 0, ptr::null_mut()) };
    if result <= FAILED {
        Err(ErrorStack::get())
    } else {
        Ok(())
    }
}
