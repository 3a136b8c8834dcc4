//! Verification of the server's certificate: chain, dates, purpose and name, always.

use crate::sync::Mutex;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::ssl::{SslRef, SslVerifyMode};
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::{X509NameRef, X509Ref, X509StoreContextRef};

use crate::host::Host;

/// Why a certificate was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rejection {
    /// Nobody we trust stands at the end of the chain.
    UnknownAuthority { subject: String, issuer: String },
    /// The server, or the chain it sent, vouches for itself.
    SelfSigned { subject: String },
    /// Too late.
    Expired {
        subject: String,
        until: String,
        now: String,
    },
    /// Too early, or the device's clock is wrong.
    NotYetValid {
        subject: String,
        from: String,
        now: String,
    },
    /// The certificate belongs to other hosts.
    WrongName { wanted: String, found: Vec<String> },
    /// Any other reason, in OpenSSL's words.
    Other { subject: String, reason: String },
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority { subject, issuer } => write!(
                f,
                "the server's certificate chain ends at an unknown authority: \"{subject}\" was \
                 issued by \"{issuer}\", which is no trusted root"
            ),
            Self::SelfSigned { subject } => write!(
                f,
                "the server's certificate \"{subject}\" is self-signed and no trusted root"
            ),
            Self::Expired {
                subject,
                until,
                now,
            } => write!(
                f,
                "the certificate \"{subject}\" expired on {until}; the device's clock says {now}"
            ),
            Self::NotYetValid { subject, from, now } => write!(
                f,
                "the certificate \"{subject}\" is valid from {from} only; the device's clock \
                 says {now}"
            ),
            Self::WrongName { wanted, found } => write!(
                f,
                "the server's certificate is not for \"{wanted}\" but for \"{}\"",
                found.join("\", \"")
            ),
            Self::Other { subject, reason } => {
                write!(f, "the certificate \"{subject}\" was rejected: {reason}")
            }
        }
    }
}

/// Where the reason of a rejection is kept while the handshake fails.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict(Arc<Mutex<Option<Rejection>>>);

impl Verdict {
    pub(super) fn take(&self) -> Option<Rejection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep_first(&self, rejection: Rejection) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(rejection);
    }
}

/// Makes `ssl` demand a certificate for `name`, and tell the server which name is meant (SNI, names
/// only: RFC 6066 3).
pub(super) fn demand(ssl: &mut SslRef, name: &Host) -> Result<Verdict, ErrorStack> {
    match name {
        Host::Name(host) => {
            ssl.param_mut()
                .set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            ssl.param_mut().set_host(host)?;
            ssl.set_hostname(host)?;
        }
        Host::Address(address) => ssl.param_mut().set_ip(*address)?,
    }
    let verdict = Verdict::default();
    let kept = verdict.clone();
    let wanted = match name {
        Host::Name(host) => host.clone(),
        Host::Address(address) => address.to_string(),
    };
    ssl.set_verify_callback(SslVerifyMode::PEER, move |acceptable, chain| {
        if !acceptable {
            kept.keep_first(rejection(chain, &wanted));
        }
        // The callback only listens: what OpenSSL found stands.
        acceptable
    });
    Ok(verdict)
}

fn rejection(chain: &X509StoreContextRef, wanted: &str) -> Rejection {
    let certificate = chain.current_cert();
    let name = |pick: fn(&X509Ref) -> &X509NameRef| {
        certificate.map_or_else(|| "?".to_owned(), |certificate| one_line(pick(certificate)))
    };
    let subject = name(X509Ref::subject_name);
    let date = |pick: fn(&X509Ref) -> String| certificate.map_or_else(|| "?".to_owned(), pick);
    match chain.error().as_raw() {
        openssl_sys::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        | openssl_sys::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | openssl_sys::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
        | openssl_sys::X509_V_ERR_CERT_UNTRUSTED => Rejection::UnknownAuthority {
            subject,
            issuer: name(X509Ref::issuer_name),
        },
        openssl_sys::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        | openssl_sys::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN => Rejection::SelfSigned { subject },
        openssl_sys::X509_V_ERR_CERT_HAS_EXPIRED => Rejection::Expired {
            subject,
            until: date(|certificate| certificate.not_after().to_string()),
            now: now(),
        },
        openssl_sys::X509_V_ERR_CERT_NOT_YET_VALID => Rejection::NotYetValid {
            subject,
            from: date(|certificate| certificate.not_before().to_string()),
            now: now(),
        },
        openssl_sys::X509_V_ERR_HOSTNAME_MISMATCH | openssl_sys::X509_V_ERR_IP_ADDRESS_MISMATCH => {
            Rejection::WrongName {
                wanted: wanted.to_owned(),
                found: certificate.map(names).unwrap_or_default(),
            }
        }
        _ => Rejection::Other {
            subject,
            reason: chain.error().error_string().to_owned(),
        },
    }
}

fn now() -> String {
    Asn1Time::days_from_now(0).map_or_else(|_| "?".to_owned(), |now| now.to_string())
}

/// A distinguished name as `CN=..., O=...`. Shown with control characters replaced: it is the
/// peer's text, and goes to the log.
fn one_line(name: &X509NameRef) -> String {
    let parts: Vec<String> = name
        .entries()
        .map(|entry| {
            let kind = entry.object().nid().short_name().unwrap_or("?");
            format!("{kind}={}", printable(entry.data().as_slice()))
        })
        .collect();
    if parts.is_empty() {
        "no subject".to_owned()
    } else {
        parts.join(", ")
    }
}

fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// The hosts a certificate is for: its alternative names, else the common name.
fn names(certificate: &X509Ref) -> Vec<String> {
    let mut names: Vec<String> = certificate
        .subject_alt_names()
        .iter()
        .flatten()
        .filter_map(|name| {
            let dns = name.dnsname().map(|name| printable(name.as_bytes()));
            dns.or_else(|| {
                name.ipaddress()
                    .and_then(address)
                    .map(|address| address.to_string())
            })
        })
        .collect();
    if names.is_empty() {
        let common = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
        names.extend(common.map(|entry| printable(entry.data().as_slice())));
    }
    names
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_text_cannot_forge_log_lines() {
        assert_eq!(printable(b"a\nERROR: b\x1b[0m"), "a?ERROR: b?[0m");
        assert_eq!(printable(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn addresses_have_four_or_sixteen_bytes() {
        assert_eq!(
            address(&[127, 0, 0, 1]),
            Some("127.0.0.1".parse().expect("address"))
        );
        assert_eq!(address(&[0; 16]), Some("::".parse().expect("address")));
        assert_eq!(address(&[1, 2, 3]), None);
    }
}
