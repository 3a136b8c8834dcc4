//! Any bytes from the network, at every stage: the client goes on, or fails with a documented code.

mod support;

use iotx_cloud::{Answer, Code, Reply, Route};
use std::net::UdpSocket;
use support::device::{Device, topic};
use support::{child, cloud, is_child, log_lines, url};

/// Datagrams that are no answers: noise, truncated and oversized CoAP, foreign tokens, reserved codes.
fn garbage() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![
        vec![0],
        vec![0x60],
        vec![0x64, 0x45],
        vec![0x64, 0x45, 0, 1, 1, 2],
        vec![0x64, 0x45, 0, 1, 1, 2, 3, 4, 0xff],
        vec![0x6f, 0x45, 0, 1],
        vec![0x40, 0, 0, 1],
        vec![0x40, 1, 0, 1],
        vec![0x70, 0, 0xab, 0xcd],
        vec![0x60, 0, 0xab, 0xcd],
        vec![0x54, 0xe5, 0, 1, 1, 2, 3, 4],
        vec![0x44, 0x45, 9, 9, 9, 9, 9, 9, 0xff, b'x'],
        vec![0x64, 0x45, 0, 1, 1, 2, 3, 4, 0xed, 0xff, 0xff, 0xff],
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        vec![0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4],
        vec![0x15, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40],
    ];
    let mut state = 0x0123_4567_89ab_cdef_u64;
    for len in [1, 4, 5, 12, 60, 300, 1200, 1472] {
        all.push(
            std::iter::repeat_with(|| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .take(len)
            .collect(),
        );
    }
    all
}

#[test]
fn garbage_before_and_after_every_answer_changes_nothing() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        for _ in 0..3 {
            let answer = device.post(&topic(), b"{}");
            assert_eq!(
                (answer.code, answer.payload.as_slice()),
                (0x45, &b"fine"[..])
            );
        }
        assert_eq!(device.run(), 0);
        assert_eq!(device.answers().len(), 3);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let surround = |mut reply: Reply| {
        for junk in garbage() {
            reply = reply.after_junk(junk.clone()).before_junk(junk);
        }
        reply
    };
    let name = "garbage_before_and_after_every_answer_changes_nothing";
    for url in [
        format!("coap://{}", cloud.udp_addr().expect("open")),
        format!("coap-psk://{}", cloud.symmetric_addr().expect("open")),
        // Over DTLS the junk travels inside authentic records.
        format!("coaps://{}", cloud.dtls_addr().expect("open")),
    ] {
        cloud.reply(Route::Auth, 1, &surround(Reply::usual()));
        cloud.reply(Route::Topic, 3, &surround(Reply::with_payload("fine")));
        child(name).trusting(&cloud).url(url).run();
    }
}

#[test]
fn a_cloud_of_nothing_but_garbage_is_a_timeout() {
    if is_child() {
        let device = Device::connect(&url());
        // The junk comes without end: a call that it could keep from returning would never return.
        assert_eq!(device.authenticate(), -4);
        assert_eq!(device.run(), 0);
        return;
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let address = socket.local_addr().expect("address");
    let stop = std::sync::atomic::AtomicBool::new(false);
    socket
        .set_read_timeout(Some(std::time::Duration::from_millis(20)))
        .expect("socket");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut peer = None;
            let mut buffer = [0; 1500];
            let mut junk = garbage().into_iter().cycle();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                if let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    peer = Some(from);
                }
                if let (Some(peer), Some(junk)) = (peer, junk.next()) {
                    let _ = socket.send_to(&junk, peer); // the client may be gone already
                }
            }
        });
        child("a_cloud_of_nothing_but_garbage_is_a_timeout")
            .url(format!("coap://{address}"))
            .run();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn unusable_authentication_answers_are_failures_and_say_why() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), -4);
        assert_eq!(device.send(&topic(), b"{}"), -5);
        assert_eq!(device.authenticate(), 0, "the next attempt is a fresh one");
        assert_eq!(device.post(&topic(), b"{}").code, 0x45);
        return;
    }
    let name = "unusable_authentication_answers_are_failures_and_say_why";
    let long_token = format!(r#"{{"token":"{}"}}"#, "t".repeat(1025));
    let long_random = format!(
        r#"{{"token":"t","seqOffset":1,"random":"{}"}}"#,
        "r".repeat(33)
    );
    let plain = [
        "{}",
        "",
        "{\"token\":",
        "[1]",
        r#"{"token":7}"#,
        r#"{"token":""}"#,
        &long_token,
    ];
    let symmetric = [
        r#"{"token":"t"}"#,
        r#"{"token":"t","random":"a","seqOffset":-1}"#,
        &long_random,
    ];
    let cases = plain.iter().map(|answer| ("coap", answer));
    for (scheme, answer) in cases.chain(symmetric.iter().map(|answer| ("coap-psk", answer))) {
        let cloud = cloud().start().expect("cloud");
        let wrong = Answer {
            in_clear: true,
            ..Answer::new(Code(0x45), answer.as_bytes())
        };
        cloud.reply(Route::Auth, 1, &Reply::instead(wrong));
        let address = cloud.udp_addr().expect("open");
        let output = child(name).url(format!("{scheme}://{address}")).run();
        assert!(!log_lines(&output, "err").is_empty(), "{answer}:\n{output}");
    }
}

#[test]
fn long_tokens_are_carried() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), b"{}").code, 0x45);
        return;
    }
    for length in [1, 32, 193, 300, 1024] {
        let cloud = cloud().token_length(length).start().expect("cloud");
        let url = format!("coap://{}", cloud.udp_addr().expect("open"));
        child("long_tokens_are_carried").url(url).run();
    }
}

#[test]
fn symmetric_answers_in_clear_or_broken_reach_the_callback_as_they_came() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        for expected in [&b"in clear"[..], b"0123456789abcdef", &[0x5a; 32]] {
            assert_eq!(device.post(&topic(), b"{}").payload, expected);
        }
        return;
    }
    // One key in 256 makes a padding of any last block.
    let cloud = cloud().pin_random("0f1e2d3c4b5a6978").start();
    let cloud = cloud.expect("cloud");
    for (code, payload) in [
        (0x80, &b"in clear"[..]),
        (0x84, b"0123456789abcdef"),
        (0x45, &[0x5a; 32]),
    ] {
        let clear = Answer {
            in_clear: true,
            ..Answer::new(Code(code), payload)
        };
        cloud.reply(Route::Topic, 1, &Reply::instead(clear));
    }
    let url = format!("coap-psk://{}", cloud.symmetric_addr().expect("open"));
    child("symmetric_answers_in_clear_or_broken_reach_the_callback_as_they_came")
        .url(url)
        .run();
}

/// At the most talkative level, with everything that can go wrong going wrong.
#[test]
fn no_secret_reaches_the_log_at_any_level() {
    const TOKEN: &str = "token-that-must-not-be-seen-0123456789";
    const RANDOM: &str = "0f1e2d3c4b5a6978";
    if is_child() {
        iotx_coap::capi::IOT_SetLogLevel(5);
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        device.post(&topic(), b"1");
        device.post(&topic(), b"2");
        device.send(&topic(), b"3");
        device.authenticate();
        device.post(&topic(), b"4");
        return;
    }
    let key = iotx_coap::cloud_auth::dtls_psk::key(
        iotx_coap::cloud_auth::SignMethod::HmacSha256,
        support::DEVICE_SECRET.as_bytes(),
        support::PRODUCT_KEY,
        support::DEVICE_NAME,
        iotx_coap::cloud_auth::dtls_psk::DEFAULT_TIMESTAMP,
    );
    for certificate in [Some(iotx_cloud::CertificateOptions::default()), None] {
        let with_certificate = certificate.is_some();
        let cloud = cloud()
            .certificate(certificate)
            .pin_token(TOKEN)
            .pin_random(RANDOM)
            .start()
            .expect("cloud");
        let urls = [
            format!("coap://{}", cloud.udp_addr().expect("open")),
            format!("coap-psk://{}", cloud.symmetric_addr().expect("open")),
            format!("coaps://{}", cloud.dtls_addr().expect("open")),
        ];
        for url in urls {
            cloud.reply(Route::Topic, 1, &Reply::usual());
            cloud.reply(
                Route::Topic,
                1,
                &Reply::instead(Answer::new(Code(0x81), "void")),
            );
            let child = child("no_secret_reaches_the_log_at_any_level").url(url);
            let child = if with_certificate {
                child.trusting(&cloud)
            } else {
                child
            };
            let output = child.run();
            for secret in [TOKEN, RANDOM, support::DEVICE_SECRET, key.as_str()] {
                assert!(!output.contains(secret), "{secret} was printed:\n{output}");
            }
            assert!(
                !log_lines(&output, "inf").is_empty(),
                "the level is on:\n{output}"
            );
        }
    }
}
