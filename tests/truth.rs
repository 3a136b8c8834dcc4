//! Return values tell what happened, and calls end. (That they end in their time is shown by a virtual clock:
//! `src/client/driver_tests.rs`. Here a call that does not end is a test that does not.)

mod support;

use iotx_cloud::{Answer, Code, EventKind, Overload, Reply, Route};
use std::net::UdpSocket;
use std::time::Duration;
use support::device::{Device, topic};
use support::{PATIENCE, child, cloud, is_child, url};

const AUTH_FAILED: i32 = -4;
const NOT_AUTHED: i32 = -5;
const SEND_FAILED: i32 = -8;

fn plain(cloud: &iotx_cloud::CloudHandle) -> String {
    format!("coap://{}", cloud.udp_addr().expect("open"))
}

#[test]
fn authentication_returns_with_the_answer_not_with_the_window() {
    if is_child() {
        // The SDK waits 3 to 10 s here, answer or not. Who waited for this window, or for the first repetition,
        // would not be seen again.
        let device = Device::connect_with(&url(), |settings| {
            settings.auth_timeout_ms = u32::MAX;
            settings.ack_timeout_ms = 600_000;
        });
        assert_eq!(device.authenticate(), 0);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let name = "authentication_returns_with_the_answer_not_with_the_window";
    for url in [
        plain(&cloud),
        format!("coap-psk://{}", cloud.symmetric_addr().expect("open")),
        format!("coaps://{}", cloud.dtls_addr().expect("open")),
    ] {
        child(name).trusting(&cloud).url(url).run();
    }
}

#[test]
fn a_wrong_secret_and_an_unknown_device_are_refusals() {
    if is_child() {
        let infos = [
            support::device::info_of(support::PRODUCT_KEY, support::DEVICE_NAME, "wrong"),
            support::device::info_of(support::PRODUCT_KEY, "nobody", support::DEVICE_SECRET),
        ];
        for mut info in infos {
            let context = support::device::init_with(Some(&url()), &mut info, 2000);
            let device = Device::from_context(context);
            assert_eq!(device.authenticate(), AUTH_FAILED);
            assert_eq!(device.send(&topic(), b"{}"), NOT_AUTHED);
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let name = "a_wrong_secret_and_an_unknown_device_are_refusals";
    let output = child(name).url(plain(&cloud)).run();
    assert!(output.contains("4.01"), "the log names the code:\n{output}");
    assert_eq!(cloud.counters().auth_refused, 2);
    assert_eq!(cloud.counters().reports, 0);
}

#[test]
fn a_disabled_device_is_refused_also_after_it_was_accepted() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), b"disable me").code, 0x45);
        let start = std::time::Instant::now();
        while device.authenticate() == 0 {
            assert!(start.elapsed() < PATIENCE, "never disabled");
        }
        assert_eq!(device.authenticate(), AUTH_FAILED);
        assert_eq!(
            device.send(&topic(), b"{}"),
            NOT_AUTHED,
            "the old token is not used on"
        );
        return;
    }
    let cloud = cloud().start().expect("cloud");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let report = cloud.wait_for(|event| event.report().is_some(), PATIENCE);
            let device = report.and_then(|e| e.report().map(|r| r.device.clone()));
            assert!(cloud.set_disabled(&device.expect("a report"), true));
        });
        child("a_disabled_device_is_refused_also_after_it_was_accepted")
            .url(plain(&cloud))
            .run();
    });
}

#[test]
fn a_busy_cloud_is_retried_and_a_lasting_one_is_a_failure() {
    if is_child() {
        let device = Device::connect(&url());
        let expected: i32 = std::env::var("EXPECTED")
            .expect("set")
            .parse()
            .expect("number");
        assert_eq!(device.authenticate(), expected);
        return;
    }
    let name = "a_busy_cloud_is_retried_and_a_lasting_one_is_a_failure";
    let for_a_while = cloud().start().expect("cloud");
    let busy = Reply::instead(Answer::new(Code(0xa0), "timeout"));
    for_a_while.reply(Route::Auth, 2, &busy);
    child(name)
        .url(plain(&for_a_while))
        .env("EXPECTED", "0")
        .run();

    let for_ever = cloud().start().expect("cloud");
    for_ever.set_overload(Overload::Auth);
    child(name)
        .url(plain(&for_ever))
        .env("EXPECTED", "-4")
        .run();
    assert!(for_ever.counters().requests <= 5, "back-off, not a flood");
}

#[test]
fn lost_requests_and_answers_are_made_good_inside_the_call() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), b"{}").code, 0x45);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    cloud.reply(Route::Auth, 1, &Reply::request_lost());
    cloud.reply(Route::Topic, 1, &Reply::answer_lost());
    child("lost_requests_and_answers_are_made_good_inside_the_call")
        .url(plain(&cloud))
        .run();
    assert_eq!(
        cloud.counters().reports,
        1,
        "the repetition is the same report"
    );
    let repeated = cloud.wait_for(
        |event| matches!(event.kind, EventKind::Duplicate { .. }),
        PATIENCE,
    );
    assert!(repeated.is_some());
}

#[test]
fn a_silent_cloud_is_a_failure_within_the_bound() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), AUTH_FAILED);
        assert_eq!(device.send(&topic(), b"{}"), NOT_AUTHED);
        return;
    }
    let silent = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let address = silent.local_addr().expect("address");
    child("a_silent_cloud_is_a_failure_within_the_bound")
        .url(format!("coap://{address}"))
        .run();
    // The request and its repetitions lie in the socket: all the same bytes. That there are repetitions, and no
    // fifth copy, which leaves after 30 s, is what the bound looks like from here.
    silent.set_nonblocking(true).expect("socket");
    let mut copies = Vec::new();
    let mut buffer = [0; 1500];
    while let Ok(len) = silent.recv(&mut buffer) {
        copies.push(buffer[..len].to_vec());
    }
    assert!(
        (2..=4).contains(&copies.len()),
        "{} copies in 10 s",
        copies.len()
    );
    assert!(copies.iter().all(|copy| *copy == copies[0]));
}

#[test]
fn an_absent_cloud_is_a_definite_error() {
    if is_child() {
        let url = url();
        if url.starts_with("coaps") {
            assert!(support::device::init(Some(&url)).is_null());
        } else {
            let device = Device::connect(&url);
            let result = device.authenticate();
            assert!(result == AUTH_FAILED || result == SEND_FAILED, "{result}");
            // On a socket that reports errors.
            assert_eq!(device.run(), 0);
        }
        return;
    }
    // A port that was free a moment ago, and nobody behind it.
    let address = UdpSocket::bind("127.0.0.1:0")
        .expect("socket")
        .local_addr()
        .expect("address");
    let name = "an_absent_cloud_is_a_definite_error";
    for scheme in ["coap", "coap-psk", "coaps"] {
        let output = child(name).url(format!("{scheme}://{address}")).run();
        let errors = support::log_lines(&output, "err");
        assert!(!errors.is_empty(), "{scheme}:\n{output}");
        // The handshake ends because of what the network reports, not of its time.
        let reported = errors.iter().any(|line| line.contains("cannot be reached"));
        assert!(reported || scheme != "coaps", "{output}");
    }
}

#[test]
fn a_voided_token_is_renewed_and_the_refused_report_sent_again() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), b"1").code, 0x45);
        // Refused once; what the program sees is the answer to the second attempt.
        assert_eq!(device.post(&topic(), b"2").code, 0x45);
        assert_eq!(device.post(&topic(), b"3").code, 0x45);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    cloud.reply(Route::Topic, 1, &Reply::usual());
    let void = Reply::instead(Answer::new(Code(0x81), "token expired"));
    cloud.reply(Route::Topic, 1, &void);
    let name = "a_voided_token_is_renewed_and_the_refused_report_sent_again";
    let output = child(name).url(plain(&cloud)).run();
    assert!(
        support::log_lines(&output, "wrn")
            .iter()
            .any(|line| line.contains("4.01"))
    );
    assert_eq!(cloud.counters().authenticated, 2);
}

#[test]
fn a_burst_is_queued_and_every_report_arrives_in_order() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        for n in 0..40 {
            assert_eq!(device.send(&topic(), format!("{n}").as_bytes()), 0);
        }
        assert_eq!(device.wait_for_answers(40).len(), 40);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let events = cloud.events();
    child("a_burst_is_queued_and_every_report_arrives_in_order")
        .url(plain(&cloud))
        .run();
    let payloads: Vec<_> = events
        .try_iter()
        .filter_map(|e| e.report().map(|r| r.payload.clone()))
        .collect();
    let expected: Vec<_> = (0..40).map(|n: i32| n.to_string().into_bytes()).collect();
    assert_eq!(payloads, expected);
}

#[test]
fn a_full_queue_is_told_not_dropped_silently() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        let taken = (0..100)
            .take_while(|_| device.send(&topic(), b"{}") == 0)
            .count();
        assert_eq!(taken, 65, "one on its way, 64 behind it");
        assert_eq!(device.send(&topic(), b"{}"), SEND_FAILED);
        assert_eq!(device.wait_for_answers(65).len(), 65);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    child("a_full_queue_is_told_not_dropped_silently")
        .url(plain(&cloud))
        .run();
    assert_eq!(cloud.counters().reports, 65);
}

#[test]
fn a_dtls_session_the_server_closes_is_told_and_a_new_one_opened_for_the_next_report() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), b"1").code, 0x45);
        // The cloud ends idle sessions before a second is over; Yield notices the close_notify.
        assert_eq!(device.run(), 0);
        assert_eq!(device.post(&topic(), b"2").code, 0x45);
        return;
    }
    let cloud = cloud()
        .dtls_options(|options| options.idle_timeout = Duration::from_millis(700))
        .start()
        .expect("cloud");
    let output =
        child("a_dtls_session_the_server_closes_is_told_and_a_new_one_opened_for_the_next_report")
            .trusting(&cloud)
            .url(format!("coaps://{}", cloud.dtls_addr().expect("open")))
            .run();
    assert!(
        support::log_lines(&output, "err")
            .iter()
            .any(|line| line.contains("ended"))
    );
    let counters = cloud.counters();
    assert_eq!((counters.handshakes, counters.authenticated), (2, 1));
}
