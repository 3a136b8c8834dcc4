//! What a device tells the cloud about itself once it is authenticated: module and SDK (the reports that
//! SDK 2.03 to 3.2.0 send from inside DeviceNameAuth).
//!
//! They are Non-confirmable, sent once, and nothing depends on them: a lost one costs nobody a report, and
//! `authenticate` neither waits for them nor fails with them.

use super::event::Report;
use super::identity::DeviceIdentity;

/// Ids that a module's vendor gets from the cloud's operator; a platform without them announces nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorIds {
    /// Partner id.
    pub partner: String,
    /// Module id.
    pub module: String,
}

/// The newest release of the SDK whose behaviour this library offers.
const SDK_VERSION: &str = "3.2.0";

/// One report to come: path and payload.
pub(super) struct Announcement {
    path: String,
    payload: String,
}

impl Announcement {
    /// The reports of a device on this platform, in the SDK's order.
    pub(super) fn all(identity: &DeviceIdentity, ids: &VendorIds) -> [Self; 2] {
        let (pk, dn) = (identity.product_key.as_str(), identity.device_name.as_str());
        let module = format!(
            r#"{{"id":{},"params":{{"_sys_device_mid":{},"_sys_device_pid":{}}}}}"#,
            quoted(&format!("{pk}_{dn}_mid")),
            quoted(&ids.module),
            quoted(&ids.partner)
        );
        let attribute = |key: &str, value: &str| {
            format!(
                r#"{{"attrKey":"{key}","attrValue":{},"domain":"SYSTEM"}}"#,
                quoted(value)
            )
        };
        let sdk = format!(
            r#"{{"id":"1","version":"1.0","params":[{},{}],"method":"thing.deviceinfo.update"}}"#,
            attribute("SYS_LP_SDK_VERSION", SDK_VERSION),
            // The language of the interface, which is what the cloud's statistics are about.
            attribute("SYS_SDK_LANGUAGE", "C"),
        );
        [
            Self {
                path: format!("/topic/sys/{pk}/{dn}/thing/status/update"),
                payload: module,
            },
            Self {
                path: format!("/topic/sys/{pk}/{dn}/thing/deviceinfo/update"),
                payload: sdk,
            },
        ]
    }

    pub(super) fn report(&self) -> Report<'_> {
        Report {
            path: self.path.as_bytes(),
            payload: self.payload.as_bytes(),
            content_format: 50,
            confirmable: false,
        }
    }
}

/// The text as a JSON string.
fn quoted(text: &str) -> String {
    // Fails for no text.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud_auth::Secret;

    #[test]
    fn the_reports_have_the_sdks_topics_and_payloads() {
        let identity = DeviceIdentity {
            product_key: "pk".into(),
            device_name: "dn".into(),
            device_id: String::new(),
            device_secret: Secret::new("secret"),
        };
        let ids = VendorIds {
            partner: "partner".into(),
            module: "mod\"ule".into(),
        };
        let [module, sdk] = Announcement::all(&identity, &ids);
        assert_eq!(module.path, "/topic/sys/pk/dn/thing/status/update");
        assert_eq!(
            module.payload,
            r#"{"id":"pk_dn_mid","params":{"_sys_device_mid":"mod\"ule","_sys_device_pid":"partner"}}"#
        );
        assert_eq!(sdk.path, "/topic/sys/pk/dn/thing/deviceinfo/update");
        assert_eq!(
            sdk.payload,
            concat!(
                r#"{"id":"1","version":"1.0","params":["#,
                r#"{"attrKey":"SYS_LP_SDK_VERSION","attrValue":"3.2.0","domain":"SYSTEM"},"#,
                r#"{"attrKey":"SYS_SDK_LANGUAGE","attrValue":"C","domain":"SYSTEM"}],"#,
                r#""method":"thing.deviceinfo.update"}"#
            )
        );
    }
}
