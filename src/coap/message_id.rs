//! Message ids (RFC 7252 section 4.4).

use super::time::RandomSource;

/// Hands out the message ids of one client: from a random start, one after the other, around the
/// 16-bit circle. (The SDK's counter stuck at 1 after 65,535 messages.)
#[derive(Debug)]
pub struct MessageIds {
    next: u16,
}

impl MessageIds {
    /// A sequence with a random first id, as section 4.4 recommends against off-path guessing.
    pub fn new(random: &mut dyn RandomSource) -> Self {
        Self {
            next: random.next_u32() as u16,
        }
    }

    /// The next id that `in_use` does not hold. Should it hold all 65,536, the oldest is reused.
    pub fn take(&mut self, in_use: impl Fn(u16) -> bool) -> u16 {
        let first = self.next;
        while in_use(self.next) {
            self.next = self.next.wrapping_add(1);
            if self.next == first {
                break;
            }
        }
        let taken = self.next;
        self.next = taken.wrapping_add(1);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_wrap_and_skip_those_in_use() {
        let mut ids = MessageIds::new(&mut || 0xffff_fffe);
        assert_eq!(ids.take(|_| false), 0xfffe);
        assert_eq!(ids.take(|_| false), 0xffff);
        assert_eq!(ids.take(|id| id < 3), 3);
        assert_eq!(ids.take(|_| true), 4);
    }
}
