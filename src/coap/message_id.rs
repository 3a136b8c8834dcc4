//! Message ids (RFC 7252 section 4.4).

use super::time::{Instant, Millis, RandomSource};

const BLOCKS: usize = 64;
const IDS_PER_BLOCK: u16 = 1024;

/// Hands out the message ids of one client: from a random start, one after the other, around the
/// 16-bit circle. (The SDK's counter stuck at 1 after 65,535 messages.)
///
/// An id must not come again towards the same endpoint before its message's lifetime is over
/// (EXCHANGE_LIFETIME, or NON_LIFETIME). Instead of 65,536 instants it keeps one for each block of
/// 1,024 ids: when the last of them may be used again. The circle is therefore up to 1.6 % shorter
/// than it could be: with the parameters of RFC 7252, 261 messages a second for ever.
#[derive(Debug)]
pub struct MessageIds {
    next: u16,
    free_at: [Instant; BLOCKS],
}

impl MessageIds {
    /// A sequence with a random first id, as section 4.4 recommends against off-path guessing.
    pub fn new(random: &mut dyn RandomSource) -> Self {
        Self {
            next: random.next_u32() as u16,
            free_at: [Instant::default(); BLOCKS],
        }
    }

    /// A sequence that goes on at `next` where, at `now`, the blocks of `busy` (bit n for the n-th
    /// 1,024 ids) hold ids that may not be used again for another `lifetime`.
    pub(super) fn resume(next: u16, busy: u64, now: Instant, lifetime: Millis) -> Self {
        let is_busy = |block: usize| busy >> block & 1 == 1;
        Self {
            next,
            free_at: core::array::from_fn(|block| {
                if is_busy(block) {
                    now + lifetime
                } else {
                    Instant::default()
                }
            }),
        }
    }

    /// What [`resume`](Self::resume) takes.
    pub(super) fn progress(&self, now: Instant) -> (u16, u64) {
        let blocks = self.free_at.iter().enumerate();
        let busy = blocks.filter(|&(_, &free_at)| free_at > now);
        (self.next, busy.fold(0, |bits, (n, _)| bits | 1 << n))
    }

    /// When the next id may be taken; an instant that has passed means: now.
    #[must_use]
    pub fn free_at(&self) -> Instant {
        if self.next.is_multiple_of(IDS_PER_BLOCK) {
            self.free_at[block(self.next)]
        } else {
            // Entering the block was the question; nobody else takes ids out of it.
            Instant::default()
        }
    }

    /// The next id that `in_use` does not hold, for a message that lives for `lifetime` after
    /// `now`; `None` before [`free_at`](Self::free_at).
    #[inline(always)]
    pub fn take(
        &mut self,
        now: Instant,
        lifetime: impl Into<Millis>,
        in_use: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let free_again = now + lifetime.into();
        for _ in 0..=u16::MAX {
            if self.free_at() > now {
                return None;
            }
            let id = self.next;
            self.next = id.wrapping_add(1);
            let free_at = &mut self.free_at[block(id)];
            *free_at = (*free_at).max(free_again);
            if !in_use(id) {
                return Some(id);
            }
        }
        None
    }
}

const fn block(id: u16) -> usize {
    (id / IDS_PER_BLOCK) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const LIFETIME: Duration = Duration::from_secs(247);

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn ids_wrap_and_skip_those_in_use() {
        let mut ids = MessageIds::new(&mut || 0xffff_fffe);
        assert_eq!(ids.take(at(0), LIFETIME, |_| false), Some(0xfffe));
        assert_eq!(ids.take(at(0), LIFETIME, |_| false), Some(0xffff));
        assert_eq!(ids.take(at(0), LIFETIME, |id| id < 3), Some(3));
        assert_eq!(ids.take(at(0), LIFETIME, |_| true), None);
    }

    /// Takes ids at `rate` a second for ten lifetimes, from a start inside a block, and says how
    /// many came.
    fn take_steadily(rate: u64) -> usize {
        let mut ids = MessageIds::new(&mut || 0x1234_5678);
        let mut last_use = vec![None; 1 << 16];
        let mut taken = 0;
        for tick in 0..2470 * rate {
            let now = Instant::from_millis(tick * 1000 / rate);
            let Some(id) = ids.take(now, LIFETIME, |_| false) else {
                assert!(ids.free_at() > now);
                continue;
            };
            let before = last_use[usize::from(id)].replace(now);
            assert!(before.is_none_or(|before: Instant| now.since(before) >= LIFETIME));
            taken += 1;
        }
        taken
    }

    #[test]
    #[cfg_attr(miri, ignore = "a million steps")]
    fn section_4_4_no_id_comes_again_within_its_lifetime_at_any_rate() {
        assert_eq!(take_steadily(260), 2470 * 260);
        let flood = take_steadily(1000);
        assert!(flood > 10 * 64_000 && flood < 10 * 65_536, "{flood}");
    }

    #[test]
    fn what_was_in_use_before_a_pause_stays_so_for_a_lifetime_after_it() {
        let mut ids = MessageIds::new(&mut || 2047);
        for _ in 0..3 {
            ids.take(at(10), LIFETIME, |_| false);
        }
        let (next, busy) = ids.progress(at(20));
        assert_eq!((next, busy), (2050, 0b110));
        let mut resumed = MessageIds::resume(next, busy, at(1000), LIFETIME.into());
        let mut count = 0;
        let mut last = 0;
        while let Some(id) = resumed.take(at(1000), LIFETIME, |_| false) {
            (last, count) = (id, count + 1);
        }
        assert_eq!((last, count), (1023, 65_536 - 1026));
        assert_eq!(resumed.free_at(), at(1247));
    }
}
