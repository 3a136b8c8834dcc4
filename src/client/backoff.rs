//! How long to wait: before trying again what has failed, and because the cloud asked for it.

use crate::coap::{Code, Datagram, OptionNumber, RandomSource};
use core::time::Duration;

/// 4.29 Too Many Requests (RFC 8516).
const TOO_MANY_REQUESTS: Code = Code::new(4, 29);
/// 5.03 Service Unavailable.
const SERVICE_UNAVAILABLE: Code = Code::new(5, 3);
/// Max-Age, the option that says how long.
const MAX_AGE: OptionNumber = OptionNumber(14);
/// Max-Age of a response that carries none (RFC 7252 section 5.10.5).
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);
/// The cloud may ask for years; a device that believes it is as good as dead.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5 * 60);

/// How long the sender of this response asks to be left alone: Max-Age of 4.29 (RFC 8516) and 5.03
/// (RFC 7252 section 5.9.3.4), at most five minutes.
pub(super) fn asked_for(response: &Datagram<'_>) -> Option<Duration> {
    if !matches!(response.code(), TOO_MANY_REQUESTS | SERVICE_UNAVAILABLE) {
        return None;
    }
    let mut options = response.options();
    let max_age = options.find(|(number, _)| *number == MAX_AGE);
    // A value too long for the option is treated like an option nobody knows (section 5.4.3): ignored.
    let max_age = max_age.and_then(|(_, value)| seconds(value));
    Some(max_age.unwrap_or(DEFAULT_MAX_AGE).min(LONGEST_BACK_OFF))
}

/// An unsigned integer of 0 to 4 bytes (section 3.2), as seconds.
fn seconds(value: &[u8]) -> Option<Duration> {
    let fits = value.len() <= size_of::<u32>();
    let read = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
    fits.then(|| Duration::from_secs(value.iter().fold(0, read)))
}

/// The pauses between attempts of the same thing: none, then a second, then twice as long each time.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    failures: u32,
}

impl Pauses {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(5 * 60);

    /// How long to wait before the next attempt, which this counts: up to half as long again, by chance, so
    /// that devices that lost the same server do not come back all at once.
    pub(super) fn next(&mut self, random: &mut dyn RandomSource) -> Duration {
        self.next_within(Self::LONGEST, random)
    }

    /// The same, growing to no more than `longest`.
    #[inline(never)]
    pub(super) fn next_within(
        &mut self,
        longest: Duration,
        random: &mut dyn RandomSource,
    ) -> Duration {
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let pause = Self::FIRST
            .saturating_mul(1 << doublings.min(16))
            .min(longest);
        let half = u32::try_from(pause.as_millis() / 2).unwrap_or(u32::MAX);
        pause + Duration::from_millis(random.below(half).into())
    }

    /// The same after an attempt that failed: never none.
    pub(super) fn after_failure(&mut self, random: &mut dyn RandomSource) -> Duration {
        self.failures = self.failures.max(1);
        self.next(random)
    }

    /// Whether an attempt has been counted since it last worked.
    pub(super) const fn are_pausing(&self) -> bool {
        self.failures > 0
    }

    /// It has worked: the next attempt need not wait.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(bytes: &[u8]) -> Option<u64> {
        let response = Datagram::parse(bytes).expect("well-formed");
        asked_for(&response).map(|pause| pause.as_secs())
    }

    #[test]
    fn only_4_29_and_5_03_ask_for_a_pause() {
        assert_eq!(asked(&[0x60, 0x45, 0, 1, 0xd1, 1, 9]), None);
        assert_eq!(asked(&[0x60, 0xa0, 0, 1]), None);
        assert_eq!(asked(&[0x60, 0x9d, 0, 1]), Some(60));
        assert_eq!(asked(&[0x60, 0xa3, 0, 1]), Some(60));
    }

    #[test]
    fn max_age_is_an_integer_of_at_most_four_bytes_and_at_most_five_minutes() {
        for (option, pause) in [
            (&[0xd0, 1][..], 0),
            (&[0xd1, 1, 7], 7),
            (&[0xd2, 1, 1, 4], 260),
            (&[0xd2, 1, 1, 44], 300),
            (&[0xd2, 1, 1, 45], 300),
            (&[0xd4, 1, 255, 255, 255, 255], 300),
            (&[0xd5, 1, 0, 0, 0, 0, 9], 60),
        ] {
            let bytes = [&[0x60, 0xa3, 0, 1], option].concat();
            assert_eq!(asked(&bytes), Some(pause), "{option:?}");
        }
    }

    #[test]
    fn pauses_grow_to_a_limit_and_start_again() {
        let mut pauses = Pauses::default();
        let mut seconds = || pauses.next(&mut || 0).as_secs();
        let first: Vec<_> = (0..6).map(|_| seconds()).collect();
        assert_eq!(first, [0, 1, 2, 4, 8, 16]);
        assert_eq!((0..40).map(|_| seconds()).max(), Some(300));
        pauses.reset();
        assert_eq!(pauses.next(&mut || u32::MAX), Duration::ZERO);
        let longest = Duration::from_millis(1_500);
        assert!(pauses.next(&mut || u32::MAX) < longest);
    }
}
