//! New sessions beside old ones, on the same socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use openssl::ssl::{SslContext, SslContextBuilder, SslOptions};

use super::pki::{Identity, Leaf, authority, issue};
use super::relay::{From, Relay};
use super::sealing::sealed;
use super::server::{Listener, Server, context, with_identity, with_psk};
use super::{
    PATIENCE_MS, announced, await_renewal, brisk, check_echo, connect, connect_patiently,
    connect_within,
};
use crate::hal::dtls::Offer;
use crate::hal_default::dtls::channel::Ended;
use crate::hal_default::dtls::dialer::{Limits, Proof};
use crate::hal_default::dtls::session::{Read, Session, WriteError};

const HOST: &str = "127.0.0.1";
const KEY: &[u8] = b"key of the device";

pub(super) fn free_port() -> std::net::SocketAddr {
    (std::net::Ipv4Addr::LOCALHOST, 0).into()
}

/// A root, and the context of a server that it vouches for.
pub(super) fn root_and_context() -> (Identity, SslContext) {
    let root = authority("root");
    let context = context(with_identity(&issue(&root, &Leaf::local())));
    (root, context)
}

/// A server that forgets its client after one datagram, without a word, but not the session's secret.
fn forgetful(listener: &mut Listener) {
    let mut connection = listener.accept().expect("handshake");
    connection.echo_one();
    connection.keep_in_cache();
}

/// A server that tells whether its handshake was abbreviated.
fn tells_resumption(listener: &mut Listener) -> bool {
    let mut connection = listener.accept().expect("handshake");
    connection.echo();
    connection.is_resumed()
}

/// A session with a forgetful server, which is restarted with another context; whether that server
/// resumed the session.
fn renewed_with(session: Session, before: Server<()>, after: SslContext) -> bool {
    let address = before.address;
    before.finish();
    let server = Server::start_at(address, after, tells_resumption);
    // Nobody knows this session any more.
    session.write(b"anyone?").expect("leaves");
    assert!(session.renew());
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    server.finish()
}

#[test]
fn a_server_that_forgot_the_association_resumes_the_session() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context.clone(), forgetful);
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    assert!(renewed_with(session, server, context));
}

#[test]
fn a_server_that_lost_its_cache_gets_a_full_handshake() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let context = || context(with_identity(&identity));
    let server = Server::start_at(free_port(), context(), forgetful);
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    assert!(!renewed_with(session, server, context()));
}

/// A renewal offers the session's suite and no other; and here the server has lost the session, too.
#[test]
fn a_server_with_another_kind_of_certificate_is_met_in_a_renewal_too() {
    let root = authority("root");
    let identity = |suite| with_identity(&issue(&root, &Leaf::for_suite(suite)));
    let before = context(identity("ECDHE-ECDSA-AES128-GCM-SHA256"));
    let server = Server::start_at(free_port(), before, forgetful);
    let pem = root.pem();
    let proof = Proof::new(&pem, None);
    let session = connect_within(HOST, server.address, &proof, brisk()).expect("handshake");
    check_echo(&session);
    let address = server.address;
    server.finish();
    let after = context(identity("ECDHE-RSA-AES128-GCM-SHA256"));
    let server = Server::start_at(address, after, |listener| {
        let mut connection = listener.accept_eventually();
        connection.echo();
        connection.suite()
    });
    assert!(session.renew());
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    assert!(server.finish().starts_with("ECDHE-RSA"));
}

#[test]
fn a_session_with_a_key_is_resumed_too() {
    let context = context(|context: &mut SslContextBuilder| {
        with_psk(b"identity", KEY)(context);
        context.set_cipher_list("PSK").expect("suites");
    });
    let server = Server::start_at(free_port(), context.clone(), forgetful);
    let proof = Proof::new(b"", announced(Offer::PskOnly, b"identity", KEY));
    let session = connect_within(HOST, server.address, &proof, brisk()).expect("handshake");
    check_echo(&session);
    assert!(renewed_with(session, server, context));
}

/// A server whose session lives on while the next one is made, as RFC 6347 4.2.8 asks: by the
/// cookie it knows that the ClientHello is not forged.
pub(super) fn with_cookies(identity: &Identity) -> SslContext {
    context(|context: &mut SslContextBuilder| {
        with_identity(identity)(context);
        context.set_options(SslOptions::COOKIE_EXCHANGE);
        context.set_cookie_generate_cb(|_, cookie| {
            cookie[..6].copy_from_slice(b"cookie");
            Ok(6)
        });
        context.set_cookie_verify_cb(|_, cookie| cookie == b"cookie");
    })
}

#[test]
fn a_live_session_is_replaced_and_its_last_records_are_delivered() {
    let root = authority("root");
    let context = with_cookies(&issue(&root, &Leaf::local()));
    let server = Server::start_at(free_port(), context, |listener| {
        let mut old = listener.accept().expect("handshake");
        old.echo_until_superseded(listener);
        old.send(b"late");
        old.send(b"later");
        let mut new = listener.accept().expect("second handshake");
        (new.echo(), new.is_resumed())
    });
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    let descriptor = session.descriptor();
    assert_eq!(session.next_timeout(), None);
    assert!(session.renew());
    assert!(session.next_timeout().is_some());
    assert!(session.renew(), "asked again, it changes nothing");
    let mut buffer = [0; 64];
    assert_eq!(session.read(&mut buffer, PATIENCE_MS), Read::Datagram(4));
    assert_eq!(session.read(&mut buffer, PATIENCE_MS), Read::Datagram(5));
    await_renewal(&session);
    assert_eq!(session.next_timeout(), None);
    assert_eq!(session.descriptor(), descriptor);
    check_echo(&session);
    drop(session);
    assert_eq!(server.finish(), (1, true));
}

#[test]
fn a_cancelled_renewal_leaves_the_session_alone() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.echo()
    });
    // Nothing of the new handshake arrives.
    let relay = Relay::start(server.address, {
        let mut established = false;
        move |from, datagram| {
            established |= datagram[0] == 23;
            let hello = from == From::Client && datagram[0] == 22;
            if established && hello {
                return vec![];
            }
            vec![datagram.to_vec()]
        }
    });
    let session = connect(HOST, relay.address, &root.pem()).expect("handshake");
    check_echo(&session);
    session.cancel_renewal();
    for _ in 0..3 {
        assert!(session.renew());
        check_echo(&session);
        session.cancel_renewal();
        assert_eq!(session.next_timeout(), None);
        assert_eq!(session.read(&mut [0; 8], 1), Read::Timeout);
        check_echo(&session);
    }
    drop(session);
    assert_eq!(server.finish(), 7);
}

#[test]
fn a_closed_session_is_renewed_by_resumption() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.echo_one();
        connection.close();
        let mut next = listener.accept().expect("second handshake");
        next.echo();
        next.is_resumed()
    });
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    let ended = Ended::CloseNotify;
    assert_eq!(session.read(&mut [0; 8], PATIENCE_MS), Read::Ended(ended));
    assert!(session.renew());
    assert_eq!(
        session.write(b"x"),
        Err(WriteError::Ended(ended)),
        "not yet"
    );
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    assert!(server.finish());
}

/// RFC 5246 7.2.2: what ended by a fatal alert must not be resumed.
#[test]
fn a_session_ended_by_a_fatal_alert_is_renewed_in_full() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.echo_one();
        let alert = sealed(connection.stream.ssl(), 21, &[2, 80]);
        connection.stream.get_ref().send_raw(&alert);
        let mut next = listener.accept().expect("second handshake");
        next.echo();
        next.is_resumed()
    });
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    let ended = Read::Ended(Ended::FatalAlert);
    assert_eq!(session.read(&mut [0; 8], PATIENCE_MS), ended);
    assert_eq!(session.resumable(), None);
    assert!(session.renew());
    await_renewal(&session);
    check_echo(&session);
    assert!(session.resumable().is_some());
    drop(session);
    assert!(!server.finish());
}

/// The server knows a peer by its address: after a NAT has moved it, nothing is understood.
#[test]
fn a_session_moved_by_a_nat_is_renewed_by_resumption() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut old = listener.accept().expect("handshake");
        old.echo_until_superseded(listener);
        let mut new = listener.accept().expect("second handshake");
        new.echo();
        new.is_resumed()
    });
    let relay = Relay::start(server.address, |_, datagram| vec![datagram.to_vec()]);
    let session = connect(HOST, relay.address, &root.pem()).expect("handshake");
    check_echo(&session);
    relay.rebind();
    session.write(b"from somewhere else").expect("leaves");
    assert!(session.renew());
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    assert!(server.finish());
}

#[test]
fn after_a_silent_renewal_the_next_one_comes_from_another_port() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut old = listener.accept().expect("handshake");
        old.echo_until_superseded(listener);
        listener.accept().expect("second handshake").echo()
    });
    let blocked = Arc::new(AtomicU16::new(0));
    let path = Arc::clone(&blocked);
    let known = Arc::new(AtomicU16::new(0));
    let seen = Arc::clone(&known);
    let relay = Relay::start_by_port(server.address, move |_, port, datagram| {
        seen.store(port, Ordering::Relaxed);
        if port == path.load(Ordering::Relaxed) {
            return vec![];
        }
        vec![datagram.to_vec()]
    });
    let pem = root.pem();
    let limits = Limits {
        total: Duration::from_millis(500),
        first_interval: Duration::from_millis(50),
        ..Limits::default()
    };
    let proof = Proof::new(&pem, None);
    let session = connect_within(HOST, relay.address, &proof, limits).expect("handshake");
    check_echo(&session);
    let descriptor = session.descriptor();
    blocked.store(known.load(Ordering::Relaxed), Ordering::Relaxed);
    assert!(session.renew());
    let mut buffer = [0; 64];
    assert_eq!(session.read(&mut buffer, PATIENCE_MS), Read::NotRenewed);
    assert_eq!(
        session.read(&mut buffer, 1),
        Read::Timeout,
        "it is not at its end"
    );
    assert!(session.renew());
    await_renewal(&session);
    assert_eq!(session.descriptor(), descriptor);
    check_echo(&session);
    assert_ne!(
        known.load(Ordering::Relaxed),
        blocked.load(Ordering::Relaxed)
    );
    drop(session);
    server.finish();
}

/// A server that is restarting says so by ICMP: no reason to give up before the bound.
#[test]
fn a_renewal_outlasts_a_server_that_is_not_there_yet() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context.clone(), forgetful);
    let address = server.address;
    let session = connect(HOST, address, &root.pem()).expect("handshake");
    check_echo(&session);
    server.finish();
    assert!(session.renew());
    // Until several copies of the flight have been refused.
    while session.next_timeout() < Some(Duration::from_millis(300)) {
        assert_eq!(session.read(&mut [0; 8], 50), Read::Timeout);
    }
    let server = Server::start_at(address, context, tells_resumption);
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    assert!(server.finish());
}

#[test]
fn what_is_forged_during_a_renewal_harms_neither_session() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut old = listener.accept().expect("handshake");
        old.echo_until_superseded(listener);
        listener.accept().expect("second handshake").echo()
    });
    let relay = Relay::start(server.address, |from, datagram| {
        let mut forged: Vec<Vec<u8>> = vec![];
        if from == From::Server {
            for content_type in 19..26 {
                for epoch in 0..3 {
                    let head = [content_type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0x20, 9, 0];
                    forged.push([&head[..], &[40], &[2; 40]].concat());
                    forged.push([&head[..], &[2], &[2, 40]].concat());
                }
            }
        }
        forged.push(datagram.to_vec());
        forged
    });
    let session = connect_patiently(relay.address, &root.pem());
    check_echo(&session);
    assert!(session.renew());
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    server.finish();
}

#[test]
fn a_request_to_renegotiate_is_not_heard() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.echo_one();
        let hello_request = [0; 12];
        let record = sealed(connection.stream.ssl(), 22, &hello_request);
        connection.stream.get_ref().send_raw(&record);
        connection.echo()
    });
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    for _ in 0..3 {
        check_echo(&session);
    }
    drop(session);
    assert_eq!(server.finish(), 3);
}

#[test]
fn a_renewal_that_nobody_would_drive_is_refused() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.echo_until_superseded(listener);
    });
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    assert!(
        !session.renew(),
        "read and written by others, as far as one can see"
    );
    check_echo(&session);
    assert!(session.renew());
    server.finish();
}

#[test]
fn a_renewal_without_an_answer_ends_at_its_bound() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, forgetful);
    let address = server.address;
    let pem = root.pem();
    let limits = Limits {
        total: Duration::from_millis(300),
        ..Limits::default()
    };
    let proof = Proof::new(&pem, None);
    let session = connect_within(HOST, address, &proof, limits).expect("handshake");
    check_echo(&session);
    server.finish();
    for _ in 0..2 {
        assert!(session.renew());
        let due = session.next_timeout().expect("under way");
        assert!(due <= limits.total);
        assert_eq!(session.read(&mut [0; 8], PATIENCE_MS), Read::NotRenewed);
        assert_eq!(session.next_timeout(), None);
    }
}
