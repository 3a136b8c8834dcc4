//! The cloud's own certificate authority and server certificate.

mod names;
mod store;

use std::io;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

pub use names::{LOOPBACK, cloud_hosts};
pub(crate) use store::{Files, load_or_create};

const DAY: i64 = 86_400;
const SERVER_DAYS: i64 = 825;
const CA_DAYS: i64 = 3650;

/// Kind of the server's key. RSA is the default because the suites of the classic SDK releases
/// exchange keys by RSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// RSA with 2048 bits.
    #[default]
    Rsa2048,
    /// RSA with 1024 bits, which clients with a sane policy refuse.
    Rsa1024,
    /// ECDSA on P-256.
    EcP256,
}

/// When the server certificate is valid, seen from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validity {
    /// From yesterday for 825 days.
    #[default]
    Now,
    /// Ended yesterday.
    Expired,
    /// Begins in thirty days.
    NotYet,
}

/// Who signs the server certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Issuer {
    /// The CA that [`ca_pem`](crate::CloudHandle::ca_pem) gives out.
    #[default]
    Own,
    /// A CA that nobody is told about.
    Stranger,
    /// The certificate itself.
    SelfSigned,
}

/// What to put into the server certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateOptions {
    /// Key kind and size.
    pub key: KeyKind,
    /// Dates.
    pub validity: Validity,
    /// Issuer.
    pub issuer: Issuer,
    /// DNS names; `None` means [`cloud_hosts`] and the loopback addresses.
    pub hosts: Option<Vec<String>>,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// CA and server certificate.
#[derive(Clone)]
pub(crate) struct Pki {
    pub(crate) ca: Identity,
    pub(crate) server: Identity,
}

pub(crate) fn make_ca(common_name: &str) -> Result<Identity, ErrorStack> {
    let key = make_key(KeyKind::Rsa2048)?;
    let mut cert = start(common_name, &key, -DAY, CA_DAYS * DAY)?;
    let name = common_name_only(common_name)?;
    cert.set_issuer_name(&name)?;
    cert.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
    cert.append_extension(
        KeyUsage::new()
            .critical()
            .key_cert_sign()
            .crl_sign()
            .build()?,
    )?;
    let ski = SubjectKeyIdentifier::new().build(&cert.x509v3_context(None, None))?;
    cert.append_extension(ski)?;
    cert.sign(&key, MessageDigest::sha256())?;
    Ok(Identity {
        certificate: cert.build(),
        key,
    })
}

pub(crate) fn make_server(
    ca: &Identity,
    options: &CertificateOptions,
) -> Result<Identity, ErrorStack> {
    let key = make_key(options.key)?;
    let (from, until) = match options.validity {
        Validity::Now => (-DAY, SERVER_DAYS * DAY),
        Validity::Expired => (-30 * DAY, -DAY),
        Validity::NotYet => (30 * DAY, SERVER_DAYS * DAY),
    };
    let common_name = "iotx-cloud server";
    let mut cert = start(common_name, &key, from, until)?;
    let stranger;
    let issuer = match options.issuer {
        Issuer::Own => Some(ca),
        Issuer::Stranger => {
            stranger = make_ca("iotx-cloud unknown CA")?;
            Some(&stranger)
        }
        Issuer::SelfSigned => None,
    };
    match issuer {
        Some(ca) => cert.set_issuer_name(ca.certificate.subject_name())?,
        None => cert.set_issuer_name(&*common_name_only(common_name)?)?,
    }
    cert.append_extension(BasicConstraints::new().critical().build()?)?;
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature();
    if options.key != KeyKind::EcP256 {
        usage.key_encipherment();
    }
    cert.append_extension(usage.build()?)?;
    cert.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let mut names = SubjectAlternativeName::new();
    match &options.hosts {
        Some(hosts) => {
            for host in hosts {
                names.dns(host);
            }
        }
        None => {
            for host in cloud_hosts() {
                names.dns(&host);
            }
            for address in LOOPBACK {
                names.ip(address);
            }
        }
    }
    let issuer_certificate = issuer.map(|ca| &*ca.certificate);
    let context = cert.x509v3_context(issuer_certificate, None);
    let names = names.build(&context)?;
    let ski = SubjectKeyIdentifier::new().build(&context)?;
    let aki = match issuer_certificate {
        Some(_) => Some(AuthorityKeyIdentifier::new().keyid(true).build(&context)?),
        None => None,
    };
    cert.append_extension(names)?;
    cert.append_extension(ski)?;
    if let Some(aki) = aki {
        cert.append_extension(aki)?;
    }
    let signer = issuer.map_or(&key, |ca| &ca.key);
    cert.sign(signer, MessageDigest::sha256())?;
    Ok(Identity {
        certificate: cert.build(),
        key,
    })
}

fn make_key(kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
    match kind {
        KeyKind::Rsa2048 => PKey::from_rsa(Rsa::generate(2048)?),
        KeyKind::Rsa1024 => PKey::from_rsa(Rsa::generate(1024)?),
        KeyKind::EcP256 => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            PKey::from_ec_key(EcKey::generate(&group)?)
        }
    }
}

/// Version, serial, subject, dates and key, which both kinds of certificate have.
fn start(
    common_name: &str,
    key: &PKey<Private>,
    from: i64,
    until: i64,
) -> Result<X509Builder, ErrorStack> {
    let mut cert = X509::builder()?;
    cert.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    cert.set_serial_number(&*serial.to_asn1_integer()?)?;
    cert.set_subject_name(&*common_name_only(common_name)?)?;
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |passed| passed.as_secs() as i64);
    cert.set_not_before(&*Asn1Time::from_unix(now + from)?)?;
    cert.set_not_after(&*Asn1Time::from_unix(now + until)?)?;
    cert.set_pubkey(key)?;
    Ok(cert)
}

fn common_name_only(common_name: &str) -> Result<openssl::x509::X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("O", "iotx-cloud")?;
    name.append_entry_by_text("CN", common_name)?;
    Ok(name.build())
}

/// A key pair and two certificates for one process.
///
/// # Errors
/// When OpenSSL cannot make keys.
pub(crate) fn in_memory(options: &CertificateOptions) -> io::Result<Pki> {
    store::process_wide(options).map_err(io::Error::other)
}
