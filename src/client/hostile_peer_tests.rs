//! Peers and programs that drive a client where it could run away: into handshakes without end, calls without end,
//! or more failures than it remembers.

use super::virtual_world::{
    Arriving, Fake, REPORT, UNCONFIRMED, answer, arrive, authenticated, client_at, client_with,
    diary, friendly_cloud, is_auth, is_post, no_delivery, run, since,
};
use super::*;
use crate::coap::TransmissionParams;
use core::time::Duration;

/// One call of the program.
type Call = fn(&Client<Fake, u32>, &mut happening::Sink<'_, u32>);

#[test]
fn a_server_that_ends_every_session_at_once_is_not_flooded_with_handshakes() {
    let world = Fake::default();
    world.0.borrow_mut().renewal_takes = Some(20);
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_at(&world, "coaps://h", Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    // Busy for five minutes, which the second report has to wait; and the session ends again and again.
    world.0.borrow_mut().ends_after = Some(20);
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        vec![(1, answer(request, 0xa3, b"")), (2, Arriving::Close)]
    }));
    client.send(&REPORT, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    let seen = run(&world, &client, 55);
    assert!(seen.contains(&"1 answered 5.03".into()), "{seen:?}");
    let renewals = world.0.borrow().renewals.len();
    assert!((3..10).contains(&renewals), "{renewals} handshakes in 55 s");
    // A session on which something comes is a good one.
    world.0.borrow_mut().ends_after = None;
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    assert!(run(&world, &client, 120).contains(&"2 answered 2.05".into()));
}

#[test]
fn however_many_reports_fail_at_once_the_program_is_told_of_each() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let settings = Settings {
        transmission: TransmissionParams {
            queue_limit: 4_096,
            ..TransmissionParams::default()
        },
        ..Settings::default()
    };
    let client = client_with(&world, settings);
    client.authenticate(&mut no_delivery).unwrap();
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        let code = if is_auth(request) { 0x83 } else { 0x81 };
        vec![(1, answer(request, code, b""))]
    }));
    for user in 0..1_000 {
        client.send(&REPORT, user).unwrap();
    }
    let mut failed = Vec::new();
    for _ in 0..1_000 {
        client.run(Duration::from_secs(1), &mut |happening| match happening {
            Happening::ReportFailed(failure) => failed.push(failure.user),
            Happening::AuthFailed(AuthError::Refused) => {}
            other => panic!("unexpected: {other:?}"),
        });
    }
    assert_eq!(failed.len(), 1_000);
    failed.sort_unstable();
    failed.dedup();
    assert_eq!(failed.len(), 1_000, "each once");
}

/// More requests than are awaited at a time displace the oldest: a program that sends that one again displaces the
/// next.
#[test]
fn a_program_that_sends_again_what_has_failed_gets_every_call_back() {
    let settings = Settings {
        transmission: TransmissionParams {
            probing_rate: 0,
            ..TransmissionParams::default()
        },
        ..Settings::default()
    };
    let calls: [Call; 3] = [
        |client, sink| client.run(Duration::from_secs(1), sink),
        |client, sink| client.process(sink),
        |client, sink| assert!(client.authenticate(sink).is_ok()),
    ];
    for call in calls {
        let world = Fake::default();
        world.0.borrow_mut().respond = Some(friendly_cloud(1));
        let client = client_with(&world, settings.clone());
        client.authenticate(&mut no_delivery).unwrap();
        world.0.borrow_mut().respond = Some(Box::new(|request, n| {
            let auth = is_auth(request).then(|| friendly_cloud(1)(request, n));
            auth.unwrap_or_default()
        }));
        for user in 0..70 {
            client.send(&UNCONFIRMED, user).unwrap();
        }
        let mut failed = 0;
        call(&client, &mut |happening| {
            if let Happening::ReportFailed(failure) = happening {
                failed += 1;
                assert!(failed < 5_000, "the call does not return");
                client.send(&UNCONFIRMED, failure.user).unwrap();
            }
        });
        assert!(failed > 0);
    }
}

#[test]
fn a_flood_of_rubbish_does_not_put_repetitions_off() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = None;
    client.send(&REPORT, 1).unwrap();
    world.0.borrow_mut().now += 5_000;
    let start = world.0.borrow().now;
    for n in 0..8_000 {
        arrive(&world, start + n, Arriving::Datagram(vec![0xff; 9]));
    }
    client.run(Duration::from_secs(7), &mut no_delivery);
    let repeated = *world.0.borrow().times(is_post).get(1).expect("repeated");
    assert!(repeated < start + 200, "{} ms late", repeated - start);
}

#[test]
fn a_discovery_that_cannot_be_sent_ends_with_the_authentication() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        let code = if is_auth(request) { 0xa0 } else { 0x81 };
        vec![(1, answer(request, code, b""))]
    }));
    client.send(&REPORT, 1).unwrap();
    let mut seen = Vec::new();
    client.run(Duration::from_secs(1), &mut diary(&mut seen));
    client.discover().unwrap();
    seen.extend(run(&world, &client, 600));
    assert!(seen.contains(&"1 failed: NotSent".into()), "{seen:?}");
    assert!(!client.is_waiting(), "nothing is left behind");
    let start = world.0.borrow().now;
    client.run(Duration::from_secs(5), &mut no_delivery);
    assert_eq!(since(&world, start), 5_000);
}
