//! The OpenSSL context that all sessions share.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslRef, SslSessionCacheMode,
    SslVerifyMode, SslVersion,
};

use super::cookie::Cookies;
use super::{DtlsOptions, DtlsVersion};
use crate::devices::DeviceId;
use crate::pki::{Identity, KeyKind};
use crate::service::Shared;

/// Suites with a certificate: today's first, then what SDK 2.03 to 3.01 offer. The client's order
/// decides, so that "certificate before PSK" and the like can be seen from outside.
const CERTIFICATE_SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
    ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES128-CCM8:\
    ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:\
    ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:\
    AES128-GCM-SHA256:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:AES128-SHA256:AES128-SHA";
/// Suites with a pre-shared key; SDK 3.2.0 offers nothing but the last.
const PSK_SUITES: &str = "ECDHE-PSK-AES128-CBC-SHA256:ECDHE-PSK-AES128-CBC-SHA:\
    PSK-AES128-GCM-SHA256:PSK-AES128-CCM:PSK-AES128-CCM8:PSK-AES256-GCM-SHA384:\
    PSK-AES128-CBC-SHA256:PSK-AES256-CBC-SHA:PSK-AES128-CBC-SHA";
/// Suites with both, which SDK 2.03 to 3.01 offer as well.
const RSA_PSK_SUITES: &str =
    "RSA-PSK-AES256-CBC-SHA:RSA-PSK-AES128-CBC-SHA256:RSA-PSK-AES128-CBC-SHA";

/// What the callbacks need to know about the session they are called for.
pub(super) struct Session {
    pub(super) peer: Mutex<Option<SocketAddr>>,
    /// Set when the client named a device whose key we know, else why not.
    pub(super) psk: Mutex<Option<Result<DeviceId, String>>>,
}

impl Session {
    pub(super) fn set_peer(&self, peer: SocketAddr) {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer);
    }

    fn peer(&self) -> Option<SocketAddr> {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn psk(&self) -> Option<Result<DeviceId, String>> {
        self.psk
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn session_index() -> Result<Index<Ssl, Arc<Session>>, ErrorStack> {
    static INDEX: OnceLock<Index<Ssl, Arc<Session>>> = OnceLock::new();
    if let Some(index) = INDEX.get() {
        return Ok(*index);
    }
    let index = Ssl::new_ex_index()?;
    Ok(*INDEX.get_or_init(|| index))
}

fn session_of(ssl: &SslRef) -> Option<&Session> {
    ssl.ex_data(session_index().ok()?).map(|session| &**session)
}

/// An SSL object ready for `DTLSv1_listen`.
pub(super) fn new_ssl(
    context: &SslContext,
    options: &DtlsOptions,
) -> Result<(Ssl, Arc<Session>), ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    let session = Arc::new(Session {
        peer: Mutex::default(),
        psk: Mutex::default(),
    });
    ssl.set_ex_data(session_index()?, Arc::clone(&session));
    ssl.set_accept_state();
    ssl.set_mtu(options.mtu)?;
    super::ffi::set_initial_timer(&mut ssl, options.flight_timeout)?;
    Ok((ssl, session))
}

/// Builds the context.
///
/// # Errors
/// When OpenSSL refuses a setting, such as an unknown suite.
pub(crate) fn make_context(
    options: &DtlsOptions,
    server: Option<&Identity>,
    shared: &Arc<Shared>,
) -> io::Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::dtls())?;
    let version = match options.version {
        DtlsVersion::V1_2 => SslVersion::DTLS1_2,
        DtlsVersion::V1_0 => SslVersion::DTLS1,
    };
    context.set_min_proto_version(Some(version))?;
    context.set_max_proto_version(Some(version))?;
    // Level 0 for what is wrong on purpose: DTLS 1.0 signs with SHA-1, and 1024 bits are too few.
    let weak_key = options
        .certificate
        .as_ref()
        .is_some_and(|c| c.key == KeyKind::Rsa1024);
    context.set_security_level(if weak_key || version == SslVersion::DTLS1 {
        0
    } else {
        1
    });
    // With encrypt-then-MAC, OpenSSL 3 ends a DTLS session at the first record whose MAC is wrong:
    // anybody who can forge an address could. Without, it drops such records (RFC 6347 4.1.2.7).
    if options.prefer_own_order {
        context.set_options(SslOptions::CIPHER_SERVER_PREFERENCE);
    }
    context.set_options(
        // DTLSv1_listen sets COOKIE_EXCHANGE where it applies.
        SslOptions::NO_QUERY_MTU | SslOptions::NO_RENEGOTIATION | super::ffi::NO_ENCRYPT_THEN_MAC,
    );
    context.set_verify(SslVerifyMode::NONE);
    set_suites(&mut context, options, server)?;
    set_resumption(&mut context, options)?;
    set_cookies(&mut context)?;
    if options.psk {
        set_psk(&mut context, shared);
    }
    Ok(context.build())
}

fn set_suites(
    context: &mut SslContextBuilder,
    options: &DtlsOptions,
    server: Option<&Identity>,
) -> Result<(), ErrorStack> {
    let mut suites = Vec::new();
    if let Some(identity) = server {
        context.set_certificate(&identity.certificate)?;
        context.set_private_key(&identity.key)?;
        context.check_private_key()?;
        suites.push(CERTIFICATE_SUITES);
        if options.psk {
            suites.push(RSA_PSK_SUITES);
        }
    }
    if options.psk {
        suites.push(PSK_SUITES);
    }
    match &options.ciphers {
        Some(ciphers) => context.set_cipher_list(ciphers),
        None => context.set_cipher_list(&suites.join(":")),
    }
}

fn set_resumption(
    context: &mut SslContextBuilder,
    options: &DtlsOptions,
) -> Result<(), ErrorStack> {
    context.set_session_id_context(b"iotx-cloud")?;
    if !options.resumption {
        context.set_session_cache_mode(SslSessionCacheMode::OFF);
    }
    if !options.resumption || !options.tickets {
        context.set_options(SslOptions::NO_TICKET);
    }
    Ok(())
}

fn set_cookies(context: &mut SslContextBuilder) -> Result<(), ErrorStack> {
    let making = Arc::new(Cookies::new()?);
    let checking = Arc::clone(&making);
    context.set_cookie_generate_cb(move |ssl, room| {
        match session_of(ssl).and_then(Session::peer) {
            Some(peer) => making.generate(Instant::now(), peer, room),
            None => Ok(0),
        }
    });
    context.set_cookie_verify_cb(move |ssl, cookie| {
        session_of(ssl)
            .and_then(Session::peer)
            .is_some_and(|peer| checking.verify(Instant::now(), peer, cookie))
    });
    Ok(())
}

fn set_psk(context: &mut SslContextBuilder, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    context.set_psk_server_callback(move |ssl, identity, room| {
        let identity = identity.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let found = identity.and_then(|identity| shared.platform().psk(identity));
        let (verdict, len) = match found {
            None => (Err("unknown PSK identity".to_owned()), 0),
            Some((device, key)) => match room.get_mut(..key.as_bytes().len()) {
                None => (Err("PSK too long for OpenSSL".to_owned()), 0),
                Some(room) => {
                    room.copy_from_slice(key.as_bytes());
                    (Ok(device), key.as_bytes().len())
                }
            },
        };
        if let Some(session) = session_of(ssl) {
            *session.psk.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        }
        // A length of zero makes OpenSSL send the alert unknown_psk_identity.
        Ok(len)
    });
}
