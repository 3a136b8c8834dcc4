//! What a worker tells its parent: one JSON object a line.

use super::latency::Latencies;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Totals of a worker so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Devices that have a token.
    pub(crate) ready: u64,
    /// Connections that could not be made, and were begun again.
    pub(crate) connect_failures: u64,
    /// Authentications that failed, and were begun again.
    pub(crate) auth_failures: u64,
    /// Reports the library took.
    pub(crate) sent: u64,
    /// Answered 2.05.
    pub(crate) acknowledged: u64,
    /// Answered otherwise.
    pub(crate) refused: u64,
    /// Reported failed, by reason.
    pub(crate) failed: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn all_failed(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Reports that had their end.
    pub(crate) fn ended(&self) -> u64 {
        self.acknowledged + self.refused + self.all_failed()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.ready += other.ready;
        self.connect_failures += other.connect_failures;
        self.auth_failures += other.auth_failures;
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        for (reason, count) in &other.failed {
            *self.failed.entry(reason.clone()).or_default() += count;
        }
    }
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    /// From time to time.
    Progress(Tally),
    /// Every device has a token; the worker waits for a line.
    Ready {
        /// Resident memory before the first device, in KiB.
        kib_before: u64,
        /// Resident memory with all devices, in KiB.
        kib_after: u64,
        /// Processor seconds so far.
        processor: f64,
    },
    /// Every report has its end.
    Done {
        /// Totals.
        tally: Tally,
        /// From a report's first transmission to its answer.
        latencies: Latencies,
        /// Which reports were acknowledged: bit `device * reports + report` of all the worker's.
        acknowledged: Bits,
        /// Processor seconds since the parent's line.
        processor: f64,
    },
}

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn with_room_for(count: u64) -> Self {
        Self(vec![
            0;
            usize::try_from(count.div_ceil(64))
                .unwrap_or(usize::MAX)
        ])
    }

    /// Adds a number; says whether it is new. One beyond the room is not taken.
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        let word = usize::try_from(number / 64).unwrap_or(usize::MAX);
        let bit = 1 << (number % 64);
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).unwrap_or(usize::MAX);
        self.0
            .get(word)
            .is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> {
        (0..self.0.len() as u64 * 64).filter(|number| self.contains(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_a_set() {
        let mut bits = Bits::with_room_for(65);
        assert!(bits.insert(0) && bits.insert(64) && !bits.insert(64));
        assert!(!bits.insert(128) && !bits.contains(128), "no room");
        assert_eq!(bits.numbers().collect::<Vec<_>>(), [0, 64]);
        assert_eq!(bits.len(), 2);
    }
}
