//! The message layer against peers, networks and programs that do not behave.

use super::layer_bench::{Bench, empty, id_of, ignored, response};
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
fn responses_that_never_come_do_not_fill_the_memory_of_a_program_that_goes_on_sending() {
    let mut bench = Bench::new();
    let mut last = Vec::new();
    for _ in 0..10_000 {
        bench.submit(NonConfirmable, "report");
        last = bench.transmit().remove(0);
    }
    assert!(bench.layer.outstanding() <= 65);
    let answer = response(NonConfirmable, [1, 2], &last);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
    for n in 0..10_000_u16 {
        bench.submit(Confirmable, "report");
        let request = bench.transmit().remove(0);
        bench.receive(&empty(Acknowledgement, id_of(&request)));
        assert!(bench.layer.outstanding() <= 65, "after {n} empty ACKs");
    }
}

#[test]
fn what_is_submitted_first_does_not_wait_for_a_request_that_nobody_acknowledges() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "lost");
    let lost = bench.transmit().remove(0);
    bench.advance(2_500);
    assert_eq!(bench.transmit(), std::slice::from_ref(&lost));

    let (head, now) = (bench.head.clone(), bench.now);
    bench
        .layer
        .submit_first(&mut || 1, Confirmable, &head, b"urgent", "urgent")
        .unwrap();
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
    let head = bench.head.clone();
    bench
        .layer
        .submit_first(&mut || 1, Confirmable, &head, b"urgent", "urgent")
        .unwrap();
    let urgent = bench.transmit().remove(0);
    let answer = response(Acknowledgement, id_of(&late), &late);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("late"));
    assert!(bench.transmit().is_empty(), "the urgent one holds the slot");
    bench.receive(&response(Acknowledgement, id_of(&urgent), &urgent));
    assert!(bench.transmit()[0].ends_with(b"next"));
}
