//! A reader and a writer on two threads while a session is renewed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::relay::{From, Relay};
use super::renewal::{free_port, root_and_context};
use super::server::{Connection, Server};
use super::{PATIENCE_MS, check_echo, connect};
use crate::hal_default::dtls::session::Read;

const HOST: &str = "127.0.0.1";

#[test]
fn reader_and_writer_go_on_while_a_session_is_renewed() {
    const LAST: u8 = 99;
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut old: Connection = listener.accept().expect("handshake");
        old.echo_until_superseded(listener);
        listener.accept().expect("second handshake").echo()
    });
    let session = connect(HOST, server.address, &root.pem()).expect("handshake");
    check_echo(&session);
    let renewals = AtomicUsize::new(0);
    let (heard, echoes) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let heard = heard;
            let mut buffer = [0; 8];
            while buffer[0] != LAST {
                match session.read(&mut buffer, PATIENCE_MS) {
                    Read::Datagram(1) => heard.send(buffer[0]).expect("the writer waits"),
                    Read::Renewed => _ = renewals.fetch_add(1, Ordering::AcqRel),
                    other => panic!("{other:?}"),
                }
            }
        });
        for number in 0..=LAST {
            if number == 20 {
                assert!(session.renew(), "from the writer's thread");
            }
            // Repeated while unanswered: in the change from one session to the next, some get lost.
            loop {
                session.write(&[number]).expect("leaves");
                let patience = Duration::from_millis(200);
                if echoes
                    .recv_timeout(patience)
                    .is_ok_and(|echo| echo == number)
                {
                    break;
                }
            }
        }
    });
    assert_eq!(renewals.load(Ordering::Acquire), 1);
    drop(session);
    server.finish();
}

/// A reader that waits for ever must repeat the flights of a renewal that another thread began.
#[test]
fn a_waiting_reader_drives_a_renewal_that_begins_elsewhere() {
    let (root, context) = root_and_context();
    let server = Server::start_at(free_port(), context, |listener| {
        let mut old = listener.accept().expect("handshake");
        old.echo_until_superseded(listener);
        listener.accept().expect("second handshake").echo()
    });
    // The second handshake's first flight is lost.
    let mut hellos = 0;
    let relay = Relay::start(server.address, move |from, datagram| {
        if from == From::Client && datagram.get(13) == Some(&1) && datagram[0] == 22 {
            hellos += 1;
            if hellos == 2 {
                return vec![];
            }
        }
        vec![datagram.to_vec()]
    });
    let session = connect(HOST, relay.address, &root.pem()).expect("handshake");
    check_echo(&session);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut buffer = [0; 8];
            // The first datagram shows that the reader is there.
            assert_eq!(session.read(&mut buffer, 0), Read::Datagram(5));
            session.read(&mut buffer, 0)
        });
        session.write(b"ready").expect("leaves");
        while session.next_timeout().is_none() && !reader.is_finished() {
            assert!(session.renew());
        }
        assert_eq!(reader.join().expect("the reader"), Read::Renewed);
    });
    drop(session);
    server.finish();
}
