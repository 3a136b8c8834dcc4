//! Section 5.2: responses and how they travel.

use super::bench::{Bench, empty, id_of, ignored, response};
use crate::coap::MessageType::{Acknowledgement, Confirmable, NonConfirmable};
use crate::coap::{Class, Code, Datagram, Handled, Outcome};

#[test]
fn section_5_2_response_codes_unknown_to_the_client_count_as_their_class() {
    let cases = [
        (0x5f, Class::Success),
        (0x41, Class::Success),
        (0x9d, Class::ClientError),
        (0x9e, Class::ClientError),
        (0xbf, Class::ServerError),
    ];
    for (code, class) in cases {
        let mut bench = Bench::new();
        bench.submit(Confirmable, "report");
        let request = bench.transmit().remove(0);
        let mut answer = response(Acknowledgement, id_of(&request), &request);
        answer[1] = code;
        assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
        assert_eq!(Datagram::parse(&answer).unwrap().code(), Code(code));
        assert_eq!(Code(code).class(), class);
    }
}

#[test]
fn section_5_2_1_a_piggybacked_response_acknowledges_and_answers_without_a_reply() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let expected = Handled {
        reply: None,
        outcome: Outcome::Response("report"),
    };
    let answer = response(Acknowledgement, id_of(&request), &request);
    assert_eq!(bench.receive(&answer), expected);
    assert_eq!(bench.layer.next_deadline(), None);
}

#[test]
fn section_5_2_2_a_separate_confirmable_response_is_acknowledged() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    bench.receive(&empty(Acknowledgement, id_of(&request)));
    bench.advance(200_000);
    let handled = bench.receive(&response(Confirmable, [0x77, 0x88], &request));
    assert_eq!(handled.outcome, Outcome::Response("report"));
    assert_eq!(handled.reply.unwrap().as_bytes(), &[0x60, 0, 0x77, 0x88]);
}

#[test]
fn section_5_2_2_a_separate_response_may_overtake_the_acknowledgement() {
    for message_type in [Confirmable, NonConfirmable] {
        let mut bench = Bench::new();
        bench.submit(Confirmable, "report");
        let request = bench.transmit().remove(0);
        let handled = bench.receive(&response(message_type, [1, 2], &request));
        assert_eq!(handled.outcome, Outcome::Response("report"));
        assert_eq!(handled.reply.is_some(), message_type == Confirmable);
        let late = empty(Acknowledgement, id_of(&request));
        assert_eq!(bench.receive(&late), ignored());
        bench.advance(10_000);
        assert!(bench.transmit().is_empty(), "it acknowledges implicitly");
    }
}

#[test]
fn section_5_2_2_a_separate_response_may_come_as_non_confirmable() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    bench.receive(&empty(Acknowledgement, id_of(&request)));
    let expected = Handled {
        reply: None,
        outcome: Outcome::Response("report"),
    };
    assert_eq!(
        bench.receive(&response(NonConfirmable, [7, 7], &request)),
        expected
    );
}

#[test]
fn section_5_2_3_a_non_confirmable_request_may_be_answered_by_either_type() {
    for (message_type, reply) in [(NonConfirmable, None), (Confirmable, Some([0x60, 0, 9, 9]))] {
        let mut bench = Bench::new();
        bench.submit(NonConfirmable, "report");
        let request = bench.transmit().remove(0);
        let handled = bench.receive(&response(message_type, [9, 9], &request));
        assert_eq!(handled.outcome, Outcome::Response("report"));
        assert_eq!(handled.reply.map(|reply| *reply.as_bytes()), reply);
    }
}
