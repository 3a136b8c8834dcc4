//! Text that must not outlive its use.

use std::fmt;
use std::hint::black_box;

use zeroize::Zeroizing;

/// A DeviceSecret, token or key in text form.
///
/// The memory is overwritten when the value is dropped. Moving a `Secret` moves a pointer, so no
/// stale copy stays behind; cloning is the only way to have two. There is no `Display`, and
/// `Debug` shows a placeholder, so that a secret cannot reach a log by accident.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes `text` over. A `String` is kept as it is, not copied.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret in clear.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The UTF-8 bytes of the secret in clear, without a terminator.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether `other` is the same text. The time this takes depends on the two lengths only.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        ct_eq(self.as_bytes(), other)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Compares without stopping at the first difference, which would tell a forger how far they got.
pub(super) fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    // The barrier keeps the optimiser from leaving the loop early once a difference is certain.
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .fold(0, |diff, (x, y)| black_box(diff | (x ^ y)))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_text_back() {
        let secret = Secret::new("s3cret");
        assert_eq!(secret.as_str(), "s3cret");
        assert_eq!(secret.clone().as_bytes(), b"s3cret");
    }

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Secret::new("s3cret")), "Secret(..)");
        assert_eq!(
            format!("{:#?}", Some(Secret::new("s3cret"))),
            "Some(\n    Secret(..),\n)"
        );
    }

    #[test]
    fn compares_every_byte() {
        let secret = Secret::new("abc");
        assert!(secret.ct_eq(b"abc"));
        for other in ["", "ab", "abcd", "Abc", "aBc", "abC"] {
            assert!(!secret.ct_eq(other.as_bytes()), "{other:?}");
        }
        assert!(Secret::new("").ct_eq(b""));
    }
}
