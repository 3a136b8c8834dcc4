//! How long a server may keep a download waiting.

use std::time::Duration;

/// What a byte of the image is worth: who sends 16 of them a second may go on for ever.
const PER_BYTE: Duration = Duration::from_micros(62_500);

/// Time that went by in calls without bringing the download on. Bytes of the image make up for it by their number, so
/// a server that sends one now and then, or anything but the image, wears it out like one that is silent.
#[derive(Debug, Default)]
pub(super) struct Patience {
    spent: Duration,
}

impl Patience {
    /// So much time has passed.
    pub(super) fn spend(&mut self, time: Duration) {
        self.spent = self.spent.saturating_add(time);
    }

    /// So many bytes of the image have come.
    pub(super) fn earn(&mut self, bytes: u64) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.spent = self.spent.saturating_sub(PER_BYTE.saturating_mul(bytes));
    }

    /// A step is done that must be done once: the connection made, the request sent.
    pub(super) fn renew(&mut self) {
        self.spent = Duration::ZERO;
    }

    /// What is left of this much.
    pub(super) fn left_of(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// Whether a server is borne for an hour that sends so many bytes every so many seconds.
    fn is_borne(bytes: u64, seconds: u64) -> bool {
        let mut patience = Patience::default();
        (0..3600 / seconds).all(|_| {
            patience.spend(Duration::from_secs(seconds));
            let borne = !patience.left_of(LIMIT).is_zero();
            patience.earn(bytes);
            borne
        })
    }

    #[test]
    fn slow_is_borne_and_dripping_is_not() {
        assert!(is_borne(16, 1) && is_borne(160, 10) && is_borne(464, 29));
        assert!(is_borne(1 << 40, 29));
        for (bytes, seconds) in [(0, 1), (1, 1), (1, 29), (15, 1), (1 << 40, 30)] {
            assert!(!is_borne(bytes, seconds), "{bytes} in {seconds} s");
        }
    }

    #[test]
    fn each_step_has_all_of_it_and_nothing_is_saved_up() {
        let mut patience = Patience::default();
        patience.earn(1_000_000);
        patience.spend(LIMIT / 2);
        assert_eq!(patience.left_of(LIMIT), LIMIT / 2);
        patience.renew();
        assert_eq!(patience.left_of(LIMIT), LIMIT);
        patience.spend(Duration::MAX);
        patience.spend(LIMIT);
        assert_eq!(patience.left_of(LIMIT), Duration::ZERO);
    }
}
