//! Section 4.7: congestion control.

use super::bench::{Bench, empty, id_of, ignored, response, submission};
use crate::coap::MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
use crate::coap::{Ended, Outcome, SubmitError, TransmissionParams};
use core::time::Duration;

fn with(change: impl FnOnce(&mut TransmissionParams)) -> Bench {
    let mut params = TransmissionParams::default();
    change(&mut params);
    Bench::with(params)
}

#[test]
fn section_4_7_nstart_confirmables_are_under_way_and_the_others_wait_in_order() {
    let users = ["1st", "2nd", "3rd", "4th", "5th"];
    for nstart in 1..=4 {
        let mut bench = with(|params| params.nstart = nstart);
        for user in users {
            bench.submit(Confirmable, user);
        }
        let mut sent = bench.transmit();
        assert_eq!((sent.len(), bench.layer.queued()), (nstart, 5 - nstart));
        for next in &users[nstart..] {
            let oldest = sent.remove(0);
            bench.receive(&response(Acknowledgement, id_of(&oldest), &oldest));
            assert!(bench.layer.next_deadline().unwrap() <= bench.now, "at once");
            let more = bench.transmit();
            assert!(more.len() == 1 && more[0].ends_with(next.as_bytes()));
            sent.extend(more);
        }
    }
}

#[test]
fn section_4_7_the_end_of_an_exchange_whatever_it_is_makes_room_for_the_next() {
    for end in ["empty ACK", "Reset", "abort", "give up"] {
        let mut bench = Bench::new();
        let number = bench.submit(Confirmable, "first");
        bench.submit(Confirmable, "second");
        let first = bench.transmit().remove(0);
        match end {
            "empty ACK" => drop(bench.receive(&empty(Acknowledgement, id_of(&first)))),
            "Reset" => drop(bench.receive(&empty(Reset, id_of(&first)))),
            "abort" => drop(bench.layer.abort(number)),
            _ => {
                for wait in [2_500, 5_000, 10_000, 20_000] {
                    bench.advance(wait);
                    assert_eq!(bench.transmit(), std::slice::from_ref(&first));
                }
                bench.advance(40_000);
                assert_eq!(bench.ended(), Some(("first", Ended::Unacknowledged)));
            }
        }
        let second = bench.transmit();
        assert!(second.len() == 1 && second[0].ends_with(b"second"), "{end}");
    }
}

#[test]
fn section_4_7_the_queue_behind_nstart_is_bounded_and_refuses_without_side_effects() {
    let mut bench = with(|params| params.queue_limit = 2);
    bench.submit(Confirmable, "in flight");
    bench.transmit();
    bench.submit(Confirmable, "second");
    bench.submit(Confirmable, "third");
    let before = bench.layer.next_token();
    let fourth = submission(Confirmable, &bench.head, b"", "fourth");
    let refused = bench.layer.submit(&mut || 1, fourth);
    assert_eq!(refused, Err(SubmitError::QueueFull));
    let after = (bench.layer.outstanding(), bench.layer.next_token());
    assert_eq!(after, (3, before));
}

#[test]
fn section_4_7_a_response_that_never_follows_its_ack_is_given_up_with_the_exchange_lifetime() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    bench.receive(&empty(Acknowledgement, id_of(&request)));
    bench.advance(246_999);
    assert_eq!(bench.ended(), None);
    bench.advance(1);
    assert_eq!(bench.ended(), Some(("report", Ended::Unanswered)));
}

#[test]
fn section_4_7_non_confirmables_do_not_wait_for_the_loss_of_another_message() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "in flight");
    bench.submit(Confirmable, "waiting");
    bench.submit(NonConfirmable, "aside");
    bench.submit(NonConfirmable, "aside too");
    let sent = bench.transmit();
    assert_eq!(sent.len(), 3);
    assert!(sent[1].ends_with(b"aside") && sent[2].ends_with(b"aside too"));
}

#[test]
fn section_4_7_a_silent_peer_is_sent_non_confirmables_at_probing_rate_until_it_is_heard() {
    let mut bench = with(|params| params.probing_rate = 2);
    // Every 10 s for EXCHANGE_LIFETIME: nobody can know yet that the peer is silent.
    for _ in 0..25 {
        bench.submit(NonConfirmable, "report");
        assert_eq!(bench.transmit().len(), 1);
        bench.advance(10_000);
    }
    for _ in 0..3 {
        bench.submit(NonConfirmable, "report");
    }
    let probe = bench.transmit();
    assert_eq!((probe.len(), bench.layer.queued()), (1, 2));
    let pause = probe[0].len() as u64 * 1000 / 2;
    let due = bench.now + Duration::from_millis(pause);
    let last = loop {
        while bench.ended().is_some() {}
        let sent = bench.transmit();
        if !sent.is_empty() {
            break sent;
        }
        bench.now = bench.layer.next_deadline().unwrap();
    };
    assert_eq!(bench.now, due);
    assert_eq!((last.len(), bench.layer.queued()), (1, 1));

    bench.receive(&empty(Confirmable, [1, 1]));
    bench.submit(NonConfirmable, "report");
    assert_eq!(bench.transmit().len(), 2, "a ping is a sign of life");
}

#[test]
fn section_4_7_probing_rate_0_sets_no_limit_and_confirmables_have_their_own() {
    for (probing_rate, confirmables) in [(0, 0), (1, 1)] {
        let mut bench = with(|params| params.probing_rate = probing_rate);
        bench.submit(NonConfirmable, "report");
        bench.transmit();
        bench.advance(247_000);
        bench.submit(NonConfirmable, "report");
        assert_eq!(bench.transmit().len(), 1);
        bench.submit(NonConfirmable, "report");
        bench.submit(Confirmable, "confirmable");
        let sent = bench.transmit();
        assert_eq!(sent.len(), 2 - confirmables);
        assert!(sent.last().unwrap().ends_with(b"confirmable"));
    }
}

#[test]
fn section_4_7_a_confirmable_to_a_silent_peer_does_not_use_up_its_probing_rate() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    bench.transmit();
    bench.advance(247_000);
    bench.submit(Confirmable, "confirmable");
    assert_eq!(bench.transmit().len(), 1);
    bench.submit(NonConfirmable, "probe");
    assert_eq!(bench.transmit().len(), 1);
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
fn what_is_submitted_first_overtakes_a_full_queue() {
    let mut bench = with(|params| params.queue_limit = 1);
    bench.submit(Confirmable, "in flight");
    bench.transmit();
    bench.submit(Confirmable, "waiting");
    bench.submit_first("urgent");
    assert!(bench.transmit()[0].ends_with(b"urgent"));
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
    // One at a time: the other one is not repeated meanwhile.
    bench.advance(5_000);
    assert_eq!(bench.transmit(), std::slice::from_ref(&urgent));

    bench.receive(&response(Acknowledgement, id_of(&urgent), &urgent));
    let resumed = bench.transmit();
    assert_eq!(
        resumed,
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
    assert_eq!(bench.receive(&answer), ignored());
    bench.receive(&response(Acknowledgement, id_of(&urgent), &urgent));
    assert!(bench.transmit()[0].ends_with(b"next"));
}

#[test]
fn the_place_made_for_an_urgent_request_is_not_taken_back_before_it_has_left() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "aside");
    bench.submit(Confirmable, "in flight");
    let sent = bench.transmit();
    bench.submit(Confirmable, "waiting");
    bench.submit_first("urgent");
    bench.layer.set_paused(true);
    bench.receive(&response(NonConfirmable, [1, 1], &sent[0]));
    let urgent = bench.transmit();
    assert!(urgent.len() == 1 && urgent[0].ends_with(b"urgent"));
    bench.submit_first("more urgent");
    assert!(bench.transmit().is_empty(), "one at a time, urgent or not");
    bench.receive(&response(Acknowledgement, id_of(&urgent[0]), &urgent[0]));
    assert!(bench.transmit()[0].ends_with(b"more urgent"));
}
