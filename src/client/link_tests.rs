//! Lost sessions: noticing them, and what becomes of the reports under way.

use super::virtual_world::{
    Arriving, Fake, REPORT, answer, arrive, authenticated, client_at, diary, friendly_cloud,
    is_auth, is_post, no_delivery, responses, run, since,
};
use super::*;
use crate::coap::TransmissionParams;
use core::time::Duration;
use std::rc::Rc;

/// An authenticated client of a DTLS server, whose connection renews itself in so many milliseconds, if at all.
fn secured(world: &Fake, renewal_takes: Option<u64>) -> Client<Fake, u32> {
    world.0.borrow_mut().renewal_takes = renewal_takes;
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_at(world, "coaps://h", Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    world.0.borrow_mut().respond = None;
    client
}

fn posts(world: &Fake) -> Vec<Vec<u8>> {
    let world = world.0.borrow();
    let posts = world.sent.iter().filter(|(_, bytes)| is_post(bytes));
    posts.map(|(_, bytes)| bytes.clone()).collect()
}

fn datagram(what: Arriving) -> Vec<u8> {
    match what {
        Arriving::Datagram(bytes) => bytes,
        _ => unreachable!("a datagram"),
    }
}

#[test]
fn the_second_unanswered_retransmission_begins_a_renewal_that_carries_the_report() {
    let world = Fake::default();
    let client = secured(&world, Some(300));
    let start = world.0.borrow().now;
    let promised = client.next_token();
    client.send(&REPORT, 1).unwrap();
    let mut tokens = Vec::new();
    // The server has forgotten the session: it answers what comes by the new one only.
    while world.0.borrow().renewals.is_empty() {
        assert!(since(&world, start) < 20_000);
        client.run(Duration::from_millis(100), &mut no_delivery);
    }
    assert_eq!(
        posts(&world).len(),
        3,
        "on the old session, make before break"
    );
    let second = *world.0.borrow().times(is_post).last().unwrap();
    assert!(world.0.borrow().renewals[0].abs_diff(second) <= 1);
    let first = posts(&world)[0].clone();
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    for _ in 0..20 {
        client.run(
            Duration::from_millis(100),
            &mut responses(|d| tokens.push(d.head.token.number())),
        );
    }
    assert_eq!(tokens, [promised]);
    let sent = posts(&world);
    assert_eq!(sent.len(), 4);
    assert_eq!(
        sent[3], first,
        "a peer that knows us by our address sees a repetition"
    );
    assert_eq!(world.0.borrow().times(is_auth).len(), 1);

    // What the old incarnation is answered in the end belongs to nothing.
    let now = world.0.borrow().now;
    arrive(&world, now, answer(&first, 0x45, b"late"));
    client.run(Duration::from_secs(1), &mut no_delivery);
}

#[test]
fn a_sign_of_life_calls_a_renewal_off() {
    let world = Fake::default();
    let client = secured(&world, Some(5_000));
    client.send(&REPORT, 1).unwrap();
    while world.0.borrow().renewals.is_empty() {
        client.run(Duration::from_millis(100), &mut no_delivery);
    }
    let first = posts(&world)[0].clone();
    let now = world.0.borrow().now;
    arrive(&world, now + 100, answer(&first, 0x45, b""));
    assert_eq!(run(&world, &client, 10), ["1 answered 2.05"]);
    let world = world.0.borrow();
    assert_eq!((world.cancelled, world.renewals.len()), (1, 1));
    assert_eq!(world.connects, 1);
}

#[test]
fn a_lossy_network_alone_begins_no_renewal() {
    let world = Fake::default();
    let client = secured(&world, Some(300));
    let mut cloud = friendly_cloud(1);
    // Every first transmission is lost.
    world.0.borrow_mut().respond = Some(Box::new(move |request, count| {
        if count % 2 == 0 {
            vec![]
        } else {
            cloud(request, count)
        }
    }));
    for user in 0..10 {
        client.send(&REPORT, user).unwrap();
        assert_eq!(run(&world, &client, 10).len(), 1);
    }
    assert!(world.0.borrow().renewals.is_empty());
}

#[test]
fn renewals_that_fail_are_repeated_at_growing_intervals_and_the_report_is_told() {
    let world = Fake::default();
    let client = secured(&world, Some(2_000));
    world.0.borrow_mut().refuse_renewals = true;
    client.send(&REPORT, 1).unwrap();
    assert_eq!(run(&world, &client, 300), ["1 failed: Unacknowledged"]);
    let renewals = world.0.borrow().renewals.clone();
    assert!((2..=8).contains(&renewals.len()), "{renewals:?}");
    assert_eq!(posts(&world).len(), 5, "the old session went on");
}

#[test]
fn a_report_is_begun_anew_as_often_as_it_may_be_repeated_and_no_more() {
    let world = Fake::default();
    let client = secured(&world, Some(100));
    client.send(&REPORT, 1).unwrap();
    // Handshakes succeed, and nothing is ever answered.
    let seen = run(&world, &client, 300);
    assert_eq!(seen, ["1 failed: SessionLost"]);
    assert_eq!(world.0.borrow().renewals.len(), 5);
    let mut posts = posts(&world);
    assert_eq!(posts.len(), 15, "five times three transmissions");
    posts.dedup();
    assert_eq!(posts.len(), 1, "of one message");
}

#[test]
fn a_connection_that_cannot_renew_itself_is_replaced() {
    let world = Fake::default();
    let client = secured(&world, None);
    world.0.borrow_mut().resumable = Some(b"session".to_vec());
    client.send(&REPORT, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    while world.0.borrow().connects == 1 {
        client.run(Duration::from_millis(100), &mut no_delivery);
    }
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let seen = run(&world, &client, 10);
    assert_eq!(seen, ["1 answered 2.05", "2 answered 2.05"]);
    let world = world.0.borrow();
    assert_eq!(world.resumed, [None, Some(b"session".to_vec())]);
    assert_eq!(world.times(is_auth).len(), 1, "the token is still good");
}

#[test]
fn a_closed_session_is_renewed_at_once_for_what_waits_and_lazily_otherwise() {
    for renewal_takes in [Some(200), None] {
        let world = Fake::default();
        let client = secured(&world, renewal_takes);
        let mended = |world: &Fake| {
            let world = world.0.borrow();
            world.renewals.len() + world.connects - 1
        };
        let now = world.0.borrow().now;
        arrive(&world, now, Arriving::Close);
        assert_eq!(run(&world, &client, 60), ["ConnectionEnded"]);
        assert_eq!(mended(&world), 0, "nothing needs it");

        world.0.borrow_mut().respond = Some(friendly_cloud(1));
        assert_eq!(client.send(&REPORT, 1), Ok(()));
        assert_eq!(run(&world, &client, 1), ["1 answered 2.05"]);
        assert_eq!(mended(&world), 1);

        world.0.borrow_mut().respond = None;
        client.send(&REPORT, 2).unwrap();
        let now = world.0.borrow().now;
        arrive(&world, now + 10, Arriving::Close);
        world.0.borrow_mut().respond = Some(friendly_cloud(1));
        assert_eq!(
            run(&world, &client, 5),
            ["ConnectionEnded", "2 answered 2.05"]
        );
        assert_eq!(mended(&world), 2, "at once");
    }
}

#[test]
fn a_session_closed_during_its_renewal_is_followed_by_the_new_one() {
    let world = Fake::default();
    let client = secured(&world, Some(3_000));
    client.send(&REPORT, 1).unwrap();
    while world.0.borrow().renewals.is_empty() {
        client.run(Duration::from_millis(100), &mut no_delivery);
    }
    let now = world.0.borrow().now;
    arrive(&world, now + 50, Arriving::Close);
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let seen = run(&world, &client, 20);
    assert_eq!(seen, ["ConnectionEnded", "1 answered 2.05"]);
    assert_eq!(world.0.borrow().renewals.len(), 1);
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_at_growing_intervals_while_reports_wait() {
    let world = Fake::default();
    let client = secured(&world, None);
    world.0.borrow_mut().refuse_connects = true;
    let now = world.0.borrow().now;
    arrive(&world, now, Arriving::Close);
    run(&world, &client, 1);
    client.send(&REPORT, 1).unwrap();
    let seen = run(&world, &client, 600);
    assert_eq!(seen, ["1 failed: NotSent"]);
    let attempts = world.0.borrow().connects - 1;
    assert!((4..=8).contains(&attempts), "{attempts}");

    world.0.borrow_mut().refuse_connects = false;
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    client.send(&REPORT, 2).unwrap();
    let seen = run(&world, &client, 300);
    assert_eq!(seen, ["2 answered 2.05"]);
}

#[test]
fn a_plain_connection_has_no_session_to_lose() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().renewal_takes = Some(10);
    world.0.borrow_mut().respond = None;
    client.send(&REPORT, 1).unwrap();
    assert_eq!(run(&world, &client, 300), ["1 failed: Unacknowledged"]);
    let world = world.0.borrow();
    assert_eq!((world.renewals.len(), world.connects), (0, 1));
}

#[test]
fn a_long_wait_notices_what_another_thread_sends_in_time_for_its_first_retransmission() {
    let world = Fake::default();
    let client = Rc::new(secured(&world, None));
    let start = world.0.borrow().now;
    let sender = Rc::clone(&client);
    // The other thread sends while this one waits for a datagram; what wakes this one is junk.
    let act = move || sender.send(&REPORT, 1).unwrap();
    arrive(
        &world,
        start + 2_500,
        Arriving::Meanwhile(Rc::new(act), vec![0xff; 5]),
    );
    client.run(Duration::from_secs(10), &mut no_delivery);
    let times = world.0.borrow().times(is_post);
    assert!(times[1] - times[0] <= 3_001, "{times:?}");

    let world = Fake::default();
    let client = secured(&world, None);
    let receives = || {
        let before = world.0.borrow().receives;
        client.run(Duration::from_secs(60), &mut no_delivery);
        world.0.borrow().receives - before
    };
    assert_eq!(receives(), 1, "a program of one thread may sleep through");
    client.lock().share();
    assert_eq!(receives(), 30, "slices of ACK_TIMEOUT");
}

/// Whatever the network does, each report ends exactly once.
#[test]
fn every_report_ends_once_whatever_happens() {
    for seed in 1..if cfg!(miri) { 3 } else { 60_u64 } {
        let world = Fake::default();
        let takes = [None, Some(50), Some(4_000)][seed as usize % 3];
        let client = secured(&world, takes);
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut chance = move |percent: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % 100 < percent
        };
        let mut cloud = friendly_cloud(1);
        let mut draw = chance;
        world.0.borrow_mut().respond = Some(Box::new(move |request, count| {
            if draw(25) {
                return vec![];
            }
            let mut events = if is_post(request) && draw(10) {
                vec![(2, answer(request, 0x81, b""))]
            } else if request[0] & 0x20 == 0 && draw(5) {
                vec![(2, answer(request, 0xa3, b""))]
            } else {
                cloud(request, count)
            };
            if draw(10) {
                events.push((900, datagram_again(&events)));
            }
            if draw(4) {
                events.push((30, Arriving::Close));
            }
            events
        }));
        let mut seen = Vec::new();
        for user in 0..60 {
            let answered = client.send(&REPORT, user);
            assert_eq!(answered, Ok(()), "seed {seed}");
            world.0.borrow_mut().refuse_connects = chance(20);
            world.0.borrow_mut().refuse_renewals = chance(20);
            client.run(Duration::from_secs(20), &mut diary(&mut seen));
        }
        world.0.borrow_mut().refuse_connects = false;
        world.0.borrow_mut().refuse_renewals = false;
        for _ in 0..400 {
            client.run(Duration::from_secs(10), &mut diary(&mut seen));
        }
        let mut ended: Vec<u32> = seen
            .iter()
            .filter_map(|line| line.split_once(' ')?.0.parse().ok())
            .collect();
        ended.sort_unstable();
        assert_eq!(ended, (0..60).collect::<Vec<_>>(), "seed {seed}: {seen:?}");
    }
}

/// The first of the answers, repeated.
fn datagram_again(events: &[(u64, Arriving)]) -> Arriving {
    let bytes = events.first().map(|(_, what)| datagram(what.clone()));
    Arriving::Datagram(bytes.unwrap_or_else(|| vec![0xff; 4]))
}

#[test]
fn where_no_second_retransmission_comes_the_end_of_the_last_timer_begins_a_renewal() {
    for (max_retransmit, sent) in [(0, 1), (1, 2)] {
        let world = Fake::default();
        world.0.borrow_mut().renewal_takes = Some(300);
        world.0.borrow_mut().respond = Some(friendly_cloud(1));
        let settings = Settings {
            transmission: TransmissionParams {
                max_retransmit,
                ..TransmissionParams::default()
            },
            ..Settings::default()
        };
        let client = client_at(&world, "coaps://h", settings);
        client.authenticate(&mut no_delivery).unwrap();
        // The server has forgotten the session.
        world.0.borrow_mut().respond = None;
        client.send(&REPORT, 1).unwrap();
        assert_eq!(run(&world, &client, 15), ["1 failed: Unacknowledged"]);
        assert_eq!(posts(&world).len(), sent);
        assert_eq!(world.0.borrow().renewals.len(), 1, "for the next report");
    }
}

#[test]
fn a_connection_that_takes_long_is_tried_once_in_a_call() {
    type Call = fn(&Client<Fake, u32>);
    let calls: [Call; 2] = [
        |client| client.run(Duration::from_secs(2), &mut |_| {}),
        |client| client.process(&mut |_| {}),
    ];
    for call in calls {
        let world = Fake::default();
        let client = secured(&world, None);
        world.0.borrow_mut().refuse_connects = true;
        world.0.borrow_mut().connect_takes = 30_000;
        client.send(&REPORT, 1).unwrap();
        let mut most = 0;
        for _ in 0..100 {
            let before = world.0.borrow().connects;
            world.0.borrow_mut().now += 1_000;
            call(&client);
            most = most.max(world.0.borrow().connects - before);
        }
        assert_eq!(most, 1);
    }
}
