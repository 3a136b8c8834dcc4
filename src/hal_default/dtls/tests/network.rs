//! Handshakes over networks that lose, refuse or stay silent.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::pki::{Leaf, authority, issue};
use super::relay::{From, Relay};
use super::server::{Broken, Server, echo_once, knock, silent, waiting, with_identity};
use super::{announced, check_echo, connect, connect_within, failure, impatient};
use crate::hal::dtls::Offer;
use crate::hal_default::dtls::dialer::{Limits, Proof};

const HOST: &str = "127.0.0.1";
/// Layout of a DTLS record and of the handshake message in it (RFC 6347 4.1, 4.2.2).
const EPOCH: std::ops::Range<usize> = 3..5;
const LENGTH: std::ops::Range<usize> = 11..13;
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const MESSAGE_SEQUENCE: std::ops::Range<usize> = 17..19;

/// What stays the same when a flight is sent again: its first record's type and epoch, and in clear
/// its first message.
fn flight_key(datagram: &[u8]) -> (u8, Vec<u8>, Vec<u8>) {
    let epoch = datagram[EPOCH].to_vec();
    let in_clear = datagram[0] == HANDSHAKE && epoch == [0, 0];
    let message = if in_clear {
        datagram[MESSAGE_SEQUENCE].to_vec()
    } else {
        Vec::new()
    };
    (datagram[0], epoch, message)
}

/// Whether a record of this type is in the datagram.
fn holds(mut datagram: &[u8], content_type: u8) -> bool {
    while datagram.len() > LENGTH.end {
        if datagram[0] == content_type {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([datagram[11], datagram[12]]));
        datagram = datagram.get(LENGTH.end + length..).unwrap_or_default();
    }
    false
}

#[test]
fn a_handshake_survives_the_loss_of_every_client_flights_first_copy() {
    let root = authority("root");
    let server = Server::start(
        HOST,
        with_identity(&issue(&root, &Leaf::local())),
        echo_once,
    );
    let lost = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lost);
    let mut seen = HashSet::new();
    let relay = Relay::start(server.address, move |from, datagram| {
        let in_handshake = from == From::Client && datagram[0] != 23;
        if in_handshake && seen.insert(flight_key(datagram)) {
            counted.fetch_add(1, Ordering::Relaxed);
            return vec![];
        }
        vec![datagram.to_vec()]
    });
    let session = connect(HOST, relay.address, &root.pem()).expect("handshake");
    check_echo(&session);
    assert!(
        lost.load(Ordering::Relaxed) >= 2,
        "at least both flights were hit"
    );
}

#[test]
fn a_handshake_survives_the_loss_of_the_servers_last_flight() {
    let root = authority("root");
    let server = Server::start(
        HOST,
        with_identity(&issue(&root, &Leaf::local())),
        echo_once,
    );
    let lost = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lost);
    let relay = Relay::start(server.address, move |from, datagram| {
        let last_flight = from == From::Server && holds(datagram, CHANGE_CIPHER_SPEC);
        if last_flight && counted.fetch_add(1, Ordering::Relaxed) == 0 {
            return vec![];
        }
        vec![datagram.to_vec()]
    });
    let session = connect(HOST, relay.address, &root.pem()).expect("handshake");
    check_echo(&session);
    assert_eq!(
        lost.load(Ordering::Relaxed),
        2,
        "lost once, sent again once"
    );
}

#[test]
fn no_datagram_of_the_client_needs_fragments() {
    let root = authority("root");
    let server = Server::start(
        HOST,
        with_identity(&issue(&root, &Leaf::local())),
        echo_once,
    );
    let longest = Arc::new(AtomicUsize::new(0));
    let measured = Arc::clone(&longest);
    let relay = Relay::start(server.address, move |from, datagram| {
        if from == From::Client {
            measured.fetch_max(datagram.len(), Ordering::Relaxed);
        }
        vec![datagram.to_vec()]
    });
    drop(connect(HOST, relay.address, &root.pem()).expect("handshake"));
    let longest = longest.load(Ordering::Relaxed);
    assert!((100..=1232).contains(&longest), "{longest}");
}

#[test]
fn a_silent_peer_is_given_up_after_the_bound() {
    let peer = silent();
    let address = peer.local_addr().expect("address");
    let root = authority("root").pem();
    let reason = failure(connect_within(
        HOST,
        address,
        &Proof::new(&root, None),
        impatient(),
    ));
    assert!(
        reason.starts_with("no answer from the server within "),
        "{reason}"
    );
    assert_eq!(waiting(&peer), 1, "one flight fits into the bound");
}

#[test]
fn a_flight_is_sent_again_while_the_peer_is_silent() {
    let peer = silent();
    let address = peer.local_addr().expect("address");
    let root = authority("root").pem();
    // RFC 6347: after 1 s, not yet after another 2 s.
    let limits = Limits {
        total: Duration::from_millis(1800),
        ..Limits::default()
    };
    failure(connect_within(
        HOST,
        address,
        &Proof::new(&root, None),
        limits,
    ));
    assert_eq!(waiting(&peer), 2);
}

#[test]
fn the_first_flight_waits_as_long_as_was_announced() {
    let peer = silent();
    let address = peer.local_addr().expect("address");
    let root = authority("root").pem();
    let mut announced = announced(Offer::PskOnly, b"device", b"key").expect("announced");
    announced.handshake_bound = Duration::from_millis(1_200);
    // One of 100 ms is repeated after 0.1, 0.3 and 0.7 s.
    for (flight_timeout, flights) in [(9_000, 1), (100, 4)] {
        announced.flight_timeout = Duration::from_millis(flight_timeout);
        let limits = Limits::announced(&announced);
        let proof = Proof::new(&root, Some(announced.clone()));
        failure(connect_within(HOST, address, &proof, limits));
        assert_eq!(waiting(&peer), flights, "{flight_timeout} ms");
    }
}

/// A server's answer to our last flight takes up to 10 s where NB-IoT is slow, and the flight may be lost.
#[test]
fn a_key_has_a_third_of_the_time_before_certificates_are_tried() {
    let mut announced = announced(Offer::Both, b"device", b"key").expect("announced");
    let usual = Limits::announced(&announced).psk;
    assert_eq!(usual, Duration::from_secs(10));
    assert_eq!(usual, Limits::default().psk);
    announced.handshake_bound = Duration::from_secs(180);
    assert_eq!(Limits::announced(&announced).psk, Duration::from_secs(60));
}

#[test]
fn a_peer_that_stops_answering_is_told_apart_from_a_silent_one() {
    let root = authority("root");
    let mut hellos = 0;
    let server = Server::start(
        HOST,
        with_identity(&issue(&root, &Leaf::local())),
        |listener| {
            assert!(matches!(listener.accept(), Err(Broken::Superseded)));
        },
    );
    let relay = Relay::start(server.address, move |from, datagram| {
        if from == From::Client {
            hellos += 1;
        }
        if hellos > 1 {
            vec![]
        } else {
            vec![datagram.to_vec()]
        }
    });
    let pem = root.pem();
    let reason = failure(connect_within(
        HOST,
        relay.address,
        &Proof::new(&pem, None),
        impatient(),
    ));
    assert!(
        reason.starts_with("the server stopped answering"),
        "{reason}"
    );
    knock(server.address);
    server.finish();
}

#[test]
fn a_closed_port_fails_before_the_time_is_over() {
    let closed = silent().local_addr().expect("address");
    let root = authority("root").pem();
    let proof = Proof::new(&root, None);
    for unreachable in [0, 2] {
        let limits = Limits {
            unreachable,
            ..Limits::default()
        };
        let reason = failure(connect_within(HOST, closed, &proof, limits));
        assert!(
            reason.starts_with("the server cannot be reached: "),
            "{reason}"
        );
        assert!(reason.contains("refused"), "{reason}");
    }
}

#[test]
fn one_report_of_a_closed_port_is_not_believed() {
    let closed = silent().local_addr().expect("address");
    let root = authority("root").pem();
    let proof = Proof::new(&root, None);
    let limits = Limits {
        unreachable: 1,
        ..impatient()
    };
    let reason = failure(connect_within(HOST, closed, &proof, limits));
    assert!(reason.starts_with("no answer"), "{reason}");
}

#[test]
fn a_name_without_address_fails_at_once() {
    let nowhere = "127.0.0.1:9".parse().expect("address");
    let reason = failure(connect(
        "nowhere.invalid",
        nowhere,
        &authority("root").pem(),
    ));
    assert!(
        reason.starts_with("the host name cannot be resolved"),
        "{reason}"
    );
}
