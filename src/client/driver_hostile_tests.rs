//! The driver when the program, the platform or the network does what the plain tests do not.

use super::virtual_world::{
    Arriving, Fake, GRANT, REPORT, answer, arrive, authenticated, client, client_with,
    friendly_cloud, no_delivery, responses, since,
};
use super::*;
use core::time::Duration;
use std::rc::Rc;

#[test]
fn nothing_is_delivered_once_another_thread_has_closed_the_client() {
    let world = Fake::default();
    let client = Rc::new(authenticated(&world));
    let start = world.0.borrow().now;
    world.0.borrow_mut().respond = None;
    client.send(&REPORT, 1).unwrap();
    let request = world.0.borrow().sent.last().unwrap().1.clone();
    let Arriving::Datagram(response) = answer(&request, 0x45, b"late") else {
        unreachable!()
    };
    let closing = Rc::clone(&client);
    let act = move || closing.close();
    // The response is in the buffer when the other thread closes the client.
    let arriving = Arriving::Meanwhile(Rc::new(act), response);
    arrive(&world, start + 5, arriving);
    client.run(Duration::from_secs(1), &mut no_delivery);
    assert_eq!(since(&world, start), 5);
}

#[test]
fn a_program_that_slept_finds_its_answers_before_the_timers_judge() {
    for confirmable in [true, false] {
        let world = Fake::default();
        let client = authenticated(&world);
        let report = Report {
            confirmable,
            ..REPORT
        };
        client.send(&report, 1).unwrap();
        let sent = world.0.borrow().sent.len();
        world.0.borrow_mut().now += 3_600_000;
        let start = world.0.borrow().now;
        let mut delivered = Vec::new();
        client.run(
            Duration::from_secs(1),
            &mut responses(|d| delivered.push(d.user)),
        );
        assert_eq!((delivered, since(&world, start)), (vec![1], 0));
        assert_eq!(
            world.0.borrow().sent.len(),
            sent,
            "nothing needed repeating"
        );
    }
}

#[test]
fn a_flood_of_junk_does_not_keep_an_overdue_retransmission_from_going_out() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = None;
    client.send(&REPORT, 1).unwrap();
    let sent = world.0.borrow().sent.len();
    world.0.borrow_mut().now += 5_000;
    let start = world.0.borrow().now;
    for n in 0..2_000 {
        arrive(&world, start + n, Arriving::Datagram(vec![0xff; 9]));
    }
    client.run(Duration::from_secs(1), &mut no_delivery);
    assert_eq!(since(&world, start), 1_000);
    assert_eq!(world.0.borrow().sent.len(), sent + 1);
}

#[test]
fn a_wait_that_ends_at_once_does_not_make_run_spin() {
    let world = Fake::default();
    let client = client(&world);
    for _ in 0..10_000 {
        arrive(&world, 0, Arriving::NothingAtOnce);
    }
    client.run(Duration::from_millis(1_000), &mut no_delivery);
    assert_eq!(since(&world, 0), 1_000);
    assert!(world.0.borrow().receives <= 101);
}

#[test]
fn the_end_of_an_idle_connection_is_noticed_and_made_good_inside_the_authentication() {
    let world = Fake::default();
    let client = authenticated(&world);
    let now = world.0.borrow().now;
    arrive(&world, now, Arriving::Close);
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    assert_eq!(world.0.borrow().connects, 2);

    // A server that closes every connection at once is not tried for ever.
    let world = Fake::default();
    let client = client_with(&world, Settings::default());
    for _ in 0..10 {
        arrive(&world, 0, Arriving::Close);
    }
    let refused = client.authenticate(&mut no_delivery);
    assert_eq!(refused, Err(AuthError::NotSent));
    assert_eq!(world.0.borrow().connects, 2);
}

#[test]
fn a_report_in_flight_when_the_connection_ends_does_not_delay_the_authentication() {
    let world = Fake::default();
    let client = authenticated(&world);
    world.0.borrow_mut().respond = None;
    client.send(&REPORT, 1).unwrap();
    // Its next retransmission is 16 s or more away: later than the bound of an authentication.
    client.run(Duration::from_secs(30), &mut no_delivery);
    let now = world.0.borrow().now;
    arrive(&world, now, Arriving::Close);
    client.run(Duration::from_millis(1), &mut no_delivery);
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let start = world.0.borrow().now;
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    assert_eq!(since(&world, start), 1);
    let mut delivered = Vec::new();
    while delivered.is_empty() && since(&world, start) < 60_000 {
        client.run(
            Duration::from_secs(5),
            &mut responses(|d| delivered.push(d.user)),
        );
    }
    assert_eq!(delivered, [1], "and is delivered over the new connection");
}

#[test]
fn an_authentication_in_a_delivery_makes_the_outer_busy_one_succeed_too() {
    let world = Fake::default();
    let client = authenticated(&world);
    // The report is answered while the outer authentication pauses.
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        if request[8..].starts_with(b"\xb4auth") {
            vec![(0, answer(request, 0xa0, b""))]
        } else {
            vec![(500, answer(request, 0x45, b""))]
        }
    }));
    client.send(&REPORT, 1).unwrap();
    let before = world.0.borrow().sent.len();
    let start = world.0.borrow().now;
    let result = client.authenticate(&mut responses(|_| {
        world.0.borrow_mut().respond = Some(friendly_cloud(1));
        assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    }));
    assert_eq!(result, Ok(()));
    assert!(since(&world, start) < 1_000, "no waiting for the pause");
    let world = world.0.borrow();
    assert_eq!(world.sent.len() - before, 2, "one busy, one granted");
}

#[test]
fn reports_are_checked_and_taken_while_the_connection_is_missing() {
    let world = Fake::default();
    let client = authenticated(&world);
    let now = world.0.borrow().now;
    arrive(&world, now, Arriving::Close);
    client.run(Duration::from_secs(1), &mut no_delivery);
    let big = Report {
        payload: &[0; 1280],
        ..REPORT
    };
    let too_long = Err(SendError::Report(ReportError::TooLong));
    assert_eq!(client.send(&big, 1), too_long);
    assert_eq!(client.send(&REPORT, 1), Ok(()));
    let mut delivered = Vec::new();
    client.run(
        Duration::from_secs(1),
        &mut responses(|d| delivered.push(d.user)),
    );
    assert_eq!((delivered, world.0.borrow().connects), (vec![1], 2));
}

#[test]
fn one_report_and_its_answer_read_the_clock_three_times() {
    let world = Fake::default();
    let client = authenticated(&world);
    let (before, receives) = {
        let world = world.0.borrow();
        (world.clock_readings, world.receives)
    };
    client.send(&REPORT, 1).unwrap();
    client.run(Duration::from_secs(1), &mut responses(|_| {}));
    let world = world.0.borrow();
    // Sending, the beginning of the wait, its end.
    assert_eq!(world.clock_readings - before, 3);
    assert_eq!(world.receives - receives, 1);
}

#[test]
fn an_answer_to_the_authentication_wins_over_one_to_its_predecessor() {
    let world = Fake::default();
    let client = client(&world);
    let timed_out = client.authenticate(&mut no_delivery);
    assert_eq!(timed_out, Err(AuthError::TimedOut));
    let first = world.0.borrow().sent[0].1.clone();
    world.0.borrow_mut().respond = Some(Box::new(move |request, _| {
        vec![
            (1, answer(&first, 0x81, b"")),
            (2, answer(request, 0x45, GRANT)),
        ]
    }));
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
}
