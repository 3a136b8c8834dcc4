//! What the network does to datagrams, and what befalls the peer while the device reports.

use std::time::Duration;

/// One direction of the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Datagrams lost, of 1,000.
    pub(crate) loss: u32,
    /// Datagrams that arrive twice, of 1,000.
    pub(crate) duplication: u32,
    /// Least and greatest time under way, in milliseconds; the spread is what reorders.
    pub(crate) delay: (u64, u64),
}

impl Weather {
    pub(crate) const FINE: Self = Self {
        loss: 0,
        duplication: 0,
        delay: (10, 40),
    };

    pub(crate) fn lossy(per_mille: u32) -> Self {
        Self {
            loss: per_mille,
            ..Self::FINE
        }
    }
}

/// What befalls the peer, or the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calamity {
    /// Nothing passes, in either direction.
    Outage(Duration),
    /// The peer forgets its DTLS sessions and what it has seen; tokens and tickets survive.
    Restart,
    /// The peer forgets everything.
    Amnesia,
    /// The device's address changes under way: the peer knows no session there.
    Rebinding,
    /// Tokens become void.
    TokensVoid,
    /// The peer ends the DTLS session with close_notify.
    CloseNotify,
}
