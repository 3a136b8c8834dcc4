//! Request and response codes (RFC 7252 section 3 and 12.1).

use core::fmt;

/// A CoAP code byte: three bits of class, five of detail, written `c.dd`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u8);

/// What a code's class makes of the message (RFC 7252 section 12.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 0.00: neither request nor response.
    Empty,
    /// 0.01 to 0.31.
    Request,
    /// 2.xx: the request was understood and accepted.
    Success,
    /// 4.xx: the client's mistake.
    ClientError,
    /// 5.xx: the server's mistake.
    ServerError,
    /// Classes 1, 3, 6 and 7, which no recipient may interpret.
    Reserved,
}

impl Code {
    /// 0.00, the code of empty messages: ping, empty ACK, Reset.
    pub const EMPTY: Self = Self::new(0, 0);
    /// 0.01 GET.
    pub const GET: Self = Self::new(0, 1);
    /// 0.02 POST.
    pub const POST: Self = Self::new(0, 2);
    /// 2.05 Content.
    pub const CONTENT: Self = Self::new(2, 5);
    /// 4.00 Bad Request.
    pub const BAD_REQUEST: Self = Self::new(4, 0);
    /// 4.01 Unauthorized: the cloud has voided the token.
    pub const UNAUTHORIZED: Self = Self::new(4, 1);
    /// 4.02 Bad Option: the cloud found no usable token option.
    pub const BAD_OPTION: Self = Self::new(4, 2);
    /// 5.00 Internal Server Error: the authentication backend failed or timed out.
    pub const INTERNAL_SERVER_ERROR: Self = Self::new(5, 0);

    /// Puts a code together from its class (0 to 7) and detail (0 to 31).
    #[must_use]
    pub const fn new(class: u8, detail: u8) -> Self {
        Self((class & 0x07) << 5 | (detail & 0x1f))
    }

    /// The class digit and what it means.
    #[must_use]
    pub const fn class(self) -> Class {
        match (self.0 >> 5, self.0) {
            (0, 0) => Class::Empty,
            (0, _) => Class::Request,
            (2, _) => Class::Success,
            (4, _) => Class::ClientError,
            (5, _) => Class::ServerError,
            _ => Class::Reserved,
        }
    }

    /// Whether a message with this code answers a request.
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(self.0 >> 5, 2 | 4 | 5)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 >> 5, self.0 & 0x1f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_print_as_the_rfc_writes_them() {
        assert_eq!(Code(0x45).to_string(), "2.05");
        assert_eq!(Code(0x84).to_string(), "4.04");
        assert_eq!(Code(0x9d).to_string(), "4.29");
        assert_eq!(Code::new(4, 29), Code(0x9d));
    }

    #[test]
    fn section_12_1_every_code_has_one_class() {
        for byte in 0..=u8::MAX {
            let expected = match byte {
                0 => Class::Empty,
                1..=0x1f => Class::Request,
                0x40..=0x5f => Class::Success,
                0x80..=0x9f => Class::ClientError,
                0xa0..=0xbf => Class::ServerError,
                _ => Class::Reserved,
            };
            assert_eq!(Code(byte).class(), expected, "{byte:#x}");
        }
    }
}
