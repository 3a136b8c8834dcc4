//! Extensions to the SDK's interface, in a header of their own: `include/iotx_coap_ext.h`.

#![allow(non_camel_case_types)]

use super::client;
use super::context::CallbackArgument;
use super::types::{iotx_coap_config_t, iotx_coap_context_t, iotx_content_type_t};
use crate::client::{DtlsOffer, Settings, TokenOption};
use crate::cloud_auth::{Encoding, SignMethod};
use std::ffi::{c_int, c_uint};
use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

/// Signatures of the authentication request, for iotx_coap_settings_t.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_sign_method_t {
    /// HMAC-MD5, what the SDK uses.
    IOTX_COAP_SIGN_HMACMD5 = 0,
    /// HMAC-SHA1.
    IOTX_COAP_SIGN_HMACSHA1 = 1,
    /// HMAC-SHA256.
    IOTX_COAP_SIGN_HMACSHA256 = 2,
}

/// What the DTLS handshake may rely on, for iotx_coap_settings_t.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_dtls_offer_t {
    /// The server's certificate first, the pre-shared key last; the server chooses.
    IOTX_COAP_DTLS_BOTH = 0,
    /// The server's certificate only.
    IOTX_COAP_DTLS_CERTIFICATE = 1,
    /// The pre-shared key only.
    IOTX_COAP_DTLS_PSK = 2,
}

/// First arguments of response callbacks, for iotx_coap_settings_t.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_callback_argument_t {
    /// The report's `user_data`, as in SDK 2.03 and later.
    IOTX_COAP_CALLBACK_USER_DATA = 0,
    /// The client, as in SDK 2.00 and 2.01; `user_data` is ignored.
    IOTX_COAP_CALLBACK_CLIENT = 1,
}

/// Settings that the SDK's configuration has no room for. Fill it in with iotx_coap_settings_init, then
/// change what should differ from the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct iotx_coap_settings_t {
    /// Size of this struct as the program was compiled; set by iotx_coap_settings_init. Later releases
    /// add members at the end only.
    pub size: usize,
    /// Signature of the authentication request: iotx_coap_sign_method_t. Default: HMAC-MD5.
    pub sign_method: c_int,
    /// Encoding of the authentication request and its answer: iotx_content_type_t. Default: JSON.
    pub auth_encoding: c_int,
    /// "ackMode" of the authentication request: -1 leaves it out, 0 asks for piggybacked answers, 1 for
    /// separate ones. Default: -1.
    pub ack_mode: c_int,
    /// Option that carries the token: 0 chooses by the host, otherwise 61 or 2088. Default: 0.
    pub token_option: c_int,
    /// What the DTLS handshake offers: iotx_coap_dtls_offer_t. Default: both.
    pub dtls_offer: c_int,
    /// How long one IOT_CoAP_DeviceNameAuth may take, in milliseconds; at least 1. Default: 10000.
    pub auth_timeout_ms: c_uint,
    /// Whether the device tells the cloud about its module and SDK after an authentication, as SDK 2.03 to
    /// 3.2.0 do, provided that HAL_GetPartnerID and HAL_GetModuleID give ids: 1 or 0. Default: 1.
    pub announce: c_int,
    /// What response callbacks get as their first argument: iotx_coap_callback_argument_t. Default:
    /// user_data.
    pub callback_argument: c_int,
}

impl Default for iotx_coap_settings_t {
    fn default() -> Self {
        Self {
            size: size_of::<Self>(),
            sign_method: iotx_coap_sign_method_t::IOTX_COAP_SIGN_HMACMD5 as c_int,
            auth_encoding: iotx_content_type_t::IOTX_CONTENT_TYPE_JSON as c_int,
            ack_mode: -1,
            token_option: 0,
            dtls_offer: iotx_coap_dtls_offer_t::IOTX_COAP_DTLS_BOTH as c_int,
            auth_timeout_ms: 10_000,
            announce: 1,
            callback_argument: iotx_coap_callback_argument_t::IOTX_COAP_CALLBACK_USER_DATA as c_int,
        }
    }
}

/// Fills settings in with their defaults.
///
/// @param settings  the caller's struct; NULL does nothing
/// @param size      sizeof(iotx_coap_settings_t)
///
/// # Safety
///
/// `settings` is NULL or has `size` writable bytes and the alignment of the struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_settings_init(settings: *mut iotx_coap_settings_t, size: usize) {
    boundary!(on_panic => (), {
        let known = size_of::<iotx_coap_settings_t>();
        if settings.is_null() || size < size_of::<usize>() {
            log::error!("iotx_coap_settings_init: no settings (NULL, or size {size})");
            return;
        }
        let defaults = iotx_coap_settings_t { size, ..iotx_coap_settings_t::default() };
        let bytes: *mut u8 = settings.cast();
        // SAFETY: `size` bytes are writable, as our caller promises; at most `known` of them are copied
        // from a struct of that size, and the rest are zeroed.
        unsafe {
            ptr::copy_nonoverlapping((&raw const defaults).cast(), bytes, size.min(known));
            if size > known {
                bytes.add(known).write_bytes(0, size - known);
            }
        }
    })
}

/// IOT_CoAP_Init with settings.
///
/// @param p_config  as for IOT_CoAP_Init
/// @param settings  filled in by iotx_coap_settings_init; not used after the call. NULL: the defaults
///
/// @return as IOT_CoAP_Init; also NULL, with a log line, when a setting has a value it cannot have
///
/// # Safety
///
/// `p_config` as for IOT_CoAP_Init; `settings` is NULL or has as many readable bytes as its first member
/// says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_init_with(
    p_config: *mut iotx_coap_config_t,
    settings: *const iotx_coap_settings_t,
) -> *mut iotx_coap_context_t {
    boundary!(on_panic => ptr::null_mut(), {
        let settings = if settings.is_null() {
            Ok((Settings::default(), CallbackArgument::default()))
        } else {
            // SAFETY: not NULL, and the rest is promised by our caller.
            translate(&unsafe { read(settings) })
        };
        match settings {
            // SAFETY: promised by our caller.
            Ok((settings, callback)) => unsafe { client::init(p_config, settings, callback) },
            Err(member) => {
                log::error!("iotx_coap_init_with: {member} has a value it cannot have");
                ptr::null_mut()
            }
        }
    })
}

/// Copies what the caller's struct has of the members known here; the others keep their defaults.
///
/// # Safety
///
/// `settings` must have as many readable bytes as its first member says.
unsafe fn read(settings: *const iotx_coap_settings_t) -> iotx_coap_settings_t {
    let mut known = iotx_coap_settings_t::default();
    // SAFETY: the first member is there, and the copy stays within both structs.
    unsafe {
        let size = (&raw const (*settings).size).read();
        ptr::copy_nonoverlapping(
            settings.cast::<u8>(),
            (&raw mut known).cast(),
            size.min(size_of::<iotx_coap_settings_t>()),
        );
        // A size too small to cover itself has not been copied, and must be seen all the same.
        known.size = size;
    }
    known
}

/// Checks the values; the error is the offending member's name.
fn translate(raw: &iotx_coap_settings_t) -> Result<(Settings, CallbackArgument), &'static str> {
    if raw.size < offset_of!(iotx_coap_settings_t, sign_method) {
        return Err("size");
    }
    let callback_argument = match raw.callback_argument {
        0 => CallbackArgument::UserData,
        1 => CallbackArgument::Client,
        _ => return Err("callback_argument"),
    };
    let settings = Settings {
        sign_method: match raw.sign_method {
            0 => SignMethod::HmacMd5,
            1 => SignMethod::HmacSha1,
            2 => SignMethod::HmacSha256,
            _ => return Err("sign_method"),
        },
        encoding: match raw.auth_encoding {
            0 => Encoding::Json,
            1 => Encoding::Cbor,
            _ => return Err("auth_encoding"),
        },
        ack_mode: match raw.ack_mode {
            -1 => None,
            0 => Some(0),
            1 => Some(1),
            _ => return Err("ack_mode"),
        },
        token_option: match raw.token_option {
            0 => None,
            61 => Some(TokenOption::Number61),
            2088 => Some(TokenOption::Number2088),
            _ => return Err("token_option"),
        },
        dtls_offer: match raw.dtls_offer {
            0 => DtlsOffer::Both,
            1 => DtlsOffer::CertificateOnly,
            2 => DtlsOffer::PskOnly,
            _ => return Err("dtls_offer"),
        },
        announce: match raw.announce {
            0 => false,
            1 => true,
            _ => return Err("announce"),
        },
        auth_bound: match raw.auth_timeout_ms {
            0 => return Err("auth_timeout_ms"),
            millis => Duration::from_millis(u64::from(millis)),
        },
        ..Settings::default()
    };
    Ok((settings, callback_argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_fills_in_the_defaults_and_they_translate_to_the_crates_own() {
        let mut settings = iotx_coap_settings_t {
            size: 7,
            ack_mode: 99,
            ..Default::default()
        };
        let size = size_of::<iotx_coap_settings_t>();
        // SAFETY: a whole struct.
        unsafe { iotx_coap_settings_init(&mut settings, size) };
        assert_eq!((settings.size, settings.ack_mode), (size, -1));
        let (translated, callback) = translate(&settings).unwrap();
        assert_eq!(callback, CallbackArgument::UserData);
        assert_eq!(
            format!("{translated:?}"),
            format!("{:?}", Settings::default())
        );
    }

    #[test]
    fn a_program_compiled_with_fewer_members_gets_the_defaults_for_the_rest() {
        let settings = iotx_coap_settings_t {
            size: offset_of!(iotx_coap_settings_t, dtls_offer),
            sign_method: 2,
            dtls_offer: 77, // not the program's memory any more
            ..Default::default()
        };
        // SAFETY: `size` bytes are there.
        let known = unsafe { read(&settings) };
        assert_eq!((known.sign_method, known.dtls_offer), (2, 0));
    }

    #[test]
    fn settings_that_were_never_initialised_are_refused() {
        for size in [0, 1, size_of::<usize>() - 1] {
            let settings = iotx_coap_settings_t {
                size,
                ..Default::default()
            };
            // SAFETY: `size` bytes are there.
            let known = unsafe { read(&settings) };
            assert_eq!(translate(&known).map(|_| ()), Err("size"));
        }
    }

    #[test]
    fn a_program_compiled_with_more_members_is_not_written_past_its_struct() {
        #[repr(C)]
        struct Later {
            known: iotx_coap_settings_t,
            more: [u32; 4],
        }
        let mut later = Later {
            known: iotx_coap_settings_t::default(),
            more: [7; 4],
        };
        // SAFETY: the struct begins with ours and has that many bytes.
        unsafe { iotx_coap_settings_init((&raw mut later).cast(), size_of::<Later>()) };
        assert_eq!((later.known.size, later.more), (size_of::<Later>(), [0; 4]));
    }

    #[test]
    fn impossible_values_are_named() {
        let check = |change: fn(&mut iotx_coap_settings_t)| {
            let mut settings = iotx_coap_settings_t::default();
            change(&mut settings);
            translate(&settings).map(|_| ())
        };
        assert_eq!(check(|s| s.sign_method = 3), Err("sign_method"));
        assert_eq!(check(|s| s.auth_encoding = -1), Err("auth_encoding"));
        assert_eq!(check(|s| s.ack_mode = 2), Err("ack_mode"));
        assert_eq!(check(|s| s.token_option = 62), Err("token_option"));
        assert_eq!(check(|s| s.dtls_offer = 3), Err("dtls_offer"));
        assert_eq!(check(|s| s.auth_timeout_ms = 0), Err("auth_timeout_ms"));
        assert_eq!(check(|s| s.announce = 2), Err("announce"));
        assert_eq!(check(|s| s.callback_argument = 2), Err("callback_argument"));
        assert_eq!(check(|s| s.size = 0), Err("size"));
        assert_eq!(check(|_| ()), Ok(()));
    }
}
