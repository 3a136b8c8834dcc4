//! TLS clients over TCP: what downloads of images and the default platform's `HAL_SSL_*` demand alike of a server.
//!
//! The certificate is always verified: chain, dates and name. A module of its own, because nothing may reach into
//! `hal_default`, which is one of its users.

mod ration;

pub(crate) use ration::Rationed;

use crate::host::{Host, NoHost};
use core::fmt;
use openssl::error::ErrorStack;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use openssl::x509::verify::X509CheckFlags;

/// Keys and signatures of 112 bits, whatever the system's configuration says.
const SECURITY_LEVEL: u32 = 2;

/// Why no handshake can begin.
#[derive(Debug)]
pub(crate) enum SetupError {
    /// There is no name that the server could prove to have.
    Host(NoHost),
    /// OpenSSL's own reason, such as no memory.
    OpenSsl(ErrorStack),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::OpenSsl(error) => write!(f, "OpenSSL could not be set up: {error}"),
        }
    }
}

impl From<ErrorStack> for SetupError {
    fn from(error: ErrorStack) -> Self {
        Self::OpenSsl(error)
    }
}

/// The roots of the system beside those that are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SystemRoots {
    Trusted,
    Ignored,
}

/// A client that talks to whoever proves to be `host`, a name or an address, by a certificate that leads to one of
/// these roots.
pub(crate) fn client(host: &str, roots: Vec<X509>, system: SystemRoots) -> Result<Ssl, SetupError> {
    let host = Host::parse_bare(host).map_err(SetupError::Host)?;
    let mut context = context()?;
    if system == SystemRoots::Trusted
        && let Err(error) = context.set_default_verify_paths()
    {
        log::warn!("the system's root certificates are not used: {error}");
    }
    for root in roots {
        context.cert_store_mut().add_cert(root)?;
    }
    let mut ssl = Ssl::new(&context.build())?;
    match host {
        Host::Address(address) => ssl.param_mut().set_ip(address)?,
        Host::Name(name) => {
            ssl.param_mut()
                .set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            ssl.param_mut().set_host(&name)?;
            ssl.set_hostname(&name)?;
        }
    }
    Ok(ssl)
}

fn context() -> Result<SslContextBuilder, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    context.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
    context.set_security_level(SECURITY_LEVEL);
    context.set_verify(SslVerifyMode::PEER);
    // After a write that could not be completed, the rest is written from wherever it lies then.
    context.set_mode(SslMode::ENABLE_PARTIAL_WRITE | SslMode::ACCEPT_MOVING_WRITE_BUFFER);
    Ok(context)
}

/// To be called before each step of a connection, the first one included: gives it its ration, and forgets what other
/// users of OpenSSL have left in this thread's queue of errors, which OpenSSL would take for the connection's end
/// (SSL_get_error(3)).
pub(crate) fn prepare(stream: &mut Rationed) {
    forget_errors();
    stream.refill();
}

/// That part of [`prepare`] which needs no stream.
pub(crate) fn forget_errors() {
    drop(ErrorStack::get());
}

#[cfg(test)]
#[cfg(not(miri))] // OpenSSL
mod tests {
    use super::*;

    #[test]
    fn without_a_name_to_prove_there_is_no_client() {
        for host in ["", ".", ".example.com", "a..b", "*.example.com", "[h]"] {
            let client = client(host, Vec::new(), SystemRoots::Ignored);
            assert!(matches!(client, Err(SetupError::Host(NoHost))), "{host:?}");
        }
        for host in ["h", "h.example.", "127.0.0.1", "::1", "[::1]"] {
            let client = client(host, Vec::new(), SystemRoots::Ignored).expect(host);
            assert_eq!(client.verify_mode(), SslVerifyMode::PEER);
        }
    }

    #[test]
    fn what_others_left_is_forgotten() {
        let left = X509::from_pem(b"no PEM").expect_err("no certificate");
        left.put();
        forget_errors();
        assert!(ErrorStack::get().errors().is_empty());
    }
}
