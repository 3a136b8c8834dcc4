//! TLS to the server of an image: whoever cannot prove its name by a certificate delivers nothing.

use crate::hal::certs::ROOTS_PEM;
use crate::ota::Failure;
use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::{X509, X509VerifyResult};
use std::net::{IpAddr, TcpStream};

/// A TLS client on `stream` whose handshake has not begun. `host` is a name or an address, IPv6 in brackets.
pub(super) fn client(host: &str, stream: TcpStream) -> Result<SslStream<TcpStream>, Failure> {
    let context = context()?;
    prepare(&context, host, stream)
        .map_err(|error| Failure::passing(format!("TLS cannot begin: {error}")))
}

fn prepare(
    context: &SslContext,
    host: &str,
    stream: TcpStream,
) -> Result<SslStream<TcpStream>, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => ssl.param_mut().set_ip(address)?,
        Err(_) => {
            let name = host.strip_suffix('.').unwrap_or(host);
            ssl.param_mut()
                .set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            ssl.param_mut().set_host(name)?;
            ssl.set_hostname(name)?;
        }
    }
    SslStream::new(ssl, stream)
}

/// Trusts the roots of the service, those of the system, and those of a test.
fn context() -> Result<SslContext, Failure> {
    let failed = |error: ErrorStack| Failure::passing(format!("TLS cannot begin: {error}"));
    let mut context = SslContext::builder(SslMethod::tls_client()).map_err(failed)?;
    context
        .set_min_proto_version(Some(SslVersion::TLS1_2))
        .map_err(failed)?;
    context.set_verify(SslVerifyMode::PEER);
    if let Err(error) = context.set_default_verify_paths() {
        log::warn!("the system's root certificates are not used: {error}");
    }
    let mut roots = X509::stack_from_pem(ROOTS_PEM.to_bytes()).map_err(failed)?;
    roots.extend(extra_roots()?);
    for root in roots {
        context.cert_store_mut().add_cert(root).map_err(failed)?;
    }
    Ok(context.build())
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
pub(super) fn refusal(stream: &SslStream<TcpStream>, error: &openssl::ssl::Error) -> Failure {
    match stream.ssl().verify_result() {
        X509VerifyResult::OK => Failure::passing(format!("the TLS handshake failed: {error}")),
        rejected => Failure::passing(format!(
            "the server's certificate is not accepted: {}",
            rejected.error_string()
        )),
    }
}
