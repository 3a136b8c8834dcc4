//! The root certificates that a server's chain may lead to.
//!
//! To read a certificate takes OpenSSL 3 half a millisecond and several kilobytes, mostly for its key. So of the
//! bundled roots, which are known to be good, those alone are read that a chain asks for: none for a resumption, one for
//! a full handshake. Roots of the firmware's own are read at once, so that their mistakes are told.

use std::cmp::Ordering;
use std::ffi::c_int;

use foreign_types::{ForeignType, ForeignTypeRef};
use once_cell::sync::OnceCell;
use openssl::error::ErrorStack;
use openssl::ssl::SslContextBuilder;
use openssl::x509::{X509, X509Name, X509NameRef};
use openssl_sys::{X509_NAME, X509_STORE, X509_STORE_CTX, stack_st_X509};

use super::failure::Failure;
use crate::hal::certs::{self, ROOTS_PEM};

/// What a connection trusts, in PEM.
#[derive(Debug)]
pub(super) struct Roots {
    pem: Vec<u8>,
    /// Where the extra ones of the test variable begin.
    extra: usize,
}

impl Roots {
    /// Nobody: for the pre-shared key alone.
    pub(super) const fn none() -> Self {
        Self {
            pem: Vec::new(),
            extra: 0,
        }
    }

    /// These, and the extra ones.
    pub(super) fn with_extra(pem: &[u8]) -> Result<Self, Failure> {
        let mut roots = Self {
            pem: pem.to_vec(),
            extra: pem.len(),
        };
        roots.add_extra()?;
        Ok(roots)
    }

    #[cfg(feature = "redirect")]
    fn add_extra(&mut self) -> Result<(), Failure> {
        if let Some(extra) = super::super::redirect::extra_roots().map_err(Failure::Redirect)? {
            self.pem.push(b'\n');
            self.pem.extend_from_slice(&extra);
        }
        Ok(())
    }

    #[cfg(not(feature = "redirect"))]
    #[allow(clippy::unnecessary_wraps)] // the signature of the variant that can fail
    fn add_extra(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// All of them, one after the other.
    pub(super) fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// Makes the handshakes of a context trust them.
    pub(super) fn trust_in(&self, context: &mut SslContextBuilder) -> Result<(), Failure> {
        let (own, extra) = self.pem.split_at(self.extra);
        if own == ROOTS_PEM.to_bytes() {
            trust_bundled(context);
        } else {
            trust(context, parse(own).map_err(Failure::Roots)?)?;
        }
        if !extra.is_empty() {
            trust(context, parse(extra).map_err(unusable_extra)?)?;
        }
        Ok(())
    }
}

#[cfg(feature = "redirect")]
fn unusable_extra(problem: String) -> Failure {
    let failure = Failure::Roots(problem);
    Failure::Redirect(super::super::redirect::unusable_extra_roots(
        failure.to_string(),
    ))
}

#[cfg(not(feature = "redirect"))]
fn unusable_extra(problem: String) -> Failure {
    Failure::Roots(problem)
}

fn trust(context: &mut SslContextBuilder, roots: Vec<X509>) -> Result<(), Failure> {
    for root in roots {
        read_extensions(&root);
        context
            .cert_store_mut()
            .add_cert(root)
            .map_err(Failure::Setup)?;
    }
    Ok(())
}

/// The certificates in a PEM text, one or more; or what is wrong with it.
fn parse(pem: &[u8]) -> Result<Vec<X509>, String> {
    match X509::stack_from_pem(pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err("there is none in the PEM text".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes OpenSSL read a certificate's extensions now, and not when the first of several threads needs them: it notes that
/// it has by an atomic flag, which ThreadSanitizer cannot see in it.
fn read_extensions(root: &X509) {
    let _ = root.subject_key_id();
}

// <openssl/x509_vfy.h>, OpenSSL 1.1.0 and later; not in the bindings.
type GetIssuer = unsafe extern "C" fn(
    *mut *mut openssl_sys::X509,
    *mut X509_STORE_CTX,
    *mut openssl_sys::X509,
) -> c_int;
type LookupCerts =
    unsafe extern "C" fn(*mut X509_STORE_CTX, *const X509_NAME) -> *mut stack_st_X509;
unsafe extern "C" {
    fn X509_STORE_set_get_issuer(store: *mut X509_STORE, get_issuer: GetIssuer);
    fn X509_STORE_set_lookup_certs(store: *mut X509_STORE, lookup_certs: LookupCerts);
    fn X509_STORE_CTX_get0_store(context: *const X509_STORE_CTX) -> *mut X509_STORE;
    fn X509_STORE_CTX_get1_issuer(
        issuer: *mut *mut openssl_sys::X509,
        context: *mut X509_STORE_CTX,
        certificate: *mut openssl_sys::X509,
    ) -> c_int;
    fn X509_STORE_CTX_get1_certs(
        context: *mut X509_STORE_CTX,
        name: *const X509_NAME,
    ) -> *mut stack_st_X509;
}

/// Puts the bundled roots into the context's store, each as soon as it is looked for. Both ways by which OpenSSL looks
/// for what a store trusts are its own, after a step that reads the root of the name that is wanted.
fn trust_bundled(context: &mut SslContextBuilder) {
    let store = context.cert_store_mut().as_ptr();
    // SAFETY: the store is live and borrowed for writing; the functions are of the types that the header demands.
    unsafe {
        X509_STORE_set_get_issuer(store, get_issuer);
        X509_STORE_set_lookup_certs(store, lookup_certs);
    }
}

/// Finds who may have issued a certificate.
unsafe extern "C" fn get_issuer(
    issuer: *mut *mut openssl_sys::X509,
    context: *mut X509_STORE_CTX,
    certificate: *mut openssl_sys::X509,
) -> c_int {
    // SAFETY: OpenSSL calls with a live context of a store and a live certificate, which has its issuer's name; what
    // it is to get is passed on unchanged.
    unsafe {
        read_roots(context, openssl_sys::X509_get_issuer_name(certificate));
        X509_STORE_CTX_get1_issuer(issuer, context, certificate)
    }
}

/// Finds all certificates of a name.
unsafe extern "C" fn lookup_certs(
    context: *mut X509_STORE_CTX,
    name: *const X509_NAME,
) -> *mut stack_st_X509 {
    // SAFETY: OpenSSL calls with a live context of a store and a live name, which are passed on unchanged.
    unsafe {
        read_roots(context, name);
        X509_STORE_CTX_get1_certs(context, name)
    }
}

/// Adds the bundled roots of this name to the store; there it makes no difference when one has been added before.
///
/// # Safety
/// Context and name are live, and the context has a store.
unsafe fn read_roots(context: *const X509_STORE_CTX, name: *const X509_NAME) {
    // SAFETY: promised by the caller; the name is only looked at.
    let (store, name) = unsafe {
        (
            X509_STORE_CTX_get0_store(context),
            X509NameRef::from_ptr(name.cast_mut()),
        )
    };
    for root in bundled(name) {
        // SAFETY: both are live. The store has its own lock, and takes a reference of its own.
        unsafe { openssl_sys::X509_STORE_add_cert(store, root.as_ptr()) };
    }
}

/// The bundled roots of this name, by the rules for comparing names (RFC 5280 7.1).
fn bundled(name: &X509NameRef) -> impl Iterator<Item = &'static X509> {
    static READ: [OnceCell<X509>; certs::ROOTS.len()] =
        [const { OnceCell::new() }; certs::ROOTS.len()];
    certs::ROOTS.iter().zip(&READ).filter_map(|(root, read)| {
        let subject = X509Name::from_der(root.subject).ok()?;
        let same = matches!(subject.try_cmp(name), Ok(Ordering::Equal));
        let parse = || {
            let root = X509::from_pem(root.pem())?;
            read_extensions(&root);
            Ok::<_, ErrorStack>(root)
        };
        same.then(|| read.get_or_try_init(parse).ok())?
    })
}

#[cfg(test)]
#[cfg(not(miri))] // OpenSSL
mod tests {
    use super::*;
    use openssl::ssl::{SslContext, SslMethod};
    use openssl::stack::Stack;
    use openssl::x509::verify::X509VerifyFlags;
    use openssl::x509::{X509StoreContext, X509VerifyResult};

    /// Whatever the date: the first of the bundled roots ends in 2028.
    fn context_that_trusts(pem: &[u8]) -> Result<SslContext, Failure> {
        let mut context = SslContext::builder(SslMethod::dtls_client()).expect("context");
        let undated = X509VerifyFlags::NO_CHECK_TIME;
        context.cert_store_mut().set_flags(undated).expect("flag");
        Roots::with_extra(pem)?.trust_in(&mut context)?;
        Ok(context.build())
    }

    fn verdict(context: &SslContext, certificate: &X509) -> X509VerifyResult {
        let chain = Stack::new().expect("chain");
        let mut verification = X509StoreContext::new().expect("context");
        verification
            .init(context.cert_store(), certificate, &chain, |it| {
                it.verify_cert()?;
                Ok(it.error())
            })
            .expect("a verdict")
    }

    fn held(context: &SslContext) -> usize {
        context.cert_store().all_certificates().len()
    }

    #[test]
    fn bundled_roots_are_read_when_a_chain_leads_to_them() {
        let all = X509::stack_from_pem(ROOTS_PEM.to_bytes()).expect("PEM");
        let context = context_that_trusts(ROOTS_PEM.to_bytes()).expect("roots");
        assert_eq!(held(&context), 0);
        for (index, root) in all.iter().enumerate() {
            for _ in 0..2 {
                assert_eq!(verdict(&context, root), X509VerifyResult::OK);
                assert_eq!(held(&context), index + 1);
            }
        }
        let other = context_that_trusts(&all[0].to_pem().expect("PEM")).expect("roots");
        assert_eq!(held(&other), 1);
        assert_eq!(verdict(&other, &all[0]), X509VerifyResult::OK);
        assert_ne!(verdict(&other, &all[1]), X509VerifyResult::OK);
    }

    #[test]
    fn texts_without_a_certificate_are_no_roots() {
        for text in [&b""[..], b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            let roots = context_that_trusts(text).map(|_| ());
            assert!(matches!(roots, Err(Failure::Roots(_))), "{text:?}");
        }
    }
}
