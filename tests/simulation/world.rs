//! The world around one device: time, the network, the peer behind it, and the platform the client sees.

use super::chance::Chance;
use super::peer::{Manners, Origin, Peer, Session};
use super::watch::Watch;
use super::weather::{Calamity, Weather};
use iotx_coap::client::{
    ConnectError, ConnectRequest, Platform, Received, Renewal, ResumableSession, SendFailed,
    Transport,
};
use iotx_coap::coap::Instant;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// First wait before a flight of the handshake is repeated (RFC 6347 section 4.2.4.1).
const FLIGHT_TIMEOUT: u64 = 1_000;
/// Of the one socket.
const DESCRIPTOR: i32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Freight {
    /// ClientHello; with the cookie the second time.
    Hello { attempt: u64, cookie: bool },
    /// HelloVerifyRequest.
    Verify { attempt: u64 },
    /// The peer's last flight: the session exists.
    Finished { attempt: u64, session: u64 },
    /// close_notify.
    Close { session: u64 },
    /// A CoAP message, in a record of the session if there is one.
    Message { session: Session, bytes: Vec<u8> },
}

/// A datagram under way: when it arrives, its place among those of the same instant, whether it goes to the
/// peer, the device's address, and what it carries.
type Underway = Reverse<(u64, u64, bool, u32, Freight)>;

/// A new handshake beside the session.
struct Handshake {
    attempt: u64,
    cookie: bool,
    due: u64,
    timeout: u64,
    end: u64,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) chance: Chance,
    pub(crate) up: Weather,
    pub(crate) down: Weather,
    pub(crate) peer: Peer,
    pub(crate) watch: Watch,
    /// What is going to happen, and when.
    pub(crate) fate: VecDeque<(u64, Calamity)>,
    pub(crate) handshakes: u32,
    /// When handshakes beside a session began.
    pub(crate) renewals: Vec<u64>,
    /// How often the program's loop has turned at the same instant.
    pub(crate) rounds: u32,
    dtls: bool,
    /// The DTLS sessions are a firmware's own: they cannot be renewed.
    pub(crate) own_hal: bool,
    /// Datagrams that do not leave, of 1,000.
    pub(crate) send_failures: u32,
    outage_until: u64,
    underway: BinaryHeap<Underway>,
    order: u64,
    address: u32,
    next_session: u64,
    /// The peer's sessions: the address they were made from, and their number.
    sessions: Vec<(u32, u64)>,
    current: Session,
    handshake: Option<Handshake>,
    inbox: VecDeque<Freight>,
}

impl World {
    pub(crate) fn new(seed: u64, dtls: bool, manners: Manners, watch: Watch) -> Self {
        let mut chance = Chance::new(seed);
        let peer = Peer::new(Chance::new(chance.next()), manners);
        Self {
            now: 0,
            up: Weather::FINE,
            down: Weather::FINE,
            peer,
            watch,
            fate: VecDeque::new(),
            handshakes: 0,
            renewals: Vec::new(),
            rounds: 0,
            dtls,
            own_hal: false,
            send_failures: 0,
            outage_until: 0,
            underway: BinaryHeap::new(),
            order: 0,
            address: 1,
            next_session: 0,
            sessions: Vec::new(),
            current: None,
            handshake: None,
            inbox: VecDeque::new(),
            chance,
        }
    }

    fn dispatch(&mut self, to_peer: bool, address: u32, freight: Freight) {
        if self.now < self.outage_until {
            return;
        }
        let weather = if to_peer { self.up } else { self.down };
        if self.chance.happens(weather.loss) {
            return;
        }
        let copies = if self.chance.happens(weather.duplication) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let at = self.now + self.chance.between(weather.delay.0, weather.delay.1);
            self.order += 1;
            let underway = (at, self.order, to_peer, address, freight.clone());
            self.underway.push(Reverse(underway));
        }
    }

    fn befall(&mut self, calamity: Calamity) {
        match calamity {
            Calamity::Outage(duration) => {
                self.outage_until = self.now + duration.as_millis() as u64;
            }
            Calamity::Restart | Calamity::Amnesia => {
                self.sessions.clear();
                self.peer.forget_conversations();
                if calamity == Calamity::Amnesia {
                    self.peer.void_tokens();
                }
            }
            Calamity::Rebinding => self.address += 1,
            Calamity::TokensVoid => self.peer.void_tokens(),
            Calamity::CloseNotify => {
                for (address, session) in std::mem::take(&mut self.sessions) {
                    self.dispatch(false, address, Freight::Close { session });
                }
            }
        }
    }

    /// When anything next happens outside the device.
    fn next_event(&self) -> Option<u64> {
        let arrival = self.underway.peek().map(|Reverse(underway)| underway.0);
        let fate = self.fate.front().map(|(at, _)| *at);
        [arrival, fate, self.peer.due()].into_iter().flatten().min()
    }

    /// Lets everything happen that is due by now.
    fn catch_up(&mut self) {
        while self.fate.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, calamity) = self.fate.pop_front().expect("looked at");
            self.befall(calamity);
        }
        for ((address, session), bytes) in self.peer.repeat(self.now) {
            self.dispatch(false, address, Freight::Message { session, bytes });
        }
        while self
            .underway
            .peek()
            .is_some_and(|Reverse(u)| u.0 <= self.now)
        {
            let Reverse((_, _, to_peer, address, freight)) = self.underway.pop().expect("seen");
            if to_peer {
                self.peer_receives(address, freight);
            } else if address == self.address {
                self.inbox.push_back(freight);
            }
        }
    }

    fn peer_receives(&mut self, address: u32, freight: Freight) {
        match freight {
            Freight::Hello {
                attempt,
                cookie: false,
            } => {
                self.dispatch(false, address, Freight::Verify { attempt });
            }
            Freight::Hello {
                attempt,
                cookie: true,
            } => {
                // A repeated flight is answered as before.
                let known = self.sessions.iter().find(|s| **s == (address, attempt));
                if known.is_none() {
                    self.sessions.retain(|(at, _)| *at != address);
                    self.sessions.push((address, attempt));
                }
                let session = attempt;
                self.dispatch(false, address, Freight::Finished { attempt, session });
            }
            Freight::Message { session, bytes } => {
                let known = session.is_none_or(|s| self.sessions.contains(&(address, s)));
                if !known {
                    return;
                }
                let origin: Origin = (address, session);
                for bytes in self.peer.hear(self.now, origin, &bytes) {
                    self.dispatch(false, address, Freight::Message { session, bytes });
                }
            }
            Freight::Verify { .. } | Freight::Finished { .. } | Freight::Close { .. } => {}
        }
    }

    fn begin_handshake(&mut self, bound: Duration) {
        self.next_session += 1;
        self.handshakes += 1;
        self.handshake = Some(Handshake {
            attempt: self.next_session,
            cookie: false,
            due: self.now,
            timeout: FLIGHT_TIMEOUT / 2,
            end: self.now + bound.as_millis() as u64,
        });
        self.drive_handshake();
    }

    /// Repeats the flight if it is due; tells whether the handshake has run out of time.
    fn drive_handshake(&mut self) -> bool {
        let Some(handshake) = &mut self.handshake else {
            return false;
        };
        if self.now >= handshake.end {
            self.handshake = None;
            return true;
        }
        if self.now >= handshake.due {
            handshake.timeout = (handshake.timeout * 2).min(60_000);
            handshake.due = self.now + handshake.timeout;
            let (attempt, cookie) = (handshake.attempt, handshake.cookie);
            let address = self.address;
            self.dispatch(true, address, Freight::Hello { attempt, cookie });
        }
        false
    }

    /// Takes one thing that has arrived; `None` for what the transport keeps to itself.
    fn accept(&mut self, freight: Freight, buffer: &mut [u8]) -> Option<Received> {
        match freight {
            Freight::Verify { attempt } => {
                let handshake = self.handshake.as_mut()?;
                if handshake.attempt == attempt && !handshake.cookie {
                    handshake.cookie = true;
                    handshake.due = self.now;
                    handshake.timeout = FLIGHT_TIMEOUT / 2;
                }
                None
            }
            Freight::Finished { attempt, session } => {
                self.handshake.as_ref().filter(|h| h.attempt == attempt)?;
                self.handshake = None;
                self.current = Some(session);
                self.watch.new_session();
                Some(Received::Renewed)
            }
            Freight::Close { session } => {
                (self.current == Some(session)).then(|| self.current = None)?;
                Some(Received::Closed)
            }
            Freight::Message { session, bytes } => {
                if session != self.current {
                    return None;
                }
                self.watch.received(self.now, &bytes);
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Some(Received::Datagram(bytes.len()))
            }
            Freight::Hello { .. } => None,
        }
    }

    fn receive(&mut self, buffer: &mut [u8], until: u64) -> Received {
        loop {
            self.catch_up();
            while let Some(freight) = self.inbox.pop_front() {
                if let Some(received) = self.accept(freight, buffer) {
                    return received;
                }
            }
            if self.drive_handshake() {
                return Received::NotRenewed;
            }
            if self.dtls && self.current.is_none() && self.handshake.is_none() {
                return Received::Closed;
            }
            if self.now >= until {
                return Received::Nothing;
            }
            let handshake = self.handshake.as_ref().map(|h| h.due.min(h.end));
            let next = [self.next_event(), handshake].into_iter().flatten().min();
            self.now = next.unwrap_or(until).clamp(self.now, until);
        }
    }
}

/// The platform, and its one connection.
#[derive(Clone)]
pub(crate) struct Device(pub(crate) Rc<RefCell<World>>);

impl Platform for Device {
    type Transport = Self;

    fn now(&self) -> Instant {
        Instant::from_millis(self.0.borrow().now)
    }

    fn sleep(&self, duration: Duration) {
        let mut world = self.0.borrow_mut();
        let until = world.now + duration.as_millis() as u64;
        loop {
            world.catch_up();
            if world.now >= until {
                return;
            }
            let next = world.next_event().unwrap_or(until);
            world.now = next.clamp(world.now, until);
        }
    }

    fn random(&self) -> u32 {
        (self.0.borrow_mut().chance.next() >> 32) as u32
    }

    fn connect(&self, request: &ConnectRequest<'_>) -> Result<Self, ConnectError> {
        let mut world = self.0.borrow_mut();
        world.current = None;
        if !world.dtls {
            return Ok(self.clone());
        }
        world.begin_handshake(request.handshake_bound);
        let until = world.now + request.handshake_bound.as_millis() as u64;
        match world.receive(&mut [0; 2048], until) {
            Received::Renewed => Ok(self.clone()),
            _ => Err(ConnectError),
        }
    }
}

impl Device {
    /// As `poll` does: waits until something has arrived at the descriptor, or `timeout` is over.
    pub(crate) fn poll(&self, descriptor: Option<i32>, timeout: Duration) {
        let mut world = self.0.borrow_mut();
        let until = world.now + timeout.as_millis() as u64;
        loop {
            world.catch_up();
            let readable = descriptor == Some(DESCRIPTOR) && !world.inbox.is_empty();
            if world.now >= until || readable {
                return;
            }
            let next = world.next_event().unwrap_or(until);
            world.now = next.clamp(world.now, until);
        }
    }
}

impl Transport for Device {
    fn send(&self, datagram: &[u8]) -> Result<(), SendFailed> {
        let mut world = self.0.borrow_mut();
        if world.dtls && world.current.is_none() {
            return Err(SendFailed);
        }
        let failures = world.send_failures;
        if world.chance.happens(failures) {
            return Err(SendFailed);
        }
        let now = world.now;
        world.watch.sent(now, datagram);
        let (session, address) = (world.current, world.address);
        let bytes = datagram.to_vec();
        world.dispatch(true, address, Freight::Message { session, bytes });
        Ok(())
    }

    fn receive(&self, buffer: &mut [u8], timeout: Duration) -> Received {
        let mut world = self.0.borrow_mut();
        let until = world.now + timeout.as_millis() as u64;
        world.receive(buffer, until)
    }

    fn renew(&self) -> Renewal {
        let mut world = self.0.borrow_mut();
        if !world.dtls || world.own_hal {
            return Renewal::Unsupported;
        }
        if world.handshake.is_none() {
            let now = world.now;
            world.renewals.push(now);
            world.begin_handshake(Duration::from_secs(30));
        }
        Renewal::Begun
    }

    /// Once the peer has seen the cookie it may have dropped the old session: there is no way back then.
    fn cancel_renewal(&self) {
        let mut world = self.0.borrow_mut();
        if world.handshake.as_ref().is_some_and(|h| !h.cookie) {
            world.handshake = None;
        }
    }

    fn resumable(&self) -> Option<ResumableSession> {
        let session = self.0.borrow().current?;
        Some(ResumableSession::new(session.to_be_bytes().to_vec().into()))
    }

    fn descriptor(&self) -> Option<i32> {
        Some(DESCRIPTOR)
    }

    fn next_timeout(&self) -> Option<Duration> {
        let world = self.0.borrow();
        let handshake = world.handshake.as_ref()?;
        let due = handshake.due.min(handshake.end);
        Some(Duration::from_millis(due.saturating_sub(world.now)))
    }
}
