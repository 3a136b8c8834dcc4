//! Since when the peer has been silent, what it may be sent then, and whether it has lost us.
//!
//! **Why NSTART does not count Non-confirmable requests.** Section 4.7 limits the requests whose
//! response "is still expected" to NSTART, and leaves to the client when it stops to expect the
//! response to a Non-confirmable request, as long as a peer that does not respond gets no more than
//! PROBING_RATE on average. This client stops at once (a response that does come still counts): a
//! report sent as Non-confirmable is one whose loss the program accepts, and may not be held up by
//! the loss of the one before. In exchange it watches the peer: when nothing at all has come from
//! it for EXCHANGE_LIFETIME, although it has been sent something, Non-confirmable requests wait in
//! the bounded queue and go out at PROBING_RATE, until anything is heard. (Confirmable ones need no
//! such rule: NSTART and the exponential back-off limit them.)

use super::exchange::Exchange;
use super::layer::MessageLayer;
use super::params::{Spans, TransmissionParams};
use super::time::{Instant, Millis};

/// What has been heard, and what has been said since.
#[derive(Debug, Default)]
pub(super) struct Silence {
    last_heard: Option<Instant>,
    /// The first transmission since the peer was last heard.
    since: Option<Instant>,
    /// When PROBING_RATE lets the next Non-confirmable message through.
    probe_at: Instant,
    /// The silence as a whole has raised the suspicion.
    suspected: bool,
}

impl Silence {
    /// Notes a datagram of `len` bytes sent to the peer.
    pub(super) fn transmitted(
        &mut self,
        now: Instant,
        len: usize,
        confirmable: bool,
        params: &TransmissionParams,
        spans: &Spans,
    ) {
        let since = *self.since.get_or_insert(now);
        if confirmable || params.probing_rate == 0 || now < since + spans.exchange_lifetime {
            return;
        }
        let millis = (len as u64).saturating_mul(1000) / u64::from(params.probing_rate);
        self.probe_at = now + Millis::new(millis);
    }

    /// From when on a Non-confirmable message may be sent.
    pub(super) const fn probe_at(&self) -> Instant {
        self.probe_at
    }
}

impl<U> MessageLayer<U> {
    /// Notes that the peer lives: something came from it at `now`. [`handle`](Self::handle) does
    /// this by itself; other signs of life, such as a completed handshake or a malformed message on
    /// an authenticated session, are for the owner to tell.
    pub fn heard(&mut self, now: Instant) {
        self.disturb();
        self.silence = Silence {
            last_heard: Some(now),
            ..Silence::default()
        };
        for exchange in &mut self.exchanges {
            exchange.unheard = 0;
            exchange.suspected = false;
        }
    }

    /// When the peer was last heard; `None` if it never was.
    #[must_use]
    pub const fn last_heard(&self) -> Option<Instant> {
        self.silence.last_heard
    }

    /// When the first datagram left that the peer has met with silence so far; `None` if nothing
    /// has been sent since it was last heard.
    #[must_use]
    pub const fn silent_since(&self) -> Option<Instant> {
        self.silence.since
    }

    /// Whether [`suspect`](Self::suspect) is worth asking at `now`: before, it tells nothing.
    #[must_use]
    #[inline(always)]
    pub fn may_be_suspected(&self, now: Instant) -> bool {
        let Some(since) = self.silence.since else {
            return false;
        };
        let before = Exchange::<U>::unheard_before_suspicion(self.params.max_retransmit);
        now >= since + self.spans.exchange_lifetime
            || self.exchanges.iter().any(|e| e.unheard >= before)
    }

    /// Whether, for some Confirmable request, the second retransmission is due at `now` or has been
    /// sent, and nothing has been heard since the first of these three transmissions. Over DTLS
    /// this is how a session shows that the peer has lost. (Where MAX_RETRANSMIT is less than 2,
    /// the last timer's end stands in for it: ask before [`poll_ended`](Self::poll_ended).)
    ///
    /// Non-confirmable requests are not repeated: for a device that sends nothing else, the suspicion
    /// is that nothing at all has been heard for EXCHANGE_LIFETIME since something was sent.
    ///
    /// Each exchange raises the suspicion once, until the peer is heard or the exchange is put back
    /// into the queue.
    pub fn suspect(&mut self, now: Instant) -> bool {
        let max_retransmit = self.params.max_retransmit;
        let lifetime = self.spans.exchange_lifetime;
        let silence = &mut self.silence;
        let mut suspect =
            !silence.suspected && silence.since.is_some_and(|since| now >= since + lifetime);
        silence.suspected |= suspect;
        for exchange in &mut self.exchanges {
            if !exchange.suspected && exchange.is_suspicious(now, max_retransmit) {
                exchange.suspected = true;
                suspect = true;
            }
        }
        suspect
    }
}
