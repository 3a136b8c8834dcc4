//! The two things the core borrows from the world: instants and randomness.

use core::ops::Add;
use core::time::Duration;

/// A point on the caller's monotonic clock, in milliseconds since an arbitrary start.
///
/// The core never reads a clock: whoever drives it says what time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// Later than every instant that comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `millis` milliseconds after the clock's start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the clock's start.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// As [`since`](Self::since), in milliseconds.
    #[must_use]
    pub const fn span_since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        // as_millis() would compute in 128 bits, several times for every report.
        let millis = duration.as_secs().saturating_mul(1000);
        let millis = millis.saturating_add(u64::from(duration.subsec_millis()));
        Self(self.0.saturating_add(millis))
    }
}

/// A span of time in whole milliseconds, for what is worked out for every message: adding one to an [`Instant`]
/// is an addition, while a [`Duration`] has to be put together from seconds and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many milliseconds.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    pub(super) const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    pub(super) const fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self((Instant::default() + duration).as_millis())
    }
}

impl From<Millis> for Duration {
    fn from(span: Millis) -> Self {
        // What was cut to the longest span was no less than the longest duration, for all that anyone can wait.
        match span.0 {
            u64::MAX => Self::MAX,
            millis => Self::from_millis(millis),
        }
    }
}

impl Add<Millis> for Instant {
    type Output = Self;

    fn add(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A source of random numbers: the platform's generator, or a seeded one under test.
pub trait RandomSource {
    /// Thirty-two random bits.
    fn next_u32(&mut self) -> u32;

    /// Sixteen random bits, for sources that have them for less.
    fn next_u16(&mut self) -> u16 {
        (self.next_u32() >> 16) as u16
    }

    /// A number below `bound`; 0 when `bound` is 0.
    fn below(&mut self, bound: u32) -> u32 {
        // The scaling of Lemire's method without its rejection step: the bias is below 2^-32 * bound, or
        // 2^-16 * bound, which no use in this crate (jitter, first ids) can notice.
        if bound <= 1 << 12 {
            return (u32::from(self.next_u16()) * bound) >> 16;
        }
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }
}

impl<F: FnMut() -> u32> RandomSource for F {
    fn next_u32(&mut self) -> u32 {
        self()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_never_go_below_zero() {
        let (a, b) = (Instant::from_millis(5), Instant::from_millis(9));
        assert_eq!(b.since(a), Duration::from_millis(4));
        assert_eq!(a.since(b), Duration::ZERO);
        assert_eq!(
            (b.span_since(a), a.span_since(b)),
            (Millis(4), Millis::ZERO)
        );
        assert_eq!(a + Duration::MAX, Instant::from_millis(u64::MAX));
    }

    #[test]
    fn spans_are_durations_in_whole_milliseconds() {
        let start = Instant::from_millis(5);
        for duration in [
            Duration::ZERO,
            Duration::from_micros(1_234_567),
            Duration::MAX,
        ] {
            assert_eq!(start + Millis::from(duration), start + duration);
        }
        let longest = Millis::from(Duration::MAX);
        assert_eq!(longest.doubled(), longest.plus(1));
        let minute = Duration::from_secs(60);
        assert_eq!(Duration::from(Millis::from(minute)), minute);
    }

    #[test]
    fn below_covers_its_range_and_stays_in_it() {
        assert_eq!((|| u32::MAX).below(10), 9);
        assert_eq!((|| 0).below(10), 0);
        assert_eq!((|| u32::MAX).below(0), 0);
        for bound in [1, 1 << 12, (1 << 12) + 1, u32::MAX] {
            assert_eq!((|| u32::MAX).below(bound), bound - 1);
        }
    }
}
