//! One clock for all the threads of a client.

use super::clock::{Uptime, low_bits};
use crate::sync::Mutex;
use std::sync::PoisonError;
#[cfg(target_has_atomic = "64")]
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// An [`Uptime`] that threads may share. It is read three times for each report; where the processor can, without
/// a lock.
#[derive(Debug)]
pub(crate) struct SharedUptime {
    /// What has been counted so far. Ahead of everything else that is read: a clock that runs forward is later then.
    #[cfg(target_has_atomic = "64")]
    total: AtomicU64,
    /// What its low half is ahead of the counter, since the counter was set back.
    #[cfg(target_has_atomic = "64")]
    ahead: AtomicU32,
    #[cfg(target_has_atomic = "64")]
    setting: Mutex<()>,
    #[cfg(not(target_has_atomic = "64"))]
    locked: Mutex<Uptime>,
}

#[cfg(not(target_has_atomic = "64"))]
impl SharedUptime {
    pub(crate) fn start() -> Self {
        Self {
            locked: Mutex::new(Uptime::start()),
        }
    }

    /// [`Uptime::now_ms`].
    pub(crate) fn now_ms(&self) -> u64 {
        let mut uptime = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        uptime.now_ms()
    }
}

#[cfg(target_has_atomic = "64")]
impl SharedUptime {
    pub(crate) fn start() -> Self {
        Self {
            total: AtomicU64::new(Uptime::start().now_ms()),
            ahead: AtomicU32::new(0),
            setting: Mutex::new(()),
        }
    }

    /// [`Uptime::now_ms`].
    pub(crate) fn now_ms(&self) -> u64 {
        self.advance(low_bits)
    }

    #[inline]
    fn advance(&self, reading: impl Fn() -> u32) -> u64 {
        self.step(&reading)
            .unwrap_or_else(|| self.set_back(&reading))
    }

    /// One reading; `None` if the counter has been set back.
    #[inline]
    fn step(&self, reading: &impl Fn() -> u32) -> Option<u64> {
        let total = self.total.load(Ordering::Acquire);
        let ahead = self.ahead.load(Ordering::Acquire);
        let step = reading().wrapping_add(ahead).wrapping_sub(total as u32);
        if step >= 1 << 31 {
            return None;
        }
        let now = total + u64::from(step);
        // Another thread may have come later and been faster.
        Some(self.total.fetch_max(now, Ordering::AcqRel).max(now))
    }

    /// A counter that was set back counts as having stood still, and goes on from there.
    #[cold]
    fn set_back(&self, reading: &impl Fn() -> u32) -> u64 {
        let _setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have done it.
        if let Some(now) = self.step(reading) {
            return now;
        }
        let total = self.total.load(Ordering::Acquire);
        self.ahead
            .store((total as u32).wrapping_sub(reading()), Ordering::Release);
        total
    }
}

#[cfg(test)]
#[cfg(target_has_atomic = "64")]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn at(total: u64) -> SharedUptime {
        SharedUptime {
            total: AtomicU64::new(total),
            ahead: AtomicU32::new(0),
            setting: Mutex::new(()),
        }
    }

    #[test]
    fn it_counts_on_over_the_wrap_of_the_counter() {
        let clock = at(u64::from(u32::MAX) - 9);
        let start = u64::from(u32::MAX) - 9;
        for (reading, expected) in [
            (u32::MAX - 9, 0),
            (u32::MAX, 9),
            (0, 10),
            (20, 30),
            (20, 30),
        ] {
            assert_eq!(clock.advance(|| reading), start + expected);
        }
        assert_eq!(clock.advance(|| (1 << 31) + 19), start + 30 + (1 << 31) - 1);
    }

    #[test]
    fn a_counter_that_is_set_back_has_stood_still_and_goes_on_from_there() {
        let clock = at(60_000);
        assert_eq!(clock.advance(|| 10_000), 60_000);
        assert_eq!(clock.advance(|| 10_250), 60_250);
        assert_eq!(
            clock.advance(|| 4_000_000_000),
            60_250,
            "back over the wrap"
        );
        assert_eq!(clock.advance(|| 4_000_000_001), 60_251);
        // As far ahead as a step can be told from one back.
        assert_eq!(clock.advance(|| 1_852_516_352), 60_251 + (1 << 31) - 1);
    }

    #[test]
    fn threads_see_one_clock_that_never_runs_backwards() {
        let (counter, clock) = (AtomicU32::new(0), at(0));
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !over.load(Ordering::Acquire) {
                        let before = counter.load(Ordering::Acquire);
                        let now = clock.advance(|| counter.load(Ordering::Acquire));
                        assert!(now >= last && now >= u64::from(before), "{last} {now}");
                        last = now;
                    }
                });
            }
            let rounds = if cfg!(miri) { 200 } else { 200_000 };
            for _ in 0..rounds {
                counter.fetch_add(1, Ordering::AcqRel);
            }
            over.store(true, Ordering::Release);
        });
        let last = u64::from(counter.load(Ordering::Acquire));
        assert_eq!(
            clock.advance(|| counter.load(Ordering::Acquire)),
            last,
            "no step counts twice"
        );
    }
}
