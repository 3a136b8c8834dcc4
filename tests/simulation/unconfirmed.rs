//! A device that sends nothing but Non-confirmable reports over DTLS: nothing is repeated to it, and nothing
//! acknowledged. What shows that its session is dead is that nothing comes any more.

use super::peer::Manners;
use super::story::{Ledger, Outcome, Program, Story, authenticate, identity, live_until};
use super::watch::Watch;
use super::weather::Calamity;
use super::world::{Device, World};
use iotx_coap::client::{Client, Endpoint, Report};
use std::cell::RefCell;
use std::rc::Rc;

const MINUTE: u64 = 60_000;
/// EXCHANGE_LIFETIME and NON_LIFETIME, with RFC 7252's parameters.
const EXCHANGE_LIFETIME: u64 = 247_000;
const NON_LIFETIME: u64 = 145_000;
const REPORTS: u32 = 60;

/// What became of one report.
struct Fate {
    sent_at: u64,
    taken: u32,
    outcome: Outcome,
}

/// A report every minute, and a strike in the middle of the hour; what became of each, and when the session was
/// renewed.
fn live_through(program: Program, strike: Option<(u64, Calamity)>) -> (Vec<Fate>, Vec<u64>) {
    let mut story = Story::new(1, true);
    story.program = program;
    let watch = Watch::new(story.settings.transmission.clone());
    let mut world = World::new(story.seed, story.dtls, Manners::default(), watch);
    world.fate.extend(strike);
    let world = Rc::new(RefCell::new(world));
    let endpoint = Endpoint::parse("coaps://h").expect("a URL");
    let device = Device(Rc::clone(&world));
    let client = Client::connect(device, identity(), endpoint, story.settings.clone());
    let client = client.expect("a connection");
    let mut ledger = Ledger::default();
    authenticate(&client, &mut ledger);
    let mut sent = Vec::new();
    for number in 0..REPORTS {
        let payload = number.to_string();
        let report = Report {
            path: b"/topic/pk/dn/user/update",
            payload: payload.as_bytes(),
            content_format: 50,
            confirmable: false,
        };
        client.send(&report, number).expect("it is taken");
        let now = world.borrow().now;
        sent.push(now);
        live_until(&story, &world, &client, &mut ledger, now + MINUTE);
    }
    let end = world.borrow().now + 5 * MINUTE;
    live_until(&story, &world, &client, &mut ledger, end);
    let world = world.borrow();
    let fate = |(number, sent_at): (u32, u64)| Fate {
        sent_at,
        taken: world.peer.taken.get(&number).copied().unwrap_or(0),
        outcome: ledger.0[&number],
    };
    let fates = (0..).zip(sent).map(fate).collect();
    (fates, world.renewals.clone())
}

#[test]
fn a_device_that_confirms_nothing_finds_its_session_dead_and_has_another() {
    for program in [Program::Waits, Program::Polls] {
        for calamity in [Calamity::Restart, Calamity::Amnesia, Calamity::Rebinding] {
            let struck = 30 * MINUTE + 1_000;
            let what = format!("{program:?}, {calamity:?}");
            let (fates, renewals) = live_through(program, Some((struck, calamity)));
            // The first report that meets with silence, and when something is due for the first time afterwards.
            let unheard = fates
                .iter()
                .map(|fate| fate.sent_at)
                .find(|at| *at > struck);
            let suspected = unheard.expect("a report after the strike") + EXCHANGE_LIFETIME;
            let [renewed] = renewals[..] else {
                panic!("{what}: renewed at {renewals:?}, not once");
            };
            assert!(
                (suspected..=suspected + MINUTE).contains(&renewed),
                "{what}: renewed at {renewed}, suspected at {suspected}"
            );
            for Fate {
                sent_at,
                taken,
                outcome,
            } in fates
            {
                // What was still waiting for its answer goes out once more on the new session.
                let lost = sent_at > struck && sent_at + NON_LIFETIME <= renewed;
                let expected = if lost {
                    (0, Outcome::Failed)
                } else {
                    (1, Outcome::Delivered)
                };
                assert_eq!((taken, outcome), expected, "{what}: sent at {sent_at}");
            }
        }
    }
}

#[test]
fn a_device_that_confirms_nothing_and_is_answered_keeps_its_session() {
    let (fates, renewals) = live_through(Program::Waits, None);
    assert!(renewals.is_empty());
    assert!(fates.iter().all(|fate| fate.outcome == Outcome::Delivered));
}
