//! Datagrams that anyone can send in the server's name.

use openssl::ssl::SslContextBuilder;

use super::pki::{Leaf, authority, issue};
use super::relay::{From, Relay};
use super::server::{Server, with_identity};
use super::{PATIENCE_MS, check_echo, connect, connect_patiently};
use crate::hal_default::dtls::session::Read;

const HOST: &str = "127.0.0.1";

/// Suites with different record protection: nonces, tags and MACs of different lengths.
const SUITES: [&str; 5] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-CCM8",
    "AES128-SHA",
    "AES128-SHA256",
];

/// A record with a fresh sequence number.
fn record(content_type: u8, epoch: u8, length: u8) -> Vec<u8> {
    let mut record = vec![
        content_type,
        0xfe,
        0xfd,
        0,
        epoch,
        0,
        0,
        0,
        0,
        0x20,
        length,
        0,
        length,
    ];
    record.extend(vec![2; length.into()]);
    record
}

/// What is no DTLS at all, and a record of every type, epoch and length that makes a difference.
fn forgeries() -> Vec<Vec<u8>> {
    let mut forgeries = vec![
        vec![],
        vec![0],
        b"junk that is no record at all".to_vec(),
        b"\x62\x45\x12\x34\x01\x02\xff{}".to_vec(), // a CoAP response
        vec![0xff; 1400],
    ];
    for content_type in 19..27 {
        for epoch in 0..3 {
            for length in [0, 1, 2, 8, 12, 15, 16, 17, 23, 24, 31, 32, 64, 80] {
                forgeries.push(record(content_type, epoch, length));
            }
        }
    }
    forgeries.push([&record(21, 0, 2)[..13], &[2, 40]].concat());
    forgeries
}

/// The forgeries in portions that a socket's buffer takes.
fn portions() -> Vec<Vec<Vec<u8>>> {
    forgeries().chunks(40).map(<[_]>::to_vec).collect()
}

fn with_suite(suite: &str) -> impl FnOnce(&mut SslContextBuilder) + use<> {
    let (root, suite) = (ROOT.with(Clone::clone), suite.to_owned());
    let identity = issue(&root, &Leaf::for_suite(&suite));
    move |context| {
        with_identity(&identity)(context);
        context.set_cipher_list(&suite).expect("suite");
    }
}

thread_local! {
    /// The root that every test of this thread trusts.
    static ROOT: super::pki::Identity = authority("root");
}

fn trusted() -> Vec<u8> {
    ROOT.with(super::pki::Identity::pem)
}

#[test]
fn forged_datagrams_do_not_end_a_session() {
    for suite in SUITES {
        let server = Server::start(HOST, with_suite(suite), |listener| {
            let mut connection = listener.accept().expect("handshake");
            for portion in portions() {
                for forgery in portion {
                    connection.stream.get_ref().send_raw(&forgery);
                }
                connection.send(b"still here");
                assert_eq!(connection.receive().expect("an answer"), b"so am I");
            }
            connection.receive()
        });
        let session = connect(HOST, server.address, &trusted()).expect(suite);
        let mut buffer = [0u8; 64];
        for _ in portions() {
            assert_eq!(
                session.read(&mut buffer, PATIENCE_MS),
                Read::Datagram(10),
                "{suite}"
            );
            session.write(b"so am I").expect(suite);
        }
        drop(session);
        server.finish();
    }
}

#[test]
fn an_alert_in_clear_does_not_end_a_session() {
    let server = Server::start(HOST, with_suite(SUITES[0]), |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.stream.get_ref().send_raw(&record(21, 0, 2));
        connection.echo()
    });
    let session = connect(HOST, server.address, &trusted()).expect("handshake");
    check_echo(&session);
    drop(session);
    server.finish();
}

#[test]
fn forged_datagrams_between_the_servers_do_not_stop_a_handshake() {
    for suite in SUITES {
        for portion in portions() {
            let server = Server::start(HOST, with_suite(suite), |listener| {
                listener.accept().expect("handshake").echo()
            });
            let relay = Relay::start(server.address, move |from, datagram| match from {
                From::Client => vec![datagram.to_vec()],
                From::Server => [&portion[..], &[datagram.to_vec()]].concat(),
            });
            let session = connect(HOST, relay.address, &trusted()).expect(suite);
            check_echo(&session);
            drop(session);
            server.finish();
        }
    }
}

/// Copies with one byte changed bring their intact records out of order, so a retransmission may be
/// needed; no more.
#[test]
fn mangled_copies_of_the_servers_datagrams_do_not_stop_a_handshake() {
    let server = Server::start(HOST, with_suite(SUITES[0]), |listener| {
        listener.accept().expect("handshake").echo()
    });
    let relay = Relay::start(server.address, |from, datagram| {
        let mut wrong_epoch = datagram.to_vec();
        wrong_epoch[3] = 0x7f;
        let mut wrong_version = datagram.to_vec();
        wrong_version[1] = 3;
        let cut = datagram[..datagram.len() - 1].to_vec();
        match from {
            From::Client => vec![datagram.to_vec()],
            From::Server => vec![wrong_epoch, wrong_version, cut, datagram.to_vec()],
        }
    });
    let session = connect(HOST, relay.address, &trusted()).expect("handshake");
    check_echo(&session);
    drop(session);
    server.finish();
}

/// A true one is believed too, but only when the handshake stands still: see `certificates`.
#[test]
fn forged_alerts_in_clear_do_not_stop_a_handshake() {
    for alert in [[2, 40], [2, 0], [1, 0], [2, 70]] {
        let server = Server::start(HOST, with_suite(SUITES[0]), |listener| {
            listener.accept().expect("handshake").echo()
        });
        let forged = [&record(21, 0, 2)[..13], &alert].concat();
        let relay = Relay::start(server.address, move |from, datagram| match from {
            From::Client => vec![datagram.to_vec()],
            // Before each of the server's datagrams, after it, and in the same one.
            From::Server => vec![
                forged.clone(),
                [&forged[..], datagram].concat(),
                forged.clone(),
            ],
        });
        let session = connect_patiently(relay.address, &trusted());
        check_echo(&session);
        drop(session);
        server.finish();
    }
}

#[test]
fn the_shortest_datagrams_of_every_suite_pass_the_sieve() {
    for suite in SUITES {
        let server = Server::start(HOST, with_suite(suite), |listener| {
            listener.accept().expect("handshake").echo()
        });
        let session = connect(HOST, server.address, &trusted()).expect(suite);
        session.write(b"x").expect(suite);
        assert_eq!(
            session.read(&mut [0; 8], PATIENCE_MS),
            Read::Datagram(1),
            "{suite}"
        );
        drop(session);
        assert_eq!(server.finish(), 1);
    }
}
