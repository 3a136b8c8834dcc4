//! Firmware updates through the C interface, beside a cloud that offers one.

mod support;

use iotx_cloud::{
    Answer, CloudHandle, Code, DeviceId, Event, EventKind, Offer, OtaReport, Reply, Route,
};
use iotx_coap::capi::*;
use std::ptr::null_mut;
use support::device::Device;
use support::ota::*;
use support::{DEVICE_NAME, PATIENCE, PRODUCT_KEY, child, cloud, is_child, url};

/// Some bytes that no piece of them repeats.
fn image() -> Vec<u8> {
    (0..40_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn plain(cloud: &CloudHandle) -> String {
    format!("coap://{}", cloud.udp_addr().expect("open"))
}

/// A cloud that offers the device this firmware, over HTTP.
fn offering(offer: Offer) -> CloudHandle {
    let cloud = cloud().http("127.0.0.1:0").offer(offer).start();
    cloud.expect("cloud")
}

fn authenticated(url: &str) -> Device {
    let device = Device::connect(url);
    assert_eq!(device.authenticate(), 0);
    device
}

fn reported(cloud: &CloudHandle, expected: &OtaReport) -> Event {
    let event = cloud.wait_for(|event| event.ota().as_ref() == Some(expected), PATIENCE);
    event.unwrap_or_else(|| panic!("not reported: {expected:?}"))
}

fn version(text: &str) -> String {
    text.to_owned()
}

fn progress(step: i32, description: Option<&str>) -> OtaReport {
    OtaReport::Progress {
        step,
        description: description.map(str::to_owned),
    }
}

/// The device's side of an update, in the pieces and with the questions of the SDK's example.
fn update(device: &Device) {
    let ota = Ota::new(device);
    assert!(!ota.is_fetching() && !ota.is_finished());
    assert_eq!(ota.fetch(5000, 1), Err(INVALID_STATE));
    ota.await_order(device);

    let (expected, mut fetched) = (image(), Vec::new());
    while !ota.is_finished() {
        let bytes = ota.fetch(5000, 1).expect("bytes");
        fetched.extend_from_slice(&bytes);
        assert_eq!(ota.number(FETCHED_SIZE), Ok(fetched.len() as u32));
        assert_eq!(ota.number(FILE_SIZE), Ok(expected.len() as u32));
        assert_eq!(ota.text(VERSION).as_deref(), Ok("1.1"));
        assert_eq!(
            ota.text(MD5SUM),
            Ok(Offer::new("", &expected[..]).md5().to_owned())
        );
        let percent = (fetched.len() * 100 / expected.len()) as i32;
        assert_eq!(ota.report_progress(percent, Some("hello")), 0);
        assert_eq!(device.run(), 0);
    }
    assert_eq!(ota.number(CHECK_FIRMWARE), Ok(1));
    assert!(fetched == expected);
    assert!(!ota.is_fetching());
    assert_eq!(
        ota.last_error(),
        INVALID_STATE,
        "from the call before the order"
    );
    assert_eq!(ota.fetch(5000, 1), Err(INVALID_STATE));
}

#[test]
fn an_image_is_ordered_fetched_and_checked_in_every_mode() {
    if is_child() {
        update(&authenticated(&url()));
        return;
    }
    let name = "an_image_is_ordered_fetched_and_checked_in_every_mode";
    for scheme in ["coap", "coap-psk", "coaps"] {
        let secure = scheme == "coaps";
        let builder = if secure {
            cloud().https("127.0.0.1:0")
        } else {
            cloud().http("127.0.0.1:0")
        };
        let cloud = builder
            .offer(Offer::new("1.1", image()))
            .start()
            .expect("cloud");
        let address = match scheme {
            "coap" => cloud.udp_addr(),
            "coap-psk" => cloud.symmetric_addr(),
            _ => cloud.dtls_addr(),
        };
        let address = address.expect("open");
        child(name)
            .trusting(&cloud)
            .url(format!("{scheme}://{address}"))
            .run();
        for expected in [
            OtaReport::Inform {
                version: version("1.0"),
            },
            OtaReport::Request {
                version: version("1.0"),
            },
            progress(0, Some("Enter in downloading state")),
            progress(50, Some("hello")),
            progress(100, Some("hello")),
        ] {
            reported(&cloud, &expected);
        }
    }
}

#[test]
fn each_handle_informs_of_a_version_once_and_requests_each_time() {
    let cloud = cloud().start().expect("cloud");
    let device = authenticated(&plain(&cloud));
    let count = |wanted: fn(&OtaReport) -> bool| {
        let is_wanted = |event: &Event| event.ota().is_some_and(|report| wanted(&report));
        std::iter::from_fn(|| cloud.wait_for(is_wanted, std::time::Duration::ZERO)).count()
    };
    for _ in 0..2 {
        let ota = Ota::new(&device);
        for (text, informs) in [("1.0", 1), ("1.0", 0), ("1.1", 1)] {
            assert_eq!(ota.report_version(text), 0);
            assert_eq!(device.run(), 0);
            reported(
                &cloud,
                &OtaReport::Request {
                    version: version(text),
                },
            );
            assert_eq!(count(|it| matches!(it, OtaReport::Inform { .. })), informs);
            assert_eq!(count(|it| matches!(it, OtaReport::Request { .. })), 0);
        }
    }
}

/// A lost or refused message has informed nobody.
#[test]
fn a_version_counts_as_informed_when_the_cloud_has_accepted_it() {
    let cloud = cloud().start().expect("cloud");
    let device = authenticated(&plain(&cloud));
    let ota = Ota::new(&device);
    let informed = OtaReport::Inform {
        version: version("1.0"),
    };
    cloud.reply(
        Route::Topic,
        1,
        &Reply::instead(Answer::bare(Code::INTERNAL_ERROR)),
    );
    assert_eq!(ota.report_version("1.0"), 0);
    assert_eq!(device.run(), 0);
    assert_eq!(ota.report_version("1.0"), 0);
    assert_eq!(device.run(), 0);
    reported(&cloud, &informed);
    assert_eq!(ota.report_version("1.0"), 0);
    assert_eq!(device.run(), 0);
    let again = |event: &Event| event.ota().as_ref() == Some(&informed);
    assert!(cloud.wait_for(again, std::time::Duration::ZERO).is_none());
}

#[test]
fn another_content_than_ordered_is_found_out() {
    let offer = Offer::new("1.1", *b"image").with_md5("0".repeat(32));
    let cloud = offering(offer);
    let device = authenticated(&plain(&cloud));
    let ota = Ota::new(&device);
    ota.await_order(&device);
    assert_eq!(ota.number(CHECK_FIRMWARE), Err(INVALID_STATE));
    assert_eq!(ota.fetch_all(3), b"image");
    assert_eq!(ota.number(CHECK_FIRMWARE), Ok(0));
    // It may be ordered again, and then be right.
    cloud.offer(
        &DeviceId::new(PRODUCT_KEY, DEVICE_NAME),
        Some(Offer::new("1.1", *b"image")),
    );
    ota.await_order(&device);
    assert_eq!(ota.number(FETCHED_SIZE), Ok(0));
    assert_eq!(ota.fetch_all(3), b"image");
    assert_eq!(ota.number(CHECK_FIRMWARE), Ok(1));
}

#[test]
fn questions_are_answered_in_the_numbers_of_all_releases() {
    let offer = Offer::new("1.1", *b"image");
    let md5 = offer.md5().to_owned();
    let cloud = offering(offer);
    let device = authenticated(&plain(&cloud));
    let ota = Ota::new(&device);
    for command in 0..=13 {
        if ![5, 12].contains(&command) {
            assert_eq!(ota.number(command), Err(INVALID_STATE), "{command}");
        }
    }
    ota.await_order(&device);
    assert_eq!(ota.fetch(2, 60).as_deref(), Ok(&b"im"[..]));
    // SDK 2.00 to 2.1, then 2.21 and 2.30.
    for first in [0, 7] {
        assert_eq!(ota.number(first), Ok(2));
        assert_eq!(ota.number(first + 1), Ok(5));
        assert_eq!(ota.text(first + 2).as_ref(), Ok(&md5));
        assert_eq!(ota.text(first + 3).as_deref(), Ok("1.1"));
        assert_eq!(ota.number(first + 4), Err(INVALID_STATE));
    }
    assert_eq!(ota.number(6), Ok(2), "a firmware");
    assert_eq!(ota.fetch(100, 60).as_deref(), Ok(&b"age"[..]));
    assert_eq!((ota.number(4), ota.number(11)), (Ok(1), Ok(1)));
    for command in [5, 12] {
        assert_eq!(ota.number(command), Err(-1), "configurations");
    }
    for command in [-1, 14, i32::MAX, i32::MIN] {
        assert_eq!(ota.number(command), Err(INVALID_PARAM));
    }
    assert_eq!(ota.number(RESET), Ok(u32::MAX), "nothing is stored");
    assert_eq!(ota.number(FETCHED_SIZE), Ok(0));
    assert_eq!(ota.fetch_all(100), b"image");
}

#[test]
fn buffers_for_answers_are_checked_and_never_overrun() {
    let offer = Offer::new("1.1", *b"image");
    let md5 = offer.md5().to_owned();
    let cloud = offering(offer);
    let device = authenticated(&plain(&cloud));
    let ota = Ota::new(&device);
    ota.await_order(&device);
    assert_eq!(ota.text_in(MD5SUM, 33), (0, md5.clone()));
    assert_eq!(ota.text_in(MD5SUM, 32), (-4, md5[..31].to_owned()));
    assert_eq!(ota.text_in(VERSION, 4), (0, "1.1".to_owned()));
    assert_eq!(ota.text_in(VERSION, 1), (-4, String::new()));
    assert_eq!(ota.last_error(), -4);
    assert_eq!(ota.text_in(VERSION, 0).0, INVALID_PARAM);
    let mut numbers = [7_u32; 3];
    for len in [1, 3, 5, 8] {
        // SAFETY: a live handle, a buffer of more bytes.
        let result = unsafe { IOT_OTA_Ioctl(ota.0, FILE_SIZE, numbers.as_mut_ptr().cast(), len) };
        assert_eq!(result, INVALID_PARAM, "{len} bytes");
    }
    for shift in 1..4 {
        // SAFETY: a live handle, a buffer of more bytes.
        let result = unsafe {
            let place = numbers.as_mut_ptr().cast::<u8>().add(shift);
            IOT_OTA_Ioctl(ota.0, FILE_SIZE, place.cast(), 4)
        };
        assert_eq!(result, INVALID_PARAM, "{shift} bytes off");
    }
    assert_eq!(numbers, [7; 3]);
}

#[test]
fn what_cannot_be_reported_is_refused_and_the_last_error_says_why() {
    let cloud = cloud().start().expect("cloud");
    let device = Device::connect(&plain(&cloud));
    let ota = Ota::new(&device);
    assert_eq!(ota.last_error(), 0);
    assert_eq!(ota.report_version("1.0"), -1, "not authenticated");
    assert_eq!(ota.last_error(), -7);
    assert_eq!(device.authenticate(), 0);
    for text in ["", &"v".repeat(33), &"v".repeat(1000)] {
        assert_eq!(ota.report_version(text), -1);
        assert_eq!(ota.last_error(), INVALID_PARAM);
    }
    assert_eq!(ota.report_version(&"v".repeat(32)), 0);
    assert_eq!(device.run(), 0);
    reported(
        &cloud,
        &OtaReport::Request {
            version: "v".repeat(32),
        },
    );
    for step in [-5, 101, i32::MIN, i32::MAX] {
        assert_eq!(ota.report_progress(step, None), -1);
        assert_eq!(ota.last_error(), INVALID_PARAM);
    }
    for len in [223, 1000] {
        assert_eq!(ota.report_progress(1, Some(&"m".repeat(len))), -1);
        assert_eq!(ota.last_error(), -4);
    }
    // SAFETY: a live handle, terminated texts.
    let results = unsafe {
        let latin_1 = c"\xe9".as_ptr();
        [
            IOT_OTA_ReportVersion(ota.0, latin_1),
            IOT_OTA_ReportProgress(ota.0, 1, latin_1),
        ]
    };
    assert_eq!((results, ota.last_error()), ([-1; 2], INVALID_PARAM));
    let longest = "m".repeat(255 - r#"{"id":0,"params": {"step": "-4","desc":""}}"#.len());
    assert_eq!(ota.report_progress(-4, Some(&longest)), 0);
    assert_eq!(device.run(), 0);
    reported(&cloud, &progress(-4, Some(&longest)));
    assert_eq!(ota.report_progress(100, None), 0);
    assert_eq!(device.run(), 0);
    reported(&cloud, &progress(100, None));
    let result = IOT_OTA_GetConfig(ota.0, null_mut(), null_mut(), null_mut());
    assert_eq!((result, ota.last_error()), (-1, -1));
    // SAFETY: a live handle, a terminated text.
    assert_eq!(unsafe { IOT_OTA_RequestImage(ota.0, c"9".as_ptr()) }, 0);
    assert_eq!(device.run(), 0);
    reported(
        &cloud,
        &OtaReport::Request {
            version: version("9"),
        },
    );
}

#[test]
fn paths_up_to_the_limit_arrive_whole() {
    let cloud = cloud().start().expect("cloud");
    let device = authenticated(&plain(&cloud));
    let name = "d".repeat(135 - "/topic/ota/device/progress/pk/".len());
    let ota = Ota(init("pk", &name, device.context));
    assert!(!ota.0.is_null());
    assert_eq!(ota.report_progress(1, None), 0);
    let path = format!("/topic/ota/device/progress/pk/{name}");
    assert_eq!(path.len(), 135);
    let arrived = |event: &Event| match &event.kind {
        EventKind::Request(exchanged, _) => exchanged.path == path,
        _ => false,
    };
    assert!(cloud.wait_for(arrived, PATIENCE).is_some());
    for (pk, dn) in [
        ("pk", &format!("{name}d")),
        ("", &name),
        ("pk", &String::new()),
    ] {
        assert!(init(pk, dn, device.context).is_null());
    }
}

#[test]
fn an_order_that_cannot_be_followed_changes_nothing() {
    let cloud = cloud().start().expect("cloud");
    let device = authenticated(&plain(&cloud));
    let ota = Ota::new(&device);
    let good = order("http://127.0.0.1:9/image", b"image");
    let orders = [
        good.replace("success", "failure"),
        good.replace("\"size\":5", "\"size\":0"),
        good.replace("http:", "ftp:"),
        good.replace("\"md5\":\"", "\"md5\":\"0"),
        good.replace("version", "versio"),
        good[..good.len() - 1].to_owned(),
        "x".repeat(1000),
    ];
    for order in orders {
        cloud.reply(Route::Topic, 1, &Reply::with_payload(order.clone()));
        assert_eq!(ota.report_progress(1, None), 0);
        assert_eq!(device.run(), 0);
        assert!(!ota.is_fetching(), "{order}");
    }
    // The answer to any report may order something.
    cloud.reply(Route::Topic, 1, &Reply::with_payload(good));
    assert_eq!(ota.report_progress(1, None), 0);
    assert_eq!(device.run(), 0);
    assert!(ota.is_fetching());
}

#[test]
fn handles_are_independent() {
    let image = *b"image";
    let cloud = cloud()
        .http("127.0.0.1:0")
        .offer(Offer::new("1.1", image))
        .start()
        .expect("cloud");
    let (one, other) = (authenticated(&plain(&cloud)), authenticated(&plain(&cloud)));
    let handles = [Ota::new(&one), Ota::new(&other), Ota::new(&other)];
    handles[0].await_order(&one);
    assert!(!handles[1].is_fetching() && !handles[2].is_fetching());
    handles[1].await_order(&other);
    assert!(!handles[2].is_fetching());
    assert_eq!(handles[0].fetch(2, 60).as_deref(), Ok(&b"im"[..]));
    assert_eq!(handles[1].fetch_all(4), image);
    assert_eq!(handles[0].fetch_all(4), b"age");
    for handle in &handles[..2] {
        assert_eq!(handle.number(CHECK_FIRMWARE), Ok(1));
    }
}

#[test]
fn a_handle_may_end_at_any_time() {
    let offer = Offer::new("1.1", image());
    let cloud = offering(offer);
    let mut device = authenticated(&plain(&cloud));
    // Unused.
    drop(Ota::new(&device));
    // With answers on their way, which then find nobody.
    let ota = Ota::new(&device);
    assert_eq!(ota.report_version("1.0"), 0);
    drop(ota);
    assert_eq!(device.run(), 0);
    // With a download that has not begun, is half done, or done.
    for pieces in [0, 1, usize::MAX] {
        let ota = Ota::new(&device);
        ota.await_order(&device);
        for _ in 0..pieces.min(1000) {
            if !ota.is_finished() {
                ota.fetch(5000, 60).expect("bytes");
            }
        }
    }
    // After its client.
    let ota = Ota::new(&device);
    ota.await_order(&device);
    // SAFETY: a live client.
    unsafe { IOT_CoAP_Deinit(&raw mut device.context) };
    assert_eq!(ota.report_version("1.0"), -1);
    assert_eq!(ota.report_progress(1, None), -1);
    assert_eq!(ota.last_error(), -7);
    assert_eq!(ota.fetch_all(5000).len(), image().len());
    assert_eq!(ota.number(CHECK_FIRMWARE), Ok(1));
}

#[test]
fn null_is_refused_in_every_place() {
    let cloud = cloud().start().expect("cloud");
    let device = Device::connect(&plain(&cloud));
    let ota = Ota::new(&device);
    let text = c"text".as_ptr();
    let mut buffer = [0_u32; 4];
    let place = buffer.as_mut_ptr();
    // SAFETY: NULL, live handles, terminated texts, and buffers of that length.
    unsafe {
        assert!(IOT_OTA_Init(std::ptr::null(), text, device.context).is_null());
        assert!(IOT_OTA_Init(text, std::ptr::null(), device.context).is_null());
        assert!(IOT_OTA_Init(text, text, null_mut()).is_null());
        assert_eq!(IOT_OTA_Deinit(null_mut()), INVALID_PARAM);
        assert_eq!(IOT_OTA_ReportVersion(null_mut(), text), INVALID_PARAM);
        assert_eq!(
            IOT_OTA_ReportVersion(ota.0, std::ptr::null()),
            INVALID_PARAM
        );
        assert_eq!(IOT_OTA_RequestImage(null_mut(), text), INVALID_PARAM);
        assert_eq!(IOT_OTA_RequestImage(ota.0, std::ptr::null()), INVALID_PARAM);
        assert_eq!(IOT_OTA_ReportProgress(null_mut(), 0, text), INVALID_PARAM);
        assert_eq!(
            IOT_OTA_GetConfig(null_mut(), text, text, text),
            INVALID_PARAM
        );
        assert_eq!(IOT_OTA_IsFetching(null_mut()), 0);
        assert_eq!(IOT_OTA_IsFetchFinish(null_mut()), 0);
        assert_eq!(
            IOT_OTA_FetchYield(null_mut(), place.cast(), 16, 0),
            INVALID_PARAM
        );
        assert_eq!(IOT_OTA_FetchYield(ota.0, null_mut(), 16, 0), INVALID_PARAM);
        assert_eq!(IOT_OTA_FetchYield(ota.0, place.cast(), 0, 0), INVALID_PARAM);
        assert_eq!(
            IOT_OTA_Ioctl(null_mut(), FILE_SIZE, place.cast(), 4),
            INVALID_PARAM
        );
        assert_eq!(
            IOT_OTA_Ioctl(ota.0, FILE_SIZE, null_mut(), 4),
            INVALID_PARAM
        );
        assert_eq!(IOT_OTA_GetLastError(null_mut()), INVALID_PARAM);
    }
    assert_eq!(ota.last_error(), INVALID_PARAM);
}

#[test]
fn a_handle_that_has_ended_is_refused_and_not_followed() {
    let cloud = cloud().start().expect("cloud");
    let mut device = Device::connect(&plain(&cloud));
    let ended = Ota::new(&device).0;
    let mut number = 7_u32;
    for stray in [ended, device.context, (&raw mut number).cast()] {
        assert_eq!(IOT_OTA_Deinit(stray), INVALID_PARAM);
        assert_eq!(IOT_OTA_IsFetching(stray), 0);
        assert_eq!(IOT_OTA_GetLastError(stray), INVALID_PARAM);
        // SAFETY: a terminated text; the handle is none, which is what is tested.
        let result = unsafe { IOT_OTA_ReportVersion(stray, c"1".as_ptr()) };
        assert_eq!(result, INVALID_PARAM);
    }
    let client = device.context;
    // SAFETY: a live client.
    unsafe { IOT_CoAP_Deinit(&raw mut device.context) };
    assert!(init("pk", "dn", client).is_null());
}
