//! One TCP connection, with or without TLS, that never blocks but where it is told to wait.

use super::tls;
use crate::ota::{Failure, Url};
use crate::tls::{Rationed, prepare};
use openssl::ssl::{ErrorCode, SslStream};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// What a connection must become ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    Read,
    Write,
}

/// What came of reading or writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes; 0 from a read is the end of what the peer sends.
    Moved(usize),
    /// None now.
    Blocked(Interest),
}

/// How far connecting has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Established {
    /// The connection is ready for the request.
    Yes,
    /// One stage of several is done.
    Advanced,
    /// Not before the connection is ready for this.
    Blocked(Interest),
}

/// How long one address may take to accept a connection before the next one is tried.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long each later step may take, and how long a connection may be silent before it is given up.
const SILENCE_PATIENCE: Duration = Duration::from_secs(30);

/// A silent peer is asked whether it is still there, for the sake of programs that never wait in a call.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A connection in the making, or made.
pub(super) struct Link {
    url: Url,
    /// Addresses that have not been tried.
    addresses: std::vec::IntoIter<SocketAddr>,
    stage: Stage,
}

enum Stage {
    Connecting(Socket, SocketAddr),
    Handshaking(Box<SslStream<Rationed>>),
    Plain(TcpStream),
    Tls(Box<SslStream<Rationed>>),
    Failed,
}

impl Link {
    /// Resolves the host, which takes as long as the system's resolver does, and begins to connect.
    pub(super) fn open(url: &Url) -> Result<Self, Failure> {
        let host = url.host();
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let addresses: Vec<_> = (bare, url.port())
            .to_socket_addrs()
            .map_err(|error| Failure::passing(format!("{host} cannot be resolved: {error}")))?
            .collect();
        let mut link = Self {
            url: url.clone(),
            addresses: addresses.into_iter(),
            stage: Stage::Failed,
        };
        let nowhere = io::Error::new(ErrorKind::NotFound, "the host has no address");
        link.connect_next(&nowhere)?;
        Ok(link)
    }

    /// Begins to connect to the next address; `last` is why the one before failed.
    fn connect_next(&mut self, last: &io::Error) -> Result<(), Failure> {
        let mut last = Failure::passing(format!("no connection: {last}"));
        for address in self.addresses.by_ref() {
            match begin_connect(address) {
                Ok(socket) => {
                    self.stage = Stage::Connecting(socket, address);
                    return Ok(());
                }
                Err(error) => {
                    last = Failure::passing(format!("no connection to {address}: {error}"))
                }
            }
        }
        Err(last)
    }

    /// Goes on with connecting by one stage, as far as that goes without waiting.
    pub(super) fn establish(&mut self) -> Result<Established, Failure> {
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Connecting(socket, address) => match connected(&socket) {
                Ok(true) => self.stage = self.over(socket.into())?,
                Ok(false) => {
                    self.stage = Stage::Connecting(socket, address);
                    return Ok(Established::Blocked(Interest::Write));
                }
                Err(error) => {
                    log::debug!("no connection to {address}: {error}");
                    self.connect_next(&error)?;
                }
            },
            Stage::Handshaking(mut stream) => {
                prepare(stream.get_mut());
                match stream.connect() {
                    Ok(()) => self.stage = Stage::Tls(stream),
                    Err(error) => {
                        let Some(interest) = interest(error.code()) else {
                            return Err(tls::refusal(&stream, &error));
                        };
                        self.stage = Stage::Handshaking(stream);
                        return Ok(Established::Blocked(interest));
                    }
                }
            }
            Stage::Failed => return Err(lost(&ErrorKind::NotConnected.into())),
            ready @ (Stage::Plain(_) | Stage::Tls(_)) => {
                self.stage = ready;
                return Ok(Established::Yes);
            }
        }
        Ok(Established::Advanced)
    }

    /// How long it makes sense to wait in vain.
    pub(super) const fn patience(&self) -> Duration {
        match self.stage {
            Stage::Connecting(..) => CONNECT_PATIENCE,
            _ => SILENCE_PATIENCE,
        }
    }

    /// That time is over: goes on to the host's next address, or gives up.
    pub(super) fn out_of_patience(&mut self) -> Result<(), Failure> {
        match self.stage {
            Stage::Connecting(..) => self.connect_next(&ErrorKind::TimedOut.into()),
            _ => Err(lost(&ErrorKind::TimedOut.into())),
        }
    }

    fn over(&self, stream: TcpStream) -> Result<Stage, Failure> {
        if !self.url.is_https() {
            return Ok(Stage::Plain(stream));
        }
        let stream = tls::client(self.url.host(), Rationed::new(stream))?;
        Ok(Stage::Handshaking(Box::new(stream)))
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Progress, Failure> {
        match &mut self.stage {
            Stage::Plain(stream) => plain(stream.read(buffer), Interest::Read),
            Stage::Tls(stream) => {
                prepare(stream.get_mut());
                match stream.ssl_read(buffer) {
                    Err(error) if error.code() == ErrorCode::ZERO_RETURN => Ok(Progress::Moved(0)),
                    result => encrypted(result),
                }
            }
            _ => Err(lost(&ErrorKind::NotConnected.into())),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Progress, Failure> {
        match &mut self.stage {
            Stage::Plain(stream) => plain(stream.write(bytes), Interest::Write),
            Stage::Tls(stream) => {
                prepare(stream.get_mut());
                encrypted(stream.ssl_write(bytes))
            }
            _ => Err(lost(&ErrorKind::NotConnected.into())),
        }
    }

    /// Waits until the connection is ready, has an error to tell, or the time is over.
    pub(super) fn wait(&self, interest: Interest, timeout: Duration) -> Result<(), Failure> {
        let fd = match &self.stage {
            Stage::Connecting(socket, _) => socket.as_raw_fd(),
            Stage::Plain(stream) => stream.as_raw_fd(),
            Stage::Handshaking(stream) | Stage::Tls(stream) => stream.get_ref().as_raw_fd(),
            Stage::Failed => return Err(lost(&ErrorKind::NotConnected.into())),
        };
        poll(fd, interest, timeout).map_err(|error| lost(&error))
    }
}

fn begin_connect(address: SocketAddr) -> io::Result<Socket> {
    let mut socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A daemon that closed its standard streams would be given one of their descriptors here, and a stray
    // printf would send into the connection. A duplicate is always a higher one.
    if socket.as_raw_fd() <= libc::STDERR_FILENO {
        socket = socket.try_clone()?;
    }
    socket.set_nonblocking(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    match socket.connect(&address.into()) {
        Ok(()) => Ok(socket),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// Whether a connection begun by [`begin_connect`] is made.
fn connected(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

fn plain(result: io::Result<usize>, interest: Interest) -> Result<Progress, Failure> {
    match result {
        Ok(len) => Ok(Progress::Moved(len)),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(Progress::Blocked(interest)),
            _ => Err(lost(&error)),
        },
    }
}

fn encrypted(result: Result<usize, openssl::ssl::Error>) -> Result<Progress, Failure> {
    result.map(Progress::Moved).or_else(|error| {
        interest(error.code())
            .map(Progress::Blocked)
            .ok_or_else(|| Failure::passing(format!("the TLS connection was lost: {error}")))
    })
}

/// What OpenSSL waits for, if that is all it has to complain about.
fn interest(code: ErrorCode) -> Option<Interest> {
    match code {
        ErrorCode::WANT_READ => Some(Interest::Read),
        ErrorCode::WANT_WRITE => Some(Interest::Write),
        _ => None,
    }
}

fn lost(error: &io::Error) -> Failure {
    Failure::passing(format!("the connection was lost: {error}"))
}

fn poll(fd: RawFd, interest: Interest, timeout: Duration) -> io::Result<()> {
    let mut entry = libc::pollfd {
        fd,
        events: match interest {
            Interest::Read => libc::POLLIN,
            Interest::Write => libc::POLLOUT,
        },
        revents: 0,
    };
    // Rounded up, so that a wait never ends before its time.
    let ms = timeout.as_nanos().div_ceil(1_000_000);
    let ms = libc::c_int::try_from(ms).unwrap_or(libc::c_int::MAX);
    // SAFETY: one valid entry, which outlives the call.
    if unsafe { libc::poll(&raw mut entry, 1, ms) } >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.kind() == ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}

#[cfg(test)]
#[cfg(not(miri))] // sockets
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_silent_peer_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let socket = begin_connect(listener.local_addr().expect("address")).expect("a socket");
        assert!(socket.keepalive().expect("an option"));
    }
}
