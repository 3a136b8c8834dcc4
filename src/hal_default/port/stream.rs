//! What TCP and TLS share: finding the server, and reading and writing within a time.

use std::fmt::Display;
use std::io;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::{OwnedFd, RawFd};
use std::time::{Duration, Instant};

use crate::hal_default::socket::{Wait, off_standard_streams, wait_readable, wait_writable};

/// For each address of the server, and once more for a TLS handshake.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// A bad argument, or the peer has closed the connection.
pub(super) const CLOSED: i32 = -1;
/// The connection has failed.
pub(super) const FAILED: i32 = -2;

/// Connects to the first address of `host` that answers. The stream does not block: see
/// [`Attempt`].
pub(super) fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let mut failure = io::ErrorKind::NotFound.into();
    for address in (bare, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIME) {
            Ok(stream) => return prepare(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    // What is asked of the descriptor is the same for every kind of socket.
    let moved = off_standard_streams(UdpSocket::from(OwnedFd::from(stream)))?;
    let stream = TcpStream::from(OwnedFd::from(moved));
    // Requests and answers take turns: holding back the last small segment of one only adds delay.
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// What came of one attempt to read or write without waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// This many bytes, at least one.
    Moved(usize),
    /// Nothing before the socket can be read.
    WantRead,
    /// Nothing before the socket can be written.
    WantWrite,
    /// The peer has closed the connection.
    Closed,
    /// The connection has failed; the reason is for the log.
    Failed(String),
}

impl Attempt {
    pub(super) fn failed(error: impl Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Which way the socket must become ready before the next attempt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction {
    Read,
    Write,
}

/// Waits until `deadline` at most; false once it has come, also for a socket that is ready.
pub(super) fn wait(fd: RawFd, direction: Direction, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(false);
    }
    let left = Some(left);
    let outcome = match direction {
        Direction::Read => wait_readable(fd, left),
        Direction::Write => wait_writable(fd, left),
    };
    match outcome {
        Wait::Ready | Wait::Interrupted => Ok(true),
        Wait::TimedOut => Ok(false),
        Wait::Failed(error) => Err(error),
    }
}

/// Makes attempts until all `len` bytes have moved, the time is over, or the connection has ended.
///
/// `attempt` gets the number of bytes moved so far. The result is what C is told: the bytes moved,
/// 0 after the time without one, or [`CLOSED`] or [`FAILED`]. An end that comes behind some bytes
/// is told by the next call.
pub(super) fn transfer(
    entry: &str,
    fd: RawFd,
    len: usize,
    timeout: Duration,
    attempt: &mut dyn FnMut(usize) -> Attempt,
) -> i32 {
    let deadline = Instant::now() + timeout;
    let mut moved = 0;
    let end = loop {
        if moved == len {
            break 0;
        }
        let direction = match attempt(moved) {
            Attempt::Moved(more) => {
                moved += more;
                continue;
            }
            Attempt::WantRead => Direction::Read,
            Attempt::WantWrite => Direction::Write,
            Attempt::Closed => break CLOSED,
            Attempt::Failed(reason) => {
                log::error!("{entry}: {reason}");
                break FAILED;
            }
        };
        match wait(fd, direction, deadline) {
            Ok(true) => {}
            Ok(false) => break 0,
            Err(error) => {
                log::error!("{entry}: {error}");
                break FAILED;
            }
        }
    };
    match i32::try_from(moved) {
        Ok(0) => end,
        Ok(moved) => moved,
        Err(_) => FAILED, // no buffer from C is so long, see `boundary`
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    /// A socket that is never readable.
    fn silent() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").expect("bind")
    }

    fn run(len: usize, script: Vec<Attempt>) -> i32 {
        run_for(Duration::ZERO, len, script)
    }

    fn run_for(timeout: Duration, len: usize, script: Vec<Attempt>) -> i32 {
        let socket = silent();
        let mut script = script.into_iter();
        let fd = socket.as_raw_fd();
        transfer("test", fd, len, timeout, &mut |_| {
            script.next().expect("no further attempt")
        })
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn bytes_count_before_whatever_ends_the_transfer() {
        use Attempt::{Closed, Moved, WantRead, WantWrite};
        assert_eq!(run(5, vec![Moved(2), Moved(3)]), 5);
        assert_eq!(run(0, vec![]), 0);
        assert_eq!(run(5, vec![WantRead]), 0);
        assert_eq!(run(5, vec![Moved(2), WantRead]), 2);
        assert_eq!(run_for(CONNECT_TIME, 5, vec![WantWrite, Moved(5)]), 5);
        assert_eq!(run(5, vec![Closed]), CLOSED);
        assert_eq!(run(5, vec![Moved(4), Closed]), 4);
        assert_eq!(run(5, vec![Attempt::failed("broken")]), FAILED);
        assert_eq!(run(5, vec![Moved(1), Attempt::failed("broken")]), 1);
    }

    /// What a TLS peer sends may be all records and no data.
    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn a_socket_that_stays_readable_does_not_stretch_the_time() {
        let socket = silent();
        let own = socket.local_addr().expect("address");
        socket.send_to(b"there to stay", own).expect("send");
        let fd = socket.as_raw_fd();
        assert!(wait(fd, Direction::Read, Instant::now() + CONNECT_TIME).expect("wait"));
        let mut attempts = 0;
        let moved = transfer("test", fd, 5, Duration::ZERO, &mut |_| {
            attempts += 1;
            assert!(attempts < 100, "no end");
            Attempt::WantRead
        });
        assert_eq!(moved, 0);
    }
}
