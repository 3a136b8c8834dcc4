//! A DTLS server for tests, in a thread, on OpenSSL's server side.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use openssl::ssl::{
    ErrorCode, ShutdownState, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslStream,
};

use super::pki::Identity;
use crate::hal_default::dtls::timers;
use crate::hal_default::socket::{receive_now, wait_readable};

/// Bound on every wait of a test; reached only when it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The server's end of one association: datagrams from and to one peer on a shared socket.
pub(super) struct Wire {
    socket: Arc<UdpSocket>,
    peer: SocketAddr,
    /// The datagram that made the server notice this peer.
    first: Option<Vec<u8>>,
    /// Whether the handshake is over: a ClientHello of the same peer begins another association.
    established: bool,
    /// The first datagram of another association.
    newcomer: Option<(SocketAddr, Vec<u8>)>,
}

impl Wire {
    /// Sends bytes past OpenSSL.
    pub(super) fn send_raw(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.peer).expect("send");
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(first) = self.first.take() {
            buffer[..first.len()].copy_from_slice(&first);
            return Ok(first.len());
        }
        self.socket.set_nonblocking(true)?;
        let received = self.socket.recv_from(buffer);
        self.socket.set_nonblocking(false)?;
        let (length, from) = received?;
        let begins = is_client_hello(&buffer[..length]);
        if from == self.peer && !(self.established && begins) {
            return Ok(length);
        }
        if begins {
            self.newcomer
                .get_or_insert((from, buffer[..length].to_vec()));
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.socket.send_to(datagram, self.peer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An established association on the server.
pub(super) struct Connection {
    pub(super) stream: SslStream<Wire>,
}

impl Connection {
    pub(super) fn send(&mut self, datagram: &[u8]) {
        assert_eq!(
            self.stream.ssl_write(datagram).expect("write"),
            datagram.len()
        );
    }

    /// The next datagram; `None` after close_notify.
    pub(super) fn receive(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0u8; 4096];
        let received = drive(&mut self.stream, |stream| stream.ssl_read(&mut buffer));
        match received {
            Ok(length) => Some(buffer[..length].to_vec()),
            Err(Broken::Openssl(error)) if error.code() == ErrorCode::ZERO_RETURN => {
                self.keep_in_cache();
                None
            }
            Err(broken) => panic!("the server could not read: {broken:?}"),
        }
    }

    /// Answers every datagram with itself until close_notify; how many there were.
    pub(super) fn echo(&mut self) -> usize {
        let mut count = 0;
        while let Some(datagram) = self.receive() {
            self.send(&datagram);
            count += 1;
        }
        count
    }

    /// Answers one datagram with itself.
    pub(super) fn echo_one(&mut self) {
        let datagram = self.receive().expect("a datagram");
        self.send(&datagram);
    }

    /// Answers every datagram with itself until a ClientHello comes, which `listener` accepts next.
    pub(super) fn echo_until_superseded(&mut self, listener: &mut Listener) {
        let mut buffer = [0u8; 4096];
        loop {
            match drive(&mut self.stream, |stream| stream.ssl_read(&mut buffer)) {
                Ok(length) => self.send(&buffer[..length]),
                Err(Broken::Superseded) => break,
                Err(broken) => panic!("the server could not read: {broken:?}"),
            }
        }
        listener.newcomer = self.stream.get_mut().newcomer.take();
    }

    /// Whether the handshake was abbreviated.
    pub(super) fn is_resumed(&self) -> bool {
        self.stream.ssl().session_reused()
    }

    /// The name of the cipher suite.
    pub(super) fn suite(&self) -> &'static str {
        self.stream.ssl().current_cipher().expect("cipher").name()
    }

    /// Pretends to have said goodbye: OpenSSL takes a session that ends without for broken, and out of the
    /// server's cache.
    pub(super) fn keep_in_cache(&mut self) {
        self.stream
            .set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }

    /// Ends as if without goodbye.
    pub(super) fn lose_from_cache(&mut self) {
        self.stream.set_shutdown(ShutdownState::empty());
    }

    pub(super) fn close(&mut self) {
        self.stream.shutdown().expect("close_notify");
    }
}

/// Why a server-side call came back without success.
#[derive(Debug)]
pub(super) enum Broken {
    Openssl(openssl::ssl::Error),
    /// Another peer has shown up.
    Superseded,
}

/// Runs an OpenSSL call to its end, waiting and retransmitting.
fn drive<T>(
    stream: &mut SslStream<Wire>,
    mut call: impl FnMut(&mut SslStream<Wire>) -> Result<T, openssl::ssl::Error>,
) -> Result<T, Broken> {
    let end = Instant::now() + PATIENCE;
    loop {
        match call(stream) {
            Ok(value) => return Ok(value),
            Err(error) if error.code() == ErrorCode::WANT_READ => {}
            Err(error) => return Err(Broken::Openssl(error)),
        }
        if stream.get_ref().newcomer.is_some() {
            return Err(Broken::Superseded);
        }
        assert!(Instant::now() < end, "the client did not go on");
        let due = timers::until_retransmission(stream.ssl())
            .unwrap_or(PATIENCE)
            .min(PATIENCE);
        wait_readable(stream.get_ref().socket.as_raw_fd(), Some(due));
        timers::retransmit_if_due(stream.ssl()).expect("retransmit");
    }
}

/// Whether a datagram can begin an association: a ClientHello in clear. Servers drop everything else
/// from peers they do not know.
fn is_client_hello(datagram: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    matches!(
        datagram,
        [
            HANDSHAKE,
            _,
            _,
            0,
            0,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            CLIENT_HELLO,
            ..
        ]
    )
}

/// Accepts associations one after the other.
pub(super) struct Listener {
    socket: Arc<UdpSocket>,
    context: SslContext,
    /// Longest datagram of the server's flights.
    pub(super) mtu: u32,
    newcomer: Option<(SocketAddr, Vec<u8>)>,
}

impl Listener {
    /// The next handshake that succeeds: until a device believes an alert, it repeats its hello.
    pub(super) fn accept_eventually(&mut self) -> Connection {
        loop {
            if let Ok(connection) = self.accept() {
                break connection;
            }
        }
    }

    /// The next client's handshake, to its end.
    pub(super) fn accept(&mut self) -> Result<Connection, Broken> {
        let (peer, first) = self.newcomer.take().unwrap_or_else(|| {
            let mut buffer = [0u8; 4096];
            loop {
                let (length, peer) = self.socket.recv_from(&mut buffer).expect("a client");
                if is_client_hello(&buffer[..length]) {
                    break (peer, buffer[..length].to_vec());
                }
            }
        });
        let wire = Wire {
            socket: Arc::clone(&self.socket),
            peer,
            first: Some(first),
            established: false,
            newcomer: None,
        };
        let mut ssl = Ssl::new(&self.context).expect("ssl");
        ssl.set_mtu(self.mtu).expect("MTU");
        let mut stream = SslStream::new(ssl, wire).expect("stream");
        match drive(&mut stream, SslStream::accept) {
            Ok(()) => {
                stream.get_mut().established = true;
                Ok(Connection { stream })
            }
            Err(broken) => {
                self.newcomer = stream.get_mut().newcomer.take();
                Err(broken)
            }
        }
    }
}

/// A running server.
pub(super) struct Server<R> {
    pub(super) address: SocketAddr,
    thread: JoinHandle<R>,
}

impl<R: Send + 'static> Server<R> {
    /// Serves on `host` as `configure` says; `script` is the server's part of the test.
    pub(super) fn start(
        host: &str,
        configure: impl FnOnce(&mut SslContextBuilder),
        script: impl FnOnce(&mut Listener) -> R + Send + 'static,
    ) -> Self {
        let nowhere = SocketAddr::new(host_address(host), 0);
        Self::start_at(nowhere, context(configure), script)
    }

    /// Serves at an address where a server was before, or at a free port.
    pub(super) fn start_at(
        address: SocketAddr,
        context: SslContext,
        script: impl FnOnce(&mut Listener) -> R + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind(address).expect("bind");
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let address = socket.local_addr().expect("address");
        let mut listener = Listener {
            socket: Arc::new(socket),
            context,
            mtu: 1232,
            newcomer: None,
        };
        let thread = std::thread::spawn(move || script(&mut listener));
        Self { address, thread }
    }

    /// Waits for the script's end.
    pub(super) fn finish(self) -> R {
        self.thread.join().expect("the server's part succeeds")
    }
}

/// A server's context: its identity, and the keys of its tickets.
pub(super) fn context(configure: impl FnOnce(&mut SslContextBuilder)) -> SslContext {
    let mut context = SslContext::builder(SslMethod::dtls_server()).expect("context");
    context.set_options(SslOptions::NO_QUERY_MTU);
    configure(&mut context);
    context.build()
}

fn host_address(host: &str) -> IpAddr {
    let mut addresses = (host, 0).to_socket_addrs().expect("resolve");
    addresses.next().expect("an address").ip()
}

/// Serves with a certificate.
pub(super) fn with_identity(identity: &Identity) -> impl FnOnce(&mut SslContextBuilder) + use<> {
    let identity = identity.clone();
    move |context| {
        context
            .set_certificate(&identity.certificate)
            .expect("certificate");
        context.set_private_key(&identity.key).expect("key");
    }
}

/// Serves with one pre-shared key, for one identity.
pub(super) fn with_psk(
    identity: &'static [u8],
    key: &'static [u8],
) -> impl FnOnce(&mut SslContextBuilder) {
    move |context| {
        context.set_psk_server_callback(move |_, offered, key_out| {
            if offered != Some(identity) {
                return Ok(0);
            }
            key_out[..key.len()].copy_from_slice(key);
            Ok(key.len())
        });
    }
}

/// The result of a handshake that must succeed, with an echo until the client closes.
pub(super) fn echo_once(listener: &mut Listener) -> usize {
    listener.accept().expect("handshake").echo()
}

/// The result of a handshake that must fail.
pub(super) fn fail_once(listener: &mut Listener) {
    assert!(listener.accept().is_err(), "the handshake must fail");
}

/// Shows up as another client, so that a server gives up the one it waits for.
pub(super) fn knock(address: SocketAddr) {
    let mut hello = [0u8; 14];
    (hello[0], hello[13]) = (22, 1);
    assert!(is_client_hello(&hello));
    silent().send_to(&hello, address).expect("send");
}

/// Takes datagrams without ever answering, until the returned value is dropped.
pub(super) fn silent() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("bind")
}

/// How many datagrams wait on a socket.
pub(super) fn waiting(socket: &UdpSocket) -> usize {
    let mut buffer = [0u8; 2048];
    std::iter::from_fn(|| receive_now(socket.as_raw_fd(), &mut buffer).ok()).count()
}
