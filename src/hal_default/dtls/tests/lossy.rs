//! Handshakes, full and abbreviated, over a network that loses, repeats, reorders, cuts and damages.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use zeroize::Zeroizing;

use super::pki::{Identity, Leaf, authority, issue};
use super::relay::{From, Relay};
use super::renewal::{free_port, with_cookies};
use super::server::{Listener, Server, with_identity};
use super::{PATIENCE_MS, announced, await_renewal, brisk, check_echo, connect, connect_within};
use crate::hal::dtls::Offer;
use crate::hal_default::dtls::dialer::{Limits, Proof};
use crate::hal_default::dtls::session::{Read, Session};

const HOST: &str = "127.0.0.1";
/// Layout of a record's header (RFC 6347 4.1).
const EPOCH_AND_TYPE: [usize; 3] = [3, 4, 0];
const HEADER: usize = 13;
/// Where the message's number is, in a handshake record in clear (RFC 6347 4.2.2).
const MESSAGE_NUMBER: std::ops::Range<usize> = 17..19;
/// Where the random of a ServerHello is: after record header, message header and version.
const SERVER_RANDOM: usize = HEADER + 12 + 2;

/// What stays the same when a datagram of a flight is sent again.
fn key(datagram: &[u8]) -> Vec<u8> {
    let mut key: Vec<u8> = EPOCH_AND_TYPE.iter().map(|at| datagram[*at]).collect();
    if key == [0, 0, 22] {
        key.extend(&datagram[MESSAGE_NUMBER]);
    }
    key
}

fn carries_data(datagram: &[u8]) -> bool {
    datagram[0] == 23
}

/// Serves clients until one says goodbye after a datagram; tells which handshakes were abbreviated.
fn serve(count: usize) -> impl FnOnce(&mut Listener) -> Vec<bool> + Send + 'static {
    move |listener| {
        let mut resumed = Vec::new();
        while resumed.len() < count {
            let Ok(mut connection) = listener.accept() else {
                continue;
            };
            connection.echo();
            resumed.push(connection.is_resumed());
        }
        resumed
    }
}

fn resume(
    address: SocketAddr,
    root: &Identity,
    kept: &Zeroizing<Vec<u8>>,
    limits: Limits,
) -> Session {
    let mut announced = announced(Offer::CertificateOnly, b"nobody", b"nothing").expect("usable");
    announced.psk = None;
    announced.resume = Some(kept.clone());
    let pem = root.pem();
    let proof = Proof::new(&pem, Some(announced));
    connect_within(HOST, address, &proof, limits).expect("abbreviated handshake")
}

/// A full handshake and an abbreviated one, both through what `policy` makes of the datagrams of
/// handshakes.
fn both_handshakes(mtu: u32, mut policy: impl FnMut(From, &[u8]) -> Vec<Vec<u8>> + Send + 'static) {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let server = Server::start(HOST, with_identity(&identity), move |listener| {
        listener.mtu = mtu;
        serve(2)(listener)
    });
    let relay = Relay::start(server.address, move |from, datagram| {
        if carries_data(datagram) {
            return vec![datagram.to_vec()];
        }
        policy(from, datagram)
    });
    let session = connect(HOST, relay.address, &root.pem()).expect("full handshake");
    check_echo(&session);
    let kept = session.resumable().expect("resumable");
    drop(session);
    let session = resume(relay.address, &root, &kept, brisk());
    // The last flight may be lost: the session's reader answers the server's repetition.
    session.write(b"lost with it, perhaps").expect("leaves");
    let mut buffer = [0; 64];
    while !matches!(
        session.read(&mut buffer, 300),
        crate::hal_default::dtls::session::Read::Datagram(_)
    ) {
        session.write(b"again").expect("leaves");
    }
    drop(session);
    assert_eq!(server.finish(), [false, true]);
}

#[test]
fn each_flight_of_either_side_is_lost_once() {
    for side in [From::Client, From::Server] {
        let lost = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lost);
        let mut seen = HashSet::new();
        both_handshakes(1232, move |from, datagram| {
            // An alert is close_notify; the next session begins anew.
            if datagram[0] == 21 {
                seen.clear();
            } else if from == side && seen.insert(key(datagram)) {
                counted.fetch_add(1, Ordering::Relaxed);
                return vec![];
            }
            vec![datagram.to_vec()]
        });
        assert!(
            lost.load(Ordering::Relaxed) >= 4,
            "two flights of each handshake"
        );
    }
}

#[test]
fn everything_is_repeated() {
    both_handshakes(1232, |_, datagram| vec![datagram.to_vec(); 3]);
}

/// Flights of many datagrams, each pair of which changes places.
#[test]
fn fragments_arrive_out_of_order() {
    let mut held: Option<Vec<u8>> = None;
    both_handshakes(300, move |from, datagram| {
        if from == From::Client {
            return vec![datagram.to_vec()];
        }
        match held.take() {
            // Only full datagrams have a successor in their flight.
            None if datagram.len() > 250 => {
                held = Some(datagram.to_vec());
                vec![]
            }
            None => vec![datagram.to_vec()],
            Some(first) => vec![datagram.to_vec(), first],
        }
    });
}

/// What comes in clear can be damaged: the handshake fails, and a second one does not.
#[test]
fn a_damaged_server_hello_costs_one_handshake() {
    let damaged = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&damaged);
    both_handshakes(1232, move |from, datagram| {
        let mut datagram = datagram.to_vec();
        let server_hello = from == From::Server && datagram[0] == 22 && datagram[HEADER] == 2;
        if server_hello && counted.fetch_add(1, Ordering::Relaxed) == 0 {
            datagram[SERVER_RANDOM] ^= 1;
        }
        vec![datagram]
    });
    assert_eq!(damaged.load(Ordering::Relaxed), 3, "one of them in vain");
}

#[test]
fn damaged_finished_messages_are_waited_for_again() {
    let damaged = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&damaged);
    both_handshakes(1232, move |from, datagram| {
        let mut datagram = datagram.to_vec();
        let by_server = from == From::Server;
        let sealed_at_end = datagram.len().checked_sub(40 + HEADER);
        if let (true, Some(at)) = (by_server, sealed_at_end)
            && datagram[at..at + 5] == [22, 0xfe, 0xfd, 0, 1]
            && counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
        {
            *datagram.last_mut().expect("not empty") ^= 1;
        }
        vec![datagram]
    });
    assert_eq!(damaged.load(Ordering::Relaxed), 4, "each one once in vain");
}

/// The longest message of a client is a ClientHello with a session to resume.
#[test]
fn flights_are_cut_to_the_path_mtu() {
    let root = authority("root");
    let server = Server::start(HOST, with_identity(&issue(&root, &Leaf::local())), serve(2));
    let longest = Arc::new(AtomicUsize::new(0));
    let measured = Arc::clone(&longest);
    let relay = Relay::start(server.address, move |from, datagram| {
        if from == From::Client && !carries_data(datagram) {
            measured.fetch_max(datagram.len(), Ordering::Relaxed);
        }
        vec![datagram.to_vec()]
    });
    let session = connect(HOST, relay.address, &root.pem()).expect("handshake");
    check_echo(&session);
    let kept = session.resumable().expect("resumable");
    drop(session);
    longest.store(0, Ordering::Relaxed);
    let limits = Limits {
        path_mtu: 304,
        ..brisk()
    };
    check_echo(&resume(relay.address, &root, &kept, limits));
    let longest = longest.load(Ordering::Relaxed);
    assert!((140..=304 - 28).contains(&longest), "{longest}");
    assert_eq!(server.finish(), [false, true]);
}

#[test]
fn the_largest_datagram_fills_the_path_mtu_and_a_longer_one_goes_beyond() {
    let root = authority("root");
    for suite in [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-CCM8",
        "AES128-SHA256",
    ] {
        let identity = issue(&root, &Leaf::for_suite(suite));
        let configure = |context: &mut openssl::ssl::SslContextBuilder| {
            with_identity(&identity)(context);
            context.set_cipher_list(suite).expect("suite");
        };
        let server = Server::start(HOST, configure, serve(1));
        let longest = Arc::new(AtomicUsize::new(0));
        let measured = Arc::clone(&longest);
        let relay = Relay::start(server.address, move |from, datagram| {
            if from == From::Client {
                measured.fetch_max(datagram.len(), Ordering::Relaxed);
            }
            vec![datagram.to_vec()]
        });
        let session = connect(HOST, relay.address, &root.pem()).expect(suite);
        let largest = session.largest_datagram();
        assert!((1150..1252).contains(&largest), "{suite}: {largest}");
        let mut buffer = [0; 2048];
        let mut echo = |length: usize| {
            session.write(&vec![7; length]).expect(suite);
            let read = session.read(&mut buffer, super::PATIENCE_MS);
            assert_eq!(
                read,
                crate::hal_default::dtls::session::Read::Datagram(length)
            );
            longest.load(Ordering::Relaxed)
        };
        assert!((1252 - 16..=1252).contains(&echo(largest)), "{suite}");
        assert!(echo(largest + 1) > 1252, "{suite}");
        drop(session);
        server.finish();
    }
}

/// The device's last flight, lost at first: what it is when it comes again, in a full handshake, where the device repeats
/// it by its timer, and in an abbreviated one, where the server asks for it.
#[test]
fn a_flight_is_repeated_in_one_datagram() {
    let root = authority("root");
    let server = Server::start(HOST, with_identity(&issue(&root, &Leaf::local())), serve(2));
    let (sent, flights) = mpsc::channel();
    let mut first = true;
    let relay = Relay::start(server.address, move |from, datagram| {
        const CLIENT_KEY_EXCHANGE: u8 = 16;
        let is_last_flight = matches!(
            (datagram[0], datagram[13]),
            (22, CLIENT_KEY_EXCHANGE) | (20, _)
        );
        if from == From::Client && is_last_flight {
            let what = (datagram[0], datagram.len());
            sent.send(what).expect("the test waits");
            first = !first;
            if !first {
                return vec![];
            }
        }
        vec![datagram.to_vec()]
    });
    let session = connect(HOST, relay.address, &root.pem()).expect("handshake");
    check_echo(&session);
    let kept = session.resumable().expect("kept");
    drop(session);
    let session = resume(relay.address, &root, &kept, brisk());
    check_echo(&session);
    drop(session);
    assert_eq!(server.finish(), [false, true]);
    drop(relay);
    let flights: Vec<(u8, usize)> = flights.iter().collect();
    for first_record in [22, 20] {
        let alike = flights.iter().filter(|(it, _)| *it == first_record);
        let lengths: HashSet<usize> = alike.clone().map(|(_, length)| *length).collect();
        assert!(alike.count() >= 2, "repeated: {flights:?}");
        assert_eq!(lengths.len(), 1, "as at first: {flights:?}");
    }
}

/// Whether this is a ClientHello that shows a cookie and offers a session (RFC 6347 4.2.2): the server has not looked at
/// the offer before.
fn offers_session_with_cookie(datagram: &[u8]) -> bool {
    const MESSAGE: std::ops::Range<usize> = 13..14;
    const MESSAGE_NUMBER: std::ops::Range<usize> = 17..19;
    const SESSION_ID_LENGTH: usize = 13 + 12 + 2 + 32;
    datagram.starts_with(&[22])
        && datagram.get(MESSAGE) == Some(&[1])
        && datagram.get(MESSAGE_NUMBER) == Some(&[0, 1])
        && datagram.get(SESSION_ID_LENGTH).is_some_and(|it| *it > 0)
}

/// A server with a live session, then another one: whether that was resumed.
fn renewing_server(identity: &Identity) -> Server<bool> {
    Server::start_at(free_port(), with_cookies(identity), |listener| {
        let mut old = listener.accept().expect("handshake");
        old.echo_until_superseded(listener);
        let mut new = listener.accept_eventually();
        new.echo();
        new.is_resumed()
    })
}

/// A request for a cookie is no answer to what a ClientHello offers: where much is lost, the answer may take as long
/// as there is time. A full handshake in place of the resumption would be mistaken for it, and it for that.
#[test]
fn a_resumption_has_the_whole_bound_after_the_cookie() {
    let root = authority("root");
    let server = renewing_server(&issue(&root, &Leaf::local()));
    let mut lost = 0;
    let relay = Relay::start(server.address, move |from, datagram| {
        if from == From::Client && offers_session_with_cookie(datagram) && lost < 4 {
            lost += 1;
            return vec![];
        }
        vec![datagram.to_vec()]
    });
    let pem = root.pem();
    // The fifth copy leaves after 15 intervals; half of the bound is 13.
    let limits = Limits {
        total: Duration::from_millis(3_900),
        first_interval: Duration::from_millis(150),
        ..Limits::default()
    };
    let proof = Proof::new(&pem, None);
    let session = connect_within(HOST, relay.address, &proof, limits).expect("handshake");
    check_echo(&session);
    assert!(session.renew());
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    assert!(server.finish(), "resumed");
}

#[test]
fn after_a_silence_over_a_resumption_the_next_handshake_is_full() {
    let root = authority("root");
    let server = renewing_server(&issue(&root, &Leaf::local()));
    let relay = Relay::start(server.address, move |from, datagram| {
        let lost = from == From::Client && offers_session_with_cookie(datagram);
        if lost {
            vec![]
        } else {
            vec![datagram.to_vec()]
        }
    });
    let pem = root.pem();
    let limits = Limits {
        total: Duration::from_millis(1_000),
        first_interval: Duration::from_millis(100),
        ..Limits::default()
    };
    let proof = Proof::new(&pem, None);
    let session = connect_within(HOST, relay.address, &proof, limits).expect("handshake");
    check_echo(&session);
    assert!(session.renew());
    assert_eq!(session.read(&mut [0; 64], PATIENCE_MS), Read::NotRenewed);
    // Another port of the device is another address to the server.
    relay.rebind();
    assert!(session.renew());
    await_renewal(&session);
    check_echo(&session);
    drop(session);
    assert!(!server.finish(), "in full");
}
