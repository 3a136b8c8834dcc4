//! Reports reach the cloud and answers reach the callback, in every mode, encoding and signature.

mod support;

use iotx_cloud::{Credential, Delivery, EventKind, Outcome, Reply, Route, TokenOption};
use iotx_coap::capi::{IOT_CoAP_GetCurToken, iotx_get_well_known};
use support::device::{Answer, Device, message, topic};
use support::{HOST, PATIENCE, child, cloud, is_child, url};

const HELLO: &[u8] = br#"{"name":"hello world"}"#;

/// The client's side of most tests here: authenticate, report, be answered 2.05.
fn one_report() {
    let device = Device::connect(&url());
    assert_eq!(device.authenticate(), 0);
    let answer = device.post(&topic(), HELLO);
    assert_eq!((answer.code, answer.payload.as_slice()), (0x45, &b""[..]));
}

/// The report as the cloud saw it.
fn expect_report(cloud: &iotx_cloud::CloudHandle) -> iotx_cloud::Report {
    let event = cloud
        .wait_for(|event| event.report().is_some(), PATIENCE)
        .expect("a report");
    let report = event.report().expect("a report").clone();
    assert_eq!(
        (
            report.topic.trim_end_matches('/'),
            report.payload.as_slice()
        ),
        ("/a1B2c3D4e5F/dev01/update", HELLO)
    );
    report
}

#[test]
fn over_plain_coap() {
    if is_child() {
        return one_report();
    }
    let cloud = cloud().start().expect("cloud");
    let address = cloud.udp_addr().expect("open");
    child("over_plain_coap")
        .url(format!("coap://{address}"))
        .run();
    expect_report(&cloud);
}

#[test]
fn over_symmetric_coap() {
    if is_child() {
        return one_report();
    }
    let cloud = cloud().start().expect("cloud");
    let address = cloud.symmetric_addr().expect("open");
    child("over_symmetric_coap")
        .url(format!("coap-psk://{address}"))
        .run();
    let report = expect_report(&cloud);
    assert_eq!(report.seq, Some(1));
}

#[test]
fn over_dtls_with_the_certificate_checked_against_the_urls_host() {
    if is_child() {
        return one_report();
    }
    let cloud = cloud().start().expect("cloud");
    let output = child("over_dtls_with_the_certificate_checked_against_the_urls_host")
        .redirected_to(&cloud)
        .url(format!("coaps://{HOST}:5684"))
        .run();
    expect_report(&cloud);
    let handshake = cloud
        .wait_for(|event| event.is_handshake(), PATIENCE)
        .expect("a handshake");
    let EventKind::Handshake {
        version,
        resumed,
        credential,
        server_name,
        ..
    } = handshake.kind
    else {
        unreachable!()
    };
    assert_eq!((version.as_str(), resumed), ("DTLSv1.2", false));
    assert!(
        matches!(credential, Credential::Certificate),
        "{credential:?}"
    );
    assert_eq!(server_name.as_deref(), Some(HOST));
    for variable in ["IOTX_CONNECT_TO", "IOTX_EXTRA_CA"] {
        let told = support::log_lines(&output, "wrn")
            .iter()
            .any(|line| line.contains(variable));
        assert!(told, "{variable} must be announced:\n{output}");
    }
}

#[test]
fn a_null_url_leads_to_the_documented_host() {
    if is_child() {
        let device = Device::from_context(support::device::init(None));
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), HELLO).code, 0x45);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    child("a_null_url_leads_to_the_documented_host")
        .redirected_to(&cloud)
        .run();
    expect_report(&cloud);
    let handshake = cloud
        .wait_for(|event| event.is_handshake(), PATIENCE)
        .expect("a handshake");
    let EventKind::Handshake { server_name, .. } = handshake.kind else {
        unreachable!()
    };
    assert_eq!(server_name.as_deref(), Some(HOST));
}

#[test]
fn over_dtls_with_a_pre_shared_key_when_the_server_has_no_certificate() {
    if is_child() {
        return one_report();
    }
    let cloud = cloud().certificate(None).start().expect("cloud");
    let address = cloud.dtls_addr().expect("open");
    child("over_dtls_with_a_pre_shared_key_when_the_server_has_no_certificate")
        .url(format!("coaps://{address}"))
        .run();
    expect_report(&cloud);
    let handshake = cloud
        .wait_for(|event| event.is_handshake(), PATIENCE)
        .expect("a handshake");
    let EventKind::Handshake { credential, .. } = handshake.kind else {
        unreachable!()
    };
    assert!(matches!(credential, Credential::Psk(_)), "{credential:?}");
}

#[test]
fn to_a_bracketed_ipv6_address_over_udp_and_dtls() {
    if is_child() {
        return one_report();
    }
    let cloud = iotx_cloud::Cloud::builder()
        .udp("[::1]:0")
        .dtls("[::1]:0")
        .device(
            support::PRODUCT_KEY,
            support::DEVICE_NAME,
            support::DEVICE_SECRET,
        )
        .start()
        .expect("cloud");
    let (udp, dtls) = (
        cloud.udp_addr().expect("open"),
        cloud.dtls_addr().expect("open"),
    );
    for url in [
        format!("coap://[::1]:{}", udp.port()),
        format!("coaps://[::1]:{}", dtls.port()),
    ] {
        child("to_a_bracketed_ipv6_address_over_udp_and_dtls")
            .trusting(&cloud)
            .url(url)
            .run();
    }
    assert_eq!(cloud.counters().reports, 2);
}

#[test]
fn a_non_confirmable_report_is_sent_as_one() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.send_non(&topic(), HELLO), 0);
        assert_eq!(device.wait_for_answers(1)[0].code, 0x45);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let address = cloud.udp_addr().expect("open");
    child("a_non_confirmable_report_is_sent_as_one")
        .url(format!("coap://{address}"))
        .run();
    let event = cloud
        .wait_for(|event| event.report().is_some(), PATIENCE)
        .expect("a report");
    let EventKind::Request(exchanged, _) = event.kind else {
        unreachable!()
    };
    assert!(!exchanged.confirmable);
}

#[test]
fn the_content_format_is_the_reports_own() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        let cbor = [0xa1, 0x61, b'a', 0x01];
        let report = iotx_coap::capi::types::iotx_message_t {
            content_type: 1,
            ..message(&cbor)
        };
        assert_eq!(device.send_message(&topic(), report), 0);
        assert_eq!(device.wait_for_answers(1)[0].code, 0x45);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let address = cloud.udp_addr().expect("open");
    child("the_content_format_is_the_reports_own")
        .url(format!("coap://{address}"))
        .run();
    let event = cloud
        .wait_for(|event| event.report().is_some(), PATIENCE)
        .expect("a report");
    let report = event.report().expect("a report");
    assert_eq!((report.content_format, report.payload.len()), (Some(60), 4));
}

/// Every signature in both encodings, in all three modes.
#[test]
fn every_signature_and_encoding_authenticates() {
    if is_child() {
        for sign_method in 0..3 {
            for auth_encoding in 0..2 {
                let device = Device::connect_with(&url(), |s| {
                    s.sign_method = sign_method;
                    s.auth_encoding = auth_encoding;
                });
                assert_eq!(device.authenticate(), 0, "{sign_method} {auth_encoding}");
                assert_eq!(device.post(&topic(), HELLO).code, 0x45);
            }
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let name = "every_signature_and_encoding_authenticates";
    for url in [
        format!("coap://{}", cloud.udp_addr().expect("open")),
        format!("coap-psk://{}", cloud.symmetric_addr().expect("open")),
        format!("coaps://{}", cloud.dtls_addr().expect("open")),
    ] {
        child(name).trusting(&cloud).url(url).run();
    }
    let counters = cloud.counters();
    assert_eq!(
        (
            counters.authenticated,
            counters.reports,
            counters.auth_refused
        ),
        (18, 18, 0)
    );
}

#[test]
fn ack_mode_1_brings_separate_responses() {
    if is_child() {
        let device = Device::connect_with(&url(), |s| s.ack_mode = 1);
        assert_eq!(device.authenticate(), 0);
        for _ in 0..3 {
            assert_eq!(device.post(&topic(), HELLO).code, 0x45);
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let address = cloud.udp_addr().expect("open");
    child("ack_mode_1_brings_separate_responses")
        .url(format!("coap://{address}"))
        .run();
    let acknowledged = cloud.wait_for(
        |event| matches!(event.kind, EventKind::Acknowledged { .. }),
        PATIENCE,
    );
    assert!(
        acknowledged.is_some(),
        "separate responses are acknowledged"
    );
    assert_eq!(cloud.counters().reports, 3);
}

#[test]
fn answers_come_through_whatever_way_the_cloud_sends_them() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        for _ in 0..4 {
            let answer = device.post(&topic(), HELLO);
            assert_eq!(
                (answer.code, answer.payload.as_slice()),
                (0x45, &b"down"[..])
            );
        }
        // The repetitions of the last answer must not be delivered.
        assert_eq!(device.run(), 0);
        assert_eq!(device.answers().len(), 4);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let usual = || Reply::with_payload("down");
    for reply in [
        usual().by(Delivery::Piggybacked),
        usual().by(Delivery::Separate),
        usual().by(Delivery::SeparateNon),
        usual().by(Delivery::Separate).copies(3),
    ] {
        cloud.reply(Route::Topic, 1, &reply);
    }
    let address = cloud.udp_addr().expect("open");
    child("answers_come_through_whatever_way_the_cloud_sends_them")
        .url(format!("coap://{address}"))
        .run();
    assert_eq!(cloud.counters().reports, 4);
}

#[test]
fn symmetric_payloads_are_decrypted_both_ways() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        for _ in 0..3 {
            assert_eq!(device.post(&topic(), HELLO).payload, b"sixteen bytes ok");
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    cloud.reply(Route::Topic, 3, &Reply::with_payload("sixteen bytes ok"));
    let address = cloud.symmetric_addr().expect("open");
    child("symmetric_payloads_are_decrypted_both_ways")
        .url(format!("coap-psk://{address}"))
        .run();
    expect_report(&cloud);
}

#[test]
fn every_documented_code_reaches_the_callback() {
    const CODES: [u8; 10] = [0x80, 0x83, 0x84, 0x85, 0x86, 0x8e, 0x8f, 0x9d, 0xa0, 0xa3];
    if is_child() {
        // 4.29 and 5.03 ask for a minute's pause, which is not what this is about.
        let device = Device::connect_with(&url(), |s| s.heed_back_off = 0);
        assert_eq!(device.authenticate(), 0);
        for code in CODES {
            let answer = device.post(&topic(), HELLO);
            assert_eq!(
                (answer.code, answer.payload.as_slice()),
                (code, &b"why"[..])
            );
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    for code in CODES {
        let answer = iotx_cloud::Answer::new(iotx_cloud::Code(code), "why");
        cloud.reply(Route::Topic, 1, &Reply::instead(answer));
    }
    let address = cloud.udp_addr().expect("open");
    child("every_documented_code_reaches_the_callback")
        .url(format!("coap://{address}"))
        .run();
}

#[test]
fn the_token_option_follows_the_host_and_the_setting() {
    if is_child() {
        let option = std::env::var("OPTION")
            .expect("set")
            .parse()
            .expect("number");
        let device = Device::connect_with(&url(), |s| s.token_option = option);
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), HELLO).code, 0x45);
        return;
    }
    let run = |accepted, url: &str, option: &str| {
        let cloud = cloud().token_option(accepted).start().expect("cloud");
        child("the_token_option_follows_the_host_and_the_setting")
            .redirected_to(&cloud)
            .url(url)
            .env("OPTION", option)
            .run();
        assert_eq!(cloud.counters().reports, 1);
    };
    let old_host = format!("coaps://{HOST}:5684");
    let new_host = "coaps://a1B2c3D4e5F.coap.cn-shanghai.link.aliyuncs.com:5684";
    run(TokenOption::Only61, &old_host, "0");
    run(TokenOption::Only2088, new_host, "0");
    run(TokenOption::Only2088, &old_host, "2088");
    run(TokenOption::Only61, new_host, "61");
}

#[test]
fn the_current_token_is_the_one_the_answer_carries() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        for _ in 0..3 {
            // SAFETY: a live context.
            let promised = unsafe { IOT_CoAP_GetCurToken(device.context) };
            assert_eq!(device.post(&topic(), HELLO).token, promised);
            // SAFETY: firmware peeks at these two members of a context it must not know.
            unsafe {
                let base = device.context.cast::<u8>();
                assert_eq!(*base.add(12), 1, "is_authed");
                #[cfg(target_pointer_width = "64")]
                assert_eq!(
                    base.add(32).cast::<u32>().read_unaligned(),
                    IOT_CoAP_GetCurToken(device.context),
                    "coap_token"
                );
            }
        }
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let address = cloud.udp_addr().expect("open");
    child("the_current_token_is_the_one_the_answer_carries")
        .url(format!("coap://{address}"))
        .run();
}

#[test]
fn well_known_core_is_asked_for_and_only_logged() {
    if is_child() {
        let device = Device::connect(&url());
        // SAFETY: a live context.
        assert_eq!(unsafe { iotx_get_well_known(device.context) }, 0);
        assert_eq!(device.run(), 0);
        return;
    }
    let cloud = cloud().start().expect("cloud");
    let address = cloud.udp_addr().expect("open");
    child("well_known_core_is_asked_for_and_only_logged")
        .url(format!("coap://{address}"))
        .run();
    let asked = cloud.wait_for(
        |event| {
            matches!(&event.kind, EventKind::Request(exchanged, Outcome::Refused { .. })
                if exchanged.path.contains(".well-known/core"))
        },
        PATIENCE,
    );
    assert!(asked.is_some());
}

#[test]
fn two_clients_in_one_process_are_independent() {
    if is_child() {
        let symmetric = Device::connect(&std::env::var("OTHER").expect("set"));
        let plain = Device::connect(&url());
        assert_eq!((symmetric.authenticate(), plain.authenticate()), (0, 0));
        let down = Answer {
            code: 0x45,
            payload: b"down".to_vec(),
            token: 0,
        };
        for device in [&symmetric, &plain, &symmetric] {
            let answer = device.post(&topic(), HELLO);
            assert_eq!(Answer { token: 0, ..answer }, down);
        }
        drop(plain);
        assert_eq!(symmetric.post(&topic(), HELLO).payload, b"down");
        return;
    }
    let cloud = cloud().start().expect("cloud");
    cloud.reply(Route::Topic, 4, &Reply::with_payload("down"));
    child("two_clients_in_one_process_are_independent")
        .url(format!("coap://{}", cloud.udp_addr().expect("open")))
        .env(
            "OTHER",
            format!("coap-psk://{}", cloud.symmetric_addr().expect("open")),
        )
        .run();
}
