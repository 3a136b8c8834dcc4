//! A bad network and a cloud that forgets, seen by a device on plain UDP.

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use coap_lite::MessageType;
use iotx_cloud::{
    Answer, Clock, CloudHandle, Code, Delivery, Direction, Event, EventKind, Fault, Faults,
    Impairment, Memory, OPTION_TOKEN_61, Refusal, Reply, Route, UnixMillis,
};
use support::{Link, PATIENCE, Udp, bytes, cloud, code, option, report, signed_auth, token};

const UPDATE: &str = "/topic/a1B2c3D4e5F/dev01/update";

fn plain(cloud: &CloudHandle) -> Udp {
    Udp::to(cloud.udp_addr().unwrap())
}

fn impaired(cloud: &CloudHandle, wanted: Direction, what: Fault) -> Event {
    let matches = |event: &Event| match event.kind {
        EventKind::Impaired {
            direction, fault, ..
        } => (direction, fault) == (wanted, what),
        _ => false,
    };
    cloud
        .wait_for(matches, PATIENCE)
        .unwrap_or_else(|| panic!("no datagram {what} {wanted}"))
}

fn post(id: u16, token: &str) -> Vec<u8> {
    bytes(&report(id, UPDATE, OPTION_TOKEN_61, token, b"{}"))
}

/// What is waiting for the device right now.
fn nothing_waits(link: &Udp) {
    link.0.set_nonblocking(true).unwrap();
    let error = link.0.recv(&mut [0; 64]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    link.0.set_nonblocking(false).unwrap();
}

#[test]
fn what_is_lost_upwards_never_reaches_the_cloud() {
    let up = Faults {
        up: Impairment::loss(1.0),
        ..Faults::default()
    };
    let cloud = cloud().impair(up).start().unwrap();
    let mut link = plain(&cloud);
    let request = bytes(&signed_auth(1, &[]));
    link.send(&request);
    let lost = impaired(&cloud, Direction::Up, Fault::Lost);
    assert_eq!(lost.peer, link.0.local_addr().unwrap());
    let counters = cloud.counters();
    assert_eq!((counters.up.datagrams, counters.up.lost), (1, 1));
    assert_eq!(counters.up.bytes, request.len() as u64);
    assert_eq!((counters.requests, counters.down.datagrams), (0, 0));
    // At run time it can be mended.
    cloud.impair(Faults::default()).unwrap();
    token(&mut link, 2);
}

#[test]
fn what_is_lost_downwards_has_taken_effect() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    cloud.lose_next(Direction::Down, 1);
    link.send(&post(2, &token));
    impaired(&cloud, Direction::Down, Fault::Lost);
    assert_eq!(cloud.counters().reports, 1);
    nothing_waits(&link);
    // The retransmission is answered from memory.
    link.send(&post(2, &token));
    assert_eq!(code(&link.receive_packet()), Code::CONTENT);
    let counters = cloud.counters();
    assert_eq!((counters.reports, counters.duplicates), (1, 1));
}

#[test]
fn duplicates_reach_both_sides() {
    let twice = Faults::both(Impairment::NONE.duplicate(1.0));
    let cloud = cloud().impair(twice).start().unwrap();
    let mut link = plain(&cloud);
    link.send(&bytes(&signed_auth(1, &[])));
    // Two requests, an answer to each, and each of these twice.
    let first = link.receive();
    for _ in 0..3 {
        assert_eq!(link.receive(), first);
    }
    let counters = cloud.counters();
    assert_eq!((counters.authenticated, counters.duplicates), (1, 1));
    assert_eq!((counters.up.duplicated, counters.down.duplicated), (1, 2));
}

#[test]
fn a_held_answer_is_overtaken_by_the_next() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    let down = Impairment {
        hold: PATIENCE,
        ..Impairment::NONE.reorder(1.0)
    };
    let faults = Faults {
        down,
        ..Faults::default()
    };
    cloud.impair(faults).unwrap();
    link.send(&post(2, &token));
    impaired(&cloud, Direction::Down, Fault::Reordered);
    cloud.impair(Faults::default()).unwrap();
    link.send(&post(3, &token));
    assert_eq!(link.receive_packet().header.message_id, 3);
    assert_eq!(link.receive_packet().header.message_id, 2);
}

#[test]
fn delayed_datagrams_arrive_by_themselves() {
    let delay = Duration::from_millis(5);
    let late = Faults::both(Impairment::NONE.delay(delay, delay));
    let cloud = cloud().impair(late).start().unwrap();
    let mut link = plain(&cloud);
    token(&mut link, 1);
    let counters = cloud.counters();
    assert_eq!((counters.up.delayed, counters.down.delayed), (1, 1));
}

#[test]
fn corrupted_datagrams_arrive_corrupted() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let token = token(&mut link, 1);
    link.send(&post(2, &token));
    let clean = link.receive();
    let down = Faults {
        down: Impairment::NONE.corrupt(1.0),
        ..Faults::default()
    };
    cloud.impair(down).unwrap();
    link.send(&post(2, &token));
    let corrupted = link.receive();
    let bits = clean
        .iter()
        .zip(&corrupted)
        .map(|(a, b)| (a ^ b).count_ones());
    assert_eq!(bits.sum::<u32>(), 1);
    impaired(&cloud, Direction::Down, Fault::Corrupted);
}

/// A device without retransmissions: which requests arrive depends on the seed alone.
#[test]
fn the_same_seed_loses_the_same_datagrams() {
    let run = |seed| {
        let up = Impairment::loss(0.3);
        let faults = Faults {
            up,
            ..Faults::default()
        };
        let cloud = cloud().impair(faults.seed(seed)).start().unwrap();
        let mut link = plain(&cloud);
        let arrived = (1..=40).map(|id| {
            link.send(&bytes(&signed_auth(id, &[])));
            let decided = cloud.wait_for(|_| true, PATIENCE).expect("an event");
            matches!(decided.kind, EventKind::Request(..))
        });
        arrived.collect::<Vec<_>>()
    };
    let first = run(1);
    assert!(first.contains(&true) && first.contains(&false));
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
}

#[test]
fn nobody_hears_a_cloud_that_is_cut_off() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    cloud.cut_off(Duration::MAX);
    link.send(&bytes(&signed_auth(1, &[])));
    impaired(&cloud, Direction::Up, Fault::CutOff);
    cloud.reconnect();
    token(&mut link, 2);
}

#[test]
fn an_answer_under_way_is_lost_when_the_cloud_is_cut_off() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let down = Faults {
        down: Impairment::NONE.delay(PATIENCE, PATIENCE),
        ..Faults::default()
    };
    cloud.impair(down).unwrap();
    link.send(&bytes(&signed_auth(1, &[])));
    assert!(
        cloud
            .wait_for(|event| event.authenticated().is_some(), PATIENCE)
            .is_some()
    );
    // The event comes before its answer is under way; a second request waits for that.
    link.send(b"junk");
    let malformed = |event: &Event| matches!(event.kind, EventKind::Malformed { .. });
    assert!(cloud.wait_for(malformed, PATIENCE).is_some());
    cloud.cut_off(Duration::ZERO);
    impaired(&cloud, Direction::Down, Fault::CutOff);
    cloud.impair(Faults::default()).unwrap();
    token(&mut link, 2);
}

#[test]
fn a_rebound_device_has_another_address_and_answers_to_the_old_vanish() {
    // The response is repeated only once there is another address.
    let cloud = cloud().delivery(Delivery::Separate).start().unwrap();
    let mut link = plain(&cloud);
    let real = link.0.local_addr().unwrap();
    link.send(&bytes(&signed_auth(1, &[])));
    assert_eq!(
        link.receive_packet().header.get_type(),
        MessageType::Acknowledgement
    );
    let response = link.receive();
    cloud.rebind_nat();
    // The cloud repeats its response, which was not acknowledged, to where the device was.
    let lost = impaired(&cloud, Direction::Down, Fault::NoMapping);
    assert_eq!(lost.peer, real);
    nothing_waits(&link);

    // The same request from elsewhere is another one (RFC 7252 section 4.4).
    cloud.set_delivery(None);
    let answer = link.ask(&signed_auth(1, &[]));
    assert_eq!(code(&answer), Code::CONTENT);
    assert_ne!(bytes(&answer), response);
    let counters = cloud.counters();
    assert_eq!((counters.authenticated, counters.duplicates), (2, 0));
    let second = |event: &Event| event.authenticated().is_some() && event.peer != real;
    let moved = cloud.wait_for(second, PATIENCE).unwrap().peer;
    assert!(moved.to_string().starts_with("198.18."), "{moved}");
}

#[test]
fn a_restart_forgets_exchanges_and_perhaps_tokens() {
    for memory in [Memory::Kept, Memory::Lost] {
        let cloud = cloud().start().unwrap();
        let mut link = plain(&cloud);
        let token = token(&mut link, 1);
        link.send(&post(2, &token));
        assert_eq!(code(&link.receive_packet()), Code::CONTENT);
        cloud.restart(memory);
        let restarted = |event: &Event| event.kind == EventKind::Restarted(memory);
        let event = cloud.wait_for(restarted, Duration::ZERO).unwrap();
        assert!([cloud.udp_addr(), cloud.symmetric_addr()].contains(&Some(event.peer)));
        // The same message is no repetition any more.
        link.send(&post(2, &token));
        let answer = link.receive_packet();
        assert_eq!(cloud.counters().duplicates, 0);
        match memory {
            Memory::Kept => assert_eq!(code(&answer), Code::CONTENT),
            Memory::Lost => {
                assert_eq!(code(&answer), Code::UNAUTHORIZED);
                let unknown = |event: &Event| event.refusal() == Some(&Refusal::TokenUnknown);
                assert!(cloud.wait_for(unknown, Duration::ZERO).is_some());
            }
        }
        support::token(&mut link, 3);
    }
}

#[test]
fn tokens_expire_when_their_time_is_over_or_when_told() {
    let clock = Clock::stopped_at(UnixMillis(1_700_000_000_000));
    let cloud = cloud()
        .token_lifetime(Duration::from_secs(60))
        .clock(clock.clone())
        .start()
        .unwrap();
    let mut link = plain(&cloud);
    let expired = |event: &Event| event.refusal() == Some(&Refusal::TokenExpired);
    for (id, by_clock) in [(1, true), (11, false)] {
        let token = token(&mut link, id);
        clock.advance(Duration::from_secs(59));
        link.send(&post(id + 1, &token));
        assert_eq!(code(&link.receive_packet()), Code::CONTENT);
        if by_clock {
            clock.advance(Duration::from_secs(1));
        } else {
            cloud.expire_tokens(None);
        }
        link.send(&post(id + 2, &token));
        assert_eq!(code(&link.receive_packet()), Code::UNAUTHORIZED);
        assert!(cloud.wait_for(expired, Duration::ZERO).is_some());
    }
}

#[test]
fn codes_on_demand_with_max_age() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let busy = Answer::bare("4.29".parse().unwrap()).max_age(300);
    cloud.reply(Route::Auth, 1, &Reply::instead(busy));
    let answer = link.ask(&signed_auth(1, &[]));
    assert_eq!(code(&answer), Code::TOO_MANY_REQUESTS);
    assert_eq!(option(&answer, 14), Some(&[1, 44][..]));
    let answer = link.ask(&signed_auth(2, &[]));
    assert_eq!(code(&answer), Code::CONTENT);
}

#[test]
fn an_answer_can_be_late() {
    let cloud = cloud().start().unwrap();
    let mut link = plain(&cloud);
    let moment = Duration::from_millis(1);
    let late = Reply::usual().by(Delivery::SeparateNon).later(moment);
    cloud.reply(Route::Auth, 1, &late);
    link.send(&bytes(&signed_auth(1, &[])));
    assert_eq!(link.receive(), [0x60, 0, 0, 1]);
    let response = link.receive_packet();
    assert_eq!(response.header.get_type(), MessageType::NonConfirmable);
    assert_eq!(code(&response), Code::CONTENT);

    // The repetition overtakes the answer that is not due for long.
    cloud.reply(Route::Auth, 1, &Reply::usual().later(PATIENCE * 100));
    let request = bytes(&signed_auth(2, &[]));
    link.send(&request);
    link.send(&request);
    let repeated = |event: &Event| event.kind == EventKind::Duplicate { message_id: 2 };
    assert!(cloud.wait_for(repeated, PATIENCE).is_some());
    assert_eq!(code(&link.receive_packet()), Code::CONTENT);
    nothing_waits(&link);
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let nonsense = Faults::both(Impairment::loss(1.5));
    assert!(cloud().impair(nonsense).start().is_err());
    let cloud = cloud().start().unwrap();
    assert!(cloud.impair(nonsense).is_err());
    token(&mut plain(&cloud), 1);
}
