//! The network of one UDP port: lines in both directions and a NAT device, between socket and server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::line::{Addressed, Line, Passed};
use super::nat::Nat;
use super::random::Random;
use super::{Direction, Fault, Faults};
use crate::endpoint::{Endpoint, Transport};
use crate::event::EventKind;
use crate::port::{Command, Server, Wire};
use crate::scenario::Occurrence;
use crate::service::Shared;

/// Stands between a port's socket and its server. As a [`Wire`] it is the server's way out.
pub(crate) struct Network {
    shared: Arc<Shared>,
    /// The port itself.
    at: Endpoint,
    wire: Arc<dyn Wire>,
    state: Mutex<State>,
}

struct State {
    up: Line,
    down: Line,
    nat: Nat,
}

impl Network {
    pub(crate) fn new(
        shared: Arc<Shared>,
        at: Endpoint,
        wire: Arc<dyn Wire>,
        faults: &Faults,
    ) -> Self {
        let line =
            |impairment, direction| Line::new(impairment, seed(faults, at.transport, direction));
        let state = State {
            up: line(faults.up, Direction::Up),
            down: line(faults.down, Direction::Down),
            nat: Nat::default(),
        };
        Network {
            shared,
            at,
            wire,
            state: Mutex::new(state),
        }
    }

    /// From now on does this to datagrams.
    pub(crate) fn set(&self, faults: &Faults) {
        let mut state = self.state();
        let seed = |direction| seed(faults, self.at.transport, direction);
        state.up.set(faults.up, seed(Direction::Up));
        state.down.set(faults.down, seed(Direction::Down));
    }

    /// Loses so many datagrams of a direction after others have passed.
    pub(crate) fn lose_after(&self, direction: Direction, skip: u64, count: u64) {
        self.state().line(direction).lose_after(skip, count);
    }

    /// Gives all devices new addresses; what is sent to the old ones vanishes.
    pub(crate) fn rebind(&self) {
        self.state().nat.rebind();
    }

    /// Lets nothing pass in either direction until then, nor arrive what is under way.
    pub(crate) fn cut_off(&self, until: Instant) {
        let mut state = self.state();
        let (up, down) = (state.up.cut(until), state.down.cut(until));
        drop(state);
        for (direction, lost) in [(Direction::Up, up), (Direction::Down, down)] {
            for (peer, datagram) in lost {
                self.tell(direction, peer, datagram.len(), &[Fault::CutOff]);
            }
        }
    }

    /// Ends [`cut_off`](Self::cut_off) early.
    pub(crate) fn mend(&self) {
        let mut state = self.state();
        state.up.mend();
        state.down.mend();
    }

    /// Takes a datagram from the socket; returns what reaches the server.
    fn arrive(&self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Vec<Addressed> {
        let mut state = self.state();
        let seen = state.nat.outside(from);
        let passed = state.up.pass(now, seen, datagram);
        drop(state);
        self.shared.stage.observe(Occurrence::Datagram);
        self.account(Direction::Up, seen, datagram.len(), &passed);
        passed.deliver
    }

    /// Takes a datagram from the server and sends what is to be sent now.
    fn depart(&self, now: Instant, to: SocketAddr, datagram: &[u8]) {
        let passed = self.state().down.pass(now, to, datagram);
        self.account(Direction::Down, to, datagram.len(), &passed);
        self.deliver(passed.deliver);
    }

    fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        let deadlines = [state.up.deadline(), state.down.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Sends what is due; returns what reaches the server.
    fn due(&self, now: Instant) -> Vec<Addressed> {
        let mut state = self.state();
        let (up, down) = (state.up.due(now), state.down.due(now));
        drop(state);
        self.deliver(down);
        up
    }

    /// Hands datagrams to the devices behind the NAT device.
    fn deliver(&self, datagrams: Vec<Addressed>) {
        for (to, datagram) in datagrams {
            let device = self.state().nat.inside(to);
            match device {
                Some(device) => self.wire.send(device, &datagram),
                None => self.tell(Direction::Down, to, datagram.len(), &[Fault::NoMapping]),
            }
        }
    }

    fn account(&self, direction: Direction, peer: SocketAddr, len: usize, passed: &Passed) {
        self.shared.events.sent(direction, len, passed.delayed);
        self.tell(direction, peer, len, &passed.faults);
    }

    fn tell(&self, direction: Direction, peer: SocketAddr, len: usize, faults: &[Fault]) {
        let endpoint = Endpoint { peer, ..self.at };
        for fault in faults {
            let kind = EventKind::Impaired {
                direction,
                fault: *fault,
                len,
            };
            self.shared.publish(&endpoint, kind);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line(&mut self, direction: Direction) -> &mut Line {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

/// Ports and directions must not share their fate.
fn seed(faults: &Faults, transport: Transport, direction: Direction) -> u64 {
    let port = match transport {
        Transport::Udp => 0,
        Transport::Symmetric => 1,
        Transport::Dtls => 2,
        Transport::Http | Transport::Https | Transport::Cloud => 3,
    };
    Random::new(
        faults.seed,
        2 * port + u64::from(direction == Direction::Down),
    )
    .next()
}

impl Wire for Network {
    fn send(&self, to: SocketAddr, datagram: &[u8]) {
        self.depart(Instant::now(), to, datagram);
    }
}

/// A server behind its network.
pub(crate) struct Behind<S> {
    pub(crate) network: Arc<Network>,
    pub(crate) server: S,
}

impl<S: Server> Server for Behind<S> {
    fn datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        for (from, datagram) in self.network.arrive(now, from, datagram) {
            self.server.datagram(now, from, &datagram);
        }
        self.network.shared.act();
    }

    fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.network.deadline(), self.server.deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn expire(&mut self, now: Instant) {
        for (from, datagram) in self.network.due(now) {
            self.server.datagram(now, from, &datagram);
        }
        if self
            .server
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.server.expire(now);
        }
        self.network.shared.act();
    }

    fn obey(&mut self, now: Instant, command: &Command) {
        self.server.obey(now, command);
        if let Command::Restart(memory) = command {
            let network = &self.network;
            network
                .shared
                .publish(&network.at, EventKind::Restarted(*memory));
        }
    }

    fn close(&mut self) {
        self.server.close();
    }
}
