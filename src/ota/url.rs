//! Where an image is.

use crate::host::Host;
use core::fmt;
use ureq_proto::http::Uri;
use ureq_proto::http::uri::Scheme;

/// Longest URL that is accepted, in bytes. The signed URLs of storage services take some 300 to 500.
pub const MAX_URL_LEN: usize = 1024;

/// An absolute `http` or `https` URL. `Display` leaves the query out: it may hold a signature that lets
/// whoever reads it fetch the image, and logs are no place for such things.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    https: bool,
    host: String,
    port: u16,
}

/// Why a text is no URL of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// More than [`MAX_URL_LEN`] bytes.
    TooLong,
    /// Not a URL by RFC 3986, which knows printable ASCII only, or a relative one.
    Malformed,
    /// Neither http nor https.
    Scheme,
    /// There is a user name in it.
    UserInfo,
    /// There is no host in it, or one that is neither a DNS name nor an address.
    NoHost,
    /// The port is 0 or no number.
    Port,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the URL is longer than {MAX_URL_LEN} bytes"),
            Self::Malformed => f.write_str("the URL is malformed"),
            Self::Scheme => f.write_str("the URL is neither http nor https"),
            Self::UserInfo => f.write_str("the URL has a user name"),
            Self::NoHost => f.write_str("the URL's host is neither a name nor an address"),
            Self::Port => f.write_str("the URL's port is not a number from 1 to 65535"),
        }
    }
}

impl std::error::Error for UrlError {}

impl Url {
    /// Parses an absolute URL. A fragment is dropped.
    ///
    /// # Errors
    ///
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_URL_LEN {
            return Err(UrlError::TooLong);
        }
        Self::from_uri(text.parse().map_err(|_| UrlError::Malformed)?)
    }

    /// Takes a URL that the HTTP layer has put together, by the same rules.
    pub(super) fn from_uri(uri: Uri) -> Result<Self, UrlError> {
        let https = match uri.scheme() {
            None => return Err(UrlError::Malformed),
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(_) => return Err(UrlError::Scheme),
        };
        let authority = uri.authority().ok_or(UrlError::NoHost)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split(authority.as_str());
        if Host::parse(host).is_err() {
            return Err(UrlError::NoHost);
        }
        let port = match port {
            None | Some("") => Self::default_port(https),
            // `parse` alone would let a plus sign through.
            Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(UrlError::Port);
            }
            Some(port) => match port.parse() {
                Ok(0) | Err(_) => return Err(UrlError::Port),
                Ok(port) => port,
            },
        };
        let host = host.to_owned();
        let url = Self {
            uri,
            https,
            host,
            port,
        };
        let text = url.uri.to_string();
        if text.len() > MAX_URL_LEN {
            return Err(UrlError::TooLong);
        }
        // The HTTP layer lets other characters pass, into requests and logs.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Malformed);
        }
        Ok(url)
    }

    const fn default_port(https: bool) -> u16 {
        if https { 443 } else { 80 }
    }

    /// Whether the server must prove its name by a certificate.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Host name or address, IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(super) const fn uri(&self) -> &Uri {
        &self.uri
    }
}

/// Host and port; the HTTP layer's own idea of a host leaves out what follows a bracket.
fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // Within the brackets.
        Some((_, rest)) if rest.contains(']') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)?;
        f.write_str(self.uri.path())?;
        if self.uri.query().is_some() {
            f.write_str("?…")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (bool, String, u16) {
        let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (url.is_https(), url.host().to_owned(), url.port())
    }

    #[test]
    fn schemes_hosts_and_ports() {
        assert_eq!(parsed("http://h"), (false, "h".into(), 80));
        assert_eq!(parsed("https://h/a?b"), (true, "h".into(), 443));
        assert_eq!(parsed("HTTPS://H:8443/"), (true, "H".into(), 8443));
        assert_eq!(parsed("http://h:/x"), (false, "h".into(), 80));
        assert_eq!(parsed("http://[::1]:81/x"), (false, "[::1]".into(), 81));
        assert_eq!(parsed("http://[::1]"), (false, "[::1]".into(), 80));
        assert_eq!(parsed("http://[::1]:/"), (false, "[::1]".into(), 80));
        assert_eq!(
            parsed("http://h.example.:081"),
            (false, "h.example.".into(), 81)
        );
        assert_eq!(
            parsed("http://10.0.0.1#part"),
            (false, "10.0.0.1".into(), 80)
        );
    }

    #[test]
    fn what_is_no_url_of_an_image_is_refused_with_its_reason() {
        for (text, error) in [
            ("", UrlError::Malformed),
            ("/path", UrlError::Malformed),
            ("h", UrlError::Malformed),
            ("h:80", UrlError::Malformed),
            ("http//h", UrlError::Malformed),
            ("http://", UrlError::Malformed),
            ("http:///path", UrlError::Malformed),
            ("http://h /", UrlError::Malformed),
            ("http://h/a b", UrlError::Malformed),
            ("http://h/\u{7}", UrlError::Malformed),
            ("http://h/\r\nX: y", UrlError::Malformed),
            ("http://[::1/", UrlError::Malformed),
            ("ftp://h/", UrlError::Scheme),
            ("coap://h/", UrlError::Scheme),
            ("httpx://h/", UrlError::Scheme),
            ("http://user@h/", UrlError::UserInfo),
            ("http://user:password@h/", UrlError::UserInfo),
            ("http://:80/", UrlError::NoHost),
            ("http://h:0/", UrlError::Port),
            ("http://h:65536/", UrlError::Port),
            ("http://h:x/", UrlError::Port),
            ("http://h:+80/", UrlError::Port),
            ("http://[]:80/", UrlError::NoHost),
            ("http://[::1]x/", UrlError::NoHost),
            ("http://[::1]x:80/", UrlError::NoHost),
            ("http://[h.example]/", UrlError::NoHost),
            ("http://[fe80::1%25lo]/", UrlError::NoHost),
            ("https://./", UrlError::NoHost),
            ("https://.example/", UrlError::NoHost),
            ("http://127.1/", UrlError::NoHost),
            ("http://h;x/", UrlError::NoHost),
            ("http://h\\@other/", UrlError::Malformed),
            ("http://h/\u{e9}", UrlError::Malformed),
            ("http://h/\u{9b}31m", UrlError::Malformed),
            ("http://h/\u{202e}x", UrlError::Malformed),
            ("http://h/?\u{85}", UrlError::Malformed),
            ("http://h/\u{7f}", UrlError::Malformed),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_length_is_limited() {
        let text = |len: usize| format!("http://h/{}", "x".repeat(len - 9));
        assert!(Url::parse(&text(MAX_URL_LEN)).is_ok());
        assert_eq!(Url::parse(&text(MAX_URL_LEN + 1)), Err(UrlError::TooLong));
    }

    #[test]
    fn the_query_stays_out_of_logs() {
        let url = Url::parse("https://h/a/b?Signature=s3cr3t#s3cr3t").unwrap();
        assert_eq!(url.to_string(), "https://h:443/a/b?…");
        assert!(!format!("{url:?}").contains("s3cr3t"));
        assert_eq!(Url::parse("http://h").unwrap().to_string(), "http://h:80/");
    }
}
