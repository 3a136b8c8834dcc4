//! The transport OpenSSL sees: one write is one datagram, but for flights that are repeated; a read
//! takes what the router has put aside.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::super::socket::reports_unreachable;
use super::link::Link;

/// One OpenSSL object's end of a link.
///
/// Errors of the socket never reach OpenSSL, which would call the connection dead: DTLS lives with
/// loss, and what the network reports (ICMP answers, which anyone can forge, or a missing route)
/// can pass. They are kept here, for the handshake and the session to judge.
#[derive(Debug)]
pub(super) struct Wire {
    link: Arc<Link>,
    /// Whole records that OpenSSL has not taken yet. Keeps its memory.
    inbox: Vec<u8>,
    /// The datagram that is being put together, from [`Self::gather`] to [`Self::send_gathered`].
    outbox: Option<Vec<u8>>,
    error: Option<io::Error>,
    unreachable: u32,
}

impl Wire {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            inbox: Vec::new(),
            outbox: None,
            error: None,
            unreachable: 0,
        }
    }

    /// Hands a record over.
    pub(super) fn deliver(&mut self, record: &[u8]) {
        self.inbox.extend_from_slice(record);
    }

    /// Puts what OpenSSL writes from now on into as few datagrams as the path MTU allows (RFC 6347 4.1.1).
    /// OpenSSL does so when a flight leaves for the first time; when it repeats one, it writes every message
    /// by itself, which costs a header each, and where much is lost they hardly arrive together.
    pub(super) fn gather(&mut self) {
        self.outbox = Some(Vec::new());
    }

    /// Sends what was gathered; from now on one write is one datagram again.
    pub(super) fn send_gathered(&mut self) {
        if let Some(last) = self.outbox.take().filter(|last| !last.is_empty()) {
            self.send(&last);
        }
    }

    fn send(&mut self, datagram: &[u8]) {
        match self.link.send(datagram) {
            Ok(sent) if sent == datagram.len() => {}
            Ok(_) => self.keep(io::ErrorKind::WriteZero.into()),
            Err(error) => self.keep(error),
        }
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
        if self.inbox.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // OpenSSL's buffer holds the longest record; should more have come together, the rest is
        // lost as the end of a long datagram is.
        let length = self.inbox.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.inbox[..length]);
        self.inbox.clear();
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, records: &[u8]) -> io::Result<usize> {
        let Some(mut gathered) = self.outbox.take() else {
            self.send(records);
            return Ok(records.len());
        };
        let room = usize::from(self.link.largest_datagram());
        if !gathered.is_empty() && gathered.len() + records.len() > room {
            self.send(&gathered);
            gathered.clear();
        }
        gathered.extend_from_slice(records);
        self.outbox = Some(gathered);
        Ok(records.len())
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
    fn what_was_delivered_is_read_at_once_and_only_once() {
        let (_peer, mut wire) = pair();
        let mut buffer = [0u8; 16];
        let error = wire.read(&mut buffer).expect_err("nothing yet");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        wire.deliver(b"one");
        wire.deliver(b"two");
        assert!(wire.has_mail());
        assert_eq!(wire.read(&mut buffer).expect("both"), 6);
        assert_eq!(&buffer[..6], b"onetwo");
        assert!(!wire.has_mail());
        wire.deliver(&[7; 20]);
        assert_eq!(wire.read(&mut buffer).expect("cut"), 16);
        assert!(wire.read(&mut buffer).is_err(), "the rest is gone");
        assert!(wire.take_error().is_none());
    }

    #[test]
    fn what_is_gathered_fills_datagrams_and_is_not_cut() {
        let (peer, mut wire) = pair();
        let room = usize::from(wire.link.largest_datagram());
        let mut buffer = [0u8; 2048];
        let mut receive = || peer.recv(&mut buffer).expect("a datagram");
        wire.gather();
        for length in [room - 10, 10, 1, room, 5, 6] {
            assert_eq!(wire.write(&vec![0; length]).expect("taken"), length);
        }
        wire.send_gathered();
        wire.write_all(&[0; 7]).expect("sent");
        wire.write_all(&[0; 8]).expect("sent");
        wire.gather();
        wire.send_gathered();
        wire.write_all(&[0; 9]).expect("sent");
        for expected in [room, 1, room, 11, 7, 8, 9] {
            assert_eq!(receive(), expected);
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
