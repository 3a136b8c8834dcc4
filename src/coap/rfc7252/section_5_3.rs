//! Section 5.3: matching responses to requests.

use super::bench::{Bench, id_of, ignored, response};
use crate::coap::MessageType::{Acknowledgement, Confirmable, NonConfirmable};
use crate::coap::{Outcome, Tokens, TransmissionParams};

#[test]
fn section_5_3_1_tokens_are_thirty_two_bits_drawn_afresh_for_each_request() {
    let mut state = 0x2545_f491_u32;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let expected: Vec<u32> = (0..1000).map(|_| draw()).collect();
    let mut replay = expected.iter().copied();
    let mut random = || replay.next().unwrap_or(0);
    let mut tokens = Tokens::new(&mut random);
    // Nothing but the generator's own output, and all of it: no counter, no bit that is fixed.
    let drawn: Vec<u32> = (0..999)
        .map(|_| tokens.take(&mut random, |_| false))
        .collect();
    assert_eq!(drawn, expected[..999]);
}

#[test]
fn section_5_3_1_tokens_of_requests_under_way_are_distinct_whatever_the_generator_does() {
    let mut bench = Bench::with(TransmissionParams {
        nstart: 60,
        ..TransmissionParams::default()
    });
    let mut tokens = Vec::new();
    for _ in 0..60 {
        let report = super::bench::submission(Confirmable, &bench.head, b"", "report");
        bench.layer.submit(&mut || 7, report).unwrap();
    }
    for request in bench.transmit() {
        assert!(!tokens.contains(&request[4..8].to_vec()));
        tokens.push(request[4..8].to_vec());
    }
    assert_eq!(tokens.len(), 60);
}

#[test]
fn section_5_3_2_a_piggybacked_response_needs_both_id_and_token() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let id = id_of(&request);
    for bit in 0..32 {
        let mut foreign_token = response(Acknowledgement, id, &request);
        foreign_token[4 + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(bench.receive(&foreign_token), ignored());
    }
    for bit in 0..8 {
        let foreign_id = [id[0], id[1] ^ 1 << bit];
        let answer = response(Acknowledgement, foreign_id, &request);
        assert_eq!(bench.receive(&answer), ignored());
    }
    let answer = response(Acknowledgement, id, &request);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
}

#[test]
fn section_5_3_2_id_and_token_of_a_piggybacked_response_must_be_one_requests() {
    let mut bench = Bench::with(TransmissionParams {
        nstart: 2,
        ..TransmissionParams::default()
    });
    bench.submit(Confirmable, "report");
    bench.submit(Confirmable, "other");
    bench.submit(NonConfirmable, "aside");
    let sent = bench.transmit();
    for other in &sent[1..] {
        let crossed = response(Acknowledgement, id_of(&sent[0]), other);
        assert_eq!(bench.receive(&crossed), ignored());
    }
    assert_eq!(bench.layer.outstanding(), 3);
}

#[test]
fn section_5_3_2_a_separate_response_is_matched_by_its_token_alone() {
    for message_type in [Confirmable, NonConfirmable] {
        let mut bench = Bench::new();
        bench.submit(NonConfirmable, "first");
        bench.submit(NonConfirmable, "second");
        let sent = bench.transmit();
        let second = response(message_type, id_of(&sent[0]), &sent[1]);
        assert_eq!(bench.receive(&second).outcome, Outcome::Response("second"));
        let first = response(message_type, [8, 8], &sent[0]);
        assert_eq!(bench.receive(&first).outcome, Outcome::Response("first"));
    }
}

#[test]
fn section_5_3_2_a_token_of_another_length_is_another_token() {
    let mut bench = Bench::new();
    let number = bench.submit(NonConfirmable, "report");
    let request = bench.transmit().remove(0);
    for len in [0, 1, 3, 5, 8] {
        let mut answer = vec![0x50 | len as u8, 0x45, 9, 9];
        answer.extend_from_slice(&number.to_le_bytes());
        answer.resize(4 + len, 0);
        assert_eq!(bench.receive(&answer), ignored(), "{len} bytes");
    }
    let answer = response(NonConfirmable, [9, 9], &request);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
}

#[test]
fn section_5_3_2_nothing_answers_a_request_that_was_never_sent() {
    let mut bench = Bench::new();
    let token = bench.submit(Confirmable, "queued");
    let mut forged = vec![0x54, 0x45, 1, 1];
    forged.extend_from_slice(&token.to_le_bytes());
    assert_eq!(bench.receive(&forged), ignored());
    assert_eq!(bench.receive(&[0x70, 0, 0, 0]), ignored());
    assert_eq!(bench.layer.queued(), 1);
}
