//! Time and sleep over `HAL_UptimeMs` and `HAL_SleepMs`.

use super::sys;

/// A monotonic millisecond clock over the platform's uptime counter.
///
/// Platforms written for SDK 2.01 return the counter as `uint32_t`; read as 64 bits the upper half
/// is whatever was left in the register. So only the low 32 bits are used, and this object extends
/// them: it must see the counter at least once per 2^31 ms (24 days). Each user owns one; nothing
/// here is process-wide.
#[derive(Debug, Clone, Copy)]
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

    /// Milliseconds. Never decreases; the start is the counter's value when the clock was started.
    pub fn now_ms(&mut self) -> u64 {
        self.extended.advance(low_bits())
    }
}

/// Sleeps for `ms` milliseconds.
pub fn sleep_ms(ms: u32) {
    // SAFETY: takes no memory; port promise 2 (no unwinding).
    unsafe { sys::HAL_SleepMs(ms) }
}

#[allow(clippy::cast_possible_truncation)]
pub(super) fn low_bits() -> u32 {
    // SAFETY: takes no memory; port promise 2 (no unwinding). A port that returns 32 bits leaves
    // the upper half of the return register undefined, and it is dropped here.
    unsafe { sys::HAL_UptimeMs() as u32 }
}

/// Extends a wrapping 32-bit counter to 64 bits.
#[derive(Debug, Clone, Copy)]
struct Extended {
    last: u32,
    total: u64,
}

impl Extended {
    fn new(first: u32) -> Self {
        Self {
            last: first,
            total: u64::from(first),
        }
    }

    /// Takes a counter reading. A reading at least half the range ahead is a step backwards in
    /// truth (a port without a monotonic clock whose time was set); it counts as no time at all,
    /// and counting goes on from there.
    fn advance(&mut self, reading: u32) -> u64 {
        let step = reading.wrapping_sub(self.last);
        self.last = reading;
        if step < 1 << 31 {
            self.total += u64::from(step);
        }
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_differences() {
        let mut clock = Extended::new(1000);
        assert_eq!(clock.advance(1000), 1000);
        assert_eq!(clock.advance(1005), 1005);
        assert_eq!(clock.advance(2005), 2005);
    }

    #[test]
    fn goes_on_past_the_wrap_of_the_counter() {
        let mut clock = Extended::new(u32::MAX - 9);
        let start = u64::from(u32::MAX - 9);
        assert_eq!(clock.advance(u32::MAX), start + 9);
        assert_eq!(clock.advance(0), start + 10);
        assert_eq!(clock.advance(20), start + 30);
    }

    #[test]
    fn counts_several_rounds_of_the_counter() {
        let mut clock = Extended::new(0);
        let third = u32::MAX / 3 + 1;
        let mut expected = 0u64;
        let mut reading = 0u32;
        for _ in 0..10 {
            reading = reading.wrapping_add(third);
            expected += u64::from(third);
            assert_eq!(clock.advance(reading), expected);
        }
        assert!(expected > u64::from(u32::MAX) * 3);
    }

    #[test]
    fn a_step_backwards_counts_as_no_time_and_counting_resumes_from_there() {
        let mut clock = Extended::new(50_000);
        assert_eq!(clock.advance(60_000), 60_000);
        assert_eq!(clock.advance(10_000), 60_000);
        assert_eq!(clock.advance(10_250), 60_250);
    }

    #[test]
    fn the_border_between_ahead_and_behind_is_half_the_range() {
        let mut clock = Extended::new(0);
        assert_eq!(clock.advance((1 << 31) - 1), (1 << 31) - 1);
        let mut clock = Extended::new(0);
        assert_eq!(clock.advance(1 << 31), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn the_platform_clock_never_runs_backwards() {
        let mut clock = Uptime::start();
        let first = clock.now_ms();
        sleep_ms(1);
        assert!(clock.now_ms() > first);
    }
}
