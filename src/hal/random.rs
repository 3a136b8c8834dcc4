//! Chance over `HAL_Random`.

use super::sys;

/// Values asked of the port at a time. Small enough for ports that scale libc's 31-bit `random()`.
const REGION: u32 = 1 << 16;

/// A random number, all 32 bits of which vary.
///
/// `HAL_Random(region)` promises a value below `region`, and what a region of 0 means differs
/// between ports (0, or the full range), so two half words are asked for. The quality is the
/// port's: use it for ids and jitter, not for keys.
#[must_use]
pub fn next_u32() -> u32 {
    combine(below_region(), below_region())
}

/// A random number of 16 bits.
#[must_use]
pub fn next_u16() -> u16 {
    // What a port returns beyond its promise is cut off.
    below_region() as u16
}

/// Seeds the port's generator, for ports whose `HAL_Random` is libc's. The Linux default needs no
/// seed.
pub fn seed(value: u32) {
    // SAFETY: takes no memory; port promise 2 (no unwinding).
    unsafe { sys::HAL_Srandom(value) }
}

fn below_region() -> u32 {
    // SAFETY: takes no memory; port promise 2 (no unwinding).
    unsafe { sys::HAL_Random(REGION) }
}

fn combine(high: u32, low: u32) -> u32 {
    ((high % REGION) << 16) | (low % REGION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_count() {
        assert_eq!(combine(0x1234, 0xabcd), 0x1234_abcd);
        assert_eq!(combine(0xffff, 0), 0xffff_0000);
    }

    #[test]
    fn a_port_that_ignores_the_region_is_cut_to_it() {
        assert_eq!(combine(0xdead_beef, 0xcafe_f00d), 0xbeef_f00d);
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn every_bit_varies() {
        seed(7);
        let (mut ones, mut zeros) = (0u32, 0u32);
        for _ in 0..256 {
            let value = next_u32();
            ones |= value;
            zeros |= !value;
        }
        assert_eq!(ones, u32::MAX);
        assert_eq!(zeros, u32::MAX);
    }
}
