//! Reproducible randomness: SplitMix64 (Steele, Lea, Flood 2014), which needs no more state than a
//! counter. Nothing secret is made of it.

/// A stream of numbers, the same for the same seed on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    /// The stream of this seed, and within it the one of this number: neighbours have nothing in
    /// common.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Random(mix(seed ^ mix(number.wrapping_add(GOLDEN_GAMMA))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        mix(self.0)
    }

    /// Evenly from 0 up to, but not including, 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        // The 53 bits that an f64 holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability. Always draws, so that what follows does not depend on it.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_split_mix_64() {
        // The published first outputs for state 0.
        let mut random = Random(0);
        assert_eq!(random.next(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random.next(), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn chances_come_out_as_asked_for() {
        for probability in [0.0, 0.01, 0.3, 1.0] {
            let hits = (0..10_000)
                .filter(|number| Random::new(7, *number).chance(probability))
                .count();
            let expected = probability * 10_000.0;
            assert!(
                (hits as f64 - expected).abs() <= 200.0,
                "{probability}: {hits}"
            );
        }
    }

    #[test]
    fn seeds_and_numbers_tell_streams_apart() {
        let first = |seed, number| Random::new(seed, number).next();
        assert_eq!(first(1, 1), first(1, 1));
        assert_ne!(first(1, 1), first(1, 2));
        assert_ne!(first(1, 1), first(2, 1));
    }
}
