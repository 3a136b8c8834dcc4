//! The signature helpers that some firmware calls by itself.

use super::text;
use super::types::iotx_ret_code_t;
use crate::cloud_auth::{SignMethod, sign_parameters};
use std::ffi::{c_char, c_int, c_uint};

const SUCCESS: c_int = iotx_ret_code_t::IOTX_SUCCESS as c_int;
const INVALID_PARAM: c_int = iotx_ret_code_t::IOTX_ERR_INVALID_PARAM as c_int;

/// Longer arguments are refused: nothing the cloud knows comes near.
const MAX_LEN: usize = 256;

/// Signs as the authentication does (HMAC-MD5): the text that coap and coaps sign.
///
/// @param p_device_secret  the key
/// @param p_client_id      client id
/// @param p_device_name    device name
/// @param p_product_key    product key; all four NUL-terminated, at most 255 bytes
/// @param sign             receives 32 lower-case hex digits and a NUL: 33 bytes
///
/// @retval IOTX_SUCCESS            the signature has been written
/// @retval IOTX_ERR_INVALID_PARAM  an argument is NULL, too long, or not UTF-8
///
/// # Safety
///
/// The first four are NULL or NUL-terminated; `sign` is NULL or has room for 33 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_calc_sign(
    p_device_secret: *const c_char,
    p_client_id: *const c_char,
    p_device_name: *const c_char,
    p_product_key: *const c_char,
    sign: *mut c_char,
) -> c_int {
    boundary!(on_panic => INVALID_PARAM, {
        let arguments = [p_device_secret, p_client_id, p_device_name, p_product_key];
        // SAFETY: promised by our caller.
        unsafe { calc_sign(arguments, None, sign) }
    })
}

/// Signs as the authentication of coap-psk does: as iotx_calc_sign, with the sequence number in the text.
///
/// @param p_device_secret  the key
/// @param p_client_id      client id
/// @param p_device_name    device name
/// @param p_product_key    product key; all four NUL-terminated, at most 255 bytes
/// @param seq              sequence number
/// @param sign             receives 32 lower-case hex digits and a NUL: 33 bytes
///
/// @retval IOTX_SUCCESS            the signature has been written
/// @retval IOTX_ERR_INVALID_PARAM  an argument is NULL, too long, or not UTF-8
///
/// # Safety
///
/// The first four are NULL or NUL-terminated; `sign` is NULL or has room for 33 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_calc_sign_with_seq(
    p_device_secret: *const c_char,
    p_client_id: *const c_char,
    p_device_name: *const c_char,
    p_product_key: *const c_char,
    seq: c_uint,
    sign: *mut c_char,
) -> c_int {
    boundary!(on_panic => INVALID_PARAM, {
        let arguments = [p_device_secret, p_client_id, p_device_name, p_product_key];
        // SAFETY: promised by our caller.
        unsafe { calc_sign(arguments, Some(seq), sign) }
    })
}

/// # Safety
///
/// The arguments are NULL or NUL-terminated; `sign` is NULL or has room for 33 bytes.
unsafe fn calc_sign(
    arguments: [*const c_char; 4],
    seq: Option<c_uint>,
    sign: *mut c_char,
) -> c_int {
    // SAFETY: promised by our caller.
    let [secret, client_id, device_name, product_key] =
        arguments.map(|argument| unsafe { text::str_within(argument, MAX_LEN) });
    let (Some(secret), Some(client_id), Some(device_name), Some(product_key), false) =
        (secret, client_id, device_name, product_key, sign.is_null())
    else {
        log::error!("iotx_calc_sign: an argument is NULL, too long, or not UTF-8");
        return INVALID_PARAM;
    };
    let seq = seq.map(|seq| seq.to_string());
    let parameters = [
        ("clientId", client_id),
        ("deviceName", device_name),
        ("productKey", product_key),
    ]
    .into_iter()
    .chain(seq.as_deref().map(|seq| ("seq", seq)));
    let signature = sign_parameters(SignMethod::HmacMd5, secret.as_bytes(), parameters);
    let hex = signature.as_str().as_bytes();
    // SAFETY: HMAC-MD5 is 32 digits, and `sign` has room for those and the NUL.
    unsafe {
        std::ptr::copy_nonoverlapping(hex.as_ptr().cast(), sign, hex.len());
        sign.add(hex.len()).write(0);
    }
    SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::ptr::{null, null_mut};

    const SECRET: &CStr = c"0123456789abcdef0123456789ABCDEF";

    fn arguments() -> [*const c_char; 4] {
        [
            SECRET.as_ptr(),
            c"a1B2c3D4e5F.dev01".as_ptr(),
            c"dev01".as_ptr(),
            c"a1B2c3D4e5F".as_ptr(),
        ]
    }

    #[test]
    fn the_vectors_of_appendix_6_in_exactly_33_bytes() {
        let [secret, client_id, device_name, product_key] = arguments();
        let mut sign = [0x55 as c_char; 34];
        // SAFETY: terminated strings and room enough.
        unsafe {
            let out = sign.as_mut_ptr();
            assert_eq!(
                iotx_calc_sign(secret, client_id, device_name, product_key, out),
                0
            );
            let text = CStr::from_ptr(out);
            assert_eq!(text, c"d9119147f59f559d84e67ed00e1f4c08");
            let result =
                iotx_calc_sign_with_seq(secret, client_id, device_name, product_key, 9122, out);
            assert_eq!(result, 0);
            assert_eq!(CStr::from_ptr(out), c"b7c67f33a3b38ee8a9ce43b6b556f641");
        }
        assert_eq!(sign[33], 0x55, "not a byte behind the terminator");
    }

    #[test]
    fn null_and_endless_arguments_are_refused() {
        let endless = [b'x' as c_char; 300];
        let mut sign = [0; 33];
        for index in 0..4 {
            for bad in [null(), endless.as_ptr()] {
                let mut arguments = arguments();
                arguments[index] = bad;
                let [a, b, c, d] = arguments;
                // SAFETY: NULL, terminated, or longer than what is read.
                assert_eq!(unsafe { iotx_calc_sign(a, b, c, d, sign.as_mut_ptr()) }, -1);
            }
        }
        let [a, b, c, d] = arguments();
        // SAFETY: as above.
        let result = unsafe { iotx_calc_sign_with_seq(a, b, c, d, 1, null_mut()) };
        assert_eq!(result, -1);
    }
}
