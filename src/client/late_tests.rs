//! Programs that come late: what has arrived while they were away is read before any timer judges, whichever function
//! they call first.

use super::virtual_world::{
    Arriving, Fake, REPORT, UNCONFIRMED, answer, arrive, client_with, diary, friendly_cloud,
    is_post, no_delivery, run,
};
use super::*;
use crate::coap::TransmissionParams;
use core::time::Duration;

const HOUR: u64 = 3_600_000;
const SECOND: Duration = Duration::from_secs(1);

/// An authenticated client, beside a cloud that has nothing to say from now on but what a test lets arrive.
fn left_alone(world: &Fake, nstart: usize) -> Client<Fake, u32> {
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let settings = Settings {
        transmission: TransmissionParams {
            nstart,
            ..TransmissionParams::default()
        },
        ..Settings::default()
    };
    let client = client_with(world, settings);
    client.authenticate(&mut no_delivery).unwrap();
    world.0.borrow_mut().respond = None;
    client
}

/// The program sleeps, and meanwhile this arrives.
fn sleep(world: &Fake, arriving: Vec<Arriving>) {
    let now = world.0.borrow().now;
    let mut world = world.0.borrow_mut();
    let arriving = arriving.into_iter().map(|what| (now + 1_000, what));
    world.arriving.extend(arriving);
    world.now = now + HOUR;
}

/// The report that was sent last.
fn last_post(world: &Fake) -> Vec<u8> {
    let world = world.0.borrow();
    let mut posts = world.sent.iter().rev();
    let post = posts.find(|(_, bytes)| is_post(bytes));
    post.expect("a report").1.clone()
}

fn posts(world: &Fake) -> usize {
    world.0.borrow().times(is_post).len()
}

/// What the next Yield tells.
fn told(client: &Client<Fake, u32>) -> Vec<String> {
    let mut seen = Vec::new();
    client.run(SECOND, &mut diary(&mut seen));
    seen
}

/// An empty acknowledgement of this request, and its response in a message of its own.
fn separately(request: &[u8]) -> [Arriving; 2] {
    let acknowledgement = vec![0x60, 0, request[2], request[3]];
    let mut response = vec![0x54, 0x45, 0x77, 0x77];
    response.extend_from_slice(&request[4..8]);
    [acknowledgement, response].map(Arriving::Datagram)
}

#[test]
fn a_report_sent_before_the_last_ones_answer_is_read_does_not_end_that_one() {
    let world = Fake::default();
    let client = left_alone(&world, 1);
    for n in 1..5 {
        client.send(&UNCONFIRMED, n).unwrap();
        let request = last_post(&world);
        if n > 1 {
            // Of the last hour's report.
            assert_eq!(told(&client), [format!("{} answered 2.05", n - 1)]);
        }
        sleep(&world, vec![answer(&request, 0x45, b"")]);
    }
}

#[test]
fn a_report_sent_before_a_separate_response_is_read_does_not_end_its_request() {
    let world = Fake::default();
    let client = left_alone(&world, 1);
    client.send(&REPORT, 1).unwrap();
    let request = last_post(&world);
    let [acknowledgement, response] = separately(&request);
    arrive(&world, 0, acknowledgement);
    assert!(told(&client).is_empty());
    sleep(&world, vec![response]);
    client.send(&REPORT, 2).unwrap();
    let second = last_post(&world);
    let now = world.0.borrow().now;
    arrive(&world, now, answer(&second, 0x45, b""));
    assert_eq!(told(&client), ["1 answered 2.05", "2 answered 2.05"]);
}

#[test]
fn a_report_sent_before_the_last_ones_answer_is_read_does_not_repeat_that_one() {
    let world = Fake::default();
    let client = left_alone(&world, 1);
    client.send(&REPORT, 1).unwrap();
    let request = last_post(&world);
    sleep(&world, vec![answer(&request, 0x45, b"")]);
    // It waits behind the first, as NSTART demands.
    client.send(&REPORT, 2).unwrap();
    assert_eq!(posts(&world), 1, "the first is not repeated");
    assert_eq!(told(&client), ["1 answered 2.05"]);
    assert_eq!(posts(&world), 2, "the second has left");
}

#[test]
fn the_first_of_several_answers_that_are_read_repeats_no_other_report() {
    let world = Fake::default();
    let client = left_alone(&world, 3);
    let mut answers = Vec::new();
    for n in 1..=3 {
        client.send(&REPORT, n).unwrap();
        answers.push(answer(&last_post(&world), 0x45, b""));
    }
    sleep(&world, answers);
    let answered = [1, 2, 3].map(|n| format!("{n} answered 2.05"));
    assert_eq!(run(&world, &client, 100), answered);
    assert_eq!(posts(&world), 3);
}

#[test]
fn an_authentication_begun_before_an_answer_is_read_does_not_end_its_report() {
    let world = Fake::default();
    let client = left_alone(&world, 1);
    client.send(&UNCONFIRMED, 1).unwrap();
    let request = last_post(&world);
    sleep(&world, vec![answer(&request, 0x45, b"")]);
    client.begin_to_authenticate().unwrap();
    let mut seen = Vec::new();
    client.process(&mut diary(&mut seen));
    assert_eq!(seen, ["1 answered 2.05"]);
}

#[test]
fn an_authentication_begun_again_leaves_the_one_whose_answer_has_come_alone() {
    let world = Fake::default();
    let client = left_alone(&world, 1);
    client.begin_to_authenticate().unwrap();
    let request = world.0.borrow().sent.last().unwrap().1.clone();
    let sent = world.0.borrow().sent.len();
    sleep(&world, vec![answer(&request, 0x45, br#"{"token":"next"}"#)]);
    client.begin_to_authenticate().unwrap();
    let mut seen = Vec::new();
    client.process(&mut diary(&mut seen));
    assert_eq!(seen, ["authenticated"]);
    assert_eq!(world.0.borrow().sent.len(), sent, "nobody is asked twice");
}

/// A program that never receives is still able to send, once the queue is full: what nobody answers is
/// repeated, and given up, as room for the next report is needed.
#[test]
fn a_program_that_never_receives_can_go_on_sending() {
    for confirmable in [true, false] {
        let world = Fake::default();
        let client = left_alone(&world, 1);
        let report = Report {
            confirmable,
            ..REPORT
        };
        let send = |minutes: u32| {
            let sent = (0..minutes).filter(|_| {
                world.0.borrow_mut().now += 60_000;
                client.send(&report, 0).is_ok()
            });
            sent.count()
        };
        // As many as may be under way, and wait.
        send(65);
        let taken = send(300);
        // A Confirmable report takes its five transmissions, and is then given up: one each in six minutes.
        let expected = if confirmable { 45..60 } else { 300..301 };
        assert!(expected.contains(&taken), "{taken} of 300");
    }
}
