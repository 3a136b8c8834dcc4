//! The devices that the cloud knows.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use iotx_coap::cloud_auth::Secret;
use serde::Deserialize;

use crate::topic::TopicFilter;

/// A device's name: unique within its product.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId {
    /// ProductKey.
    pub product_key: String,
    /// DeviceName.
    pub device_name: String,
}

impl DeviceId {
    /// Puts the two names together.
    pub fn new(product_key: impl Into<String>, device_name: impl Into<String>) -> Self {
        DeviceId {
            product_key: product_key.into(),
            device_name: device_name.into(),
        }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product_key, self.device_name)
    }
}

/// One device. `Debug` does not show the secret.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: Arc<DeviceId>,
    pub(crate) secret: Secret,
    pub(crate) disabled: bool,
    topics: Vec<TopicFilter>,
}

impl Device {
    /// Whether the device may publish to `topic`.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        self.topics.iter().any(|filter| filter.matches(topic))
    }
}

/// Topics that a device may publish to unless its entry says otherwise; `{pk}` and `{dn}` stand for
/// its own names.
pub const DEFAULT_TOPICS: [&str; 5] = [
    "/{pk}/{dn}/#",
    "/sys/{pk}/{dn}/#",
    "/ota/device/inform/{pk}/{dn}",
    "/ota/device/request/{pk}/{dn}",
    "/ota/device/progress/{pk}/{dn}",
];

/// A device as a devices file or a flag describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceEntry {
    pub(crate) product_key: String,
    pub(crate) device_name: String,
    pub(crate) device_secret: SecretText,
    #[serde(default)]
    pub(crate) topics: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) disabled: bool,
}

/// A secret straight from a file.
pub(crate) struct SecretText(pub(crate) Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| SecretText(Secret::new(text)))
    }
}

impl DeviceEntry {
    /// An entry with the default topics, from `PK,DN,DS`.
    pub(crate) fn from_flag(text: &str) -> Result<Self, DeviceError> {
        match text.split(',').collect::<Vec<_>>()[..] {
            [product_key, device_name, secret] => Ok(DeviceEntry {
                product_key: product_key.into(),
                device_name: device_name.into(),
                device_secret: SecretText(Secret::new(secret.to_owned())),
                topics: None,
                disabled: false,
            }),
            _ => Err(DeviceError(
                "a device is given as PRODUCT_KEY,DEVICE_NAME,SECRET".into(),
            )),
        }
    }
}

/// Why a device cannot be added. The text never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceError(String);

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DeviceError {}

/// All devices, by name.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    by_id: HashMap<DeviceId, Device>,
}

impl Devices {
    pub(crate) fn add(&mut self, entry: DeviceEntry) -> Result<(), DeviceError> {
        let id = DeviceId::new(entry.product_key, entry.device_name);
        let complain = |what: &str| Err(DeviceError(format!("device {id}: {what}")));
        let secret = entry.device_secret.0;
        if id.product_key.is_empty() || id.device_name.is_empty() || secret.as_bytes().is_empty() {
            return complain("product key, device name and secret must not be empty");
        }
        // These characters separate the names in topics and in the identity of DTLS-PSK.
        let forbidden = |c: char| "/&|+#".contains(c) || c.is_control();
        if id.product_key.contains(forbidden) || id.device_name.contains(forbidden) {
            return complain("a name must not contain control characters or any of / & | + #");
        }
        let patterns: Vec<String> = entry
            .topics
            .unwrap_or_else(|| DEFAULT_TOPICS.map(String::from).to_vec());
        let mut topics = Vec::new();
        for pattern in patterns {
            let text = pattern
                .replace("{pk}", &id.product_key)
                .replace("{dn}", &id.device_name);
            match TopicFilter::parse(&text) {
                Some(filter) => topics.push(filter),
                None => return complain(&format!("bad topic filter {pattern:?}")),
            }
        }
        if self.by_id.contains_key(&id) {
            return complain("listed twice");
        }
        let device = Device {
            id: Arc::new(id.clone()),
            secret,
            disabled: entry.disabled,
            topics,
        };
        self.by_id.insert(id, device);
        Ok(())
    }

    pub(crate) fn get(&self, id: &DeviceId) -> Option<&Device> {
        self.by_id.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &DeviceId) -> Option<&mut Device> {
        self.by_id.get_mut(id)
    }

    /// The devices' names, sorted.
    pub(crate) fn ids(&self) -> Vec<DeviceId> {
        let mut ids: Vec<_> = self.by_id.keys().cloned().collect();
        ids.sort();
        ids
    }
}

/// Reads a devices file: `{"devices":[…]}` or just the list.
pub(crate) fn read_file(path: &Path) -> Result<Vec<DeviceEntry>, DeviceError> {
    let complain = |what: &dyn fmt::Display| DeviceError(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| complain(&e))?;
    let text = zeroize::Zeroizing::new(text);
    parse_file(&text).map_err(|e| complain(&e))
}

fn parse_file(text: &str) -> Result<Vec<DeviceEntry>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped {
        devices: Vec<DeviceEntry>,
    }
    if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|Wrapped { devices }| devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(flag: &str) -> DeviceEntry {
        DeviceEntry::from_flag(flag).unwrap()
    }

    #[test]
    fn default_topics_belong_to_the_device() {
        let mut devices = Devices::default();
        devices.add(entry("pk,dn,secret")).unwrap();
        let device = devices.get(&DeviceId::new("pk", "dn")).unwrap();
        for topic in [
            "/pk/dn/update",
            "/pk/dn/user/a/b",
            "/sys/pk/dn/thing/event/property/post",
            "/ota/device/inform/pk/dn",
            "/ota/device/progress/pk/dn",
        ] {
            assert!(device.may_publish(topic), "{topic}");
        }
        for topic in [
            "/pk/other/update",
            "/sys/thing/deviceinfo/update",
            "/ota/device/x/pk/dn",
        ] {
            assert!(!device.may_publish(topic), "{topic}");
        }
    }

    #[test]
    fn reads_both_forms_of_a_file() {
        let one = r#"{"productKey":"pk","deviceName":"dn","deviceSecret":"s",
                      "topics":["/{pk}/{dn}/only"],"disabled":true}"#;
        for text in [format!("[{one}]"), format!("{{\"devices\":[{one}]}}")] {
            let mut devices = Devices::default();
            for entry in parse_file(&text).unwrap() {
                devices.add(entry).unwrap();
            }
            let device = devices.get(&DeviceId::new("pk", "dn")).unwrap();
            assert!(device.disabled);
            assert!(device.may_publish("/pk/dn/only"));
            assert!(!device.may_publish("/pk/dn/update"));
        }
    }

    #[test]
    fn refuses_what_cannot_work() {
        let mut devices = Devices::default();
        devices.add(entry("pk,dn,s3cr3t")).unwrap();
        for flag in [
            ",dn,s3cr3t",
            "pk,,s3cr3t",
            "pk,x,",
            "p/k,dn,s3cr3t",
            "pk,d&n,s3cr3t",
            "pk,d\nn,s3cr3t",
            "pk,dn,s3cr3t",
        ] {
            let error = devices.add(entry(flag)).unwrap_err().to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
        assert!(DeviceEntry::from_flag("pk,dn").is_err());
        assert!(DeviceEntry::from_flag("pk,dn,s,x").is_err());
        assert!(parse_file(r#"[{"productKey":"pk","deviceName":"dn"}]"#).is_err());
        assert!(
            parse_file(r#"[{"productKey":"pk","deviceNam":"dn","deviceSecret":"s"}]"#).is_err()
        );
        assert!(!format!("{devices:?}").contains("s3cr3t"));
    }
}
