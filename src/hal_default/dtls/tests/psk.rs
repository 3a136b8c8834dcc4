//! Pre-shared keys, and the way back to certificates.

use std::time::Duration;

use openssl::ssl::SslContextBuilder;

use super::pki::{Leaf, authority, issue};
use super::server::{Broken, Listener, Server, echo_once, fail_once, with_identity, with_psk};
use super::{announced, brisk, check_echo, connect_within, failure};
use crate::hal::dtls::Offer;
use crate::hal_default::dtls::dialer::{Limits, Proof};

const IDENTITY: &[u8] = b"devicename|hmacsha256|a1B2c3D4e5F&dev01|2524608000000";
const KEY: &[u8] = b"1AA2EE0D62681119641B03588A173F075DF513F5FCD093CA5E96A1FCD11CD904";
const HOST: &str = "127.0.0.1";

/// A server that only speaks suites with the key.
fn key_only(context: &mut SslContextBuilder) {
    with_psk(IDENTITY, KEY)(context);
    context.set_cipher_list("PSK").expect("suites");
}

#[test]
fn a_server_that_knows_the_key_needs_no_certificate() {
    for offer in [Offer::Both, Offer::PskOnly] {
        let server = Server::start(HOST, key_only, echo_once);
        let root = authority("root").pem();
        let proof = Proof::new(&root, announced(offer, IDENTITY, KEY));
        let session = connect_within(HOST, server.address, &proof, brisk());
        check_echo(&session.expect("handshake"));
        server.finish();
    }
}

#[test]
fn the_suite_of_sdk_3_2_0_is_offered() {
    let configure = |context: &mut SslContextBuilder| {
        with_psk(IDENTITY, KEY)(context);
        context
            .set_cipher_list("PSK-AES128-CBC-SHA")
            .expect("suite");
    };
    let server = Server::start(HOST, configure, |listener| {
        let mut connection = listener.accept().expect("handshake");
        let id = connection
            .stream
            .ssl()
            .current_cipher()
            .expect("cipher")
            .protocol_id();
        connection.echo();
        id
    });
    let proof = Proof::new(b"", announced(Offer::PskOnly, IDENTITY, KEY));
    let session = connect_within(HOST, server.address, &proof, brisk());
    check_echo(&session.expect("handshake"));
    assert_eq!(server.finish(), [0x00, 0x8C]);
}

#[test]
fn a_server_with_both_proofs_shows_its_certificate() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        with_psk(IDENTITY, KEY)(context);
    };
    let server = Server::start(HOST, configure, |listener| {
        let connection = listener.accept().expect("handshake");
        connection
            .stream
            .ssl()
            .current_cipher()
            .expect("cipher")
            .name()
    });
    let pem = root.pem();
    let proof = Proof::new(&pem, announced(Offer::Both, IDENTITY, KEY));
    drop(connect_within(HOST, server.address, &proof, brisk()).expect("handshake"));
    assert_eq!(server.finish(), "ECDHE-ECDSA-CHACHA20-POLY1305");
}

#[test]
fn the_key_is_not_offered_when_certificates_are_demanded() {
    let server = Server::start(HOST, key_only, fail_once);
    let root = authority("root").pem();
    let proof = Proof::new(&root, announced(Offer::CertificateOnly, IDENTITY, KEY));
    let reason = failure(connect_within(HOST, server.address, &proof, brisk()));
    assert!(reason.contains("no cipher suite in common"), "{reason}");
    server.finish();
}

#[test]
fn certificates_are_not_offered_when_the_key_is_demanded() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let server = Server::start(HOST, with_identity(&identity), fail_once);
    let pem = root.pem();
    let proof = Proof::new(&pem, announced(Offer::PskOnly, IDENTITY, KEY));
    let reason = failure(connect_within(HOST, server.address, &proof, brisk()));
    assert!(reason.contains("no cipher suite in common"), "{reason}");
    server.finish();
}

#[test]
fn demanding_a_key_without_having_one_fails_before_connecting() {
    let nobody = "127.0.0.1:9".parse().expect("address");
    let mut without = announced(Offer::PskOnly, IDENTITY, KEY).expect("announced");
    without.psk = None;
    let proof = Proof::new(b"", Some(without));
    let reason = failure(connect_within(HOST, nobody, &proof, brisk()));
    assert_eq!(reason, "a pre-shared key is demanded, and none is known");
}

/// A server that prefers the key, and can show a certificate too. Tells how its first handshake
/// broke, and whether the second one used the certificate.
fn prefers_the_key(
    root: &super::pki::Identity,
    identity: &'static [u8],
    key: &'static [u8],
) -> Server<(Broken, &'static str)> {
    let certificate = issue(root, &Leaf::local());
    let configure = move |context: &mut SslContextBuilder| {
        with_identity(&certificate)(context);
        with_psk(identity, key)(context);
        context.set_options(openssl::ssl::SslOptions::CIPHER_SERVER_PREFERENCE);
        context
            .set_cipher_list("PSK-AES128-CBC-SHA:ECDHE-ECDSA-AES128-GCM-SHA256")
            .expect("ok");
    };
    Server::start(HOST, configure, |listener: &mut Listener| {
        let Err(broken) = listener.accept() else {
            panic!("the first handshake must fail")
        };
        let mut connection = listener.accept().expect("second handshake");
        connection.echo();
        (
            broken,
            connection
                .stream
                .ssl()
                .current_cipher()
                .expect("cipher")
                .name(),
        )
    })
}

#[test]
fn an_identity_the_server_does_not_know_leads_back_to_certificates() {
    let root = authority("root");
    let server = prefers_the_key(&root, b"somebody else", KEY);
    let pem = root.pem();
    let proof = Proof::new(&pem, announced(Offer::Both, IDENTITY, KEY));
    let session = connect_within(HOST, server.address, &proof, brisk());
    check_echo(&session.expect("second attempt"));
    let (broken, suite) = server.finish();
    assert!(matches!(broken, Broken::Openssl(_)), "{broken:?}");
    assert_eq!(suite, "ECDHE-ECDSA-AES128-GCM-SHA256");
}

#[test]
fn a_wrong_key_met_with_silence_leads_back_to_certificates() {
    let root = authority("root");
    let server = prefers_the_key(&root, IDENTITY, b"another key");
    let pem = root.pem();
    let proof = Proof::new(&pem, announced(Offer::Both, IDENTITY, KEY));
    let limits = Limits {
        psk: Duration::from_millis(200),
        ..brisk()
    };
    let session = connect_within(HOST, server.address, &proof, limits);
    check_echo(&session.expect("second attempt"));
    assert_eq!(server.finish().1, "ECDHE-ECDSA-AES128-GCM-SHA256");
}

#[test]
fn an_unknown_identity_is_named_when_only_the_key_may_be_used() {
    let configure = |context: &mut SslContextBuilder| {
        with_psk(b"somebody else", KEY)(context);
        context.set_cipher_list("PSK").expect("suites");
    };
    let server = Server::start(HOST, configure, fail_once);
    let proof = Proof::new(b"", announced(Offer::PskOnly, IDENTITY, KEY));
    let reason = failure(connect_within(HOST, server.address, &proof, brisk()));
    assert_eq!(
        reason,
        "the pre-shared key did not work: fatal alert unknown PSK identity (115) from the server"
    );
    server.finish();
}

#[test]
fn a_key_too_long_for_openssl_fails_cleanly() {
    let server = Server::start(HOST, key_only, fail_once);
    let key = [b'k'; 4096];
    let proof = Proof::new(b"", announced(Offer::PskOnly, IDENTITY, &key));
    let reason = failure(connect_within(HOST, server.address, &proof, brisk()));
    assert!(
        reason.starts_with("the pre-shared key did not work: "),
        "{reason}"
    );
    server.finish();
}
