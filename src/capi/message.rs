//! Received messages and their accessors.

use super::types::{iotx_coap_resp_code_int, iotx_ret_code_t};
use crate::client::ResponseHead;
use std::ffi::{c_int, c_uchar, c_uint, c_void};

const SUCCESS: c_int = iotx_ret_code_t::IOTX_SUCCESS as c_int;
const INVALID_PARAM: c_int = iotx_ret_code_t::IOTX_ERR_INVALID_PARAM as c_int;

/// What a response callback gets as `p_message`.
///
/// It begins as the SDK's own message did, because some firmware casts it and reads the token: a header
/// word (bit fields, version in the two low bits on little-endian machines) and the token's bytes.
#[repr(C)]
pub(super) struct ReceivedMessage {
    version_type_token_len: u8,
    code: u8,
    message_id: u16,
    token: [u8; 12],
    payload: *mut c_uchar,
    payload_len: c_int,
}

const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(ReceivedMessage, code) == 1);
    assert!(offset_of!(ReceivedMessage, message_id) == 2);
    assert!(offset_of!(ReceivedMessage, token) == 4);
};

impl ReceivedMessage {
    /// `payload_and_nul` must outlive the result, and does so in the one place that calls this.
    pub(super) fn new(head: &ResponseHead, payload_and_nul: &mut [u8]) -> Self {
        let [a, b, c, d, e, f, g, h] = head.token.padded();
        let token = [a, b, c, d, e, f, g, h, 0, 0, 0, 0];
        let (version, kind, len) = (1, head.message_type as u8, head.token.len());
        let version_type_token_len = if cfg!(target_endian = "little") {
            version | kind << 2 | len << 4
        } else {
            version << 6 | kind << 4 | len
        };
        let payload_len = c_int::try_from(payload_and_nul.len() - 1).unwrap_or(0);
        let payload = if payload_len == 0 {
            std::ptr::null_mut()
        } else {
            payload_and_nul.as_mut_ptr()
        };
        Self {
            version_type_token_len,
            code: head.code.0,
            message_id: head.message_id,
            token,
            payload,
            payload_len,
        }
    }
}

/// Gives the response code of a message, any of RFC 7252's and the cloud's: 0x45 for 2.05 Content, 0x82
/// for 4.02 and so on.
///
/// @param p_message    the message a response callback was given; valid until that callback returns
/// @param p_resp_code  where the code goes
///
/// @retval IOTX_SUCCESS            the code has been stored
/// @retval IOTX_ERR_INVALID_PARAM  an argument is NULL
///
/// # Safety
///
/// `p_message` is NULL or the argument of a response callback that has not returned yet; `p_resp_code`
/// is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_CoAP_GetMessageCode(
    p_message: *mut c_void,
    p_resp_code: *mut iotx_coap_resp_code_int,
) -> c_int {
    boundary!(on_panic => INVALID_PARAM, {
        if p_message.is_null() || p_resp_code.is_null() {
            return INVALID_PARAM;
        }
        let message: *const ReceivedMessage = p_message.cast();
        // SAFETY: both are not NULL; that they are what they should be is the caller's promise.
        unsafe { p_resp_code.write(c_int::from((*message).code)) };
        SUCCESS
    })
}

/// Gives the payload of a message, decrypted where the session encrypts it, as often as asked.
///
/// @param p_message   the message a response callback was given; valid until that callback returns
/// @param pp_payload  where the payload's address goes: NULL when there is none. The payload belongs to
///                    the message, ends with it, and has a NUL behind its last byte
/// @param p_len       where its length in bytes goes, the NUL not counted
///
/// @retval IOTX_SUCCESS            address and length have been stored
/// @retval IOTX_ERR_INVALID_PARAM  an argument is NULL
///
/// # Safety
///
/// `p_message` is NULL or the argument of a response callback that has not returned yet; the other two
/// are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_CoAP_GetMessagePayload(
    p_message: *mut c_void,
    pp_payload: *mut *mut c_uchar,
    p_len: *mut c_int,
) -> c_int {
    boundary!(on_panic => INVALID_PARAM, {
        if p_message.is_null() || pp_payload.is_null() || p_len.is_null() {
            return INVALID_PARAM;
        }
        let message: *const ReceivedMessage = p_message.cast();
        // SAFETY: none is NULL; that they are what they should be is the caller's promise.
        unsafe {
            pp_payload.write((*message).payload);
            p_len.write((*message).payload_len);
        }
        SUCCESS
    })
}

/// Gives the number that ties a response to its request: what IOT_CoAP_GetCurToken returned before the
/// request was sent. No header of SDK 2.30 to 3.2.0 declares it; firmware declares it itself.
///
/// @param p_message  the message a response callback was given; valid until that callback returns
/// @param token      where the number goes
///
/// @retval IOTX_SUCCESS            the number has been stored
/// @retval IOTX_ERR_INVALID_PARAM  an argument is NULL
///
/// # Safety
///
/// `p_message` is NULL or the argument of a response callback that has not returned yet; `token` is
/// NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_CoAP_GetMessageToken(
    p_message: *mut c_void,
    token: *mut c_uint,
) -> c_int {
    boundary!(on_panic => INVALID_PARAM, {
        if p_message.is_null() || token.is_null() {
            return INVALID_PARAM;
        }
        let message: *const ReceivedMessage = p_message.cast();
        // SAFETY: both are not NULL; that they are what they should be is the caller's promise.
        unsafe {
            let [a, b, c, d, ..] = (*message).token;
            token.write(u32::from_le_bytes([a, b, c, d]));
        }
        SUCCESS
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coap::{Code, MessageType, Token};
    use std::ptr::null_mut;

    fn message(payload_and_nul: &mut [u8]) -> ReceivedMessage {
        let head = ResponseHead {
            message_type: MessageType::Acknowledgement,
            code: Code(0x82),
            message_id: 0x1234,
            token: Token::from_number(0x0102_0304),
        };
        ReceivedMessage::new(&head, payload_and_nul)
    }

    #[test]
    fn accessors_give_code_payload_and_token() {
        let mut bytes = *b"hello\0";
        let mut message = message(&mut bytes);
        let p: *mut c_void = (&raw mut message).cast();
        let (mut code, mut payload, mut len, mut token) = (0, null_mut(), -1, 0);
        // SAFETY: a live message and writable results.
        unsafe {
            assert_eq!(IOT_CoAP_GetMessageCode(p, &mut code), 0);
            assert_eq!(IOT_CoAP_GetMessageToken(p, &mut token), 0);
            for _ in 0..2 {
                assert_eq!(IOT_CoAP_GetMessagePayload(p, &mut payload, &mut len), 0);
                assert_eq!(
                    std::slice::from_raw_parts(payload, len as usize + 1),
                    b"hello\0"
                );
            }
        }
        assert_eq!((code, token), (0x82, 0x0102_0304));
    }

    #[test]
    fn no_payload_is_null_and_zero() {
        let mut bytes = [0];
        let mut message = message(&mut bytes);
        let mut payload = std::ptr::dangling_mut();
        let mut len = -1;
        // SAFETY: a live message and writable results.
        let result = unsafe {
            IOT_CoAP_GetMessagePayload((&raw mut message).cast(), &mut payload, &mut len)
        };
        assert_eq!((result, payload.is_null(), len), (0, true, 0));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_head_reads_as_the_sdk_laid_it_out() {
        let message = message(&mut [0]);
        assert_eq!(message.version_type_token_len, 1 | 2 << 2 | 4 << 4);
        assert_eq!(message.message_id, 0x1234);
        assert_eq!(message.token[..5], [4, 3, 2, 1, 0]);
    }

    #[test]
    fn null_is_refused_in_every_place() {
        let mut bytes = [0];
        let mut message = message(&mut bytes);
        let p: *mut c_void = (&raw mut message).cast();
        let (mut code, mut payload, mut len, mut token) = (0, null_mut(), 0, 0);
        // SAFETY: NULL or live and writable.
        unsafe {
            assert_eq!(IOT_CoAP_GetMessageCode(null_mut(), &mut code), -1);
            assert_eq!(IOT_CoAP_GetMessageCode(p, null_mut()), -1);
            assert_eq!(
                IOT_CoAP_GetMessagePayload(null_mut(), &mut payload, &mut len),
                -1
            );
            assert_eq!(IOT_CoAP_GetMessagePayload(p, null_mut(), &mut len), -1);
            assert_eq!(IOT_CoAP_GetMessagePayload(p, &mut payload, null_mut()), -1);
            assert_eq!(IOT_CoAP_GetMessageToken(null_mut(), &mut token), -1);
            assert_eq!(IOT_CoAP_GetMessageToken(p, null_mut()), -1);
        }
    }
}
