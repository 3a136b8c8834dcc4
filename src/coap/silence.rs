//! Since when the peer has been silent, and whether it has lost us.

use super::layer::MessageLayer;
use super::time::Instant;

/// What has been heard, and what has been said since.
#[derive(Debug, Default)]
pub(super) struct Silence {
    last_heard: Option<Instant>,
    /// The first transmission since the peer was last heard.
    since: Option<Instant>,
}

impl Silence {
    pub(super) fn transmitted(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }
}

impl<U> MessageLayer<U> {
    /// Notes that the peer lives: something came from it at `now`. [`handle`](Self::handle) does
    /// this by itself; other signs of life, such as a completed handshake or a malformed message on
    /// an authenticated session, are for the owner to tell.
    pub fn heard(&mut self, now: Instant) {
        self.silence = Silence {
            last_heard: Some(now),
            since: None,
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

    /// Whether, for some Confirmable request, the second retransmission is due at `now` or has been
    /// sent, and nothing has been heard since the first of these three transmissions. Over DTLS
    /// this is how a session shows that the peer has lost. (Where MAX_RETRANSMIT is less than 2,
    /// the last timer's end stands in for it: ask before [`poll_ended`](Self::poll_ended).)
    ///
    /// Each exchange raises the suspicion once, until the peer is heard or the exchange is put back
    /// into the queue.
    pub fn suspect(&mut self, now: Instant) -> bool {
        let max_retransmit = self.params.max_retransmit;
        let mut suspect = false;
        for exchange in &mut self.exchanges {
            if !exchange.suspected && exchange.is_suspicious(now, max_retransmit) {
                exchange.suspected = true;
                suspect = true;
            }
        }
        suspect
    }
}
