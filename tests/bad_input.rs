//! What firmware can get wrong: a documented error and one log line, never a crash.

mod support;

use iotx_coap::capi::types::*;
use iotx_coap::capi::*;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use support::device::{Device, config, info, init, init_with, message, topic};
use support::{child, cloud, is_child, log_lines, url};

const INVALID: c_int = -1;

/// A message that would be fine.
fn good_message() -> iotx_message_t {
    message(b"{}")
}

#[test]
fn null_anywhere_is_refused() {
    if is_child() {
        let (mut code, mut payload, mut len, mut token) = (0, null_mut(), 0, 0);
        let path = c"/topic".as_ptr().cast_mut();
        // SAFETY: NULL is what these calls are about; the other arguments are whole.
        unsafe {
            assert!(IOT_CoAP_Init(null_mut()).is_null());
            let mut no_info = config(None, &mut info(), 0);
            no_info.p_devinfo = null_mut();
            assert!(IOT_CoAP_Init(&raw mut no_info).is_null());
            IOT_CoAP_Deinit(null_mut());
            let mut nothing: *mut c_void = null_mut();
            IOT_CoAP_Deinit(&raw mut nothing);
            assert_eq!(IOT_CoAP_DeviceNameAuth(null_mut()), INVALID);
            assert_eq!(IOT_CoAP_Yield(null_mut()), INVALID);
            let mut message = good_message();
            assert_eq!(
                IOT_CoAP_SendMessage(null_mut(), path, &raw mut message),
                INVALID
            );
            assert_eq!(IOT_CoAP_GetCurToken(null_mut()), u32::MAX);
            assert_eq!(iotx_get_well_known(null_mut()), INVALID);
            assert_eq!(IOT_CoAP_GetMessageCode(null_mut(), &raw mut code), INVALID);
            assert_eq!(
                IOT_CoAP_GetMessagePayload(null_mut(), &raw mut payload, &raw mut len),
                INVALID
            );
            assert_eq!(
                IOT_CoAP_GetMessageToken(null_mut(), &raw mut token),
                INVALID
            );
            assert_eq!(
                iotx_calc_sign(null(), null(), null(), null(), null_mut()),
                INVALID
            );
            assert_eq!(
                iotx_calc_sign_with_seq(null(), null(), null(), null(), 1, null_mut()),
                INVALID
            );
            assert_eq!(IOT_Ioctl(20, null_mut()), INVALID);
            assert_eq!(IOT_SetupConnInfo(null(), null(), null(), null_mut()), -2);
            IOT_OpenLog(null());
            iotx_coap_settings_init(null_mut(), 0);
            assert!(iotx_coap_init_with(null_mut(), null()).is_null());
        }
        let device = Device::connect(&url());
        // SAFETY: as above, with a live context.
        unsafe {
            let mut message = good_message();
            let send = |path, message| IOT_CoAP_SendMessage(device.context, path, message);
            assert_eq!(send(null_mut(), &raw mut message), INVALID);
            assert_eq!(send(path, null_mut()), INVALID);
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let url = format!("coap://{}", cloud.udp_addr().expect("open"));
    let output = child("null_anywhere_is_refused").url(url).run();
    assert!(
        log_lines(&output, "err").len() >= 10,
        "each refusal is told:\n{output}"
    );
}

#[test]
fn a_deinitialised_client_is_gone_and_its_pointer_null() {
    if is_child() {
        let mut context = init(Some(&url()));
        // SAFETY: a live context, then the NULL that Deinit left.
        unsafe {
            IOT_CoAP_Deinit(&raw mut context);
            assert!(context.is_null());
            IOT_CoAP_Deinit(&raw mut context);
            assert_eq!(IOT_CoAP_Yield(context), INVALID);
        }
        // A copy of the pointer that the program forgot, and one that never was a client's.
        let device = Device::connect(&url());
        let mut forgotten = init(Some(&url()));
        let mut copy = forgotten;
        let mut foreign = [0x696f_7478_u32; 1024];
        // SAFETY: pointers that are no client's are refused without being followed.
        unsafe {
            IOT_CoAP_Deinit(&raw mut forgotten);
            for stray in [
                copy,
                foreign.as_mut_ptr().cast(),
                foreign.as_mut_ptr().wrapping_byte_add(1).cast(),
            ] {
                assert_eq!(IOT_CoAP_Yield(stray), INVALID);
                assert_eq!(IOT_CoAP_DeviceNameAuth(stray), INVALID);
                assert_eq!(IOT_CoAP_GetCurToken(stray), u32::MAX);
                let mut message = good_message();
                let path = c"/topic".as_ptr().cast_mut();
                assert_eq!(IOT_CoAP_SendMessage(stray, path, &raw mut message), INVALID);
            }
            IOT_CoAP_Deinit(&raw mut copy);
        }
        assert_eq!(device.authenticate(), 0, "the other client is untouched");
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let name = "a_deinitialised_client_is_gone_and_its_pointer_null";
    child(name)
        .url(format!("coap://{}", cloud.udp_addr().expect("open")))
        .run();
}

#[test]
fn urls_that_lead_nowhere_make_init_fail_and_say_why() {
    const URLS: [(&str, &str); 9] = [
        ("http://127.0.0.1", "scheme"),
        ("127.0.0.1:5683", "scheme"),
        ("", "scheme"),
        ("coap://", "no host"),
        ("coaps://:5684", "no host"),
        ("coap://127.0.0.1:0", "port"),
        ("coap://127.0.0.1:70000", "port"),
        ("coap-psk://[::1", "no host"),
        ("coap://no-such-host.invalid", "no-such-host.invalid"),
    ];
    if is_child() {
        let url = url();
        assert!(init(Some(&url)).is_null(), "{url}");
        return;
    }
    for (url, why) in URLS {
        let output = child("urls_that_lead_nowhere_make_init_fail_and_say_why")
            .url(url)
            .run();
        let told = log_lines(&output, "err")
            .iter()
            .any(|line| line.contains(why));
        assert!(told, "{url}: the log must say {why:?}\n{output}");
    }
}

#[test]
fn device_info_without_terminators_makes_init_fail_and_names_the_member() {
    if is_child() {
        let member = std::env::var("MEMBER").expect("set");
        let mut info = info();
        let fill: &mut [c_char] = match member.as_str() {
            "product_key" => &mut info.product_key,
            "device_name" => &mut info.device_name,
            "device_id" => &mut info.device_id,
            _ => &mut info.device_secret,
        };
        fill.fill(b'x' as c_char);
        assert!(init_with(Some("coap://127.0.0.1"), &mut info, 0).is_null());
        return;
    }
    for member in ["product_key", "device_name", "device_id", "device_secret"] {
        let name = "device_info_without_terminators_makes_init_fail_and_names_the_member";
        let output = child(name).env("MEMBER", member).run();
        assert!(
            log_lines(&output, "err")
                .iter()
                .any(|line| line.contains(member)),
            "{output}"
        );
    }
}

#[test]
fn reports_that_cannot_be_sent_have_their_documented_codes() {
    if is_child() {
        let device = Device::connect(&url());
        let topic = topic();
        let long_path = format!("/{}", "p".repeat(135));
        let longest_path = format!("/{}", "p".repeat(134));
        let big = vec![b'x'; 65_535];
        let send = |path: &str, message| device.send_message(path, message);
        let with_type = |msg_type| iotx_message_t {
            msg_type,
            ..good_message()
        };

        assert_eq!(send(&topic, good_message()), -5, "not authenticated");
        assert_eq!(
            send(&topic, message(&big[..1280])),
            -7,
            "the length is checked first"
        );
        for msg_type in [2, 3, -1, 77, c_int::MAX] {
            assert_eq!(send(&topic, with_type(msg_type)), -1, "msg_type {msg_type}");
        }
        assert_eq!(device.authenticate(), 0);
        for msg_type in [2, 3, -1] {
            assert_eq!(send(&topic, with_type(msg_type)), -1, "msg_type {msg_type}");
        }
        assert_eq!(send(&long_path, good_message()), -6);
        assert_eq!(
            send(&"/s".repeat(14), good_message()),
            -6,
            "too many segments"
        );
        for len in [1280, 2000, 65_535] {
            assert_eq!(send(&topic, message(&big[..len])), -7, "{len} bytes");
        }
        assert_eq!(
            send(&topic, message(&big[..1279])),
            -7,
            "no room for the options"
        );
        let mut no_payload = good_message();
        no_payload.p_payload = null_mut();
        assert_eq!(send(&topic, no_payload), -1, "a length without a payload");

        // What is just allowed arrives.
        no_payload.payload_len = 0;
        assert_eq!(send(&topic, no_payload), 0);
        assert_eq!(send(&topic, message(&big[..1100])), 0);
        assert_eq!(send(&longest_path, good_message()), 0);
        let odd_format = iotx_message_t {
            content_type: 99,
            ..good_message()
        };
        assert_eq!(
            send(&topic, odd_format),
            0,
            "an unknown format counts as JSON"
        );
        let answers = device.wait_for_answers(4);
        assert_eq!(
            answers.iter().filter(|answer| answer.code == 0x45).count(),
            3
        );
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let name = "reports_that_cannot_be_sent_have_their_documented_codes";
    let output = child(name)
        .url(format!("coap://{}", cloud.udp_addr().expect("open")))
        .run();
    assert!(
        log_lines(&output, "err").len() >= 15,
        "each refusal is told:\n{output}"
    );
    assert_eq!(cloud.counters().reports, 3);
}

/// An old program's `user_data` is whatever the stack held: carried, handed back, never followed.
#[test]
fn user_data_is_never_dereferenced() {
    if is_child() {
        static SEEN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        unsafe extern "C" fn callback(user_data: *mut c_void, _: *mut c_void) {
            SEEN.store(user_data as usize, std::sync::atomic::Ordering::Relaxed);
        }
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        let path = CString::new(topic()).expect("path");
        let mut message = good_message();
        message.user_data = 0x1_dead as *mut c_void;
        message.resp_callback = Some(callback);
        // SAFETY: a live context, a terminated path, a whole message.
        unsafe {
            let sent =
                IOT_CoAP_SendMessage(device.context, path.as_ptr().cast_mut(), &raw mut message);
            assert_eq!((sent, IOT_CoAP_Yield(device.context)), (0, 0));
        }
        assert_eq!(SEEN.load(std::sync::atomic::Ordering::Relaxed), 0x1_dead);
        return;
    }
    // 4.01 and 4.02 are the codes on which SDK 2.01 to 2.1 wrote through `user_data`.
    for code in [0x45, 0x81, 0x82] {
        let cloud = cloud().start().expect("cloud");
        let answer = iotx_cloud::Answer::bare(iotx_cloud::Code(code));
        cloud.reply(
            iotx_cloud::Route::Topic,
            1,
            &iotx_cloud::Reply::instead(answer),
        );
        let url = format!("coap://{}", cloud.udp_addr().expect("open"));
        child("user_data_is_never_dereferenced").url(url).run();
    }
}

#[test]
fn a_null_callback_consumes_the_answer() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        let path = CString::new(topic()).expect("path");
        for msg_type in [0, 1] {
            let mut message = iotx_message_t {
                msg_type,
                ..good_message()
            };
            // SAFETY: a live context, a terminated path, a whole message.
            unsafe {
                let path = path.as_ptr().cast_mut();
                assert_eq!(
                    IOT_CoAP_SendMessage(device.context, path, &raw mut message),
                    0
                );
                assert_eq!(IOT_CoAP_Yield(device.context), 0);
            }
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let url = format!("coap://{}", cloud.udp_addr().expect("open"));
    child("a_null_callback_consumes_the_answer").url(url).run();
    assert_eq!(cloud.counters().reports, 2);
}

#[test]
fn an_absurd_wait_time_is_clamped() {
    if is_child() {
        for wait_time_ms in [-1, c_int::MIN] {
            let context = init_with(Some(&url()), &mut info(), wait_time_ms);
            let device = Device::from_context(context);
            // Taken for an unsigned number, it would be weeks.
            assert_eq!(device.run(), 0);
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let url = format!("coap://{}", cloud.udp_addr().expect("open"));
    child("an_absurd_wait_time_is_clamped").url(url).run();
}

#[test]
fn the_ioctl_store_keeps_the_sdks_rules() {
    if !is_child() {
        child("the_ioctl_store_keeps_the_sdks_rules").run();
        return;
    }
    const SET_PRODUCT_KEY: c_int = 20;
    const PAIRS: [(c_int, usize); 5] = [(20, 20), (22, 64), (24, 32), (26, 64), (28, 64)];
    for (set, max_len) in PAIRS {
        let get = set + 1;
        let mut buffer = *b"what was here before stays; zero the buffer first, all 65 bytes....\0";
        // SAFETY: terminated strings, and a buffer longer than any value.
        unsafe {
            assert_eq!(IOT_Ioctl(get, buffer.as_mut_ptr().cast()), 0);
            assert!(
                buffer.starts_with(b"what was here"),
                "nothing stored, nothing written"
            );
            let value = CString::new("v".repeat(max_len)).expect("no NUL");
            assert_eq!(IOT_Ioctl(set, value.as_ptr().cast_mut().cast()), 0);
            let long = CString::new("v".repeat(max_len + 1)).expect("no NUL");
            assert_eq!(IOT_Ioctl(set, long.as_ptr().cast_mut().cast()), -1);
            let mut short = *b"ab\0";
            assert_eq!(IOT_Ioctl(set, short.as_mut_ptr().cast()), 0);
            assert_eq!(IOT_Ioctl(get, buffer.as_mut_ptr().cast()), 0);
        }
        assert!(
            buffer.starts_with(b"abat was here"),
            "two bytes and no terminator"
        );
    }
    let mut number: c_int = 1;
    // SAFETY: an int and terminated strings.
    unsafe {
        for unknown in [-1, 8, 30, 1000, c_int::MIN] {
            assert_eq!(
                IOT_Ioctl(unknown, (&raw mut number).cast()),
                -1,
                "{unknown}"
            );
        }
        for (set, get) in [(0, 1), (4, 5)] {
            number = 3;
            assert_eq!(IOT_Ioctl(set, (&raw mut number).cast()), 0);
            number = 0;
            assert_eq!((IOT_Ioctl(get, (&raw mut number).cast()), number), (0, 3));
        }
        let mut info: *mut c_void = null_mut();
        let result = IOT_SetupConnInfo(
            c"pk".as_ptr(),
            c"dn".as_ptr(),
            c"ds".as_ptr(),
            &raw mut info,
        );
        assert_eq!(result, 0);
        let info = info.cast::<iotx_conn_info_t>();
        assert_eq!(
            ((*info).port, *(*info).host_name, *(*info).pub_key),
            (0, 0, 0)
        );
        let mut key = [0_u8; 21];
        assert_eq!(IOT_Ioctl(SET_PRODUCT_KEY + 1, key.as_mut_ptr().cast()), 0);
        assert_eq!(&key[..3], b"pk\0");
        let long = CString::new("p".repeat(21)).expect("no NUL");
        let refused = IOT_SetupConnInfo(long.as_ptr(), c"dn".as_ptr(), c"ds".as_ptr(), null_mut());
        assert_eq!(refused, -2);
    }
}

#[test]
fn log_functions_govern_what_is_printed() {
    if is_child() {
        let fail = || init(Some("http://x"));
        // SAFETY: a terminated string.
        unsafe { IOT_OpenLog(c"firmware".as_ptr()) };
        fail();
        IOT_SetLogLevel(99);
        IOT_SetLogLevel(-1);
        IOT_DumpMemoryStats(4);
        IOT_CloseLog();
        println!("-- closed --");
        fail();
        IOT_DumpMemoryStats(1);
        IOT_DumpMemoryStats(0);
        IOT_SetLogLevel(2);
        println!("-- open --");
        fail();
        IOT_SetLogLevel(5);
        IOT_DumpMemoryStats(9);
        return;
    }
    let output = child("log_functions_govern_what_is_printed").run();
    let (before, rest) = output.split_once("-- closed --").expect("marker");
    let (closed, open) = rest.split_once("-- open --").expect("marker");
    assert!(
        before.contains("[err] firmwar|"),
        "seven characters of the name:\n{output}"
    );
    assert!(before.contains("no such level: 99") && before.contains("no such level: -1"));
    assert!(
        !before.contains("memory of"),
        "IOT_LOG_INFO is below the default level"
    );
    assert!(!closed.contains('['), "silence:\n{closed}");
    assert!(
        open.contains("[err] capi") && open.contains("memory of"),
        "{open}"
    );
}
