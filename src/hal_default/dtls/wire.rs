//! The transport OpenSSL sees: one write is one datagram, but for flights that are repeated; a read takes one
//! record of those that the router has put aside.

use std::io;
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
    /// Whether what OpenSSL writes is put together, from [`Self::gather`] to [`Self::send_gathered`].
    gathers: bool,
    /// The datagram that is being put together.
    outbox: Vec<u8>,
    error: Option<io::Error>,
    unreachable: u32,
}

impl Wire {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            inbox: Vec::new(),
            next: 0,
            gathers: false,
            outbox: Vec::new(),
            error: None,
            unreachable: 0,
        }
    }

    /// Hands a record over.
    pub(super) fn deliver(&mut self, record: Record<'_>) {
        if !self.has_mail() {
            self.inbox.clear();
            self.next = 0;
        }
        self.inbox.extend_from_slice(record.bytes());
    }

    /// Puts what OpenSSL writes from now on into as few datagrams as the path MTU allows (RFC 6347 4.1.1).
    /// OpenSSL does so when a flight leaves for the first time; when it repeats one, it writes every message
    /// by itself, which costs a header each, and where much is lost they hardly arrive together.
    pub(super) fn gather(&mut self) {
        self.gathers = true;
    }

    /// Sends what was gathered; from now on one write is one datagram again.
    #[inline(always)]
    pub(super) fn send_gathered(&mut self) {
        self.gathers = false;
        if !self.outbox.is_empty() {
            let last = std::mem::take(&mut self.outbox);
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
        self.next < self.inbox.len()
    }

    /// Gives OpenSSL the next record. One by one, so that it keeps none, and need not be asked whether it does.
    pub(super) fn next_record(&mut self) -> Option<&[u8]> {
        let record = records(self.inbox.get(self.next..)?).next()?.bytes();
        self.next += record.len();
        Some(record)
    }

    /// Takes a datagram from OpenSSL.
    pub(super) fn write(&mut self, records: &[u8]) {
        if self.gathers {
            self.add_to_gathered(records);
        } else {
            self.send(records);
        }
    }

    #[cold]
    fn add_to_gathered(&mut self, records: &[u8]) {
        let room = usize::from(self.link.largest_datagram());
        if !self.outbox.is_empty() && self.outbox.len() + records.len() > room {
            let full = std::mem::take(&mut self.outbox);
            self.send(&full);
        }
        self.outbox.extend_from_slice(records);
    }

    /// Gives the memory back that the flights of a handshake took; a session's records are shorter.
    pub(super) fn end_handshake(&mut self) {
        if !self.has_mail() {
            self.inbox = Vec::new();
            self.next = 0;
        }
    }

    /// Whether there is an error to [take](Self::take_error).
    pub(super) fn has_error(&self) -> bool {
        self.error.is_some()
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
    fn records_are_taken_one_by_one_and_only_once() {
        let (_peer, mut wire) = pair();
        let record = |length: u8| {
            let header = [23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, length];
            [&header[..], &vec![length; length.into()]].concat()
        };
        let deliver = |wire: &mut Wire, lengths: &[u8]| {
            let datagram: Vec<u8> = lengths.iter().flat_map(|&length| record(length)).collect();
            records(&datagram).for_each(|record| wire.deliver(record));
        };
        assert_eq!(wire.next_record(), None);
        for _ in 0..2 {
            deliver(&mut wire, &[1, 20]);
            assert_eq!(wire.next_record(), Some(&record(1)[..]));
            deliver(&mut wire, &[3]);
            for length in [20, 3] {
                assert!(wire.has_mail());
                assert_eq!(wire.next_record(), Some(&record(length)[..]));
            }
            assert!(!wire.has_mail());
            assert_eq!(wire.next_record(), None);
        }
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
            wire.write(&vec![0; length]);
        }
        wire.send_gathered();
        wire.write(&[0; 7]);
        wire.write(&[0; 8]);
        wire.gather();
        wire.send_gathered();
        wire.write(&[0; 9]);
        for expected in [room, 1, room, 11, 7, 8, 9] {
            assert_eq!(receive(), expected);
        }
        assert!(wire.take_error().is_none());
    }

    #[test]
    fn a_refusal_is_counted_and_hidden_from_openssl() {
        let (peer, mut wire) = pair();
        drop(peer);
        wire.write(b"hello");
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
        wire.write(&[0; 70_000]);
        assert!(wire.take_error().is_some());
        assert_eq!(wire.unreachable(), 0);
    }
}
