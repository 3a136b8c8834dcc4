//! The one socket of a session, which all its handshakes share.

use std::io;
use std::mem::size_of;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::connect::{ConnectFailure, connect};
use super::super::socket::{forget_peer, receive_now, send};

/// The smallest path MTU that is worked with: OpenSSL wants at least 256 bytes for a datagram, and
/// with IPv6 there are 48 before it.
const LEAST_PATH_MTU: u16 = 304;

/// Lengths of the headers before a datagram's payload: IPv4 or IPv6 without options, and UDP.
const IPV4_HEADER: u16 = 20;
const IPV6_HEADER: u16 = 40;
const UDP_HEADER: u16 = 8;

/// A connected socket that sends no IP fragments unless it has to.
#[derive(Debug)]
pub(super) struct Link {
    socket: UdpSocket,
    peer: SocketAddr,
    path_mtu: u16,
    warned: AtomicBool,
}

impl Link {
    /// Connects, for datagrams that fit `path_mtu` with their IP and UDP headers.
    pub(super) fn open(host: &str, port: u16, path_mtu: u16) -> Result<Self, ConnectFailure> {
        let socket = connect(host, port)?;
        let peer = socket
            .peer_addr()
            .map_err(|error| ConnectFailure::Connect(([0, 0, 0, 0], port).into(), error))?;
        let link = Self {
            socket,
            peer,
            path_mtu: path_mtu.max(LEAST_PATH_MTU),
            warned: AtomicBool::new(false),
        };
        link.fragment(Fragmentation::Never);
        Ok(link)
    }

    /// Stays the same as long as the link.
    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The longest datagram that fits the path MTU.
    pub(super) fn largest_datagram(&self) -> u16 {
        let ip = if self.peer.is_ipv4() {
            IPV4_HEADER
        } else {
            IPV6_HEADER
        };
        self.path_mtu - ip - UDP_HEADER
    }

    /// The path MTU that was asked for.
    pub(super) fn path_mtu(&self) -> u16 {
        self.path_mtu
    }

    /// Takes one datagram that is already there; `WouldBlock` when none is.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        receive_now(self.descriptor(), buffer)
    }

    /// Sends one datagram. One that fits the path MTU is never fragmented; a longer one is left to
    /// the kernel's knowledge of the path, since DTLS cannot cut application data.
    pub(super) fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        if datagram.len() <= self.largest_datagram().into() {
            return send(self.descriptor(), datagram);
        }
        if !self.warned.swap(true, Ordering::Relaxed) {
            log::warn!(
                "{}: a record of {} bytes goes beyond the path MTU of {}: it may travel as IP \
                 fragments, which many mobile networks drop",
                self.peer,
                datagram.len(),
                self.path_mtu
            );
        }
        self.fragment(Fragmentation::AsThePathNeeds);
        let sent = send(self.descriptor(), datagram);
        self.fragment(Fragmentation::Never);
        sent
    }

    /// Goes on from another port: a middlebox on the path may have forgotten this one, or drop what
    /// comes from it. The descriptor stays.
    ///
    /// Relies on Linux: a socket whose port was chosen by the kernel loses it when it is
    /// disconnected, and gets another one with the next connect; its address is chosen anew too.
    pub(super) fn take_fresh_port(&self) -> io::Result<()> {
        forget_peer(self.descriptor())?;
        self.socket.connect(self.peer)
    }

    fn fragment(&self, fragmentation: Fragmentation) {
        let (level, option, value) = match (fragmentation, self.peer.is_ipv4()) {
            (Fragmentation::Never, true) => (
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                libc::IP_PMTUDISC_PROBE,
            ),
            (Fragmentation::Never, false) => (
                libc::IPPROTO_IPV6,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_PROBE,
            ),
            (Fragmentation::AsThePathNeeds, true) => (
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                libc::IP_PMTUDISC_WANT,
            ),
            (Fragmentation::AsThePathNeeds, false) => (
                libc::IPPROTO_IPV6,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_WANT,
            ),
        };
        let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or_default();
        // SAFETY: the option takes one int, which outlives the call.
        let result = unsafe {
            libc::setsockopt(
                self.descriptor(),
                level,
                option,
                (&raw const value).cast(),
                length,
            )
        };
        if result != 0 {
            // Some kernels are built without; the datagrams are short enough all the same.
            log::debug!(
                "{}: fragmentation is not ruled: {}",
                self.peer,
                io::Error::last_os_error()
            );
        }
    }
}

/// What the kernel may do with datagrams.
#[derive(Debug, Clone, Copy)]
enum Fragmentation {
    /// "Don't fragment", regardless of what ICMP messages (easily forged) say about the path.
    Never,
    /// The kernel's way: "don't fragment" up to what it knows the path to carry, fragments beyond.
    AsThePathNeeds,
}

#[cfg(test)]
#[cfg(not(miri))] // sockets
mod tests {
    use super::super::super::socket::{Patience, wait_readable};
    use super::*;

    fn link(peer: &UdpSocket, path_mtu: u16) -> Link {
        let address = peer.local_addr().expect("address");
        Link::open(&address.ip().to_string(), address.port(), path_mtu).expect("connect")
    }

    fn source_of_next(peer: &UdpSocket) -> SocketAddr {
        peer.set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .expect("timeout");
        peer.recv_from(&mut [0; 8]).expect("a datagram").1
    }

    #[test]
    fn headers_are_counted_by_family() {
        let v4 = UdpSocket::bind("127.0.0.1:0").expect("bind");
        assert_eq!(link(&v4, 1280).largest_datagram(), 1252);
        assert_eq!(link(&v4, 0).largest_datagram(), 276, "the least");
        let v6 = UdpSocket::bind("[::1]:0").expect("bind");
        assert_eq!(link(&v6, 1280).largest_datagram(), 1232);
    }

    #[test]
    fn a_fresh_port_keeps_the_descriptor_and_the_peer() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let peer = UdpSocket::bind(host).expect("bind");
            let link = link(&peer, 1280);
            let descriptor = link.descriptor();
            link.send(b"one").expect("send");
            let first = source_of_next(&peer);
            link.take_fresh_port().expect("another port");
            link.send(b"two").expect("send");
            let second = source_of_next(&peer);
            assert_ne!(first, second, "{host}");
            assert_eq!(link.descriptor(), descriptor);
            peer.send_to(b"back", second).expect("send");
            wait_readable(descriptor, Patience::of_call(0));
            assert_eq!(link.receive(&mut [0; 8]).expect("heard"), 4);
        }
    }

    #[test]
    fn a_long_datagram_leaves_too() {
        let peer = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let link = link(&peer, 576);
        assert_eq!(link.send(&[7; 549]).expect("send"), 549);
        let mut buffer = [0; 1024];
        assert_eq!(peer.recv(&mut buffer).expect("receive"), 549);
    }
}
