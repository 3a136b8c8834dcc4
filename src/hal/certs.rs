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

/// One of the bundled roots.
#[derive(Debug)]
pub(crate) struct Root {
    /// Its name, in DER.
    pub(crate) subject: &'static [u8],
    /// Where it is in [`ROOTS_PEM`].
    range: (usize, usize),
}

impl Root {
    /// The certificate in PEM.
    pub(crate) fn pem(&self) -> &'static [u8] {
        &ROOTS_PEM.to_bytes()[self.range.0..self.range.1]
    }
}

/// The bundled roots one by one, by name: for those who read a certificate only when a chain leads to it.
pub(crate) static ROOTS: [Root; 3] = {
    const R1: usize = include_str!("../../certs/globalsign-root-ca-r1.pem").len();
    const R6: usize = include_str!("../../certs/globalsign-root-ca-r6.pem").len();
    [
        Root {
            subject: b"0W1\x0b0\t\x06\x03U\x04\x06\x13\x02BE1\x190\x17\x06\x03U\x04\n\x13\x10GlobalSign nv-sa\
                1\x100\x0e\x06\x03U\x04\x0b\x13\x07Root CA1\x1b0\x19\x06\x03U\x04\x03\x13\x12GlobalSign Root CA",
            range: (0, R1),
        },
        Root {
            subject: b"0L1 0\x1e\x06\x03U\x04\x0b\x13\x17GlobalSign Root CA - R6\
                1\x130\x11\x06\x03U\x04\n\x13\nGlobalSign1\x130\x11\x06\x03U\x04\x03\x13\nGlobalSign",
            range: (R1, R1 + R6),
        },
        Root {
            subject: b"0w1\x0b0\t\x06\x03U\x04\x06\x13\x02CN1\x110\x0f\x06\x03U\x04\x08\x0c\x08Zhejiang\
                1\x110\x0f\x06\x03U\x04\x07\x0c\x08Hangzhou1\x130\x11\x06\x03U\x04\n\x0c\nAliyun IoT\
                1\x100\x0e\x06\x03U\x04\x0b\x0c\x07Root CA1\x1b0\x19\x06\x03U\x04\x03\x0c\x12Aliyun IoT Root CA",
            range: (R1 + R6, ROOTS_PEM.to_bytes().len()),
        },
    ]
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
    fn one_by_one_they_are_the_same_and_have_their_names() {
        let all: Vec<u8> = ROOTS.iter().flat_map(Root::pem).copied().collect();
        assert_eq!(all, ROOTS_PEM.to_bytes());
        for root in &ROOTS {
            let certificates = X509::stack_from_pem(root.pem()).expect("PEM");
            assert_eq!(certificates.len(), 1);
            let subject = certificates[0].subject_name().to_der().expect("DER");
            assert_eq!(subject, root.subject);
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
