//! Who the device is.

use crate::cloud_auth::{Secret, SignMethod, dtls_psk};
use std::borrow::Cow;

/// The device's entry in the cloud's registry.
#[derive(Debug)]
pub struct DeviceIdentity {
    /// ProductKey.
    pub product_key: String,
    /// DeviceName.
    pub device_name: String,
    /// The client id the firmware chose; may be empty.
    pub device_id: String,
    /// DeviceSecret, the key of every signature.
    pub device_secret: Secret,
}

impl DeviceIdentity {
    /// The client id sent with the authentication: `device_id`, or `{ProductKey}.{DeviceName}` where the
    /// firmware gave none (what the SDK's platforms make of an absent id).
    #[must_use]
    pub fn client_id(&self) -> Cow<'_, str> {
        if self.device_id.is_empty() {
            Cow::Owned(format!("{}.{}", self.product_key, self.device_name))
        } else {
            Cow::Borrowed(&self.device_id)
        }
    }

    /// Identity and key for DTLS-PSK, as SDK 3.2.0 forms them.
    #[must_use]
    pub fn dtls_psk(&self) -> super::PskCredentials {
        let method = SignMethod::HmacSha256;
        let (pk, dn) = (self.product_key.as_str(), self.device_name.as_str());
        super::PskCredentials {
            identity: dtls_psk::identity(method, pk, dn, dtls_psk::DEFAULT_TIMESTAMP),
            key: dtls_psk::key(
                method,
                self.device_secret.as_bytes(),
                pk,
                dn,
                dtls_psk::DEFAULT_TIMESTAMP,
            ),
        }
    }
}
