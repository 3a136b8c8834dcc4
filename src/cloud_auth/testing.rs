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
