//! One device's life in a world: it reports now and then, and every report is followed to its end.

use super::peer::Manners;
use super::watch::Watch;
use super::weather::{Calamity, Weather};
use super::world::{Device, World};
use iotx_coap::client::{
    Client, DeviceIdentity, Endpoint, Happening, Platform, Report, ReportError, SendError, Settings,
};
use iotx_coap::cloud_auth::Secret;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// What is told.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) seed: u64,
    pub(crate) dtls: bool,
    pub(crate) up: Weather,
    pub(crate) down: Weather,
    pub(crate) manners: Manners,
    pub(crate) settings: Settings,
    pub(crate) reports: u32,
    /// From one report to the next, in milliseconds.
    pub(crate) interval: (u64, u64),
    /// Reports handed over at once each time.
    pub(crate) burst: u32,
    /// Reports that are Non-confirmable, of 1,000.
    pub(crate) non: u32,
    /// What befalls the peer and the network, and how often, in milliseconds from one to the next.
    pub(crate) calamities: Vec<(Calamity, u64)>,
    pub(crate) program: Program,
    /// The connection cannot renew itself.
    pub(crate) own_hal: bool,
    /// Datagrams that do not leave, of 1,000.
    pub(crate) send_failures: u32,
    /// Times between two reports when the device is switched off and on, of 1,000.
    pub(crate) power_cycles: u32,
}

/// How the program uses the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Is always in `run`.
    Waits,
    /// Sleeps this many milliseconds, then runs for a second, and so on.
    Sleeps(u64),
    /// Has an event loop of its own.
    Polls,
}

impl Story {
    pub(crate) fn new(seed: u64, dtls: bool) -> Self {
        Self {
            seed,
            dtls,
            up: Weather::FINE,
            down: Weather::FINE,
            manners: Manners::default(),
            settings: Settings::default(),
            reports: 500,
            interval: (600_000, 600_000),
            burst: 1,
            non: 0,
            calamities: Vec::new(),
            program: Program::Waits,
            own_hal: false,
            send_failures: 0,
            power_cycles: 0,
        }
    }

    pub(crate) fn weather(mut self, weather: Weather) -> Self {
        self.up = weather;
        self.down = weather;
        self
    }
}

/// How a story ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Ending {
    /// Confirmable reports the client took.
    pub(crate) accepted: u32,
    /// Of these: answered 2.05.
    pub(crate) delivered: u32,
    /// Of these: answered with another code, which the program was told.
    pub(crate) refused: u32,
    /// Of these: reported as failed.
    pub(crate) failed: u32,
    /// Of these: taken by the peer.
    pub(crate) taken: u32,
    /// Taken more than once by the peer.
    pub(crate) taken_again: u32,
    /// Refused at once, because the queue was full.
    pub(crate) queue_full: u32,
    /// Refused at once for another reason.
    pub(crate) not_sent: u32,
    pub(crate) power_cycles: u32,
    pub(crate) authentications: u32,
    pub(crate) handshakes: u32,
    pub(crate) datagrams: u64,
    /// Virtual milliseconds.
    pub(crate) lasted: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    Refused,
    Failed,
}

/// How each report has ended, by its number.
#[derive(Default)]
pub(crate) struct Ledger(pub(crate) HashMap<u32, Outcome>);

impl Ledger {
    fn note(&mut self, happening: Happening<'_, u32>) {
        let (number, outcome) = match happening {
            Happening::Response(delivery) => {
                let good = delivery.head.code.0 >> 5 == 2;
                let outcome = if good {
                    Outcome::Delivered
                } else {
                    Outcome::Refused
                };
                (delivery.user, outcome)
            }
            Happening::ReportFailed(failure) => (failure.user, Outcome::Failed),
            _ => return,
        };
        let before = self.0.insert(number, outcome);
        assert_eq!(
            before, None,
            "report {number} ended twice: {before:?}, then {outcome:?}"
        );
    }
}

/// Tells the story; panics where an invariant does not hold.
pub(crate) fn tell(story: &Story) -> Ending {
    let watch = Watch::new(story.settings.transmission.clone());
    let mut world = World::new(story.seed, story.dtls, story.manners, watch);
    (world.up, world.down) = (story.up, story.down);
    (world.own_hal, world.send_failures) = (story.own_hal, story.send_failures);
    let at_once = story.send_failures == 0 && story.manners.refusing == 0;
    if !at_once || story.program != Program::Waits {
        world.watch.forgive_lateness();
    }
    let horizon = u64::from(story.reports) * story.interval.1 + 3_600_000;
    let mut fate = Vec::new();
    for (calamity, every) in &story.calamities {
        let mut at = world.chance.between(every / 2, every * 3 / 2);
        while at < horizon {
            fate.push((at, *calamity));
            at += world.chance.between(every / 2, every * 3 / 2);
        }
    }
    fate.sort_by_key(|(at, _)| *at);
    world.fate = fate.into();
    let world = Rc::new(RefCell::new(world));

    let url = match (story.dtls, story.manners.symmetric) {
        (true, _) => "coaps://h",
        (false, true) => "coap-psk://h",
        (false, false) => "coap://h",
    };
    let device = Device(Rc::clone(&world));
    let connect = || {
        let endpoint = Endpoint::parse(url).expect("a URL");
        Client::connect(device.clone(), identity(), endpoint, story.settings.clone())
    };
    let client = (0..1000)
        .find_map(|_| connect().ok())
        .expect("a connection in the end");
    let mut ledger = Ledger::default();
    authenticate(&client, &mut ledger);
    report_all(story, &world, client, &mut ledger)
}

pub(crate) fn authenticate(client: &Client<Device, u32>, ledger: &mut Ledger) {
    let authenticated = (0..1000).any(|_| {
        let note = &mut |happening: Happening<'_, u32>| ledger.note(happening);
        client.authenticate(note).is_ok()
    });
    assert!(authenticated, "authenticated in the end");
}

/// Switches the device off, and on again some time later.
fn switch_off_and_on(
    story: &Story,
    world: &Rc<RefCell<World>>,
    client: Client<Device, u32>,
) -> Client<Device, u32> {
    let saved = client.save().expect("a session that can be saved");
    let endpoint = client.endpoint().clone();
    client.close();
    drop(client);
    let device = Device(Rc::clone(world));
    let asleep = Duration::from_secs(world.borrow_mut().chance.between(0, 4_000));
    device.sleep(asleep);
    world.borrow_mut().watch.switched_off();
    let told = world.borrow_mut().chance.happens(500);
    let restored = |_| {
        let (device, endpoint) = (device.clone(), endpoint.clone());
        let elapsed = told.then_some(asleep);
        let settings = story.settings.clone();
        Client::connect_restored(device, identity(), endpoint, settings, &saved, elapsed).ok()
    };
    let restored = (0..1000).find_map(restored);
    restored.expect("a connection in the end")
}

pub(crate) fn identity() -> DeviceIdentity {
    DeviceIdentity {
        product_key: "pk".into(),
        device_name: "dn".into(),
        device_id: String::new(),
        device_secret: Secret::new("secret"),
    }
}

fn report_all(
    story: &Story,
    world: &Rc<RefCell<World>>,
    mut client: Client<Device, u32>,
    ledger: &mut Ledger,
) -> Ending {
    let mut ending = Ending::default();
    let (mut confirmable, mut others) = (Vec::new(), Vec::new());
    let start = world.borrow().now;
    let mut next = start;
    let mut number = 0;
    while number < story.reports {
        for _ in 0..story.burst.min(story.reports - number) {
            let non = world.borrow_mut().chance.happens(story.non);
            let payload = number.to_string();
            let report = Report {
                path: b"/topic/pk/dn/user/update",
                payload: payload.as_bytes(),
                content_format: 50,
                confirmable: !non,
            };
            match client.send(&report, number) {
                Ok(()) if non => others.push(number),
                Ok(()) => confirmable.push(number),
                Err(SendError::Report(ReportError::QueueFull)) => ending.queue_full += 1,
                Err(SendError::NotSent) if story.send_failures > 0 => ending.not_sent += 1,
                Err(SendError::Report(ReportError::NotAuthenticated))
                    if story.manners.refusing + story.power_cycles > 0 =>
                {
                    ending.not_sent += 1;
                    authenticate(&client, ledger);
                }
                Err(error) => panic!("report {number} refused at {}: {error}", world.borrow().now),
            }
            number += 1;
        }
        let (low, high) = story.interval;
        next += world.borrow_mut().chance.between(low, high);
        live_until(story, world, &client, ledger, next);
        let off = world.borrow_mut().chance.happens(story.power_cycles);
        if off && !client.is_waiting() {
            ending.power_cycles += 1;
            client = switch_off_and_on(story, world, client);
            next = next.max(world.borrow().now);
        }
    }
    // The longest a report may wait behind the others, and be under way itself.
    for _ in 0..10_000 {
        if !client.is_waiting() {
            break;
        }
        let later = world.borrow().now + 60_000;
        live_until(story, world, &client, ledger, later);
    }
    assert!(
        !client.is_waiting(),
        "exchanges left at the end: {client:?}"
    );

    for number in others {
        assert!(ledger.0.contains_key(&number), "report {number} has no end");
    }
    let world = world.borrow();
    ending.accepted = confirmable.len() as u32;
    for number in &confirmable {
        let taken = world.peer.taken.get(number).copied().unwrap_or(0);
        ending.taken += u32::from(taken > 0);
        ending.taken_again += u32::from(taken > 1);
        match ledger.0.get(number) {
            Some(Outcome::Delivered) => {
                assert!(
                    taken > 0,
                    "report {number} delivered, but the peer has not got it"
                );
                ending.delivered += 1;
            }
            Some(Outcome::Refused) => ending.refused += 1,
            Some(Outcome::Failed) => ending.failed += 1,
            None => panic!("report {number} has no end"),
        }
    }
    ending.authentications = world.peer.authentications;
    ending.handshakes = world.handshakes;
    ending.datagrams = world.watch.datagrams;
    ending.lasted = world.now;
    ending
}

pub(crate) fn live_until(
    story: &Story,
    world: &Rc<RefCell<World>>,
    client: &Client<Device, u32>,
    ledger: &mut Ledger,
    until: u64,
) {
    let device = Device(Rc::clone(world));
    let mut note = |happening: Happening<'_, u32>| ledger.note(happening);
    loop {
        let now = world.borrow().now;
        if now >= until {
            return;
        }
        let left = Duration::from_millis(until - now);
        match story.program {
            Program::Waits => client.run(left, &mut note),
            Program::Sleeps(millis) => {
                device.sleep(left.min(Duration::from_millis(millis)));
                client.run(Duration::from_secs(1), &mut note);
            }
            Program::Polls => {
                let next = client.next_timeout().unwrap_or(left).min(left);
                device.poll(client.descriptor(), next);
                client.process(&mut note);
                let mut world = world.borrow_mut();
                world.rounds += 1;
                // A loop that turns without the clock is one that burns the processor.
                assert!(
                    world.rounds < 100 || world.now > now,
                    "the loop spins at {now}: {next:?}, {client:?}"
                );
                if world.now > now {
                    world.rounds = 0;
                }
            }
        }
    }
}
