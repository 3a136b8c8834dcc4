use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::pki::{Issuer, Validity};

/// A directory that is gone with this value.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("iotx-cloud-pki-{}-{number}", std::process::id());
        Dir(std::env::temp_dir().join(name))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pem(identity: &Identity) -> Vec<u8> {
    identity.certificate.to_pem().unwrap()
}

#[test]
fn the_second_start_finds_what_the_first_made() {
    let dir = Dir::new();
    let options = CertificateOptions::default();
    let first = load_or_create(&dir.0, &options).unwrap();
    let second = load_or_create(&dir.0, &options).unwrap();
    assert_eq!(pem(&first.ca), pem(&second.ca));
    assert_eq!(pem(&first.server), pem(&second.server));
    assert!(second.server.key.public_eq(&first.server.key));
    let mode = |name| fs::metadata(dir.0.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("ca.key"), mode("server.key")), (0o600, 0o600));
    let mut names: Vec<_> = fs::read_dir(&dir.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["ca.key", "ca.pem", "server.key", "server.pem"]);
}

#[test]
fn a_worn_or_foreign_certificate_is_replaced_and_the_ca_is_not() {
    let dir = Dir::new();
    let usual = CertificateOptions::default();
    let first = load_or_create(&dir.0, &usual).unwrap();
    let files = Files::in_dir(&dir.0);
    let expired = CertificateOptions {
        validity: Validity::Expired,
        ..usual.clone()
    };
    let renamed = CertificateOptions {
        hosts: Some(vec!["x".into()]),
        ..usual.clone()
    };
    let foreign = CertificateOptions {
        issuer: Issuer::Stranger,
        ..usual.clone()
    };
    for unfit in [expired, renamed, foreign] {
        let unfit = make_server(&first.ca, &unfit).unwrap();
        save(&unfit, &files.server, &files.server_key).unwrap();
        let again = load_or_create(&dir.0, &usual).unwrap();
        assert_ne!(pem(&again.server), pem(&unfit));
        assert_eq!(pem(&again.ca), pem(&first.ca));
    }
    fs::remove_file(&files.server_key).unwrap();
    load_or_create(&dir.0, &usual).unwrap();
    assert!(files.server_key.exists());
}

#[test]
fn special_certificates_are_not_kept() {
    let dir = Dir::new();
    let usual = load_or_create(&dir.0, &CertificateOptions::default()).unwrap();
    let options = CertificateOptions {
        validity: Validity::Expired,
        ..Default::default()
    };
    let special = load_or_create(&dir.0, &options).unwrap();
    assert_ne!(pem(&special.server), pem(&usual.server));
    let again = load_or_create(&dir.0, &CertificateOptions::default()).unwrap();
    assert_eq!(pem(&again.server), pem(&usual.server));
}

#[test]
fn damaged_files_are_reported_not_overwritten() {
    let dir = Dir::new();
    let options = CertificateOptions::default();
    load_or_create(&dir.0, &options).unwrap();
    let files = Files::in_dir(&dir.0);
    fs::copy(&files.server_key, &files.ca_key).unwrap();
    assert!(
        load_or_create(&dir.0, &options).is_err(),
        "key of another certificate"
    );
    fs::write(&files.ca, "damaged").unwrap();
    assert!(load_or_create(&dir.0, &options).is_err());
    assert_eq!(fs::read(&files.ca).unwrap(), b"damaged");
}

#[test]
fn clouds_of_one_process_share_their_ca() {
    let usual = process_wide(&CertificateOptions::default()).unwrap();
    let again = process_wide(&CertificateOptions::default()).unwrap();
    assert_eq!(pem(&usual.server), pem(&again.server));
    let options = CertificateOptions {
        validity: Validity::NotYet,
        ..Default::default()
    };
    let other = process_wide(&options).unwrap();
    assert_eq!(pem(&usual.ca), pem(&other.ca));
    assert_ne!(pem(&usual.server), pem(&other.server));
}

#[test]
fn the_certificate_lasts_825_days() {
    let pki = process_wide(&CertificateOptions::default()).unwrap();
    let lifetime = pki
        .server
        .certificate
        .not_before()
        .diff(pki.server.certificate.not_after());
    // Valid from yesterday on, for clocks that are late.
    assert_eq!(lifetime.unwrap().days, 826);
}
