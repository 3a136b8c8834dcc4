//! Verification of the server, and the suites that classic endpoints speak.

use openssl::ssl::{SslContextBuilder, SslOptions, SslVersion};

use super::pki::{Leaf, authority, issue, self_signed};
use super::server::{Server, echo_once, fail_once, with_identity};
use super::{check_echo, connect, failure};
use crate::hal::certs::ROOTS_PEM;

#[test]
fn a_server_with_a_trusted_certificate_is_accepted() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let server = Server::start("localhost", with_identity(&identity), echo_once);
    let session = connect("localhost", server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    drop(session);
    assert_eq!(server.finish(), 1);
}

#[test]
fn an_address_literal_must_be_in_the_certificate() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    for address in ["127.0.0.1", "::1"] {
        let server = Server::start(address, with_identity(&identity), echo_once);
        let session = connect(address, server.address, &root.pem()).expect("handshake");
        check_echo(&session);
        drop(session);
        server.finish();
    }
    let named = issue(
        &root,
        &Leaf {
            addresses: vec![],
            ..Leaf::local()
        },
    );
    let server = Server::start("127.0.0.1", with_identity(&named), fail_once);
    let reason = failure(connect("127.0.0.1", server.address, &root.pem()));
    assert_eq!(
        reason,
        "the server's certificate is not for \"127.0.0.1\" but for \"localhost\""
    );
    server.finish();
}

#[test]
fn one_of_several_roots_is_enough() {
    let (first, second) = (authority("first"), authority("second"));
    let identity = issue(&second, &Leaf::local());
    let server = Server::start("127.0.0.1", with_identity(&identity), echo_once);
    let roots = [ROOTS_PEM.to_bytes(), &first.pem(), &second.pem()].concat();
    drop(connect("127.0.0.1", server.address, &roots).expect("handshake"));
    server.finish();
}

#[test]
fn an_unknown_authority_is_refused_by_name() {
    let (trusted, stranger) = (authority("trusted"), authority("stranger"));
    let identity = issue(&stranger, &Leaf::local());
    let server = Server::start("127.0.0.1", with_identity(&identity), fail_once);
    let reason = failure(connect("127.0.0.1", server.address, &trusted.pem()));
    assert!(reason.contains("unknown authority"), "{reason}");
    assert!(
        reason.contains("\"CN=test server\" was issued by \"CN=stranger\""),
        "{reason}"
    );
    server.finish();
}

#[test]
fn an_authority_of_the_same_name_with_another_key_is_refused() {
    let (trusted, imposter) = (authority("root"), authority("root"));
    let identity = issue(&imposter, &Leaf::local());
    let server = Server::start("127.0.0.1", with_identity(&identity), fail_once);
    let reason = failure(connect("127.0.0.1", server.address, &trusted.pem()));
    assert!(
        reason.contains("unknown authority") || reason.contains("rejected"),
        "{reason}"
    );
    server.finish();
}

#[test]
fn a_self_signed_server_is_refused_unless_it_is_a_root() {
    let identity = self_signed(&Leaf::local());
    let server = Server::start("127.0.0.1", with_identity(&identity), fail_once);
    let reason = failure(connect(
        "127.0.0.1",
        server.address,
        &authority("root").pem(),
    ));
    assert!(reason.contains("self-signed"), "{reason}");
    server.finish();

    let server = Server::start("127.0.0.1", with_identity(&identity), echo_once);
    drop(connect("127.0.0.1", server.address, &identity.pem()).expect("it is a root itself"));
    server.finish();
}

#[test]
fn dates_are_checked_and_the_devices_clock_is_named() {
    let root = authority("root");
    for (days, expected) in [((-9, -2), "expired on "), ((2, 9), "is valid from ")] {
        let identity = issue(
            &root,
            &Leaf {
                days,
                ..Leaf::local()
            },
        );
        let server = Server::start("127.0.0.1", with_identity(&identity), fail_once);
        let reason = failure(connect("127.0.0.1", server.address, &root.pem()));
        assert!(reason.contains(expected), "{reason}");
        assert!(reason.contains("the device's clock says"), "{reason}");
        server.finish();
    }
}

#[test]
fn a_certificate_for_other_hosts_is_refused_with_both_names() {
    let root = authority("root");
    let leaf = Leaf {
        dns: vec!["pre.iot-as-coap.example", "*.other.example"],
        addresses: vec![],
        ..Leaf::local()
    };
    let identity = issue(&root, &leaf);
    let server = Server::start("localhost", with_identity(&identity), fail_once);
    let reason = failure(connect("localhost", server.address, &root.pem()));
    assert_eq!(
        reason,
        "the server's certificate is not for \"localhost\" but for \
         \"pre.iot-as-coap.example\", \"*.other.example\""
    );
    server.finish();
}

#[test]
fn a_certificate_for_clients_does_not_make_a_server() {
    let root = authority("root");
    let identity = issue(
        &root,
        &Leaf {
            for_servers: false,
            ..Leaf::local()
        },
    );
    let server = Server::start("127.0.0.1", with_identity(&identity), fail_once);
    let reason = failure(connect("127.0.0.1", server.address, &root.pem()));
    assert!(reason.contains("was rejected: "), "{reason}");
    server.finish();
}

#[test]
fn the_suites_of_the_classic_cloud_are_spoken() {
    let root = authority("root");
    let identity = issue(
        &root,
        &Leaf {
            rsa: true,
            ..Leaf::local()
        },
    );
    for suite in ["AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA256"] {
        let configure = |context: &mut SslContextBuilder| {
            with_identity(&identity)(context);
            context.set_cipher_list(suite).expect("suite");
        };
        let server = Server::start("127.0.0.1", configure, echo_once);
        let session = connect("127.0.0.1", server.address, &root.pem()).expect(suite);
        check_echo(&session);
        drop(session);
        server.finish();
    }
}

#[test]
fn a_modern_server_gets_forward_secrecy_and_aead() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let server = Server::start("127.0.0.1", with_identity(&identity), |listener| {
        let connection = listener.accept().expect("handshake");
        let ssl = connection.stream.ssl();
        (
            ssl.version_str(),
            ssl.current_cipher().expect("cipher").name(),
        )
    });
    drop(connect("127.0.0.1", server.address, &root.pem()).expect("handshake"));
    assert_eq!(
        server.finish(),
        ("DTLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")
    );
}

#[test]
fn the_server_is_told_the_name_but_never_an_address() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    for (host, expected) in [("localhost", Some("localhost")), ("127.0.0.1", None)] {
        let server = Server::start(host, with_identity(&identity), |listener| {
            let connection = listener.accept().expect("handshake");
            let name = connection
                .stream
                .ssl()
                .servername(openssl::ssl::NameType::HOST_NAME);
            name.map(str::to_owned)
        });
        drop(connect(host, server.address, &root.pem()).expect("handshake"));
        assert_eq!(server.finish().as_deref(), expected);
    }
}

#[test]
fn a_server_that_asks_for_a_cookie_gets_it_back() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context.set_options(SslOptions::COOKIE_EXCHANGE);
        context.set_cookie_generate_cb(|_, cookie| {
            cookie[..6].copy_from_slice(b"cookie");
            Ok(6)
        });
        context.set_cookie_verify_cb(|_, cookie| cookie == b"cookie");
    };
    let server = Server::start("127.0.0.1", configure, echo_once);
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    drop(session);
    server.finish();
}

#[test]
fn a_server_of_dtls_1_0_is_refused_as_such() {
    let root = authority("root");
    let identity = issue(
        &root,
        &Leaf {
            rsa: true,
            ..Leaf::local()
        },
    );
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context.set_security_level(0);
        context.set_cipher_list("ALL:@SECLEVEL=0").expect("suites");
        context
            .set_min_proto_version(Some(SslVersion::DTLS1))
            .expect("version");
        context
            .set_max_proto_version(Some(SslVersion::DTLS1))
            .expect("version");
    };
    let server = Server::start("127.0.0.1", configure, fail_once);
    let reason = failure(connect("127.0.0.1", server.address, &root.pem()));
    assert_eq!(reason, "the server does not speak DTLS 1.2");
    server.finish();
}

#[test]
fn a_server_without_a_suite_in_common_is_refused_as_such() {
    let root = authority("root");
    let identity = issue(
        &root,
        &Leaf {
            rsa: true,
            ..Leaf::local()
        },
    );
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context
            .set_cipher_list("CAMELLIA128-SHA256")
            .expect("suite");
    };
    let server = Server::start("127.0.0.1", configure, fail_once);
    let reason = failure(connect("127.0.0.1", server.address, &root.pem()));
    assert_eq!(
        reason,
        "fatal alert handshake failure (40) from the server: probably no cipher suite in common"
    );
    server.finish();
}

#[test]
fn roots_that_are_no_certificates_are_refused_before_connecting() {
    let nobody = "127.0.0.1:9".parse().expect("address");
    let reason = failure(connect("127.0.0.1", nobody, b"not PEM"));
    assert!(
        reason.starts_with("the root certificates cannot be used"),
        "{reason}"
    );
}
