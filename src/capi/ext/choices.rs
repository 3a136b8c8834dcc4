//! What a program's settings mean: read from its struct, checked, and translated.

use super::settings::iotx_coap_settings_t;
use crate::capi::client::Choices;
use crate::capi::context::CallbackArgument;
use crate::client::{DtlsOffer, Settings, TokenOption};
use crate::cloud_auth::{Encoding, SignMethod};
use crate::coap::{ParamsError, TransmissionParams};
use std::ffi::{c_int, c_uint};
use std::mem::{offset_of, size_of};
use std::ops::RangeInclusive;
use std::ptr;
use std::time::Duration;

/// What the caller's struct says; NULL says nothing. The error is the name of a member with an impossible value.
///
/// # Safety
///
/// `settings` is NULL or has as many readable bytes as its first member says.
pub(super) unsafe fn read(settings: *const iotx_coap_settings_t) -> Result<Choices, &'static str> {
    if settings.is_null() {
        return Ok(Choices::default());
    }
    // SAFETY: not NULL, and the rest is promised by our caller.
    translate(&unsafe { known_part(settings) })
}

/// Copies what the caller's struct has of the members known here; the others keep their defaults.
///
/// # Safety
///
/// `settings` must have as many readable bytes as its first member says.
pub(super) unsafe fn known_part(settings: *const iotx_coap_settings_t) -> iotx_coap_settings_t {
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
        flight_timeout: duration(raw.flight_timeout_ms, 100..=60_000, "flight_timeout_ms")?,
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
        report_events: yes_or_no(raw.report_events, "report_events")?,
    })
}

fn transmission(raw: &iotx_coap_settings_t) -> Result<TransmissionParams, &'static str> {
    let params = TransmissionParams {
        ack_timeout: Duration::from_millis(raw.ack_timeout_ms.into()),
        ack_random_percent: raw.ack_random_percent,
        max_retransmit: within(raw.max_retransmit, 0..=255, "max_retransmit")?,
        nstart: within(raw.nstart, 0..=c_uint::MAX, "nstart")?,
        queue_limit: within(raw.queue_limit, 0..=c_uint::MAX, "queue_limit")?,
        probing_rate: raw.probing_rate,
    };
    params.validate().map_err(|error| match error {
        ParamsError::AckTimeout => "ack_timeout_ms",
        ParamsError::RandomFactor => "ack_random_percent",
        ParamsError::Nstart => "nstart",
        ParamsError::QueueLimit => "queue_limit",
        ParamsError::Lifetime => "max_retransmit",
    })?;
    Ok(params)
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
    use crate::capi::ext::settings::iotx_coap_settings_init;

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
        let known = unsafe { known_part(&settings) };
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
            let known = unsafe { known_part(&settings) };
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
        assert_eq!(check(|s| s.report_events = 2), Err("report_events"));
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
        let members: [Bounded; 8] = [
            ("ack_timeout_ms", |s, v| s.ack_timeout_ms = v, 100, 600_000),
            (
                "ack_random_percent",
                |s, v| s.ack_random_percent = v,
                100,
                1_000,
            ),
            ("max_retransmit", |s, v| s.max_retransmit = v, 0, 14),
            ("nstart", |s, v| s.nstart = v, 1, 64),
            ("queue_limit", |s, v| s.queue_limit = v, 1, 4_096),
            ("path_mtu", |s, v| s.path_mtu = v, 296, 65_535),
            (
                "handshake_timeout_ms",
                |s, v| s.handshake_timeout_ms = v,
                1_000,
                600_000,
            ),
            (
                "flight_timeout_ms",
                |s, v| s.flight_timeout_ms = v,
                100,
                60_000,
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
            probing_rate: 25,
            auth_timeout_ms: 61_000,
            path_mtu: 576,
            handshake_timeout_ms: 90_000,
            flight_timeout_ms: 9_000,
            reauthenticate: 0,
            report_events: 1,
            ..Default::default()
        };
        let Choices {
            settings,
            full_wait,
            report_events,
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
                probing_rate: 25,
            }
        );
        assert_eq!(settings.auth_bound, Duration::from_secs(61));
        assert_eq!(
            (settings.path_mtu, settings.handshake_bound),
            (576, Duration::from_secs(90))
        );
        assert_eq!(settings.flight_timeout, Duration::from_secs(9));
        assert!(!settings.reauthenticate && settings.resend_refused);
        assert!(report_events && !full_wait);
    }
}
