//! Where the cloud is: the SDK's URL grammar, default hosts, and what a host implies.

use crate::coap::OptionNumber;
use core::fmt;

/// How messages are protected on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// `coap://`: not at all.
    Plain,
    /// `coaps://`: DTLS.
    Dtls,
    /// `coap-psk://`: plain CoAP whose payloads are encrypted with a key agreed in the authentication.
    Symmetric,
}

/// Which option carries the authentication token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOption {
    /// Option 61: hosts of 2017.
    Number61,
    /// Option 2088: hosts since late 2018.
    Number2088,
}

impl TokenOption {
    /// The one that this one is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Number61 => Self::Number2088,
            Self::Number2088 => Self::Number61,
        }
    }

    /// The option's number.
    #[must_use]
    pub const fn number(self) -> OptionNumber {
        match self {
            Self::Number61 => OptionNumber::AUTH_TOKEN,
            Self::Number2088 => OptionNumber::AUTH_TOKEN_2018,
        }
    }
}

/// A parsed server URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Protection.
    pub security: Security,
    /// Host name or address literal, without brackets.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

/// Why a URL names no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// Not `coap://`, `coaps://` or `coap-psk://`.
    Scheme,
    /// No host, or an opening bracket without its closing one.
    NoHost,
    /// The host exceeds 127 characters.
    HostTooLong,
    /// The port is 0, above 65535, or no number.
    Port,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "unknown scheme (expected coap://, coaps:// or coap-psk://)",
            Self::NoHost => "no host",
            Self::HostTooLong => "host longer than 127 characters",
            Self::Port => "port is not a number from 1 to 65535",
        })
    }
}

impl std::error::Error for EndpointError {}

/// The longest host the SDK's parser takes.
const MAX_HOST_LEN: usize = 127;

impl Endpoint {
    /// Parses `scheme "://" host [":" port]`; the scheme in any case, the host up to the first `:` or
    /// `/`, IPv6 literals in brackets. What follows the port's digits is ignored, as in the SDK.
    ///
    /// # Errors
    ///
    /// See [`EndpointError`].
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = url.split_once(':').ok_or(EndpointError::Scheme)?;
        let rest = rest.strip_prefix("//").ok_or(EndpointError::Scheme)?;
        let security = if scheme.eq_ignore_ascii_case("coap") {
            Security::Plain
        } else if scheme.eq_ignore_ascii_case("coaps") {
            Security::Dtls
        } else if scheme.eq_ignore_ascii_case("coap-psk") {
            Security::Symmetric
        } else {
            return Err(EndpointError::Scheme);
        };

        let (host, rest) = if let Some(literal) = rest.strip_prefix('[') {
            literal.split_once(']').ok_or(EndpointError::NoHost)?
        } else {
            rest.split_at(rest.find([':', '/']).unwrap_or(rest.len()))
        };
        if host.is_empty() {
            return Err(EndpointError::NoHost);
        }
        if host.len() > MAX_HOST_LEN {
            return Err(EndpointError::HostTooLong);
        }
        let port = match rest.strip_prefix(':') {
            Some(port) => parse_port(port)?.unwrap_or(security.default_port()),
            // Behind a bracket: a port whose colon was forgotten must not become the default one.
            None if !rest.is_empty() && !rest.starts_with('/') => return Err(EndpointError::Port),
            None => security.default_port(),
        };
        Ok(Self {
            security,
            host: host.to_owned(),
            port,
        })
    }

    /// Where a device goes that was given no URL: the production endpoint of the cloud's CoAP document
    /// and of SDK releases 2.00 to 2.21.
    #[must_use]
    pub fn default_for(product_key: &str) -> Self {
        Self {
            security: Security::Dtls,
            host: format!("{product_key}.iot-as-coap.cn-shanghai.aliyuncs.com"),
            port: Security::Dtls.default_port(),
        }
    }

    /// The token option this host documents: 61 on `iot-as-coap` hosts, 2088 on those of the later
    /// platforms; elsewhere 61 for coap and coaps, 2088 for coap-psk.
    #[must_use]
    pub fn token_option(&self) -> TokenOption {
        let host = self.host.to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        if host.contains("iot-as-coap") {
            TokenOption::Number61
        } else if host.ends_with(".link.aliyuncs.com") || host.ends_with(".iothub.aliyuncs.com") {
            TokenOption::Number2088
        } else {
            match self.security {
                Security::Plain | Security::Dtls => TokenOption::Number61,
                Security::Symmetric => TokenOption::Number2088,
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::Plain => "coap",
            Security::Dtls => "coaps",
            Security::Symmetric => "coap-psk",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl Security {
    /// The port of a URL that gives none (the SDK's defaults; the real service speaks `coap-psk` on 5682,
    /// so URLs for it name the port).
    const fn default_port(self) -> u16 {
        match self {
            Self::Plain | Self::Symmetric => 5683,
            Self::Dtls => 5684,
        }
    }
}

/// The port in the leading digits of `text`; `None` when there is nothing to read.
fn parse_port(text: &str) -> Result<Option<u16>, EndpointError> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match (&text[..digits], &text[digits..]) {
        ("", rest) if rest.is_empty() || rest.starts_with('/') => Ok(None),
        (number, _) => match number.parse() {
            Ok(0) | Err(_) => Err(EndpointError::Port),
            Ok(port) => Ok(Some(port)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (Security, String, u16) {
        let endpoint = Endpoint::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"));
        (endpoint.security, endpoint.host, endpoint.port)
    }

    #[test]
    fn the_three_schemes_in_any_case_with_their_default_ports() {
        assert_eq!(parsed("coap://h"), (Security::Plain, "h".into(), 5683));
        assert_eq!(parsed("CoAPs://h"), (Security::Dtls, "h".into(), 5684));
        assert_eq!(
            parsed("COAP-PSK://h"),
            (Security::Symmetric, "h".into(), 5683)
        );
        assert_eq!(
            parsed("coap-psk://h:5682"),
            (Security::Symmetric, "h".into(), 5682)
        );
    }

    #[test]
    fn ports_paths_and_brackets() {
        assert_eq!(parsed("coap://h:").2, 5683);
        assert_eq!(parsed("coap://h:/x").2, 5683);
        assert_eq!(parsed("coaps://h:1/foo").2, 1);
        assert_eq!(parsed("coaps://h:65535").2, 65535);
        assert_eq!(parsed("coaps://h/x").1, "h");
        assert_eq!(
            parsed("coaps://[::1]"),
            (Security::Dtls, "::1".into(), 5684)
        );
        assert_eq!(
            parsed("coap://[fe80::1%eth0]:99"),
            (Security::Plain, "fe80::1%eth0".into(), 99)
        );
        assert_eq!(parsed(&format!("coap://{}", "h".repeat(127))).1.len(), 127);
    }

    #[test]
    fn what_is_no_url_is_refused_with_its_reason() {
        for (url, error) in [
            ("", EndpointError::Scheme),
            ("host", EndpointError::Scheme),
            ("http://h", EndpointError::Scheme),
            ("coap:/h", EndpointError::Scheme),
            ("coapx://h", EndpointError::Scheme),
            ("coap://", EndpointError::NoHost),
            ("coap://:5683", EndpointError::NoHost),
            ("coap:///x", EndpointError::NoHost),
            ("coap://[]:1", EndpointError::NoHost),
            ("coap://[::1", EndpointError::NoHost),
            ("coap://[::1]5684", EndpointError::Port),
            ("coap://[::1].", EndpointError::Port),
            ("coap://h:0", EndpointError::Port),
            ("coap://h:70000", EndpointError::Port),
            ("coap://h:99999999999999999999", EndpointError::Port),
            ("coap://h:abc", EndpointError::Port),
            ("coap://h:-1", EndpointError::Port),
        ] {
            assert_eq!(Endpoint::parse(url), Err(error), "{url}");
        }
        let long = format!("coap://{}", "h".repeat(128));
        assert_eq!(Endpoint::parse(&long), Err(EndpointError::HostTooLong));
    }

    #[test]
    fn endpoints_print_as_urls_that_parse_back() {
        for url in ["coap://h:5683", "coaps://[::1]:5684", "coap-psk://a.b:5682"] {
            assert_eq!(Endpoint::parse(url).unwrap().to_string(), url);
        }
    }

    #[test]
    fn the_default_endpoint_is_the_documented_one() {
        assert_eq!(
            Endpoint::default_for("a1B2c3D4e5F").to_string(),
            "coaps://a1B2c3D4e5F.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
        );
    }

    #[test]
    fn the_host_decides_the_token_option() {
        let option = |url: &str| Endpoint::parse(url).unwrap().token_option();
        let (n61, n2088) = (TokenOption::Number61, TokenOption::Number2088);
        assert_eq!(
            option("coaps://pk.iot-as-coap.cn-shanghai.aliyuncs.com"),
            n61
        );
        assert_eq!(
            option("coap-psk://pre.IOT-AS-COAP.cn-shanghai.aliyuncs.com:5683"),
            n61
        );
        assert_eq!(
            option("coaps://pk.coap.cn-shanghai.link.aliyuncs.com"),
            n2088
        );
        assert_eq!(
            option("coap-psk://pk.coap.cn-shanghai.LINK.aliyuncs.com.:5682"),
            n2088
        );
        assert_eq!(option("coaps://iot-0.coap.iothub.aliyuncs.com"), n2088);
        assert_eq!(option("coap://127.0.0.1"), n61);
        assert_eq!(option("coaps://[::1]"), n61);
        assert_eq!(option("coap-psk://127.0.0.1"), n2088);
    }
}
