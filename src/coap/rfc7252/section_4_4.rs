//! Section 4.4: message correlation.

use super::bench::{Bench, empty, id_of, ignored, submission};
use crate::coap::MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
use crate::coap::{MessageIds, Outcome, TransmissionParams};
use core::time::Duration;

fn number(id: [u8; 2]) -> u16 {
    u16::from_be_bytes(id)
}

#[test]
fn section_4_4_every_new_message_has_a_new_id() {
    let mut bench = Bench::new();
    let mut previous = None;
    for n in 0..100 {
        let message_type = if n % 2 == 0 {
            NonConfirmable
        } else {
            Confirmable
        };
        bench.submit(message_type, "report");
        let request = bench.transmit().remove(0);
        bench.receive(&empty(Acknowledgement, id_of(&request)));
        let id = number(id_of(&request));
        let expected = previous.map_or(id, |previous: u16| previous.wrapping_add(1));
        assert_eq!(id, expected);
        previous = Some(id);
    }
}

#[test]
fn section_4_4_the_first_id_is_random() {
    for first in [0, 0x1234, 0xffff] {
        let mut ids = MessageIds::new(&mut || first);
        let id = ids.take(Default::default(), Duration::from_secs(247), |_| false);
        assert_eq!(id.map(u32::from), Some(first));
    }
}

#[test]
fn section_4_4_acknowledgements_and_resets_match_the_id_of_one_exchange() {
    let mut bench = Bench::with(TransmissionParams {
        nstart: 2,
        ..TransmissionParams::default()
    });
    bench.submit(Confirmable, "first");
    bench.submit(Confirmable, "second");
    let sent = bench.transmit();
    assert_eq!(
        bench.receive(&empty(Reset, id_of(&sent[1]))).outcome,
        Outcome::Reset("second")
    );
    let acknowledged = bench.receive(&empty(Acknowledgement, id_of(&sent[0])));
    assert_eq!(acknowledged.outcome, Outcome::Acknowledged);
    assert_eq!(
        bench.receive(&empty(Acknowledgement, id_of(&sent[1]))),
        ignored()
    );
}

/// A program that sends as fast as it can: what finds no free id waits in the queue, and leaves as
/// soon as EXCHANGE_LIFETIME is over.
#[test]
#[cfg_attr(miri, ignore = "a hundred thousand exchanges")]
fn section_4_4_ids_are_not_reused_within_the_exchange_lifetime_and_what_finds_none_waits() {
    let mut bench = Bench::new();
    let start = bench.now;
    let mut exchanges = 0_u32;
    loop {
        bench.submit(Confirmable, "report");
        let Some(request) = bench.transmit().pop() else {
            break;
        };
        exchanges += 1;
        bench.receive(&empty(Acknowledgement, id_of(&request)));
        bench.receive(&empty(Reset, id_of(&request)));
        if exchanges.is_multiple_of(1000) {
            bench.advance(100);
        }
    }
    assert!((64_512..=65_536).contains(&exchanges), "{exchanges}");
    assert_eq!((bench.layer.queued(), bench.layer.outstanding()), (1, 1));
    let free = bench.layer.next_deadline().unwrap();
    let waited = free.since(start);
    assert!(waited >= Duration::from_secs(247) && waited < Duration::from_secs(248));
    bench.now = free;
    assert_eq!(bench.transmit().len(), 1);
}

#[test]
#[cfg_attr(miri, ignore = "tens of thousands of exchanges")]
fn section_4_4_ids_of_non_confirmables_are_free_after_their_shorter_lifetime() {
    let mut bench = Bench::new();
    let start = bench.now;
    loop {
        let report = submission(NonConfirmable, &bench.head, b"", "report");
        bench.layer.submit(&mut || 1, report).unwrap();
        let Some(request) = bench.transmit().pop() else {
            break;
        };
        bench.receive(&empty(Reset, id_of(&request)));
    }
    let free = bench.layer.next_deadline().unwrap();
    assert_eq!(free.since(start), Duration::from_secs(145));
}
