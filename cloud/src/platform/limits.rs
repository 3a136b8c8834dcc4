//! Memory of what a token or a device has used up.

use std::collections::BTreeMap;

use crate::clock::UnixMillis;

/// A set of sequence numbers, kept as ranges: counting devices cost one entry however long they
/// live, devices that draw their numbers cost one each.
#[derive(Debug, Default)]
pub(crate) struct SeqSet {
    /// First to last of each range; ranges neither overlap nor touch.
    ranges: BTreeMap<u32, u32>,
}

impl SeqSet {
    /// Adds a number; says no if it was there.
    pub(crate) fn insert(&mut self, seq: u32) -> bool {
        let below = self
            .ranges
            .range(..=seq)
            .next_back()
            .map(|(first, last)| (*first, *last));
        if below.is_some_and(|(_, last)| last >= seq) {
            return false;
        }
        let first = match below {
            Some((first, last)) if last.checked_add(1) == Some(seq) => first,
            _ => seq,
        };
        let last = seq
            .checked_add(1)
            .and_then(|next| self.ranges.remove(&next))
            .unwrap_or(seq);
        self.ranges.insert(first, last);
        true
    }
}

/// How many posts a device may make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Sustained posts per second.
    pub per_second: f64,
    /// Posts that may come at once.
    pub burst: f64,
}

impl Default for RateLimit {
    /// Far above what a device does, so that only a test that asks for it meets 4.29.
    fn default() -> Self {
        RateLimit {
            per_second: 10_000.0,
            burst: 20_000.0,
        }
    }
}

/// A token bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    filled: UnixMillis,
}

impl Bucket {
    pub(crate) fn full(limit: RateLimit, now: UnixMillis) -> Self {
        Bucket {
            tokens: limit.burst,
            filled: now,
        }
    }

    /// Takes one token; says no if there is none.
    pub(crate) fn take(&mut self, limit: RateLimit, now: UnixMillis) -> bool {
        let earned = now.since(self.filled).as_secs_f64() * limit.per_second;
        self.tokens = (self.tokens + earned).min(limit.burst);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_counts_once_in_any_order() {
        let mut set = SeqSet::default();
        for seq in [5, 3, 4, 1, 9, 0, u32::MAX, u32::MAX - 1, 2] {
            assert!(set.insert(seq), "{seq}");
        }
        for seq in [0, 1, 2, 3, 4, 5, 9, u32::MAX, u32::MAX - 1] {
            assert!(!set.insert(seq), "{seq}");
        }
        let ranges: Vec<_> = set.ranges.into_iter().collect();
        assert_eq!(ranges, [(0, 5), (9, 9), (u32::MAX - 1, u32::MAX)]);
    }

    #[test]
    fn a_bucket_refills_with_time() {
        let limit = RateLimit {
            per_second: 2.0,
            burst: 3.0,
        };
        let mut bucket = Bucket::full(limit, UnixMillis(0));
        let taken = |bucket: &mut Bucket, at| (0..10).filter(|_| bucket.take(limit, at)).count();
        assert_eq!(taken(&mut bucket, UnixMillis(0)), 3);
        assert_eq!(taken(&mut bucket, UnixMillis(499)), 0);
        assert_eq!(taken(&mut bucket, UnixMillis(1000)), 2);
        assert_eq!(taken(&mut bucket, UnixMillis(60_000)), 3);
    }
}
