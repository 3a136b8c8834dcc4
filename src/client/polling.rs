//! The client for programs that keep their own time: those that wait in a loop of their own, and those whose
//! only pause is the client's.

use super::driver::{Client, MOST_AT_ONCE, Turn};
use super::happening::Sink;
use super::platform::{Platform, Transport};
use crate::coap::Millis;
use core::time::Duration;

impl<P: Platform, U> Client<P, U> {
    /// A file descriptor that becomes readable when there is something to [`process`](Self::process). Another
    /// one after every reconnection, and `None` while there is no connection, or none with a descriptor. A session
    /// that has ended has none either until it is renewed: nothing would take what still arrives for it, and a
    /// loop that waits for that would spin.
    pub fn descriptor(&self) -> Option<i32> {
        let state = self.lock();
        let transport = state.transport.as_ref().filter(|_| state.can_receive());
        transport?.descriptor()
    }

    /// How long until [`process`](Self::process) has something to do even if nothing arrives; `None` when
    /// only what arrives, or the program, moves anything.
    pub fn next_timeout(&self) -> Option<Duration> {
        let now = self.platform.now();
        let state = self.lock();
        if state.session.has_notice() {
            return Some(Duration::ZERO);
        }
        let own = state.next_deadline().map(|due| due.since(now));
        let transport = state.transport.as_ref().filter(|_| state.can_receive());
        let of_transport = transport.and_then(|transport| transport.next_timeout());
        own.into_iter().chain(of_transport).min()
    }

    /// Takes what has arrived, delivers, and sends what is due; waits for nothing. While another thread
    /// receives for this client, that one does the receiving. A lost session is renewed step by step, call by
    /// call; only a connection that cannot renew itself is replaced by one whose handshake blocks.
    pub fn process(&self, sink: &mut Sink<'_, U>) {
        let mut now = self.platform.now();
        let mut buffer = self.take_buffer();
        for _ in 0..MOST_AT_ONCE {
            // What is here already comes first, before the timers judge.
            let received = self.receive(&mut now, Millis::ZERO, None, &mut buffer, sink);
            if !matches!(received, Turn::Handled | Turn::Progress) {
                break;
            }
        }
        let until = now;
        for _ in 0..MOST_AT_ONCE {
            let turn = self.turn(&mut now, until, None, &mut buffer, sink);
            if !matches!(turn, Turn::Progress | Turn::Handled) {
                break;
            }
        }
        self.keep_buffer(buffer);
    }

    /// As [`run`](Self::run), but takes the whole of `wait`, also when there is nothing left to wait for. Ends
    /// early only when the client is closed.
    pub fn run_whole(&self, wait: Duration, sink: &mut Sink<'_, U>) {
        let mut now = self.platform.now();
        let end = now + wait;
        while now < end && !self.is_closed() {
            self.run(end.since(now), sink);
            now = self.platform.now();
        }
    }
}
