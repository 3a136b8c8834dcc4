//! What a session can be resumed from (RFC 5246 7.3, RFC 5077), in memory and as bytes to keep.
//!
//! A resumed handshake does not verify the server again: whoever knows the master secret is the
//! server that was verified in the full handshake. So what is kept says what was verified: the host,
//! the roots and the identity that the handshake was made with, and how. It is resumed for the same
//! only, and not for ever.

use std::ffi::{CStr, c_int};
use std::time::{SystemTime, UNIX_EPOCH};

use foreign_types::ForeignTypeRef;
use openssl::asn1::Asn1Time;
use openssl::sha::Sha256;
use openssl::ssl::{SslOptions, SslRef, SslSession, SslSessionRef, SslVersion};
use zeroize::Zeroizing;

use super::context::Suites;

/// Seconds after a full handshake with all suites in which its session, and what comes of offering it, may be
/// resumed, whatever happens between. A server's own limit is mostly shorter.
const LONGEST_TRUST: u64 = 7 * 24 * 60 * 60;

/// The first bytes of a kept session, the last being the version of this layout: magic, how the
/// server was verified, until when (Unix seconds, big endian), [`Binding`], OpenSSL's DER.
const MAGIC: [u8; 5] = *b"IXDS\x01";
const PROOF: usize = MAGIC.len();
const UNTIL: usize = PROOF + 1;
const BINDING: usize = UNTIL + 8;
const DER: usize = BINDING + 32;

/// In the place of the proof: no session follows.
const NO_SESSION: u8 = 0;
/// Beside the proof: the next handshake is to ask for a ticket.
const WISH_FOR_TICKET: u8 = 0x80;

/// A kept session longer than this is none: tickets have 16 bits of length, certificates are a few
/// kilobytes.
const LONGEST: usize = 1 << 17;

/// How the server was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProvenBy {
    Certificate,
    Psk,
}

impl ProvenBy {
    fn is_offered_by(self, suites: Suites) -> bool {
        match suites {
            Suites::Both => true,
            Suites::Certificates => self == Self::Certificate,
            Suites::Psk => self == Self::Psk,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Certificate => 1,
            Self::Psk => 2,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Certificate, Self::Psk]
            .into_iter()
            .find(|proof| proof.code() == code)
    }
}

/// A digest of what a verification rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding([u8; 32]);

impl Binding {
    /// Of the host and port, the trusted roots, and the identity of the pre-shared key.
    pub(super) fn new(host: &str, port: u16, roots: &[u8], identity: &[u8]) -> Self {
        let mut digest = Sha256::new();
        for part in [host.as_bytes(), &port.to_be_bytes(), roots, identity] {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finish())
    }
}

/// A session with what was verified when it began.
#[derive(Clone)]
pub(super) struct Resumable {
    session: SslSession,
    proven_by: ProvenBy,
    until: u64,
}

impl Resumable {
    /// From a completed handshake; `None` when the server gave neither a ticket nor a session id.
    /// `offered` is what the handshake was to resume, if anything, and did if OpenSSL says so.
    ///
    /// A resumption does not prolong the trust of the full handshake. Nor does one that is declined, although it
    /// goes on as a full handshake: it has offered the suite of the old session only. Prolonged each time,
    /// it would keep a device for ever to what its server could do when they first met.
    pub(super) fn from_handshake(
        ssl: &SslRef,
        proven_by: ProvenBy,
        offered: Option<&Self>,
    ) -> Option<Self> {
        let session = ssl.session().filter(|session| is_resumable(session))?;
        let until = match offered {
            Some(offered) if ssl.session_reused() => offered.until,
            Some(offered) => trusted_until(ssl, now()).min(offered.until),
            None => trusted_until(ssl, now()),
        };
        Some(Self {
            session: session.to_owned(),
            proven_by,
            until,
        })
    }

    pub(super) fn session(&self) -> &SslSessionRef {
        &self.session
    }

    pub(super) fn proven_by(&self) -> ProvenBy {
        self.proven_by
    }

    /// Whether it is resumed by a ticket instead of a session id.
    pub(super) fn has_ticket(&self) -> bool {
        unsafe extern "C" {
            // <openssl/ssl.h>, OpenSSL 1.1.0 and later; not in the bindings.
            fn SSL_SESSION_has_ticket(session: *const openssl_sys::SSL_SESSION) -> c_int;
        }
        // SAFETY: the session is live and the call only looks.
        unsafe { SSL_SESSION_has_ticket(self.session.as_ptr()) == 1 }
    }

    /// The name of its cipher suite.
    pub(super) fn suite(&self) -> Option<&str> {
        unsafe extern "C" {
            // <openssl/ssl.h>, OpenSSL 1.1.1 and later; not in the bindings.
            fn SSL_SESSION_get0_cipher(
                session: *const openssl_sys::SSL_SESSION,
            ) -> *const openssl_sys::SSL_CIPHER;
        }
        // SAFETY: the session is live and the call only looks; a cipher is one of OpenSSL's own constants.
        let cipher = unsafe { SSL_SESSION_get0_cipher(self.session.as_ptr()) };
        if cipher.is_null() {
            return None;
        }
        // SAFETY: not null, so a constant of OpenSSL's, as is its name, which ends with a NUL.
        let name = unsafe { CStr::from_ptr(openssl_sys::SSL_CIPHER_get_name(cipher)) };
        name.to_str().ok()
    }

    /// Whether a handshake with these suites may resume it now.
    pub(super) fn is_good_for(&self, suites: Suites) -> bool {
        self.proven_by.is_offered_by(suites) && now() < self.until && is_resumable(&self.session)
    }

    /// The bytes to keep. They hold the master secret.
    pub(super) fn export(
        &self,
        binding: Binding,
        wants_ticket: bool,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let der = Zeroizing::new(self.session.to_der().ok()?);
        let mut bytes = Zeroizing::new(Vec::with_capacity(DER + der.len()));
        bytes.extend_from_slice(&MAGIC);
        let wish = if wants_ticket { WISH_FOR_TICKET } else { 0 };
        bytes.push(self.proven_by.code() | wish);
        bytes.extend_from_slice(&self.until.to_be_bytes());
        bytes.extend_from_slice(&binding.0);
        bytes.extend_from_slice(&der);
        Some(bytes)
    }

    /// Reads what [`Self::export`] gave.
    pub(super) fn import(bytes: &[u8], binding: Binding, suites: Suites) -> Result<Self, Refusal> {
        if bytes.len() <= DER || bytes.len() > LONGEST || !bytes.starts_with(&MAGIC) {
            return Err(Refusal::NotASession);
        }
        if bytes[BINDING..DER] != binding.0 {
            return Err(Refusal::NotForThis);
        }
        let proven_by =
            ProvenBy::from_code(bytes[PROOF] & !WISH_FOR_TICKET).ok_or(Refusal::NotASession)?;
        let mut until = [0; 8];
        until.copy_from_slice(&bytes[UNTIL..BINDING]);
        let session = SslSession::from_der(&bytes[DER..]).map_err(|_| Refusal::NotASession)?;
        // OpenSSL reads past what it does not understand: only what it would write itself counts.
        let again = Zeroizing::new(session.to_der().map_err(|_| Refusal::NotASession)?);
        if again[..] != bytes[DER..] || session.protocol_version() != SslVersion::DTLS1_2 {
            return Err(Refusal::NotASession);
        }
        let resumable = Self {
            session,
            proven_by,
            until: u64::from_be_bytes(until),
        };
        if !resumable.proven_by.is_offered_by(suites) {
            return Err(Refusal::NotForThis);
        }
        if !resumable.is_good_for(suites) {
            return Err(Refusal::TooOld);
        }
        Ok(resumable)
    }
}

impl std::fmt::Debug for Resumable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resumable")
            .field("proven_by", &self.proven_by)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// What is kept when the server gave nothing to resume from: the wish for a ticket.
pub(super) fn wish_for_ticket(binding: Binding) -> Zeroizing<Vec<u8>> {
    let wish = [NO_SESSION | WISH_FOR_TICKET];
    Zeroizing::new([&MAGIC[..], &wish, &[0; 8], &binding.0].concat())
}

/// Whether these bytes are a [`wish_for_ticket`] and nothing else.
pub(super) fn is_wish_for_ticket(bytes: &[u8], binding: Binding) -> bool {
    *bytes == **wish_for_ticket(binding)
}

/// Whether a session that was kept comes with the wish for a ticket.
pub(super) fn has_wish_for_ticket(kept: &[u8]) -> bool {
    kept.get(PROOF)
        .is_some_and(|proof| proof & WISH_FOR_TICKET != 0)
}

/// Leaves the extension by which a client asks for a ticket (RFC 5077 3.2) out of the ClientHello, and with it a
/// ticket that is there already.
///
/// (The call that takes a ticket of one's own, and none, would do it too, but OpenSSL 3.0 never frees what it
/// notes for that.)
pub(super) fn ask_for_no_ticket(ssl: &mut SslRef) {
    set_options(ssl, SslOptions::NO_TICKET);
}

/// `SSL_set_options`, which the bindings do not have: adds to the options of one connection, and gives all it has
/// then.
fn set_options(ssl: &mut SslRef, options: SslOptions) -> SslOptions {
    unsafe extern "C" {
        // <openssl/ssl.h>, OpenSSL 1.1.0 and later. Declared without its arguments, since it is called through the pointer
        // below only.
        fn SSL_set_options();
    }
    /// The function for options of this type: `unsigned long` in OpenSSL 1.1, `uint64_t` in 3.0, which is not the same
    /// where a long has 32 bits.
    type Set<T> = unsafe extern "C" fn(*mut openssl_sys::SSL, T) -> T;
    /// # Safety
    /// `T` is the type that the OpenSSL we are linked to has for options.
    unsafe fn typed<T>(_: T) -> Set<T> {
        // SAFETY: from one type of function to another; that this one is the function's own, our caller promises.
        unsafe { std::mem::transmute::<unsafe extern "C" fn(), Set<T>>(SSL_set_options) }
    }
    let bits = options.bits();
    // SAFETY: the bindings have the bits in the type of the headers they were built for; and `ssl` is live and
    // borrowed for writing.
    SslOptions::from_bits_retain(unsafe { typed(bits)(ssl.as_ptr(), bits) })
}

/// Why kept bytes are not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// They were not written by this library, or are damaged.
    NotASession,
    /// They belong to another host, other roots or another identity.
    NotForThis,
    /// The full handshake was too long ago, or the server's certificate has expired since.
    TooOld,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotASession => "it is damaged, or from another version of the library",
            Self::NotForThis => "it is of another host, other roots or another identity",
            Self::TooOld => "its verification was too long ago",
        })
    }
}

/// The end of a full handshake's trust: that of the certificate, if it comes first.
fn trusted_until(ssl: &SslRef, now: u64) -> u64 {
    let certificate_left = ssl.peer_certificate().and_then(|certificate| {
        let now = Asn1Time::days_from_now(0).ok()?;
        let left = now.diff(certificate.not_after()).ok()?;
        Some(i64::from(left.days) * 24 * 60 * 60 + i64::from(left.secs))
    });
    let left = certificate_left.map_or(LONGEST_TRUST, |left| u64::try_from(left).unwrap_or(0));
    now.saturating_add(left.min(LONGEST_TRUST))
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Whether the server gave a ticket or an id, and no fatal alert has ended the session (RFC 5246
/// 7.2.2).
fn is_resumable(session: &SslSessionRef) -> bool {
    unsafe extern "C" {
        // <openssl/ssl.h>, OpenSSL 1.1.1 and later; not in the bindings.
        fn SSL_SESSION_is_resumable(session: *const openssl_sys::SSL_SESSION) -> c_int;
    }
    // SAFETY: `session` is live and the call only looks.
    unsafe { SSL_SESSION_is_resumable(session.as_ptr()) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::ssl::{Ssl, SslContext, SslMethod};

    #[test]
    #[cfg_attr(miri, ignore = "asks OpenSSL")]
    fn options_reach_openssl_in_the_type_it_has_for_them() {
        let context = SslContext::builder(SslMethod::dtls()).expect("context");
        let mut ssl = Ssl::new(&context.build()).expect("connection");
        let before = set_options(&mut ssl, SslOptions::empty());
        assert!(!before.contains(SslOptions::NO_TICKET), "{before:?}");
        let after = set_options(&mut ssl, SslOptions::NO_TICKET);
        assert_eq!(after, before | SslOptions::NO_TICKET);
        assert_eq!(set_options(&mut ssl, SslOptions::empty()), after);
    }
}
