//! What devices report about their firmware.

use serde::Deserialize;

/// A report about a device's firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtaReport {
    /// Which version runs.
    Inform {
        /// The version.
        version: String,
    },
    /// The device asks for a newer one.
    Request {
        /// The version that runs.
        version: String,
    },
    /// How far an update is.
    Progress {
        /// Percentage, or a negative number for what failed.
        step: i32,
        /// A text to go with it.
        description: Option<String>,
    },
}

impl OtaReport {
    /// Reads a report by its topic (without `/topic`) and payload; `None` if it is about something
    /// else, or not as the SDK writes it.
    pub fn read(topic: &str, payload: &[u8]) -> Option<OtaReport> {
        #[derive(Deserialize)]
        struct Message<P> {
            params: P,
        }
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        #[derive(Deserialize)]
        struct Progress {
            step: String,
            desc: Option<String>,
        }
        let version = || {
            let message: Message<Version> = serde_json::from_slice(payload).ok()?;
            Some(message.params.version)
        };
        match topic.strip_prefix("/ota/device/")?.split('/').next()? {
            "inform" => version().map(|version| OtaReport::Inform { version }),
            "request" => version().map(|version| OtaReport::Request { version }),
            "progress" => {
                let message: Message<Progress> = serde_json::from_slice(payload).ok()?;
                Some(OtaReport::Progress {
                    step: message.params.step.parse().ok()?,
                    description: message.params.desc,
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_sdk_writes() {
        let version = br#"{"id":0,"params":{"version":"1.0"}}"#;
        assert_eq!(
            OtaReport::read("/ota/device/inform/pk/dn", version),
            Some(OtaReport::Inform {
                version: "1.0".into()
            })
        );
        assert_eq!(
            OtaReport::read("/ota/device/request/pk/dn", version),
            Some(OtaReport::Request {
                version: "1.0".into()
            })
        );
        let progress = br#"{"id":0,"params": {"step": "-2","desc":"hello"}}"#;
        assert_eq!(
            OtaReport::read("/ota/device/progress/pk/dn", progress),
            Some(OtaReport::Progress {
                step: -2,
                description: Some("hello".into())
            })
        );
    }

    #[test]
    fn other_reports_are_none() {
        let version = br#"{"id":0,"params":{"version":"1.0"}}"#;
        for topic in ["/pk/dn/update", "/ota/device/other/pk/dn", "/ota/device/"] {
            assert_eq!(OtaReport::read(topic, version), None, "{topic}");
        }
        for payload in [
            "",
            "{}",
            r#"{"params":{"step":"x"}}"#,
            r#"{"params":{"step":1}}"#,
        ] {
            let read = OtaReport::read("/ota/device/progress/pk/dn", payload.as_bytes());
            assert_eq!(read, None, "{payload}");
        }
    }
}
