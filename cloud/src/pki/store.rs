//! Keeping the CA and the certificate: in a directory for the command, in memory for tests.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::x509::X509;

use super::{CertificateOptions, Identity, LOOPBACK, Pki, cloud_hosts, make_ca, make_server};

const CA_NAME: &str = "iotx-cloud local CA";
/// A certificate with less than this left is replaced at start.
const RENEW_BEFORE_DAYS: u32 = 7;

/// Where the four files are.
pub(crate) struct Files {
    pub(crate) ca: PathBuf,
    ca_key: PathBuf,
    server: PathBuf,
    server_key: PathBuf,
}

impl Files {
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Files {
            ca: dir.join("ca.pem"),
            ca_key: dir.join("ca.key"),
            server: dir.join("server.pem"),
            server_key: dir.join("server.key"),
        }
    }
}

/// Reads the CA and the server certificate from `dir`, making what is missing or worn out.
///
/// A CA that exists is never replaced: devices trust it. Special certificates (expired, foreign
/// names) are made anew each time and not kept.
pub(crate) fn load_or_create(dir: &Path, options: &CertificateOptions) -> io::Result<Pki> {
    fs::create_dir_all(dir)?;
    let files = Files::in_dir(dir);
    let ca = match load(&files.ca, &files.ca_key)? {
        Some(ca) => ca,
        None => {
            let ca = make_ca(CA_NAME)?;
            save(&ca, &files.ca, &files.ca_key)?;
            ca
        }
    };
    if *options != CertificateOptions::default() {
        let server = make_server(&ca, options)?;
        return Ok(Pki { ca, server });
    }
    let server = match load(&files.server, &files.server_key)? {
        Some(server) if fits(&server, &ca)? => server,
        _ => {
            let server = make_server(&ca, options)?;
            save(&server, &files.server, &files.server_key)?;
            server
        }
    };
    Ok(Pki { ca, server })
}

/// Whether a stored server certificate is from this CA, has the names of this version, and lasts.
fn fits(server: &Identity, ca: &Identity) -> Result<bool, ErrorStack> {
    let certificate = &server.certificate;
    let ours = certificate.verify(&*ca.certificate.public_key()?)?;
    let lasts = certificate.not_after() > Asn1Time::days_from_now(RENEW_BEFORE_DAYS)?;
    let names = certificate.subject_alt_names();
    let dns: Vec<&str> = names
        .iter()
        .flatten()
        .filter_map(|name| name.dnsname())
        .collect();
    let addresses = names
        .iter()
        .flatten()
        .filter(|name| name.ipaddress().is_some())
        .count();
    let named = dns == cloud_hosts() && addresses == LOOPBACK.len();
    Ok(ours && lasts && named)
}

fn load(certificate: &Path, key: &Path) -> io::Result<Option<Identity>> {
    if !certificate.exists() || !key.exists() {
        return Ok(None);
    }
    let certificate = X509::from_pem(&fs::read(certificate)?)?;
    let key = PKey::private_key_from_pem(&zeroize::Zeroizing::new(fs::read(key)?))?;
    if !certificate.public_key()?.public_eq(&key) {
        return Err(io::Error::other(
            "certificate and key in the data directory do not match",
        ));
    }
    Ok(Some(Identity { certificate, key }))
}

fn save(identity: &Identity, certificate: &Path, key: &Path) -> io::Result<()> {
    let pem = zeroize::Zeroizing::new(identity.key.private_key_to_pem_pkcs8()?);
    write(key, &pem, 0o600)?;
    write(certificate, &identity.certificate.to_pem()?, 0o644)
}

/// Writes beside the target and renames, so that a reader or a crash never meets half a file.
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    // A leftover may have another mode.
    match fs::remove_file(&draft) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// One CA per process, and one certificate per set of options: making RSA keys is by far the
/// slowest part of starting a cloud, and a test suite starts hundreds.
pub(super) fn process_wide(options: &CertificateOptions) -> Result<Pki, ErrorStack> {
    static MADE: OnceLock<Mutex<Made>> = OnceLock::new();
    struct Made {
        ca: Option<Identity>,
        servers: Vec<(CertificateOptions, Identity)>,
    }
    let made = MADE.get_or_init(|| {
        Mutex::new(Made {
            ca: None,
            servers: Vec::new(),
        })
    });
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    let ca = match &made.ca {
        Some(ca) => ca.clone(),
        None => made.ca.insert(make_ca(CA_NAME)?).clone(),
    };
    if let Some((_, server)) = made.servers.iter().find(|(known, _)| known == options) {
        return Ok(Pki {
            ca,
            server: server.clone(),
        });
    }
    let server = make_server(&ca, options)?;
    made.servers.push((options.clone(), server.clone()));
    Ok(Pki { ca, server })
}

#[cfg(test)]
mod tests;
