//! Time and sleep over `HAL_UptimeMs` and `HAL_SleepMs`.

use super::sys;
use crate::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

/// A monotonic millisecond clock over the platform's uptime counter.
///
/// Platforms written for SDK 2.01 return the counter as `uint32_t`; read as 64 bits the upper half
/// is whatever was left in the register. So only the low 32 bits are used, and this object extends
/// them: it must see the counter at least once per 2^31 ms (24 days). Each user owns one; nothing
/// here is process-wide.
#[derive(Debug)]
pub struct Uptime {
    extended: Extended,
}

impl Uptime {
    /// Starts a clock at the platform's present counter value.
    #[must_use]
    pub fn start() -> Self {
        Self {
            extended: Extended::new(low_bits()),
        }
    }

    /// Milliseconds, on any thread. Never decreases; the start is the counter's value when the clock was started.
    #[inline(always)]
    pub fn now_ms(&self) -> u64 {
        self.extended.advance(low_bits)
    }
}

/// Sleeps for `ms` milliseconds.
pub fn sleep_ms(ms: u32) {
    // SAFETY: takes no memory; port promise 2 (no unwinding).
    unsafe { sys::HAL_SleepMs(ms) }
}

#[allow(clippy::cast_possible_truncation)]
fn low_bits() -> u32 {
    // SAFETY: takes no memory; port promise 2 (no unwinding). A port that returns 32 bits leaves
    // the upper half of the return register undefined, and it is dropped here.
    unsafe { sys::HAL_UptimeMs() as u32 }
}

/// Extends a wrapping 32-bit counter to 64 bits. Takes no lock but where the counter steps back: every report asks for the
/// time three times.
#[derive(Debug)]
struct Extended {
    total: Total,
    /// What to add to the counter so that it equals the low half of the total: what all steps back come to.
    lost: AtomicU32,
    stepping: Mutex<()>,
}

impl Extended {
    fn new(first: u32) -> Self {
        Self {
            total: Total::new(first.into()),
            lost: AtomicU32::new(0),
            stepping: Mutex::new(()),
        }
    }

    /// Reads the counter. A reading at least half the range ahead is a step backwards in
    /// truth (a port without a monotonic clock whose time was set); it counts as no time at all,
    /// and counting goes on from there.
    #[inline(always)]
    fn advance(&self, read: impl Fn() -> u32) -> u64 {
        match self.ahead(&read) {
            (before, 0) => before,
            (before, step) if step < 1 << 31 => self.total.raise(before + u64::from(step)),
            _ => self.step_back(read),
        }
    }

    /// The total, and how far the counter is ahead of it. In this order: what other threads do meanwhile makes the counter
    /// seem further ahead, but never behind.
    #[inline(always)]
    fn ahead(&self, read: &impl Fn() -> u32) -> (u64, u32) {
        let (lost, total) = (self.lost.load(Ordering::Acquire), self.total.get());
        let reading = read().wrapping_add(lost);
        (total, reading.wrapping_sub(total as u32))
    }

    #[cold]
    fn step_back(&self, read: impl Fn() -> u32) -> u64 {
        let _stepping = self.stepping.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, step) = self.ahead(&read);
        if step < 1 << 31 {
            // Another thread has noticed it first.
            return self.total.raise(total + u64::from(step));
        }
        self.lost.fetch_sub(step, Ordering::Release);
        total
    }
}

/// A number that only grows.
#[cfg(target_has_atomic = "64")]
#[derive(Debug)]
struct Total(std::sync::atomic::AtomicU64);

#[cfg(target_has_atomic = "64")]
impl Total {
    const fn new(value: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(value))
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Makes it at least `value`, and tells what it is then.
    fn raise(&self, value: u64) -> u64 {
        self.0.fetch_max(value, Ordering::AcqRel).max(value)
    }
}

/// A number that only grows, where the processor has no atomic numbers of 64 bits.
#[cfg(not(target_has_atomic = "64"))]
#[derive(Debug)]
struct Total(Mutex<u64>);

#[cfg(not(target_has_atomic = "64"))]
impl Total {
    const fn new(value: u64) -> Self {
        Self(Mutex::new(value))
    }

    fn get(&self) -> u64 {
        self.raise(0)
    }

    fn raise(&self, value: u64) -> u64 {
        let mut total = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *total = value.max(*total);
        *total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_differences() {
        let clock = Extended::new(1000);
        assert_eq!(clock.advance(|| 1000), 1000);
        assert_eq!(clock.advance(|| 1005), 1005);
        assert_eq!(clock.advance(|| 2005), 2005);
    }

    #[test]
    fn goes_on_past_the_wrap_of_the_counter() {
        let clock = Extended::new(u32::MAX - 9);
        let start = u64::from(u32::MAX - 9);
        assert_eq!(clock.advance(|| u32::MAX), start + 9);
        assert_eq!(clock.advance(|| 0), start + 10);
        assert_eq!(clock.advance(|| 20), start + 30);
    }

    #[test]
    fn counts_several_rounds_of_the_counter() {
        let clock = Extended::new(0);
        let third = u32::MAX / 3 + 1;
        let mut expected = 0u64;
        let mut reading = 0u32;
        for _ in 0..10 {
            reading = reading.wrapping_add(third);
            expected += u64::from(third);
            assert_eq!(clock.advance(|| reading), expected);
        }
        assert!(expected > u64::from(u32::MAX) * 3);
    }

    #[test]
    fn a_step_backwards_counts_as_no_time_and_counting_resumes_from_there() {
        let clock = Extended::new(50_000);
        assert_eq!(clock.advance(|| 60_000), 60_000);
        assert_eq!(clock.advance(|| 10_000), 60_000);
        assert_eq!(clock.advance(|| 10_250), 60_250);
    }

    #[test]
    fn the_border_between_ahead_and_behind_is_half_the_range() {
        let clock = Extended::new(0);
        assert_eq!(clock.advance(|| (1 << 31) - 1), (1 << 31) - 1);
        let clock = Extended::new(0);
        assert_eq!(clock.advance(|| 1 << 31), 0);
    }

    #[test]
    fn steps_back_that_several_threads_see_count_once() {
        // A counter that is set back by 100 at every 1000th reading, and goes on by 1 at all others.
        let readings = AtomicU32::new(0);
        let read = || {
            let n = readings.fetch_add(1, Ordering::SeqCst) + 1;
            1_000_000 + n - n / 1000 * 100
        };
        let clock = Extended::new(read());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut last = 0;
                    for _ in 0..5_000 {
                        let now = clock.advance(read);
                        assert!(now >= last, "{now} after {last}");
                        last = now;
                    }
                });
            }
        });
        // No more time than was counted, and all of it but what a step back hides of the readings beside it.
        let counted = clock.advance(read) - 1_000_001;
        let most = u64::from(readings.load(Ordering::SeqCst));
        assert!(counted <= most, "{counted} of {most}");
        assert!(counted >= most / 2, "{counted} of {most}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn the_platform_clock_never_runs_backwards() {
        let clock = Uptime::start();
        let first = clock.now_ms();
        sleep_ms(1);
        assert!(clock.now_ms() > first);
    }
}
