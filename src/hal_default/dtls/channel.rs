//! The record protection of one established session: OpenSSL after its handshake.

use std::ffi::c_int;

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, ShutdownState, SslRef, SslStream};

use super::failure::fatal_alert;
use super::records::{Protection, Record};
use super::wire::Wire;

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

/// What [`Channel::take`] came back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// One datagram of this length.
    Datagram(usize),
    /// No record holds a datagram.
    Nothing,
    /// The session has just ended.
    Ended(Ended),
}

#[derive(Debug)]
pub(super) struct Channel {
    stream: SslStream<Wire>,
    protection: Protection,
    /// Whether OpenSSL has gone through all that was delivered.
    exhausted: bool,
    ended: Option<Ended>,
}

impl Channel {
    pub(super) fn new(mut stream: SslStream<Wire>) -> Self {
        stream.get_mut().end_handshake();
        Self {
            protection: Protection::of(stream.ssl()),
            stream,
            exhausted: false,
            ended: None,
        }
    }

    /// How the session ended, once it has.
    pub(super) fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// What its records look like, as long as it takes any.
    pub(super) fn open_protection(&self) -> Option<Protection> {
        self.ended.is_none().then_some(self.protection)
    }

    /// Takes a record for [`Self::take`] to open.
    pub(super) fn deliver(&mut self, record: Record<'_>) {
        self.exhausted = false;
        self.stream.get_mut().deliver(record.bytes());
    }

    /// Whether there are records to [`take`](Self::take).
    #[inline(always)]
    pub(super) fn has_pending(&self) -> bool {
        self.ended.is_none()
            && !self.exhausted
            && (self.stream.get_ref().has_mail() || has_pending(self.stream.ssl()))
    }

    /// The longest datagram whose record fits the path MTU.
    pub(super) fn largest_datagram(&self) -> usize {
        unsafe extern "C" {
            // <openssl/ssl.h>, OpenSSL 1.1.1 and later; not in the bindings.
            fn DTLS_get_data_mtu(ssl: *const openssl_sys::SSL) -> usize;
        }
        // SAFETY: the object is live and the call only looks.
        unsafe { DTLS_get_data_mtu(self.stream.ssl().as_ptr()) }
    }

    /// Sends one datagram as one record.
    pub(super) fn send(&mut self, datagram: &[u8], peer: &str) -> Result<(), SendError> {
        if let Some(ended) = self.ended {
            return Err(SendError::Ended(ended));
        }
        drop(ErrorStack::get());
        let written = self.stream.ssl_write(datagram);
        let lost = self.stream.get_mut().take_error();
        match (written, lost) {
            (Ok(_), None) => Ok(()),
            (Ok(_), Some(error)) => {
                log::warn!("{peer}: sending failed: {error}");
                Err(SendError::Transport)
            }
            (Err(error), _) => Err(SendError::Ended(self.end(&error, peer))),
        }
    }

    /// Opens the next record. A datagram that does not fit into the buffer is cut.
    pub(super) fn take(&mut self, buffer: &mut [u8], peer: &str) -> Taken {
        drop(ErrorStack::get());
        match self.stream.ssl_read(buffer) {
            Ok(length) => {
                self.drop_rest_of_record(peer);
                Taken::Datagram(length)
            }
            Err(error) if error.code() == ErrorCode::WANT_READ => {
                // The repetition of a last flight may not have left; the server asks again.
                if let Some(error) = self.stream.get_mut().take_error() {
                    log::debug!("{peer}: {error}");
                }
                self.exhausted = true;
                Taken::Nothing
            }
            Err(error) => Taken::Ended(self.end(&error, peer)),
        }
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
                alert.name()
            );
            Ended::FatalAlert
        } else {
            log::error!("{peer}: the DTLS session broke: {error}");
            Ended::Broken
        };
        self.ended = Some(ended);
        ended
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, peer: &str) {
        // After a fatal alert or an internal error there is no session to say goodbye in (RFC 5246
        // 7.2.2).
        if matches!(self.ended, None | Some(Ended::CloseNotify)) {
            drop(ErrorStack::get());
            if let Err(error) = self.stream.shutdown() {
                log::debug!("{peer}: close_notify could not be sent: {error}");
            }
        }
    }

    /// Ends without a word, another session having taken over: a close_notify could reach the server
    /// as one of that session.
    pub(super) fn abandon(mut self) {
        // OpenSSL forbids the resumption of a session that is freed without a shutdown.
        self.stream
            .set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }
}

/// Why nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendError {
    /// The session is over.
    Ended(Ended),
    /// The network did not take it; the session goes on.
    Transport,
}

/// Whether OpenSSL holds data that it took and nobody has read.
fn has_pending(ssl: &SslRef) -> bool {
    unsafe extern "C" {
        // <openssl/ssl.h>, OpenSSL 1.1.0 and later; not in the bindings.
        fn SSL_has_pending(ssl: *const openssl_sys::SSL) -> c_int;
    }
    // SAFETY: `ssl` is live and the call only looks.
    unsafe { SSL_has_pending(ssl.as_ptr()) == 1 }
}
