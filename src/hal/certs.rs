//! The root certificates that the service's endpoints are verified against.
//!
//! All three are trusted from the start: every endpoint the classic SDKs knew chains to
//! GlobalSign's R1 root, which ends on 2028-01-28, and the vendor's announced successor is its own
//! root. A firmware that trusts only R1 stops on that day.

use std::ffi::CStr;

/// The bundled roots in PEM, NUL-terminated for the C seam: GlobalSign R1 (until 2028-01-28),
/// GlobalSign R6 (until 2034-12-10), the vendor's own (until 2053-07-04).
pub const ROOTS_PEM: &CStr = {
    let text = concat!(
        include_str!("../../certs/globalsign-root-ca-r1.pem"),
        include_str!("../../certs/globalsign-root-ca-r6.pem"),
        include_str!("../../certs/aliyun-iot-root-ca.pem"),
        "\0"
    );
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a PEM file holds a NUL"),
    }
};

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::x509::X509;

    #[test]
    #[cfg_attr(miri, ignore = "parses with OpenSSL")]
    fn the_roots_are_the_published_ones_with_their_published_end() {
        let roots = X509::stack_from_pem(ROOTS_PEM.to_bytes()).expect("PEM");
        let expected = [
            (
                "ebd41040e4bb3ec742c9e381d31ef2a41a48b6685c96e7cef3c1df6cd4331c99",
                "20280128120000Z",
            ),
            (
                "2cabeafe37d06ca22aba7391c0033d25982952c453647349763a3ab5ad6ccf69",
                "20341210000000Z",
            ),
            (
                "7ca438a3976b5242d231f861499822da855831382735836b361e7e9715661676",
                "20530704063658Z",
            ),
        ];
        assert_eq!(roots.len(), expected.len());
        for (root, (fingerprint, end)) in roots.iter().zip(expected) {
            let digest = root.digest(MessageDigest::sha256()).expect("digest");
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, fingerprint);
            let end = Asn1Time::from_str(end).expect("time");
            assert!(
                *root.not_after() == *end,
                "{fingerprint} ends at {}",
                root.not_after()
            );
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "parses with OpenSSL")]
    fn every_root_signed_itself() {
        for root in X509::stack_from_pem(ROOTS_PEM.to_bytes()).expect("PEM") {
            let key = root.public_key().expect("key");
            assert!(
                root.verify(&key).expect("verify"),
                "{:?}",
                root.subject_name()
            );
        }
    }
}
