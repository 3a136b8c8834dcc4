//! What a device tells the cloud: paths and payloads of the three reports (SDK 2.00 to 2.30, byte for
//! byte, except that texts are escaped as JSON demands).

use crate::coap::MAX_PATH_LEN;
use core::fmt;
use core::ops::RangeInclusive;

/// Longest payload of a report, in bytes; the SDK's buffer holds 256 with the terminator.
pub const MAX_REPORT_LEN: usize = 255;

/// Longest firmware version that can be reported, in bytes.
pub const MAX_FIRMWARE_VERSION_LEN: usize = 32;

/// Steps that can be reported: the percentage, or the SDK's negative numbers for what failed.
pub struct Steps;

impl Steps {
    /// From "burning failed" to "all of it has been fetched".
    pub const RANGE: RangeInclusive<i32> = -4..=100;
}

/// Why something cannot be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// The version has no character, or more than 32.
    Version,
    /// The step is not from -4 to 100.
    Step,
    /// Product key or device name is empty.
    NoName,
    /// Product key and device name make a path of more than 135 bytes.
    PathTooLong,
    /// The description makes a payload of more than [`MAX_REPORT_LEN`] bytes.
    TooLong,
    /// A text is not UTF-8, which JSON demands (RFC 8259, section 8.1).
    Encoding,
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => write!(
                f,
                "the firmware version has not 1 to {MAX_FIRMWARE_VERSION_LEN} characters"
            ),
            Self::Step => f.write_str("the progress is not a number from -4 to 100"),
            Self::NoName => f.write_str("product key or device name is empty"),
            Self::PathTooLong => write!(
                f,
                "product key and device name make a path of more than {MAX_PATH_LEN} bytes"
            ),
            Self::TooLong => write!(
                f,
                "the description makes a report of more than {MAX_REPORT_LEN} bytes"
            ),
            Self::Encoding => f.write_str("the text is not UTF-8"),
        }
    }
}

impl std::error::Error for ReportError {}

/// The paths of a device's reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Which firmware runs.
    pub inform: String,
    /// Asks for another firmware.
    pub request: String,
    /// How far the download is.
    pub progress: String,
}

impl Topics {
    /// The paths for this device.
    ///
    /// # Errors
    ///
    /// [`ReportError::NoName`], [`ReportError::PathTooLong`].
    pub fn new(product_key: &str, device_name: &str) -> Result<Self, ReportError> {
        if product_key.is_empty() || device_name.is_empty() {
            return Err(ReportError::NoName);
        }
        let topic = |kind| format!("/topic/ota/device/{kind}/{product_key}/{device_name}");
        let topics = Self {
            inform: topic("inform"),
            request: topic("request"),
            progress: topic("progress"),
        };
        if topics.progress.len() > MAX_PATH_LEN {
            return Err(ReportError::PathTooLong);
        }
        Ok(topics)
    }
}

/// A firmware version on its way to the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionReport {
    /// The version.
    pub version: String,
    /// Payload of both reports about it.
    pub payload: String,
}

impl VersionReport {
    /// Reports this version.
    ///
    /// # Errors
    ///
    /// [`ReportError::Version`].
    pub fn new(version: &str) -> Result<Self, ReportError> {
        if version.is_empty() || version.len() > MAX_FIRMWARE_VERSION_LEN {
            return Err(ReportError::Version);
        }
        Ok(Self {
            version: version.to_owned(),
            payload: format!(
                r#"{{"id":0,"params":{{"version":"{}"}}}}"#,
                Escaped(version)
            ),
        })
    }
}

/// The payload of a progress report.
///
/// # Errors
///
/// [`ReportError::Step`], [`ReportError::TooLong`].
pub fn progress_payload(step: i32, description: Option<&str>) -> Result<String, ReportError> {
    if !Steps::RANGE.contains(&step) {
        return Err(ReportError::Step);
    }
    let payload = match description {
        None => format!(r#"{{"id":0,"params": {{"step": "{step}"}}}}"#),
        Some(text) => format!(
            r#"{{"id":0,"params": {{"step": "{step}","desc":"{}"}}}}"#,
            Escaped(text)
        ),
    };
    if payload.len() > MAX_REPORT_LEN {
        return Err(ReportError::TooLong);
    }
    Ok(payload)
}

/// The inside of a JSON string (RFC 8259, section 7).
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(f, "\\{c}"),
            '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(c)),
            _ => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_sdks() {
        let topics = Topics::new("a1B2c3D4e5F", "dev01").unwrap();
        assert_eq!(topics.inform, "/topic/ota/device/inform/a1B2c3D4e5F/dev01");
        assert_eq!(
            topics.request,
            "/topic/ota/device/request/a1B2c3D4e5F/dev01"
        );
        assert_eq!(
            topics.progress,
            "/topic/ota/device/progress/a1B2c3D4e5F/dev01"
        );
    }

    #[test]
    fn paths_of_135_bytes_are_whole_and_longer_ones_are_refused() {
        let name_len = 135 - "/topic/ota/device/progress/pk/".len();
        let topics = Topics::new("pk", &"d".repeat(name_len)).unwrap();
        assert_eq!(topics.progress.len(), 135);
        assert!(topics.progress.ends_with("dd"));
        assert_eq!(
            Topics::new("pk", &"d".repeat(name_len + 1)),
            Err(ReportError::PathTooLong)
        );
        assert_eq!(Topics::new("", "dn"), Err(ReportError::NoName));
        assert_eq!(Topics::new("pk", ""), Err(ReportError::NoName));
    }

    #[test]
    fn payloads_are_the_sdks_byte_for_byte() {
        assert_eq!(
            VersionReport::new("iotx_ver_1.0.0").unwrap().payload,
            r#"{"id":0,"params":{"version":"iotx_ver_1.0.0"}}"#
        );
        assert_eq!(
            progress_payload(7, None).unwrap(),
            r#"{"id":0,"params": {"step": "7"}}"#
        );
        assert_eq!(
            progress_payload(-4, Some("hello")).unwrap(),
            r#"{"id":0,"params": {"step": "-4","desc":"hello"}}"#
        );
    }

    #[test]
    fn versions_have_1_to_32_characters() {
        assert!(VersionReport::new(&"v".repeat(32)).is_ok());
        for version in ["", &"v".repeat(33)] {
            assert_eq!(VersionReport::new(version), Err(ReportError::Version));
        }
    }

    #[test]
    fn steps_and_descriptions_are_bounded() {
        for step in [-4, 0, 100] {
            assert!(progress_payload(step, None).is_ok());
        }
        for step in [i32::MIN, -5, 101, i32::MAX] {
            assert_eq!(progress_payload(step, None), Err(ReportError::Step));
        }
        let around = progress_payload(100, Some("")).unwrap().len();
        let longest = "x".repeat(MAX_REPORT_LEN - around);
        let payload = progress_payload(100, Some(&longest)).unwrap();
        assert_eq!(payload.len(), MAX_REPORT_LEN);
        let longer = format!("{longest}x");
        assert_eq!(
            progress_payload(100, Some(&longer)),
            Err(ReportError::TooLong)
        );
    }

    #[test]
    fn texts_cannot_break_out_of_their_quotes() {
        let text = "a\"b\\c\nd\u{1}é";
        for payload in [
            VersionReport::new(text).unwrap().payload,
            progress_payload(1, Some(text)).unwrap(),
        ] {
            let value: serde_json::Value = serde_json::from_str(&payload).unwrap();
            let params = &value["params"];
            let back = params["version"].as_str().or(params["desc"].as_str());
            assert_eq!(back, Some(text));
        }
    }
}
