//! Settings that the SDK's configuration has no room for.

#![allow(non_camel_case_types)]

use crate::capi::client::{self, Choices};
use crate::capi::context::CallbackArgument;
use crate::capi::types::{iotx_coap_config_t, iotx_coap_context_t, iotx_content_type_t};
use crate::client::{DtlsOffer, Settings, TokenOption};
use crate::cloud_auth::{Encoding, SignMethod};
use crate::coap::TransmissionParams;
use std::ffi::{c_int, c_uint};
use std::mem::{offset_of, size_of};
use std::ops::RangeInclusive;
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
    /// ACK_TIMEOUT (RFC 7252, 4.8): how long the first transmission of a Confirmable message waits for its
    /// acknowledgement before it is repeated, in milliseconds; each further wait is twice the one before.
    /// 100 to 600000. Default: 2000.
    pub ack_timeout_ms: c_uint,
    /// ACK_RANDOM_FACTOR in percent: the first wait is drawn between ack_timeout_ms and that times this.
    /// 100 (no spreading) to 1000. Default: 150.
    pub ack_random_percent: c_uint,
    /// MAX_RETRANSMIT: how often a Confirmable message is repeated before it is given up. 0 to 16.
    /// Default: 4.
    pub max_retransmit: c_uint,
    /// NSTART: how many Confirmable messages may be on their way at once. 1 to 256. Default: 1.
    pub nstart: c_uint,
    /// How many messages may wait behind those; IOT_CoAP_SendMessage refuses a further one. 1 to 65536.
    /// Default: 64.
    pub queue_limit: c_uint,
    /// Whether the client authenticates again by itself, inside IOT_CoAP_Yield or iotx_coap_process: when
    /// the cloud refuses its token, and before the token is too old. 1 or 0. Default: 1.
    pub reauthenticate: c_int,
    /// Whether a report that was refused for its token is sent once more under the new one, and its callback
    /// called with the second answer only. 1 or 0. Default: 1.
    pub resend_refused: c_int,
    /// Whether reports wait while the cloud has asked for it: after 4.29 and 5.03, for as long as their
    /// Max-Age says (60 s without one, 5 min at most). 1 or 0. Default: 1.
    pub heed_back_off: c_int,
    /// Whether a DTLS session that the server seems to have lost is renewed while reports are under way.
    /// 1 or 0. Default: 1.
    pub renew_session: c_int,
    /// The largest IP packet that the path to the server carries, in bytes with all headers: DTLS handshakes
    /// are cut to fit. 296 to 65535. Default: 1280, which every IPv6 path carries.
    pub path_mtu: c_uint,
    /// How long one DTLS handshake may take altogether, in milliseconds. 1000 to 600000. Default: 30000.
    pub handshake_timeout_ms: c_uint,
    /// Whether IOT_CoAP_Yield always takes the whole wait_time_ms, as the SDK's does, also when there is
    /// nothing to wait for: for programs whose loop pauses nowhere else. 1 or 0. Default: 0.
    pub full_wait: c_int,
}

impl Default for iotx_coap_settings_t {
    fn default() -> Self {
        let Settings {
            transmission,
            auth_bound,
            path_mtu,
            handshake_bound,
            ..
        } = Settings::default();
        Self {
            size: size_of::<Self>(),
            sign_method: iotx_coap_sign_method_t::IOTX_COAP_SIGN_HMACMD5 as c_int,
            auth_encoding: iotx_content_type_t::IOTX_CONTENT_TYPE_JSON as c_int,
            ack_mode: -1,
            token_option: 0,
            dtls_offer: iotx_coap_dtls_offer_t::IOTX_COAP_DTLS_BOTH as c_int,
            auth_timeout_ms: millis(auth_bound),
            announce: 1,
            callback_argument: iotx_coap_callback_argument_t::IOTX_COAP_CALLBACK_USER_DATA as c_int,
            ack_timeout_ms: millis(transmission.ack_timeout),
            ack_random_percent: transmission.ack_random_percent,
            max_retransmit: transmission.max_retransmit.into(),
            nstart: number(transmission.nstart),
            queue_limit: number(transmission.queue_limit),
            reauthenticate: 1,
            resend_refused: 1,
            heed_back_off: 1,
            renew_session: 1,
            path_mtu: path_mtu.into(),
            handshake_timeout_ms: millis(handshake_bound),
            full_wait: 0,
        }
    }
}

fn millis(duration: Duration) -> c_uint {
    c_uint::try_from(duration.as_millis()).unwrap_or(c_uint::MAX)
}

fn number(count: usize) -> c_uint {
    c_uint::try_from(count).unwrap_or(c_uint::MAX)
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
        // SAFETY: promised by our caller.
        match unsafe { choices(settings) } {
            // SAFETY: promised by our caller.
            Ok(choices) => unsafe { client::init(p_config, choices) },
            Err(member) => {
                log::error!("iotx_coap_init_with: {member} has a value it cannot have");
                ptr::null_mut()
            }
        }
    })
}

/// What the caller's struct says; NULL says nothing. The error is the name of a member with an impossible value.
///
/// # Safety
///
/// `settings` is NULL or has as many readable bytes as its first member says.
pub(super) unsafe fn choices(
    settings: *const iotx_coap_settings_t,
) -> Result<Choices, &'static str> {
    if settings.is_null() {
        return Ok(Choices::default());
    }
    // SAFETY: not NULL, and the rest is promised by our caller.
    translate(&unsafe { read(settings) })
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
fn translate(raw: &iotx_coap_settings_t) -> Result<Choices, &'static str> {
    if raw.size < offset_of!(iotx_coap_settings_t, sign_method) {
        return Err("size");
    }
    let settings = Settings {
        transmission: transmission(raw)?,
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
        announce: yes_or_no(raw.announce, "announce")?,
        auth_bound: duration(raw.auth_timeout_ms, 1..=c_uint::MAX, "auth_timeout_ms")?,
        reauthenticate: yes_or_no(raw.reauthenticate, "reauthenticate")?,
        resend_refused: yes_or_no(raw.resend_refused, "resend_refused")?,
        heed_back_off: yes_or_no(raw.heed_back_off, "heed_back_off")?,
        renew_session: yes_or_no(raw.renew_session, "renew_session")?,
        path_mtu: within(raw.path_mtu, 296..=65_535, "path_mtu")?,
        handshake_bound: duration(
            raw.handshake_timeout_ms,
            1_000..=600_000,
            "handshake_timeout_ms",
        )?,
        ..Settings::default()
    };
    Ok(Choices {
        settings,
        callback_argument: match raw.callback_argument {
            0 => CallbackArgument::UserData,
            1 => CallbackArgument::Client,
            _ => return Err("callback_argument"),
        },
        full_wait: yes_or_no(raw.full_wait, "full_wait")?,
    })
}

fn transmission(raw: &iotx_coap_settings_t) -> Result<TransmissionParams, &'static str> {
    Ok(TransmissionParams {
        ack_timeout: duration(raw.ack_timeout_ms, 100..=600_000, "ack_timeout_ms")?,
        ack_random_percent: within(raw.ack_random_percent, 100..=1_000, "ack_random_percent")?,
        max_retransmit: within(raw.max_retransmit, 0..=16, "max_retransmit")?,
        nstart: within(raw.nstart, 1..=256, "nstart")?,
        queue_limit: within(raw.queue_limit, 1..=65_536, "queue_limit")?,
    })
}

fn yes_or_no(value: c_int, member: &'static str) -> Result<bool, &'static str> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(member),
    }
}

fn within<T: TryFrom<c_uint>>(
    value: c_uint,
    range: RangeInclusive<c_uint>,
    member: &'static str,
) -> Result<T, &'static str> {
    match T::try_from(value) {
        Ok(converted) if range.contains(&value) => Ok(converted),
        _ => Err(member),
    }
}

fn duration(
    value: c_uint,
    range: RangeInclusive<c_uint>,
    member: &'static str,
) -> Result<Duration, &'static str> {
    within(value, range, member).map(Duration::from_millis)
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
        let translated = translate(&settings).unwrap();
        assert_eq!(
            format!("{translated:?}"),
            format!("{:?}", Choices::default())
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
        assert_eq!(check(|s| s.reauthenticate = -1), Err("reauthenticate"));
        assert_eq!(check(|s| s.resend_refused = 2), Err("resend_refused"));
        assert_eq!(check(|s| s.heed_back_off = 2), Err("heed_back_off"));
        assert_eq!(check(|s| s.renew_session = 2), Err("renew_session"));
        assert_eq!(check(|s| s.full_wait = 2), Err("full_wait"));
        assert_eq!(check(|_| ()), Ok(()));
    }

    /// A numeric member: its name, how to set it, its least and its greatest value.
    type Bounded = (
        &'static str,
        fn(&mut iotx_coap_settings_t, c_uint),
        c_uint,
        c_uint,
    );

    #[test]
    fn numbers_are_held_to_their_documented_bounds() {
        let members: [Bounded; 7] = [
            ("ack_timeout_ms", |s, v| s.ack_timeout_ms = v, 100, 600_000),
            (
                "ack_random_percent",
                |s, v| s.ack_random_percent = v,
                100,
                1_000,
            ),
            ("max_retransmit", |s, v| s.max_retransmit = v, 0, 16),
            ("nstart", |s, v| s.nstart = v, 1, 256),
            ("queue_limit", |s, v| s.queue_limit = v, 1, 65_536),
            ("path_mtu", |s, v| s.path_mtu = v, 296, 65_535),
            (
                "handshake_timeout_ms",
                |s, v| s.handshake_timeout_ms = v,
                1_000,
                600_000,
            ),
        ];
        for (name, set, least, greatest) in members {
            let check = |value| {
                let mut settings = iotx_coap_settings_t::default();
                set(&mut settings, value);
                translate(&settings).map(|_| ())
            };
            assert_eq!(check(least), Ok(()), "{name}");
            assert_eq!(check(greatest), Ok(()), "{name}");
            assert_eq!(check(least.wrapping_sub(1)), Err(name));
            assert_eq!(check(greatest + 1), Err(name));
            assert_eq!(check(c_uint::MAX), Err(name));
        }
    }

    #[test]
    fn each_number_reaches_its_parameter() {
        let raw = iotx_coap_settings_t {
            ack_timeout_ms: 5_000,
            ack_random_percent: 200,
            max_retransmit: 7,
            nstart: 3,
            queue_limit: 9,
            auth_timeout_ms: 61_000,
            path_mtu: 576,
            handshake_timeout_ms: 90_000,
            reauthenticate: 0,
            ..Default::default()
        };
        let Choices {
            settings,
            full_wait,
            ..
        } = translate(&raw).unwrap();
        assert_eq!(
            settings.transmission,
            TransmissionParams {
                ack_timeout: Duration::from_secs(5),
                ack_random_percent: 200,
                max_retransmit: 7,
                nstart: 3,
                queue_limit: 9,
            }
        );
        assert_eq!(settings.auth_bound, Duration::from_secs(61));
        assert_eq!(
            (settings.path_mtu, settings.handshake_bound),
            (576, Duration::from_secs(90))
        );
        assert!(!settings.reauthenticate && settings.resend_refused);
        assert!(!full_wait);
    }
}
