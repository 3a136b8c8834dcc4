//! Uri-Path segments from the path strings of the C interface.

use core::fmt;

/// Why a path cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// Longer than [`MAX_PATH_LEN`] bytes.
    TooLong,
    /// More segments than fit beside the other options of a report.
    TooManySegments,
}

/// `IOTX_URI_MAX_LEN`: the longest path the SDK's interface allows, in bytes.
pub const MAX_PATH_LEN: usize = 135;

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "path longer than {MAX_PATH_LEN} bytes"),
            Self::TooManySegments => f.write_str("path has too many segments"),
        }
    }
}

impl std::error::Error for PathError {}

/// The non-empty segments of `path`: leading, doubled and trailing slashes mean nothing, `%` and `?`
/// are ordinary characters (SDK, all releases).
pub fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|segment| !segment.is_empty())
}

/// Checks a path against the interface's length limit and `max_segments`.
pub fn check(path: &[u8], max_segments: usize) -> Result<(), PathError> {
    if path.len() > MAX_PATH_LEN {
        return Err(PathError::TooLong);
    }
    if segments(path).count() > max_segments {
        return Err(PathError::TooManySegments);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(path: &str) -> Vec<&str> {
        segments(path.as_bytes())
            .map(|s| core::str::from_utf8(s).unwrap())
            .collect()
    }

    #[test]
    fn empty_segments_vanish_and_nothing_else_is_special() {
        assert_eq!(
            split("/topic/pk/dn/update/"),
            ["topic", "pk", "dn", "update"]
        );
        assert_eq!(split("//a///b"), ["a", "b"]);
        assert_eq!(split("a%2Fb?c=d"), ["a%2Fb?c=d"]);
        assert!(split("/").is_empty() && split("").is_empty());
    }

    #[test]
    fn limits_hold_to_the_byte() {
        assert_eq!(check(&[b'a'; 135], 1), Ok(()));
        assert_eq!(check(&[b'a'; 136], 1), Err(PathError::TooLong));
        assert_eq!(check(b"/a/b/c/", 3), Ok(()));
        assert_eq!(check(b"/a/b/c/d", 3), Err(PathError::TooManySegments));
    }
}
