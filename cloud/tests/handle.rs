//! What a test can do with a running cloud.

mod support;

use std::net::UdpSocket;

use coap_lite::{CoapOption, MessageType};
use iotx_cloud::{
    Answer, Cloud, CloudHandle, Code, Delivery, Event, EventKind, OPTION_MESSAGE_ID,
    OPTION_TOKEN_61, Outcome, Reply, Route,
};
use support::{
    Link, PATIENCE, Udp, bytes, cloud, code, member, option, post, report, signed_auth, text, token,
};

const UPDATE: &str = "/topic/a1B2c3D4e5F/dev01/update";

fn plain(cloud: &CloudHandle) -> Udp {
    Udp::to(cloud.udp_addr().unwrap())
}

fn happened(cloud: &CloudHandle, wanted: impl Fn(&EventKind) -> bool) -> Event {
    cloud
        .wait_for(|event| wanted(&event.kind), PATIENCE)
        .expect("the event")
}

#[test]
fn scripts_replace_answers() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let long = "x".repeat(300);
    let answers = [
        Answer::new(Code::CONTENT, "{}"),
        Answer::new(Code::CONTENT, "{\"token\":"),
        Answer::new(Code::CONTENT, format!("{{\"token\":\"{long}\"}}")),
        Answer::new(Code::INTERNAL_ERROR, ""),
    ];
    for answer in &answers {
        cloud.reply(Route::Auth, 1, &Reply::instead(answer.clone()));
    }
    for (id, expected) in answers.iter().enumerate() {
        let answer = link.ask(&signed_auth(id as u16, &[]));
        assert_eq!(
            (code(&answer), &answer.payload),
            (expected.code, &expected.payload)
        );
    }
    assert_eq!(cloud.counters().authenticated, 0);
    let token = token(&mut link, 9);
    cloud.reply(Route::Topic, 1, &Reply::with_payload("{\"data\":1}"));
    let answer = link.ask(&report(10, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(text(&answer), "{\"data\":1}");
    assert!(option(&answer, OPTION_MESSAGE_ID).is_some());
    assert_eq!(cloud.counters().reports, 1);
}

#[test]
fn scripts_lose_and_multiply() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    let post = |id| bytes(&report(id, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    let scripted = |cloud: &CloudHandle| {
        happened(
            cloud,
            |kind| matches!(kind, EventKind::Request(exchanged, _) if exchanged.answered.is_none()),
        )
    };

    cloud.reply(Route::Topic, 1, &Reply::request_lost());
    link.send(&post(2));
    scripted(&cloud);
    assert_eq!(cloud.counters().reports, 0);
    link.send(&post(2));
    assert_eq!(code(&link.receive_packet()), Code::CONTENT);
    assert_eq!(
        (cloud.counters().reports, cloud.counters().duplicates),
        (1, 0)
    );

    cloud.reply(Route::Topic, 1, &Reply::answer_lost());
    link.send(&post(3));
    scripted(&cloud);
    assert_eq!(cloud.counters().reports, 2);
    link.send(&post(3));
    assert_eq!(code(&link.receive_packet()), Code::CONTENT);
    assert_eq!(
        (cloud.counters().reports, cloud.counters().duplicates),
        (2, 1)
    );

    let reply = Reply::usual()
        .copies(2)
        .after_junk(*b"before")
        .before_junk(*b"after");
    cloud.reply(Route::Any, 1, &reply);
    link.send(&post(4));
    assert_eq!(link.receive(), b"before");
    assert_eq!(link.receive(), link.receive());
    assert_eq!(link.receive(), b"after");

    cloud.reply(Route::Any, 1, &Reply::usual().by(Delivery::SeparateNon));
    link.send(&post(5));
    assert_eq!(link.receive(), [0x60, 0, 0, 5]);
    assert_eq!(
        link.receive_packet().header.get_type(),
        MessageType::NonConfirmable
    );
}

#[test]
fn a_closure_decides_request_by_request() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    cloud.reply_with(|asked| {
        let odd = asked.message_id % 2 == 1;
        let busy = Reply::instead(Answer::bare(Code::TOO_MANY_REQUESTS));
        (odd && asked.request.path() == "/auth").then_some(busy)
    });
    assert_eq!(
        code(&link.ask(&signed_auth(1, &[]))),
        Code::TOO_MANY_REQUESTS
    );
    assert_eq!(code(&link.ask(&signed_auth(2, &[]))), Code::CONTENT);
    cloud.clear_replies();
    assert_eq!(code(&link.ask(&signed_auth(3, &[]))), Code::CONTENT);
}

#[test]
fn events_carry_no_secret() {
    let cloud = cloud().start().unwrap();
    let events = cloud.events();
    let mut link = plain(&cloud);
    let request = signed_auth(1, &[]);
    let answer = link.ask(&request);
    let token = member(&answer, "token");
    let sign = member(&request, "sign");
    link.ask(&report(2, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    let mut in_query = post(3, UPDATE);
    in_query.add_option(CoapOption::UriQuery, format!("token={token}").into_bytes());
    assert_eq!(code(&link.ask(&in_query)), Code::CONTENT);
    drop(cloud);
    let mut seen = 0;
    for event in events {
        seen += 1;
        let all = format!(
            "{event:?} {} {}",
            iotx_cloud::text_line(&event),
            iotx_cloud::json_line(&event)
        );
        for secret in [&token, &sign, support::DS] {
            assert!(!all.contains(secret), "{all}");
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn the_ports_are_free_again_when_the_handle_is_gone() {
    let cloud = cloud().start().unwrap();
    let (udp, symmetric) = (cloud.udp_addr().unwrap(), cloud.symmetric_addr().unwrap());
    assert!(
        Cloud::builder().udp(udp.to_string()).start().is_err(),
        "taken"
    );
    drop(cloud);
    for address in [udp, symmetric] {
        UdpSocket::bind(address).unwrap();
    }
}

#[test]
fn nonsense_does_not_start() {
    let bad = [
        Cloud::builder().device("pk", "", "secret"),
        Cloud::builder()
            .device("pk", "dn", "a")
            .device("pk", "dn", "b"),
        Cloud::builder().topics(["/x"]),
        Cloud::builder().disabled(),
        Cloud::builder()
            .device("pk", "dn", "a")
            .topics(["no slash"]),
        Cloud::builder().udp("nonsense"),
        Cloud::builder().devices_file("/no/such/file"),
    ];
    for builder in bad {
        assert!(builder.start().is_err());
    }
}

#[test]
fn own_topics_replace_the_default_ones() {
    let cloud = cloud().topics(["/{pk}/{dn}/only/+"]).start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    let answer = link.ask(&report(2, UPDATE, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::NOT_FOUND);
    let only = "/topic/a1B2c3D4e5F/dev01/only/this";
    assert_eq!(
        code(&link.ask(&report(3, only, OPTION_TOKEN_61, &token, b"{}"))),
        Code::CONTENT
    );
    happened(&cloud, |kind| {
        matches!(kind, EventKind::Request(_, Outcome::Published(_)))
    });
}
