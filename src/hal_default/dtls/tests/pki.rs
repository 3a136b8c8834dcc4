//! Certificates made for one test.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// A certificate with its key.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
}

impl Identity {
    pub(super) fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().expect("PEM")
    }
}

/// What a server certificate says.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) dns: Vec<&'static str>,
    pub(super) addresses: Vec<&'static str>,
    /// Validity in days from now.
    pub(super) days: (i64, i64),
    pub(super) rsa: bool,
    pub(super) for_servers: bool,
}

impl Leaf {
    /// For the loopback host under its names and addresses.
    pub(super) fn local() -> Self {
        Self {
            dns: vec!["localhost"],
            addresses: vec!["127.0.0.1", "::1"],
            days: (-1, 30),
            rsa: false,
            for_servers: true,
        }
    }

    /// The same with the kind of key that a suite needs.
    pub(super) fn for_suite(suite: &str) -> Self {
        Self {
            rsa: !suite.starts_with("ECDHE-ECDSA-"),
            ..Self::local()
        }
    }
}

/// A root of its own.
pub(super) fn authority(name: &str) -> Identity {
    let key = ec_key();
    let mut builder = builder(name, &key, (-10, 3650));
    builder
        .set_issuer_name(&distinguished(name))
        .expect("issuer");
    let constraints = BasicConstraints::new()
        .critical()
        .ca()
        .build()
        .expect("constraints");
    builder.append_extension(constraints).expect("extension");
    let usage = KeyUsage::new()
        .critical()
        .key_cert_sign()
        .build()
        .expect("usage");
    builder.append_extension(usage).expect("extension");
    let id = SubjectKeyIdentifier::new()
        .build(&builder.x509v3_context(None, None))
        .expect("id");
    builder.append_extension(id).expect("extension");
    builder.sign(&key, MessageDigest::sha256()).expect("sign");
    Identity {
        certificate: builder.build(),
        key,
    }
}

/// A server's certificate, signed by `issuer`.
pub(super) fn issue(issuer: &Identity, leaf: &Leaf) -> Identity {
    let key = if leaf.rsa { rsa_key() } else { ec_key() };
    let mut builder = describe(leaf, &key);
    builder
        .set_issuer_name(issuer.certificate.subject_name())
        .expect("issuer");
    let id = AuthorityKeyIdentifier::new()
        .keyid(true)
        .build(&builder.x509v3_context(Some(&issuer.certificate), None))
        .expect("id");
    builder.append_extension(id).expect("extension");
    builder
        .sign(&issuer.key, MessageDigest::sha256())
        .expect("sign");
    Identity {
        certificate: builder.build(),
        key,
    }
}

/// A server's certificate that says it comes from an authority of this name, which it does not.
pub(super) fn issue_in_the_name_of(authority: &X509NameRef, leaf: &Leaf) -> Identity {
    let key = if leaf.rsa { rsa_key() } else { ec_key() };
    let mut builder = describe(leaf, &key);
    builder.set_issuer_name(authority).expect("issuer");
    builder.sign(&key, MessageDigest::sha256()).expect("sign");
    Identity {
        certificate: builder.build(),
        key,
    }
}

/// A server's certificate that vouches for itself.
pub(super) fn self_signed(leaf: &Leaf) -> Identity {
    issue_in_the_name_of(&distinguished("test server"), leaf)
}

fn describe(leaf: &Leaf, key: &PKey<Private>) -> X509Builder {
    let mut builder = builder("test server", key, leaf.days);
    let mut names = SubjectAlternativeName::new();
    for name in &leaf.dns {
        names.dns(name);
    }
    for address in &leaf.addresses {
        names.ip(address);
    }
    let names = names
        .build(&builder.x509v3_context(None, None))
        .expect("names");
    builder.append_extension(names).expect("extension");
    let mut purpose = ExtendedKeyUsage::new();
    if leaf.for_servers {
        purpose.server_auth();
    } else {
        purpose.client_auth();
    }
    builder
        .append_extension(purpose.build().expect("purpose"))
        .expect("extension");
    builder
}

fn builder(name: &str, key: &PKey<Private>, days: (i64, i64)) -> X509Builder {
    let mut builder = X509::builder().expect("builder");
    builder.set_version(2).expect("version");
    let mut serial = BigNum::new().expect("number");
    serial.rand(64, MsbOption::ONE, false).expect("random");
    builder
        .set_serial_number(&serial.to_asn1_integer().expect("serial"))
        .expect("serial");
    builder
        .set_subject_name(&distinguished(name))
        .expect("subject");
    builder.set_pubkey(key).expect("key");
    builder
        .set_not_before(&days_from_now(days.0))
        .expect("start");
    builder.set_not_after(&days_from_now(days.1)).expect("end");
    builder
}

fn distinguished(name: &str) -> X509Name {
    let mut builder = X509Name::builder().expect("name");
    builder
        .append_entry_by_nid(Nid::COMMONNAME, name)
        .expect("entry");
    builder.build()
}

fn days_from_now(days: i64) -> Asn1Time {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    Asn1Time::from_unix(i64::try_from(now).expect("time") + days * DAY).expect("time")
}

fn ec_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("key")).expect("key")
}

fn rsa_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).expect("key")).expect("key")
}
