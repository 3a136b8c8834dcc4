//! The message layer against peers, networks and programs that do not behave.

use super::layer_bench::{Bench, empty, id_of, ignored, response, submission};
use super::reader::MessageType::{Acknowledgement, Confirmable, NonConfirmable};
use super::*;

#[test]
fn section_5_3_2_id_and_token_of_a_piggybacked_response_must_be_one_requests() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    bench.submit(NonConfirmable, "aside");
    let sent = bench.transmit();
    let crossed = response(Acknowledgement, id_of(&sent[0]), &sent[1]);
    assert_eq!(bench.receive(&crossed), ignored());
    assert_eq!(bench.layer.outstanding(), 2);
}

#[test]
fn section_4_5_an_awaited_response_is_no_repetition_of_an_earlier_one_with_its_id() {
    let mut bench = Bench::new();
    let id = [0x77, 0x88];
    for user in ["first", "after the server's restart"] {
        bench.submit(Confirmable, user);
        let request = bench.transmit().remove(0);
        let handled = bench.receive(&response(Confirmable, id, &request));
        assert_eq!(handled.outcome, Outcome::Response(user));
        assert_eq!(handled.reply.unwrap().as_bytes(), &[0x60, 0, 0x77, 0x88]);
    }
}

#[test]
fn responses_that_never_come_do_not_fill_the_memory_and_no_request_vanishes() {
    let mut bench = Bench::new();
    let (mut last, mut displaced) = (Vec::new(), 0);
    for n in 0..10_000_u16 {
        let message_type = if n % 2 == 0 {
            NonConfirmable
        } else {
            Confirmable
        };
        bench.submit(message_type, "report");
        last = bench.transmit().remove(0);
        bench.receive(&empty(Acknowledgement, id_of(&last)));
        while let Some(ended) = bench.ended() {
            assert_eq!(ended, ("report", Ended::Displaced));
            displaced += 1;
        }
        assert!(bench.layer.outstanding() <= 65, "after {n}");
    }
    assert_eq!(displaced + bench.layer.outstanding(), 10_000);
    let answer = response(NonConfirmable, [1, 2], &last);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
}

#[test]
fn who_never_collects_what_has_ended_is_refused_at_last() {
    let mut bench = Bench::new();
    let submitted = (0..1000).take_while(|_| {
        let report = submission(NonConfirmable, &bench.head, b"", "report");
        let taken = bench.layer.submit(&mut || 1, report).is_ok();
        bench.transmit();
        taken
    });
    assert_eq!(submitted.count(), 64 + 64);
    while bench.ended().is_some() {}
    bench.submit(NonConfirmable, "report");
}

#[test]
fn what_is_submitted_first_does_not_wait_for_a_request_that_nobody_acknowledges() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "lost");
    let lost = bench.transmit().remove(0);
    bench.advance(2_500);
    assert_eq!(bench.transmit(), std::slice::from_ref(&lost));

    let now = bench.now;
    bench.submit_first("urgent");
    assert!(bench.layer.next_deadline().unwrap() <= now);
    let urgent = bench.transmit().remove(0);
    assert!(urgent.ends_with(b"urgent"));
    // Section 4.7: one at a time. The other one is not repeated meanwhile.
    bench.advance(5_000);
    assert_eq!(bench.transmit(), std::slice::from_ref(&urgent));

    bench.receive(&response(Acknowledgement, id_of(&urgent), &urgent));
    assert_eq!(
        bench.transmit(),
        std::slice::from_ref(&lost),
        "it goes on where it stood"
    );
    bench.advance(9_999);
    assert!(bench.transmit().is_empty());
    bench.advance(1);
    assert_eq!(bench.transmit(), [lost]);
}

#[test]
fn the_answer_to_a_request_that_had_to_stand_back_still_counts() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "late");
    bench.submit(Confirmable, "next");
    let late = bench.transmit().remove(0);
    bench.submit_first("urgent");
    let urgent = bench.transmit().remove(0);
    let answer = response(Acknowledgement, id_of(&late), &late);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("late"));
    assert!(bench.transmit().is_empty(), "the urgent one holds the slot");
    bench.receive(&response(Acknowledgement, id_of(&urgent), &urgent));
    assert!(bench.transmit()[0].ends_with(b"next"));
}
