//! Chance from the kernel.

use std::fs::File;
use std::io::{self, Read};

use super::boundary::guard;

/// A value in `[0, region)`; region 0 gives all 32 bits, as in SDK 3.10 and later.
fn below(region: u32, mut source: impl FnMut() -> u32) -> u32 {
    if region == 0 {
        return source();
    }
    // Rejection: the values above the greatest multiple of `region` would make the small remainders
    // likelier.
    let tail = (u32::MAX % region + 1) % region;
    loop {
        let value = source();
        if value <= u32::MAX - tail {
            return value % region;
        }
    }
}

fn random_u32() -> u32 {
    match kernel_bytes().or_else(|_| device_bytes()) {
        Ok(bytes) => u32::from_ne_bytes(bytes),
        Err(error) => {
            // The seam has no way to report it, and message ids that repeat are better than a
            // stopped device.
            log::error!("HAL_Random: the kernel gives no random numbers ({error}), using the time");
            from_time()
        }
    }
}

fn kernel_bytes() -> io::Result<[u8; 4]> {
    let mut bytes = [0u8; 4];
    loop {
        // SAFETY: pointer and length describe `bytes`.
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match usize::try_from(got) {
            Ok(length) if length == bytes.len() => return Ok(bytes),
            Ok(_) => {}
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// For kernels before 3.17 and sandboxes that forbid getrandom.
fn device_bytes() -> io::Result<[u8; 4]> {
    let mut bytes = [0u8; 4];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[allow(clippy::cast_possible_truncation)]
fn from_time() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    // RandomState is keyed per process and counts up: equal times still give different values.
    RandomState::new().hash_one(std::time::SystemTime::now()) as u32
}

/// `HAL_Random`.
#[unsafe(no_mangle)]
extern "C" fn iotx_hal_default_random(region: u32) -> u32 {
    guard("HAL_Random", 0, || below(region, random_u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_below_the_region() {
        assert_eq!(below(10, || 27), 7);
        assert_eq!(below(1, || 12345), 0);
        assert_eq!(below(u32::MAX, || 5), 5);
    }

    #[test]
    fn region_zero_is_the_full_range() {
        assert_eq!(below(0, || 0xdead_beef), 0xdead_beef);
    }

    #[test]
    fn values_that_would_favour_small_remainders_are_drawn_again() {
        // 2^32 = 6 * 715827882 + 4: the last four values are a short round.
        let mut draws = [u32::MAX, u32::MAX - 3, u32::MAX - 4].into_iter();
        assert_eq!(below(6, || draws.next().expect("a third draw suffices")), 5);
        assert_eq!(draws.next(), None);
    }

    #[test]
    fn no_value_is_rejected_when_the_region_divides_the_range() {
        assert_eq!(below(1 << 16, || u32::MAX), 0xffff);
    }

    #[test]
    fn both_sources_deliver() {
        assert!(kernel_bytes().is_ok());
        #[cfg(not(miri))] // no files under isolation
        assert!(device_bytes().is_ok());
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads the wall clock, which isolation forbids")]
    fn even_the_last_resort_does_not_repeat() {
        assert!((0..8).any(|_| from_time() != from_time()));
    }
}
