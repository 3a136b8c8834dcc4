//! Settings that the SDK's configuration has no room for.

#![allow(non_camel_case_types)]

use super::choices;
use crate::capi::client;
use crate::capi::types::{
    iotx_coap_config_t, iotx_coap_context_t, iotx_content_type_t, iotx_ret_code_t,
};
use crate::client::Settings;
use crate::coap::TransmissionParams;
use std::ffi::{c_int, c_uint};
use std::mem::size_of;
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

/// Kinds of networks, for iotx_coap_settings_preset.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_preset_t {
    /// Any network: the values of RFC 7252, which iotx_coap_settings_init sets too.
    IOTX_COAP_PRESET_RFC7252 = 0,
    /// Cellular modules for machines: slow and patient. First wait 10 s, 8 repetitions, 3 min for an
    /// authentication and 3 min for a handshake. A message is given up after one to two hours.
    IOTX_COAP_PRESET_NB_IOT = 1,
    /// A cloud, or a gateway, in the same local network: first wait 250 ms, 5 repetitions, 5 s for an
    /// authentication and 10 s for a handshake. Not for paths through the Internet.
    IOTX_COAP_PRESET_LAN = 2,
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
    /// MAX_RETRANSMIT: how often a Confirmable message is repeated before it is given up. As many as, with the
    /// two above, keep one message for at most 24 hours; with their defaults 14. Default: 4.
    pub max_retransmit: c_uint,
    /// NSTART: how many Confirmable messages may be on their way at once. 1 to 64. Default: 1.
    pub nstart: c_uint,
    /// How many messages may wait behind those; IOT_CoAP_SendMessage refuses a further one. 1 to 4096.
    /// Default: 64.
    pub queue_limit: c_uint,
    /// PROBING_RATE in bytes per second: how much IOTX_MESSAGE_NON traffic goes to a cloud that has stopped
    /// responding; the rest waits. 0 sets no limit. Default: 1.
    pub probing_rate: c_uint,
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
    /// Whether event_handle of iotx_coap_config_t is read, and called: see iotx_coap_failure_t. Without
    /// this it may hold anything, as in programs that never set it. 1 or 0. Default: 0.
    pub report_events: c_int,
    /// After how long without an answer a flight of a DTLS handshake is sent again at first, in milliseconds;
    /// each further wait is twice as long. 100 to 60000. Default: 1000 (RFC 6347); RFC 7925 recommends 9000
    /// for slow networks.
    pub flight_timeout_ms: c_uint,
}

impl Default for iotx_coap_settings_t {
    fn default() -> Self {
        let Settings {
            transmission,
            auth_bound,
            path_mtu,
            handshake_bound,
            flight_timeout,
            ..
        } = Settings::default();
        let mut settings = Self {
            size: size_of::<Self>(),
            sign_method: iotx_coap_sign_method_t::IOTX_COAP_SIGN_HMACMD5 as c_int,
            auth_encoding: iotx_content_type_t::IOTX_CONTENT_TYPE_JSON as c_int,
            ack_mode: -1,
            token_option: 0,
            dtls_offer: iotx_coap_dtls_offer_t::IOTX_COAP_DTLS_BOTH as c_int,
            auth_timeout_ms: millis(auth_bound),
            announce: 1,
            callback_argument: iotx_coap_callback_argument_t::IOTX_COAP_CALLBACK_USER_DATA as c_int,
            ack_timeout_ms: 0,
            ack_random_percent: 0,
            max_retransmit: 0,
            nstart: 0,
            queue_limit: 0,
            probing_rate: 0,
            reauthenticate: 1,
            resend_refused: 1,
            heed_back_off: 1,
            renew_session: 1,
            path_mtu: path_mtu.into(),
            handshake_timeout_ms: millis(handshake_bound),
            full_wait: 0,
            report_events: 0,
            flight_timeout_ms: millis(flight_timeout),
        };
        settings.set_transmission(&transmission);
        settings
    }
}

impl iotx_coap_settings_t {
    fn set_transmission(&mut self, params: &TransmissionParams) {
        self.ack_timeout_ms = millis(params.ack_timeout);
        self.ack_random_percent = params.ack_random_percent;
        self.max_retransmit = params.max_retransmit.into();
        self.nstart = number(params.nstart);
        self.queue_limit = number(params.queue_limit);
        self.probing_rate = params.probing_rate;
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

/// Sets the transmission parameters (ack_timeout_ms to probing_rate), auth_timeout_ms, handshake_timeout_ms
/// and flight_timeout_ms for a kind of network; the other settings stay as they are. Any of them may be changed afterwards.
///
/// @param settings  filled in by iotx_coap_settings_init; changed
/// @param preset    iotx_coap_preset_t
///
/// @retval IOTX_SUCCESS            done
/// @retval IOTX_ERR_INVALID_PARAM  `settings` is NULL or not initialised, or there is no such preset;
///                                 nothing has been changed
///
/// # Safety
///
/// `settings` is NULL or has as many readable and writable bytes as its first member says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_settings_preset(
    settings: *mut iotx_coap_settings_t,
    preset: c_int,
) -> c_int {
    boundary!(on_panic => iotx_ret_code_t::IOTX_ERR_INVALID_PARAM as c_int, {
        let (params, auth_seconds, handshake_seconds, flight_timeout_ms) = match preset {
            0 => (TransmissionParams::default(), 10, 30, 1_000),
            1 => (TransmissionParams::nb_iot(), 180, 180, 9_000),
            2 => (TransmissionParams::lan(), 5, 10, 250),
            _ => {
                log::error!("iotx_coap_settings_preset: there is no preset {preset}");
                return iotx_ret_code_t::IOTX_ERR_INVALID_PARAM as c_int;
            }
        };
        // SAFETY: read only if not NULL, and then the first member is there, as our caller promises.
        if settings.is_null() || unsafe { (&raw const (*settings).size).read() } < size_of::<usize>() {
            log::error!("iotx_coap_settings_preset: no settings (NULL, or not initialised)");
            return iotx_ret_code_t::IOTX_ERR_INVALID_PARAM as c_int;
        }
        // SAFETY: not NULL, and the rest is promised by our caller.
        let mut known = unsafe { choices::known_part(settings) };
        known.set_transmission(&params);
        known.auth_timeout_ms = 1_000 * auth_seconds;
        known.handshake_timeout_ms = 1_000 * handshake_seconds;
        known.flight_timeout_ms = flight_timeout_ms;
        let length = known.size.min(size_of::<iotx_coap_settings_t>());
        // SAFETY: as many bytes as the caller's first member says are writable, and `known` is not shorter.
        unsafe { ptr::copy_nonoverlapping((&raw const known).cast(), settings.cast::<u8>(), length) };
        iotx_ret_code_t::IOTX_SUCCESS as c_int
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
        match unsafe { choices::read(settings) } {
            // SAFETY: promised by our caller.
            Ok(choices) => unsafe { client::init(p_config, choices, None) },
            Err(member) => {
                log::error!("iotx_coap_init_with: {member} has a value it cannot have");
                ptr::null_mut()
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings with a preset, and the result of setting it.
    fn preset(settings: iotx_coap_settings_t, preset: c_int) -> (iotx_coap_settings_t, c_int) {
        let mut settings = settings;
        // SAFETY: a whole struct.
        let result = unsafe { iotx_coap_settings_preset(&raw mut settings, preset) };
        (settings, result)
    }

    #[test]
    fn presets_set_what_they_are_about_and_make_sense() {
        let before = iotx_coap_settings_t {
            token_option: 61,
            nstart: 7,
            ..Default::default()
        };
        for (number, ack_timeout_ms, max_retransmit) in [(0, 2_000, 4), (1, 10_000, 8), (2, 250, 5)]
        {
            let (settings, result) = preset(before, number);
            assert_eq!((result, settings.token_option, settings.nstart), (0, 61, 1));
            assert_eq!(settings.ack_timeout_ms, ack_timeout_ms);
            assert_eq!(settings.max_retransmit, max_retransmit);
            assert!(settings.auth_timeout_ms > 3 * settings.ack_timeout_ms);
            // SAFETY: a whole struct.
            assert!(unsafe { choices::read(&raw const settings) }.is_ok());
        }
        let (settings, _) = preset(preset(before, 1).0, 0);
        assert_eq!(
            format!("{settings:?}"),
            format!(
                "{:?}",
                iotx_coap_settings_t {
                    token_option: 61,
                    ..Default::default()
                }
            )
        );
    }

    #[test]
    fn a_preset_stays_within_the_struct_of_an_older_program() {
        let older = iotx_coap_settings_t {
            size: std::mem::offset_of!(iotx_coap_settings_t, max_retransmit),
            max_retransmit: 77,
            ..Default::default()
        };
        let (settings, result) = preset(older, 1);
        assert_eq!(
            (result, settings.ack_timeout_ms, settings.max_retransmit),
            (0, 10_000, 77)
        );
    }

    #[test]
    fn unknown_presets_and_settings_change_nothing() {
        let before = iotx_coap_settings_t::default();
        for number in [-1, 3] {
            let (settings, result) = preset(before, number);
            assert_eq!((result, settings.ack_timeout_ms), (-1, 2_000));
        }
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { iotx_coap_settings_preset(ptr::null_mut(), 0) }, -1);
        let (settings, result) = preset(iotx_coap_settings_t { size: 3, ..before }, 1);
        assert_eq!((result, settings.ack_timeout_ms), (-1, 2_000));
    }
}
