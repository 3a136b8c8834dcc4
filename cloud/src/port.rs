//! A UDP socket and the thread that serves it.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::faults::{Goodbye, Memory};

/// Where datagrams go out. Servers know nothing else of the network, so what loses, repeats or delays
/// datagrams can stand in its place.
pub(crate) trait Wire: Send + Sync {
    /// Sends one datagram. A datagram that cannot be sent is a lost datagram.
    fn send(&self, to: SocketAddr, datagram: &[u8]);
}

/// A server of one port: fed with datagrams and with the time.
pub(crate) trait Server {
    /// Takes one datagram.
    fn datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]);
    /// When [`expire`](Self::expire) wants to be called next.
    fn deadline(&self) -> Option<Instant>;
    /// Does what is due.
    fn expire(&mut self, now: Instant);
    /// Does what the cloud is told from outside.
    fn obey(&mut self, now: Instant, command: &Command);
    /// Says good-bye to the peers.
    fn close(&mut self) {}
}

/// What a server can be told while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Behave as if the process had been restarted.
    Restart(Memory),
    /// End all DTLS sessions.
    EndSessions(Goodbye),
}

/// A command on its way to a port's thread.
struct Order {
    command: Command,
    /// Dropped when the command has been obeyed, or never will be.
    _done: Sender<()>,
}

/// Gives commands to the server of a port.
pub(crate) struct Remote {
    orders: Sender<Order>,
    waker: UdpSocket,
}

impl Remote {
    /// Has the command obeyed after the datagram in work, if any. Receiving from what is returned
    /// waits for that; the port's own thread must not.
    pub(crate) fn order(&self, command: Command) -> Receiver<()> {
        let (done, wait) = channel();
        let order = Order {
            command,
            _done: done,
        };
        // A port whose thread has ended obeys no more; the order is dropped, and nobody waits.
        if self.orders.send(order).is_ok() {
            self.wake();
        }
        wait
    }

    fn wake(&self) {
        // Should it get lost, the receive queue was full and the thread is awake anyhow.
        if let Err(error) = self.waker.send(&[]) {
            log::debug!("waking up the port's thread: {error}");
        }
    }
}

/// The wire of a real socket.
pub(crate) struct SocketWire(UdpSocket);

impl Wire for SocketWire {
    fn send(&self, to: SocketAddr, datagram: &[u8]) {
        if let Err(error) = self.0.send_to(datagram, to) {
            log::warn!(
                "datagram of {} bytes to {to} not sent: {error}",
                datagram.len()
            );
        }
    }
}

/// Largest UDP payload.
const MAX_DATAGRAM: usize = 65_535;
/// A socket that fails this often in a row is broken for good.
const MAX_ERRORS: u32 = 100;

/// A bound socket that is not being served yet.
pub(crate) struct Port {
    socket: UdpSocket,
    pub(crate) address: SocketAddr,
}

/// A port being served. Dropping it stops the thread and waits for its end.
pub(crate) struct RunningPort {
    pub(crate) address: SocketAddr,
    pub(crate) remote: Arc<Remote>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot bind UDP {address}: {error}"))
        })?;
        let address = socket.local_addr()?;
        Ok(Port { socket, address })
    }

    pub(crate) fn wire(&self) -> io::Result<Arc<SocketWire>> {
        Ok(Arc::new(SocketWire(self.socket.try_clone()?)))
    }

    /// Serves the port on a thread of its own.
    pub(crate) fn run<S>(self, name: &str, mut server: S) -> io::Result<RunningPort>
    where
        S: Server + Send + 'static,
    {
        let address = self.address;
        let local = reachable(address);
        let waker = UdpSocket::bind((local.ip(), 0))?;
        waker.connect(local)?;
        let wakes = waker.local_addr()?;
        let (orders, inbox) = channel();
        let remote = Arc::new(Remote { orders, waker });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                serve(&self.socket, &mut server, &stopped, wakes, &inbox);
            })?;
        Ok(RunningPort {
            address,
            remote,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for RunningPort {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.remote.wake();
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            log::error!("the thread of port {} panicked", self.address);
        }
    }
}

/// An address by which this host can send to a socket bound to `address`.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn serve<S: Server>(
    socket: &UdpSocket,
    server: &mut S,
    stop: &AtomicBool,
    wakes: SocketAddr,
    inbox: &Receiver<Order>,
) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut timeout = None;
    let mut errors = 0;
    while !stop.load(Ordering::Acquire) {
        let wanted = server.deadline().map(|deadline| {
            // Zero would mean "for ever"; a millisecond late is early enough.
            deadline
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1))
        });
        if wanted != timeout && socket.set_read_timeout(wanted).is_ok() {
            timeout = wanted;
        }
        match socket.recv_from(&mut buffer) {
            Ok((_, from)) if from == wakes => {}
            Ok((len, from)) => {
                errors = 0;
                server.datagram(Instant::now(), from, &buffer[..len]);
            }
            Err(error) if is_timeout(error.kind()) => errors = 0,
            Err(error) => {
                log::warn!("receiving: {error}");
                errors += 1;
                if errors == MAX_ERRORS {
                    log::error!("the socket keeps failing; this port is closed");
                    break;
                }
            }
        }
        let now = Instant::now();
        for order in inbox.try_iter() {
            server.obey(now, &order.command);
        }
        if server.deadline().is_some_and(|deadline| deadline <= now) {
            server.expire(now);
        }
    }
    server.close();
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
