//! The message layer against a scripted peer and a virtual clock, rule by rule.

use super::layer_bench::{Bench, empty, id_of, ignored, response, submission};
use super::reader::MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
use super::*;
use core::time::Duration;

#[test]
fn section_4_2_retransmits_the_same_bytes_with_doubling_timeouts_and_gives_up() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let first = bench.transmit();
    assert_eq!(first.len(), 1);
    for wait in [2_500, 5_000, 10_000, 20_000] {
        bench.advance(wait - 1);
        assert!(bench.transmit().is_empty(), "{wait} ms have not passed");
        assert_eq!(
            bench.layer.next_deadline(),
            Some(bench.now + Duration::from_millis(1))
        );
        bench.advance(1);
        assert_eq!(bench.transmit(), first, "same id, token and bytes");
    }
    bench.advance(39_999);
    assert_eq!(bench.ended(), None);
    bench.advance(1);
    assert!(bench.transmit().is_empty());
    assert_eq!(bench.ended(), Some(("report", Ended::Unacknowledged)));
    assert_eq!(
        (bench.layer.outstanding(), bench.layer.next_deadline()),
        (0, None)
    );
}

#[test]
fn section_4_2_an_answer_to_the_last_copy_still_counts() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let first = bench.transmit().remove(0);
    for wait in [2_500, 5_000, 10_000, 20_000] {
        bench.advance(wait);
        bench.transmit();
    }
    let answer = response(Acknowledgement, id_of(&first), &first);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
}

#[test]
fn section_4_3_a_non_confirmable_request_is_sent_once() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    let sent = bench.transmit();
    assert_eq!(sent[0][0] >> 4 & 3, 1);
    bench.advance(100_000);
    assert!(bench.transmit().is_empty());
    bench.advance(45_000);
    assert_eq!(bench.ended(), Some(("report", Ended::Unanswered)));
}

#[test]
fn section_5_2_1_a_piggybacked_response_needs_both_id_and_token() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let id = id_of(&request);
    let mut foreign_token = response(Acknowledgement, id, &request);
    foreign_token[4] ^= 1;
    assert_eq!(bench.receive(&foreign_token), ignored());
    let foreign_id = response(Acknowledgement, [id[0], id[1] ^ 1], &request);
    assert_eq!(bench.receive(&foreign_id), ignored());
    let answer = response(Acknowledgement, id, &request);
    let expected = Handled {
        reply: None,
        outcome: Outcome::Response("report"),
    };
    assert_eq!(bench.receive(&answer), expected);
    assert_eq!(
        bench.receive(&answer),
        ignored(),
        "a repeated answer is not delivered twice"
    );
}

#[test]
fn section_5_2_2_an_empty_ack_stops_the_retransmission_and_the_response_comes_separately() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let ack = bench.receive(&empty(Acknowledgement, id_of(&request)));
    assert_eq!(
        ack,
        Handled {
            reply: None,
            outcome: Outcome::Acknowledged
        }
    );
    bench.advance(100_000);
    assert!(bench.transmit().is_empty());

    let separate = response(Confirmable, [0x77, 0x88], &request);
    let handled = bench.receive(&separate);
    assert_eq!(handled.outcome, Outcome::Response("report"));
    assert_eq!(handled.reply.unwrap().as_bytes(), &[0x60, 0, 0x77, 0x88]);
    let again = bench.receive(&separate);
    assert_eq!(again.outcome, Outcome::Ignored);
    assert_eq!(
        again.reply.unwrap().as_bytes(),
        &[0x60, 0, 0x77, 0x88],
        "ACKed when repeated"
    );
}

#[test]
fn section_5_2_2_a_separate_response_may_overtake_the_ack() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let handled = bench.receive(&response(Confirmable, [1, 2], &request));
    assert_eq!(handled.outcome, Outcome::Response("report"));
    assert_eq!(
        bench.receive(&empty(Acknowledgement, id_of(&request))),
        ignored()
    );
}

#[test]
fn section_5_2_3_a_non_confirmable_response_matches_by_token_and_is_not_acknowledged() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    let request = bench.transmit().remove(0);
    let expected = Handled {
        reply: None,
        outcome: Outcome::Response("report"),
    };
    assert_eq!(
        bench.receive(&response(NonConfirmable, [9, 9], &request)),
        expected
    );
}

#[test]
fn a_response_that_never_follows_its_ack_ends_with_the_exchange_lifetime() {
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
fn section_4_2_a_reset_ends_the_exchange_at_once() {
    for message_type in [Confirmable, NonConfirmable] {
        let mut bench = Bench::new();
        bench.submit(message_type, "report");
        let request = bench.transmit().remove(0);
        let reset = bench.receive(&empty(Reset, id_of(&request)));
        assert_eq!(
            reset,
            Handled {
                reply: None,
                outcome: Outcome::Reset("report")
            }
        );
        assert_eq!(bench.layer.outstanding(), 0);
        assert_eq!(bench.receive(&empty(Reset, id_of(&request))), ignored());
    }
}

#[test]
fn section_4_3_pings_and_unmatched_confirmables_are_reset_and_the_rest_ignored() {
    let mut bench = Bench::new();
    let reset = |id: [u8; 2]| Some([0x70, 0, id[0], id[1]]);
    let reply = |handled: Handled<_>| {
        assert_eq!(handled.outcome, Outcome::<&str>::Ignored);
        handled.reply.map(|r| *r.as_bytes())
    };
    let stranger = [0x44, 0x02, 0, 1, 9, 9, 9, 9];
    assert_eq!(
        reply(bench.receive(&empty(Confirmable, [5, 6]))),
        reset([5, 6]),
        "ping"
    );
    assert_eq!(
        reply(bench.receive(&response(Confirmable, [5, 7], &stranger))),
        reset([5, 7])
    );
    assert_eq!(
        reply(bench.receive(&[0x40, 0x01, 5, 8])),
        reset([5, 8]),
        "a request"
    );
    assert_eq!(
        reply(bench.receive(&response(NonConfirmable, [5, 9], &stranger))),
        None
    );
    assert_eq!(reply(bench.receive(&empty(NonConfirmable, [5, 9]))), None);
    assert_eq!(reply(bench.receive(&empty(Acknowledgement, [5, 9]))), None);
    assert_eq!(
        reply(bench.receive(&[0x60, 0x01, 5, 9])),
        None,
        "a request in an ACK"
    );
    assert_eq!(
        reply(bench.receive(&[0x70, 0x45, 5, 9])),
        None,
        "a response in a Reset"
    );
}

#[test]
fn section_4_2_malformed_confirmables_are_reset_other_garbage_is_not_answered() {
    let reject = |bytes: &[u8]| {
        MessageLayer::<()>::reject(Datagram::parse(bytes).unwrap_err()).map(|r| *r.as_bytes())
    };
    assert_eq!(reject(&[0x49, 0x45, 1, 2]), Some([0x70, 0, 1, 2]));
    assert_eq!(reject(&[0x59, 0x45, 1, 2]), None);
    assert_eq!(reject(&[0x69, 0x45, 1, 2]), None);
    assert_eq!(reject(&[0x00, 0x45, 1, 2]), None, "another version");
}

#[test]
fn section_5_4_1_unknown_critical_options_are_rejected_elective_ones_ignored() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let critical = |message_type| {
        let mut bytes = response(message_type, id_of(&request), &request);
        bytes.extend_from_slice(&[0x90]); // option 9
        bytes
    };
    assert_eq!(bench.receive(&critical(Acknowledgement)), ignored());
    let confirmable = bench.receive(&critical(Confirmable));
    assert_eq!(confirmable.reply.unwrap().as_bytes()[0], 0x70);
    assert_eq!(confirmable.outcome, Outcome::Ignored);

    let mut elective = response(Acknowledgement, id_of(&request), &request);
    elective.extend_from_slice(&[0xa0]); // option 10
    assert_eq!(
        bench.receive(&elective).outcome,
        Outcome::Response("report")
    );
}

#[test]
fn section_4_7_nstart_holds_confirmables_back_in_order_but_not_non_confirmables() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "first");
    bench.submit(Confirmable, "second");
    bench.submit(NonConfirmable, "aside");
    let sent = bench.transmit();
    assert_eq!(sent.len(), 2);
    assert!(sent[0].ends_with(b"first") && sent[1].ends_with(b"aside"));
    assert_eq!(bench.layer.queued(), 1);

    bench.receive(&response(Acknowledgement, id_of(&sent[0]), &sent[0]));
    assert!(
        bench.layer.next_deadline().unwrap() <= bench.now,
        "the queue moves at once"
    );
    let sent = bench.transmit();
    assert!(sent.len() == 1 && sent[0].ends_with(b"second"));
}

#[test]
fn a_response_cannot_match_a_request_that_was_never_sent() {
    let mut bench = Bench::new();
    let token = bench.submit(Confirmable, "first");
    let mut forged = vec![0x54, 0x45, 1, 1];
    forged.extend_from_slice(&token.to_le_bytes());
    assert_eq!(bench.receive(&forged), ignored());
}

#[test]
fn the_queue_is_bounded_and_refuses_without_side_effects() {
    let params = TransmissionParams {
        queue_limit: 2,
        ..TransmissionParams::default()
    };
    let mut bench = Bench::with(params);
    bench.submit(Confirmable, "in flight");
    bench.transmit();
    bench.submit(Confirmable, "second");
    bench.submit(Confirmable, "third");
    let before = bench.layer.next_token();
    let refused = bench.layer.submit(
        &mut || 1,
        submission(Confirmable, &bench.head, b"", "fourth"),
    );
    assert_eq!(refused, Err(SubmitError::QueueFull));
    assert_eq!(
        (bench.layer.outstanding(), bench.layer.next_token()),
        (3, before)
    );
}

#[test]
fn an_oversized_payload_is_refused_without_side_effects() {
    let mut bench = Bench::new();
    let before = bench.layer.next_token();
    let payload = [0; 1280];
    let refused = bench.layer.submit(
        &mut || 1,
        submission(Confirmable, &bench.head, &payload, "big"),
    );
    assert_eq!(refused, Err(SubmitError::Request(RequestError::TooLong)));
    assert_eq!(
        (bench.layer.outstanding(), bench.layer.next_token()),
        (0, before)
    );
}

#[test]
fn aborting_gives_the_value_back_and_silences_the_exchange() {
    let mut bench = Bench::new();
    let token = bench.submit(Confirmable, "first");
    assert_ne!(bench.layer.next_token(), token);
    bench.transmit();
    assert_eq!(bench.layer.abort(token).unwrap().user, "first");
    assert!(bench.layer.abort(token).is_none());
    bench.submit(Confirmable, "a");
    bench.submit(Confirmable, "b");
    bench.layer.abort_where(|user| *user == "a");
    bench.advance(60_000);
    assert!(bench.transmit()[0].ends_with(b"b"));
}

#[test]
fn what_is_submitted_first_overtakes_a_full_queue() {
    let params = TransmissionParams {
        queue_limit: 1,
        ..TransmissionParams::default()
    };
    let mut bench = Bench::with(params);
    bench.submit(Confirmable, "in flight");
    bench.transmit();
    bench.submit(Confirmable, "waiting");
    bench.submit_first("urgent");
    assert!(bench.transmit()[0].ends_with(b"urgent"));
}
