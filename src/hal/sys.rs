//! The imported symbols, in the call-compatible form of releases 2.01 to 3.2.0. Nothing else in the
//! crate names them.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_ushort, c_void};
use std::mem::{offset_of, size_of};

/// Base of the DTLS codes.
const DTLS_ERROR_BASE: c_uint = 1 << 24;
/// Done.
pub(crate) const DTLS_SUCCESS: c_uint = 0;
/// A NULL or impossible argument.
pub(crate) const DTLS_INVALID_PARAM: c_uint = DTLS_ERROR_BASE | 1;
/// The peer sent a fatal alert.
pub(crate) const DTLS_FATAL_ALERT_MESSAGE: c_uint = DTLS_ERROR_BASE | 5;
/// The peer sent close_notify.
pub(crate) const DTLS_PEER_CLOSE_NOTIFY: c_uint = DTLS_ERROR_BASE | 6;
/// Any other failure of the transport. The SDK has no code of its own for failed writes.
pub(crate) const DTLS_READ_DATA_FAILED: c_uint = DTLS_ERROR_BASE | 8;

/// Argument of `HAL_DTLSSession_create`, SDK 2.01 and later.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub(crate) struct coap_dtls_options_t {
    /// Root certificates, PEM text, NUL-terminated.
    pub(crate) p_ca_cert_pem: *mut c_uchar,
    /// Host name or address; also the name checked against the certificate.
    pub(crate) p_host: *mut c_char,
    /// UDP port.
    pub(crate) port: c_ushort,
}

const _: () = {
    let pointer = size_of::<*mut c_void>();
    assert!(size_of::<coap_dtls_options_t>() == 3 * pointer);
    assert!(offset_of!(coap_dtls_options_t, p_ca_cert_pem) == 0);
    assert!(offset_of!(coap_dtls_options_t, p_host) == pointer);
    assert!(offset_of!(coap_dtls_options_t, port) == 2 * pointer);
    assert!(size_of::<c_ushort>() == 2);
};

unsafe extern "C" {
    /// Milliseconds since some start. Ports for 2.01 return 32 bits: only those are meaningful.
    pub(crate) fn HAL_UptimeMs() -> u64;
    /// Sleeps.
    pub(crate) fn HAL_SleepMs(ms: u32);
    /// A value in `[0, region)`.
    pub(crate) fn HAL_Random(region: u32) -> u32;
    /// Seeds `HAL_Random` where it needs one.
    pub(crate) fn HAL_Srandom(seed: u32);
    /// The console.
    pub(crate) fn HAL_Printf(fmt: *const c_char, ...);

    /// A connected datagram socket, or a negative value.
    pub(crate) fn HAL_UDP_create(host: *mut c_char, port: c_ushort) -> isize;
    /// Closes a handle of `HAL_UDP_create`.
    pub(crate) fn HAL_UDP_close_without_connect(sockfd: isize) -> c_int;
    /// Bytes sent, or a negative value.
    pub(crate) fn HAL_UDP_write(p_socket: isize, p_data: *const c_uchar, datalen: c_uint) -> c_int;
    /// Bytes received; -1 error, -2 time-out, -3 interrupted, -4 wait failed. A time-out of 0 waits
    /// for ever.
    pub(crate) fn HAL_UDP_readTimeout(
        p_socket: isize,
        p_data: *mut c_uchar,
        datalen: c_uint,
        timeout_ms: c_uint,
    ) -> c_int;

    /// A DTLS session after its handshake, or NULL.
    pub(crate) fn HAL_DTLSSession_create(p_options: *mut coap_dtls_options_t) -> *mut c_void;
    /// Sends one record.
    pub(crate) fn HAL_DTLSSession_write(
        context: *mut c_void,
        p_data: *const c_uchar,
        p_datalen: *mut c_uint,
    ) -> c_uint;
    /// Receives one record; SUCCESS with length 0 is a time-out. A time-out of 0 waits for ever.
    pub(crate) fn HAL_DTLSSession_read(
        context: *mut c_void,
        p_data: *mut c_uchar,
        p_datalen: *mut c_uint,
        timeout_ms: c_uint,
    ) -> c_uint;
    /// Says goodbye and frees.
    pub(crate) fn HAL_DTLSSession_free(context: *mut c_void) -> c_uint;

    /// Stores the product key (2.1 to 3.01).
    pub(crate) fn HAL_SetProductKey(product_key: *mut c_char) -> c_int;
    /// Stores the product secret (2.1 to 3.01).
    pub(crate) fn HAL_SetProductSecret(product_secret: *mut c_char) -> c_int;
    /// Stores the device name (2.1 to 3.01).
    pub(crate) fn HAL_SetDeviceName(device_name: *mut c_char) -> c_int;
    /// Stores the device secret (2.1 to 3.01).
    pub(crate) fn HAL_SetDeviceSecret(device_secret: *mut c_char) -> c_int;
    /// Up to 20 characters and a NUL.
    pub(crate) fn HAL_GetProductKey(product_key: *mut c_char) -> c_int;
    /// Up to 64 characters and a NUL.
    pub(crate) fn HAL_GetProductSecret(product_secret: *mut c_char) -> c_int;
    /// Up to 32 characters and a NUL.
    pub(crate) fn HAL_GetDeviceName(device_name: *mut c_char) -> c_int;
    /// Up to 64 characters and a NUL.
    pub(crate) fn HAL_GetDeviceSecret(device_secret: *mut c_char) -> c_int;
    /// Up to 64 characters and a NUL.
    pub(crate) fn HAL_GetDeviceID(device_id: *mut c_char) -> c_int;
    /// Up to 64 characters and a NUL. Ports for 2.01 return a pointer: only zero or not is
    /// meaningful.
    pub(crate) fn HAL_GetPartnerID(pid_str: *mut c_char) -> c_int;
    /// Up to 64 characters and a NUL.
    pub(crate) fn HAL_GetModuleID(mid_str: *mut c_char) -> c_int;
    /// Up to 64 characters and a NUL.
    pub(crate) fn HAL_GetFirmwareVersion(version: *mut c_char) -> c_int;
}
