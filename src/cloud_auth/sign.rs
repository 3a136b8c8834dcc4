//! The signature under the parameters of a request.
//!
//! The signed text is made of the names and values of all parameters but `version`, `sign`,
//! `resources` and `signmethod`, sorted by name and joined without any separator. Its HMAC, keyed
//! with the DeviceSecret and written in hex, is the parameter `sign`.

use std::fmt;
use std::str;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroize;

use super::secret::{Secret, ct_eq};
use crate::few;

/// Parameters that are sent but not signed.
const UNSIGNED: [&str; 4] = ["version", "sign", "resources", "signmethod"];

/// Length of the longest MAC in bytes, that of HMAC-SHA256.
const MAX_MAC_LEN: usize = 32;

/// The algorithm behind a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SignMethod {
    /// HMAC-MD5, what the cloud assumes when a request names no method.
    #[default]
    HmacMd5,
    /// HMAC-SHA1.
    HmacSha1,
    /// HMAC-SHA256.
    HmacSha256,
}

impl SignMethod {
    /// The name on the wire, as in the parameter `signmethod`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacMd5 => "hmacmd5",
            Self::HmacSha1 => "hmacsha1",
            Self::HmacSha256 => "hmacsha256",
        }
    }

    /// The method of that name; `None` for a name that the cloud does not know. Case matters.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::HmacMd5, Self::HmacSha1, Self::HmacSha256]
            .into_iter()
            .find(|method| method.name() == name)
    }
}

/// A signature as it goes on the wire: 32, 40 or 64 hex digits. Lives on the stack.
///
/// `Debug` hides the digits: who has seen a signature can authenticate with it until its
/// parameters are refused.
#[derive(Clone, Copy)]
pub struct Signature {
    hex: [u8; 2 * MAX_MAC_LEN],
    len: usize,
}

impl Signature {
    /// The hex digits; lower-case unless this came from [`Signature::to_upper`].
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.hex[..self.len]).expect("hex digits are ASCII")
    }

    /// The same signature in upper-case digits, the way the vendor's newest SDK writes it.
    #[must_use]
    pub fn to_upper(mut self) -> Self {
        self.hex.make_ascii_uppercase();
        self
    }

    /// Whether `received` is this signature, in either case. The time this takes depends on the
    /// two lengths only.
    pub fn matches_ignore_case(&self, received: &str) -> bool {
        let mut folded = [0; 2 * MAX_MAC_LEN];
        let Some(folded) = folded.get_mut(..received.len()) else {
            return false;
        };
        folded.copy_from_slice(received.as_bytes());
        folded.make_ascii_lowercase();
        let mut own = self.hex;
        own.make_ascii_lowercase();
        ct_eq(&own[..self.len], folded)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// Signs `parameters`, given as (name, value) in any order, with `secret`.
///
/// Names and values are taken as they are before any escaping of the payload. Parameters that the
/// cloud does not sign are left out here, so that a whole request can be passed in.
///
/// # Examples
///
/// ```
/// use iotx_coap::cloud_auth::{SignMethod, sign_parameters};
///
/// let sign = sign_parameters(
///     SignMethod::HmacMd5,
///     b"jBiRd3INpmL0zrb8XgURzP6JJOmFWMdJ",
///     [
///         ("productKey", "a12dTIroTJC"),
///         ("deviceName", "D001"),
///         ("clientId", "a12dTIroTJC&D001"),
///         ("seq", "1"),
///     ],
/// );
/// assert_eq!(sign.as_str(), "e21266c33869e5ccbe0e789739933e5f");
/// ```
pub fn sign_parameters<'a>(
    method: SignMethod,
    secret: &[u8],
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Signature {
    let signed = parameters.into_iter();
    let mut signed: Vec<_> = signed
        .filter(|(name, _)| !UNSIGNED.contains(name))
        .collect();
    sign_in_order(method, secret, &mut signed)
}

/// [`sign_parameters`] without those that are not signed; compiled once for all kinds of lists.
fn sign_in_order(method: SignMethod, secret: &[u8], signed: &mut [(&str, &str)]) -> Signature {
    // Should a name come twice, the values count in the order given.
    few::sort_by_key(signed, |&(name, _)| name);
    let mac = RawMac::compute(
        method,
        secret,
        signed.iter().flat_map(|&(name, value)| [name, value]),
    );
    let mut hex = [0; 2 * MAX_MAC_LEN];
    for (pair, digits) in hex
        .chunks_exact_mut(2)
        .zip(mac.hex_digits(b"0123456789abcdef"))
    {
        pair.copy_from_slice(&digits);
    }
    Signature {
        hex,
        len: 2 * mac.len,
    }
}

/// An HMAC before it is written out; wiped, because it may become a key.
pub(super) struct RawMac {
    bytes: [u8; MAX_MAC_LEN],
    len: usize,
}

impl RawMac {
    /// The HMAC of the joined `parts`. They are fed one by one: there is no limit on their length
    /// and the joined text never exists in memory.
    pub(super) fn compute<'a>(
        method: SignMethod,
        secret: &[u8],
        parts: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut mac = Self {
            bytes: [0; MAX_MAC_LEN],
            len: 0,
        };
        match method {
            SignMethod::HmacMd5 => mac.fill::<Hmac<Md5>>(secret, parts),
            SignMethod::HmacSha1 => mac.fill::<Hmac<Sha1>>(secret, parts),
            SignMethod::HmacSha256 => mac.fill::<Hmac<Sha256>>(secret, parts),
        }
        mac
    }

    fn fill<'a, M: Mac + KeyInit>(
        &mut self,
        secret: &[u8],
        parts: impl IntoIterator<Item = &'a str>,
    ) {
        // RFC 2104 hashes a key that is longer than a block and pads one that is shorter.
        let mut state =
            <M as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length");
        for part in parts {
            state.update(part.as_bytes());
        }
        let mut output = state.finalize().into_bytes();
        self.len = output.len();
        self.bytes[..self.len].copy_from_slice(&output);
        output.as_mut_slice().zeroize();
    }

    /// The MAC as upper-case hex text.
    pub(super) fn into_upper_hex(self) -> Secret {
        // Of full size from the start: growing would leave the old memory behind, unwiped.
        let mut text = String::with_capacity(2 * self.len);
        for digits in self.hex_digits(b"0123456789ABCDEF") {
            text.extend(digits.map(char::from));
        }
        Secret::new(text)
    }

    fn hex_digits<'a>(&'a self, alphabet: &'a [u8; 16]) -> impl Iterator<Item = [u8; 2]> + 'a {
        self.bytes[..self.len].iter().map(|byte| {
            [
                alphabet[usize::from(byte >> 4)],
                alphabet[usize::from(byte & 15)],
            ]
        })
    }
}

impl Drop for RawMac {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CLIENT_ID, DEVICE_NAME, DEVICE_SECRET, PRODUCT_KEY};
    use super::*;

    const PARAMETERS: [(&str, &str); 3] = [
        ("productKey", PRODUCT_KEY),
        ("deviceName", DEVICE_NAME),
        ("clientId", CLIENT_ID),
    ];

    #[test]
    fn vectors_without_and_with_sequence_number() {
        let plain = sign_parameters(SignMethod::HmacMd5, DEVICE_SECRET, PARAMETERS);
        assert_eq!(plain.as_str(), "d9119147f59f559d84e67ed00e1f4c08");
        let symmetric = PARAMETERS.into_iter().chain([("seq", "9122")]);
        let symmetric = sign_parameters(SignMethod::HmacMd5, DEVICE_SECRET, symmetric);
        assert_eq!(symmetric.as_str(), "b7c67f33a3b38ee8a9ce43b6b556f641");
    }

    #[test]
    fn vector_published_by_the_vendor() {
        let sign = sign_parameters(
            SignMethod::HmacMd5,
            b"jBiRd3INpmL0zrb8XgURzP6JJOmFWMdJ",
            [
                ("seq", "1"),
                ("clientId", "a12dTIroTJC&D001"),
                ("productKey", "a12dTIroTJC"),
                ("deviceName", "D001"),
            ],
        );
        assert_eq!(sign.as_str(), "e21266c33869e5ccbe0e789739933e5f");
    }

    #[test]
    fn vector_seen_in_the_field() {
        let sign = sign_parameters(
            SignMethod::HmacMd5,
            b"fPloaszb6saUFJte4EhyuBHQpR9SuKHb",
            [
                ("productKey", "a1RP1qZfrEi"),
                ("deviceName", "example1"),
                ("clientId", "a1RP1qZfrEi.example1"),
            ],
        );
        assert_eq!(sign.as_str(), "f5204b935c67866fee8b8791cab9d6b0");
    }

    /// RFC 2202 and RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?".
    #[test]
    fn vectors_of_the_rfcs() {
        for (method, expected) in [
            (SignMethod::HmacMd5, "750c783e6ab0b503eaa86e310a5db738"),
            (
                SignMethod::HmacSha1,
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                SignMethod::HmacSha256,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            let sign = sign_parameters(method, b"Jefe", [("what do ya ", "want for nothing?")]);
            assert_eq!(sign.as_str(), expected);
        }
    }

    /// RFC 2202 and RFC 4231, test case 6: a key that is longer than the block.
    #[test]
    fn long_keys_are_hashed() {
        let data = [("Test Using Larger Than Block-Size Key", " - Hash Key First")];
        for (method, key_len, expected) in [
            (SignMethod::HmacMd5, 80, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
            (
                SignMethod::HmacSha1,
                80,
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
            (
                SignMethod::HmacSha256,
                131,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(
                sign_parameters(method, &vec![0xAA; key_len], data).as_str(),
                expected
            );
        }
    }

    #[test]
    fn four_parameters_are_not_signed() {
        let unsigned = UNSIGNED.map(|name| (name, "x"));
        let all = unsigned.into_iter().chain(PARAMETERS);
        assert_eq!(
            sign_parameters(SignMethod::HmacMd5, DEVICE_SECRET, all).as_str(),
            "d9119147f59f559d84e67ed00e1f4c08"
        );
        let none = sign_parameters(SignMethod::HmacMd5, b"", []);
        assert_eq!(none.as_str(), "74e6f7298a9c2d168935f58c001bad88");
    }

    #[test]
    fn long_parameters_are_signed_whole() {
        let long = "v".repeat(5000);
        let sign = |value| sign_parameters(SignMethod::HmacMd5, DEVICE_SECRET, [("name", value)]);
        assert!(!sign(&long).matches_ignore_case(sign(&long[1..]).as_str()));
    }

    #[test]
    fn matches_in_either_case_and_only_whole() {
        let sign = sign_parameters(SignMethod::HmacMd5, DEVICE_SECRET, PARAMETERS);
        assert_eq!(sign.to_upper().as_str(), "D9119147F59F559D84E67ED00E1F4C08");
        for sign in [sign, sign.to_upper()] {
            assert!(sign.matches_ignore_case("d9119147f59f559d84e67ed00e1f4c08"));
            assert!(sign.matches_ignore_case("D9119147f59f559d84e67ed00e1F4C08"));
            assert!(!sign.matches_ignore_case("d9119147f59f559d84e67ed00e1f4c09"));
            assert!(!sign.matches_ignore_case("d9119147f59f559d84e67ed00e1f4c0"));
            assert!(!sign.matches_ignore_case("d9119147f59f559d84e67ed00e1f4c080"));
            assert!(!sign.matches_ignore_case(""));
            assert!(!sign.matches_ignore_case(&"d".repeat(65)));
        }
    }

    #[test]
    fn method_names_round_trip() {
        for method in [
            SignMethod::HmacMd5,
            SignMethod::HmacSha1,
            SignMethod::HmacSha256,
        ] {
            assert_eq!(SignMethod::from_name(method.name()), Some(method));
        }
        assert_eq!(SignMethod::default().name(), "hmacmd5");
        for name in ["", "HmacMd5", "hmacmd5 ", "hmacsha512"] {
            assert_eq!(SignMethod::from_name(name), None);
        }
    }

    #[test]
    fn debug_hides_the_digits() {
        let sign = sign_parameters(SignMethod::HmacMd5, DEVICE_SECRET, PARAMETERS);
        assert_eq!(format!("{sign:?}"), "Signature(..)");
    }
}
