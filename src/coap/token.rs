//! Tokens: what ties a response to its request (RFC 7252 section 5.3.1).

use super::time::RandomSource;

/// A token of 0 to 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl Token {
    /// The longest legal token.
    pub const MAX_LEN: usize = 8;

    /// A token of these bytes; `None` when there are more than eight.
    #[must_use]
    pub fn from_slice(slice: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_LEN];
        match *slice {
            // Of a known length, as this client's own are, it is copied in one step.
            [a, b, c, d] => bytes = [a, b, c, d, 0, 0, 0, 0],
            _ => bytes.get_mut(..slice.len())?.copy_from_slice(slice),
        }
        Some(Self {
            bytes,
            len: slice.len() as u8,
        })
    }

    /// The four bytes the SDK makes of a token number: little-endian, as `IOT_CoAP_GetMessageToken`
    /// reads them back.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        let [a, b, c, d] = number.to_le_bytes();
        Self {
            bytes: [a, b, c, d, 0, 0, 0, 0],
            len: 4,
        }
    }

    /// The number [`from_number`](Self::from_number) made this token of; missing bytes read as zero.
    #[must_use]
    pub const fn number(&self) -> u32 {
        let [a, b, c, d, ..] = self.bytes;
        u32::from_le_bytes([a, b, c, d])
    }

    /// How many bytes it has.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // an empty token is a token
    pub const fn len(&self) -> u8 {
        self.len
    }

    /// The token's bytes, with zeros behind them.
    #[must_use]
    pub const fn padded(&self) -> [u8; Self::MAX_LEN] {
        self.bytes
    }

    /// The token's bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Draws the tokens of one client.
///
/// The next number is always known in advance, because `IOT_CoAP_GetCurToken` promises to tell it.
/// Numbers are random: on plain UDP the token is what keeps a stranger from guessing a response
/// (section 5.3.1, last paragraph).
#[derive(Debug)]
pub struct Tokens {
    next: u32,
}

impl Tokens {
    /// A sequence that starts at a random number.
    pub fn new(random: &mut dyn RandomSource) -> Self {
        Self {
            next: random.next_u32(),
        }
    }

    /// Goes on with this number, which [`peek`](Self::peek) told before.
    pub(super) const fn resume(&mut self, next: u32) {
        self.next = next;
    }

    /// The number the next request will carry.
    #[must_use]
    pub const fn peek(&self) -> u32 {
        self.next
    }

    /// Takes the next number and draws its successor, which `in_use` must not hold already.
    #[inline(always)]
    pub fn take(&mut self, random: &mut dyn RandomSource, in_use: impl Fn(u32) -> bool) -> u32 {
        let taken = self.next;
        let mut next = random.next_u32();
        while next == taken || in_use(next) {
            // Counting on, not drawing again: ends even on a platform whose generator is stuck.
            next = next.wrapping_add(1);
        }
        self.next = next;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_travel_little_endian() {
        let token = Token::from_number(0x0102_0304);
        assert_eq!(token.as_slice(), [4, 3, 2, 1]);
        assert_eq!(token.number(), 0x0102_0304);
        assert_eq!(Token::from_slice(&[7, 1]).unwrap().number(), 0x0107);
        assert_eq!(Token::default().number(), 0);
    }

    #[test]
    fn nine_bytes_are_no_token() {
        assert_eq!(Token::from_slice(&[0; 9]), None);
        assert_eq!(Token::from_slice(&[1; 8]).unwrap().as_slice(), [1; 8]);
    }

    #[test]
    fn a_stuck_generator_still_gives_fresh_tokens() {
        let mut stuck = || 7;
        let mut tokens = Tokens::new(&mut stuck);
        let mut seen = Vec::new();
        for _ in 0..100 {
            let peeked = tokens.peek();
            let taken = tokens.take(&mut stuck, |n| seen.contains(&n));
            assert_eq!(peeked, taken);
            assert!(!seen.contains(&taken));
            seen.push(taken);
        }
    }
}
