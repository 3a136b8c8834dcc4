//! The record protection of one established session: OpenSSL after its handshake.

use std::ffi::c_int;

use foreign_types::ForeignTypeRef;
use openssl::ssl::{ErrorCode, SslRef};

use super::super::clock::Moment;
use super::buffers::Buffers;
use super::failure::fatal_alert;
use super::records::{Protection, Record};
use super::stream::{Stream, Trouble};

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
    stream: Stream,
    protection: Protection,
    /// Whether OpenSSL may hold records from before: those that overtook the end of the handshake. Later ones it is
    /// handed one by one, and keeps none.
    holds_early_records: bool,
    /// Whether there may be records that OpenSSL has not gone through.
    pending: bool,
    buffers: Buffers,
    ended: Option<Ended>,
}

impl Channel {
    pub(super) fn new(mut stream: Stream) -> Self {
        stream.wire_mut().end_handshake();
        let holds_early_records = has_pending(stream.ssl());
        Self {
            protection: Protection::of(stream.ssl()),
            holds_early_records,
            pending: holds_early_records || stream.wire().has_mail(),
            buffers: Buffers::new(),
            stream,
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
        self.pending = true;
        self.stream.wire_mut().deliver(record);
    }

    /// Whether there are records to [`take`](Self::take).
    #[inline(always)]
    pub(super) fn has_pending(&self) -> bool {
        self.pending && self.ended.is_none()
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

    #[cfg(test)]
    pub(super) fn has_buffers(&self) -> bool {
        self.buffers.there()
    }

    /// Sends one datagram as one record.
    #[inline(always)]
    pub(super) fn send(&mut self, datagram: &[u8], peer: &str) -> Result<(), SendError> {
        if let Some(ended) = self.ended {
            return Err(SendError::Ended(ended));
        }
        if !self.buffers.are_there(self.stream.ssl()) {
            self.have_no_buffers(peer);
            return Err(SendError::Transport);
        }
        if let Err(trouble) = self.stream.write(datagram) {
            return Err(SendError::Ended(self.end(&trouble, peer)));
        }
        if self.stream.wire().has_error() {
            return Err(self.was_not_sent(peer));
        }
        Ok(())
    }

    #[cold]
    fn was_not_sent(&mut self, peer: &str) -> SendError {
        if let Some(error) = self.stream.wire_mut().take_error() {
            log::warn!("{peer}: sending failed: {error}");
        }
        SendError::Transport
    }

    /// Opens the next record. A datagram that does not fit into the buffer is cut.
    #[inline(always)]
    pub(super) fn take(&mut self, buffer: &mut [u8], peer: &str) -> Taken {
        if !self.buffers.are_there(self.stream.ssl()) {
            self.pending = false;
            return self.have_no_buffers(peer);
        }
        // Where the server asks for our last flight again, OpenSSL repeats it from inside a read.
        self.stream.wire_mut().gather();
        let read = self.stream.read(buffer);
        self.stream.wire_mut().send_gathered();
        match read {
            Ok(length) => {
                if length == buffer.len() {
                    self.drop_rest_of_record(peer);
                }
                self.pending = self.holds_early_records || self.stream.wire().has_mail();
                Taken::Datagram(length)
            }
            Err(trouble) => self.took_nothing(&trouble, peer),
        }
    }

    #[cold]
    fn took_nothing(&mut self, trouble: &Trouble, peer: &str) -> Taken {
        if !trouble.wants_to_wait() {
            return Taken::Ended(self.end(trouble, peer));
        }
        // The repetition of a last flight may not have left; the server asks again.
        if let Some(error) = self.stream.wire_mut().take_error() {
            log::debug!("{peer}: {error}");
        }
        self.holds_early_records = false;
        self.pending = false;
        Taken::Nothing
    }

    #[cold]
    fn have_no_buffers(&self, peer: &str) -> Taken {
        log::error!("{peer}: no memory for a record");
        Taken::Nothing
    }

    /// Keeps the borders of datagrams: OpenSSL would give the rest of a record as the next one.
    #[cold]
    fn drop_rest_of_record(&mut self, peer: &str) {
        if self.stream.ssl().pending() == 0 {
            return;
        }
        let mut dropped = 0;
        let mut scratch = [0u8; 256];
        while self.stream.ssl().pending() > 0 {
            match self.stream.read(&mut scratch) {
                Ok(length) => dropped += length,
                Err(_) => break,
            }
        }
        log::warn!("{peer}: a datagram was too long for the buffer, {dropped} bytes dropped");
    }

    /// Gives buffers back that a session does not need which is read from at `now` and has nothing more to give.
    #[inline(always)]
    pub(super) fn rest(&mut self, now: Moment, has_given: bool) {
        if !self.pending && self.ended.is_none() {
            self.buffers.rest(self.stream.ssl(), now, has_given);
        }
    }

    /// Notes how the session ended: this is no trouble that waiting would cure.
    #[cold]
    fn end(&mut self, trouble: &Trouble, peer: &str) -> Ended {
        let ended = if trouble.code == ErrorCode::ZERO_RETURN {
            log::warn!("{peer}: the server closed the DTLS session (close_notify)");
            Ended::CloseNotify
        } else if let Some(alert) = fatal_alert(&trouble.stack) {
            log::error!(
                "{peer}: the server ended the DTLS session: {}",
                alert.name()
            );
            Ended::FatalAlert
        } else {
            log::error!("{peer}: the DTLS session broke: {trouble}");
            Ended::Broken
        };
        self.ended = Some(ended);
        ended
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, peer: &str) {
        // After a fatal alert or an internal error there is no session to say goodbye in (RFC 5246
        // 7.2.2).
        if matches!(self.ended, None | Some(Ended::CloseNotify))
            && self.buffers.are_there(self.stream.ssl())
            && let Err(trouble) = self.stream.shut_down()
        {
            log::debug!("{peer}: close_notify could not be sent: {trouble}");
        }
    }

    /// Ends without a word, another session having taken over: a close_notify could reach the server
    /// as one of that session.
    pub(super) fn abandon(self) {
        self.stream.abandon();
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
