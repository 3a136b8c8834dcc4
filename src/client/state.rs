//! What the threads of a client share: the state under its lock, and the right to wait at the transport.

use super::driver::{Buffer, Client, RECEIVE_CAPACITY};
use super::link::Link;
use super::log_gate;
use super::platform::Platform;
use super::session::Session;
use crate::sync::{Condvar, MutexGuard};
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::sync::{Arc, PoisonError};

pub(super) struct State<T, U> {
    pub(super) session: Session<U>,
    pub(super) transport: Option<Arc<T>>,
    pub(super) link: Link,
    pub(super) spare_buffers: Vec<Buffer>,
    /// Whether a thread waits at the transport.
    receiving: bool,
    /// How many threads wait for that one to come back.
    waiting_threads: usize,
    /// The thread that used the client last; 0 before the first.
    user: usize,
    /// Whether more than one thread has used it.
    shared: bool,
}

impl<P: Platform, U> Client<P, U> {
    /// A panic while the lock was held is stopped at the C boundary; the state is then as consistent as
    /// any early return leaves it, so later calls go on with it.
    pub(super) fn lock(&self) -> Locked<'_, P, U> {
        let hold = log_gate::hold();
        Locked {
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner),
            _hold: hold,
        }
    }

    /// Waits until the thread at the transport comes back, at most for `wait`.
    pub(super) fn wait_for_receiver(&self, state: Locked<'_, P, U>, wait: Duration) {
        let Locked { mut state, _hold } = state;
        state.waiting_threads += 1;
        let waited = self.receiver_changed.wait_timeout(state, wait);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting_threads -= 1;
    }
}

/// The state under its lock. What is logged meanwhile is printed afterwards: the order of the members matters.
pub(super) struct Locked<'a, P: Platform, U> {
    state: MutexGuard<'a, State<P::Transport, U>>,
    _hold: log_gate::Hold,
}

impl<P: Platform, U> Deref for Locked<'_, P, U> {
    type Target = State<P::Transport, U>;

    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl<P: Platform, U> DerefMut for Locked<'_, P, U> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.state
    }
}

impl<T, U> State<T, U> {
    pub(super) fn new(session: Session<U>, transport: T) -> Self {
        Self {
            session,
            transport: Some(Arc::new(transport)),
            link: Link::default(),
            spare_buffers: Vec::with_capacity(1),
            receiving: false,
            waiting_threads: 0,
            user: 0,
            shared: false,
        }
    }

    /// A buffer to receive into, for the thread that uses the client from now on.
    #[inline(always)]
    pub(super) fn take_buffer(&mut self) -> Buffer {
        self.note_user();
        let spare = self.spare_buffers.pop();
        spare.unwrap_or_else(|| Box::new([0; RECEIVE_CAPACITY + 2]))
    }

    /// Takes it back.
    #[inline(always)]
    pub(super) fn keep_buffer(&mut self, buffer: Buffer) {
        if self.spare_buffers.is_empty() {
            self.spare_buffers.push(buffer);
        }
    }

    /// What [`Client::peek`] tells.
    pub(super) const fn peek(&self) -> (bool, u32) {
        (self.session.has_token(), self.session.next_token())
    }

    /// Notes which thread uses the client.
    pub(super) fn note_user(&mut self) {
        let here = thread_mark();
        self.shared |= self.user != 0 && self.user != here;
        self.user = here;
    }

    /// As if another thread had used the client.
    #[cfg(test)]
    pub(super) fn share(&mut self) {
        self.shared = true;
    }

    /// Whether another thread than the one that waits may act meanwhile.
    pub(super) const fn is_shared(&self) -> bool {
        self.shared
    }

    pub(super) fn wake_waiting_threads(&self, receiver_changed: &Condvar) {
        // Asking first saves the system call where there is nobody, which is nearly always.
        if self.waiting_threads > 0 {
            receiver_changed.notify_all();
        }
    }
}

/// A number that no other living thread has: cheaper than a `ThreadId`, which a foreign thread must be given
/// first.
fn thread_mark() -> usize {
    thread_local! {
        static MARK: u8 = const { 0 };
    }
    MARK.with(|mark| core::ptr::from_ref(mark).addr())
}

/// The right to wait at the transport, which one thread has at a time.
pub(super) struct Receiver<'a, P: Platform, U>(&'a Client<P, U>);

impl<'a, P: Platform, U> Receiver<'a, P, U> {
    /// Gives the lock back while another thread has it.
    pub(super) fn new(
        client: &'a Client<P, U>,
        mut state: Locked<'a, P, U>,
    ) -> Result<Self, Locked<'a, P, U>> {
        if state.receiving {
            return Err(state);
        }
        state.receiving = true;
        Ok(Self(client))
    }

    /// Gives it back and goes on under the lock: the threads that then wake find what this one has done.
    #[inline(always)]
    pub(super) fn done(self) -> Locked<'a, P, U> {
        let client = self.0;
        std::mem::forget(self);
        Self::give_back(client)
    }

    #[inline(always)]
    fn give_back(client: &'a Client<P, U>) -> Locked<'a, P, U> {
        let mut state = client.lock();
        state.receiving = false;
        state.wake_waiting_threads(&client.receiver_changed);
        state
    }
}

impl<P: Platform, U> Drop for Receiver<'_, P, U> {
    fn drop(&mut self) {
        drop(Self::give_back(self.0));
    }
}
