//! Reading the caller's device info.

use super::text;
use super::types::iotx_device_info_t;
use crate::client::DeviceIdentity;
use crate::cloud_auth::Secret;
use std::ffi::c_char;
use std::fmt;

/// Which member of the device info cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadMember(&'static str);

impl fmt::Display for BadMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "device info: {} is not a NUL-terminated UTF-8 string",
            self.0
        )
    }
}

/// Copies the device info, reading no more than its first 184 bytes.
///
/// # Safety
///
/// `info` must point to a device info of SDK 2.01 or later: 184 readable bytes.
pub(super) unsafe fn read(info: *const iotx_device_info_t) -> Result<DeviceIdentity, BadMember> {
    // SAFETY: `&raw const` computes addresses inside the 184 bytes our caller promises.
    let (product_key, device_name, device_id, device_secret) = unsafe {
        (
            member(&raw const (*info).product_key, "product_key"),
            member(&raw const (*info).device_name, "device_name"),
            member(&raw const (*info).device_id, "device_id"),
            member(&raw const (*info).device_secret, "device_secret"),
        )
    };
    Ok(DeviceIdentity {
        product_key: product_key?.to_owned(),
        device_name: device_name?.to_owned(),
        device_id: device_id?.to_owned(),
        device_secret: Secret::new(device_secret?),
    })
}

/// # Safety
///
/// The array must be readable and stay unchanged while the result lives.
unsafe fn member<'a, const N: usize>(
    array: *const [c_char; N],
    name: &'static str,
) -> Result<&'a str, BadMember> {
    // SAFETY: `N` bytes are readable, as our caller promises.
    unsafe { text::str_within(array.cast(), N) }.ok_or(BadMember(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> iotx_device_info_t {
        let mut info = iotx_device_info_t {
            product_key: [0; 21],
            device_name: [0; 33],
            device_id: [0; 65],
            device_secret: [0; 65],
        };
        info.product_key[..2].copy_from_slice(&[b'p' as c_char, b'k' as c_char]);
        info.device_secret[..64].fill(b's' as c_char);
        info
    }

    #[test]
    fn members_are_copied_up_to_their_terminator() {
        // SAFETY: a whole struct.
        let identity = unsafe { read(&info()) }.unwrap();
        assert_eq!(
            (identity.product_key.as_str(), identity.device_name.as_str()),
            ("pk", "")
        );
        assert_eq!(identity.device_secret.as_str(), "s".repeat(64));
    }

    #[test]
    fn an_unterminated_member_is_named() {
        let mut full = info();
        full.device_name.fill(b'x' as c_char);
        // SAFETY: a whole struct.
        let error = unsafe { read(&full) }.unwrap_err();
        assert_eq!(error, BadMember("device_name"));
        let mut full = info();
        full.device_secret.fill(b'x' as c_char);
        // SAFETY: a whole struct.
        let error = unsafe { read(&full) }.unwrap_err();
        assert!(error.to_string().contains("device_secret") && !error.to_string().contains("xx"));
    }
}
