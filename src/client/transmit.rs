//! What is due leaves through the transport, under the client's lock.

use super::driver::Client;
use super::platform::{Platform, SendFailed, Transport};
use super::state::State;
use crate::coap::Instant;

impl<P: Platform, U> Client<P, U> {
    /// Sends what is due, once what has arrived has been read. A failure, which the transport has logged, is left
    /// to the retransmission.
    pub(super) fn flush(&self, state: &mut State<P::Transport, U>, now: Instant) {
        let Some(transport) = state.transport.as_ref().filter(|_| state.can_send()) else {
            return;
        };
        let random = &mut || self.platform.random();
        while let Some((_, bytes)) = state.session.poll_transmit(now, random) {
            let _ = transport.send(bytes);
        }
    }

    /// Sends what is due for the first time; repeats nothing, for its answer may lie unread. The token numbers of
    /// what did not leave go to `failed`.
    pub(super) fn flush_first(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
        failed: &mut dyn FnMut(u32),
    ) {
        let Some(transport) = state.transport.as_ref().filter(|_| state.can_send()) else {
            return;
        };
        let random = &mut || self.platform.random();
        while let Some((token, bytes)) = state.session.poll_first_transmit(now, random) {
            if transport.send(bytes).is_err() {
                failed(token);
            }
        }
    }

    /// Sends what is due for the first time; if that includes the request `watched` and it does not leave, the
    /// request is dropped and the failure told.
    pub(super) fn flush_watching(
        &self,
        state: &mut State<P::Transport, U>,
        now: Instant,
        watched: u32,
    ) -> Result<(), SendFailed> {
        let mut failed = !state.can_send();
        self.flush_first(state, now, &mut |token| failed |= token == watched);
        if failed {
            state.session.abort(watched);
            return Err(SendFailed);
        }
        Ok(())
    }
}
