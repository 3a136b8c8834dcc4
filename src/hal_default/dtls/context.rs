//! What a handshake offers: version, cipher suites, trusted roots, key.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use once_cell::sync::OnceCell;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::sha::Sha256;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslRef, SslVerifyMode, SslVersion,
};

use super::failure::Failure;
use super::roots::Roots;
use crate::hal::dtls::PskCredentials;
use crate::sync::Mutex;

/// Certificate suites, best first. Each costs two bytes of every ClientHello, so there is one of each
/// kind that a server may insist on:
///
/// * ChaCha20-Poly1305 (RFC 7905): a whole tag at the least overhead, 29 bytes a record, and fast
///   without hardware for AES.
/// * AES-GCM: what servers without ChaCha20 have; 37 bytes. With 256 bits for servers whose rules ask for these
///   and nothing else.
/// * AES-CCM-8, which RFC 7252 9.1.3.3 and RFC 7925 4.2 make mandatory: 29 bytes, but by a tag of 64
///   bits, and DTLS lets a forger try again without end (RFC 9147 4.5.3). So for servers that have
///   nothing better.
/// * RSA key exchange with CBC, the only kind that SDK releases 2.03 to 3.01 offer, and therefore the
///   only kind an endpoint of that time is known to speak; which of the four it speaks is not. HMAC-SHA-1,
///   which nothing has shaken, before HMAC-SHA-256, which is 12 bytes longer.
const CERTIFICATE_SUITES: &str = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-CCM8:\
    AES128-SHA:AES256-SHA:AES128-SHA256:AES256-SHA256";

/// Pre-shared key suites, in the same order; AES-CCM-8 is what RFC 7252 9.1.3.1 makes mandatory, and the
/// last is 0x008C, the only one SDK 3.2.0 offers.
const PSK_SUITES: &str = "PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256:PSK-AES128-CCM8:\
    PSK-AES128-CBC-SHA";

/// Groups for key exchange and certificates, best first. X25519's public keys are 33 bytes shorter than
/// those of P-256, which everybody has; P-384 is for certificates.
const GROUPS: &str = "X25519:P-256:P-384";
/// Of a library that is bound to the rules of FIPS 140.
const GROUPS_OF_NIST: &str = "P-256:P-384";

/// Signatures that a server may use: those of RSA and ECDSA certificates with the hashes that today's
/// authorities and servers use. TLS 1.2 needs no RSA-PSS.
const SIGNATURES: &str = "ECDSA+SHA256:RSA+SHA256:ECDSA+SHA384:RSA+SHA384:RSA+SHA512";
/// The least of them, for a handshake in which nothing is signed: a ClientHello without the list stands for
/// SHA-1 (RFC 5246 7.4.1.4.1).
const FEWEST_SIGNATURES: &str = "ECDSA+SHA256";

/// The rules for keys and signatures, whatever the system's configuration file says: 112 bits, no
/// SHA-1 signatures.
const SECURITY_LEVEL: u32 = 2;

/// `SSL_OP_LEGACY_SERVER_CONNECT`: talk to servers without the renegotiation extension (RFC 5746),
/// as the SDK's mbedTLS does and as DTLS stacks of its time need. This side never renegotiates.
const LEGACY_SERVER_CONNECT: SslOptions = SslOptions::from_bits_retain(1 << 2);

/// `SSL_OP_NO_ENCRYPT_THEN_MAC`: do not offer RFC 7366 for the CBC suites. With it OpenSSL 3.0 ends
/// a session at the first record whose MAC is wrong, so one forged datagram would; without it such
/// a record is dropped, in constant time, as RFC 6347 4.1.2.7 asks. SDK releases 2.03 to 3.2.0 do
/// not offer it either.
const NO_ENCRYPT_THEN_MAC: SslOptions = SslOptions::from_bits_retain(1 << 19);

/// The kinds of suites in a ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suites {
    Certificates,
    Psk,
    Both,
}

impl Suites {
    /// Makes `ssl` offer these suites, not its context's; or of them only that of the session to be resumed: a server
    /// that resumes it must keep to it, and one that does not has agreed to it before. A suite less is two bytes
    /// less in every ClientHello (RFC 5246 7.4.1.2 demands no more than this one).
    pub(super) fn offer(self, ssl: &mut SslRef, resumed: Option<&str>) -> Result<(), ErrorStack> {
        let all = self.list();
        let known = resumed.filter(|suite| all.split(':').any(|known| known == *suite));
        ssl.set_cipher_list(known.unwrap_or(&all))
    }

    fn list(self) -> Cow<'static, str> {
        match self {
            Self::Certificates => CERTIFICATE_SUITES.into(),
            Self::Psk => PSK_SUITES.into(),
            Self::Both => format!("{CERTIFICATE_SUITES}:{PSK_SUITES}").into(),
        }
    }
}

/// The pre-shared key of one connection, and whether its server has chosen it in the handshake under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Psk(Arc<PskInner>);

#[derive(Debug, Default)]
struct PskInner {
    credentials: Option<PskCredentials>,
    chosen: AtomicBool,
}

impl Psk {
    pub(super) fn new(credentials: Option<&PskCredentials>) -> Self {
        Self(Arc::new(PskInner {
            credentials: credentials.cloned(),
            chosen: AtomicBool::new(false),
        }))
    }

    /// Lets a handshake use it; a new one begins.
    pub(super) fn lend(&self, ssl: &mut Ssl) -> Result<(), ErrorStack> {
        self.0.chosen.store(false, Ordering::Relaxed);
        ssl.set_ex_data(psk_index()?, self.clone());
        Ok(())
    }

    pub(super) fn is_chosen(&self) -> bool {
        self.0.chosen.load(Ordering::Relaxed)
    }
}

/// Where an SSL object keeps its key.
fn psk_index() -> Result<Index<Ssl, Psk>, ErrorStack> {
    static INDEX: OnceCell<Index<Ssl, Psk>> = OnceCell::new();
    INDEX.get_or_try_init(Ssl::new_ex_index).copied()
}

/// A context for handshakes of any number of connections, which offer these suites, unless one says otherwise, and
/// each have their own key.
///
/// A context takes tens of kilobytes: connections with the same suites that trust the same `roots` (none for the
/// key alone) share one. The last one is kept for the next.
pub(super) fn shared(suites: Suites, roots: &Roots) -> Result<SslContext, Failure> {
    type Last = Option<(Suites, [u8; 32], SslContext)>;
    static LAST: Mutex<Last> = Mutex::new(None);
    let mut digest = Sha256::new();
    digest.update(roots.pem());
    let digest = digest.finish();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    match &*last {
        Some((with, of, context)) if (*with, *of) == (suites, digest) => return Ok(context.clone()),
        _ => {}
    }
    let mut context = builder(suites).map_err(Failure::Setup)?;
    if suites != Suites::Psk {
        roots.trust_in(&mut context)?;
    }
    let context = context.build();
    *last = Some((suites, digest, context.clone()));
    Ok(context)
}

fn builder(suites: Suites) -> Result<SslContextBuilder, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::dtls_client())?;
    context.set_cipher_list(&suites.list())?;
    context.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
    context.set_max_proto_version(Some(SslVersion::DTLS1_2))?;
    context.set_options(
        SslOptions::NO_QUERY_MTU
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_COMPRESSION
            | LEGACY_SERVER_CONNECT
            | NO_ENCRYPT_THEN_MAC,
    );
    context.set_security_level(SECURITY_LEVEL);
    if context.set_groups_list(GROUPS).is_err() {
        context.set_groups_list(GROUPS_OF_NIST)?;
    }
    context.set_sigalgs_list(match suites {
        Suites::Certificates | Suites::Both => SIGNATURES,
        Suites::Psk => FEWEST_SIGNATURES,
    })?;
    context.set_verify(SslVerifyMode::PEER);
    context.set_psk_client_callback(|ssl, _hint, identity_out, key_out| {
        let psk = psk_index().ok().and_then(|index| ssl.ex_data(index));
        // No key (length 0) makes OpenSSL stop the handshake.
        Ok(psk.map_or(0, |psk| psk.answer(identity_out, key_out)))
    });
    Ok(context)
}

impl Psk {
    /// Writes identity and key for OpenSSL; returns the key's length.
    fn answer(&self, identity_out: &mut [u8], key_out: &mut [u8]) -> usize {
        self.0.chosen.store(true, Ordering::Relaxed);
        let Some(psk) = &self.0.credentials else {
            return 0;
        };
        let (identity, key) = (psk.identity(), psk.key());
        // The identity needs its NUL.
        if identity.len() >= identity_out.len() || key.len() > key_out.len() {
            log::error!("the pre-shared key or its identity is longer than OpenSSL takes");
            return 0;
        }
        identity_out[..identity.len()].copy_from_slice(identity);
        identity_out[identity.len()] = 0;
        key_out[..key.len()].copy_from_slice(key);
        key.len()
    }
}

#[cfg(test)]
#[cfg(not(miri))] // OpenSSL
mod tests {
    use super::*;

    #[test]
    fn every_suite_named_is_known_to_openssl() {
        for list in [CERTIFICATE_SUITES, PSK_SUITES] {
            for suite in list.split(':') {
                let mut context = SslContext::builder(SslMethod::dtls_client()).expect("context");
                assert!(context.set_cipher_list(suite).is_ok(), "{suite:?}");
            }
        }
    }
}
