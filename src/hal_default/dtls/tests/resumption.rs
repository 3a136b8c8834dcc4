//! Sessions kept as bytes, as over a power cycle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openssl::ssl::{SslContextBuilder, SslSessionCacheMode};
use zeroize::Zeroizing;

use super::pki::{Identity, Leaf, authority, issue};
use super::relay::{From, Relay};
use super::server::{Listener, Server, context, with_identity, with_psk};
use super::{announced, brisk, check_echo, connect_within, failure};
use crate::hal::dtls::Offer;
use crate::hal::dtls_offer::Announced;
use crate::hal_default::dtls::dialer::{Limits, Proof};
use crate::hal_default::dtls::resume::{Binding, is_wish_for_ticket, wish_for_ticket};
use crate::hal_default::dtls::session::Session;

const HOST: &str = "127.0.0.1";
/// The content type of an alert (RFC 5246 6.2.1).
const ALERT: u8 = 21;
const IDENTITY: &[u8] = b"identity";
const KEY: &[u8] = b"key of the device";

/// Serves this many clients; tells which handshakes were abbreviated.
fn serve(clients: usize) -> impl FnOnce(&mut Listener) -> Vec<bool> + Send + 'static {
    move |listener| {
        let serve_one = |_| {
            let mut connection = listener.accept().expect("handshake");
            connection.echo();
            connection.is_resumed()
        };
        (0..clients).map(serve_one).collect()
    }
}

fn certificate_server(root: &Identity, clients: usize) -> Server<Vec<bool>> {
    let identity = issue(root, &Leaf::local());
    Server::start(HOST, with_identity(&identity), serve(clients))
}

/// An announcement of certificates, or of the key if there is one, with a session to resume.
fn resuming(key: Option<&[u8]>, kept: &[u8]) -> Option<Announced> {
    let mut announced = announced(Offer::PskOnly, IDENTITY, key.unwrap_or(KEY))?;
    if key.is_none() {
        announced.offer = Offer::Both;
        announced.psk = None;
    }
    announced.resume = Some(Zeroizing::new(kept.to_vec()));
    Some(announced)
}

fn connect_resuming(address: std::net::SocketAddr, root: &[u8], kept: &[u8]) -> Session {
    let proof = Proof::new(root, resuming(None, kept));
    connect_within(HOST, address, &proof, brisk()).expect("handshake")
}

/// A session's bytes, the session being closed.
fn keep(session: Session) -> Zeroizing<Vec<u8>> {
    check_echo(&session);
    session.resumable().expect("resumable")
}

#[test]
fn a_kept_session_is_resumed_in_two_datagrams_and_their_answer() {
    let root = authority("root");
    let server = certificate_server(&root, 2);
    let counts = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let counted = counts.clone();
    let relay = Relay::start(server.address, move |from, datagram| {
        // The first session's goodbye may pass late.
        let counts = usize::from(datagram[0] != ALERT);
        counted[usize::from(from == From::Server)].fetch_add(counts, Ordering::Relaxed);
        vec![datagram.to_vec()]
    });
    let pem = root.pem();
    let connect = |kept: &[u8]| {
        // With the timer of RFC 6347: no flight is to be repeated.
        let proof = Proof::new(&pem, resuming(None, kept));
        connect_within(HOST, relay.address, &proof, Limits::default()).expect("handshake")
    };
    let kept = keep(connect(b""));
    for count in &counts {
        count.store(0, Ordering::Relaxed);
    }
    let session = connect(&kept);
    check_echo(&session);
    // ClientHello; ServerHello to Finished; Finished; and the echo.
    assert_eq!(counts[0].load(Ordering::Relaxed), 2 + 1);
    assert_eq!(counts[1].load(Ordering::Relaxed), 1 + 1);
    drop(session);
    assert_eq!(server.finish(), [false, true]);
}

#[test]
fn a_session_can_be_kept_again_after_each_resumption() {
    let root = authority("root");
    let server = certificate_server(&root, 4);
    let mut kept = keep(connect_resuming(server.address, &root.pem(), b""));
    for _ in 0..3 {
        kept = keep(connect_resuming(server.address, &root.pem(), &kept));
    }
    assert_eq!(server.finish(), [false, true, true, true]);
}

#[test]
fn a_kept_session_with_a_key_is_resumed() {
    let configure = |context: &mut SslContextBuilder| {
        with_psk(IDENTITY, KEY)(context);
        context.set_cipher_list("PSK").expect("suites");
    };
    let server = Server::start(HOST, configure, serve(2));
    let connect = |kept: &[u8]| {
        let proof = Proof::new(b"", resuming(Some(KEY), kept));
        connect_within(HOST, server.address, &proof, brisk()).expect("handshake")
    };
    let kept = keep(connect(b""));
    keep(connect(&kept));
    assert_eq!(server.finish(), [false, true]);
}

#[test]
fn a_server_that_declines_gets_a_full_handshake() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let first = Server::start(HOST, with_identity(&identity), serve(1));
    let address = first.address;
    let kept = keep(connect_resuming(address, &root.pem(), b""));
    first.finish();
    let other = Server::start_at(address, context(with_identity(&identity)), serve(1));
    keep(connect_resuming(address, &root.pem(), &kept));
    assert_eq!(other.finish(), [false]);
}

/// Where a session's end is in the bytes that are kept.
const UNTIL: std::ops::Range<usize> = 6..14;

/// In a full handshake that began as a resumption, the server could choose nothing but the old session's suite: it
/// must not go on like that for ever.
#[test]
fn a_resumption_that_is_declined_does_not_put_off_the_next_offer_of_all_suites() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::for_suite("AES128-SHA"));
    let old = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context.set_cipher_list("AES128-SHA").expect("suites");
    };
    let first = Server::start(HOST, old, serve(1));
    let address = first.address;
    let mut kept = keep(connect_resuming(address, &root.pem(), b""));
    first.finish();
    // The server is replaced by a better one, which knows none of the sessions.
    let mut meet = |until: u64| {
        kept[UNTIL].copy_from_slice(&until.to_be_bytes());
        let better = context(with_identity(&identity));
        let better = Server::start_at(address, better, |listener| {
            let mut connection = listener.accept().expect("handshake");
            connection.echo();
            connection.suite()
        });
        kept = keep(connect_resuming(address, &root.pem(), &kept));
        let until_now = u64::from_be_bytes(kept[UNTIL].try_into().expect("eight bytes"));
        (better.finish(), until_now)
    };
    let long = 1 << 40; // longer than any trust, and any certificate
    let (suite, until) = meet(long);
    assert!(suite == "AES128-SHA" && until < long, "{suite}");
    let soon = until - 60 * 60;
    assert_eq!(meet(soon), (suite, soon));
    let (suite, anew) = meet(1_000_000_000);
    assert!(suite.starts_with("ECDHE-") && anew >= until, "{suite}");
}

/// A resumption offers the session's suite and no other.
#[test]
fn a_server_with_another_kind_of_certificate_gets_a_full_handshake() {
    let root = authority("root");
    let identity = |suite| with_identity(&issue(&root, &Leaf::for_suite(suite)));
    let first = Server::start(HOST, identity("ECDHE-ECDSA-AES128-GCM-SHA256"), serve(1));
    let address = first.address;
    let kept = keep(connect_resuming(address, &root.pem(), b""));
    first.finish();
    let other = context(identity("AES128-SHA256"));
    let other = Server::start_at(address, other, |listener| {
        let mut connection = listener.accept_eventually();
        connection.echo();
        connection.suite()
    });
    keep(connect_resuming(address, &root.pem(), &kept));
    assert!(!other.finish().contains("ECDSA"));
}

#[test]
fn damaged_bytes_lead_to_a_full_handshake() {
    let root = authority("root");
    let junk: [&[u8]; 4] = [b"", b"IXDS\x01", &[0; 300], &[0x30; 70_000]];
    // For each place in the layout: magic, version, proof, binding, and OpenSSL's part.
    let places = [0, 4, 5, 14, 46, 60];
    let server = certificate_server(&root, 1 + junk.len() + places.len() + 2);
    let connect = |kept: &[u8]| connect_resuming(server.address, &root.pem(), kept);
    let kept = keep(connect(b""));
    for bytes in junk {
        check_echo(&connect(bytes));
    }
    for place in places {
        let mut damaged = kept.clone();
        damaged[place] ^= 0x40;
        check_echo(&connect(&damaged));
    }
    check_echo(&connect(&kept[..kept.len() - 1]));
    check_echo(&connect(&[&kept[..], b"x"].concat()));
    assert!(server.finish().iter().all(|resumed| !resumed));
}

#[test]
fn a_kept_session_expires() {
    let root = authority("root");
    let server = certificate_server(&root, 2);
    let mut kept = keep(connect_resuming(server.address, &root.pem(), b""));
    kept[UNTIL].copy_from_slice(&1_000_000_000u64.to_be_bytes());
    check_echo(&connect_resuming(server.address, &root.pem(), &kept));
    assert_eq!(server.finish(), [false, false]);
}

/// The verification that a resumption leaves out was made for one host, with certain roots.
#[test]
fn a_kept_session_is_for_the_same_host_and_roots_only() {
    let (root, stranger) = (authority("root"), authority("stranger"));
    let identity = issue(&root, &Leaf::local());
    let server = Server::start(HOST, with_identity(&identity), |listener| {
        listener.accept().expect("handshake").echo();
        let mut named = listener.accept().expect("handshake by name");
        named.echo();
        (named.is_resumed(), listener.accept().is_err())
    });
    let kept = keep(connect_resuming(server.address, &root.pem(), b""));
    let connect = |host: &str, root: &[u8]| {
        let proof = Proof::new(root, resuming(None, &kept));
        connect_within(host, server.address, &proof, brisk())
    };
    check_echo(&connect("localhost", &root.pem()).expect("handshake"));
    let reason = failure(connect(HOST, &stranger.pem()));
    assert!(reason.contains("unknown authority"), "{reason}");
    assert_eq!(server.finish(), (false, true));
}

#[test]
fn a_kept_session_does_not_get_around_the_choice_of_proof() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        with_psk(IDENTITY, KEY)(context);
    };
    let server = Server::start(HOST, configure, |listener| {
        listener.accept().expect("handshake").echo();
        let mut second = listener.accept().expect("handshake with the key");
        second.echo();
        (second.is_resumed(), second.suite())
    });
    let kept = keep(connect_resuming(server.address, &root.pem(), b""));
    let proof = Proof::new(b"", resuming(Some(KEY), &kept));
    let session = connect_within(HOST, server.address, &proof, brisk());
    check_echo(&session.expect("handshake"));
    let (resumed, suite) = server.finish();
    assert!(!resumed && suite.starts_with("PSK-"), "{suite}");
}

#[test]
fn the_kept_bytes_are_not_shown() {
    let root = authority("root");
    let server = certificate_server(&root, 1);
    let session = connect_resuming(server.address, &root.pem(), b"");
    let shown = format!("{session:?}");
    assert!(
        shown.contains("Resumable { proven_by: Certificate"),
        "{shown}"
    );
    assert!(!shown.contains("master"), "{shown}");
    drop(keep(session));
    server.finish();
}

#[test]
fn a_server_without_a_cache_is_asked_for_a_ticket_the_next_time() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let configure = |context: &mut SslContextBuilder| {
        with_identity(&identity)(context);
        context.set_session_cache_mode(SslSessionCacheMode::OFF);
    };
    let server = Server::start(HOST, configure, serve(4));
    let mut kept = keep(connect_resuming(server.address, &root.pem(), b""));
    assert_eq!(kept.len(), 46, "a wish, no session");
    for _ in 0..3 {
        kept = keep(connect_resuming(server.address, &root.pem(), &kept));
    }
    assert_eq!(server.finish(), [false, false, true, true]);
}

#[test]
fn a_server_that_does_not_know_its_ids_is_asked_for_a_ticket_too() {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let mut server = Server::start(HOST, with_identity(&identity), serve(1));
    let address = server.address;
    let mut kept = keep(connect_resuming(address, &root.pem(), b""));
    server.finish();
    // The same keys for tickets, and each time an empty cache.
    let keys = context(with_identity(&identity));
    let mut resumed = Vec::new();
    for _ in 0..4 {
        let keys = keys.clone();
        server = Server::start_at(address, keys, |listener| {
            let mut connection = listener.accept().expect("handshake");
            while let Some(datagram) = connection.receive() {
                connection.send(&datagram);
            }
            connection.lose_from_cache();
            vec![connection.is_resumed()]
        });
        kept = keep(connect_resuming(address, &root.pem(), &kept));
        resumed.extend(server.finish());
    }
    assert_eq!(resumed, [false, false, true, true]);
}

#[test]
fn a_wish_for_a_ticket_is_for_the_same_host_and_roots_only() {
    let binding = |host| Binding::new(host, 5684, b"roots", b"");
    let wish = wish_for_ticket(binding("a"));
    assert!(is_wish_for_ticket(&wish, binding("a")));
    assert!(!is_wish_for_ticket(&wish, binding("b")));
    assert!(!is_wish_for_ticket(&wish[..45], binding("a")));
}
