//! Handshakes and sessions against OpenSSL's server side.

mod certificates;
mod error_queue;
mod forgery;
mod lossy;
mod network;
mod pki;
mod plugtests;
mod psk;
mod redirected;
mod relay;
mod renewal;
mod resumption;
mod sealing;
mod server;
mod sessions;
mod threads;

use std::net::SocketAddr;
use std::time::Duration;

use super::dialer::{Limits, Proof, Target};
use super::failure::Failure;
use super::session::{Read, Session, establish};
use crate::hal::dtls::{
    DEFAULT_FLIGHT_TIMEOUT, DEFAULT_HANDSHAKE_BOUND, DEFAULT_PATH_MTU, Offer, PskCredentials,
};
use crate::hal::dtls_offer::Announced;

/// A failure bound in the unit of the C seam.
const PATIENCE_MS: u32 = 20_000;

/// A handshake with certificates, in the patience of the tests.
fn connect(host: &str, address: SocketAddr, roots: &[u8]) -> Result<Session, Failure> {
    connect_within(host, address, &Proof::new(roots, None), brisk())
}

/// The same with the timers of RFC 6347: for handshakes in which forged alerts are believed when the
/// server takes longer than two of our flights.
fn connect_patiently(address: SocketAddr, roots: &[u8]) -> Session {
    let proof = Proof::new(roots, None);
    connect_within("127.0.0.1", address, &proof, Limits::default()).expect("handshake")
}

fn connect_within(
    host: &str,
    address: SocketAddr,
    proof: &Proof<'_>,
    limits: Limits,
) -> Result<Session, Failure> {
    establish(
        Target {
            host,
            port: address.port(),
        },
        proof,
        limits,
    )
}

fn announced(offer: Offer, identity: &[u8], key: &[u8]) -> Option<Announced> {
    let psk = PskCredentials::new(identity, key);
    assert!(psk.is_some());
    Some(Announced {
        offer,
        psk,
        resume: None,
        path_mtu: DEFAULT_PATH_MTU,
        handshake_bound: DEFAULT_HANDSHAKE_BOUND,
        flight_timeout: DEFAULT_FLIGHT_TIMEOUT,
    })
}

/// Reads until the renewal under way has succeeded.
fn await_renewal(session: &Session) {
    assert_eq!(session.read(&mut [0; 64], PATIENCE_MS), Read::Renewed);
}

/// The reason of a handshake that must fail.
fn failure(result: Result<Session, Failure>) -> String {
    result.expect_err("the handshake must fail").to_string()
}

/// Sends a datagram to an echo server and checks what comes back.
fn check_echo(session: &Session) {
    session.write(b"over and back").expect("write");
    let mut buffer = [0u8; 64];
    assert_eq!(session.read(&mut buffer, PATIENCE_MS), Read::Datagram(13));
    assert_eq!(&buffer[..13], b"over and back");
}

/// Limits with which lost flights are soon repeated.
fn brisk() -> Limits {
    Limits {
        first_interval: Duration::from_millis(100),
        ..Limits::default()
    }
}

/// Limits under which a peer that does not answer is given up soon.
fn impatient() -> Limits {
    Limits {
        total: Duration::from_millis(300),
        ..Limits::default()
    }
}
