//! The life of DTLS sessions, on a network that loses and repeats.

mod support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use iotx_cloud::{Builder, Code, Event, EventKind, OPTION_TOKEN_61, SessionEnd};
use support::dtls::{
    CLASSIC, Connect, Datagrams, Fate, SDK_3_2, certificate, ended, handshake, handshake_failure,
    psk, psk_of, work,
};
use support::{Link, PATIENCE, PK, code, member, report, signed_auth_for};

fn cloud() -> Builder {
    support::cloud().dtls("127.0.0.1:0")
}

#[test]
fn a_client_that_falls_silent_in_the_handshake_is_given_up() {
    let cloud = cloud()
        .dtls_options(|options| options.handshake_timeout = Duration::from_millis(100))
        .start()
        .unwrap();
    // The answer to the second hello is lost, and there the client leaves.
    let datagrams = Datagrams::to(cloud.dtls_addr().unwrap())
        .incoming(|n, _| if n == 0 { Fate::Arrives } else { Fate::Lost });
    Connect::with(&psk(SDK_3_2)).leave_after(2, datagrams);
    assert_eq!(handshake_failure(&cloud), "handshake timed out");
}

#[test]
fn sessions_resume_by_ticket_and_by_id_and_not_at_all() {
    for (tickets, resumption) in [(true, true), (false, true), (true, false)] {
        let cloud = cloud()
            .dtls_options(|options| {
                options.tickets = tickets;
                options.resumption = resumption;
            })
            .start()
            .unwrap();
        let address = cloud.dtls_addr().unwrap();
        for context in [certificate(cloud.ca_pem().unwrap(), CLASSIC), psk(SDK_3_2)] {
            let mut first = Connect::with(&context).to(address).unwrap();
            work(&mut first);
            let (_, resumed, credential, _) = handshake(&cloud);
            assert!(!resumed);
            let session = first.session();
            let mut second = Connect::with(&context)
                .resume(&session)
                .to(address)
                .unwrap();
            assert_eq!(second.resumed(), resumption, "tickets: {tickets}");
            work(&mut second);
            // The device behind a resumed session is still known.
            let (_, resumed, again, _) = handshake(&cloud);
            assert_eq!((resumed, again), (resumption, credential));
        }
    }
}

#[test]
fn many_devices_at_once() {
    const DEVICES: usize = 50;
    let mut builder = cloud();
    for n in 0..DEVICES {
        builder = builder.device(PK, format!("many{n}"), format!("secret{n}"));
    }
    let cloud = builder.start().unwrap();
    let address = cloud.dtls_addr().unwrap();
    let by_certificate = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    // All sessions are open before the first is used.
    let mut links: Vec<_> = (0..DEVICES)
        .map(|n| {
            let by_psk = psk_of(&format!("many{n}"), &format!("secret{n}"), SDK_3_2);
            let context = if n % 2 == 0 { &by_psk } else { &by_certificate };
            Connect::with(context).to(address).unwrap()
        })
        .collect();
    let tokens: Vec<_> = links
        .iter_mut()
        .enumerate()
        .map(|(n, link)| {
            let (dn, ds) = (format!("many{n}"), format!("secret{n}"));
            let answer = link.ask(&signed_auth_for(1, &dn, &ds, &[]));
            assert_eq!(code(&answer), Code::CONTENT);
            member(&answer, "token")
        })
        .collect();
    for (n, (link, token)) in links.iter_mut().zip(&tokens).enumerate() {
        let path = format!("/topic/{PK}/many{n}/update");
        let payload = format!("{n}");
        let post = report(2, &path, OPTION_TOKEN_61, token, payload.as_bytes());
        assert_eq!(code(&link.ask(&post)), Code::CONTENT);
    }
    let counters = cloud.counters();
    assert_eq!(counters.handshakes, DEVICES as u64);
    assert_eq!(counters.reports, DEVICES as u64);
}

/// Runs a handshake and a post for every single datagram that can be lost or repeated.
#[test]
fn any_flight_may_be_lost_or_repeated() {
    let cloud = cloud()
        .dtls_options(|options| options.flight_timeout = Duration::from_millis(50))
        .start()
        .unwrap();
    let address = cloud.dtls_addr().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    for fate in [Fate::Lost, Fate::Twice] {
        for outgoing in [true, false] {
            // More than either side sends; the last rounds are undisturbed.
            for victim in 0..6 {
                let judge = move |n, _: &[u8]| if n == victim { fate } else { Fate::Arrives };
                let datagrams = Datagrams::to(address);
                let datagrams = if outgoing {
                    // The post itself is not to be lost: its retransmission is CoAP's business.
                    let handshake_only = move |n, bytes: &[u8]| {
                        if bytes[0] == 23 {
                            Fate::Arrives
                        } else {
                            judge(n, bytes)
                        }
                    };
                    datagrams.outgoing(handshake_only)
                } else {
                    let handshake_only = move |n, bytes: &[u8]| {
                        if bytes[0] == 23 {
                            Fate::Arrives
                        } else {
                            judge(n, bytes)
                        }
                    };
                    datagrams.incoming(handshake_only)
                };
                let mut dtls = Connect::with(&context)
                    .over(datagrams)
                    .unwrap_or_else(|e| panic!("{fate:?} {outgoing} {victim}: {e}"));
                work(&mut dtls);
            }
        }
    }
}

/// OpenSSL writes every message of a repeated flight by itself; where much is lost, they would hardly arrive together.
#[test]
fn a_flight_is_repeated_in_one_datagram() {
    const SERVER_HELLO: u8 = 2;
    let cloud = cloud()
        .dtls_options(|options| options.flight_timeout = Duration::from_millis(50))
        .start()
        .unwrap();
    let (seen, flights) = channel();
    let mut first = true;
    let datagrams = Datagrams::to(cloud.dtls_addr().unwrap()).incoming(move |_, bytes| {
        if (bytes[0], bytes[13]) != (22, SERVER_HELLO) {
            return Fate::Arrives;
        }
        seen.send(bytes.len()).unwrap();
        if std::mem::take(&mut first) {
            Fate::Lost
        } else {
            Fate::Arrives
        }
    });
    let mut dtls = Connect::with(&psk(SDK_3_2)).over(datagrams).unwrap();
    work(&mut dtls);
    drop(dtls);
    let flights: Vec<usize> = flights.iter().collect();
    assert!(flights.len() >= 2, "{flights:?}");
    assert!(flights.iter().all(|it| *it == flights[0]), "{flights:?}");
}

#[test]
fn a_hello_without_cookie_leaves_no_trace() {
    let cloud = cloud().start().unwrap();
    let address = cloud.dtls_addr().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let hello_verify = |event: &Event| event.kind == EventKind::HelloVerify;
    for _ in 0..20 {
        Connect::with(&context).leave_after(1, Datagrams::to(address).incoming(|_, _| Fate::Lost));
        assert!(cloud.wait_for(hello_verify, PATIENCE).is_some());
    }
    let counters = cloud.counters();
    assert_eq!(counters.hello_verify, 20);
    assert_eq!((counters.handshakes, counters.handshake_failures), (0, 0));
}

/// The largest hello a client may send is answered by a cookie that is not larger than it: no
/// amplification (RFC 6347 section 4.2.1).
#[test]
fn the_answer_to_a_hello_is_no_larger_than_it() {
    let cloud = cloud().start().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let sizes = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (out, back) = (Arc::clone(&sizes), Arc::clone(&sizes));
    let datagrams = Datagrams::to(cloud.dtls_addr().unwrap())
        .outgoing(move |n, bytes| {
            if n == 0 {
                out.0.store(bytes.len(), Ordering::Relaxed);
            }
            Fate::Arrives
        })
        .incoming(move |n, bytes| {
            if n == 0 {
                back.1.store(bytes.len(), Ordering::Relaxed);
            }
            Fate::Arrives
        });
    Connect::with(&context).over(datagrams).unwrap();
    let (hello, answer) = (
        sizes.0.load(Ordering::Relaxed),
        sizes.1.load(Ordering::Relaxed),
    );
    assert!(answer <= hello, "{answer} bytes for {hello}");
}

#[test]
fn a_client_restarted_on_its_port_gets_a_new_session() {
    let cloud = cloud().start().unwrap();
    let address = cloud.dtls_addr().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();

    let mut first = Connect::with(&context)
        .over(Datagrams::over(socket.try_clone().unwrap()))
        .unwrap();
    work(&mut first);
    // A first hello from the same address, never followed by a second, harms nobody.
    let hello_verify = |event: &Event| event.kind == EventKind::HelloVerify;
    assert!(
        cloud.wait_for(hello_verify, PATIENCE).is_some(),
        "that of the handshake"
    );
    let lost = Datagrams::over(socket.try_clone().unwrap()).incoming(|_, _| Fate::Lost);
    Connect::with(&context).leave_after(1, lost);
    assert!(
        cloud.wait_for(hello_verify, PATIENCE).is_some(),
        "that of the stranger"
    );
    support::token(&mut first, 3);

    // Now it really restarts; message ids start afresh, and none counts as a repetition.
    let mut second = Connect::with(&context)
        .over(Datagrams::over(socket.try_clone().unwrap()))
        .unwrap();
    work(&mut second);
    ended(&cloud, SessionEnd::Replaced);
    assert_eq!(cloud.counters().duplicates, 0);
}

#[test]
fn close_notify_is_answered() {
    let cloud = cloud().start().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let mut dtls = Connect::with(&context)
        .to(cloud.dtls_addr().unwrap())
        .unwrap();
    work(&mut dtls);
    dtls.0.shutdown().unwrap();
    dtls.wait_closed();
    ended(&cloud, SessionEnd::Closed);
}

#[test]
fn silent_sessions_end_and_so_do_all_at_shutdown() {
    let cloud = cloud()
        .dtls_options(|options| options.idle_timeout = Duration::from_millis(200))
        .start()
        .unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let mut dtls = Connect::with(&context)
        .to(cloud.dtls_addr().unwrap())
        .unwrap();
    ended(&cloud, SessionEnd::Idle);
    dtls.wait_closed();

    let cloud = support::cloud().dtls("127.0.0.1:0").start().unwrap();
    let mut dtls = Connect::with(&context)
        .to(cloud.dtls_addr().unwrap())
        .unwrap();
    work(&mut dtls);
    cloud.shutdown();
    dtls.wait_closed();
}

#[test]
fn the_number_of_sessions_is_bounded() {
    let cloud = cloud()
        .dtls_options(|options| options.max_sessions = 2)
        .start()
        .unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let address = cloud.dtls_addr().unwrap();
    let mut links: Vec<_> = (0..2)
        .map(|_| Connect::with(&context).to(address).unwrap())
        .collect();
    work(&mut links[0]);
    let mut third = Connect::with(&context).to(address).unwrap();
    ended(&cloud, SessionEnd::Evicted);
    work(&mut third);
    links[1].wait_closed();
    support::token(&mut links[0], 9);
}

#[test]
fn junk_on_the_dtls_port_is_ignored() {
    let cloud = cloud().start().unwrap();
    let address = cloud.dtls_addr().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    let mut dtls = Connect::with(&context).to(address).unwrap();
    let socket = dtls.0.get_ref().socket.try_clone().unwrap();
    // From a stranger, and from the address of a session.
    for socket in [UdpSocket::bind("127.0.0.1:0").unwrap(), socket] {
        for junk in [
            &b""[..],
            b"x",
            &[0; 100],
            &[22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, 0],
        ] {
            socket.send_to(junk, address).unwrap();
        }
        // A record that is not the session's, and a hello that breaks off.
        let mut record = vec![23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, 64];
        record.extend([7; 64]);
        socket.send_to(&record, address).unwrap();
        let mut hello = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 46];
        hello.extend([1, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 34, 0xFE, 0xFD]);
        hello.extend([7; 32]);
        socket.send_to(&hello, address).unwrap();
    }
    work(&mut dtls);
    work(&mut Connect::with(&context).to(address).unwrap());
}
