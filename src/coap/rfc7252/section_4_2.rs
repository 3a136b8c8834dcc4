//! Section 4.2: messages transmitted reliably.

use super::bench::{Bench, empty, id_of, ignored, rejected, response};
use crate::coap::MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
use crate::coap::{Ended, Handled, Outcome, TransmissionParams};
use core::time::Duration;

fn reset(id: [u8; 2]) -> [u8; 4] {
    [0x70, 0, id[0], id[1]]
}

#[test]
fn section_4_2_a_confirmable_is_repeated_with_same_id_token_and_bytes_at_doubling_intervals() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let first = bench.transmit();
    assert_eq!(first.len(), 1);
    for wait in [2_500, 5_000, 10_000, 20_000] {
        bench.advance(wait - 1);
        assert!(bench.transmit().is_empty(), "{wait} ms have not passed");
        let due = bench.now + Duration::from_millis(1);
        assert_eq!(bench.layer.next_deadline(), Some(due));
        bench.advance(1);
        assert_eq!(bench.transmit(), first);
    }
}

#[test]
fn section_4_2_the_first_timeout_is_random_between_ack_timeout_and_its_random_factor() {
    for (draw, millis) in [(0, 2_000), (1 << 31, 2_500), (u32::MAX, 3_000)] {
        let mut bench = Bench::new();
        bench.submit(Confirmable, "report");
        let sent = bench.layer.poll_transmit(bench.now, &mut || draw);
        assert!(sent.is_some());
        let due = bench.now + Duration::from_millis(millis);
        assert_eq!(bench.layer.next_deadline(), Some(due));
    }
}

#[test]
fn section_4_2_after_max_retransmit_and_the_last_timeout_it_is_given_up_and_said_so() {
    for max_retransmit in [0, 1, 4, 8] {
        let mut bench = Bench::with(TransmissionParams {
            max_retransmit,
            ..TransmissionParams::default()
        });
        bench.submit(Confirmable, "report");
        bench.transmit();
        for n in 0..max_retransmit {
            bench.advance(2_500 << n);
            assert_eq!(bench.transmit().len(), 1);
        }
        bench.advance((2_500 << max_retransmit) - 1);
        assert_eq!(bench.ended(), None);
        bench.advance(1);
        assert!(bench.transmit().is_empty());
        assert_eq!(bench.ended(), Some(("report", Ended::Unacknowledged)));
        assert_eq!(bench.layer.outstanding(), 0);
        assert_eq!(bench.layer.next_deadline(), None);
    }
}

#[test]
fn section_4_2_what_is_given_up_says_which_request_it_was() {
    let mut bench = Bench::new();
    let number = bench.submit(Confirmable, "report");
    let sent = bench.transmit().remove(0);
    for wait in [2_500, 5_000, 10_000, 20_000] {
        bench.advance(wait);
        bench.transmit();
    }
    bench.advance(40_000);
    let (finished, reason) = bench.layer.poll_ended(bench.now).unwrap();
    assert_eq!((finished.user, reason), ("report", Ended::Unacknowledged));
    let request = finished.request;
    assert_eq!(
        request.message_id().map(u16::to_be_bytes),
        Some(id_of(&sent))
    );
    assert_eq!((request.number(), request.token()), (number, number));
    assert_eq!((request.transmissions(), request.requeues()), (5, 0));
    assert_eq!(request.message_type(), Confirmable);
    assert_eq!(request.as_bytes(), sent);
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
    bench.advance(39_999);
    let answer = response(Acknowledgement, id_of(&first), &first);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
}

#[test]
fn section_4_2_an_empty_acknowledgement_of_its_id_stops_the_retransmission() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let [high, low] = id_of(&request);
    assert_eq!(
        bench.receive(&empty(Acknowledgement, [high, low ^ 1])),
        ignored()
    );
    bench.advance(2_500);
    assert_eq!(bench.transmit().len(), 1, "another id acknowledges nothing");

    let acknowledgement = empty(Acknowledgement, [high, low]);
    let expected = Handled {
        reply: None,
        outcome: Outcome::Acknowledged,
    };
    assert_eq!(bench.receive(&acknowledgement), expected);
    assert_eq!(bench.receive(&acknowledgement), ignored(), "once is enough");
    bench.advance(100_000);
    assert!(bench.transmit().is_empty());
    assert_eq!(bench.ended(), None);
}

#[test]
fn section_4_2_a_reset_of_its_id_ends_the_exchange_at_once() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let [high, low] = id_of(&request);
    assert_eq!(bench.receive(&empty(Reset, [high ^ 1, low])), ignored());
    let expected = Handled {
        reply: None,
        outcome: Outcome::Reset("report"),
    };
    assert_eq!(bench.receive(&empty(Reset, [high, low])), expected);
    assert_eq!(bench.layer.outstanding(), 0);
    assert_eq!(bench.receive(&empty(Reset, [high, low])), ignored());
}

#[test]
fn section_4_2_a_reset_ends_an_exchange_that_is_acknowledged_already() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    bench.receive(&empty(Acknowledgement, id_of(&request)));
    let handled = bench.receive(&empty(Reset, id_of(&request)));
    assert_eq!(handled.outcome, Outcome::Reset("report"));
}

#[test]
fn section_4_2_malformed_confirmables_are_reset_and_other_malformed_messages_ignored() {
    for malformed in [
        &[0x49, 0x45, 1, 2][..],
        &[0x44, 0x45, 1, 2, 9],
        &[0x40, 0x45, 1, 2, 0xff],
        &[0x40, 0x45, 1, 2, 0xf0],
    ] {
        assert_eq!(rejected(malformed), Some(reset([1, 2])), "{malformed:x?}");
        for message_type in [0x10, 0x20, 0x30] {
            let mut other = malformed.to_vec();
            other[0] |= message_type;
            assert_eq!(rejected(&other), None, "{other:x?}");
        }
    }
}

#[test]
fn section_4_2_confirmables_of_a_reserved_code_class_are_reset() {
    // Classes 1, 6 and 7; and 3, which section 12.1.2 reserves.
    for code in [0x20, 0x3f, 0x60, 0x7f, 0xc0, 0xe0, 0xff] {
        assert_eq!(
            rejected(&[0x40, code, 1, 2]),
            Some(reset([1, 2])),
            "{code:#x}"
        );
        assert_eq!(rejected(&[0x60, code, 1, 2]), None, "{code:#x} in an ACK");
    }
}

#[test]
fn section_4_2_a_confirmable_without_context_is_reset() {
    let mut bench = Bench::new();
    let stranger = [0x44, 0x02, 0, 1, 9, 9, 9, 9];
    for message in [
        &response(Confirmable, [5, 7], &stranger)[..],
        &[0x40, 0x01, 5, 7],
    ] {
        let handled = bench.receive(message);
        assert_eq!(handled.outcome, Outcome::Ignored);
        assert_eq!(*handled.reply.unwrap().as_bytes(), reset([5, 7]));
    }
}

#[test]
fn section_4_2_acknowledgements_and_resets_are_never_answered() {
    let mut bench = Bench::new();
    let stranger = [0x44, 0x02, 0, 1, 9, 9, 9, 9];
    for message in [
        &empty(Acknowledgement, [5, 9])[..],
        &empty(Reset, [5, 9]),
        &response(Acknowledgement, [5, 9], &stranger),
        &[0x60, 0x01, 5, 9], // a request in an ACK
        &[0x70, 0x45, 5, 9], // a response in a Reset
    ] {
        assert_eq!(bench.receive(message), ignored(), "{message:x?}");
    }
}

#[test]
fn section_4_2_a_cancelled_exchange_is_not_repeated_any_more() {
    let mut bench = Bench::new();
    let number = bench.submit(Confirmable, "first");
    assert_ne!(bench.layer.next_token(), number);
    let first = bench.transmit().remove(0);
    assert_eq!(bench.layer.abort(number).unwrap().user, "first");
    assert!(bench.layer.abort(number).is_none());
    let late = response(NonConfirmable, [1, 1], &first);
    assert_eq!(bench.receive(&late), ignored());
    bench.submit(Confirmable, "a");
    bench.submit(Confirmable, "b");
    bench.layer.abort_where(|user| *user == "a");
    bench.advance(60_000);
    let sent = bench.transmit();
    assert!(sent.len() == 1 && sent[0].ends_with(b"b"));
}
