//! What the devices stand on: sockets that never block, and the default HAL's DTLS sessions.

use iotx_coap::client::{
    ConnectError, ConnectRequest, Platform, Received, Renewal, ResumableSession, Security,
    SendFailed, Transport,
};
use iotx_coap::coap::Instant;
use iotx_coap::hal::HalTransport;
use iotx_coap::hal::dtls::{DtlsOptions, DtlsSession};
use iotx_coap::hal::random;
use std::ffi::CString;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

/// So many devices share a local address: Linux gives out some 28,000 ports per address by itself.
const PER_ADDRESS: u32 = 20_000;

/// What one device asks of the world.
pub(crate) struct SwarmPlatform {
    /// The same for all devices of a process, so that their deadlines compare.
    pub(crate) start: std::time::Instant,
    /// Where the cloud is.
    pub(crate) cloud: SocketAddr,
    /// Whom a DTLS server must be certified by.
    pub(crate) ca: Arc<CString>,
    /// Number among all devices.
    pub(crate) device: u32,
}

impl SwarmPlatform {
    /// The local address for a device: another one of the loopback net for every [`PER_ADDRESS`].
    fn local(&self) -> SocketAddr {
        let ip = match self.cloud.ip() {
            IpAddr::V4(ip) if ip.is_loopback() => {
                let net = u32::from(Ipv4Addr::new(127, 0, 1, 0));
                IpAddr::V4(Ipv4Addr::from(net + 1 + self.device / PER_ADDRESS))
            }
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        SocketAddr::new(ip, 0)
    }

    fn socket(&self) -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind(self.local())?;
        socket.connect(self.cloud)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    fn session(&self, request: &ConnectRequest<'_>) -> Option<DtlsSession> {
        let host = CString::new(request.endpoint.host.as_str()).ok()?;
        let mut options = DtlsOptions::new(&host, request.endpoint.port, &self.ca);
        options.resume = request.resume.map(ResumableSession::as_bytes);
        options.path_mtu = request.path_mtu;
        options.handshake_bound = request.handshake_bound;
        DtlsSession::create(options).ok()
    }
}

impl Platform for SwarmPlatform {
    type Transport = SwarmTransport;

    fn now(&self) -> Instant {
        let elapsed = self.start.elapsed().as_millis();
        Instant::from_millis(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn random(&self) -> u32 {
        random::next_u32()
    }

    fn connect(&self, request: &ConnectRequest<'_>) -> Result<SwarmTransport, ConnectError> {
        match request.endpoint.security {
            Security::Plain | Security::Symmetric => self
                .socket()
                .map(SwarmTransport::Udp)
                .map_err(|_| ConnectError),
            Security::Dtls => self
                .session(request)
                .map(|session| SwarmTransport::Dtls(HalTransport::Dtls(session)))
                .ok_or(ConnectError),
        }
    }
}

/// One device's connection.
pub(crate) enum SwarmTransport {
    /// A socket of its own.
    Udp(UdpSocket),
    /// A session of the default HAL.
    Dtls(HalTransport),
}

impl SwarmTransport {
    const fn dtls(&self) -> Option<&HalTransport> {
        match self {
            Self::Udp(_) => None,
            Self::Dtls(session) => Some(session),
        }
    }
}

impl Transport for SwarmTransport {
    fn send(&self, datagram: &[u8]) -> Result<(), SendFailed> {
        match self {
            // A full send buffer is a loss like others; an ICMP error that is reported here is not this datagram's.
            Self::Udp(socket) => match socket.send(datagram) {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
                Err(_) => Err(SendFailed),
            },
            Self::Dtls(session) => session.send(datagram),
        }
    }

    fn receive(&self, buffer: &mut [u8], timeout: Duration) -> Received {
        match self {
            Self::Udp(socket) => {
                if !timeout.is_zero() {
                    wait_readable(socket, timeout);
                }
                match socket.recv(buffer) {
                    Ok(len) => Received::Datagram(len),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Received::Nothing,
                    Err(_) => Received::Failed,
                }
            }
            Self::Dtls(session) => session.receive(buffer, timeout),
        }
    }

    fn renew(&self) -> Renewal {
        self.dtls()
            .map_or(Renewal::Unsupported, HalTransport::renew)
    }

    fn cancel_renewal(&self) {
        if let Some(session) = self.dtls() {
            session.cancel_renewal();
        }
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.dtls()?.next_timeout()
    }

    fn resumable(&self) -> Option<ResumableSession> {
        self.dtls()?.resumable()
    }

    fn descriptor(&self) -> Option<i32> {
        match self {
            Self::Udp(socket) => Some(socket.as_raw_fd()),
            Self::Dtls(session) => session.descriptor(),
        }
    }
}

fn wait_readable(socket: &UdpSocket, timeout: Duration) {
    let ms = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
    let mut entry = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the pointer is to one entry of ours that outlives the call.
    unsafe { libc::poll(&raw mut entry, 1, ms) };
}
