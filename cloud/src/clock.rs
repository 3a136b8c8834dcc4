//! Wall-clock time, injectable: tokens live for days and tests do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This instant plus `by`, saturating.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        UnixMillis(
            self.0
                .saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Time since `earlier`, zero if that is later.
    pub fn since(self, earlier: UnixMillis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Tells the time to the platform. Clones share the adjustments made by [`Clock::advance`].
#[derive(Debug, Clone)]
pub struct Clock {
    /// Milliseconds that the clock stands at; `None` follows the system.
    stopped_at: Option<u64>,
    ahead: Arc<AtomicU64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock {
            stopped_at: None,
            ahead: Arc::default(),
        }
    }

    /// A clock that stands still but for [`advance`](Self::advance).
    pub fn stopped_at(time: UnixMillis) -> Self {
        Clock {
            stopped_at: Some(time.0),
            ahead: Arc::default(),
        }
    }

    /// The time now.
    pub fn now(&self) -> UnixMillis {
        let base = self.stopped_at.unwrap_or_else(|| {
            let passed = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
        });
        UnixMillis(base.saturating_add(self.ahead.load(Ordering::Relaxed)))
    }

    /// Jumps ahead.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead.fetch_add(millis, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_advance_together() {
        let clock = Clock::stopped_at(UnixMillis(5));
        let other = clock.clone();
        clock.advance(Duration::from_secs(1));
        assert_eq!(other.now(), UnixMillis(1005));
        assert_eq!(other.now().seconds(), 1);
        assert_eq!(other.now().since(UnixMillis(5)), Duration::from_secs(1));
        assert_eq!(UnixMillis(5).since(other.now()), Duration::ZERO);
    }

    #[test]
    fn the_system_clock_runs_from_1970_and_can_be_advanced() {
        let clock = Clock::system();
        let before = clock.now();
        assert!(before > UnixMillis(1_700_000_000_000));
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now().since(before) >= Duration::from_secs(3600));
    }
}
