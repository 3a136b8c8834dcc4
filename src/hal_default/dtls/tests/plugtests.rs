//! The DTLS cases of ETSI's CoAP plugtests, as far as a client has them: one request and its response
//! in a session with the suites that RFC 7252 9.1.3 makes mandatory. Raw public keys, which the
//! service does not know, are represented by a certificate that is a root itself.

use openssl::ssl::SslContextBuilder;

use super::pki::{Leaf, authority, issue, self_signed};
use super::server::{Listener, Server, with_identity, with_psk};
use super::{PATIENCE_MS, announced, brisk, connect, connect_within};
use crate::hal::dtls::Offer;
use crate::hal_default::dtls::dialer::Proof;
use crate::hal_default::dtls::session::{Read, Session};

const HOST: &str = "127.0.0.1";

/// GET /test, confirmable, and its piggy-backed 2.05.
const GET: &[u8] = b"\x40\x01\x12\x34\xb4test";
const CONTENT: &[u8] = b"\x60\x45\x12\x34\xc0\xffhello";

/// Answers one request; tells the suite.
fn answer_get(listener: &mut Listener) -> &'static str {
    let mut connection = listener.accept().expect("handshake");
    assert_eq!(connection.receive().expect("a request"), GET);
    connection.send(CONTENT);
    assert_eq!(connection.receive(), None, "close_notify");
    connection.suite()
}

fn get(session: Session) {
    session.write(GET).expect("write");
    let mut buffer = [0; 64];
    let read = session.read(&mut buffer, PATIENCE_MS);
    assert_eq!(read, Read::Datagram(CONTENT.len()));
    assert_eq!(&buffer[..CONTENT.len()], CONTENT);
}

#[test]
fn td_coap_dtls_01_pre_shared_key() {
    let configure = |context: &mut SslContextBuilder| {
        with_psk(b"Client_identity", b"secretPSK")(context);
        context.set_cipher_list("PSK-AES128-CCM8").expect("suite");
    };
    let server = Server::start(HOST, configure, answer_get);
    let offer = announced(Offer::PskOnly, b"Client_identity", b"secretPSK");
    let proof = Proof::new(b"", offer);
    get(connect_within(HOST, server.address, &proof, brisk()).expect("handshake"));
    assert_eq!(server.finish(), "PSK-AES128-CCM8");
}

#[test]
fn td_coap_dtls_02_certificate_in_place_of_a_raw_public_key() {
    let identity = self_signed(&Leaf::local());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context
            .set_cipher_list("ECDHE-ECDSA-AES128-CCM8")
            .expect("suite");
    };
    let server = Server::start(HOST, configure, answer_get);
    get(connect(HOST, server.address, &identity.pem()).expect("handshake"));
    assert_eq!(server.finish(), "ECDHE-ECDSA-AES128-CCM8");
}

#[test]
fn td_coap_dtls_03_certificate() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context
            .set_cipher_list("ECDHE-ECDSA-AES128-CCM8")
            .expect("suite");
    };
    let server = Server::start(HOST, configure, answer_get);
    get(connect(HOST, server.address, &root.pem()).expect("handshake"));
    assert_eq!(server.finish(), "ECDHE-ECDSA-AES128-CCM8");
}
