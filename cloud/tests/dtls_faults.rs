//! What a bad network and a forgetful cloud do to DTLS sessions.

mod support;

use std::net::UdpSocket;
use std::time::Duration;

use iotx_cloud::{
    Builder, CloudHandle, Code, Direction, Event, EventKind, Fault, Faults, Goodbye, Impairment,
    Memory, MessageIds, OPTION_TOKEN_61, SessionEnd, VerifyRequest,
};
use openssl::ssl::SslContext;
use support::dtls::{
    CLASSIC, Connect, Datagrams, Dtls, Fate, MODERN, SDK_3_2, certificate, ended, handshake, psk,
    work,
};
use support::{Link, PATIENCE, bytes, code, report};

const UPDATE: &str = "/topic/a1B2c3D4e5F/dev01/update";

fn cloud() -> Builder {
    support::cloud().dtls("127.0.0.1:0")
}

fn connect(cloud: &CloudHandle, context: &SslContext) -> Dtls {
    Connect::with(context)
        .to(cloud.dtls_addr().unwrap())
        .unwrap()
}

fn post(id: u16, token: &str) -> Vec<u8> {
    bytes(&report(id, UPDATE, OPTION_TOKEN_61, token, b"{}"))
}

fn stray_record(cloud: &CloudHandle) -> Event {
    let stray = |event: &Event| match &event.kind {
        EventKind::Malformed { reason, .. } => reason == "a record for no session",
        _ => false,
    };
    cloud.wait_for(stray, PATIENCE).expect("a stray record")
}

#[test]
fn a_restarted_cloud_is_silent_and_resumes_what_it_remembers() {
    for (memory, tickets) in [
        (Memory::Kept, true),
        (Memory::Kept, false),
        (Memory::Lost, true),
        (Memory::Lost, false),
    ] {
        let cloud = cloud()
            .dtls_options(|options| options.tickets = tickets)
            .start()
            .unwrap();
        let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
        let mut first = connect(&cloud, &context);
        let token = support::token(&mut first, 1);
        handshake(&cloud);

        cloud.restart(memory);
        ended(&cloud, SessionEnd::Forgotten);
        first.send(&post(2, &token));
        stray_record(&cloud);

        let mut second = Connect::with(&context)
            .resume(&first.session())
            .to(cloud.dtls_addr().unwrap())
            .unwrap();
        let kept = memory == Memory::Kept;
        let (_, resumed, ..) = handshake(&cloud);
        assert_eq!(resumed, kept, "{memory:?}, tickets: {tickets}");
        second.send(&post(3, &token));
        let expected = if kept {
            Code::CONTENT
        } else {
            Code::UNAUTHORIZED
        };
        assert_eq!(code(&second.receive_packet()), expected);
        // Nothing came for the first session in all that time.
        let mut buffer = [0; 64];
        let error = first.0.ssl_read(&mut buffer).unwrap_err();
        assert_eq!(error.code(), openssl::ssl::ErrorCode::WANT_READ);
    }
}

/// RFC 6347 section 4.2.8, with hellos that resume: the old session lives until a cookie comes, and
/// the id can be used again and again.
#[test]
fn an_address_resumes_its_session_over_and_over() {
    for tickets in [true, false] {
        let cloud = cloud()
            .dtls_options(|options| {
                options.tickets = tickets;
                // This device's ids begin anew in every session, as RFC 7252 section 9.1.1 allows.
                options.message_ids = MessageIds::Session;
            })
            .start()
            .unwrap();
        let address = cloud.dtls_addr().unwrap();
        let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        let datagrams = || Datagrams::over(socket.try_clone().unwrap());
        let mut link = Connect::with(&context).over(datagrams()).unwrap();
        work(&mut link);
        handshake(&cloud);
        let hello_verify = |event: &Event| event.kind == EventKind::HelloVerify;
        assert!(cloud.wait_for(hello_verify, Duration::ZERO).is_some());
        let mut dropped = Vec::new();
        for _ in 0..3 {
            let session = link.session();
            // A hello whose sender does not see the cookie changes nothing.
            let blind = datagrams().incoming(|_, _| Fate::Lost);
            Connect::with(&context)
                .resume(&session)
                .leave_after(1, blind);
            assert!(cloud.wait_for(hello_verify, PATIENCE).is_some());
            support::token(&mut link, 9);

            // OpenSSL does not resume a session again once a connection of it was dropped.
            let next = Connect::with(&context)
                .resume(&session)
                .over(datagrams())
                .unwrap();
            dropped.push(std::mem::replace(&mut link, next));
            assert!(link.resumed(), "tickets: {tickets}");
            work(&mut link);
            ended(&cloud, SessionEnd::Replaced);
            assert!(handshake(&cloud).1);
            assert!(cloud.wait_for(hello_verify, Duration::ZERO).is_some());
        }
        assert_eq!(cloud.counters().duplicates, 0);
    }
}

/// A device whose session was lost with an answer sends the report again by the next one, under the old id and
/// CoAP token.
#[test]
fn a_report_repeated_by_a_resumed_session_is_taken_once() {
    for (tickets, ids, resume, taken) in [
        (true, MessageIds::Resumed, true, 1),
        (false, MessageIds::Resumed, true, 1),
        (false, MessageIds::Resumed, false, 2),
        (false, MessageIds::Session, true, 2),
    ] {
        for same_address in [true, false] {
            let cloud = cloud()
                .dtls_options(|options| {
                    options.tickets = tickets;
                    options.message_ids = ids;
                })
                .start()
                .unwrap();
            let context = certificate(cloud.ca_pem().unwrap(), MODERN);
            let mut first = connect(&cloud, &context);
            let token = support::token(&mut first, 1);
            first.send(&post(2, &token));
            let answer = first.receive();

            let session = first.session();
            let connect = Connect::with(&context);
            let connect = if resume {
                connect.resume(&session)
            } else {
                connect
            };
            let mut second = if same_address {
                let socket = first.0.get_ref().socket.try_clone().unwrap();
                connect.over(Datagrams::over(socket)).unwrap()
            } else {
                connect.to(cloud.dtls_addr().unwrap()).unwrap()
            };
            assert_eq!(second.resumed(), resume);
            second.send(&post(2, &token));
            let again = second.receive();
            let case = format!("{tickets} {ids:?} {resume} {same_address}");
            assert_eq!(cloud.counters().reports, taken, "{case}");
            assert_eq!(cloud.counters().duplicates, 2 - taken, "{case}");
            if taken == 1 {
                assert_eq!(again, answer, "{case}");
            }
            // Another report is another one.
            second.send(&post(3, &token));
            second.receive();
            assert_eq!(cloud.counters().reports, taken + 1, "{case}");
        }
    }
}

#[test]
fn who_must_show_a_cookie_can_be_set() {
    for (which, first, again) in [
        (VerifyRequest::Always, 1, 2),
        (VerifyRequest::New, 1, 1),
        (VerifyRequest::Never, 0, 0),
    ] {
        for tickets in [true, false] {
            let cloud = cloud()
                .verify_request(which)
                .dtls_options(|options| options.tickets = tickets)
                .start()
                .unwrap();
            let context = certificate(cloud.ca_pem().unwrap(), MODERN);
            let mut link = connect(&cloud, &context);
            work(&mut link);
            assert_eq!(cloud.counters().hello_verify, first, "{which:?}");
            let mut resumed = Connect::with(&context)
                .resume(&link.session())
                .to(cloud.dtls_addr().unwrap())
                .unwrap();
            assert!(resumed.resumed());
            work(&mut resumed);
            assert_eq!(cloud.counters().hello_verify, again, "{which:?}");
            assert_eq!(cloud.counters().handshakes, 2);
        }
    }
}

#[test]
fn a_session_that_is_unknown_or_at_stake_is_no_excuse_from_the_cookie() {
    let builder = || cloud().verify_request(VerifyRequest::New);
    let (cloud, other) = (builder().start().unwrap(), builder().start().unwrap());
    // Both clouds of this process have the same CA, but not the same ticket keys.
    let context = certificate(cloud.ca_pem().unwrap(), MODERN);
    let strange = connect(&other, &context).session();
    let address = cloud.dtls_addr().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    let datagrams = || Datagrams::over(socket.try_clone().unwrap());
    let link = Connect::with(&context)
        .resume(&strange)
        .over(datagrams())
        .unwrap();
    assert!(!link.resumed());
    assert_eq!(cloud.counters().hello_verify, 1);
    let again = Connect::with(&context)
        .resume(&link.session())
        .over(datagrams())
        .unwrap();
    assert!(again.resumed());
    assert_eq!(cloud.counters().hello_verify, 2);
    assert_eq!(cloud.counters().handshake_failures, 0);
}

#[test]
fn sessions_end_by_close_notify_when_told() {
    let cloud = cloud().start().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let mut link = connect(&cloud, &context);
    work(&mut link);
    cloud.end_sessions(Goodbye::CloseNotify);
    ended(&cloud, SessionEnd::Ended);
    link.wait_closed();
    let again = Connect::with(&context)
        .resume(&link.session())
        .to(cloud.dtls_addr().unwrap())
        .unwrap();
    assert!(again.resumed());
}

#[test]
fn a_fatal_alert_is_authentic_with_every_kind_of_suite() {
    let cloud = cloud()
        .dtls_options(|options| options.tickets = false)
        .start()
        .unwrap();
    let with_certificate = |suite| certificate(cloud.ca_pem().unwrap(), suite);
    for context in [
        with_certificate("AES128-SHA"),
        with_certificate("AES256-SHA256"),
        with_certificate("ECDHE-RSA-AES256-GCM-SHA384"),
        with_certificate(MODERN),
        with_certificate("ECDHE-RSA-CHACHA20-POLY1305"),
        psk(SDK_3_2),
        psk("PSK-AES128-CCM"),
        psk("PSK-AES128-CCM8"),
    ] {
        let mut link = connect(&cloud, &context);
        work(&mut link);
        let (suite, ..) = handshake(&cloud);
        let session = link.session();
        cloud.end_sessions(Goodbye::FatalAlert);
        ended(&cloud, SessionEnd::Ended);
        let alert = link.wait_failed();
        assert!(alert.contains("alert internal error"), "{suite}: {alert}");
        // RFC 5246 section 7.2.2: the session is not resumed.
        let again = Connect::with(&context)
            .resume(&session)
            .to(cloud.dtls_addr().unwrap())
            .unwrap();
        assert!(!again.resumed(), "{suite}");
        assert!(!handshake(&cloud).1);
    }
}

#[test]
fn a_handshake_gets_through_a_bad_network() {
    // Not corrupted: a ClientHello or certificate with a wrong bit is a definite failure.
    let bad = Impairment::loss(0.2).duplicate(0.2).reorder(0.1);
    let bad = Impairment {
        hold: Duration::from_millis(20),
        ..bad
    };
    let cloud = cloud()
        .dtls_options(|options| options.flight_timeout = Duration::from_millis(50))
        .impair(Faults::both(bad).seed(5))
        .start()
        .unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let mut link = connect(&cloud, &context);
    cloud.impair(Faults::default()).unwrap();
    work(&mut link);
    let counters = cloud.counters();
    assert!(counters.up.lost + counters.down.lost > 0, "{counters:?}");
    assert_eq!(counters.handshakes, 1);
}

#[test]
fn every_datagram_of_a_handshake_may_be_lost() {
    let cloud = cloud()
        .dtls_options(|options| options.flight_timeout = Duration::from_millis(50))
        .start()
        .unwrap();
    let context = psk(SDK_3_2);
    // Hello, hello with cookie, last flight; HelloVerifyRequest, first flight, last flight.
    for direction in [Direction::Up, Direction::Down] {
        for skip in 0..3 {
            let before = cloud.counters();
            cloud.lose_after(direction, skip, 1);
            let mut link = connect(&cloud, &context);
            work(&mut link);
            let after = cloud.counters();
            let lost = |of: &iotx_cloud::Counters| of.up.lost + of.down.lost;
            assert_eq!(lost(&after) - lost(&before), 1, "{direction} {skip}");
        }
    }
}

#[test]
fn a_corrupted_record_harms_nobody() {
    let cloud = cloud().start().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let mut link = connect(&cloud, &context);
    let token = support::token(&mut link, 1);
    let up = Faults {
        up: Impairment::NONE.corrupt(1.0),
        ..Faults::default()
    };
    cloud.impair(up).unwrap();
    for _ in 0..20 {
        link.send(&post(2, &token));
        let corrupted = |event: &Event| matches!(event.kind, EventKind::Impaired { fault, .. } if fault == Fault::Corrupted);
        assert!(cloud.wait_for(corrupted, PATIENCE).is_some());
    }
    cloud.impair(Faults::default()).unwrap();
    assert_eq!(cloud.counters().reports, 0);
    link.send(&post(3, &token));
    assert_eq!(code(&link.receive_packet()), Code::CONTENT);
}

#[test]
fn after_a_rebinding_the_session_is_unknown_and_can_be_resumed() {
    let cloud = cloud().start().unwrap();
    let context = psk(SDK_3_2);
    let mut link = connect(&cloud, &context);
    let token = support::token(&mut link, 1);
    let before = cloud.wait_for(Event::is_handshake, PATIENCE).unwrap().peer;
    assert_eq!(before, link.local_addr());

    cloud.rebind_nat();
    link.send(&post(2, &token));
    let stray = stray_record(&cloud);
    assert_ne!(stray.peer, before);

    let socket = link.0.get_ref().socket.try_clone().unwrap();
    let mut again = Connect::with(&context)
        .resume(&link.session())
        .over(Datagrams::over(socket))
        .unwrap();
    assert!(again.resumed());
    let after = cloud.wait_for(Event::is_handshake, PATIENCE).unwrap();
    assert_eq!(after.peer, stray.peer);
    again.send(&post(3, &token));
    assert_eq!(code(&again.receive_packet()), Code::CONTENT);

    // The cloud still has the old session; its farewell finds nobody.
    cloud.end_sessions(Goodbye::CloseNotify);
    again.wait_closed();
    let lost = |event: &Event| {
        let kind = &event.kind;
        matches!(kind, EventKind::Impaired { direction: Direction::Down, fault, .. }
            if *fault == Fault::NoMapping)
    };
    assert_eq!(cloud.wait_for(lost, PATIENCE).unwrap().peer, before);
}
