//! Just enough of the record and handshake headers (RFC 6347 sections 4.1 and 4.2.2) to tell a
//! new association's ClientHello from traffic of an existing one.

const RECORD_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;
const CONTENT_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// The random value of a ClientHello: a repetition carries the same one, a restarted client another.
pub(super) type HelloRandom = [u8; 32];

/// The random of the ClientHello at the start of an unprotected (epoch 0) datagram.
pub(super) fn client_hello(datagram: &[u8]) -> Option<HelloRandom> {
    let record = datagram.get(..RECORD_HEADER)?;
    let epoch = [record[3], record[4]];
    if record[0] != CONTENT_HANDSHAKE || record[1] != 0xFE || epoch != [0, 0] {
        return None;
    }
    let handshake = datagram.get(RECORD_HEADER..RECORD_HEADER + HANDSHAKE_HEADER)?;
    let fragment_offset = &handshake[6..9];
    if handshake[0] != CLIENT_HELLO || fragment_offset != [0, 0, 0] {
        return None;
    }
    let random = RECORD_HEADER + HANDSHAKE_HEADER + 2;
    datagram.get(random..random + 32)?.try_into().ok()
}

/// Whether a ClientHello names a session to be resumed, by id or by ticket (RFC 5077).
pub(super) fn offers_session(datagram: &[u8]) -> bool {
    session_offered(datagram).unwrap_or(false)
}

fn session_offered(datagram: &[u8]) -> Option<bool> {
    const TICKET: u16 = 35;
    // Version and random come before the id.
    let rest = datagram.get(RECORD_HEADER + HANDSHAKE_HEADER + 2 + 32..)?;
    let (id, rest) = vector::<1>(rest)?;
    if !id.is_empty() {
        return Some(true);
    }
    let (_cookie, rest) = vector::<1>(rest)?;
    let (_suites, rest) = vector::<2>(rest)?;
    let (_compression, rest) = vector::<1>(rest)?;
    let (mut extensions, _) = vector::<2>(rest)?;
    while let Some((kind, rest)) = extensions.split_first_chunk() {
        let (content, rest) = vector::<2>(rest)?;
        if u16::from_be_bytes(*kind) == TICKET {
            return Some(!content.is_empty());
        }
        extensions = rest;
    }
    Some(false)
}

/// Bytes with their length, of N bytes, before them; and what follows.
fn vector<const N: usize>(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<N>()?;
    let len = len
        .iter()
        .fold(0, |len, byte| len << 8 | usize::from(*byte));
    rest.split_at_checked(len)
}

/// Epoch and sequence number, as one number, of the last record in a datagram.
pub(super) fn last_number(datagram: &[u8]) -> Option<u64> {
    let mut rest = datagram;
    let mut last = None;
    while let Some(header) = rest.first_chunk::<RECORD_HEADER>() {
        let number = header[3..11].try_into().ok()?;
        last = Some(u64::from_be_bytes(number));
        let body = usize::from(u16::from_be_bytes([header[11], header[12]]));
        rest = rest.get(RECORD_HEADER + body..).unwrap_or_default();
    }
    last
}

/// Whether the datagram has the looks of DTLS at all (RFC 6347 content types, version 0xFExx).
pub(super) fn looks_like_dtls(datagram: &[u8]) -> bool {
    datagram.len() >= RECORD_HEADER && (20..=24).contains(&datagram[0]) && datagram[1] == 0xFE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Vec<u8> {
        let mut bytes = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 46];
        bytes.extend([1, 0, 0, 34, 0, 0, 0, 0, 0, 0, 0, 34, 0xFE, 0xFD]);
        bytes.extend([7; 32]);
        bytes
    }

    #[test]
    fn finds_the_random() {
        assert_eq!(client_hello(&hello()), Some([7; 32]));
    }

    #[test]
    fn refuses_everything_else() {
        for (at, value) in [(0, 23), (1, 3), (4, 1), (13, 2), (21, 1)] {
            let mut other = hello();
            other[at] = value;
            assert_eq!(client_hello(&other), None, "byte {at}");
        }
        let whole = hello();
        for len in 0..whole.len() {
            assert_eq!(client_hello(&whole[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn finds_what_is_to_be_resumed() {
        let with = |id: &[u8], extensions: &[u8]| {
            let mut bytes = hello();
            bytes.push(id.len() as u8);
            bytes.extend(id);
            bytes.extend([2, 8, 8]); // cookie
            bytes.extend([0, 2, 0, 47, 1, 0]); // suites, compression
            bytes.extend((extensions.len() as u16).to_be_bytes());
            bytes.extend(extensions);
            bytes
        };
        let (other, empty, full) = (
            &[0, 23, 0, 0][..],
            &[0, 35, 0, 0][..],
            &[0, 35, 0, 1, 7][..],
        );
        assert!(!offers_session(&with(b"", other)));
        assert!(!offers_session(&with(b"", &[other, empty].concat())));
        assert!(offers_session(&with(b"", &[other, full].concat())));
        assert!(offers_session(&with(b"id", other)));
        // The ticket's extension comes last, so it is not found in any part.
        let whole = with(b"", full);
        for len in 0..whole.len() {
            assert!(!offers_session(&whole[..len]), "{len} bytes");
        }
    }

    #[test]
    fn numbers_the_last_record_of_a_datagram() {
        assert_eq!(last_number(&hello()), Some(0));
        let mut second = hello();
        second[4] = 1;
        second[10] = 9;
        assert_eq!(last_number(&[hello(), second].concat()), Some(1 << 48 | 9));
        assert_eq!(last_number(&hello()[..12]), None);
    }

    #[test]
    fn recognises_dtls_by_type_and_version() {
        assert!(looks_like_dtls(&hello()));
        assert!(!looks_like_dtls(&hello()[..12]));
        assert!(!looks_like_dtls(b"\x44\x02\x00\x01 a CoAP message"));
    }
}
