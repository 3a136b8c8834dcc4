//! Latencies as counts in buckets whose width grows with the value, so that a percentile is right within 3 %.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Buckets per power of two, as a power of two.
const FINE: u32 = 5;

/// Counts by bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Latencies(BTreeMap<u32, u64>);

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        *self.0.entry(bucket(micros)).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// The value that this share of all does not exceed; `None` when there are none.
    pub(crate) fn percentile(&self, percent: f64) -> Option<Duration> {
        let all: u64 = self.0.values().sum();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        #[allow(clippy::cast_sign_loss)] // a rank: positive, and small
        let rank = ((all as f64) * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| Duration::from_micros(end(*bucket)))
        })
    }
}

fn bucket(micros: u64) -> u32 {
    let octave = (u64::BITS - micros.leading_zeros()).saturating_sub(FINE + 1);
    let step = u32::try_from(micros >> octave).unwrap_or(u32::MAX);
    (octave << FINE) + step
}

/// The greatest value in the bucket.
fn end(bucket: u32) -> u64 {
    let octave = (bucket >> FINE).saturating_sub(1);
    let step = u64::from(bucket - (octave << FINE));
    ((step + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_its_bucket_and_near_its_end() {
        let values = (0..200).chain([1_000, 65_535, 65_536, 1_234_567, 3_600_000_000]);
        for value in values {
            let end = end(bucket(value));
            assert!(end >= value, "{value} {end}");
            assert!(end - value <= value / 32, "{value} {end}");
            assert!(value == 0 || bucket(value - 1) <= bucket(value));
        }
    }

    #[test]
    fn percentiles_count_from_below() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50.0), None);
        for micros in 1..=30 {
            latencies.add(Duration::from_micros(micros));
        }
        let mut twice = latencies.clone();
        twice.merge(&latencies);
        for all in [latencies, twice] {
            assert_eq!(all.percentile(50.0), Some(Duration::from_micros(15)));
            assert_eq!(all.percentile(0.0), Some(Duration::from_micros(1)));
            assert_eq!(all.percentile(100.0), Some(Duration::from_micros(30)));
        }
    }
}
