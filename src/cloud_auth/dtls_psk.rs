//! Identity and key of a DTLS handshake with a pre-shared key, as SDK 3.2.0 introduced them.
//!
//! The identity names the device and how its key was made; the key is an HMAC over the same facts,
//! so the cloud can compute it from the DeviceSecret that it knows.

use super::secret::Secret;
use super::sign::{RawMac, SignMethod};

/// The timestamp that SDK 3.2.0 always sends, in milliseconds since 1970: the first moment of 2050
/// in UTC. A device without a clock can send it as well as any other.
pub const DEFAULT_TIMESTAMP: &str = "2524608000000";

/// What every identity starts with.
const KIND: &str = "devicename";

/// The PSK identity to send, without a terminator:
/// `devicename|{signmethod}|{product key}&{device name}|{timestamp}`.
pub fn identity(
    method: SignMethod,
    product_key: &str,
    device_name: &str,
    timestamp: &str,
) -> String {
    format!(
        "{KIND}|{}|{product_key}&{device_name}|{timestamp}",
        method.name()
    )
}

/// The pre-shared key that belongs to [`identity`]: the ASCII characters of the HMAC in
/// upper-case hex, not the bytes that they stand for.
pub fn key(
    method: SignMethod,
    device_secret: &[u8],
    product_key: &str,
    device_name: &str,
    timestamp: &str,
) -> Secret {
    let signed = ["id", product_key, "&", device_name, "timestamp", timestamp];
    RawMac::compute(method, device_secret, signed).into_upper_hex()
}

/// What a PSK identity says; all that [`key`] needs apart from the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedIdentity<'a> {
    /// How the key was made.
    pub method: SignMethod,
    /// Key of the product that the device belongs to.
    pub product_key: &'a str,
    /// Name of the device.
    pub device_name: &'a str,
    /// Milliseconds since 1970 as the device wrote them; not checked to be a number.
    pub timestamp: &'a str,
}

/// Takes an identity apart. `None` when it has another shape than [`identity`] gives, names an
/// unknown method, or has an empty part.
pub fn parse_identity(identity: &str) -> Option<ParsedIdentity<'_>> {
    let mut parts = identity.split('|');
    let kind = parts.next()?;
    let method = SignMethod::from_name(parts.next()?)?;
    let (product_key, device_name) = parts.next()?.split_once('&')?;
    let timestamp = parts.next()?;
    let whole = kind == KIND && parts.next().is_none();
    let filled = [product_key, device_name, timestamp]
        .iter()
        .all(|part| !part.is_empty());
    (whole && filled).then_some(ParsedIdentity {
        method,
        product_key,
        device_name,
        timestamp,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{DEVICE_NAME, DEVICE_SECRET, PRODUCT_KEY};
    use super::*;

    const METHOD: SignMethod = SignMethod::HmacSha256;

    #[test]
    fn vector_of_sdk_3_2_0() {
        assert_eq!(
            identity(METHOD, PRODUCT_KEY, DEVICE_NAME, DEFAULT_TIMESTAMP),
            "devicename|hmacsha256|a1B2c3D4e5F&dev01|2524608000000"
        );
        assert_eq!(
            key(
                METHOD,
                DEVICE_SECRET,
                PRODUCT_KEY,
                DEVICE_NAME,
                DEFAULT_TIMESTAMP
            )
            .as_str(),
            "1AA2EE0D62681119641B03588A173F075DF513F5FCD093CA5E96A1FCD11CD904"
        );
    }

    #[test]
    fn key_length_follows_the_method() {
        for (method, len) in [
            (SignMethod::HmacMd5, 32),
            (SignMethod::HmacSha1, 40),
            (SignMethod::HmacSha256, 64),
        ] {
            let key = key(
                method,
                DEVICE_SECRET,
                PRODUCT_KEY,
                DEVICE_NAME,
                DEFAULT_TIMESTAMP,
            );
            assert_eq!(key.as_bytes().len(), len);
        }
    }

    #[test]
    fn identity_is_read_back() {
        for method in [
            SignMethod::HmacMd5,
            SignMethod::HmacSha1,
            SignMethod::HmacSha256,
        ] {
            assert_eq!(
                parse_identity(&identity(method, PRODUCT_KEY, DEVICE_NAME, "1")),
                Some(ParsedIdentity {
                    method,
                    product_key: PRODUCT_KEY,
                    device_name: DEVICE_NAME,
                    timestamp: "1",
                })
            );
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for identity in [
            "",
            "devicename",
            "devicename|hmacsha256",
            "devicename|hmacsha256|pk&dn",
            "devicename|hmacsha256|pkdn|1",
            "devicename|hmacsha256|&dn|1",
            "devicename|hmacsha256|pk&|1",
            "devicename|hmacsha256|pk&dn|",
            "devicename|hmacsha256|pk&dn|1|",
            "devicename|HMACSHA256|pk&dn|1",
            "devicename||pk&dn|1",
            "deviceName|hmacsha256|pk&dn|1",
            "|hmacsha256|pk&dn|1",
        ] {
            assert_eq!(parse_identity(identity), None, "{identity:?}");
        }
    }
}
