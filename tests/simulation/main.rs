//! Thousands of lossy days in seconds: the client over a world with a virtual clock.
//!
//! Everything random comes from a seed, which a failure names, so every run is the same and every failure can be
//! run again. Three places judge: [`watch`] sees every datagram that leaves the device, [`peer`] knows which
//! reports arrived, [`story`] follows every report to its one end.

mod chance;
mod peer;
mod story;
mod unconfirmed;
mod watch;
mod weather;
mod world;

use iotx_coap::coap::TransmissionParams;
use peer::Manners;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;
use story::{Ending, Program, Story, tell};
use weather::{Calamity, Weather};

/// Tells a story for every seed and sums the endings up; a failure says which one.
fn tell_all(what: &str, seeds: u64, story: impl Fn(u64) -> Story) -> Ending {
    let mut sum = Ending::default();
    for seed in 1..=seeds {
        let told = catch_unwind(AssertUnwindSafe(|| tell(&story(seed))));
        let ending = told.unwrap_or_else(|panic| {
            eprintln!("in the story \"{what}\", seed {seed}: {:?}", story(seed));
            resume_unwind(panic)
        });
        assert_eq!(
            ending.delivered + ending.refused + ending.failed,
            ending.accepted,
            "{what}, seed {seed}: every report has one end: {ending:?}"
        );
        sum.accepted += ending.accepted;
        sum.delivered += ending.delivered;
        sum.refused += ending.refused;
        sum.failed += ending.failed;
        sum.taken += ending.taken;
        sum.taken_again += ending.taken_again;
        sum.queue_full += ending.queue_full;
        sum.not_sent += ending.not_sent;
        sum.power_cycles += ending.power_cycles;
        sum.authentications += ending.authentications;
        sum.handshakes += ending.handshakes;
        sum.datagrams += ending.datagrams;
        sum.lasted += ending.lasted;
    }
    let days = Duration::from_millis(sum.lasted).as_secs() / 86_400;
    println!("{what}: {days} days, {sum:?}");
    sum
}

fn share(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole)
}

#[test]
fn in_fine_weather_a_report_is_one_datagram() {
    for dtls in [false, true] {
        let ending = tell_all("fine weather", 20, |seed| Story::new(seed, dtls));
        assert_eq!(ending.delivered, 20 * 500);
        assert_eq!(ending.taken_again, 0);
        // One authentication when it starts, and one before each 48 hours are over: 500 reports last 83 hours.
        assert_eq!(ending.authentications, 20 * 2);
        assert_eq!(ending.datagrams, 20 * 502);
        assert_eq!(ending.handshakes, if dtls { 20 } else { 0 });
    }
}

#[test]
fn every_report_has_one_end_whatever_the_loss() {
    for dtls in [false, true] {
        for loss in [50, 100, 200, 300, 400, 500] {
            tell_all(&format!("loss of {loss} ‰, DTLS {dtls}"), 20, |seed| {
                Story::new(seed, dtls).weather(Weather::lossy(loss))
            });
        }
    }
}

/// Five transmissions, 30 % lost each way: 0.51^5 = 3.5 % cannot be acknowledged, 0.3^5 = 0.2 % cannot arrive.
#[test]
fn at_30_percent_loss_95_of_100_are_acknowledged_and_99_arrive() {
    for dtls in [false, true] {
        let ending = tell_all(&format!("30 % loss, DTLS {dtls}"), 40, |seed| {
            Story::new(seed, dtls).weather(Weather::lossy(300))
        });
        assert!(
            share(ending.delivered, ending.accepted) >= 0.95,
            "{ending:?}"
        );
        assert!(share(ending.taken, ending.accepted) >= 0.99, "{ending:?}");
    }
}

#[test]
fn the_preset_for_nb_iot_gets_995_of_1000_acknowledged_at_30_percent_loss() {
    for dtls in [false, true] {
        let ending = tell_all(&format!("NB-IoT, DTLS {dtls}"), 40, |seed| {
            let mut story = Story::new(seed, dtls).weather(Weather {
                delay: (500, 4_000),
                ..Weather::lossy(300)
            });
            story.settings.transmission = TransmissionParams::nb_iot();
            story.interval = (3_600_000, 3_600_000);
            story.reports = 100;
            story
        });
        assert!(
            share(ending.delivered, ending.accepted) >= 0.995,
            "{ending:?}"
        );
    }
}

#[test]
fn duplicates_and_disorder_reach_neither_the_program_nor_the_cloud_twice() {
    for dtls in [false, true] {
        let ending = tell_all(&format!("duplicates, DTLS {dtls}"), 40, |seed| {
            let mut story = Story::new(seed, dtls).weather(Weather {
                loss: 0,
                duplication: 300,
                delay: (1, 1_500),
            });
            story.interval = (1_000, 20_000);
            story
        });
        assert_eq!(ending.delivered, ending.accepted);
        assert_eq!(ending.taken_again, 0);
    }
}

#[test]
fn separate_responses_are_taken_like_piggybacked_ones() {
    for dtls in [false, true] {
        let ending = tell_all(&format!("separate, DTLS {dtls}"), 20, |seed| {
            let mut story = Story::new(seed, dtls).weather(Weather {
                duplication: 100,
                delay: (5, 900),
                ..Weather::lossy(100)
            });
            story.manners = Manners {
                separate: 700,
                unacknowledged: 300,
                ..Manners::default()
            };
            story
        });
        // A response of its own that is Non-confirmable may be lost: nobody repeats it.
        assert!(
            share(ending.delivered, ending.accepted) >= 0.98,
            "{ending:?}"
        );
    }
}

#[test]
fn bursts_queue_up_and_what_does_not_fit_is_refused_at_once() {
    for dtls in [false, true] {
        let ending = tell_all(&format!("bursts, DTLS {dtls}"), 20, |seed| {
            let mut story = Story::new(seed, dtls).weather(Weather::lossy(100));
            story.burst = 100;
            story.reports = 1_000;
            story.non = 200;
            story.interval = (600_000, 900_000);
            story
        });
        assert!(
            ending.queue_full > 0,
            "a burst is longer than the queue: {ending:?}"
        );
        assert!(
            share(ending.delivered, ending.accepted) >= 0.99,
            "{ending:?}"
        );
    }
}

#[test]
fn a_peer_that_loses_its_memory_gets_the_reports_all_the_same() {
    let hour = 3_600_000;
    for calamity in [
        Calamity::Restart,
        Calamity::Amnesia,
        Calamity::Rebinding,
        Calamity::TokensVoid,
        Calamity::CloseNotify,
    ] {
        for dtls in [false, true] {
            let ending = tell_all(&format!("{calamity:?}, DTLS {dtls}"), 20, |seed| {
                let mut story = Story::new(seed, dtls);
                story.calamities = vec![(calamity, 5 * hour)];
                story
            });
            assert_eq!(
                ending.delivered, ending.accepted,
                "{calamity:?}: {ending:?}"
            );
        }
    }
}

#[test]
fn a_busy_peer_is_given_its_time() {
    for dtls in [false, true] {
        let ending = tell_all(&format!("busy, DTLS {dtls}"), 20, |seed| {
            let mut story = Story::new(seed, dtls);
            story.manners.busy = 200;
            story
        });
        assert_eq!(ending.failed, 0, "{ending:?}");
        assert!(ending.refused > 0, "{ending:?}");
    }
}

/// Everything at once, for years.
#[test]
fn through_outages_restarts_and_all_weathers_every_report_has_one_end() {
    let hour = 3_600_000;
    let ending = tell_all("everything", 60, |seed| {
        let mut story = Story::new(seed, seed % 2 == 0);
        let loss = [0, 50, 150, 300, 500][seed as usize % 5];
        story.up = Weather {
            loss,
            duplication: 100,
            delay: (1, 3_000),
        };
        story.down = Weather {
            loss: 500 - loss,
            duplication: 200,
            delay: (1, 5_000),
        };
        story.manners = Manners {
            separate: 300,
            busy: 30,
            unacknowledged: 500,
            ..Manners::default()
        };
        if seed % 3 == 0 {
            story.settings.transmission.nstart = 4;
        }
        story.non = 100;
        story.burst = 3;
        story.reports = 1_500;
        story.interval = (1_000, 5_000_000);
        story.calamities = vec![
            (Calamity::Outage(Duration::from_secs(600)), 20 * hour),
            (Calamity::Outage(Duration::from_secs(20)), 2 * hour),
            (Calamity::Restart, 30 * hour),
            (Calamity::Amnesia, 100 * hour),
            (Calamity::Rebinding, 10 * hour),
            (Calamity::TokensVoid, 50 * hour),
            (Calamity::CloseNotify, 25 * hour),
        ];
        story
    });
    assert!(
        share(ending.delivered, ending.accepted) >= 0.5,
        "{ending:?}"
    );
}

/// How many seeds the stories of [`anything`] are told for; more than a test run needs, to hunt.
fn seeds(usual: u64) -> u64 {
    let asked = std::env::var("SIMULATION_SEEDS").ok();
    asked.map_or(usual, |number| number.parse().expect("a number"))
}

/// A device drawn by lot: connection, program, parameters, peer and weather.
fn anything(seed: u64) -> Story {
    let hour = 3_600_000;
    let mut lot = chance::Chance::new(seed ^ 0x5eed);
    let dtls = lot.happens(600);
    let mut story = Story::new(seed, dtls);
    story.manners = Manners {
        separate: lot.between(0, 500) as u32,
        busy: lot.between(0, 1) as u32 * 30,
        unacknowledged: lot.between(0, 500) as u32,
        unwilling: lot.between(0, 1) as u32 * lot.between(0, 700) as u32,
        refusing: u32::from(lot.happens(100)) * 100,
        other_option: lot.happens(300),
        symmetric: !dtls && lot.happens(500),
    };
    story.own_hal = dtls && lot.happens(300);
    story.send_failures = u32::from(lot.happens(300)) * lot.between(1, 300) as u32;
    story.power_cycles = u32::from(lot.happens(300)) * 200;
    story.program = match lot.between(0, 3) {
        0 => Program::Polls,
        1 => Program::Sleeps(lot.between(100, 4_000_000)),
        _ => Program::Waits,
    };
    story.settings.transmission.nstart = lot.between(1, 8) as usize;
    story.settings.resend_refused = lot.happens(800);
    if lot.happens(300) {
        story.settings.token_lifetime = Duration::from_secs(lot.between(60, 100_000));
    }
    let mut weather = || Weather {
        loss: [0, 0, 50, 300, 500][lot.between(0, 4) as usize],
        duplication: 100,
        delay: (1, lot.between(10, 4_000)),
    };
    (story.up, story.down) = (weather(), weather());
    story.non = lot.between(0, 1) as u32 * 300;
    story.burst = lot.between(1, 10) as u32;
    story.reports = 300;
    story.interval = (1_000, lot.between(10_000, 5_000_000));
    story.calamities = vec![
        (Calamity::Outage(Duration::from_secs(600)), 20 * hour),
        (Calamity::Outage(Duration::from_secs(20)), 2 * hour),
        (Calamity::Restart, 30 * hour),
        (Calamity::Amnesia, 50 * hour),
        (Calamity::Rebinding, 10 * hour),
        (Calamity::TokensVoid, 15 * hour),
        (Calamity::CloseNotify, 5 * hour),
    ];
    story
}

#[test]
fn whatever_device_program_and_peer_come_together_every_report_has_one_end() {
    let ending = tell_all("anything", seeds(60), anything);
    assert!(
        share(ending.delivered, ending.accepted) >= 0.5,
        "{ending:?}"
    );
    assert!(ending.power_cycles > 0 && ending.not_sent > 0, "{ending:?}");
}
