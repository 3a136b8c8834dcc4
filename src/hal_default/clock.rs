//! Uptime.

use super::boundary::guard;

/// Milliseconds since the system started, time spent suspended included.
///
/// CLOCK_BOOTTIME rather than CLOCK_MONOTONIC, because everything the library times is shared with
/// a peer whose clock runs on while the device sleeps: the token's 48 hours, EXCHANGE_LIFETIME (RFC
/// 7252 4.8.2), a NAT's binding. After a resume those are over and must count as over. A
/// retransmission that comes early for the same reason costs one datagram; one that comes hours
/// late would be worthless. Both clocks ignore settings of the wall clock.
fn uptime_ms() -> u64 {
    if let Some(uptime) = read_clock(libc::CLOCK_BOOTTIME) {
        // Neither waits nor panics: needs no guard.
        return uptime;
    }
    uptime_of_old_kernels()
}

#[cold]
fn uptime_of_old_kernels() -> u64 {
    guard("HAL_UptimeMs", 0, || {
        // Kernels without CLOCK_BOOTTIME (before 2.6.39) all have this one.
        read_clock(libc::CLOCK_MONOTONIC).unwrap_or_else(|| {
            log::error!("HAL_UptimeMs: the system has no monotonic clock");
            0
        })
    })
}

#[inline(always)]
fn read_clock(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if result != 0 {
        return None;
    }
    // Neither is negative: these clocks begin at 0, and a second has less than 2^32 nanoseconds.
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    let (seconds, nanoseconds) = (time.tv_sec as u64, time.tv_nsec as u32);
    Some(seconds * 1000 + u64::from(nanoseconds / 1_000_000))
}

/// `HAL_UptimeMs`.
#[unsafe(no_mangle)]
extern "C" fn iotx_hal_default_uptime_ms() -> u64 {
    uptime_ms()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "CLOCK_BOOTTIME is not modelled")]
    fn uptime_is_past_zero_and_does_not_decrease() {
        let first = uptime_ms();
        assert!(first > 0);
        assert!(uptime_ms() >= first);
    }

    #[test]
    fn an_unknown_clock_is_no_time() {
        assert_eq!(read_clock(-1), None);
    }
}
