//! Section 3: what is not CoAP, or not well-formed, met by a client that waits for an answer.

use super::bench::{Bench, id_of, rejected, response};
use crate::coap::MessageType::{Acknowledgement, Confirmable};
use crate::coap::Outcome;

#[test]
fn section_3_messages_of_another_version_are_silently_ignored() {
    for version in [0, 2, 3] {
        let first = version << 6;
        assert_eq!(rejected(&[first, 0x45, 1, 2]), None, "version {version}");
        assert_eq!(rejected(&[first | 9, 0x45, 1, 2]), None);
    }
}

#[test]
fn section_3_what_is_shorter_than_a_header_is_silently_ignored() {
    for len in 0..4 {
        assert_eq!(rejected(&[0x40, 0x45, 1, 2][..len]), None, "{len} bytes");
    }
}

#[test]
fn section_3_a_token_length_of_9_to_15_is_rejected_as_a_format_error() {
    for tkl in 9..=15 {
        let mut message = vec![0x40 | tkl, 0x45, 1, 2];
        message.resize(4 + usize::from(tkl), 7);
        assert_eq!(rejected(&message), Some([0x70, 0, 1, 2]), "TKL {tkl}");
        message[0] |= 0x20;
        assert_eq!(rejected(&message), None, "an ACK with TKL {tkl}");
    }
}

#[test]
fn section_3_garbage_does_not_disturb_an_exchange() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let deadline = bench.layer.next_deadline();
    let answer = response(Acknowledgement, id_of(&request), &request);
    let with = |index: usize, byte: u8| {
        let mut garbage = answer.clone();
        garbage[index] = byte;
        garbage
    };
    let truncated = &answer[..6];
    let marker = [&answer[..], &[0xff]].concat();
    for garbage in [
        &with(0, 0x24),
        &with(0, 0x69),
        &with(1, 0xe1),
        truncated,
        &marker,
    ] {
        assert_eq!(rejected(garbage), None, "{garbage:x?}");
    }
    assert_eq!(bench.layer.next_deadline(), deadline);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
}
