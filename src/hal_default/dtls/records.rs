//! A sieve for datagrams that OpenSSL must not see.
//!
//! RFC 6347 4.1.2.7 wants invalid records dropped without a trace: whoever can send a datagram with
//! a forged source address could end sessions otherwise. OpenSSL 3.0 drops most of them, with two
//! exceptions, found by trying types, epochs and lengths: in a session, a record of the current
//! epoch that is too short to hold the cipher's nonce and tag; in a handshake, any misshapen record
//! in clear. Both make it give up, so they are cut off here.
//!
//! What remains possible is a *well-formed* handshake message or alert in clear, forged while a
//! handshake runs: nothing in DTLS 1.2 tells it from a true one. An established session ignores
//! everything in clear.

use openssl::ssl::SslRef;

/// Layout of a record's header (RFC 6347 4.1): type, version, epoch, sequence number, length.
const EPOCH: usize = 3;
const LENGTH: usize = 11;
const HEADER: usize = 13;

/// Content types (RFC 5246 6.2.1) that a server sends in clear.
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// Levels of an alert (RFC 5246 7.2).
const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// A handshake message's header: type, length, sequence number, fragment offset, fragment length.
const MESSAGE_HEADER: usize = 12;

/// Handshake messages that a server sends in clear: HelloRequest, ServerHello, HelloVerifyRequest,
/// NewSessionTicket, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone,
/// CertificateStatus.
const SERVER_MESSAGES: [u8; 9] = [0, 2, 3, 4, 11, 12, 13, 14, 22];

/// Explicit nonce and tag of AES-GCM and AES-CCM (RFC 5288 3, RFC 6655 3); tag of ChaCha20-Poly1305
/// (RFC 7905 2), which has no explicit nonce; the same sum for AES-CCM-8, 8 + 8. With CBC OpenSSL
/// needs no help.
const NONCE_AND_TAG: usize = 8 + 16;
const SHORT_NONCE_AND_TAG: usize = 16;

/// The shortest ciphertext while the suite is not settled: no encrypted record that a handshake
/// needs is shorter.
pub(super) const DURING_HANDSHAKE: usize = NONCE_AND_TAG;

/// The shortest ciphertext of an established session.
pub(super) fn shortest_ciphertext(ssl: &SslRef) -> usize {
    let suite = ssl.current_cipher().map_or("", |cipher| cipher.name());
    if suite.contains("CCM8") || suite.contains("CHACHA20") {
        SHORT_NONCE_AND_TAG
    } else {
        NONCE_AND_TAG
    }
}

/// The length of the part of a datagram that OpenSSL may see: whole records, none misshapen.
pub(super) fn usable_prefix(datagram: &[u8], shortest_ciphertext: usize) -> usize {
    let mut end = 0;
    while let Some(header) = datagram.get(end..end + HEADER) {
        let length = usize::from(u16::from_be_bytes([header[LENGTH], header[LENGTH + 1]]));
        let body_at = end + HEADER;
        let Some(body) = datagram.get(body_at..body_at + length) else {
            break;
        };
        let encrypted = header[EPOCH..EPOCH + 2] != [0, 0];
        let shapely = if encrypted {
            length >= shortest_ciphertext
        } else {
            is_shapely_in_clear(header[0], body)
        };
        if !shapely {
            break;
        }
        end = body_at + length;
    }
    end
}

/// Whether a record in clear can be part of a server's handshake.
fn is_shapely_in_clear(content_type: u8, body: &[u8]) -> bool {
    match content_type {
        CHANGE_CIPHER_SPEC => body == [1],
        ALERT => matches!(body, [WARNING | FATAL, _]),
        HANDSHAKE => is_shapely_message(body),
        _ => false,
    }
}

/// Whether a handshake message's fragment lies within its record and its message (RFC 6347 4.2.2).
fn is_shapely_message(body: &[u8]) -> bool {
    let Some((header, fragment)) = body.split_at_checked(MESSAGE_HEADER) else {
        return false;
    };
    let number = |at: usize| u32::from_be_bytes([0, header[at], header[at + 1], header[at + 2]]);
    let (length, fragment_offset, fragment_length) = (number(1), number(6), number(9));
    SERVER_MESSAGES.contains(&header[0])
        && fragment_offset + fragment_length <= length
        && fragment_length as usize <= fragment.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content_type: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("length").to_be_bytes();
        let header = [
            content_type,
            0xfe,
            0xfd,
            0,
            epoch,
            0,
            0,
            0,
            0,
            0,
            1,
            length[0],
            length[1],
        ];
        [&header[..], body].concat()
    }

    fn sealed(length: usize) -> Vec<u8> {
        record(23, 1, &vec![7; length])
    }

    fn passes_in_clear(content_type: u8, body: &[u8]) -> bool {
        let record = record(content_type, 0, body);
        match usable_prefix(&record, 24) {
            0 => false,
            whole => {
                assert_eq!(whole, record.len());
                true
            }
        }
    }

    #[test]
    fn whole_records_pass() {
        let datagram = [record(20, 0, &[1]), sealed(24), sealed(500)].concat();
        assert_eq!(usable_prefix(&datagram, 24), datagram.len());
        assert_eq!(usable_prefix(&sealed(16), 16), 29);
    }

    #[test]
    fn a_datagram_ends_at_its_first_short_ciphertext() {
        assert_eq!(usable_prefix(&sealed(23), 24), 0);
        assert_eq!(usable_prefix(&sealed(15), 16), 0);
        let datagram = [sealed(24), sealed(1), sealed(24)].concat();
        assert_eq!(usable_prefix(&datagram, 24), 13 + 24);
    }

    #[test]
    fn every_epoch_but_the_first_is_encrypted() {
        let mut late = record(20, 0, &[1]);
        late[EPOCH] = 1; // epoch 256
        assert_eq!(usable_prefix(&late, 24), 0);
    }

    #[test]
    fn what_is_no_record_does_not_pass() {
        for junk in [&b""[..], b"junk", &[0xff; 12], &[0xff; 1400]] {
            assert_eq!(usable_prefix(junk, 24), 0);
        }
        let cut = &sealed(30)[..42];
        assert_eq!(usable_prefix(cut, 24), 0);
        let datagram = [&sealed(30)[..], cut].concat();
        assert_eq!(usable_prefix(&datagram, 24), 43);
    }

    #[test]
    fn records_in_clear_must_have_the_shape_of_their_type() {
        assert!(passes_in_clear(20, &[1]));
        assert!(passes_in_clear(21, &[1, 0]));
        assert!(passes_in_clear(21, &[2, 40]));
        for (content_type, body) in [
            (20, &[][..]),
            (20, &[2]),
            (20, &[1, 1]),
            (21, &[2]),
            (21, &[3, 40]),
            (21, &[2, 40, 0]),
            (23, b"data"),
            (24, &[1, 0, 0]),
            (0, &[]),
        ] {
            assert!(
                !passes_in_clear(content_type, body),
                "{content_type} {body:?}"
            );
        }
    }

    #[test]
    fn fragments_must_lie_within_record_and_message() {
        let message = |kind: u8, length: u8, offset: u8, fragment: u8, body: usize| {
            let header = [kind, 0, 0, length, 0, 0, 0, 0, offset, 0, 0, fragment];
            passes_in_clear(22, &[&header[..], &vec![0; body]].concat())
        };
        assert!(message(2, 70, 0, 70, 70), "whole");
        assert!(message(11, 200, 50, 100, 100), "the middle");
        assert!(message(14, 0, 0, 0, 0), "ServerHelloDone");
        assert!(message(11, 4, 0, 4, 20), "another message may follow");
        assert!(!message(11, 200, 150, 51, 51), "past the message");
        assert!(!message(11, 200, 0, 100, 99), "past the record");
        assert!(!message(1, 4, 0, 4, 4), "a ClientHello");
        assert!(!message(20, 12, 0, 12, 12), "Finished comes encrypted");
        assert!(!passes_in_clear(22, &[2; 11]), "no whole header");
    }
}
