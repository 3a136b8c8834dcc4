//! A relay between client and server that loses and forges datagrams, and can move like a NAT.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
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

const STOP: &[u8] = b"stop";
const REBIND: &[u8] = b"rebind";

impl Relay {
    /// Relays to `server`. `policy` gives the datagrams to pass on in place of each one.
    pub(super) fn start(
        server: SocketAddr,
        mut policy: impl FnMut(From, &[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        Self::start_by_port(server, move |from, _, datagram| policy(from, datagram))
    }

    /// The same, for policies that tell the client's ports apart.
    pub(super) fn start_by_port(
        server: SocketAddr,
        mut policy: impl FnMut(From, u16, &[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = front.local_addr().expect("address");
        let control = UdpSocket::bind("127.0.0.1:0").expect("bind");
        control.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let controller = control.local_addr().expect("address");
        let thread = std::thread::spawn(move || {
            let outside = || {
                let back = UdpSocket::bind("127.0.0.1:0").expect("bind");
                back.connect(server).expect("connect");
                back
            };
            let mut back = outside();
            let mut client: Option<SocketAddr> = None;
            let mut buffer = [0u8; 20_000];
            loop {
                if wait_for_either(&front, &back) == From::Server {
                    // A server that is not there is as good as a silent one.
                    let Ok(length) = back.recv(&mut buffer) else {
                        continue;
                    };
                    let Some(client) = client else { continue };
                    for datagram in policy(From::Server, client.port(), &buffer[..length]) {
                        front.send_to(&datagram, client).expect("send");
                    }
                    continue;
                }
                let (length, from) = match front.recv_from(&mut buffer) {
                    Ok(received) => received,
                    // The client is gone.
                    Err(_) => continue,
                };
                if from == controller {
                    if &buffer[..length] == STOP {
                        return;
                    }
                    back = outside();
                    front.send_to(REBIND, controller).expect("send");
                    continue;
                }
                client = Some(from);
                for datagram in policy(From::Client, from.port(), &buffer[..length]) {
                    // Fails with what the network said about the datagram before.
                    if back.send(&datagram).is_err() {
                        let _ = back.send(&datagram);
                    }
                }
            }
        });
        Self {
            address,
            control,
            thread: Some(thread),
        }
    }

    /// Goes on from another port towards the server, as a NAT does that has forgotten its mapping.
    pub(super) fn rebind(&self) {
        self.control.send_to(REBIND, self.address).expect("send");
        self.control.recv(&mut [0; 16]).expect("done");
    }
}

/// The side on which there is something to receive.
fn wait_for_either(front: &UdpSocket, back: &UdpSocket) -> From {
    let entry = |socket: &UdpSocket| libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut entries = [entry(front), entry(back)];
    let patience = libc::c_int::try_from(PATIENCE.as_millis()).expect("milliseconds");
    // SAFETY: two valid entries.
    let ready = unsafe { libc::poll(entries.as_mut_ptr(), 2, patience) };
    assert!(ready > 0, "traffic");
    if entries[0].revents != 0 {
        From::Client
    } else {
        From::Server
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.control.send_to(STOP, self.address).expect("send");
        let result = self.thread.take().expect("running").join();
        if !std::thread::panicking() {
            result.expect("the relay's policy holds");
        }
    }
}
