//! Response codes, as the documents write them.

use std::fmt;
use std::str::FromStr;

/// A CoAP code byte (RFC 7252 section 3): 3 bits of class, 5 bits of detail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u8);

impl Code {
    /// 2.05: accepted.
    pub const CONTENT: Code = Code(0x45);
    /// 4.00: the payload or a parameter is wrong.
    pub const BAD_REQUEST: Code = Code(0x80);
    /// 4.01: credentials or token refused.
    pub const UNAUTHORIZED: Code = Code(0x81);
    /// 4.02: an option is missing, malformed or not understood.
    pub const BAD_OPTION: Code = Code(0x82);
    /// 4.03: the device may not connect.
    pub const FORBIDDEN: Code = Code(0x83);
    /// 4.04: no such path.
    pub const NOT_FOUND: Code = Code(0x84);
    /// 4.05: not a POST.
    pub const METHOD_NOT_ALLOWED: Code = Code(0x85);
    /// 4.06: the answer cannot be given in the asked format.
    pub const NOT_ACCEPTABLE: Code = Code(0x86);
    /// 4.14: the cloud's own meaning is "topic too long"; not registered with IANA.
    pub const TOPIC_TOO_LONG: Code = Code(0x8E);
    /// 4.15: the request is in an unsupported format.
    pub const UNSUPPORTED_FORMAT: Code = Code(0x8F);
    /// 4.29: too many requests.
    pub const TOO_MANY_REQUESTS: Code = Code(0x9D);
    /// 5.00: the authentication backend failed.
    pub const INTERNAL_ERROR: Code = Code(0xA0);

    /// 5.03: overloaded or under maintenance; Max-Age says for how long (RFC 7252 section 5.9.3.4).
    pub const SERVICE_UNAVAILABLE: Code = Code(0xA3);

    /// The class: 2 success, 4 client error, 5 server error.
    pub fn class(self) -> u8 {
        self.0 >> 5
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.class(), self.0 & 0x1F)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}

/// Why a text is no [`Code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeError(String);

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no code from 2.00 to 5.31", self.0)
    }
}

impl std::error::Error for CodeError {}

impl FromStr for Code {
    type Err = CodeError;

    /// Reads a response code such as `4.29`.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let code = || match text.as_bytes() {
            [
                class @ b'2'..=b'5',
                b'.',
                tens @ b'0'..=b'3',
                ones @ b'0'..=b'9',
            ] => {
                let detail = (tens - b'0') * 10 + (ones - b'0');
                (detail < 32).then_some(Code((class - b'0') << 5 | detail))
            }
            _ => None,
        };
        code().ok_or_else(|| CodeError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_written() {
        for code in [
            Code::CONTENT,
            Code::TOO_MANY_REQUESTS,
            Code(0x5F),
            Code::SERVICE_UNAVAILABLE,
        ] {
            assert_eq!(code.to_string().parse(), Ok(code));
        }
        for text in [
            "", "4.2", "429", "0.01", "1.00", "6.00", "4.32", "4.290", "4,29",
        ] {
            assert!(text.parse::<Code>().is_err(), "{text}");
        }
    }
}
