//! An established session.

use std::ffi::c_int;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, SslRef, SslStream};

use super::super::socket::{Deadline, Wait, wait_readable};
use super::datagrams::Datagrams;
use super::failure::{alert_name, fatal_alert};
use super::records::shortest_ciphertext;

/// Longest datagram one record carries (RFC 5246 6.2.1).
const MAX_RECORD: usize = 1 << 14;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The peer said goodbye.
    CloseNotify,
    /// The peer sent a fatal alert.
    FatalAlert,
    /// OpenSSL gave up on the session.
    Broken,
}

/// What [`Session::read`] came back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// One datagram of this length.
    Datagram(usize),
    /// Nothing came in time.
    Timeout,
    /// The session is over, now or since before.
    Ended(Ended),
    /// The network reported an error; the session goes on.
    Failed,
}

/// Why [`Session::write`] sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteError {
    /// Empty, or longer than a record.
    Length,
    /// The session is over.
    Ended(Ended),
    /// The network did not take it; the session goes on.
    Transport,
}

/// An established session. Reading and writing may happen on two threads: a reader waits for the
/// socket without holding the lock, so it never keeps a writer from sending.
#[derive(Debug)]
pub(super) struct Session {
    socket: Arc<UdpSocket>,
    channel: Mutex<Channel>,
    /// "host:port", for the log.
    peer: String,
}

#[derive(Debug)]
struct Channel {
    stream: SslStream<Datagrams>,
    ended: Option<Ended>,
}

impl Session {
    pub(super) fn new(
        socket: Arc<UdpSocket>,
        mut stream: SslStream<Datagrams>,
        peer: String,
    ) -> Self {
        let shortest = shortest_ciphertext(stream.ssl());
        stream.get_mut().set_shortest_ciphertext(shortest);
        Self {
            socket,
            channel: Mutex::new(Channel {
                stream,
                ended: None,
            }),
            peer,
        }
    }

    /// Readable when a datagram has come.
    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Sends one datagram as one record.
    pub(super) fn write(&self, datagram: &[u8]) -> Result<(), WriteError> {
        if datagram.is_empty() || datagram.len() > MAX_RECORD {
            log::error!(
                "{}: a record cannot carry {} bytes",
                self.peer,
                datagram.len()
            );
            return Err(WriteError::Length);
        }
        let mut channel = self.lock();
        if let Some(ended) = channel.ended {
            return Err(WriteError::Ended(ended));
        }
        drop(ErrorStack::get());
        let written = channel.stream.ssl_write(datagram);
        let lost = channel.stream.get_mut().take_error();
        match (written, lost) {
            (Ok(_), None) => Ok(()),
            (Ok(_), Some(error)) => {
                log::warn!("{}: sending failed: {error}", self.peer);
                Err(WriteError::Transport)
            }
            (Err(error), _) => {
                let ended = channel.end(&error, &self.peer);
                Err(WriteError::Ended(ended))
            }
        }
    }

    /// Waits for one datagram; a time-out of 0 ms waits for ever. What does not fit into the buffer
    /// is cut off.
    pub(super) fn read(&self, buffer: &mut [u8], timeout_ms: u32) -> Read {
        let deadline = Deadline::after_ms(timeout_ms);
        // A datagram may hold several records: the rest of the last one comes before the next.
        let mut ready = self.lock().has_pending();
        loop {
            if ready {
                if let Some(read) = self.read_now(buffer) {
                    return read;
                }
                // Junk keeps the socket ready without ever giving a record.
                if deadline.is_past() {
                    return Read::Timeout;
                }
            }
            match wait_readable(self.socket.as_raw_fd(), deadline.remaining()) {
                Wait::Ready => ready = true,
                Wait::TimedOut => return Read::Timeout,
                Wait::Interrupted => ready = false,
                Wait::Failed(error) => {
                    log::error!("{}: waiting failed: {error}", self.peer);
                    return Read::Failed;
                }
            }
        }
    }

    /// Takes a record that is already there; `None` when none is.
    fn read_now(&self, buffer: &mut [u8]) -> Option<Read> {
        let mut channel = self.lock();
        if let Some(ended) = channel.ended {
            return Some(Read::Ended(ended));
        }
        drop(ErrorStack::get());
        match channel.stream.ssl_read(buffer) {
            Ok(length) => {
                channel.drop_rest_of_record(&self.peer);
                Some(Read::Datagram(length))
            }
            Err(error) if error.code() == ErrorCode::WANT_READ => {
                let failed = channel.stream.get_mut().take_error()?;
                log::warn!("{}: receiving failed: {failed}", self.peer);
                Some(Read::Failed)
            }
            Err(error) => Some(Read::Ended(channel.end(&error, &self.peer))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Channel> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let channel = self
            .channel
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // After a fatal alert or an internal error there is no session to say goodbye in (RFC 5246
        // 7.2.2).
        if matches!(channel.ended, None | Some(Ended::CloseNotify)) {
            drop(ErrorStack::get());
            if let Err(error) = channel.stream.shutdown() {
                log::debug!("{}: close_notify could not be sent: {error}", self.peer);
            }
        }
    }
}

impl Channel {
    fn has_pending(&self) -> bool {
        self.ended.is_some() || has_pending(self.stream.ssl())
    }

    /// Keeps the borders of datagrams: OpenSSL would give the rest of a record as the next one.
    fn drop_rest_of_record(&mut self, peer: &str) {
        if self.stream.ssl().pending() == 0 {
            return;
        }
        let mut dropped = 0;
        let mut scratch = [0u8; 256];
        while self.stream.ssl().pending() > 0 {
            match self.stream.ssl_read(&mut scratch) {
                Ok(length) => dropped += length,
                Err(_) => break,
            }
        }
        log::warn!("{peer}: a datagram was too long for the buffer, {dropped} bytes dropped");
    }

    /// Notes how the session ended: `error` is not one that waiting would cure.
    fn end(&mut self, error: &openssl::ssl::Error, peer: &str) -> Ended {
        let ended = if error.code() == ErrorCode::ZERO_RETURN {
            log::warn!("{peer}: the server closed the DTLS session (close_notify)");
            Ended::CloseNotify
        } else if let Some(alert) = fatal_alert(error) {
            log::error!(
                "{peer}: the server ended the DTLS session: {}",
                alert_name(alert)
            );
            Ended::FatalAlert
        } else {
            log::error!("{peer}: the DTLS session broke: {error}");
            Ended::Broken
        };
        self.ended = Some(ended);
        ended
    }
}

/// Whether OpenSSL holds data that it took from the socket and nobody has read.
fn has_pending(ssl: &SslRef) -> bool {
    unsafe extern "C" {
        // <openssl/ssl.h>, OpenSSL 1.1.0 and later; not in the bindings.
        fn SSL_has_pending(ssl: *const openssl_sys::SSL) -> c_int;
    }
    // SAFETY: `ssl` is live and the call only looks.
    unsafe { SSL_has_pending(ssl.as_ptr()) == 1 }
}
