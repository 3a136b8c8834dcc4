//! Section 4.1: messages and endpoints, the empty message.

use super::bench::{Bench, ignored, rejected};
use crate::coap::MessageType::Confirmable;

#[test]
fn section_4_1_bytes_behind_the_id_of_an_empty_message_are_a_format_error() {
    for tail in [&[9][..], &[0xff], &[0xff, b'x'], &[0xc0]] {
        let message = |first| [&[first, 0, 1, 2], tail].concat();
        assert_eq!(rejected(&message(0x40)), Some([0x70, 0, 1, 2]), "CON");
        for first in [0x50, 0x60, 0x70] {
            assert_eq!(rejected(&message(first)), None, "{first:#x}");
        }
    }
    assert_eq!(rejected(&[0x41, 0, 1, 2, 9]), Some([0x70, 0, 1, 2]));
}

#[test]
fn section_4_1_an_empty_acknowledgement_or_reset_with_a_token_ends_nothing() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    for first in [0x64, 0x74] {
        let mut message = vec![first, 0];
        message.extend_from_slice(&request[2..8]);
        assert_eq!(rejected(&message), None);
    }
    bench.advance(2_500);
    assert_eq!(bench.transmit(), [request]);
}

#[test]
fn section_4_1_an_empty_non_confirmable_is_ignored() {
    let mut bench = Bench::new();
    assert_eq!(bench.receive(&[0x50, 0, 1, 2]), ignored());
}
