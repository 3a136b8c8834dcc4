//! The transport OpenSSL sees: one write is one datagram, one read takes one datagram that is
//! already there.

use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use super::super::socket::{receive_now, reports_unreachable, send};
use super::records::{DURING_HANDSHAKE, usable_prefix};

/// Unusable datagrams passed over in one read, so that a flood of them does not hold the reader.
const UNUSABLE_IN_A_ROW: u32 = 16;

/// A connected socket as a datagram stream.
///
/// Errors of the socket never reach OpenSSL, which would call the connection dead: DTLS lives with
/// loss, and what the network reports (ICMP answers, which anyone can forge, or a missing route)
/// can pass. They are kept here, for the handshake and the session to judge.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: Arc<UdpSocket>,
    error: Option<io::Error>,
    unreachable: u32,
    heard: bool,
    shortest_ciphertext: usize,
}

impl Datagrams {
    pub(super) fn new(socket: Arc<UdpSocket>) -> Self {
        Self {
            socket,
            error: None,
            unreachable: 0,
            heard: false,
            shortest_ciphertext: DURING_HANDSHAKE,
        }
    }

    /// Settles the shortest ciphertext to let through, once the suite is known.
    pub(super) fn set_shortest_ciphertext(&mut self, length: usize) {
        self.shortest_ciphertext = length;
    }

    /// The last error since the previous call.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// How often the network has said that the peer cannot be reached.
    pub(super) fn unreachable(&self) -> u32 {
        self.unreachable
    }

    /// Whether any record has come from the peer.
    pub(super) fn heard(&self) -> bool {
        self.heard
    }

    fn keep(&mut self, error: io::Error) {
        if reports_unreachable(&error) {
            self.unreachable = self.unreachable.saturating_add(1);
        }
        self.error = Some(error);
    }
}

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..UNUSABLE_IN_A_ROW {
            match receive_now(self.socket.as_raw_fd(), buffer) {
                Ok(length) => {
                    // An empty datagram would be the end of the connection to OpenSSL, and anyone
                    // can send one.
                    let usable = usable_prefix(&buffer[..length], self.shortest_ciphertext);
                    if usable > 0 {
                        self.heard = true;
                        return Ok(usable);
                    }
                }
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.keep(error);
                    }
                    break;
                }
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        match send(self.socket.as_raw_fd(), datagram) {
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

    fn pair() -> (UdpSocket, Datagrams) {
        let peer = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket
            .connect(peer.local_addr().expect("address"))
            .expect("connect");
        peer.connect(socket.local_addr().expect("address"))
            .expect("connect");
        (peer, Datagrams::new(Arc::new(socket)))
    }

    /// A record as long as this, header included.
    fn record(length: u8) -> Vec<u8> {
        let body = length - 13;
        let mut record = vec![23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, body];
        record.extend(vec![7; body.into()]);
        record
    }

    #[test]
    fn borders_of_datagrams_are_kept() {
        let (peer, mut datagrams) = pair();
        peer.send(&record(40)).expect("send");
        peer.send(&[record(50), record(60)].concat()).expect("send");
        let mut buffer = [0u8; 128];
        assert!(!datagrams.heard());
        assert_eq!(datagrams.read(&mut buffer).expect("first"), 40);
        assert_eq!(datagrams.read(&mut buffer).expect("second"), 110);
        assert!(datagrams.heard());
        let error = datagrams.read(&mut buffer).expect_err("nothing more");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(datagrams.take_error().is_none());
    }

    #[test]
    fn datagrams_without_a_record_are_passed_over() {
        let (peer, mut datagrams) = pair();
        peer.send(b"").expect("send");
        peer.send(b"junk").expect("send");
        peer.send(&record(40)).expect("send");
        assert_eq!(datagrams.read(&mut [0u8; 64]).expect("the record"), 40);
    }

    #[test]
    fn a_flood_of_junk_does_not_hold_the_reader() {
        let (peer, mut datagrams) = pair();
        for _ in 0..UNUSABLE_IN_A_ROW {
            peer.send(b"junk").expect("send");
        }
        peer.send(&record(40)).expect("send");
        let error = datagrams.read(&mut [0u8; 64]).expect_err("a break");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!datagrams.heard());
        assert_eq!(datagrams.read(&mut [0u8; 64]).expect("the record"), 40);
    }

    #[test]
    fn a_refusal_is_counted_and_hidden_from_openssl() {
        let (peer, mut datagrams) = pair();
        drop(peer);
        assert_eq!(datagrams.write(b"hello").expect("sent"), 5);
        let error = datagrams.read(&mut [0u8; 64]).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(datagrams.unreachable(), 1);
        let kept = datagrams.take_error().expect("kept");
        assert_eq!(kept.kind(), io::ErrorKind::ConnectionRefused);
        assert!(datagrams.take_error().is_none());
    }

    #[test]
    fn a_datagram_that_cannot_be_sent_is_reported_aside() {
        let (_peer, mut datagrams) = pair();
        assert_eq!(
            datagrams.write(&[0; 70_000]).expect("counts as lost"),
            70_000
        );
        assert!(datagrams.take_error().is_some());
        assert_eq!(datagrams.unreachable(), 0);
    }
}
