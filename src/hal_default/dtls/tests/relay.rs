//! A relay between client and server that loses and forges datagrams.

use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;

use super::server::PATIENCE;

/// Where a datagram comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Client,
    Server,
}

/// A relay in a thread; stopped on drop.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    control: UdpSocket,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Relays to `server`. `policy` gives the datagrams to pass on in place of each one.
    pub(super) fn start(
        server: SocketAddr,
        mut policy: impl FnMut(From, &[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let address = socket.local_addr().expect("address");
        let control = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let controller = control.local_addr().expect("address");
        let thread = std::thread::spawn(move || {
            let mut client = None;
            let mut buffer = [0u8; 4096];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).expect("traffic");
                if from == controller {
                    return;
                }
                let (side, to) = if from == server {
                    (From::Server, client)
                } else {
                    client = Some(from);
                    (From::Client, Some(server))
                };
                let Some(to) = to else { continue };
                for datagram in policy(side, &buffer[..length]) {
                    socket.send_to(&datagram, to).expect("send");
                }
            }
        });
        Self {
            address,
            control,
            thread: Some(thread),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.control.send_to(b"stop", self.address).expect("send");
        let result = self.thread.take().expect("running").join();
        if !std::thread::panicking() {
            result.expect("the relay's policy holds");
        }
    }
}
