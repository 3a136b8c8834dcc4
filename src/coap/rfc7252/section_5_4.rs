//! Section 5.4: options of responses.

use super::bench::{Bench, id_of, ignored, response};
use crate::coap::MessageType::{self, Acknowledgement, Confirmable, NonConfirmable};
use crate::coap::{Datagram, OptionNumber, Outcome};
use core::time::Duration;

/// A bench with one request under way, and a response to it of this type that carries these
/// options.
fn with_options(message_type: MessageType, options: &[u8]) -> (Bench, Vec<u8>) {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let mut answer = response(message_type, id_of(&request), &request);
    answer.extend_from_slice(options);
    (bench, answer)
}

fn check_rejected(options: &[u8]) {
    for message_type in [Acknowledgement, NonConfirmable] {
        let (mut bench, answer) = with_options(message_type, options);
        assert_eq!(bench.receive(&answer), ignored(), "{options:x?}");
        assert_eq!(bench.layer.outstanding(), 1);
    }
    let (mut bench, answer) = with_options(Confirmable, options);
    let handled = bench.receive(&answer);
    assert_eq!(handled.outcome, Outcome::Ignored, "{options:x?}");
    let id = id_of(&answer);
    assert_eq!(handled.reply.unwrap().as_bytes(), &[0x70, 0, id[0], id[1]]);
}

fn check_accepted(options: &[u8]) {
    for message_type in [Acknowledgement, NonConfirmable, Confirmable] {
        let (mut bench, answer) = with_options(message_type, options);
        let outcome = bench.receive(&answer).outcome;
        assert_eq!(outcome, Outcome::Response("report"), "{options:x?}");
    }
}

#[test]
fn section_5_4_1_a_response_with_an_unrecognized_critical_option_is_rejected() {
    check_rejected(&[0x90]); // 9, OSCORE
    check_rejected(&[0xd1, 0x06, 1]); // 19
    check_rejected(&[0xc1, 50, 0xd0, 0]); // a known one, then 25
    check_rejected(&[0xe0, 0xfe, 0xf2]); // 65,535
}

#[test]
fn section_5_4_1_an_exchange_goes_on_after_a_rejected_response() {
    let (mut bench, answer) = with_options(Acknowledgement, &[0x90]);
    bench.receive(&answer);
    bench.advance(2_500);
    let repeated = bench.transmit();
    assert_eq!(repeated.len(), 1, "a rejected ACK acknowledges nothing");
    let good = response(Acknowledgement, id_of(&repeated[0]), &repeated[0]);
    assert_eq!(bench.receive(&good).outcome, Outcome::Response("report"));
}

#[test]
fn section_5_4_1_unrecognized_elective_options_are_silently_ignored() {
    check_accepted(&[0xa0]); // 10
    check_accepted(&[0xe3, 0x08, 0x17, 1, 2, 3]); // 2340
    check_accepted(&[0xe8, 0x07, 0x1d, 1, 2, 3, 4, 5, 6, 7, 8]); // 2090, the cloud's own
}

#[test]
fn section_5_4_3_a_critical_option_of_undefined_length_is_unrecognized() {
    check_accepted(&[0xd2, 0x04, 1, 2]); // Accept, 2 bytes
    check_rejected(&[0xd3, 0x04, 1, 2, 3]); // Accept, 3 bytes
    check_accepted(&[0x72, 1, 2]); // Uri-Port, 2 bytes
    check_rejected(&[0x73, 1, 2, 3]); // Uri-Port, 3 bytes
    check_rejected(&[0x30]); // Uri-Host without a host
    check_rejected(&[0x51, 1]); // If-None-Match with a value
}

#[test]
fn section_5_4_3_an_elective_option_of_undefined_length_is_ignored() {
    check_accepted(&[0xd5, 0x01, 1, 2, 3, 4, 5]); // Max-Age, 5 bytes
    check_accepted(&[0xc3, 1, 2, 3]); // Content-Format, 3 bytes
    check_accepted(&[0x40]); // an empty ETag
    let (_, answer) = with_options(Acknowledgement, &[0xd5, 0x01, 1, 2, 3, 4, 5]);
    let answer = Datagram::parse(&answer).unwrap();
    assert_eq!(answer.option(OptionNumber::MAX_AGE), None);
    assert_eq!(answer.max_age(), Duration::from_secs(60));
}

#[test]
fn section_5_4_5_a_second_occurrence_of_a_critical_option_that_may_come_once_is_unrecognized() {
    check_rejected(&[0xd1, 0x04, 42, 0x01, 42]); // Accept twice
    check_rejected(&[0x71, 1, 0x01, 1]); // Uri-Port twice
    check_accepted(&[0xb1, b'a', 0x01, b'b']); // Uri-Path may come often
}

#[test]
fn section_5_4_5_of_a_repeated_elective_option_the_first_counts() {
    let twice = [0xd1, 0x01, 30, 0x01, 90]; // Max-Age
    check_accepted(&twice);
    let (_, answer) = with_options(Acknowledgement, &twice);
    let answer = Datagram::parse(&answer).unwrap();
    assert_eq!(answer.max_age(), Duration::from_secs(30));
}

#[test]
fn section_5_10_5_max_age_is_60_s_where_the_response_does_not_say() {
    for (options, seconds) in [
        (&[][..], 60),
        (&[0xd0, 0x01], 0),
        (&[0xd2, 0x01, 0x0e, 0x10], 3600),
        (&[0xd4, 0x01, 0xff, 0xff, 0xff, 0xff], u64::from(u32::MAX)),
    ] {
        let (_, answer) = with_options(Acknowledgement, options);
        let max_age = Datagram::parse(&answer).unwrap().max_age();
        assert_eq!(max_age, Duration::from_secs(seconds));
    }
}

/// RFC 7959: this client does not put blocks together, and must not take one for the whole.
#[test]
fn a_block_that_is_not_the_whole_payload_is_rejected() {
    check_accepted(&[0xd1, 0x0a, 0x06]); // Block2 0/0/1024
    check_accepted(&[0xd0, 0x0a]); // Block2 0/0/16
    check_rejected(&[0xd1, 0x0a, 0x0e]); // Block2 0/1/1024: more to come
    check_rejected(&[0xd1, 0x0a, 0x16]); // Block2 1/0/1024: more before
    check_accepted(&[0xd1, 0x0e, 0x06]); // Block1, the size hint of a 4.13
}
