//! The driver over a virtual platform: what each call does, and how long it takes.

use super::virtual_world::{
    Arriving, Fake, GRANT, REPORT, answer, arrive, authenticated, client, client_with, failures,
    friendly_cloud, no_delivery, responses, since,
};
use super::*;
use crate::coap::Code;
use core::time::Duration;

#[test]
fn authentication_returns_with_the_answer_and_asks_the_network_once() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(friendly_cloud(37));
    let client = client(&world);
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    assert!(client.is_authenticated());
    assert_eq!((since(&world, 0), world.0.borrow().receives), (37, 1));
}

#[test]
fn authentication_resends_inside_the_call_by_the_clock() {
    let world = Fake::default();
    let mut cloud = friendly_cloud(5);
    world.0.borrow_mut().respond = Some(Box::new(move |request, count| {
        if count < 3 {
            vec![]
        } else {
            cloud(request, count)
        }
    }));
    let client = client(&world);
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    let world = world.0.borrow();
    let times: Vec<_> = world.sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(times.len(), 3);
    assert!((2_000..=3_000).contains(&times[1]), "{times:?}");
    assert_eq!(times[2] - times[1], 2 * times[1], "the timeout doubles");
    assert!(
        world
            .sent
            .iter()
            .all(|(_, bytes)| *bytes == world.sent[0].1)
    );
}

#[test]
fn a_silent_cloud_ends_the_authentication_at_its_bound_with_a_truthful_error() {
    let world = Fake::default();
    let client = client(&world);
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::TimedOut)
    );
    assert_eq!(since(&world, 0), 10_000);
    assert!(!client.is_authenticated());
}

#[test]
fn a_late_answer_still_authenticates_from_run() {
    let world = Fake::default();
    let client = client(&world);
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::TimedOut)
    );
    let request = world.0.borrow().sent.last().unwrap().1.clone();
    arrive(&world, 11_000, answer(&request, 0x45, GRANT));
    client.run(Duration::from_secs(5), &mut no_delivery);
    assert!(client.is_authenticated());
    assert_eq!(since(&world, 0), 11_000);
}

#[test]
fn a_refusal_ends_the_authentication_at_once() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        vec![(3, answer(request, 0x81, b"no"))]
    }));
    let client = client(&world);
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::Refused)
    );
    assert_eq!((since(&world, 0), world.0.borrow().sent.len()), (3, 1));
}

#[test]
fn a_busy_cloud_is_asked_again_with_doubling_pauses_inside_the_bound() {
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
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    let times: Vec<_> = world.0.borrow().sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 1_000, 3_000]);
}

#[test]
fn a_cloud_that_stays_busy_is_a_refusal_within_the_bound() {
    let world = Fake::default();
    world.0.borrow_mut().respond =
        Some(Box::new(|request, _| vec![(0, answer(request, 0xa0, b""))]));
    let client = client(&world);
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::Refused)
    );
    let times: Vec<_> = world.0.borrow().sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 1_000, 3_000, 7_000]);
    assert!(since(&world, 0) <= 10_000);
}

#[test]
fn a_request_that_cannot_leave_is_told_as_such() {
    let world = Fake::default();
    let client = client(&world);
    world.0.borrow_mut().refuse_writes = true;
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::NotSent)
    );
    assert_eq!(since(&world, 0), 0);

    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().refuse_writes = true;
    assert_eq!(client.send(&REPORT, 1), Err(SendError::NotSent));
    world.0.borrow_mut().refuse_writes = false;
    client.send(&REPORT, 2).unwrap();
    let mut delivered = Vec::new();
    client.run(
        Duration::from_secs(1),
        &mut responses(|delivery| delivered.push(delivery.user)),
    );
    assert_eq!(delivered, [2], "the failed report left nothing behind");
}

#[test]
fn run_returns_with_the_response_and_terminates_the_payload() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        vec![(40, answer(request, 0x45, b"hello"))]
    }));
    let start = world.0.borrow().now;
    client.send(&REPORT, 5).unwrap();
    let mut seen = None;
    client.run(
        Duration::from_secs(3),
        &mut responses(|delivery| {
            seen = Some((
                delivery.user,
                delivery.head.code,
                delivery.payload_and_nul.to_vec(),
            ));
        }),
    );
    assert_eq!(seen, Some((5, Code::CONTENT, b"hello\0".to_vec())));
    assert_eq!(since(&world, start), 40);
}

#[test]
fn run_waits_its_time_and_not_longer() {
    let world = Fake::default();
    let client = client(&world);
    client.run(Duration::from_millis(2_000), &mut no_delivery);
    assert_eq!((since(&world, 0), world.0.borrow().receives), (2_000, 1));
}

#[test]
fn junk_does_not_keep_run_from_returning() {
    let world = Fake::default();
    let client = client(&world);
    for n in 0..100 {
        let junk = Arriving::Datagram(vec![0xff; 3 + n as usize % 40]);
        arrive(&world, n * 50, junk);
    }
    client.run(Duration::from_millis(2_000), &mut no_delivery);
    assert_eq!(since(&world, 0), 2_000);
    assert!(world.0.borrow().receives <= 42);
}

#[test]
fn a_socket_that_fails_at_once_does_not_make_run_spin() {
    let world = Fake::default();
    let client = client(&world);
    for _ in 0..10_000 {
        arrive(&world, 0, Arriving::Failure);
    }
    client.run(Duration::from_millis(1_000), &mut no_delivery);
    assert_eq!(since(&world, 0), 1_000);
    assert!(world.0.borrow().receives <= 101);
}

#[test]
fn retransmission_runs_by_the_clock_across_runs() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = None;
    let start = world.0.borrow().now;
    let before = world.0.borrow().sent.len();
    let mut failed = Vec::new();
    client.send(&REPORT, 1).unwrap();
    for _ in 0..40 {
        client.run(Duration::from_millis(2_500), &mut failures(&mut failed));
    }
    let times: Vec<_> = world.0.borrow().sent[before..]
        .iter()
        .map(|(at, _)| at - start)
        .collect();
    assert_eq!(times.len(), 5, "{times:?}");
    let first = times[1];
    assert!((2_000..=3_000).contains(&first));
    assert_eq!(times, [0, first, 3 * first, 7 * first, 15 * first]);
    let given_up = |f: &Failure<u32>| (f.user, f.reason, f.transmissions);
    let failed: Vec<_> = failed.iter().map(given_up).collect();
    assert_eq!(failed, [(1, FailureReason::Unacknowledged, 5)], "once");
}

#[test]
fn who_is_told_of_a_failure_may_call_everything_again() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        vec![(1, Arriving::Datagram(vec![0x70, 0, request[2], request[3]]))]
    }));
    client.send(&REPORT, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    let mut log = Vec::new();
    client.run(Duration::from_secs(1), &mut |happening| {
        let Happening::ReportFailed(outer) = happening else {
            panic!("unexpected: {happening:?}")
        };
        assert_eq!(outer.reason, FailureReason::Reset);
        client.run(Duration::from_secs(1), &mut |happening| match happening {
            Happening::ReportFailed(inner) => {
                client.close();
                log.push(inner.user);
            }
            other => panic!("unexpected: {other:?}"),
        });
        log.push(outer.user);
    });
    assert_eq!(log, [2, 1]);
}

#[test]
fn several_answers_that_are_here_already_are_taken_in_one_run() {
    let settings = Settings {
        transmission: crate::coap::TransmissionParams {
            nstart: 10,
            ..Default::default()
        },
        ..Settings::default()
    };
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_with(&world, settings);
    client.authenticate(&mut no_delivery).unwrap();
    for user in 0..5 {
        client.send(&REPORT, user).unwrap();
    }
    let mut delivered = Vec::new();
    client.run(
        Duration::from_secs(3),
        &mut responses(|delivery| delivered.push(delivery.user)),
    );
    assert_eq!(delivered, [0, 1, 2, 3, 4]);
}

#[test]
fn a_delivery_may_call_everything_again() {
    let world = Fake::default();
    let client = authenticated(&world);
    client.send(&REPORT, 1).unwrap();
    let mut log = Vec::new();
    client.run(
        Duration::from_secs(1),
        &mut responses(|outer| {
            let payload = outer.payload_and_nul.to_vec();
            client.send(&REPORT, 2).unwrap();
            client.run(
                Duration::from_secs(1),
                &mut responses(|inner| log.push(inner.user)),
            );
            assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
            assert_eq!(
                outer.payload_and_nul, payload,
                "the outer payload stays where it is"
            );
            log.push(outer.user);
        }),
    );
    assert_eq!(log, [2, 1]);
}

#[test]
fn closing_from_a_delivery_ends_the_outer_call() {
    let world = Fake::default();
    let client = authenticated(&world);
    client.send(&REPORT, 1).unwrap();
    let start = world.0.borrow().now;
    client.run(Duration::from_secs(60), &mut responses(|_| client.close()));
    assert!(since(&world, start) < 100);
    assert_eq!(client.send(&REPORT, 2), Err(SendError::NotSent));
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::NotSent)
    );
    client.run(Duration::from_secs(60), &mut no_delivery);
    assert!(
        since(&world, start) < 100,
        "a closed client returns at once"
    );
}

#[test]
fn a_connection_that_ended_is_opened_again_by_the_next_authentication() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let settings = Settings {
        renew_session: false,
        ..Settings::default()
    };
    let client = client_with(&world, settings);
    client.authenticate(&mut no_delivery).unwrap();
    let start = world.0.borrow().now;
    arrive(&world, start, Arriving::Close);
    client.run(Duration::from_secs(2), &mut no_delivery);
    assert_eq!(
        since(&world, start),
        2_000,
        "no spinning on a dead connection"
    );
    assert_eq!(client.send(&REPORT, 1), Err(SendError::NotSent));

    world.0.borrow_mut().refuse_connects = true;
    assert_eq!(
        client.authenticate(&mut no_delivery),
        Err(AuthError::NotSent)
    );
    world.0.borrow_mut().refuse_connects = false;
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    assert_eq!(world.0.borrow().connects, 3);
    assert_eq!(client.send(&REPORT, 2), Ok(()));
}

#[test]
fn an_oversized_datagram_is_dropped_whole_and_told() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        let payload = vec![b'x'; RECEIVE_CAPACITY + 1 - 9];
        vec![
            (1, answer(request, 0x45, &payload)),
            (2, answer(request, 0x45, &payload[..RECEIVE_CAPACITY - 9])),
        ]
    }));
    client.send(&REPORT, 1).unwrap();
    let mut seen = Vec::new();
    client.run(Duration::from_secs(1), &mut |happening| match happening {
        Happening::Response(d) => seen.push(Ok(d.payload_and_nul.len() - 1)),
        Happening::ReceiveFailed(failure) => seen.push(Err(failure)),
        other => panic!("unexpected: {other:?}"),
    });
    let dropped = Err(ReceiveFailure::TooLong);
    assert_eq!(seen, [dropped, Ok(RECEIVE_CAPACITY - 9)]);
}

#[test]
fn the_next_token_is_known_in_advance() {
    let world = Fake::default();
    let client = authenticated(&world);
    let promised = client.next_token();
    client.send(&REPORT, 1).unwrap();
    let mut token = None;
    client.run(
        Duration::from_secs(1),
        &mut responses(|d| token = Some(d.head.token.number())),
    );
    assert_eq!(token, Some(promised));
}

fn vendor_ids() -> VendorIds {
    VendorIds {
        partner: "partner".into(),
        module: "module".into(),
    }
}

#[test]
fn a_platform_with_vendor_ids_announces_itself_once_without_delaying_the_authentication() {
    let world = Fake::default();
    world.0.borrow_mut().vendor_ids = Some(vendor_ids());
    world.0.borrow_mut().respond = Some(friendly_cloud(5));
    let client = client(&world);
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    assert_eq!(since(&world, 0), 5, "no waiting for their answers");
    {
        let world = world.0.borrow();
        let sent: Vec<_> = world.sent.iter().map(|(_, bytes)| bytes).collect();
        let non_confirmable = |bytes: &[u8]| bytes[0] >> 4 & 3 == 1;
        assert_eq!(sent.len(), 3);
        assert!(!non_confirmable(sent[0]) && non_confirmable(sent[1]) && non_confirmable(sent[2]));
        let holds = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|w| w == text);
        assert!(holds(sent[1], b"_sys_device_mid") && holds(sent[2], b"SYS_LP_SDK_VERSION"));
    }
    // Their answers are nobody's, and nothing is sent again.
    client.run(Duration::from_secs(400), &mut no_delivery);
    assert_eq!(world.0.borrow().sent.len(), 3);
    client.send(&REPORT, 9).unwrap();
    let mut delivered = Vec::new();
    client.run(
        Duration::from_secs(1),
        &mut responses(|d| delivered.push(d.user)),
    );
    assert_eq!(delivered, [9]);
}

#[test]
fn announcements_can_be_turned_off() {
    let world = Fake::default();
    world.0.borrow_mut().vendor_ids = Some(vendor_ids());
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let settings = Settings {
        announce: false,
        ..Settings::default()
    };
    let client = client_with(&world, settings);
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    assert_eq!(world.0.borrow().sent.len(), 1);
}
