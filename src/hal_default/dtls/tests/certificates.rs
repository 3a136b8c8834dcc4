//! Verification of the server, and the suites that classic endpoints speak.

use openssl::ssl::{NameType, SslContextBuilder, SslOptions, SslVersion};
use openssl::x509::X509;

use super::pki::{Identity, Leaf, authority, issue, issue_in_the_name_of, self_signed};
use super::server::{Connection, Server, echo_once, fail_once, silent, waiting, with_identity};
use super::{check_echo, connect, failure};
use crate::hal::certs::ROOTS_PEM;

const HOST: &str = "127.0.0.1";

/// A server's certificate for the loopback host, changed by `change`.
fn leaf(change: impl FnOnce(&mut Leaf)) -> Leaf {
    let mut leaf = Leaf::local();
    change(&mut leaf);
    leaf
}

fn rsa() -> Leaf {
    leaf(|leaf| leaf.rsa = true)
}

/// A root and a server that it vouches for.
fn root_and_server(leaf: &Leaf) -> (Identity, Identity) {
    let root = authority("root");
    let server = issue(&root, leaf);
    (root, server)
}

/// A handshake and an echo with a server at `host` must succeed.
fn accepted(host: &str, configure: impl FnOnce(&mut SslContextBuilder), roots: &[u8]) {
    let server = Server::start(host, configure, echo_once);
    let session = connect(host, server.address, roots).expect("handshake");
    check_echo(&session);
    drop(session);
    assert_eq!(server.finish(), 1);
}

/// A handshake with a server at `host` must fail; why it did.
fn refused(host: &str, configure: impl FnOnce(&mut SslContextBuilder), roots: &[u8]) -> String {
    let server = Server::start(host, configure, fail_once);
    let reason = failure(connect(host, server.address, roots));
    server.finish();
    reason
}

/// What a server notes about a handshake that succeeds.
fn noted<R: Send + 'static>(host: &str, note: impl FnOnce(&Connection) -> R + Send + 'static) -> R {
    let (root, identity) = root_and_server(&Leaf::local());
    let server = Server::start(host, with_identity(&identity), |listener| {
        note(&listener.accept().expect("handshake"))
    });
    drop(connect(host, server.address, &root.pem()).expect("handshake"));
    server.finish()
}

#[test]
fn a_server_with_a_trusted_certificate_is_accepted() {
    let (root, identity) = root_and_server(&Leaf::local());
    accepted("localhost", with_identity(&identity), &root.pem());
}

#[test]
fn an_address_literal_must_be_in_the_certificate() {
    let (root, identity) = root_and_server(&Leaf::local());
    for address in [HOST, "::1"] {
        accepted(address, with_identity(&identity), &root.pem());
    }
    let named = issue(&root, &leaf(|leaf| leaf.addresses.clear()));
    assert_eq!(
        refused(HOST, with_identity(&named), &root.pem()),
        "the server's certificate is not for \"127.0.0.1\" but for \"localhost\""
    );
}

#[test]
fn one_of_several_roots_is_enough() {
    let (second, identity) = root_and_server(&Leaf::local());
    let first = authority("first");
    let roots = [ROOTS_PEM.to_bytes(), &first.pem(), &second.pem()].concat();
    accepted(HOST, with_identity(&identity), &roots);
}

#[test]
fn an_unknown_authority_is_refused_by_name() {
    let stranger = authority("stranger");
    let identity = issue(&stranger, &Leaf::local());
    let reason = refused(HOST, with_identity(&identity), &authority("trusted").pem());
    assert!(reason.contains("unknown authority"), "{reason}");
    assert!(
        reason.contains("\"CN=test server\" was issued by \"CN=stranger\""),
        "{reason}"
    );
}

#[test]
fn an_authority_of_the_same_name_with_another_key_is_refused() {
    let (_imposter, identity) = root_and_server(&Leaf::local());
    let reason = refused(HOST, with_identity(&identity), &authority("root").pem());
    assert!(
        reason.contains("unknown authority") || reason.contains("rejected"),
        "{reason}"
    );
}

#[test]
fn the_name_of_a_bundled_root_is_not_enough() {
    for root in X509::stack_from_pem(ROOTS_PEM.to_bytes()).expect("PEM") {
        let identity = issue_in_the_name_of(root.subject_name(), &rsa());
        let reason = refused(HOST, with_identity(&identity), ROOTS_PEM.to_bytes());
        // The root was found, and has not signed it.
        assert!(reason.contains("signature failure"), "{reason}");
    }
}

#[test]
fn a_self_signed_server_is_refused_unless_it_is_a_root() {
    let identity = self_signed(&Leaf::local());
    let reason = refused(HOST, with_identity(&identity), &authority("root").pem());
    assert!(reason.contains("self-signed"), "{reason}");
    accepted(HOST, with_identity(&identity), &identity.pem());
}

#[test]
fn dates_are_checked_and_the_devices_clock_is_named() {
    for (days, expected) in [((-9, -2), "expired on "), ((2, 9), "is valid from ")] {
        let (root, identity) = root_and_server(&leaf(|leaf| leaf.days = days));
        let reason = refused(HOST, with_identity(&identity), &root.pem());
        assert!(reason.contains(expected), "{reason}");
        assert!(reason.contains("the device's clock says"), "{reason}");
    }
}

#[test]
fn a_certificate_for_other_hosts_is_refused_with_both_names() {
    let (root, identity) = root_and_server(&leaf(|leaf| {
        leaf.dns = vec!["pre.iot-as-coap.example", "*.other.example"];
        leaf.addresses.clear();
    }));
    assert_eq!(
        refused("localhost", with_identity(&identity), &root.pem()),
        "the server's certificate is not for \"localhost\" but for \
         \"pre.iot-as-coap.example\", \"*.other.example\""
    );
}

#[test]
fn a_certificate_for_clients_does_not_make_a_server() {
    let (root, identity) = root_and_server(&leaf(|leaf| leaf.for_servers = false));
    let reason = refused(HOST, with_identity(&identity), &root.pem());
    assert!(reason.contains("was rejected: "), "{reason}");
}

#[test]
fn the_suites_of_the_classic_cloud_are_spoken() {
    let (root, identity) = root_and_server(&rsa());
    for suite in ["AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA256"] {
        let configure = |context: &mut SslContextBuilder| {
            with_identity(&identity)(context);
            context.set_cipher_list(suite).expect("suite");
        };
        accepted(HOST, configure, &root.pem());
    }
}

#[test]
fn a_modern_server_gets_forward_secrecy_and_aead() {
    let note =
        |connection: &Connection| (connection.stream.ssl().version_str(), connection.suite());
    assert_eq!(
        noted(HOST, note),
        ("DTLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")
    );
}

#[test]
fn the_server_is_told_the_name_but_never_an_address() {
    for (host, expected) in [("localhost", Some("localhost")), (HOST, None)] {
        let name = noted(host, |connection| {
            let name = connection.stream.ssl().servername(NameType::HOST_NAME);
            name.map(str::to_owned)
        });
        assert_eq!(name.as_deref(), expected);
    }
}

/// RFC 7627: without it, sessions could be spliced and resumed by an attacker in the middle.
#[test]
fn the_master_secret_is_bound_to_the_handshake() {
    /// `SSL_get_extms_support`, a macro over this command.
    const SSL_CTRL_GET_EXTMS_SUPPORT: std::ffi::c_int = 122;
    let extended = noted(HOST, |connection| {
        let ssl = foreign_types::ForeignTypeRef::as_ptr(connection.stream.ssl());
        // SAFETY: the object is live; the command takes no argument and only looks.
        unsafe { openssl_sys::SSL_ctrl(ssl, SSL_CTRL_GET_EXTMS_SUPPORT, 0, std::ptr::null_mut()) }
    });
    assert_eq!(extended, 1);
}

#[test]
fn a_server_that_asks_for_a_cookie_gets_it_back() {
    let (root, identity) = root_and_server(&Leaf::local());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context.set_options(SslOptions::COOKIE_EXCHANGE);
        context.set_cookie_generate_cb(|_, cookie| {
            cookie[..6].copy_from_slice(b"cookie");
            Ok(6)
        });
        context.set_cookie_verify_cb(|_, cookie| cookie == b"cookie");
    };
    accepted(HOST, configure, &root.pem());
}

#[test]
fn a_server_of_dtls_1_0_is_refused_as_such() {
    let (root, identity) = root_and_server(&rsa());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context.set_security_level(0);
        context.set_cipher_list("ALL:@SECLEVEL=0").expect("suites");
        let only = Some(SslVersion::DTLS1);
        context.set_min_proto_version(only).expect("version");
        context.set_max_proto_version(only).expect("version");
    };
    assert_eq!(
        refused(HOST, configure, &root.pem()),
        "the server does not speak DTLS 1.2"
    );
}

#[test]
fn a_server_without_a_suite_in_common_is_refused_as_such() {
    let (root, identity) = root_and_server(&rsa());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        let suite = "CAMELLIA128-SHA256";
        context.set_cipher_list(suite).expect("suite");
    };
    assert_eq!(
        refused(HOST, configure, &root.pem()),
        "fatal alert handshake failure (40) from the server: probably no cipher suite in common"
    );
}

#[test]
fn roots_that_are_no_certificates_are_refused_before_connecting() {
    let nobody = "127.0.0.1:9".parse().expect("address");
    let reason = failure(connect(HOST, nobody, b"not PEM"));
    assert!(
        reason.starts_with("the root certificates cannot be used"),
        "{reason}"
    );
}

#[test]
fn hosts_that_would_weaken_the_check_of_the_name_are_refused_before_anything_is_sent() {
    let peer = silent();
    let address = peer.local_addr().expect("address");
    let pem = authority("root").pem();
    for host in [
        "",
        ".",
        "..",
        ".localhost",
        "local..host",
        "127.1",
        "[127.0.0.1]",
    ] {
        let reason = failure(connect(host, address, &pem));
        let expected = format!("{host:?} is neither a host name nor an address");
        assert_eq!(reason, expected);
    }
    assert_eq!(waiting(&peer), 0);
}
