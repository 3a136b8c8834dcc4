//! The transport OpenSSL sees: one write is one datagram; a read takes what the router has put
//! aside.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::super::socket::reports_unreachable;
use super::link::Link;
use super::records::{Record, records};

/// One OpenSSL object's end of a link.
///
/// Errors of the socket never reach OpenSSL, which would call the connection dead: DTLS lives with
/// loss, and what the network reports (ICMP answers, which anyone can forge, or a missing route)
/// can pass. They are kept here, for the handshake and the session to judge.
#[derive(Debug)]
pub(super) struct Wire {
    link: Arc<Link>,
    /// Whole records. Keeps its memory.
    inbox: Vec<u8>,
    /// Where those begin that OpenSSL has not taken yet.
    next: usize,
    error: Option<io::Error>,
    unreachable: u32,
}

impl Wire {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            inbox: Vec::new(),
            next: 0,
            error: None,
            unreachable: 0,
        }
    }

    /// Hands a record over.
    pub(super) fn deliver(&mut self, record: Record<'_>) {
        self.inbox.extend_from_slice(record.bytes());
    }

    /// Whether OpenSSL has records to take.
    pub(super) fn has_mail(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Gives the memory back that the flights of a handshake took; a session's records are shorter.
    pub(super) fn end_handshake(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = Vec::new();
        }
    }

    /// The last error since the previous call.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// How often the network has said that the peer cannot be reached.
    pub(super) fn unreachable(&self) -> u32 {
        self.unreachable
    }

    /// Notes an error of the socket.
    pub(super) fn keep(&mut self, error: io::Error) {
        if reports_unreachable(&error) {
            self.unreachable = self.unreachable.saturating_add(1);
        }
        self.error = Some(error);
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One by one, so that none is left in OpenSSL, where one would have to ask for it.
        let Some(record) = records(&self.inbox[self.next..]).next() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        // OpenSSL's buffer holds the longest record.
        let record = record.bytes();
        let length = record.len().min(buffer.len());
        buffer[..length].copy_from_slice(&record[..length]);
        self.next += record.len();
        if self.next == self.inbox.len() {
            self.inbox.clear();
            self.next = 0;
        }
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        match self.link.send(datagram) {
            Ok(sent) if sent == datagram.len() => {}
            Ok(_) => self.keep(io::ErrorKind::WriteZero.into()),
            Err(error) => self.keep(error),
        }
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(not(miri))] // sockets
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn pair() -> (UdpSocket, Wire) {
        let peer = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let port = peer.local_addr().expect("address").port();
        let link = Link::open("127.0.0.1", port, 1280).expect("connect");
        (peer, Wire::new(Arc::new(link)))
    }

    #[test]
    fn records_are_read_one_by_one_and_only_once() {
        const LONG: usize = 13 + 20;
        let (_peer, mut wire) = pair();
        let record = |length: u8| {
            let header = [23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, length];
            [&header[..], &vec![length; length.into()]].concat()
        };
        let mut buffer = [0u8; LONG - 1];
        let error = wire.read(&mut buffer).expect_err("nothing yet");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        for _ in 0..2 {
            let datagram = [record(1), record(2), record(20)].concat();
            records(&datagram).for_each(|record| wire.deliver(record));
            for length in [1, 2] {
                assert!(wire.has_mail());
                let expected = record(length);
                assert_eq!(wire.read(&mut buffer).expect("a record"), expected.len());
                assert_eq!(&buffer[..expected.len()], expected);
            }
            assert_eq!(wire.read(&mut buffer).expect("cut"), LONG - 1);
            assert!(!wire.has_mail());
            assert!(wire.read(&mut buffer).is_err(), "the rest is gone");
        }
        assert!(wire.take_error().is_none());
    }

    #[test]
    fn a_refusal_is_counted_and_hidden_from_openssl() {
        let (peer, mut wire) = pair();
        drop(peer);
        assert_eq!(wire.write(b"hello").expect("sent"), 5);
        let refusal = wire.link.receive(&mut [0; 8]).expect_err("refused");
        wire.keep(refusal);
        assert_eq!(wire.unreachable(), 1);
        let kept = wire.take_error().expect("kept");
        assert_eq!(kept.kind(), io::ErrorKind::ConnectionRefused);
        assert!(wire.take_error().is_none());
    }

    #[test]
    fn a_datagram_that_cannot_be_sent_is_reported_aside() {
        let (_peer, mut wire) = pair();
        assert_eq!(wire.write(&[0; 70_000]).expect("counts as lost"), 70_000);
        assert!(wire.take_error().is_some());
        assert_eq!(wire.unreachable(), 0);
    }
}
