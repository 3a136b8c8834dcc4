//! What happened, in a form that tests can wait for and logs can print.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::UnixMillis;
use crate::code::Code;
use crate::devices::DeviceId;
use crate::endpoint::Transport;
use crate::faults::{Direction, Fault, Memory, Traffic};
use crate::platform::Outcome;

/// One thing that happened. No event holds a token, a sign or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by the cloud's clock.
    pub at: UnixMillis,
    /// By which port.
    pub transport: Transport,
    /// With whom.
    pub peer: SocketAddr,
    /// What.
    pub kind: EventKind,
}

/// A request as the message layer saw it, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// Message id.
    pub message_id: u16,
    /// Whether the request was confirmable.
    pub confirmable: bool,
    /// Method code: 1 GET, 2 POST, 3 PUT, 4 DELETE.
    pub method: u8,
    /// Path, without the query.
    pub path: String,
    /// Length of the payload as it came.
    pub payload_len: usize,
    /// Code of the answer; `None` if a script kept it back.
    pub answered: Option<Code>,
    /// Whether the answer came in a message of its own.
    pub separate: bool,
    /// Whether the message id had been used for another message within the exchange lifetime.
    pub id_reused: bool,
}

/// Who proved what to whom in a DTLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The server showed its certificate.
    Certificate,
    /// Both sides know the device's key.
    Psk(DeviceId),
    /// Both of it.
    RsaPsk(DeviceId),
}

/// Why a DTLS session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The device sent close_notify; it was answered.
    Closed,
    /// The device sent a fatal alert, or OpenSSL gave up.
    Failed,
    /// Nothing was heard for the idle time.
    Idle,
    /// The same address completed the cookie exchange of a new handshake.
    Replaced,
    /// Too many sessions: the one silent for longest had to go.
    Evicted,
    /// The cloud was restarted; the device has not been told.
    Forgotten,
    /// The cloud was told to end it, and told the device.
    Ended,
}

/// Kinds of events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A request was answered.
    Request(Exchanged, Outcome),
    /// A request came again and got the same answer again.
    Duplicate {
        /// Its message id.
        message_id: u16,
    },
    /// An empty confirmable message was answered with a reset.
    Ping {
        /// Its message id.
        message_id: u16,
    },
    /// A separate response was acknowledged.
    Acknowledged {
        /// Its message id.
        message_id: u16,
    },
    /// The device sent a reset.
    Reset {
        /// The refused message id.
        message_id: u16,
    },
    /// A separate response was never acknowledged.
    GaveUp {
        /// Its message id.
        message_id: u16,
    },
    /// A well-formed message that is no business of a server.
    Unexpected {
        /// Its message id.
        message_id: u16,
    },
    /// Something that is no CoAP message or, on the DTLS port, no record for a known session.
    Malformed {
        /// What is wrong.
        reason: String,
        /// Length of the datagram.
        len: usize,
    },
    /// A ClientHello without a valid cookie was answered with a HelloVerifyRequest.
    HelloVerify,
    /// A DTLS handshake is complete.
    Handshake {
        /// IANA name of the suite.
        cipher: String,
        /// `DTLSv1.2` or `DTLSv1`.
        version: String,
        /// Whether a former session was resumed.
        resumed: bool,
        /// What was proved.
        credential: Credential,
        /// The host name of the SNI extension.
        server_name: Option<String>,
    },
    /// A DTLS handshake failed.
    HandshakeFailed {
        /// OpenSSL's reason, or the cloud's.
        reason: String,
    },
    /// A DTLS session is over.
    SessionEnded(SessionEnd),
    /// The network did something to a datagram. The peer is the device's address as the cloud sees
    /// it.
    Impaired {
        /// Which way it went.
        direction: Direction,
        /// What happened to it.
        fault: Fault,
        /// Its length.
        len: usize,
    },
    /// This port was restarted. The peer is the port's own address.
    Restarted(Memory),
    /// A step of the scenario has been taken. There is no peer: its address is 0.0.0.0:0.
    Step {
        /// Its number, from 1.
        number: usize,
        /// What was done.
        what: String,
    },
    /// A firmware image was asked for.
    Fetched {
        /// Path, without the query.
        path: String,
        /// Status of the answer.
        status: u16,
        /// The first byte that was sent.
        offset: usize,
        /// Whether everything asked for was sent.
        whole: bool,
    },
}

impl Event {
    /// The accepted report, if this is one.
    pub fn report(&self) -> Option<&crate::Report> {
        match &self.kind {
            EventKind::Request(_, Outcome::Published(report)) => Some(report),
            _ => None,
        }
    }

    /// The report about the device's firmware, if this is one.
    pub fn ota(&self) -> Option<crate::OtaReport> {
        let report = self.report()?;
        crate::OtaReport::read(&report.topic, &report.payload)
    }

    /// The refusal, if this is one.
    pub fn refusal(&self) -> Option<&crate::Refusal> {
        match &self.kind {
            EventKind::Request(
                _,
                Outcome::AuthRefused { refusal, .. } | Outcome::Refused { refusal, .. },
            ) => Some(refusal),
            _ => None,
        }
    }

    /// The device that got a token, if this is an accepted authentication.
    pub fn authenticated(&self) -> Option<&DeviceId> {
        match &self.kind {
            EventKind::Request(_, Outcome::Authenticated { device, .. }) => Some(device),
            _ => None,
        }
    }

    /// Whether a DTLS handshake was completed.
    pub fn is_handshake(&self) -> bool {
        matches!(self.kind, EventKind::Handshake { .. })
    }
}

/// Running totals since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests served, without repetitions.
    pub requests: u64,
    /// Repetitions of requests.
    pub duplicates: u64,
    /// Tokens issued.
    pub authenticated: u64,
    /// Authentications refused.
    pub auth_refused: u64,
    /// Reports accepted.
    pub reports: u64,
    /// Answers by code.
    pub answers: BTreeMap<Code, u64>,
    /// Malformed datagrams.
    pub malformed: u64,
    /// ClientHellos that showed no valid cookie.
    pub hello_verify: u64,
    /// Completed handshakes, resumptions included.
    pub handshakes: u64,
    /// Resumptions among them.
    pub resumptions: u64,
    /// Failed handshakes.
    pub handshake_failures: u64,
    /// Separate responses that were never acknowledged.
    pub gave_up: u64,
    /// Datagrams from devices, at all UDP ports.
    pub up: Traffic,
    /// Datagrams to devices.
    pub down: Traffic,
}

impl Counters {
    fn traffic(&mut self, direction: Direction) -> &mut Traffic {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    fn count(&mut self, kind: &EventKind) {
        let counter = match kind {
            EventKind::Request(exchanged, outcome) => {
                if let Some(code) = exchanged.answered {
                    *self.answers.entry(code).or_default() += 1;
                }
                match outcome {
                    Outcome::Authenticated { .. } => self.authenticated += 1,
                    Outcome::AuthRefused { .. } => self.auth_refused += 1,
                    Outcome::Published(_) => self.reports += 1,
                    Outcome::Refused { .. } | Outcome::Scripted => {}
                }
                &mut self.requests
            }
            EventKind::Duplicate { .. } => &mut self.duplicates,
            EventKind::Malformed { .. } => &mut self.malformed,
            EventKind::HelloVerify => &mut self.hello_verify,
            EventKind::Handshake { resumed, .. } => {
                self.resumptions += u64::from(*resumed);
                &mut self.handshakes
            }
            EventKind::HandshakeFailed { .. } => &mut self.handshake_failures,
            EventKind::GaveUp { .. } => &mut self.gave_up,
            EventKind::Impaired {
                direction, fault, ..
            } => return self.traffic(*direction).count(*fault),
            _ => return,
        };
        *counter += 1;
    }
}

/// A function that sees every event, on the thread of the port it happened at.
pub(crate) type Observer = Box<dyn Fn(&Event) + Send>;

/// Distributes events.
pub(crate) struct Events {
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    counters: Counters,
    /// Events that nobody has waited for yet; bounded by `keep`.
    waiting: VecDeque<Event>,
    keep: usize,
    taps: Vec<Sender<Event>>,
    observers: Vec<Observer>,
}

impl Events {
    pub(crate) fn new(keep: usize, observers: Vec<Observer>) -> Self {
        let state = State {
            counters: Counters::default(),
            waiting: VecDeque::new(),
            keep,
            taps: Vec::new(),
            observers,
        };
        Events {
            state: Mutex::new(state),
            arrived: Condvar::new(),
        }
    }

    pub(crate) fn publish(&self, event: Event) {
        let mut state = self.lock();
        state.counters.count(&event.kind);
        for observer in &state.observers {
            observer(&event);
        }
        state.taps.retain(|tap| tap.send(event.clone()).is_ok());
        if state.keep > 0 {
            if state.waiting.len() == state.keep {
                state.waiting.pop_front();
            }
            state.waiting.push_back(event);
            self.arrived.notify_all();
        }
    }

    /// Counts a datagram, whatever becomes of it.
    pub(crate) fn sent(&self, direction: Direction, len: usize, delayed: bool) {
        let mut state = self.lock();
        let traffic = state.counters.traffic(direction);
        traffic.datagrams += 1;
        traffic.bytes += len as u64;
        traffic.delayed += u64::from(delayed);
    }

    pub(crate) fn tap(&self) -> Receiver<Event> {
        let (sender, receiver) = channel();
        self.lock().taps.push(sender);
        receiver
    }

    pub(crate) fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    /// Takes the oldest kept event that matches, waiting for it if need be. Others stay.
    pub(crate) fn take(
        &self,
        mut wanted: impl FnMut(&Event) -> bool,
        timeout: Duration,
    ) -> Option<Event> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if let Some(at) = state.waiting.iter().position(&mut wanted) {
                return state.waiting.remove(at);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self
                .arrived
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panicking observer leaves the state as sound as before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message_id: u16) -> Event {
        Event {
            at: UnixMillis(0),
            transport: Transport::Udp,
            peer: ([127, 0, 0, 1], 1).into(),
            kind: EventKind::Duplicate { message_id },
        }
    }

    fn take(events: &Events, message_id: u16) -> Option<Event> {
        events.take(
            |e| e.kind == EventKind::Duplicate { message_id },
            Duration::ZERO,
        )
    }

    #[test]
    fn taking_one_event_leaves_the_others() {
        let events = Events::new(10, Vec::new());
        for id in 1..=3 {
            events.publish(event(id));
        }
        assert_eq!(take(&events, 2), Some(event(2)));
        assert_eq!(take(&events, 2), None);
        assert_eq!(take(&events, 1), Some(event(1)));
        assert_eq!(take(&events, 3), Some(event(3)));
        assert_eq!(events.counters().duplicates, 3);
    }

    #[test]
    fn old_events_are_dropped_but_counted() {
        let events = Events::new(2, Vec::new());
        for id in 1..=3 {
            events.publish(event(id));
        }
        assert_eq!(take(&events, 1), None);
        assert_eq!(take(&events, 2), Some(event(2)));
        assert_eq!(events.counters().duplicates, 3);
    }

    #[test]
    fn taps_and_waiters_see_events_of_other_threads() {
        let events = Events::new(10, Vec::new());
        let tap = events.tap();
        std::thread::scope(|scope| {
            scope.spawn(|| events.publish(event(7)));
            let timeout = Duration::from_secs(60);
            assert!(events.take(|_| true, timeout).is_some());
            assert_eq!(tap.recv_timeout(timeout), Ok(event(7)));
        });
        drop(tap);
        events.publish(event(8));
        assert!(events.lock().taps.is_empty());
    }
}
