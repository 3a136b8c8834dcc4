//! Section 4.3: messages transmitted without reliability, and pings.

use super::bench::{Bench, empty, id_of, ignored, rejected, response};
use crate::coap::MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
use crate::coap::{Ended, Outcome};

#[test]
fn section_4_3_a_non_confirmable_is_sent_once() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    let sent = bench.transmit();
    assert_eq!((sent.len(), sent[0][0]), (1, 0x54));
    bench.advance(144_999);
    assert!(bench.transmit().is_empty());
    assert_eq!(bench.ended(), None);
    bench.advance(1);
    assert!(bench.transmit().is_empty());
    assert_eq!(bench.ended(), Some(("report", Ended::Unanswered)));
}

#[test]
fn section_4_3_a_non_confirmable_cannot_be_acknowledged() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    let request = bench.transmit().remove(0);
    let id = id_of(&request);
    assert_eq!(bench.receive(&empty(Acknowledgement, id)), ignored());
    assert_eq!(
        bench.receive(&response(Acknowledgement, id, &request)),
        ignored()
    );
    assert_eq!(bench.layer.outstanding(), 1);
}

#[test]
fn section_4_3_a_reset_tells_that_a_non_confirmable_was_not_processed() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    let request = bench.transmit().remove(0);
    let handled = bench.receive(&empty(Reset, id_of(&request)));
    assert_eq!(handled.outcome, Outcome::Reset("report"));
    assert_eq!(handled.reply, None);
}

#[test]
fn section_4_3_a_non_confirmable_without_context_is_silently_ignored() {
    let mut bench = Bench::new();
    let stranger = [0x44, 0x02, 0, 1, 9, 9, 9, 9];
    assert_eq!(
        bench.receive(&response(NonConfirmable, [5, 9], &stranger)),
        ignored()
    );
    assert_eq!(bench.receive(&[0x50, 0x02, 5, 9]), ignored(), "a request");
    assert_eq!(rejected(&[0x59, 0x45, 1, 2]), None, "malformed");
    assert_eq!(rejected(&[0x50, 0xe0, 1, 2]), None, "of a reserved class");
}

#[test]
fn section_4_3_a_ping_is_answered_with_a_reset() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let pong = bench.receive(&empty(Confirmable, [5, 6]));
        assert_eq!(pong.reply.unwrap().as_bytes(), &[0x70, 0, 5, 6]);
        assert_eq!(pong.outcome, Outcome::Ignored);
    }
}
