//! Helpers shared by the tests of this module.

/// The device of the test vectors; none of it exists.
pub(super) const PRODUCT_KEY: &str = "a1B2c3D4e5F";
pub(super) const DEVICE_NAME: &str = "dev01";
pub(super) const CLIENT_ID: &str = "a1B2c3D4e5F.dev01";
pub(super) const DEVICE_SECRET: &[u8] = b"0123456789abcdef0123456789ABCDEF";

/// Bytes from their hex text.
pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .map(|c| c.to_digit(16).expect("hex digit"))
        .collect();
    assert_eq!(digits.len() % 2, 0);
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// Marsaglia's xorshift64: the same sequence on every run and every machine.
pub(super) struct Xorshift(u64);

impl Xorshift {
    pub(super) fn new(seed: u64) -> Self {
        assert_ne!(seed, 0);
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number from 0 up to, not including, `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 16) % bound as u64) as usize
    }

    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 24) as u8).collect()
    }
}

/// Rounds of a pseudo-random test: fewer under Miri, which runs a few hundred times slower.
pub(super) const ROUNDS: usize = if cfg!(miri) { 200 } else { 50_000 };
