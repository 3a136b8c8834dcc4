//! Section 4.8: transmission parameters, as the exchanges obey them.

use super::bench::{Bench, id_of, ignored, response};
use crate::coap::MessageType::{Acknowledgement, Confirmable};
use crate::coap::{Ended, Outcome, TransmissionParams};
use core::time::Duration;

/// When, after the first transmission, the latest possible repetitions are due, and the end.
fn schedule(params: TransmissionParams) -> (Vec<Duration>, Duration) {
    let mut bench = Bench::with(params);
    let start = bench.now;
    bench.submit(Confirmable, "report");
    let mut sent = Vec::new();
    loop {
        while bench
            .layer
            .poll_transmit(bench.now, &mut || u32::MAX)
            .is_some()
        {
            sent.push(bench.now.since(start));
        }
        if let Some(ended) = bench.ended() {
            assert_eq!(ended, ("report", Ended::Unacknowledged));
            return (sent, bench.now.since(start));
        }
        bench.now = bench.layer.next_deadline().unwrap();
    }
}

#[test]
fn section_4_8_2_the_last_repetition_ends_the_transmit_span_and_the_request_the_transmit_wait() {
    for params in [
        TransmissionParams::default(),
        TransmissionParams::nb_iot(),
        TransmissionParams::lan(),
    ] {
        let (sent, end) = schedule(params.clone());
        assert_eq!(sent.len(), usize::from(params.max_retransmit) + 1);
        assert_eq!(sent.last(), Some(&params.max_transmit_span()));
        assert_eq!(end, params.max_transmit_wait());
    }
}

#[test]
fn section_4_8_2_a_repetition_after_the_transmit_span_is_a_new_message_and_still_counts() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let mut sent = bench.transmit();
    for _ in 0..4 {
        // A program that polls once a minute, or a pause: every repetition comes too late.
        bench.advance(60_000);
        let repeated = bench.transmit();
        assert_eq!(repeated.len(), 1);
        assert!(sent.iter().all(|s| id_of(s) != id_of(&repeated[0])));
        assert_eq!(repeated[0][4..], sent[0][4..], "same token and bytes");
        sent.extend(repeated);
    }
    let late = response(Acknowledgement, id_of(&sent[0]), &sent[0]);
    assert_eq!(bench.receive(&late), ignored());
    bench.advance(60_000);
    assert!(bench.transmit().is_empty());
    assert_eq!(bench.ended(), Some(("report", Ended::Unacknowledged)));
}

#[test]
fn section_4_8_2_an_answer_to_the_id_of_before_still_counts() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let first = bench.transmit().remove(0);
    bench.advance(60_000);
    assert_ne!(id_of(&bench.transmit()[0]), id_of(&first));
    let answer = response(Acknowledgement, id_of(&first), &first);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
    assert_eq!(bench.layer.outstanding(), 0);
}

#[test]
fn section_4_8_2_what_became_a_new_message_is_repeated_as_such() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let first = bench.transmit().remove(0);
    bench.advance(60_000);
    let new = bench.transmit().remove(0);
    assert_ne!(id_of(&new), id_of(&first));
    for wait in [5_000, 10_000, 20_000] {
        bench.advance(wait);
        assert_eq!(bench.transmit(), std::slice::from_ref(&new));
    }
}
