//! What a client does for a program that keeps its own time, over a virtual platform.

use super::virtual_world::{
    Arriving, Fake, GRANT, REPORT, answer, arrive, authenticated, client, client_at, client_with,
    diary, failures, friendly_cloud, is_auth, no_delivery, responses, since,
};
use super::{AuthError, Client, Happening, Settings, VendorIds};
use core::time::Duration;

#[test]
fn a_whole_wait_is_taken_with_and_without_answers() {
    let world = Fake::default();
    let client = authenticated(&world);
    let start = world.0.borrow().now;
    client.run_whole(Duration::from_millis(300), &mut no_delivery);
    assert_eq!(since(&world, start), 300);

    let mut delivered = 0;
    for user in 0..2 {
        client.send(&REPORT, user).unwrap();
    }
    client.run_whole(
        Duration::from_millis(300),
        &mut responses(|_| delivered += 1),
    );
    assert_eq!((delivered, since(&world, start)), (2, 600));

    client.close();
    client.run_whole(Duration::from_millis(300), &mut no_delivery);
    assert_eq!(since(&world, start), 600);
}

/// Lets a program's loop run until there is nothing to wait for; tells how the authentication has ended.
fn turn_until_quiet(world: &Fake, client: &Client<Fake, u32>) -> Vec<String> {
    let mut ends = vec![];
    while let Some(wait) = client.next_timeout() {
        let due = world.0.borrow().now + wait.as_millis() as u64;
        let arrives = world.0.borrow().arriving.front().map(|(at, _)| *at);
        if client.is_authenticated() && arrives.is_none() {
            break; // the next thing is the renewal, in two days
        }
        world.0.borrow_mut().now = arrives.unwrap_or(due).min(due);
        client.process(&mut |happening| ends.push(format!("{happening:?}")));
    }
    ends
}

#[test]
fn an_authentication_is_begun_and_ends_in_the_loop() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(friendly_cloud(40));
    let client = client(&world);
    client.begin_to_authenticate().unwrap();
    assert_eq!((since(&world, 0), world.0.borrow().sent.len()), (0, 1));
    client.begin_to_authenticate().unwrap();
    assert_eq!(world.0.borrow().sent.len(), 1, "it is under way");
    assert_eq!(turn_until_quiet(&world, &client), ["Authenticated"]);
    assert!(client.is_authenticated());
    assert_eq!(since(&world, 0), 40);
}

#[test]
fn a_begun_authentication_announces_the_device_once() {
    let world = Fake::default();
    world.0.borrow_mut().vendor_ids = Some(VendorIds {
        partner: "partner".into(),
        module: "module".into(),
    });
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client(&world);
    client.begin_to_authenticate().unwrap();
    turn_until_quiet(&world, &client);
    let after_begin = world.0.borrow().sent.len();
    assert_eq!(after_begin, 3, "the authentication and two announcements");
    client.process(&mut no_delivery);
    assert_eq!(world.0.borrow().sent.len(), after_begin);
}

#[test]
fn a_begun_authentication_that_is_refused_is_told() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        vec![(3, answer(request, 0x81, b"no"))]
    }));
    let client = client(&world);
    client.begin_to_authenticate().unwrap();
    assert_eq!(turn_until_quiet(&world, &client), ["AuthFailed(Refused)"]);
    assert_eq!((since(&world, 0), world.0.borrow().sent.len()), (3, 1));
}

#[test]
fn a_begun_authentication_that_nobody_answers_ends_at_its_bound() {
    let world = Fake::default();
    let client = client(&world);
    client.begin_to_authenticate().unwrap();
    assert_eq!(turn_until_quiet(&world, &client), ["AuthFailed(TimedOut)"]);
    assert_eq!(since(&world, 0), 10_000);
    client.begin_to_authenticate().unwrap();
    assert_eq!(turn_until_quiet(&world, &client), ["AuthFailed(TimedOut)"]);
}

/// When the failure of an authentication is told, beside what the blocking call gives.
fn told_of_failure(world: &Fake, client: &Client<Fake, u32>) -> (Result<(), AuthError>, Vec<u64>) {
    let mut told = Vec::new();
    let mut note = |happening: Happening<'_, u32>| {
        let failed = matches!(happening, Happening::AuthFailed(AuthError::TimedOut));
        assert!(failed, "{happening:?}");
        told.push(world.0.borrow().now);
    };
    let result = client.authenticate(&mut note);
    client.run(Duration::from_secs(200), &mut note);
    (result, told)
}

#[test]
fn a_begun_authentication_that_the_program_then_waits_for_ends_at_its_bound_too() {
    let world = Fake::default();
    let client = client(&world);
    client.begin_to_authenticate().unwrap();
    client.run(Duration::from_secs(3), &mut no_delivery);
    let (result, told) = told_of_failure(&world, &client);
    assert_eq!(result, Err(AuthError::TimedOut));
    assert_eq!(told, [10_000], "it was begun at 0; the call began at 3,000");
}

#[test]
fn an_authentication_begun_while_the_program_s_last_one_is_under_way_ends_at_its_bound() {
    let world = Fake::default();
    let client = client(&world);
    assert!(client.authenticate(&mut no_delivery).is_err());
    let sent = world.0.borrow().sent.len();
    client.begin_to_authenticate().unwrap();
    assert_eq!(world.0.borrow().sent.len(), sent, "it is that one");
    let mut seen = Vec::new();
    client.run(Duration::from_secs(10), &mut diary(&mut seen));
    assert_eq!(seen, ["authentication failed: TimedOut"]);
    assert_eq!(since(&world, 0), 20_000);
}

#[test]
fn an_authentication_begun_without_a_connection_ends_at_its_bound() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().refuse_connects = true;
    arrive(&world, 0, Arriving::Close);
    client.process(&mut no_delivery);
    let start = world.0.borrow().now;
    client.begin_to_authenticate().unwrap();
    let mut seen = Vec::new();
    client.run(Duration::from_secs(10), &mut diary(&mut seen));
    assert_eq!(seen, ["authentication failed: TimedOut"]);
    assert_eq!(since(&world, start), 10_000);
}

#[test]
fn an_attempt_of_its_own_that_the_program_waited_for_in_vain_is_followed_by_the_next() {
    let world = Fake::default();
    let client = authenticated(&world);
    let refuse = |request: &[u8], _| match is_auth(request) {
        true => vec![],
        false => vec![(1, answer(request, 0x81, b""))],
    };
    world.0.borrow_mut().respond = Some(Box::new(refuse));
    client.send(&REPORT, 1).unwrap();
    client.run(Duration::from_millis(1), &mut no_delivery);
    client.run(Duration::from_millis(1), &mut no_delivery);
    let begun = *world.0.borrow().times(is_auth).last().unwrap();
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::TimedOut)
    );
    client.run(Duration::from_secs(20), &mut no_delivery);
    // Another one, not a repetition: under another token.
    let world = world.0.borrow();
    let attempts: Vec<_> = world
        .sent
        .iter()
        .filter(|(at, bytes)| *at >= begun && is_auth(bytes))
        .collect();
    let next = attempts
        .iter()
        .find(|(_, bytes)| bytes[4..8] != attempts[0].1[4..8]);
    let (at, _) = next.expect("another attempt");
    assert!((20_000..24_000).contains(&(at - begun)), "{}", at - begun);
}

#[test]
fn a_busy_cloud_is_asked_again_within_the_bound() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(Box::new(|request, count| {
        let (code, payload) = if count < 3 {
            (0xa0, &b""[..])
        } else {
            (0x45, GRANT)
        };
        vec![(0, answer(request, code, payload))]
    }));
    let client = client(&world);
    client.begin_to_authenticate().unwrap();
    assert_eq!(turn_until_quiet(&world, &client), ["Authenticated"]);
    assert!(since(&world, 0) < 10_000);
}

#[test]
fn a_closed_client_begins_nothing() {
    let world = Fake::default();
    let client = client(&world);
    client.close();
    assert!(client.begin_to_authenticate().is_err());
    assert_eq!(client.next_timeout(), None);
    client.process(&mut no_delivery);
    assert!(world.0.borrow().sent.is_empty());
}

/// An authenticated client, which keeps no timer for its token, beside a cloud that answers nothing from now on.
fn left_alone(world: &Fake) -> Client<Fake, u32> {
    let by_hand = Settings {
        reauthenticate: false,
        ..Settings::default()
    };
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_with(world, by_hand);
    client.authenticate(&mut no_delivery).unwrap();
    world.0.borrow_mut().respond = None;
    client
}

#[test]
fn processing_takes_no_time_and_delivers_what_is_there() {
    let world = Fake::default();
    let client = left_alone(&world);
    let start = world.0.borrow().now;
    client.process(&mut no_delivery);
    assert_eq!(client.next_timeout(), None, "nothing is expected");

    client.send(&REPORT, 7).unwrap();
    client.process(&mut no_delivery);
    let request = world.0.borrow().sent.last().unwrap().1.clone();
    arrive(&world, start, answer(&request, 0x45, b""));
    let mut delivered = vec![];
    client.process(&mut responses(|delivery| delivered.push(delivery.user)));
    assert_eq!((delivered, since(&world, start)), (vec![7], 0));
    assert_eq!(client.next_timeout(), None);
}

#[test]
fn a_loop_that_keeps_to_the_time_out_repeats_on_time_and_wakes_for_nothing_else() {
    let world = Fake::default();
    let client = left_alone(&world);
    let start = world.0.borrow().now;
    let sent_before = world.0.borrow().sent.len();
    client.send(&REPORT, 7).unwrap();
    let (mut wakes, mut failed) = (0, vec![]);
    while let Some(wait) = client.next_timeout().filter(|wait| wait.as_secs() < 3_600) {
        world.0.borrow_mut().now += wait.as_millis() as u64;
        client.process(&mut failures(&mut failed));
        wakes += 1;
    }
    assert_eq!(failed.len(), 1);
    let times: Vec<_> = world.0.borrow().sent[sent_before..]
        .iter()
        .map(|(at, _)| at - start)
        .collect();
    assert_eq!(times.len(), 5, "the first transmission and four more");
    assert!((2_000..=3_000).contains(&times[1]), "{times:?}");
    for transmission in 2..5 {
        let waited = times[transmission] - times[transmission - 1];
        assert_eq!(waited, times[1] << (transmission - 1), "{times:?}");
    }
    assert_eq!(wakes, 5, "four transmissions and giving up");
}

#[test]
fn an_answer_that_is_there_comes_before_a_timer_that_has_run_out() {
    let world = Fake::default();
    let client = left_alone(&world);
    client.send(&REPORT, 7).unwrap();
    let request = world.0.borrow().sent.last().unwrap().1.clone();
    let sent = world.0.borrow().sent.len();
    let late = world.0.borrow().now + 60_000;
    world.0.borrow_mut().now = late;
    arrive(&world, late, answer(&request, 0x45, b""));
    assert_eq!(client.next_timeout(), Some(Duration::ZERO));
    let mut delivered = 0;
    client.process(&mut responses(|_| delivered += 1));
    assert_eq!((delivered, world.0.borrow().sent.len()), (1, sent));
}

#[test]
fn a_peer_that_sends_without_end_does_not_keep_the_loop_from_turning() {
    let world = Fake::default();
    let client = left_alone(&world);
    let now = world.0.borrow().now;
    let junk = (now, Arriving::Datagram(vec![0xff; 20]));
    world
        .0
        .borrow_mut()
        .arriving
        .extend(std::iter::repeat_n(junk, 1_000));
    client.process(&mut no_delivery);
    assert!(world.0.borrow().arriving.len() > 900);
}

#[test]
fn a_failing_receive_ends_a_call_and_not_the_client() {
    let world = Fake::default();
    let client = left_alone(&world);
    let start = world.0.borrow().now;
    client.send(&REPORT, 7).unwrap();
    let request = world.0.borrow().sent.last().unwrap().1.clone();
    world.0.borrow_mut().arriving.extend([
        (start, Arriving::Failure),
        (start, answer(&request, 0x45, b"")),
    ]);
    client.process(&mut no_delivery);
    assert_eq!(since(&world, start), 0, "no pause in an event loop");
    let mut delivered = 0;
    client.process(&mut responses(|_| delivered += 1));
    assert_eq!(delivered, 1);
}

/// Wakes when it is told to, for so many seconds, and says what happens.
fn event_loop(world: &Fake, client: &Client<Fake, u32>, seconds: u64) -> Vec<String> {
    let end = world.0.borrow().now + seconds * 1_000;
    let mut seen = Vec::new();
    loop {
        let timer = client.next_timeout().map(|wait| wait.as_millis() as u64);
        let (now, readable) = {
            let world = world.0.borrow();
            (world.now, world.arriving.front().map(|(at, _)| *at))
        };
        let wake = [timer.map(|wait| now + wait), readable, Some(end)];
        let wake = wake.into_iter().flatten().min().unwrap_or(end);
        world.0.borrow_mut().now = wake.max(now);
        client.process(&mut diary(&mut seen));
        if world.0.borrow().now >= end {
            return seen;
        }
    }
}

#[test]
fn an_event_loop_recovers_sessions_and_tokens_without_ever_waiting() {
    let world = Fake::default();
    world.0.borrow_mut().renewal_takes = Some(300);
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_at(&world, "coaps://h", Settings::default());
    client.authenticate(&mut no_delivery).unwrap();

    // The server forgets the session, and the token with it.
    world.0.borrow_mut().respond = None;
    client.send(&REPORT, 1).unwrap();
    assert_eq!(event_loop(&world, &client, 10), [""; 0]);
    assert_eq!(world.0.borrow().renewals.len(), 1);
    let mut usual = friendly_cloud(1);
    let mut known = false;
    world.0.borrow_mut().respond = Some(Box::new(move |request, count| {
        known |= is_auth(request);
        if known {
            usual(request, count)
        } else {
            vec![(1, answer(request, 0x81, b""))]
        }
    }));
    let seen = event_loop(&world, &client, 30);
    assert_eq!(seen, ["authenticated", "1 answered 2.05"]);

    // It closes the session while nothing is wanted of it, and then something is.
    let now = world.0.borrow().now;
    arrive(&world, now, Arriving::Close);
    assert_eq!(event_loop(&world, &client, 5), ["ConnectionEnded"]);
    client.send(&REPORT, 2).unwrap();
    assert_eq!(event_loop(&world, &client, 5), ["2 answered 2.05"]);

    // And the token is renewed in time.
    let seen = event_loop(&world, &client, 47 * 3_600);
    assert_eq!(seen, ["authenticated"]);
}
