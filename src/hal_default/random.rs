//! Chance from the kernel.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU8, Ordering};

use super::boundary::guard;
use zeroize::Zeroize;

/// Random numbers fetched ahead, of 16 bits, which is what the library asks for at a time. A report takes two or
/// three: a system call for each would be as much as the report's own. Not more of them, since every thread of the
/// firmware pays for what is thread-local, on most systems out of its stack.
const STOCK: usize = 256;

thread_local! {
    static AHEAD: Stock = const { Stock::empty() };
}

/// A thread's random numbers fetched ahead; each is wiped as it is taken.
struct Stock {
    values: [Cell<u16>; STOCK],
    /// How many of them, from the first on, are still to be given.
    left: Cell<usize>,
}

impl Stock {
    const fn empty() -> Self {
        Self {
            values: [const { Cell::new(0) }; STOCK],
            left: Cell::new(0),
        }
    }

    /// The next number that was fetched ahead.
    #[inline]
    fn next(&self) -> Option<u16> {
        let last = self.left.get().checked_sub(1)?;
        let value = self.values.get(last)?.take();
        self.left.set(last);
        Some(value)
    }

    fn take(&self, fill: impl FnOnce(&mut [u8]) -> io::Result<()>) -> io::Result<u16> {
        if let Some(value) = self.next() {
            return Ok(value);
        }
        let mut numbers = [0_u16; STOCK];
        // SAFETY: pointer and length describe `numbers`, of which any bytes make numbers.
        fill(unsafe {
            std::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), size_of_val(&numbers))
        })?;
        for (value, number) in self.values.iter().zip(&numbers) {
            value.set(*number);
        }
        numbers.zeroize();
        self.left.set(STOCK);
        Ok(self.next().unwrap_or_default())
    }

    fn discard(&self) {
        self.left.set(0);
        for value in &self.values {
            value.set(0);
        }
    }
}

/// Whether a forked child forgets what its parent has fetched ahead: otherwise both would use the same numbers.
fn forks_are_watched() -> bool {
    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;
    static WATCHED: AtomicU8 = AtomicU8::new(UNKNOWN);
    extern "C" fn in_the_child() {
        // Of the parent's threads only this one lives on.
        let _ = AHEAD.try_with(Stock::discard);
    }
    let mut watched = WATCHED.load(Ordering::Relaxed);
    if watched == UNKNOWN {
        // Two threads may come here at once: a handler that is called twice does no harm.
        // SAFETY: the handler touches nothing but this thread's own numbers.
        let done = unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
        watched = if done == 0 { YES } else { NO };
        WATCHED.store(watched, Ordering::Relaxed);
    }
    watched == YES
}

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

/// What [`below`] gives for the region of all 16-bit numbers, which is the only one the library asks for: where one was
/// fetched ahead.
#[inline]
fn half_word_from_stock(region: u32) -> Option<u32> {
    if region != 1 << 16 {
        return None;
    }
    let next = AHEAD.try_with(Stock::next).ok().flatten();
    next.map(u32::from)
}

fn random_u32() -> u32 {
    // Nothing is fetched ahead where a child would use it too.
    if forks_are_watched()
        && let Ok(Ok(value)) = AHEAD.try_with(|ahead| {
            let (high, low) = (ahead.take(kernel_bytes)?, ahead.take(kernel_bytes)?);
            io::Result::Ok(u32::from(high) << 16 | u32::from(low))
        })
    {
        return value;
    }
    let mut bytes = [0u8; 4];
    match kernel_bytes(&mut bytes).or_else(|_| device_bytes(&mut bytes)) {
        Ok(()) => u32::from_ne_bytes(bytes),
        Err(error) => {
            // The seam has no way to report it, and message ids that repeat are better than a
            // stopped device.
            log::error!("HAL_Random: the kernel gives no random numbers ({error}), using the time");
            from_time()
        }
    }
}

/// Fills `bytes`. A signal can cut a call short that asks for more than 256.
fn kernel_bytes(mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: pointer and length describe `bytes`.
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match usize::try_from(got) {
            Ok(length) => bytes = bytes.get_mut(length..).unwrap_or_default(),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// For kernels before 3.17 and sandboxes that forbid getrandom.
fn device_bytes(bytes: &mut [u8]) -> io::Result<()> {
    File::open("/dev/urandom")?.read_exact(bytes)
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
    if let Some(value) = half_word_from_stock(region) {
        // Neither waits nor panics: needs no guard.
        return value;
    }
    guarded_below(region)
}

#[cold]
fn guarded_below(region: u32) -> u32 {
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
        let mut bytes = [0; 2 * STOCK];
        assert!(kernel_bytes(&mut bytes).is_ok());
        // 16 zeros in a row come once in 2^128.
        assert!(
            bytes.rchunks(16).all(|bytes| bytes != [0; 16]),
            "to the end"
        );
        #[cfg(not(miri))] // no files under isolation
        assert!(device_bytes(&mut [0; 4]).is_ok());
    }

    #[test]
    fn numbers_fetched_ahead_are_each_given_once() {
        let stock = Stock::empty();
        let is_wiped = |stock: &Stock| stock.values.iter().all(|value| value.get() == 0);
        let mut fetched = 0_u8;
        let mut fill = |bytes: &mut [u8]| {
            fetched += 1;
            bytes.fill(fetched);
            bytes[0] = 0xff;
            Ok(())
        };
        let first: Vec<_> = (0..STOCK)
            .map(|_| stock.take(&mut fill).expect("filled"))
            .collect();
        assert_eq!(first.iter().filter(|v| **v == 0x0101).count(), STOCK - 1);
        assert!(is_wiped(&stock), "as they were taken");
        assert_eq!(stock.take(&mut fill).expect("filled"), 0x0202);
        stock.discard();
        assert!(is_wiped(&stock));
        assert_eq!(stock.take(&mut fill).expect("filled"), 0x0303);
        stock.discard();
        assert!(stock.take(|_| Err(io::ErrorKind::Other.into())).is_err());
    }

    #[test]
    #[cfg(not(miri))] // forks
    fn a_child_does_not_use_its_parents_numbers() {
        let mut pipe = [0; 2];
        // SAFETY: room for two descriptors.
        assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
        random_u32();
        // SAFETY: the child only draws, writes and ends.
        let child = unsafe { libc::fork() };
        let drawn = random_u32().to_ne_bytes();
        if child == 0 {
            // SAFETY: as above.
            unsafe {
                libc::write(pipe[1], drawn.as_ptr().cast(), drawn.len());
                libc::_exit(0);
            }
        }
        let mut theirs = [0_u8; 4];
        // SAFETY: pointer and length describe `theirs`; the child is ours.
        let read = unsafe { libc::read(pipe[0], theirs.as_mut_ptr().cast(), theirs.len()) };
        assert_eq!(read, 4);
        // SAFETY: the child is ours; nobody wants its status.
        unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        assert_ne!(theirs, drawn);
        // SAFETY: our own descriptors.
        unsafe { (libc::close(pipe[0]), libc::close(pipe[1])) };
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads the wall clock, which isolation forbids")]
    fn even_the_last_resort_does_not_repeat() {
        assert!((0..8).any(|_| from_time() != from_time()));
    }
}
