//! What is due leaves through the transport, under the client's lock.

use super::driver::Client;
use super::platform::{Platform, SendFailed, Transport};
use super::state::State;
use crate::coap::{Instant, RandomSource};

/// A platform as a source of chance, each draw of the size that is asked for.
struct Chance<'a, P>(&'a P);

impl<P: Platform> RandomSource for Chance<'_, P> {
    fn next_u32(&mut self) -> u32 {
        self.0.random()
    }

    fn next_u16(&mut self) -> u16 {
        self.0.random_u16()
    }
}

impl<P: Platform, U> Client<P, U> {
    /// Sends what is due, once what has arrived has been read. A failure, which the transport has logged, is left
    /// to the retransmission.
    pub(super) fn flush(&self, state: &mut State<P::Transport, U>, now: Instant) {
        self.flush_unwatched(state, now, true);
    }

    /// Sends what is due for the first time; repeats nothing, for its answer may lie unread.
    pub(super) fn flush_first(&self, state: &mut State<P::Transport, U>, now: Instant) {
        self.flush_unwatched(state, now, false);
    }

    #[inline(never)]
    fn flush_unwatched(&self, state: &mut State<P::Transport, U>, now: Instant, repetitions: bool) {
        self.flush_noting(state, now, repetitions, |_| {});
    }

    /// Sends what is due for the first time; if that includes the request `watched` and it does not leave, the
    /// request is dropped and the failure told.
    #[inline(always)] // into `send_under`, which every report goes through
    pub(super) fn flush_watching(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
        watched: u32,
    ) -> Result<(), SendFailed> {
        let mut failed = !state.can_send();
        self.flush_noting(state, now, false, |token| failed |= token == watched);
        if failed {
            state.session.abort(watched);
            return Err(SendFailed);
        }
        Ok(())
    }

    /// Sends what is due, repetitions too if they may; the token numbers of what did not leave go to `failed`.
    #[inline(always)] // into those above
    fn flush_noting(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
        repetitions: bool,
        mut failed: impl FnMut(u32),
    ) {
        let can_send = state.can_send();
        let Some(transport) = state.transport.as_ref().filter(|_| can_send) else {
            return;
        };
        let random = &mut Chance(&self.platform);
        while !state.session.is_quiet(now)
            && let Some((token, bytes)) = state.session.poll_transmit(now, random, repetitions)
        {
            if transport.send(bytes).is_err() {
                failed(token);
            }
        }
    }
}
