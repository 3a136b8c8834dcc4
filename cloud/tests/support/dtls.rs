//! A DTLS client on OpenSSL, over a socket whose datagrams can be lost and repeated.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use foreign_types::ForeignTypeRef;
use iotx_coap::cloud_auth::{SignMethod, dtls_psk};
use openssl::ssl::{
    ErrorCode, HandshakeError, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions,
    SslSession, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use iotx_cloud::{CloudHandle, Code, Credential, Event, EventKind, OPTION_TOKEN_61, SessionEnd};

use super::{DN, DS, Link, PATIENCE, PK, code, report, token};

/// What happens to a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Arrives,
    Lost,
    Twice,
}

type Judge = Box<dyn FnMut(usize, &[u8]) -> Fate + Send>;

/// One read is one datagram. A read that finds nothing within a moment says WouldBlock, so that the
/// caller can look after OpenSSL's timers.
pub struct Datagrams {
    pub socket: UdpSocket,
    sent: usize,
    received: usize,
    again: Option<Vec<u8>>,
    outgoing: Judge,
    incoming: Judge,
}

impl Datagrams {
    pub fn to(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        Datagrams::over(socket)
    }

    pub fn over(socket: UdpSocket) -> Self {
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        Datagrams {
            socket,
            sent: 0,
            received: 0,
            again: None,
            outgoing: Box::new(|_, _| Fate::Arrives),
            incoming: Box::new(|_, _| Fate::Arrives),
        }
    }

    /// Judges datagrams by their number (from 0) and content.
    pub fn outgoing(mut self, judge: impl FnMut(usize, &[u8]) -> Fate + Send + 'static) -> Self {
        self.outgoing = Box::new(judge);
        self
    }

    pub fn incoming(mut self, judge: impl FnMut(usize, &[u8]) -> Fate + Send + 'static) -> Self {
        self.incoming = Box::new(judge);
        self
    }
}

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(again) = self.again.take() {
            buffer[..again.len()].copy_from_slice(&again);
            return Ok(again.len());
        }
        let len = self.socket.recv(buffer)?;
        self.received += 1;
        match (self.incoming)(self.received - 1, &buffer[..len]) {
            Fate::Lost => return Err(io::ErrorKind::WouldBlock.into()),
            Fate::Twice => self.again = Some(buffer[..len].to_vec()),
            Fate::Arrives => {}
        }
        Ok(len)
    }
}

impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.sent += 1;
        let copies = match (self.outgoing)(self.sent - 1, datagram) {
            Fate::Lost => 0,
            Fate::Arrives => 1,
            Fate::Twice => 2,
        };
        for _ in 0..copies {
            self.socket.send(datagram)?;
        }
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn base() -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::dtls_client()).unwrap();
    context
        .set_min_proto_version(Some(SslVersion::DTLS1_2))
        .unwrap();
    context.set_options(SslOptions::NO_QUERY_MTU);
    context
}

/// Verifies the server's certificate against this CA.
pub fn certificate(ca: &[u8], ciphers: &str) -> SslContext {
    let mut context = base();
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(X509::from_pem(ca).unwrap()).unwrap();
    context.set_cert_store(store.build());
    context.set_verify(SslVerifyMode::PEER);
    context.set_cipher_list(ciphers).unwrap();
    context.build()
}

/// Pre-shared key of the demo device, as SDK 3.2.0.
pub fn psk(ciphers: &str) -> SslContext {
    psk_of(DN, DS, ciphers)
}

pub fn psk_of(dn: &str, ds: &str, ciphers: &str) -> SslContext {
    let method = SignMethod::HmacSha256;
    let timestamp = dtls_psk::DEFAULT_TIMESTAMP;
    let identity = dtls_psk::identity(method, PK, dn, timestamp);
    let key = dtls_psk::key(method, ds.as_bytes(), PK, dn, timestamp);
    psk_with(identity, key.as_bytes().to_vec(), ciphers)
}

pub fn psk_with(identity: String, key: Vec<u8>, ciphers: &str) -> SslContext {
    let mut context = base();
    context.set_cipher_list(ciphers).unwrap();
    context.set_psk_client_callback(move |_, _, identity_room, key_room| {
        identity_room[..identity.len()].copy_from_slice(identity.as_bytes());
        identity_room[identity.len()] = 0;
        key_room[..key.len()].copy_from_slice(&key);
        Ok(key.len())
    });
    context.build()
}

pub struct Dtls(pub SslStream<Datagrams>);

/// How to connect.
pub struct Connect<'a> {
    pub context: &'a SslContext,
    /// Checked against the certificate and sent as SNI.
    pub host: Option<&'a str>,
    pub resume: Option<&'a SslSession>,
}

impl<'a> Connect<'a> {
    pub fn with(context: &'a SslContext) -> Self {
        Connect {
            context,
            host: None,
            resume: None,
        }
    }

    pub fn host(mut self, host: &'a str) -> Self {
        self.host = Some(host);
        self
    }

    pub fn resume(mut self, session: &'a SslSession) -> Self {
        self.resume = Some(session);
        self
    }

    fn ssl(&self) -> Ssl {
        let mut ssl = Ssl::new(self.context).unwrap();
        ssl.set_mtu(1200).unwrap();
        if let Some(host) = self.host {
            if host.parse::<std::net::IpAddr>().is_err() {
                ssl.set_hostname(host).unwrap();
                ssl.param_mut().set_host(host).unwrap();
            } else {
                ssl.param_mut().set_ip(host.parse().unwrap()).unwrap();
            }
        }
        if let Some(session) = self.resume {
            // SAFETY: the session was made with this context.
            unsafe { ssl.set_session(session) }.unwrap();
        }
        ssl
    }

    /// Begins a handshake and leaves it when this many datagrams have been sent.
    pub fn leave_after(self, count: usize, datagrams: Datagrams) {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut result = self.ssl().connect(datagrams);
        loop {
            match result {
                Err(HandshakeError::WouldBlock(waiting)) if waiting.get_ref().sent < count => {
                    assert!(std::time::Instant::now() < deadline, "no answer in time");
                    result = waiting.handshake();
                }
                Err(HandshakeError::WouldBlock(_)) => return,
                Err(HandshakeError::Failure(failed)) => panic!("{}", failed.error()),
                Err(HandshakeError::SetupFailure(error)) => panic!("{error}"),
                Ok(_) => panic!("connected"),
            }
        }
    }

    pub fn over(self, datagrams: Datagrams) -> Result<Dtls, String> {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut result = self.ssl().connect(datagrams);
        loop {
            match result {
                Ok(stream) => return Ok(Dtls(stream)),
                Err(HandshakeError::WouldBlock(waiting)) => {
                    if std::time::Instant::now() > deadline {
                        return Err("the handshake takes too long".into());
                    }
                    handle_timeout(waiting.ssl());
                    result = waiting.handshake();
                }
                Err(HandshakeError::Failure(failed)) => {
                    // What the certificate was refused for, and what OpenSSL says.
                    let verified = failed.ssl().verify_result().error_string();
                    return Err(format!("{verified}: {}", failed.error()));
                }
                Err(HandshakeError::SetupFailure(error)) => return Err(format!("{error}")),
            }
        }
    }

    pub fn to(self, address: SocketAddr) -> Result<Dtls, String> {
        self.over(Datagrams::to(address))
    }
}

fn handle_timeout(ssl: &openssl::ssl::SslRef) {
    const DTLS_CTRL_HANDLE_TIMEOUT: i32 = 74;
    // SAFETY: the SSL is alive and used by this thread only; the command takes no pointer.
    unsafe {
        openssl_sys::SSL_ctrl(
            ssl.as_ptr(),
            DTLS_CTRL_HANDLE_TIMEOUT,
            0,
            std::ptr::null_mut(),
        )
    };
}

impl Dtls {
    pub fn session(&self) -> SslSession {
        self.0.ssl().session().expect("a session").to_owned()
    }

    pub fn resumed(&self) -> bool {
        self.0.ssl().session_reused()
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.0.get_ref().socket.local_addr().unwrap()
    }

    /// Reads until a fatal alert comes, and returns OpenSSL's words for it.
    pub fn wait_failed(&mut self) -> String {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            match self.0.ssl_read(&mut [0; 2048]) {
                Err(error) if error.code() == ErrorCode::WANT_READ => {}
                Err(error) => return error.to_string(),
                Ok(len) => panic!("expected an alert, got {len} bytes"),
            }
            assert!(std::time::Instant::now() < deadline, "no alert");
        }
    }

    /// Reads until close_notify comes.
    pub fn wait_closed(&mut self) {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        loop {
            match self.0.ssl_read(&mut buffer) {
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => return,
                Err(error) if error.code() == ErrorCode::WANT_READ => {}
                other => panic!("expected close_notify, got {other:?}"),
            }
            assert!(std::time::Instant::now() < deadline, "no close_notify");
        }
    }
}

impl Link for Dtls {
    fn send(&mut self, message: &[u8]) {
        self.0.ssl_write(message).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        loop {
            match self.0.ssl_read(&mut buffer) {
                Ok(len) => return buffer[..len].to_vec(),
                Err(error) if error.code() == ErrorCode::WANT_READ => {}
                Err(error) => panic!("{error}"),
            }
            assert!(std::time::Instant::now() < deadline, "no answer in time");
        }
    }
}

pub const CLASSIC: &str = "AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA";
pub const MODERN: &str = "ECDHE-RSA-AES128-GCM-SHA256";
pub const SDK_3_2: &str = "PSK-AES128-CBC-SHA";

/// Authenticates and posts once.
pub fn work(link: &mut impl Link) {
    let token = token(link, 1);
    let path = "/topic/a1B2c3D4e5F/dev01/update";
    let answer = link.ask(&report(2, path, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::CONTENT);
}

pub fn handshake(cloud: &CloudHandle) -> (String, bool, Credential, Option<String>) {
    match cloud
        .wait_for(Event::is_handshake, PATIENCE)
        .map(|event| event.kind)
    {
        Some(EventKind::Handshake {
            cipher,
            resumed,
            credential,
            server_name,
            version,
        }) => {
            assert_eq!(version, "DTLSv1.2");
            (cipher, resumed, credential, server_name)
        }
        other => panic!("{other:?}"),
    }
}

pub fn handshake_failure(cloud: &CloudHandle) -> String {
    let failed = |event: &Event| matches!(event.kind, EventKind::HandshakeFailed { .. });
    match cloud.wait_for(failed, PATIENCE).map(|event| event.kind) {
        Some(EventKind::HandshakeFailed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

pub fn ended(cloud: &CloudHandle, end: SessionEnd) {
    let wanted = |event: &Event| event.kind == EventKind::SessionEnded(end);
    assert!(cloud.wait_for(wanted, PATIENCE).is_some(), "no {end:?}");
}
