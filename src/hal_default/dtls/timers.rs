//! OpenSSL's retransmission timer (RFC 6347 4.2.4: 1 s at first, doubled up to 60 s), which it asks
//! its caller to run.

use std::ffi::{c_int, c_long, c_uint};
use std::ptr;
use std::time::Duration;

use foreign_types::ForeignTypeRef;
use once_cell::sync::OnceCell;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslRef};

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

/// Sends the last flight again if it is due. Whoever owns `ssl` is in no other call of it, and does not use its transport.
pub(super) fn retransmit_if_due(ssl: &SslRef) -> Result<(), ErrorStack> {
    const FAILED: c_long = -1;
    // SAFETY: `ssl` is live; the command takes no argument.
    let result = unsafe {
        openssl_sys::SSL_ctrl(ssl.as_ptr(), DTLS_CTRL_HANDLE_TIMEOUT, 0, ptr::null_mut())
    };
    if result <= FAILED {
        Err(ErrorStack::get())
    } else {
        Ok(())
    }
}

/// The first interval of RFC 6347, which is OpenSSL's too.
pub(super) const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// The longest interval of RFC 6347.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Makes a flight due again after `interval` at first, instead of after [`FIRST_INTERVAL`].
pub(super) fn set_first_interval(ssl: &mut Ssl, interval: Duration) -> Result<(), ErrorStack> {
    type Callback = extern "C" fn(*mut openssl_sys::SSL, c_uint) -> c_uint;
    unsafe extern "C" {
        // <openssl/ssl.h>, OpenSSL 1.1.1 and later; not in the bindings.
        fn DTLS_set_timer_cb(ssl: *mut openssl_sys::SSL, callback: Callback);
    }
    ssl.set_ex_data(first_interval_index()?, interval);
    // SAFETY: `ssl` is live, and the callback is of the type that the header demands.
    unsafe { DTLS_set_timer_cb(ssl.as_ptr(), next_interval) };
    Ok(())
}

/// Where an SSL object keeps its first interval.
fn first_interval_index() -> Result<Index<Ssl, Duration>, ErrorStack> {
    static INDEX: OnceCell<Index<Ssl, Duration>> = OnceCell::new();
    INDEX.get_or_try_init(Ssl::new_ex_index).copied()
}

/// The interval, in microseconds, after one of `last`; 0 asks for the first.
extern "C" fn next_interval(ssl: *mut openssl_sys::SSL, last: c_uint) -> c_uint {
    let interval = if last == 0 {
        // SAFETY: OpenSSL calls with the live object that the callback was set on.
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        let first = first_interval_index().ok();
        first
            .and_then(|index| ssl.ex_data(index).copied())
            .unwrap_or(FIRST_INTERVAL)
    } else {
        Duration::from_micros(last.into()).saturating_mul(2)
    };
    c_uint::try_from(interval.min(LONGEST_INTERVAL).as_micros()).unwrap_or(c_uint::MAX)
}
