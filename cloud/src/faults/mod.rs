//! A bad network in front of a good cloud: what happens to datagrams between the socket and the
//! server of each UDP port, below DTLS.

mod control;
mod line;
mod nat;
mod network;
mod random;
mod spec;

use std::fmt;
use std::time::Duration;

pub(crate) use control::Control;
pub(crate) use network::{Behind, Network};
pub use spec::ImpairmentError;

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a device to the cloud.
    Up,
    /// From the cloud to a device.
    Down,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Up => "up",
            Direction::Down => "down",
        })
    }
}

/// What the network does to datagrams of one direction. Shares are from 0 (never) to 1 (always); the
/// default does nothing.
///
/// Written as text (command line) it is a list such as `loss=30%,delay=50..400ms`: shares as
/// fractions or percentages, times in `ms` or `s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Share that is lost.
    pub loss: f64,
    /// Share that arrives twice.
    pub duplicate: f64,
    /// Share that is held back until the next datagram from or to the same address has overtaken
    /// it, at most for [`hold`](Self::hold).
    pub reorder: f64,
    /// Share in which one bit is flipped. Plain CoAP has no checksum of its own, as a real network
    /// would verify that of UDP: only DTLS is sure to notice.
    pub corrupt: f64,
    /// Shortest delay.
    pub min_delay: Duration,
    /// Longest delay; each datagram's is drawn evenly between the two, so that a wide range reorders
    /// too.
    pub max_delay: Duration,
    /// How long a datagram that nothing overtakes is held back.
    pub hold: Duration,
}

impl Default for Impairment {
    fn default() -> Self {
        Impairment::NONE
    }
}

impl Impairment {
    /// A perfect network.
    pub const NONE: Impairment = Impairment {
        loss: 0.0,
        duplicate: 0.0,
        reorder: 0.0,
        corrupt: 0.0,
        min_delay: Duration::ZERO,
        max_delay: Duration::ZERO,
        hold: Duration::from_millis(500),
    };

    /// Loses this share.
    pub fn loss(share: f64) -> Self {
        Impairment {
            loss: share,
            ..Impairment::NONE
        }
    }

    /// Delivers this share twice.
    #[must_use]
    pub fn duplicate(self, share: f64) -> Self {
        Impairment {
            duplicate: share,
            ..self
        }
    }

    /// Lets this share be overtaken.
    #[must_use]
    pub fn reorder(self, share: f64) -> Self {
        Impairment {
            reorder: share,
            ..self
        }
    }

    /// Flips a bit in this share.
    #[must_use]
    pub fn corrupt(self, share: f64) -> Self {
        Impairment {
            corrupt: share,
            ..self
        }
    }

    /// Delays every datagram by something between the two.
    #[must_use]
    pub fn delay(self, min: Duration, max: Duration) -> Self {
        Impairment {
            min_delay: min,
            max_delay: max,
            ..self
        }
    }

    /// Whether every share is one and the delays are in order.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), ImpairmentError> {
        let shares = [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(ImpairmentError::new(format!(
                    "{name}: {share} is not between 0 and 1"
                )));
            }
        }
        if self.min_delay > self.max_delay {
            return Err(ImpairmentError::new("delay: the first time is the longer"));
        }
        if self.max_delay.max(self.hold) > LONGEST {
            return Err(ImpairmentError::new("delay: more than an hour"));
        }
        Ok(())
    }

    /// Whether datagrams pass untouched.
    fn is_none(&self) -> bool {
        let shares = [self.loss, self.duplicate, self.reorder, self.corrupt];
        shares == [0.0; 4] && self.max_delay.is_zero()
    }
}

/// Longest delay that can be asked for.
const LONGEST: Duration = Duration::from_secs(3600);

/// What the network does, in both directions.
///
/// The fate of a datagram is drawn from the seed, the port, the direction and its number since the
/// faults were set. So the same traffic meets the same fate again; with several devices, or where
/// timers race, the traffic is the same only in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    /// To datagrams from devices.
    pub up: Impairment,
    /// To datagrams to devices.
    pub down: Impairment,
    /// What everything is drawn from.
    pub seed: u64,
}

impl Faults {
    /// The same in both directions.
    pub fn both(impairment: Impairment) -> Self {
        Faults {
            up: impairment,
            down: impairment,
            seed: 0,
        }
    }

    /// Drawn from this seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Faults { seed, ..self }
    }

    /// [`Impairment::check`] of both directions.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), ImpairmentError> {
        self.up.check()?;
        self.down.check()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up {}, down {}, seed {}", self.up, self.down, self.seed)
    }
}

/// What a restart of the cloud leaves of what it knew. In both cases it forgets, without a word, every
/// DTLS session, every message id it has seen, and every separate response that waits for its
/// acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Memory {
    /// Tokens, rates, and what resumes DTLS sessions survive, as if kept in a database.
    Kept,
    /// These are gone as well: tokens are unknown, sessions are not resumed.
    Lost,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Memory::Kept => "kept",
            Memory::Lost => "lost",
        })
    }
}

/// How the cloud ends DTLS sessions by itself (RFC 5246 section 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goodbye {
    /// With close_notify: the session may be resumed.
    CloseNotify,
    /// With the fatal alert internal_error, encrypted like all else: the session must not be resumed.
    FatalAlert,
}

/// Something that happened to a datagram on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Lost by chance, or on demand.
    Lost,
    /// Lost because the cloud is cut off.
    CutOff,
    /// Lost because the NAT device has forgotten the address it was sent to.
    NoMapping,
    /// Lost because too many datagrams are under way.
    Overflow,
    /// One bit was flipped.
    Corrupted,
    /// It arrives twice.
    Duplicated,
    /// It is held back to be overtaken.
    Reordered,
}

impl Fault {
    /// Whether the datagram never arrives.
    pub fn is_loss(self) -> bool {
        matches!(
            self,
            Fault::Lost | Fault::CutOff | Fault::NoMapping | Fault::Overflow
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Lost => "lost",
            Fault::CutOff => "lost, the cloud is cut off",
            Fault::NoMapping => "lost, its address is no longer mapped",
            Fault::Overflow => "lost, too many are under way",
            Fault::Corrupted => "corrupted",
            Fault::Duplicated => "duplicated",
            Fault::Reordered => "held back",
        })
    }
}

/// Totals of one direction of all UDP ports, as sent, so before anything was lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams sent.
    pub datagrams: u64,
    /// UDP payload bytes sent.
    pub bytes: u64,
    /// Datagrams lost, for whatever reason.
    pub lost: u64,
    /// Datagrams delivered twice.
    pub duplicated: u64,
    /// Datagrams held back.
    pub reordered: u64,
    /// Datagrams corrupted.
    pub corrupted: u64,
    /// Datagrams delayed.
    pub delayed: u64,
}

impl Traffic {
    pub(crate) fn count(&mut self, fault: Fault) {
        *match fault {
            Fault::Corrupted => &mut self.corrupted,
            Fault::Duplicated => &mut self.duplicated,
            Fault::Reordered => &mut self.reordered,
            Fault::Lost | Fault::CutOff | Fault::NoMapping | Fault::Overflow => &mut self.lost,
        } += 1;
    }
}
