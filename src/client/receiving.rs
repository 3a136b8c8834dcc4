//! Waiting for a datagram, and what is made of it.

use super::authentication::AuthStatus;
use super::driver::{Buffer, Client, RECEIVE_CAPACITY, Turn};
use super::event::Event;
use super::happening::{Delivery, Happening, ReceiveFailure, Sink};
use super::platform::{Platform, Received, Transport};
use super::state::{Locked, Receiver};
use crate::coap::{Instant, Millis, Reply};
use std::sync::Arc;

/// Waited after a failed receive, so that a socket that fails at once cannot make a caller spin.
const PAUSE_AFTER_FAILURE: Millis = Millis::new(10);
/// Slept at a stretch where there is no connection to wait at: nothing wakes a sleeper, neither a report that
/// another thread sends nor the client's end.
const LONGEST_SLEEP: Millis = Millis::new(500);

impl<P: Platform, U> Client<P, U> {
    /// Waits for a datagram, handles it, delivers; with a wait of zero, takes one that is there already. Of
    /// several threads one waits at the transport, which need not bear more; the others wait for it to come
    /// back, but not with a wait of zero.
    pub(super) fn receive(
        &self,
        now: &mut Instant,
        wait: Millis,
        expected: Option<AuthStatus>,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Turn {
        self.receive_under(self.lock(), now, wait, expected, buffer, sink)
    }

    /// [`receive`](Self::receive), begun under the lock.
    pub(super) fn receive_under<'a>(
        &'a self,
        state: Locked<'a, P, U>,
        now: &mut Instant,
        wait: Millis,
        expected: Option<AuthStatus>,
        buffer: &mut Buffer,
        sink: &mut Sink<'_, U>,
    ) -> Turn {
        let wait = if state.is_shared() {
            // Another thread may send, or close the client, meanwhile: what that entails must be noticed in
            // time for the first retransmission.
            wait.min(state.session.settings().transmission.ack_timeout.into())
        } else {
            wait
        };
        // Under the lock that decides who waits: otherwise another thread could receive the awaited answer, and
        // be gone, between the question and the wait.
        if expected.is_some_and(|status| status != state.session.auth_status()) {
            return Turn::Progress;
        }
        let transport = state.transport.clone().filter(|_| state.can_receive());
        let Some(transport) = transport else {
            drop(state);
            self.pause(wait.min(LONGEST_SLEEP), now);
            return Turn::Nothing;
        };
        let receiver = match Receiver::new(self, state) {
            Ok(receiver) => receiver,
            Err(_) if wait == Millis::ZERO => return Turn::Nothing,
            Err(state) => {
                self.wait_for_receiver(state, wait.into());
                *now = self.platform.now();
                return Turn::Nothing;
            }
        };
        let received = transport.receive(&mut buffer[..=RECEIVE_CAPACITY], wait.into());
        let before = std::mem::replace(now, self.platform.now());
        match received {
            Received::Datagram(len) if len <= RECEIVE_CAPACITY => {
                self.arrived(receiver, *now, &transport, buffer, len, sink)
            }
            other => self.no_datagram(receiver, other, (before, now), wait, &transport, sink),
        }
    }

    /// What came of a wait, other than a datagram that can be taken; `before` is when it began.
    #[inline(never)]
    fn no_datagram(
        &self,
        receiver: Receiver<'_, P, U>,
        received: Received,
        (before, now): (Instant, &mut Instant),
        wait: Millis,
        transport: &Arc<P::Transport>,
        sink: &mut Sink<'_, U>,
    ) -> Turn {
        match received {
            Received::Datagram(_) => {
                log::warn!("datagram of more than {RECEIVE_CAPACITY} bytes dropped");
                drop(receiver);
                if self.is_closed() {
                    return Turn::Closed;
                }
                sink(Happening::ReceiveFailed(ReceiveFailure::TooLong));
                Turn::Handled
            }
            Received::Nothing if *now > before => Turn::Nothing,
            // At once: a socket with an error, or a port whose wait ends early. Asking again at once would spin.
            Received::Nothing | Received::Failed => {
                drop(receiver);
                self.pause(wait.min(PAUSE_AFTER_FAILURE), now);
                Turn::Nothing
            }
            Received::Closed => {
                drop(receiver);
                self.connection_ended(*now, transport, sink);
                Turn::Nothing
            }
            Received::Renewed => {
                self.renewed(&mut receiver.done(), *now);
                Turn::Handled
            }
            Received::NotRenewed => {
                self.not_renewed(&mut receiver.done());
                Turn::Handled
            }
        }
    }

    fn pause(&self, wait: Millis, now: &mut Instant) {
        if wait > Millis::ZERO {
            self.platform.sleep(wait.into());
            *now = self.platform.now();
        }
    }

    fn arrived(
        &self,
        receiver: Receiver<'_, P, U>,
        now: Instant,
        transport: &P::Transport,
        buffer: &mut Buffer,
        len: usize,
        sink: &mut Sink<'_, U>,
    ) -> Turn {
        let event = {
            let mut state = receiver.done();
            if self.is_closed() {
                // What the response would be delivered to may be gone with the client.
                return Turn::Closed;
            }
            self.link_is_alive(&mut state);
            let random = &mut || self.platform.random();
            let arrival = state.session.handle(now, random, &mut buffer[..len]);
            if let Some(reply) = arrival.reply {
                send_reply(transport, &reply);
            }
            if arrival.event.is_some() && state.session.is_waiting_for_peer() {
                // What is due again may have been answered by the next datagram.
                self.flush_first(&mut state, now);
            }
            arrival.event
        };
        match event {
            None => Turn::Handled,
            Some(Event::Auth) => Turn::Progress,
            Some(Event::Response {
                user,
                head,
                payload,
            }) => {
                buffer[payload.end] = 0;
                let payload_and_nul = &mut buffer[payload.start..=payload.end];
                sink(Happening::Response(Delivery {
                    user,
                    head,
                    payload_and_nul,
                }));
                Turn::Progress
            }
        }
    }
}

#[cold]
fn send_reply(transport: &impl Transport, reply: &Reply) {
    if transport.send(reply.as_bytes()).is_err() {
        log::warn!("an acknowledgement could not be sent");
    }
}
