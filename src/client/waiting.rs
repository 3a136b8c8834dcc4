//! Reports that wait: for how long at most, and which of them go out once more.

use super::happening::FailureReason;
use super::session::{Purpose, Session};
use crate::coap::{Finished, Instant, RandomSource};

impl<U> Session<U> {
    /// Reports that cannot leave, for want of a token or of a connection, are not kept for ever: each waits as long
    /// as one that is sent and not acknowledged (MAX_TRANSMIT_WAIT, RFC 7252 section 4.8.2).
    pub(super) fn watch_stall(&mut self, now: Instant, connected: bool) {
        if connected && !self.recovery.void {
            (self.recovery.stalled_since, self.recovery.next_failure) = (None, None);
            return;
        }
        let since = *self.recovery.stalled_since.get_or_insert(now);
        if self.recovery.next_failure.is_some_and(|at| at > now) {
            return;
        }
        let bound = self.settings.transmission.max_transmit_wait();
        self.recovery.next_failure = self.fail_reports(|accepted| {
            let over = accepted.max(since) + bound <= now;
            over.then_some(FailureReason::NotSent)
        });
        if let Some(first) = &mut self.recovery.next_failure {
            *first = (*first).max(since) + bound;
        }
    }

    /// A report has joined those that wait.
    #[inline(always)]
    pub(super) fn note_waiting(&mut self, now: Instant) {
        if self.recovery.stalled_since.is_some() {
            let bound = self.settings.transmission.max_transmit_wait();
            self.recovery.next_failure.get_or_insert(now + bound);
        }
    }

    /// Fails the reports that `reason`, given when they were taken, has something against. Tells when the oldest of
    /// the others was taken.
    pub(super) fn fail_reports(
        &mut self,
        reason: impl Fn(Instant) -> Option<FailureReason>,
    ) -> Option<Instant> {
        let (mut failing, mut oldest) = (Vec::new(), None::<Instant>);
        self.layer.abort_where(|purpose| {
            if let Purpose::Report {
                number, accepted, ..
            } = purpose
            {
                match reason(*accepted) {
                    Some(reason) => failing.push((*number, reason)),
                    None => oldest = Some(oldest.map_or(*accepted, |o| o.min(*accepted))),
                }
            }
            false
        });
        for (number, reason) in failing {
            if let Some(finished) = self.layer.abort(number) {
                let reason = match reason {
                    FailureReason::NotSent if finished.request.message_id().is_some() => {
                        FailureReason::Unacknowledged
                    }
                    reason => reason,
                };
                self.fail(finished, reason);
            }
        }
        oldest
    }

    /// The connection has another session now, or will have: what was sent and not answered has to be sent on that one,
    /// as often as a message may be repeated: where much is lost, two unanswered retransmissions are mostly chance.
    pub fn session_lost(&mut self) {
        let most = self.settings.transmission.max_retransmit.clamp(2, 254);
        self.layer.requeue_sent(|purpose, request| {
            let resent = matches!(purpose, Purpose::Report { resent: true, .. });
            request.requeues() < most + u8::from(resent)
        });
    }

    /// Sends the refused report at `index` once more, under the next token, if that is to be. Takes it out, and gives
    /// what was tied to it and its number, otherwise.
    #[cold]
    pub(super) fn send_again(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        index: usize,
    ) -> Option<(Purpose<U>, u32)> {
        let mut finished = self.layer.remove(index);
        let may = self.settings.reauthenticate && self.settings.resend_refused;
        let may = may && self.grant.is_some();
        match &mut finished.user {
            Purpose::Report {
                user: Some(_),
                resent,
                accepted,
                ..
            } if may && !*resent => (*resent, *accepted) = (true, now),
            _ => {
                let Finished { user, request } = finished;
                let number = request.number();
                self.layer.recycle(request);
                return Some((user, number));
            }
        }
        self.layer.resubmit(random, finished);
        if !self.recovery.void {
            // There is a newer token already.
            self.encode_anew();
        }
        self.note_waiting(now);
        None
    }
}
