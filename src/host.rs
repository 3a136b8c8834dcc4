//! Which machine is meant: the host of a URL, or of a TLS connection.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest DNS name in its text form, without the final dot (RFC 1035, 3.1).
const MAX_NAME_LEN: usize = 253;
/// Longest part of one.
const MAX_LABEL_LEN: usize = 63;

/// A host that means the same to whoever reads it: the resolver, the TLS library, a log's reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A DNS name, without the final dot of an absolute one.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// The text is neither a DNS name nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoHost;

impl fmt::Display for NoHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host is neither a name nor an address")
    }
}

impl Host {
    /// Reads a name or an address, IPv6 in brackets, as in a URL (RFC 3986, 3.2.2).
    ///
    /// Refused is what is read in two ways: an empty name, which switches OpenSSL's check of the server's name
    /// off; a name that begins with a dot, to which OpenSSL lets every subdomain answer; and addresses as
    /// inet_aton(3) reads them (`127.1`, `0177.0.0.1`), which only the resolver takes for addresses.
    pub(crate) fn parse(text: &str) -> Result<Self, NoHost> {
        if let Some(inside) = text.strip_prefix('[') {
            let address: Option<Ipv6Addr> = inside.strip_suffix(']').and_then(|it| it.parse().ok());
            return address.map(|it| Self::Address(it.into())).ok_or(NoHost);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let last = name.rsplit('.').next().unwrap_or(name);
        if name.len() <= MAX_NAME_LEN && name.split('.').all(is_label) && !is_number(last) {
            Ok(Self::Name(name.to_owned()))
        } else {
            Err(NoHost)
        }
    }

    /// The same, but IPv6 without brackets will do, as in most C interfaces.
    pub(crate) fn parse_bare(text: &str) -> Result<Self, NoHost> {
        match text.parse::<Ipv6Addr>() {
            Ok(address) => Ok(Self::Address(address.into())),
            Err(_) => Self::parse(text),
        }
    }
}

/// Letters, digits and hyphens, and the underscore that names in private networks have.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_LEN).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a name that ends in this could be an address to inet_aton(3). No top-level domain is one.
fn is_number(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_final_dot_only() {
        for (text, name) in [
            ("h", "h"),
            ("H.example.COM", "H.example.COM"),
            ("h.example.", "h.example"),
            ("a_b.example", "a_b.example"),
            ("1.example", "1.example"),
            ("0x.a1", "0x.a1"),
            ("xn--fiqs8s", "xn--fiqs8s"),
        ] {
            assert_eq!(Host::parse(text), Ok(Host::Name(name.to_owned())), "{text}");
            assert_eq!(Host::parse_bare(text), Host::parse(text));
        }
    }

    #[test]
    fn addresses_are_known_as_such() {
        for (text, address) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")] {
            let address = Host::Address(address.parse().unwrap());
            assert_eq!(Host::parse(text), Ok(address.clone()));
            assert_eq!(Host::parse_bare(text), Ok(address));
        }
        assert_eq!(Host::parse("::1"), Err(NoHost));
        assert_eq!(Host::parse_bare("::1"), Host::parse("[::1]"));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_neither() {
        let label = "x".repeat(MAX_LABEL_LEN + 1);
        let long = "x.".repeat(127) + "x";
        for text in [
            "",
            ".",
            "..",
            ".example",
            "a..b",
            "a..",
            "[]",
            "[::1",
            "::1]",
            "[h]",
            "[h.example]",
            "[127.0.0.1]",
            "[::1]x",
            "[fe80::1%lo]",
            "fe80::1%lo",
            "127.1",
            "0177.0.0.1",
            "2130706433",
            "0x7f000001",
            "h.0X7F",
            "1.2.3.4.5",
            "127.0.0.1.",
            "*.example",
            "h;x",
            "h,x",
            "(h)",
            "h'",
            "h h",
            "h\0x",
            "é.example",
            "h:80",
            "h/x",
            "h\\x",
            "h@x",
            "h%41",
            &label,
            &long,
        ] {
            assert_eq!(Host::parse(text), Err(NoHost), "{text}");
            assert_eq!(Host::parse_bare(text), Err(NoHost), "{text}");
        }
    }
}
