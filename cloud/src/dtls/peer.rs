//! One DTLS session and the datagrams in front of it.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iotx_coap::cloud_auth::dtls_psk;
use openssl::error::ErrorStack;
use openssl::ssl::{Error, ErrorCode, ShutdownState, SslContext, SslStream};
use zeroize::Zeroizing;

use super::DtlsOptions;
use super::alert;
use super::context::{Session, new_ssl};
use super::ffi::{self, Listen};
use super::record::{HelloRandom, last_number};
use crate::devices::DeviceId;
use crate::endpoint::{Endpoint, Namespace, Transport};
use crate::event::{Credential, EventKind};
use crate::port::Wire;

/// Largest plaintext of a record (RFC 6347 section 4.1).
pub(super) const MAX_RECORD: usize = 16_384;
/// Length of the master secret (RFC 5246 section 8.1).
const MASTER_SECRET: usize = 48;

/// The stream under an SSL object: one read is one datagram. What is written leaves when the call of OpenSSL is
/// over, in as few datagrams as the MTU allows (RFC 6347 section 4.1.1): OpenSSL writes every message of a
/// repeated flight by itself, which would hardly arrive together where much is lost.
pub(super) struct Datagrams {
    wire: Arc<dyn Wire>,
    peer: Option<SocketAddr>,
    arrived: Option<Vec<u8>>,
    /// What waits to be sent.
    outbox: Vec<Vec<u8>>,
    mtu: usize,
    /// Epoch and sequence number of the last record sent.
    last_record: u64,
}

impl Datagrams {
    fn send(&mut self) {
        let outbox = self.outbox.drain(..);
        if let Some(peer) = self.peer {
            outbox.for_each(|datagram| self.wire.send(peer, &datagram));
        }
    }
}

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let datagram = self.arrived.take().ok_or(io::ErrorKind::WouldBlock)?;
        let len = datagram.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram[..len]);
        Ok(len)
    }
}

impl Write for Datagrams {
    fn write(&mut self, records: &[u8]) -> io::Result<usize> {
        self.last_record = last_number(records).unwrap_or(self.last_record);
        match self.outbox.last_mut() {
            Some(last) if last.len() + records.len() <= self.mtu => last.extend_from_slice(records),
            _ => self.outbox.push(records.to_vec()),
        }
        Ok(records.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The spare SSL object that answers ClientHellos statelessly.
pub(super) struct Listener {
    stream: SslStream<Datagrams>,
    session: Arc<Session>,
}

/// What became of a ClientHello.
pub(super) enum Heard {
    /// OpenSSL could not read it.
    Dropped,
    /// It had no valid cookie and was answered with one.
    Asked,
    /// It had.
    Verified,
}

impl Listener {
    pub(super) fn new(
        context: &SslContext,
        options: &DtlsOptions,
        wire: Arc<dyn Wire>,
    ) -> Result<Self, ErrorStack> {
        let (ssl, session) = new_ssl(context, options)?;
        let datagrams = Datagrams {
            wire,
            peer: None,
            arrived: None,
            outbox: Vec::new(),
            mtu: options.mtu as usize,
            last_record: 0,
        };
        Ok(Listener {
            stream: SslStream::new(ssl, datagrams)?,
            session,
        })
    }

    /// Answers a ClientHello, or finds a valid cookie in it: then this is a session from now on.
    pub(super) fn hear(&mut self, from: SocketAddr, datagram: &[u8]) -> Result<Heard, ErrorStack> {
        self.session.set_peer(from);
        let datagrams = self.stream.get_mut();
        datagrams.peer = Some(from);
        datagrams.arrived = Some(datagram.to_vec());
        let verdict = ffi::listen(&mut self.stream)?;
        let asks = !self.stream.get_ref().outbox.is_empty();
        self.stream.get_mut().send();
        Ok(match verdict {
            Listen::Verified => Heard::Verified,
            Listen::NotYet if asks => Heard::Asked,
            Listen::NotYet => Heard::Dropped,
        })
    }

    pub(super) fn into_peer(
        mut self,
        address: SocketAddr,
        number: u64,
        hello: HelloRandom,
        now: Instant,
    ) -> Peer {
        self.stream.get_mut().peer = Some(address);
        let endpoint = Endpoint {
            transport: Transport::Dtls,
            peer: address,
            session: number,
        };
        Peer {
            among: Namespace::Endpoint(endpoint),
            endpoint,
            stream: self.stream,
            session: self.session,
            hello,
            established: false,
            device: None,
            begun: now,
            heard: now,
        }
    }
}

/// One session, from the verified cookie on.
pub(super) struct Peer {
    pub(super) endpoint: Endpoint,
    /// Whose message ids it has.
    pub(super) among: Namespace,
    stream: SslStream<Datagrams>,
    session: Arc<Session>,
    /// Of the ClientHello that began it.
    pub(super) hello: HelloRandom,
    pub(super) established: bool,
    /// Whose pre-shared key opened it.
    pub(super) device: Option<DeviceId>,
    pub(super) begun: Instant,
    pub(super) heard: Instant,
}

/// How far a step has brought the session.
pub(super) enum Step {
    /// It waits for the next datagram.
    Waiting,
    /// The handshake is complete.
    Established(EventKind),
    /// One message, of this length at the start of the buffer.
    Message(usize),
    /// The device has closed it; our close_notify is on its way.
    Closed,
    /// It is of no use any more.
    Failed(String),
}

impl Peer {
    /// Puts a datagram before the session; [`step`](Self::step) works it off.
    pub(super) fn feed(&mut self, now: Instant, datagram: &[u8]) {
        self.heard = now;
        self.stream.get_mut().arrived = Some(datagram.to_vec());
    }

    /// Takes one step; call again until the answer is [`Step::Waiting`] or an end.
    pub(super) fn step(&mut self, buffer: &mut [u8; MAX_RECORD]) -> Step {
        let step = self.step_in_silence(buffer);
        self.stream.get_mut().send();
        step
    }

    /// The same; what is to be sent stays in the outbox.
    fn step_in_silence(&mut self, buffer: &mut [u8; MAX_RECORD]) -> Step {
        ffi::clear_errors();
        if !self.established {
            return match self.stream.accept() {
                Ok(()) => {
                    self.established = true;
                    Step::Established(self.handshake_event())
                }
                Err(error) => self.after(&error),
            };
        }
        match self.stream.ssl_read(buffer) {
            Ok(len) => Step::Message(len),
            Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                self.close();
                Step::Closed
            }
            Err(error) => self.after(&error),
        }
    }

    /// Takes the first step of a handshake whose ClientHello was fed without a cookie, and says
    /// whether it resumes a session. Only then is anything sent.
    pub(super) fn resumes(&mut self, buffer: &mut [u8; MAX_RECORD]) -> bool {
        let waiting = matches!(self.step_in_silence(buffer), Step::Waiting);
        if !waiting || !self.stream.ssl().session_reused() {
            return false;
        }
        self.stream.get_mut().send();
        true
    }

    /// From now on, message ids are those of all sessions with this one's master secret.
    pub(super) fn share_message_ids(&mut self, hasher: &RandomState) {
        let mut secret = Zeroizing::new([0; MASTER_SECRET]);
        let session = self.stream.ssl().session();
        if session.is_some_and(|it| it.master_key(&mut *secret) == MASTER_SECRET) {
            self.among = Namespace::Secret(hasher.hash_one(*secret));
        }
    }

    /// Sends one message.
    pub(super) fn send(&mut self, message: &[u8]) {
        if let Err(error) = self.stream.ssl_write(message) {
            log::warn!("message to {} not sent: {error}", self.endpoint.peer);
        }
        self.stream.get_mut().send();
    }

    /// Sends close_notify.
    pub(super) fn close(&mut self) {
        if let Err(error) = self.stream.shutdown() {
            log::debug!("close_notify to {}: {error}", self.endpoint.peer);
        }
        self.stream.get_mut().send();
    }

    /// Sends a fatal alert. The session is to be dropped then, and cannot be resumed by its id.
    pub(super) fn abort(&mut self) {
        let datagrams = self.stream.get_ref();
        let number = datagrams.last_record + 1;
        match alert::fatal(self.stream.ssl(), number) {
            Ok(Some(datagram)) => datagrams.wire.send(self.endpoint.peer, &datagram),
            Ok(None) => log::warn!("no fatal alert in this version of DTLS or with this suite"),
            Err(error) => log::error!("fatal alert to {}: {error}", self.endpoint.peer),
        }
    }

    /// Makes this session end without a word, and stay resumable: OpenSSL drops a session from its
    /// cache when the connection was not shut down.
    pub(super) fn forget(&mut self) {
        self.stream
            .set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }

    /// Repeats the flight in the air if it is due.
    pub(super) fn handle_timeout(&mut self) -> Result<(), ErrorStack> {
        let repeated = ffi::handle_timeout(&mut self.stream);
        self.stream.get_mut().send();
        repeated
    }

    /// When this session needs attention next, whatever comes.
    pub(super) fn deadline(&self, now: Instant, options: &DtlsOptions) -> Instant {
        if self.established {
            return self.heard + options.idle_timeout;
        }
        let by = self.begun + options.handshake_timeout;
        match ffi::retransmission_due(self.stream.ssl()) {
            // Never "now": the caller would come back at once, for ever.
            Some(left) => by.min(now + left.max(Duration::from_millis(1))),
            None => by,
        }
    }

    fn after(&self, error: &Error) -> Step {
        match error.code() {
            ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => Step::Waiting,
            _ => Step::Failed(match self.session.psk() {
                Some(Err(reason)) => reason,
                _ => reason(error),
            }),
        }
    }

    fn handshake_event(&mut self) -> EventKind {
        let ssl = self.stream.ssl();
        let cipher = ssl.current_cipher();
        let name = cipher
            .and_then(|cipher| cipher.standard_name())
            .unwrap_or("unknown");
        // After a resumption the identity comes from the session, no callback was called.
        let identity = ssl
            .psk_identity()
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        let device = identity
            .and_then(dtls_psk::parse_identity)
            .map(|parsed| DeviceId::new(parsed.product_key, parsed.device_name));
        let credential = match &device {
            Some(device) if name.starts_with("TLS_RSA_PSK") => Credential::RsaPsk(device.clone()),
            Some(device) => Credential::Psk(device.clone()),
            None => Credential::Certificate,
        };
        let event = EventKind::Handshake {
            cipher: name.into(),
            version: ssl.version_str().into(),
            resumed: ssl.session_reused(),
            credential,
            server_name: ssl
                .servername(openssl::ssl::NameType::HOST_NAME)
                .map(String::from),
        };
        self.device = device;
        event
    }
}

/// OpenSSL's reason in a few words, without file names and code numbers.
fn reason(error: &Error) -> String {
    let from_stack = error
        .ssl_error()
        .and_then(|stack| stack.errors().last())
        .and_then(|last| last.reason())
        .map(String::from);
    from_stack
        .or_else(|| error.io_error().map(ToString::to_string))
        .unwrap_or_else(|| format!("{error}"))
}
