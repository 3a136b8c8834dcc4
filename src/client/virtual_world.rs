//! A virtual platform for the driver's tests: no socket, no wall clock.
//!
//! The clock moves only while the client waits or sleeps; what the "cloud" does is a script of
//! datagrams with arrival times, or a function of what was sent.

use super::*;
use crate::cloud_auth::Secret;
use crate::coap::{Datagram, Instant};
use core::cell::RefCell;
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;
use zeroize::Zeroizing;

/// What the scripted network does.
#[derive(Default)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) sent: Vec<(u64, Vec<u8>)>,
    pub(super) arriving: VecDeque<(u64, Arriving)>,
    pub(super) respond: Option<Responder>,
    pub(super) refuse_writes: bool,
    pub(super) connects: usize,
    pub(super) refuse_connects: bool,
    /// How long a connection takes to be made, or refused.
    pub(super) connect_takes: u64,
    pub(super) receives: usize,
    pub(super) draws: u32,
    pub(super) clock_readings: usize,
    pub(super) vendor_ids: Option<VendorIds>,
    /// How long a renewal of the session takes; `None`: the connection cannot renew itself.
    pub(super) renewal_takes: Option<u64>,
    /// Renewals come to nothing.
    pub(super) refuse_renewals: bool,
    pub(super) renewals: Vec<u64>,
    /// So many milliseconds after a renewal the server ends the session again.
    pub(super) ends_after: Option<u64>,
    pub(super) cancelled: usize,
    /// What connections may be resumed from, and what each was asked to resume.
    pub(super) resumable: Option<Vec<u8>>,
    pub(super) resumed: Vec<Option<Vec<u8>>>,
}

pub(super) type Responder = Box<dyn FnMut(&[u8], usize) -> Vec<(u64, Arriving)>>;

#[derive(Clone)]
pub(super) enum Arriving {
    Datagram(Vec<u8>),
    Failure,
    /// The wait ends early, as if interrupted.
    NothingAtOnce,
    /// A datagram, and what another thread of the program does just before it is received.
    Meanwhile(Rc<dyn Fn()>, Vec<u8>),
    Close,
    Renewed,
    NotRenewed,
}

#[derive(Clone, Default)]
pub(super) struct Fake(pub(super) Rc<RefCell<World>>);

impl Platform for Fake {
    type Transport = Self;

    fn now(&self) -> Instant {
        self.0.borrow_mut().clock_readings += 1;
        Instant::from_millis(self.0.borrow().now)
    }

    fn sleep(&self, duration: Duration) {
        self.0.borrow_mut().now += duration.as_millis() as u64;
    }

    fn random(&self) -> u32 {
        let mut world = self.0.borrow_mut();
        world.draws = world.draws.wrapping_add(0x1234_5677);
        world.draws
    }

    fn vendor_ids(&self) -> Option<VendorIds> {
        self.0.borrow().vendor_ids.clone()
    }

    fn connect(&self, request: &ConnectRequest<'_>) -> Result<Self, ConnectError> {
        assert!(!log_gate::is_held(), "connecting happens without the lock");
        let mut world = self.0.borrow_mut();
        world.connects += 1;
        world.now += world.connect_takes;
        let resumed = request.resume.map(|session| session.as_bytes().to_vec());
        world.resumed.push(resumed);
        if world.refuse_connects {
            Err(ConnectError)
        } else {
            Ok(self.clone())
        }
    }
}

impl Transport for Fake {
    fn send(&self, datagram: &[u8]) -> Result<(), SendFailed> {
        assert!(log_gate::is_held(), "sending happens under the lock");
        let mut world = self.0.borrow_mut();
        if world.refuse_writes {
            return Err(SendFailed);
        }
        let now = world.now;
        world.sent.push((now, datagram.to_vec()));
        let count = world.sent.len();
        if let Some(mut respond) = world.respond.take() {
            let answers = respond(datagram, count);
            for (delay, what) in answers {
                world.schedule(now + delay, what);
            }
            world.respond.get_or_insert(respond);
        }
        Ok(())
    }

    fn receive(&self, buffer: &mut [u8], timeout: Duration) -> Received {
        assert!(!log_gate::is_held(), "waiting happens without the lock");
        let mut world = self.0.borrow_mut();
        world.receives += 1;
        let until = world.now + timeout.as_millis() as u64;
        let Some((at, _)) = world.arriving.front().filter(|(at, _)| *at <= until) else {
            world.now = until;
            return Received::Nothing;
        };
        world.now = world.now.max(*at);
        let (_, arriving) = world.arriving.pop_front().unwrap();
        match arriving {
            Arriving::Datagram(bytes) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Received::Datagram(bytes.len())
            }
            Arriving::Failure => Received::Failed,
            Arriving::NothingAtOnce => Received::Nothing,
            Arriving::Meanwhile(act, bytes) => {
                drop(world);
                act();
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Received::Datagram(bytes.len())
            }
            Arriving::Close => Received::Closed,
            Arriving::Renewed => Received::Renewed,
            Arriving::NotRenewed => Received::NotRenewed,
        }
    }

    fn renew(&self) -> Renewal {
        let mut world = self.0.borrow_mut();
        let (now, refused) = (world.now, world.refuse_renewals);
        let Some(delay) = world.renewal_takes else {
            return Renewal::Unsupported;
        };
        world.renewals.push(now);
        let end = if refused {
            Arriving::NotRenewed
        } else {
            Arriving::Renewed
        };
        world.schedule(now + delay, end);
        if let Some(after) = world.ends_after {
            world.schedule(now + delay + after, Arriving::Close);
        }
        Renewal::Begun
    }

    fn cancel_renewal(&self) {
        let mut world = self.0.borrow_mut();
        world.cancelled += 1;
        let of_renewal = |what: &Arriving| matches!(what, Arriving::Renewed | Arriving::NotRenewed);
        world.arriving.retain(|(_, what)| !of_renewal(what));
    }

    fn resumable(&self) -> Option<ResumableSession> {
        let bytes = self.0.borrow().resumable.clone()?;
        Some(ResumableSession::new(Zeroizing::new(bytes)))
    }
}

impl World {
    /// Something will come in, after all that comes in at the same time.
    fn schedule(&mut self, at: u64, what: Arriving) {
        let later = self.arriving.iter().position(|(other, _)| *other > at);
        let index = later.unwrap_or(self.arriving.len());
        self.arriving.insert(index, (at, what));
    }

    /// When the requests for which this holds were sent.
    pub(super) fn times(&self, of: impl Fn(&[u8]) -> bool) -> Vec<u64> {
        let sent = self.sent.iter().filter(|(_, bytes)| of(bytes));
        sent.map(|(at, _)| *at).collect()
    }
}

pub(super) fn is_auth(request: &[u8]) -> bool {
    request.len() > 8 && request[8..].starts_with(b"\xb4auth")
}

pub(super) fn is_post(request: &[u8]) -> bool {
    request[1] == 2 && !is_auth(request)
}

/// The number and the value of the token option.
pub(super) fn token_of(request: &[u8]) -> (u16, Vec<u8>) {
    let message = Datagram::parse(request).unwrap();
    let mut options = message.options();
    let (number, value) = options.find(|(n, _)| [61, 2088].contains(&n.0)).unwrap();
    (number.0, value.to_vec())
}

pub(super) fn answer(request: &[u8], code: u8, payload: &[u8]) -> Arriving {
    // An ACK to a Confirmable request; to a Non-confirmable one, a Non-confirmable message.
    let header = if request[0] & 0x10 == 0 { 0x64 } else { 0x54 };
    let mut bytes = vec![header, code, request[2], request[3]];
    bytes.extend_from_slice(&request[4..8]);
    if !payload.is_empty() {
        bytes.push(0xff);
        bytes.extend_from_slice(payload);
    }
    Arriving::Datagram(bytes)
}

pub(super) const GRANT: &[u8] = br#"{"token":"tok"}"#;
pub(super) const REPORT: Report<'_> = Report {
    path: b"/topic/pk/dn/update",
    payload: b"{}",
    content_format: 50,
    confirmable: true,
};
pub(super) const UNCONFIRMED: Report<'_> = Report {
    confirmable: false,
    ..REPORT
};

/// Answers /auth with a token and everything else with an empty 2.05, each after `delay` ms.
pub(super) fn friendly_cloud(delay: u64) -> Responder {
    Box::new(move |request, _| {
        if request[0] & 0x20 != 0 {
            return vec![]; // ACK or RST from the client
        }
        let payload = if is_auth(request) { GRANT } else { b"" };
        vec![(delay, answer(request, 0x45, payload))]
    })
}

pub(super) fn client(world: &Fake) -> Client<Fake, u32> {
    client_with(world, Settings::default())
}

pub(super) fn client_with(world: &Fake, settings: Settings) -> Client<Fake, u32> {
    client_at(world, "coap://h", settings)
}

pub(super) fn client_at(world: &Fake, url: &str, settings: Settings) -> Client<Fake, u32> {
    let endpoint = Endpoint::parse(url).unwrap();
    Client::connect(world.clone(), identity(), endpoint, settings).unwrap()
}

pub(super) fn identity() -> DeviceIdentity {
    DeviceIdentity {
        product_key: "pk".into(),
        device_name: "dn".into(),
        device_id: String::new(),
        device_secret: Secret::new("secret"),
    }
}

/// Everything that happens, in words.
pub(super) fn diary(into: &mut Vec<String>) -> impl FnMut(Happening<'_, u32>) {
    |happening| {
        into.push(match happening {
            Happening::Response(d) => format!("{} answered {}", d.user, d.head.code),
            Happening::ReportFailed(f) => format!("{} failed: {:?}", f.user, f.reason),
            Happening::ReceiveFailed(failure) => format!("{failure:?}"),
            Happening::Authenticated => "authenticated".into(),
            Happening::AuthFailed(error) => format!("authentication failed: {error:?}"),
        });
    }
}

/// A sink that nothing may reach but what concerns no report.
pub(super) fn no_delivery(happening: Happening<'_, u32>) {
    match happening {
        Happening::Authenticated | Happening::ReceiveFailed(ReceiveFailure::ConnectionEnded) => {}
        other => panic!("unexpected: {other:?}"),
    }
}

/// A sink for responses, which nothing else but an authentication may reach.
pub(super) fn responses(mut take: impl FnMut(Delivery<'_, u32>)) -> impl FnMut(Happening<'_, u32>) {
    move |happening| match happening {
        Happening::Response(delivery) => take(delivery),
        other => no_delivery(other),
    }
}

pub(super) fn authenticated(world: &Fake) -> Client<Fake, u32> {
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client(world);
    client.authenticate(&mut no_delivery).unwrap();
    client
}

pub(super) fn since(world: &Fake, start: u64) -> u64 {
    world.0.borrow().now - start
}

/// A sink for failed reports, which nothing else but an authentication may reach.
pub(super) fn failures(into: &mut Vec<Failure<u32>>) -> impl FnMut(Happening<'_, u32>) {
    |happening| match happening {
        Happening::ReportFailed(failure) => into.push(failure),
        other => no_delivery(other),
    }
}

/// Something comes in at this time.
pub(super) fn arrive(world: &Fake, at: u64, what: Arriving) {
    world.0.borrow_mut().schedule(at, what);
}

/// Runs for so many seconds, call by call, and says what happens.
pub(super) fn run(world: &Fake, client: &Client<Fake, u32>, seconds: u64) -> Vec<String> {
    let end = world.0.borrow().now + seconds * 1_000;
    let mut seen = Vec::new();
    loop {
        let left = end - world.0.borrow().now;
        client.run(Duration::from_millis(left), &mut diary(&mut seen));
        if world.0.borrow().now >= end {
            return seen;
        }
    }
}
