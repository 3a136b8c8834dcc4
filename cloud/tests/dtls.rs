//! The DTLS port, seen by OpenSSL clients.

mod support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iotx_cloud::{
    Builder, CertificateOptions, Code, Credential, DeviceId, DtlsVersion, Event, EventKind, Issuer,
    KeyKind, OPTION_TOKEN_61, SessionEnd, Validity,
};
use support::dtls::{Connect, Datagrams, Fate, base, certificate, psk, psk_of, psk_with};
use support::{Link, PATIENCE, PK, code, member, report, signed_auth_for};

const CLASSIC: &str = "AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA";
const MODERN: &str = "ECDHE-RSA-AES128-GCM-SHA256";
const SDK_3_2: &str = "PSK-AES128-CBC-SHA";

fn cloud() -> Builder {
    support::cloud().dtls("127.0.0.1:0")
}

/// Authenticates and posts once.
fn work(link: &mut impl Link) {
    let token = support::token(link, 1);
    let path = "/topic/a1B2c3D4e5F/dev01/update";
    let answer = link.ask(&report(2, path, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::CONTENT);
}

fn handshake(cloud: &iotx_cloud::CloudHandle) -> (String, bool, Credential, Option<String>) {
    match cloud
        .wait_for(Event::is_handshake, PATIENCE)
        .map(|event| event.kind)
    {
        Some(EventKind::Handshake {
            cipher,
            resumed,
            credential,
            server_name,
            version,
        }) => {
            assert_eq!(version, "DTLSv1.2");
            (cipher, resumed, credential, server_name)
        }
        other => panic!("{other:?}"),
    }
}

fn handshake_failure(cloud: &iotx_cloud::CloudHandle) -> String {
    let failed = |event: &Event| matches!(event.kind, EventKind::HandshakeFailed { .. });
    match cloud.wait_for(failed, PATIENCE).map(|event| event.kind) {
        Some(EventKind::HandshakeFailed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn ended(cloud: &iotx_cloud::CloudHandle, end: SessionEnd) {
    let wanted = |event: &Event| event.kind == EventKind::SessionEnded(end);
    assert!(cloud.wait_for(wanted, PATIENCE).is_some(), "no {end:?}");
}

#[test]
fn certificate_with_classic_and_modern_suites_and_every_kind_of_host() {
    let cloud = cloud().start().unwrap();
    let hosts = [
        "a1B2c3D4e5F.iot-as-coap.cn-shanghai.aliyuncs.com",
        "pre.iot-as-coap.cn-shanghai.aliyuncs.com",
        "a1B2c3D4e5F.coap.cn-shanghai.link.aliyuncs.com",
        "pre.coap.cn-shanghai.link.aliyuncs.com",
        "iot-060a0bgh.coap.iothub.aliyuncs.com",
        "iot-as-coap.alibaba.net",
        "localhost",
        "127.0.0.1",
        "::1",
    ];
    for (host, suites) in hosts.iter().zip([CLASSIC, MODERN].iter().cycle()) {
        let context = certificate(cloud.ca_pem().unwrap(), suites);
        let mut dtls = Connect::with(&context)
            .host(host)
            .to(cloud.dtls_addr().unwrap())
            .unwrap();
        work(&mut dtls);
        let (cipher, resumed, credential, name) = handshake(&cloud);
        assert_eq!((resumed, credential), (false, Credential::Certificate));
        assert_eq!(cipher.contains("ECDHE"), *suites == MODERN);
        let is_name = host.parse::<std::net::IpAddr>().is_err();
        assert_eq!(name.as_deref(), is_name.then_some(*host));
    }
}

#[test]
fn the_ca_file_is_there_while_the_cloud_is() {
    let cloud = cloud().start().unwrap();
    let path = cloud.ca_path().unwrap().to_owned();
    assert_eq!(std::fs::read(&path).unwrap(), cloud.ca_pem().unwrap());
    cloud.shutdown();
    assert!(!path.exists());
}

#[test]
fn the_clients_order_of_suites_decides() {
    let cloud = cloud().start().unwrap();
    for first in ["AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES256-SHA256"] {
        let context = certificate(
            cloud.ca_pem().unwrap(),
            &format!("{first}:{MODERN}:{CLASSIC}"),
        );
        let dtls = Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap();
        assert_eq!(dtls.0.ssl().current_cipher().unwrap().name(), first);
    }
}

#[test]
fn certificates_that_a_client_refuses() {
    let wrong: [(CertificateOptions, &str); 6] = [
        (
            CertificateOptions {
                validity: Validity::Expired,
                ..Default::default()
            },
            "expired",
        ),
        (
            CertificateOptions {
                validity: Validity::NotYet,
                ..Default::default()
            },
            "not yet valid",
        ),
        (
            CertificateOptions {
                hosts: Some(vec!["other.example".into()]),
                ..Default::default()
            },
            "verify failed",
        ),
        (
            CertificateOptions {
                issuer: Issuer::Stranger,
                ..Default::default()
            },
            "unable to get",
        ),
        (
            CertificateOptions {
                issuer: Issuer::SelfSigned,
                ..Default::default()
            },
            "self",
        ),
        (
            CertificateOptions {
                key: KeyKind::Rsa1024,
                ..Default::default()
            },
            "key too small",
        ),
    ];
    for (options, expected) in wrong {
        let cloud = cloud().certificate(options.clone()).start().unwrap();
        let context = certificate(cloud.ca_pem().unwrap(), MODERN);
        let result = Connect::with(&context)
            .host("localhost")
            .to(cloud.dtls_addr().unwrap());
        let error = result
            .err()
            .unwrap_or_else(|| panic!("accepted {options:?}"));
        let reason = handshake_failure(&cloud);
        assert!(
            error.contains("certificate verify failed"),
            "{options:?}: {error}"
        );
        assert!(reason.contains("alert"), "{expected}: {reason}");
    }
}

#[test]
fn an_elliptic_curve_certificate() {
    let options = CertificateOptions {
        key: KeyKind::EcP256,
        ..Default::default()
    };
    let cloud = cloud().certificate(options).start().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), "ECDHE-ECDSA-AES128-GCM-SHA256");
    work(
        &mut Connect::with(&context)
            .host("localhost")
            .to(cloud.dtls_addr().unwrap())
            .unwrap(),
    );
}

#[test]
fn psk_as_sdk_3_2_0_sends_it() {
    let cloud = cloud().start().unwrap();
    let context = psk(SDK_3_2);
    work(
        &mut Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap(),
    );
    let (cipher, _, credential, _) = handshake(&cloud);
    assert_eq!(cipher, "TLS_PSK_WITH_AES_128_CBC_SHA");
    assert_eq!(credential, Credential::Psk(DeviceId::new(PK, "dev01")));
}

#[test]
fn psk_mixed_with_the_certificate() {
    let cloud = cloud().start().unwrap();
    let context = psk("RSA-PSK-AES128-CBC-SHA");
    work(
        &mut Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap(),
    );
    let (_, _, credential, _) = handshake(&cloud);
    assert_eq!(credential, Credential::RsaPsk(DeviceId::new(PK, "dev01")));
}

#[test]
fn wrong_keys_and_unknown_identities() {
    let cloud = cloud().start().unwrap();
    let address = cloud.dtls_addr().unwrap();
    for identity in [
        "",
        "nonsense",
        "devicename|hmacsha256|a1B2c3D4e5F&nobody|2524608000000",
    ] {
        let context = psk_with(identity.into(), b"0123".to_vec(), SDK_3_2);
        assert!(Connect::with(&context).to(address).is_err());
        assert_eq!(handshake_failure(&cloud), "unknown PSK identity");
    }
}

/// Finished does not decrypt then, which DTLS answers with silence (RFC 6347 section 4.1.2.7).
#[test]
fn a_wrong_key_is_met_with_silence() {
    let cloud = cloud()
        .dtls_options(|options| options.handshake_timeout = Duration::from_millis(100))
        .start()
        .unwrap();
    let context = psk_of("dev01", "another secret", SDK_3_2);
    Connect::with(&context).leave_after(3, Datagrams::to(cloud.dtls_addr().unwrap()));
    assert_eq!(handshake_failure(&cloud), "handshake timed out");
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
fn psk_session_of_one_device_is_no_use_to_another() {
    let cloud = cloud().device(PK, "dev02", "another").start().unwrap();
    let context = psk_of("dev02", "another", SDK_3_2);
    let address = cloud.dtls_addr().unwrap();
    let mut foreign = Connect::with(&context).to(address).unwrap();
    let answer = foreign.ask(&support::signed_auth(1, &[]));
    assert_eq!(code(&answer), Code::FORBIDDEN);
    // Nor is the other device's token.
    let own = psk(SDK_3_2);
    let token = support::token(&mut Connect::with(&own).to(address).unwrap(), 1);
    let path = "/topic/a1B2c3D4e5F/dev01/update";
    let answer = foreign.ask(&report(2, path, OPTION_TOKEN_61, &token, b"{}"));
    assert_eq!(code(&answer), Code::UNAUTHORIZED);
    let answer = foreign.ask(&signed_auth_for(3, "dev02", "another", &[]));
    assert_eq!(code(&answer), Code::CONTENT);
}

#[test]
fn offers_can_be_narrowed() {
    let no_psk = cloud()
        .dtls_options(|options| options.psk = false)
        .start()
        .unwrap();
    assert!(
        Connect::with(&psk(SDK_3_2))
            .to(no_psk.dtls_addr().unwrap())
            .is_err()
    );
    assert!(handshake_failure(&no_psk).contains("no shared cipher"));

    let no_certificate = cloud().certificate(None).start().unwrap();
    assert!(no_certificate.ca_pem().is_none());
    let mut any = base();
    any.set_cipher_list(CLASSIC).unwrap();
    let any = any.build();
    assert!(
        Connect::with(&any)
            .to(no_certificate.dtls_addr().unwrap())
            .is_err()
    );
    work(
        &mut Connect::with(&psk(SDK_3_2))
            .to(no_certificate.dtls_addr().unwrap())
            .unwrap(),
    );

    let one = cloud().dtls_options(|options| options.ciphers = Some("AES256-SHA".into()));
    let one = one.start().unwrap();
    let context = certificate(one.ca_pem().unwrap(), &format!("{MODERN}:{CLASSIC}"));
    let dtls = Connect::with(&context)
        .to(one.dtls_addr().unwrap())
        .unwrap();
    assert_eq!(dtls.0.ssl().current_cipher().unwrap().name(), "AES256-SHA");

    let unknown = cloud().dtls_options(|options| options.ciphers = Some("NO-SUCH".into()));
    assert!(unknown.start().is_err());
}

#[test]
fn dtls_1_0_is_for_those_who_ask_for_nothing_newer() {
    let cloud = cloud()
        .dtls_options(|options| options.version = DtlsVersion::V1_0)
        .start()
        .unwrap();
    let address = cloud.dtls_addr().unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    assert!(Connect::with(&context).to(address).is_err());

    let mut old = base();
    old.set_min_proto_version(Some(openssl::ssl::SslVersion::DTLS1))
        .unwrap();
    old.set_security_level(0);
    old.set_cipher_list("AES128-SHA").unwrap();
    let old = old.build();
    let dtls = Connect::with(&old).to(address).unwrap();
    assert_eq!(dtls.0.ssl().version_str(), "DTLSv1");
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
