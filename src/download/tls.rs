//! TLS to the server of an image: whoever cannot prove its name by a certificate delivers nothing.

use crate::hal::certs::ROOTS_PEM;
use crate::ota::Failure;
use crate::tls::{self, Rationed, SystemRoots};
use openssl::ssl::SslStream;
use openssl::x509::{X509, X509VerifyResult};
use std::fmt::Display;

/// A TLS client on `stream` whose handshake has not begun. `host` is a name or an address, IPv6 in brackets.
/// Trusted are the roots of the service, those of the system, and those of a test.
pub(super) fn client(host: &str, stream: Rationed) -> Result<SslStream<Rationed>, Failure> {
    let mut roots = X509::stack_from_pem(ROOTS_PEM.to_bytes()).map_err(unready)?;
    roots.extend(extra_roots()?);
    let ssl = tls::client(host, roots, SystemRoots::Trusted).map_err(unready)?;
    SslStream::new(ssl, stream).map_err(unready)
}

fn unready(error: impl Display) -> Failure {
    Failure::passing(format!("TLS cannot begin: {error}"))
}

#[cfg(feature = "redirect")]
fn extra_roots() -> Result<Vec<X509>, Failure> {
    let pem = crate::hal_default::redirect::extra_roots()
        .map_err(|error| Failure::passing(error.to_string()))?;
    pem.map_or(Ok(Vec::new()), |pem| {
        X509::stack_from_pem(&pem)
            .map_err(|error| Failure::passing(format!("IOTX_EXTRA_CA cannot be used: {error}")))
    })
}

#[cfg(not(feature = "redirect"))]
#[allow(clippy::unnecessary_wraps)] // the signature of the variant that can fail
fn extra_roots() -> Result<Vec<X509>, Failure> {
    Ok(Vec::new())
}

/// Why a handshake failed.
pub(super) fn refusal(stream: &SslStream<Rationed>, error: &openssl::ssl::Error) -> Failure {
    match stream.ssl().verify_result() {
        X509VerifyResult::OK => Failure::passing(format!("the TLS handshake failed: {error}")),
        rejected => Failure::passing(format!(
            "the server's certificate is not accepted: {}",
            rejected.error_string()
        )),
    }
}
