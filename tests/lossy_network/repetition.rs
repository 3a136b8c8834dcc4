//! Networks that double, replay and reorder: an answer is delivered once, to the report it answers.

use super::world::{Device, End, Mode, accepted, cloud, quick, trusting};
use iotx_cloud::{Delivery, Faults, Impairment, Reply};
use iotx_coap::coap::Code;
use std::time::Duration;

const REPORTS: u32 = 100;
/// Every way an answer can travel is a fifth of the 500 reports.
const WAYS: [(Option<Delivery>, usize); 5] = [
    (None, 1),
    (None, 3),
    (Some(Delivery::Separate), 1),
    (Some(Delivery::Separate), 3),
    (Some(Delivery::SeparateNon), 2),
];

/// Every answer carries the number of the report it is for, so that a stale one shows.
fn reports(mode: Mode, seed: u64, way: Option<Delivery>, copies: usize) {
    let cloud = cloud(mode).start().expect("cloud");
    let mut device = Device::ready(mode, &cloud, quick());
    let events = cloud.events();
    cloud.reply_with(move |asked| {
        let number = asked.request.segments().last()?.clone();
        let reply = Reply::with_payload(number).copies(copies);
        Some(match way {
            Some(way) => reply.by(way),
            None => reply,
        })
    });
    let again = Impairment {
        hold: Duration::from_millis(20),
        ..Impairment::NONE.duplicate(0.3).reorder(0.3)
    };
    cloud
        .impair(Faults::both(again).seed(seed))
        .expect("faults");
    for number in 0..REPORTS {
        let answer = number.to_string().into_bytes();
        assert_eq!(
            device.report(number),
            End::Answered(Code::CONTENT, answer),
            "{mode:?}, {way:?}, {copies} copies"
        );
    }
    // What is still under way belongs to reports that have their answers.
    device.run(Duration::from_millis(100));
    assert_eq!(device.ends.len(), REPORTS as usize, "no second answers");
    let counters = cloud.counters();
    assert!(counters.up.duplicated > 0 && counters.down.duplicated > 0);
    assert!(counters.up.reordered > 0 && counters.down.reordered > 0);
    assert!(
        counters.duplicates > 0 || mode == Mode::Dtls,
        "{counters:?}"
    );
    let all: Vec<u32> = (0..REPORTS).collect();
    assert_eq!(accepted(&events), all, "the cloud takes each once");
}

fn five_hundred(mode: Mode) {
    std::thread::scope(|scope| {
        for (seed, (way, copies)) in (0..).zip(WAYS) {
            scope.spawn(move || reports(mode, seed, way, copies));
        }
    });
}

#[test]
fn five_hundred_plain_answers() {
    trusting("repetition::five_hundred_plain_answers", || {
        five_hundred(Mode::Plain);
    });
}

#[test]
fn five_hundred_symmetric_answers() {
    trusting("repetition::five_hundred_symmetric_answers", || {
        five_hundred(Mode::Symmetric);
    });
}

#[test]
fn five_hundred_dtls_answers() {
    trusting("repetition::five_hundred_dtls_answers", || {
        five_hundred(Mode::Dtls);
    });
}
