//! Section 4.5: message deduplication.

use super::bench::{Bench, empty, id_of, ignored, response};
use crate::coap::MessageType::{Acknowledgement, Confirmable, NonConfirmable};
use crate::coap::Outcome;

#[test]
fn section_4_5_a_repeated_confirmable_response_is_acknowledged_again_and_delivered_once() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    bench.receive(&empty(Acknowledgement, id_of(&request)));
    let separate = response(Confirmable, [0x77, 0x88], &request);
    let acknowledgement = [0x60, 0, 0x77, 0x88];
    let first = bench.receive(&separate);
    assert_eq!(first.outcome, Outcome::Response("report"));
    assert_eq!(first.reply.unwrap().as_bytes(), &acknowledgement);
    for _ in 0..4 {
        bench.advance(60_000);
        let again = bench.receive(&separate);
        assert_eq!(again.outcome, Outcome::Ignored);
        assert_eq!(again.reply.unwrap().as_bytes(), &acknowledgement);
    }
    bench.advance(7_000);
    let stale = bench.receive(&separate);
    assert_eq!(
        stale.reply.unwrap().as_bytes()[0],
        0x70,
        "beyond EXCHANGE_LIFETIME"
    );
}

#[test]
fn section_4_5_sixty_four_repeated_responses_at_once_are_all_acknowledged() {
    let mut bench = Bench::new();
    let separate: Vec<_> = (0..64)
        .map(|n| {
            bench.submit(Confirmable, "report");
            let request = bench.transmit().remove(0);
            let separate = response(Confirmable, [9, n], &request);
            assert_eq!(
                bench.receive(&separate).outcome,
                Outcome::Response("report")
            );
            separate
        })
        .collect();
    for (n, message) in separate.iter().enumerate() {
        let again = bench.receive(message);
        assert_eq!(again.reply.unwrap().as_bytes(), &[0x60, 0, 9, n as u8]);
        assert_eq!(again.outcome, Outcome::Ignored);
    }
}

#[test]
fn section_4_5_repeated_piggybacked_and_non_confirmable_responses_are_silently_ignored() {
    for (request_type, response_type) in [
        (Confirmable, Acknowledgement),
        (Confirmable, NonConfirmable),
        (NonConfirmable, NonConfirmable),
    ] {
        let mut bench = Bench::new();
        bench.submit(request_type, "report");
        let request = bench.transmit().remove(0);
        let answer = response(response_type, id_of(&request), &request);
        assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
        for _ in 0..3 {
            assert_eq!(bench.receive(&answer), ignored());
        }
    }
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
