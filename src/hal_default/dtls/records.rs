//! Records, and the sieve for those that OpenSSL must not see.
//!
//! RFC 6347 4.1.2.7 wants invalid records dropped without a trace: whoever can send a datagram with
//! a forged source address could end sessions otherwise. OpenSSL 3.0 drops most of them, with
//! exceptions found by trying types, epochs and lengths. In a session: a record of the current
//! epoch that is too short to hold the cipher's nonce and tag. In a handshake: any misshapen record
//! in clear, and any fatal alert. All make it give up, so they are kept from it: misshapen records
//! here, alerts in clear by `alerts`.
//!
//! What remains possible is a *well-formed* handshake message in clear, forged while a handshake
//! runs: nothing in DTLS 1.2 tells it from a true one before the Finished messages do. The worst it
//! achieves is a failed handshake. An established session takes nothing in clear.

use std::ops::RangeInclusive;

use openssl::ssl::SslRef;

use super::alerts::Alert;

/// Layout of a record's header (RFC 6347 4.1): type, version, epoch, sequence number, length.
const VERSION: usize = 1;
const EPOCH: usize = 3;
const LENGTH: usize = 11;
const HEADER: usize = 13;

/// Content types (RFC 5246 6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// `DTLSv1.2` on the wire.
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];
/// `DTLSv1.0` on the wire: a HelloVerifyRequest carries it whatever is negotiated (RFC 6347 4.2.1).
const DTLS_1_0: [u8; 2] = [0xfe, 0xff];

/// A handshake message's header: type, length, sequence number, fragment offset, fragment length.
const MESSAGE_HEADER: usize = 12;

/// The Finished message with its header (RFC 5246 7.4.9).
const FINISHED: usize = MESSAGE_HEADER + 12;

/// Handshake messages that a client takes in clear: ServerHello, HelloVerifyRequest,
/// NewSessionTicket, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone,
/// CertificateStatus. Not HelloRequest: in a handshake it means nothing (RFC 5246 7.4.1.1).
const SERVER_MESSAGES: [u8; 8] = [2, 3, 4, 11, 12, 13, 14, 22];

/// One whole record of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    bytes: &'a [u8],
}

/// The whole records at the start of a datagram: what follows the first one whose length cannot be
/// true is not looked at.
pub(super) fn records(datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let header = rest.get(..HEADER)?;
        let length = usize::from(u16::from_be_bytes([header[LENGTH], header[LENGTH + 1]]));
        let (bytes, after) = rest.split_at_checked(HEADER + length)?;
        rest = after;
        Some(Record { bytes })
    })
}

impl<'a> Record<'a> {
    /// The record, header included.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    fn body(self) -> &'a [u8] {
        &self.bytes[HEADER..]
    }

    fn version(self) -> &'a [u8] {
        &self.bytes[VERSION..VERSION + 2]
    }

    fn epoch(self) -> u16 {
        u16::from_be_bytes([self.bytes[EPOCH], self.bytes[EPOCH + 1]])
    }

    /// Whether it claims to be part of a handshake: a message or a change of ciphers.
    pub(super) fn is_handshake(self) -> bool {
        matches!(self.bytes[0], HANDSHAKE | CHANGE_CIPHER_SPEC)
    }

    /// Whether a sealed handshake record can hold the Finished that a server repeats when our last
    /// flight was lost. An established session takes nothing else of a handshake: OpenSSL 3.0 falls
    /// back into a handshake with every message, and can end the session with the next datagram; so
    /// requests to renegotiate are best ignored, as RFC 5246 7.4.1.1 allows.
    pub(super) fn can_be_finished(self, protection: Protection) -> bool {
        self.body().len() == protection.finished
    }

    /// What kind of record it is; `None` for one that cannot be part of any session of ours. Without
    /// renegotiation the epochs are 0, in clear, and 1, sealed (RFC 6347 4.1).
    #[inline(always)] // into the one place where records are judged for a session alone
    pub(super) fn kind(self, protection: Protection) -> Option<Kind> {
        match self.epoch() {
            0 if matches!(self.version(), v if v == DTLS_1_0 || v == DTLS_1_2) => {
                match self.bytes[0] {
                    ALERT => Alert::in_clear(self.body()).map(Kind::AlertInClear),
                    CHANGE_CIPHER_SPEC => (self.body() == [1]).then_some(Kind::InClear),
                    HANDSHAKE => is_shapely_message(self.body()).then_some(Kind::InClear),
                    _ => None,
                }
            }
            1 if self.version() == DTLS_1_2 && protection.fits(self.body().len()) => {
                match self.bytes[0] {
                    HANDSHAKE => Some(Kind::SealedHandshake),
                    ALERT | APPLICATION_DATA => Some(Kind::Sealed),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// What a usable record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A handshake message or a change of ciphers, in clear.
    InClear,
    /// An alert in clear, which anyone may have sent.
    AlertInClear(Alert),
    /// A handshake message under a cipher.
    SealedHandshake,
    /// Application data or an alert under a cipher.
    Sealed,
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

/// The lengths that a cipher gives to sealed records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protection {
    shortest: usize,
    block: usize,
    /// Of the Finished message.
    finished: usize,
}

impl Protection {
    /// Explicit nonce and tag of AES-GCM and AES-CCM (RFC 5288 3, RFC 6655 3).
    const NONCE_AND_TAG: Self = Self::aead(8 + 16);
    /// The tag of ChaCha20-Poly1305, which has no explicit nonce (RFC 7905 2); the same sum for
    /// AES-CCM-8: 8 + 8.
    const SHORT_NONCE_AND_TAG: Self = Self::aead(16);

    /// While the suite is not settled: no sealed record that a handshake needs is shorter.
    pub(super) const UNSETTLED: Self = Self::NONCE_AND_TAG;

    /// Of an established session.
    pub(super) fn of(ssl: &SslRef) -> Self {
        Self::of_suite(ssl.current_cipher().map_or("", |cipher| cipher.name()))
    }

    /// By OpenSSL's name of the suite.
    fn of_suite(suite: &str) -> Self {
        if suite.contains("CCM8") || suite.contains("CHACHA20") {
            Self::SHORT_NONCE_AND_TAG
        } else if suite.contains("GCM") || suite.contains("CCM") {
            Self::NONCE_AND_TAG
        } else {
            Self::cbc(if suite.ends_with("SHA256") { 32 } else { 20 })
        }
    }

    const fn aead(overhead: usize) -> Self {
        Self {
            shortest: overhead,
            block: 1,
            finished: overhead + FINISHED,
        }
    }

    /// An explicit IV, then content, MAC and at least one byte of padding in whole blocks of AES (RFC 5246
    /// 6.2.3.2). The MAC is inside: encrypt-then-MAC is not offered.
    const fn cbc(mac: usize) -> Self {
        const BLOCK: usize = 16;
        const fn sealed(content: usize, mac: usize) -> usize {
            BLOCK + (content + mac + 1).div_ceil(BLOCK) * BLOCK
        }
        Self {
            shortest: sealed(0, mac),
            block: BLOCK,
            finished: sealed(FINISHED, mac),
        }
    }

    fn fits(self, length: usize) -> bool {
        /// The longest ciphertext (RFC 5246 6.2.3).
        const LONGEST: usize = (1 << 14) + 2048;
        let lengths: RangeInclusive<usize> = self.shortest..=LONGEST;
        lengths.contains(&length) && length.is_multiple_of(self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AEAD: Protection = Protection::NONCE_AND_TAG;

    fn record(content_type: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("length").to_be_bytes();
        let numbers = [0, epoch, 0, 0, 0, 0, 0, 1];
        [&[content_type, 0xfe, 0xfd], &numbers[..], &length, body].concat()
    }

    fn sealed(length: usize) -> Vec<u8> {
        record(23, 1, &vec![7; length])
    }

    fn kind_of(record: &[u8], protection: Protection) -> Option<Kind> {
        let mut found = records(record);
        let kind = found.next().expect("a record").kind(protection);
        assert_eq!(found.next(), None);
        kind
    }

    fn in_clear(content_type: u8, body: &[u8]) -> Option<Kind> {
        kind_of(&record(content_type, 0, body), AEAD)
    }

    #[test]
    fn a_datagram_is_cut_into_its_records() {
        let parts = [record(20, 0, &[1]), sealed(24), sealed(0), sealed(500)];
        let datagram = parts.concat();
        let found: Vec<_> = records(&datagram).map(Record::bytes).collect();
        assert_eq!(found, parts);
    }

    #[test]
    fn what_is_no_record_is_not_found() {
        for junk in [&b""[..], b"junk", &[0xff; 12], &[0xff; 1400]] {
            assert_eq!(records(junk).count(), 0);
        }
        let cut = &sealed(30)[..42];
        assert_eq!(records(cut).count(), 0);
        let datagram = [&sealed(30)[..], cut, &sealed(30)].concat();
        assert_eq!(records(&datagram).next().expect("whole").bytes().len(), 43);
    }

    #[test]
    fn ciphertexts_have_the_lengths_of_their_suite() {
        for (suite, shortest, block) in [
            ("ECDHE-ECDSA-AES128-GCM-SHA256", 24, 1),
            ("AES128-GCM-SHA256", 24, 1),
            ("ECDHE-ECDSA-AES128-CCM", 24, 1),
            ("PSK-AES128-CCM8", 16, 1),
            ("ECDHE-RSA-CHACHA20-POLY1305", 16, 1),
            ("PSK-AES128-CBC-SHA", 48, 16),
            ("AES256-SHA", 48, 16),
            ("PSK-AES128-CBC-SHA256", 64, 16),
            ("ECDHE-ECDSA-AES128-SHA256", 64, 16),
        ] {
            let protection = Protection::of_suite(suite);
            let kind = |length| kind_of(&sealed(length), protection);
            assert_eq!(kind(shortest), Some(Kind::Sealed), "{suite}");
            assert_eq!(kind(shortest - 1), None, "{suite}");
            assert_eq!(kind(shortest - block), None, "{suite}");
            assert_eq!(kind(shortest + block), Some(Kind::Sealed), "{suite}");
            assert_eq!(kind(shortest + 1).is_some(), block == 1, "{suite}");
            assert_eq!(kind((1 << 14) + 2049), None, "{suite}");
        }
    }

    #[test]
    fn a_finished_message_is_known_by_its_length() {
        for (suite, finished, hello_request) in [
            ("ECDHE-ECDSA-AES128-GCM-SHA256", 48, 36),
            ("PSK-AES128-CCM8", 40, 28),
            ("ECDHE-RSA-CHACHA20-POLY1305", 40, 28),
            ("PSK-AES128-CBC-SHA256", 80, 64),
        ] {
            let protection = Protection::of_suite(suite);
            let can_be = |length| {
                let record = record(22, 1, &vec![7; length]);
                records(&record).all(|record| record.can_be_finished(protection))
            };
            assert!(can_be(finished), "{suite}");
            assert!(!can_be(hello_request), "{suite}");
        }
        // Padded to the same length, here alone.
        assert_eq!(Protection::of_suite("AES128-SHA").finished, 64);
    }

    #[test]
    fn sealed_records_are_of_the_first_epoch_and_of_our_version() {
        assert_eq!(
            kind_of(&record(22, 1, &[7; 40]), AEAD),
            Some(Kind::SealedHandshake)
        );
        assert_eq!(kind_of(&record(21, 1, &[7; 26]), AEAD), Some(Kind::Sealed));
        assert_eq!(kind_of(&record(20, 1, &[7; 26]), AEAD), None);
        assert_eq!(kind_of(&record(24, 1, &[7; 26]), AEAD), None);
        assert_eq!(kind_of(&record(23, 2, &[7; 40]), AEAD), None);
        let mut late = sealed(40);
        late[EPOCH] = 1; // epoch 257
        assert_eq!(kind_of(&late, AEAD), None);
        let mut old = sealed(40);
        old[VERSION + 1] = 0xff;
        assert_eq!(kind_of(&old, AEAD), None);
    }

    #[test]
    fn only_known_versions_speak_in_clear() {
        let mut hello = record(22, 0, &[14, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0]);
        for (version, usable) in [
            ([0xfe, 0xfd], true),
            ([0xfe, 0xff], true),
            ([0xfe, 0xfc], false),
            ([3, 3], false),
            ([0, 0], false),
        ] {
            hello[VERSION..VERSION + 2].copy_from_slice(&version);
            assert_eq!(kind_of(&hello, AEAD).is_some(), usable, "{version:?}");
        }
    }

    #[test]
    fn records_in_clear_must_have_the_shape_of_their_type() {
        assert_eq!(in_clear(20, &[1]), Some(Kind::InClear));
        assert!(matches!(
            in_clear(21, &[2, 40]),
            Some(Kind::AlertInClear(_))
        ));
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
            assert_eq!(
                in_clear(content_type, body),
                None,
                "{content_type} {body:?}"
            );
        }
    }

    #[test]
    fn fragments_must_lie_within_record_and_message() {
        let message = |kind: u8, length: u8, offset: u8, fragment: u8, body: usize| {
            let header = [kind, 0, 0, length, 0, 0, 0, 0, offset, 0, 0, fragment];
            in_clear(22, &[&header[..], &vec![0; body]].concat()).is_some()
        };
        assert!(message(2, 70, 0, 70, 70), "whole");
        assert!(message(11, 200, 50, 100, 100), "the middle");
        assert!(message(14, 0, 0, 0, 0), "ServerHelloDone");
        assert!(message(11, 4, 0, 4, 20), "another message may follow");
        assert!(!message(11, 200, 150, 51, 51), "past the message");
        assert!(!message(11, 200, 0, 100, 99), "past the record");
        assert!(!message(0, 0, 0, 0, 0), "a HelloRequest");
        assert!(!message(1, 4, 0, 4, 4), "a ClientHello");
        assert!(!message(20, 12, 0, 12, 12), "Finished comes encrypted");
        assert_eq!(in_clear(22, &[2; 11]), None, "no whole header");
    }
}
