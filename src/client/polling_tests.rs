//! What a client does for a program that keeps its own time, over a virtual platform.

use super::virtual_world::{
    Arriving, Fake, REPORT, answer, authenticated, failures, no_delivery, responses, since,
};
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

/// Long after every timer but that of the token.
const NEVER: Option<Duration> = Some(Duration::from_secs(24 * 60 * 60));

/// An authenticated client beside a cloud that answers nothing from now on.
fn left_alone(world: &Fake) -> super::Client<Fake, u32> {
    let client = authenticated(world);
    world.0.borrow_mut().respond = None;
    client
}

#[test]
fn processing_takes_no_time_and_delivers_what_is_there() {
    let world = Fake::default();
    let client = left_alone(&world);
    let start = world.0.borrow().now;
    client.process(&mut no_delivery);
    assert!(client.next_timeout() > NEVER, "nothing is expected");

    client.send(&REPORT, 7).unwrap();
    client.process(&mut no_delivery);
    let request = world.0.borrow().sent.last().unwrap().1.clone();
    world
        .0
        .borrow_mut()
        .arriving
        .push_back((start, answer(&request, 0x45, b"")));
    let mut delivered = vec![];
    client.process(&mut responses(|delivery| delivered.push(delivery.user)));
    assert_eq!((delivered, since(&world, start)), (vec![7], 0));
    assert!(client.next_timeout() > NEVER);
}

#[test]
fn a_loop_that_keeps_to_the_time_out_repeats_on_time_and_wakes_for_nothing_else() {
    let world = Fake::default();
    let client = left_alone(&world);
    let start = world.0.borrow().now;
    let sent_before = world.0.borrow().sent.len();
    client.send(&REPORT, 7).unwrap();
    let (mut wakes, mut failed) = (0, vec![]);
    while let Some(wait) = client.next_timeout().filter(|wait| Some(*wait) < NEVER) {
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
    world
        .0
        .borrow_mut()
        .arriving
        .push_back((late, answer(&request, 0x45, b"")));
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
