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
    fn recognises_dtls_by_type_and_version() {
        assert!(looks_like_dtls(&hello()));
        assert!(!looks_like_dtls(&hello()[..12]));
        assert!(!looks_like_dtls(b"\x44\x02\x00\x01 a CoAP message"));
    }
}
