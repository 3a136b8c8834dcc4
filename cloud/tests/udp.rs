//! The two UDP ports, seen by a device made of raw sockets.

mod support;

use std::time::Duration;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet};
use iotx_cloud::{
    Clock, Cloud, CloudHandle, Code, Event, EventKind, OPTION_MESSAGE_ID, OPTION_SEQ,
    OPTION_TOKEN_61, OPTION_TOKEN_2088, Timing, Transport, UnixMillis,
};
use iotx_coap::cloud_auth::SessionKey;
use support::{
    Link, PATIENCE, Udp, bytes, cloud, code, member, option, post, report, signed_auth, text,
    token, unhex,
};

const UPDATE: &str = "/topic/a1B2c3D4e5F/dev01/update";

fn plain(cloud: &CloudHandle) -> Udp {
    Udp::to(cloud.udp_addr().unwrap())
}

fn symmetric(cloud: &CloudHandle) -> Udp {
    Udp::to(cloud.symmetric_addr().unwrap())
}

fn happened(cloud: &CloudHandle, wanted: impl Fn(&EventKind) -> bool) -> Event {
    cloud
        .wait_for(|event| wanted(&event.kind), PATIENCE)
        .expect("the event")
}

#[test]
fn a_device_authenticates_and_reports() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let answer = link.ask(&signed_auth(1, &[]));
    assert_eq!(
        (code(&answer), answer.options().count()),
        (Code::CONTENT, 0)
    );
    let token = member(&answer, "token");
    let event = cloud
        .wait_for(|event| event.authenticated().is_some(), PATIENCE)
        .unwrap();
    assert_eq!(event.transport, Transport::Udp);
    assert_eq!(event.peer, link.0.local_addr().unwrap());

    for number in [OPTION_TOKEN_61, OPTION_TOKEN_2088] {
        let answer = link.ask(&report(number, UPDATE, number, &token, b"{\"a\":1}"));
        assert_eq!((code(&answer), answer.payload.len()), (Code::CONTENT, 0));
        let id = option(&answer, OPTION_MESSAGE_ID).unwrap();
        // As the service was seen to answer: 19 bytes with a token of 4.
        assert_eq!((id.len(), bytes(&answer).len()), (8, 19));
        let event = cloud
            .wait_for(|event| event.report().is_some(), PATIENCE)
            .unwrap();
        let report = event.report().unwrap();
        assert_eq!(report.payload, b"{\"a\":1}");
        assert_eq!(report.cloud_id.to_be_bytes(), id);
    }
    assert_eq!(cloud.counters().reports, 2);
}

/// Whole messages of the interface reference, appendix 6.
#[test]
fn messages_of_the_original_are_understood() {
    let auth = unhex(
        "4402000104030201b46175746811325132ff7b2270726f647563744b6579223a
         226131423263334434653546222c226465766963654e616d65223a2264657630
         31222c22636c69656e744964223a2261314232633344346535462e6465763031
         222c227369676e223a2264393131393134376635396635353964383465363765
         64303065316634633038227d",
    );
    let in_61 = unhex(
        "4402000205030201b5746f7069630b6131423263334434653546056465763031
         067570646174651132512add1f13663133313032383130373536343332653835
         6466643335316565623431633034ff7b226e616d65223a2268656c6c6f20776f
         726c64227d",
    );
    let in_2088 = unhex(
        "4402000205030201b5746f7069630b6131423263334434653546056465763031
         067570646174651132512aed070a136631333130323831303735363433326538
         356466643335316565623431633034ff7b226e616d65223a2268656c6c6f2077
         6f726c64227d",
    );
    let cloud = cloud()
        .pin_token("f13102810756432e85dfd351eeb41c04")
        .start()
        .unwrap();
    for post in [in_61, in_2088] {
        let mut link = plain(&cloud);
        link.send(&auth);
        assert_eq!(
            member(&link.receive_packet(), "token"),
            "f13102810756432e85dfd351eeb41c04"
        );
        link.send(&post);
        assert_eq!(code(&link.receive_packet()), Code::CONTENT);
        let event = cloud
            .wait_for(|event| event.report().is_some(), PATIENCE)
            .unwrap();
        assert_eq!(
            event.report().unwrap().payload,
            b"{\"name\":\"hello world\"}"
        );
    }
}

#[test]
fn messages_of_the_original_in_symmetric_mode_are_understood() {
    let with_2088 = unhex(
        "4402000205030201b5746f7069630b6131423263334434653546056465763031
         067570646174651132512aed070a136631333130323831303735363433326538
         3564666433353165656234316330341d03811055b343616eec42ff740bcfa095
         59ffbf852c0964ef6604467a49144d036a9bdbec983da1baceeadda32285b26a
         88f5",
    );
    let with_61 = unhex(
        "4402000205030201b5746f7069630b6131423263334434653546056465763031
         067570646174651132512add1f13663133313032383130373536343332653835
         6466643335316565623431633034ed06df03811055b343616eec42ff740bcfa0
         9559ffbf852c0964ef6604467a49144d036a9bdbec983da1baceeadda32285b2
         6a88f5",
    );
    let cloud = cloud()
        .pin_token("f13102810756432e85dfd351eeb41c04")
        .pin_random("ad2b3a5eb51d64f7")
        .start()
        .unwrap();
    for post in [with_2088, with_61] {
        let mut link = symmetric(&cloud);
        let auth = signed_auth(1, &[("seq", "9122")]);
        // The sign of the appendix.
        assert!(text(&auth).contains("b7c67f33a3b38ee8a9ce43b6b556f641"));
        let answer = link.ask(&auth);
        assert_eq!(
            text(&answer),
            r#"{"random":"ad2b3a5eb51d64f7","seqOffset":1,"token":"f13102810756432e85dfd351eeb41c04"}"#
        );
        link.send(&post);
        assert_eq!(code(&link.receive_packet()), Code::CONTENT);
        let event = cloud
            .wait_for(|event| event.report().is_some(), PATIENCE)
            .unwrap();
        let report = event.report().unwrap();
        assert_eq!(report.payload, b"{\"name\":\"hello world\"}");
        assert_eq!(report.seq, Some(1));
    }
}

#[test]
fn both_udp_ports_serve_both_modes() {
    let cloud = cloud().start().unwrap();
    for (link, seq) in [(plain(&cloud), true), (symmetric(&cloud), false)] {
        let mut link = link;
        let extra: &[_] = if seq { &[("seq", "1")] } else { &[] };
        let answer = link.ask(&signed_auth(1, extra));
        assert_eq!(text(&answer).contains("random"), seq);
        let token = member(&answer, "token");
        let mut packet = report(2, UPDATE, OPTION_TOKEN_2088, &token, b"");
        if seq {
            let key = SessionKey::derive(support::DS.as_bytes(), &member(&answer, "random"));
            let mut sealed = Vec::new();
            key.encrypt_seq(1, &mut sealed).unwrap();
            packet.add_option(CoapOption::from(OPTION_SEQ), sealed);
            key.encrypt_into(b"hidden", &mut packet.payload).unwrap();
        }
        assert_eq!(code(&link.ask(&packet)), Code::CONTENT);
    }
}

#[test]
fn a_repeated_request_counts_once_and_gets_the_same_answer() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let auth = bytes(&signed_auth(1, &[]));
    link.send(&auth);
    let first = link.receive();
    link.send(&auth);
    assert_eq!(link.receive(), first, "even the token");
    let token = member(&Packet::from_bytes(&first).unwrap(), "token");
    let post = bytes(&report(2, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    link.send(&post);
    link.send(&post);
    assert_eq!(link.receive(), link.receive());
    let counters = cloud.counters();
    assert_eq!(
        (
            counters.authenticated,
            counters.reports,
            counters.duplicates
        ),
        (1, 1, 2)
    );
}

#[test]
fn a_request_that_takes_over_a_message_id_is_served_and_noticed() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    let answer = link.ask(&report(1, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::CONTENT);
    happened(
        &cloud,
        |kind| matches!(kind, EventKind::Request(exchanged, _) if exchanged.id_reused),
    );
}

#[test]
fn non_confirmable_requests_are_answered_in_kind() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    let mut request = report(2, UPDATE, OPTION_TOKEN_61, &token, b"{}");
    request.header.set_type(MessageType::NonConfirmable);
    link.send(&bytes(&request));
    let answer = link.receive_packet();
    assert_eq!(answer.header.get_type(), MessageType::NonConfirmable);
    assert_eq!(
        (code(&answer), answer.get_token()),
        (Code::CONTENT, request.get_token())
    );
    // One with an unknown critical option is dropped; what comes next is the answer to the ping.
    let mut request = post(3, UPDATE);
    request.header.set_type(MessageType::NonConfirmable);
    request.add_option(CoapOption::from(2091), Vec::new());
    link.send(&bytes(&request));
    link.send(&[0x40, 0, 0, 4]);
    assert_eq!(link.receive(), [0x70, 0, 0, 4]);
    happened(
        &cloud,
        |kind| matches!(kind, EventKind::Request(exchanged, _) if exchanged.answered.is_none()),
    );
}

fn impatient(max_retransmit: u32) -> CloudHandle {
    let ack_timeout = Duration::from_millis(10);
    let timing = Timing {
        ack_timeout,
        max_retransmit,
        ..Timing::default()
    };
    cloud().timing(timing).start().unwrap()
}

#[test]
fn ack_mode_1_separates_and_repeats_until_acknowledged() {
    // Doubling from 10 ms, twenty repetitions take hours.
    let cloud = impatient(20);
    let mut link = plain(&cloud);
    let request = signed_auth(1, &[("ackMode", "1")]);
    link.send(&bytes(&request));
    assert_eq!(link.receive(), [0x60, 0, 0, 1]);
    let response = link.receive();
    let packet = Packet::from_bytes(&response).unwrap();
    assert_eq!(packet.header.get_type(), MessageType::Confirmable);
    assert_eq!(
        (code(&packet), packet.get_token()),
        (Code::CONTENT, request.get_token())
    );
    assert_eq!(
        link.receive(),
        response,
        "repeated for want of an acknowledgement"
    );
    let id = packet.header.message_id;
    link.send(&[0x60, 0, (id >> 8) as u8, id as u8]);
    happened(&cloud, |kind| {
        *kind == EventKind::Acknowledged { message_id: id }
    });

    // The mode stays with the token.
    let token = member(&packet, "token");
    let mut link = plain(&cloud);
    link.send(&bytes(&report(2, UPDATE, OPTION_TOKEN_61, &token, b"{}")));
    assert_eq!(link.receive(), [0x60, 0, 0, 2]);
    assert_eq!(
        link.receive_packet().header.get_type(),
        MessageType::Confirmable
    );
}

#[test]
fn a_separate_response_that_is_never_acknowledged_is_given_up() {
    let cloud = impatient(3);
    let mut link = plain(&cloud);
    link.send(&bytes(&signed_auth(1, &[("ackMode", "1")])));
    assert_eq!(link.receive(), [0x60, 0, 0, 1]);
    let first = link.receive();
    for _ in 0..3 {
        assert_eq!(link.receive(), first);
    }
    happened(&cloud, |kind| matches!(kind, EventKind::GaveUp { .. }));
}

#[test]
fn ping_and_malformed_messages() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    // Ignored, reset, and the ping's answer.
    link.send(b"junk");
    link.send(&[0x49, 2, 0, 2]);
    link.send(&[0x40, 0, 0, 3]);
    assert_eq!(link.receive(), [0x70, 0, 0, 2]);
    assert_eq!(link.receive(), [0x70, 0, 0, 3]);
    happened(&cloud, |kind| {
        matches!(kind, EventKind::Malformed { len: 4, .. })
    });
    happened(&cloud, |kind| *kind == EventKind::Ping { message_id: 3 });
    // A token of 8 bytes comes back whole, the longest datagram there is harms nobody.
    let mut request = post(4, "/nowhere");
    request.set_token(vec![9; 8]);
    let answer = link.ask(&request);
    assert_eq!(code(&answer), Code::NOT_FOUND);
    link.send(&vec![0x40; 65_000]);
    assert_eq!(link.receive(), [0x70, 0, 0x40, 0x40], "no request");
    assert_eq!(code(&link.ask(&post(5, "/nowhere"))), Code::NOT_FOUND);
}

#[test]
fn there_is_no_resource_discovery() {
    let cloud = cloud().start().unwrap();
    let mut get = post(1, "/.well-known/core");
    get.header.code = MessageClass::from(1);
    assert_eq!(code(&plain(&cloud).ask(&get)), Code::NOT_FOUND);
}

#[test]
fn a_token_dies_after_48_hours_of_the_clouds_clock() {
    let clock = Clock::stopped_at(UnixMillis(1_500_000_000_000));
    let cloud = cloud().clock(clock.clone()).start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    clock.advance(Duration::from_secs(48 * 3600 - 1));
    let answer = link.ask(&report(2, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::CONTENT);
    clock.advance(Duration::from_secs(1));
    let answer = link.ask(&report(3, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(
        (code(&answer), text(&answer)),
        (Code::UNAUTHORIZED, "token expired")
    );
}

#[test]
fn a_token_is_good_from_any_address() {
    // NAT rebinding: same device, new port.
    let cloud = cloud().start().unwrap();
    let token = token(&mut plain(&cloud), 1);
    let answer = plain(&cloud).ask(&report(2, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::CONTENT);
}

#[test]
fn ipv6_is_served_alike() {
    let builder = Cloud::builder()
        .device(support::PK, support::DN, support::DS)
        .udp("[::1]:0");
    let cloud = match builder.start() {
        Ok(cloud) => cloud,
        // A host without IPv6 has no ::1 to bind.
        Err(error) => return assert_eq!(error.kind(), std::io::ErrorKind::AddrNotAvailable),
    };
    token(&mut plain(&cloud), 1);
}
