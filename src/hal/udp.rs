//! Connected UDP over `HAL_UDP_*`.

use std::ffi::{CStr, c_int};
use std::os::fd::RawFd;

use super::{ConnectError, Received, SendError, buffer_len, opened, sys, with_wait};

/// Codes of `HAL_UDP_readTimeout` that are not failures.
const READ_TIMEOUT: c_int = -2;
const READ_INTERRUPTED: c_int = -3;

/// A datagram socket that talks to one peer. Closed on drop.
///
/// May be used from any thread, and sent on while another thread receives (port promises 2 and 3).
#[derive(Debug)]
pub struct UdpSocket {
    handle: isize,
    descriptor: Option<RawFd>,
}

impl UdpSocket {
    /// Resolves `host` and connects to its `port`. Blocks for as long as name resolution takes.
    ///
    /// # Errors
    /// [`ConnectError`] when the port returns a negative handle.
    pub fn connect(host: &CStr, port: u16) -> Result<Self, ConnectError> {
        // The prototype says `char *`: a port may legally write there, so it gets a copy.
        let mut host = host.to_bytes_with_nul().to_vec();
        let (handle, descriptor) = opened::during(
            // SAFETY: `host` is NUL-terminated, writable and outlives the call; port promise 1.
            || unsafe { sys::HAL_UDP_create(host.as_mut_ptr().cast(), port) },
        );
        if handle < 0 {
            Err(ConnectError)
        } else {
            Ok(Self { handle, descriptor })
        }
    }

    /// The descriptor that becomes readable when there is something to receive, if the default port made the
    /// socket; valid as long as the socket.
    #[must_use]
    pub const fn descriptor(&self) -> Option<RawFd> {
        self.descriptor
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// [`SendError`] for every negative answer of the port, whatever its value, and for a datagram
    /// sent in part.
    pub fn send(&self, datagram: &[u8]) -> Result<(), SendError> {
        let length = c_int::try_from(datagram.len()).map_err(|_| SendError::TooLong)?;
        // SAFETY: pointer and length describe `datagram`, which outlives the call; the handle is
        // open until drop; port promises 1 and 2.
        let sent =
            unsafe { sys::HAL_UDP_write(self.handle, datagram.as_ptr(), length.unsigned_abs()) };
        sent_result(sent, datagram.len())
    }

    /// Waits up to `timeout_ms` for one datagram. 0 takes what is there already, on the default port; on a
    /// firmware's own it is a wait of 1 ms, since the seam's 0 would wait for ever.
    #[must_use]
    pub fn receive(&self, buffer: &mut [u8], timeout_ms: u32) -> Received {
        let capacity = buffer.len();
        let answer = with_wait(timeout_ms, |wait| {
            // SAFETY: pointer and length describe `buffer`, which outlives the call; the handle is open
            // until drop; port promises 1 and 2.
            unsafe {
                sys::HAL_UDP_readTimeout(self.handle, buffer.as_mut_ptr(), buffer_len(buffer), wait)
            }
        });
        read_result(answer, capacity)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        // SAFETY: the handle came from HAL_UDP_create and is closed once; port promise 2.
        let answer = unsafe { sys::HAL_UDP_close_without_connect(self.handle) };
        if answer < 0 {
            log::warn!("closing the UDP socket failed: the transport returned {answer}");
        }
    }
}

fn sent_result(answer: c_int, wanted: usize) -> Result<(), SendError> {
    match usize::try_from(answer) {
        Err(_) => Err(SendError::Refused(answer.into())),
        Ok(sent) if sent < wanted => Err(SendError::Short { sent, wanted }),
        Ok(_) => Ok(()),
    }
}

fn read_result(answer: c_int, capacity: usize) -> Received {
    match answer {
        READ_TIMEOUT => Received::Timeout,
        READ_INTERRUPTED | 0 => Received::Interrupted,
        _ => match usize::try_from(answer) {
            Ok(length) if length <= capacity => Received::Datagram(length),
            Ok(length) => {
                log::error!("the UDP port claims {length} bytes in a buffer of {capacity}");
                Received::Failed
            }
            Err(_) => Received::Failed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket as StdSocket;
    use std::time::Duration;

    /// Bound on every blocking step of a test; reached only when it fails.
    const PATIENCE: u32 = 10_000;

    fn server() -> (StdSocket, u16) {
        let socket = StdSocket::bind("127.0.0.1:0").expect("bind");
        socket
            .set_read_timeout(Some(Duration::from_millis(PATIENCE.into())))
            .expect("timeout");
        let port = socket.local_addr().expect("address").port();
        (socket, port)
    }

    #[test]
    fn every_negative_answer_is_a_failed_send() {
        for code in [-1, -2, -16, c_int::MIN] {
            assert_eq!(sent_result(code, 4), Err(SendError::Refused(code.into())));
        }
    }

    #[test]
    fn a_short_count_is_a_failed_send() {
        assert_eq!(
            sent_result(0, 4),
            Err(SendError::Short { sent: 0, wanted: 4 })
        );
        assert_eq!(
            sent_result(3, 4),
            Err(SendError::Short { sent: 3, wanted: 4 })
        );
        assert_eq!(sent_result(4, 4), Ok(()));
        assert_eq!(sent_result(0, 0), Ok(()));
    }

    #[test]
    fn read_codes_keep_their_documented_meaning() {
        assert_eq!(read_result(5, 8), Received::Datagram(5));
        assert_eq!(read_result(8, 8), Received::Datagram(8));
        assert_eq!(read_result(0, 8), Received::Interrupted);
        assert_eq!(read_result(-1, 8), Received::Failed);
        assert_eq!(read_result(-2, 8), Received::Timeout);
        assert_eq!(read_result(-3, 8), Received::Interrupted);
        assert_eq!(read_result(-4, 8), Received::Failed);
        assert_eq!(read_result(-16, 8), Received::Failed);
    }

    #[test]
    fn a_port_that_claims_more_than_the_buffer_holds_has_failed() {
        assert_eq!(read_result(9, 8), Received::Failed);
        assert_eq!(read_result(c_int::MAX, 8), Received::Failed);
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn datagrams_go_both_ways() {
        let (server, port) = server();
        let socket = UdpSocket::connect(c"127.0.0.1", port).expect("connect");
        socket.send(b"ping").expect("send");

        let mut buffer = [0u8; 16];
        let (length, from) = server.recv_from(&mut buffer).expect("receive");
        assert_eq!(&buffer[..length], b"ping");
        server.send_to(b"pong!", from).expect("answer");
        assert_eq!(socket.receive(&mut buffer, PATIENCE), Received::Datagram(5));
        assert_eq!(&buffer[..5], b"pong!");
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn a_timeout_of_zero_returns() {
        let (_server, port) = server();
        let socket = UdpSocket::connect(c"127.0.0.1", port).expect("connect");
        assert_eq!(socket.receive(&mut [0u8; 8], 0), Received::Timeout);
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn a_timeout_of_zero_takes_what_is_there() {
        let (server, port) = server();
        let socket = UdpSocket::connect(c"127.0.0.1", port).expect("connect");
        assert!(socket.descriptor().is_some(), "of the default port");
        socket.send(b"ping").expect("send");
        let mut buffer = [0u8; 8];
        let (_, from) = server.recv_from(&mut buffer).expect("receive");
        server.send_to(b"pong", from).expect("answer"); // on loopback it is there when send returns
        assert_eq!(socket.receive(&mut buffer, 0), Received::Datagram(4));
        assert_eq!(socket.receive(&mut buffer, 0), Received::Timeout);
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn a_closed_port_is_reported() {
        let (server, port) = server();
        let socket = UdpSocket::connect(c"127.0.0.1", port).expect("connect");
        drop(server);
        socket.send(b"anyone?").expect("the first datagram leaves");
        assert_eq!(socket.receive(&mut [0u8; 8], PATIENCE), Received::Failed);
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn a_host_that_does_not_resolve_is_an_error() {
        assert_eq!(UdpSocket::connect(c"", 5683).unwrap_err(), ConnectError);
        assert_eq!(
            UdpSocket::connect(c"no host", 5683).unwrap_err(),
            ConnectError
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn a_waiting_receiver_does_not_hold_up_a_sender() {
        let (server, port) = server();
        let socket = UdpSocket::connect(c"127.0.0.1", port).expect("connect");
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| socket.receive(&mut [0u8; 8], PATIENCE));
            socket.send(b"go").expect("send");
            let mut buffer = [0u8; 8];
            let (_, from) = server.recv_from(&mut buffer).expect("receive");
            server.send_to(b"on", from).expect("answer");
            assert_eq!(reader.join().expect("reader"), Received::Datagram(2));
        });
    }
}
