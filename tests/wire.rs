//! What goes over the network: upper bounds, on datagrams that pass between this library and a local cloud.
//! `make wire` prints all the numbers; docs/wire.md explains them.

#[path = "../examples/wire/measure.rs"]
mod measure;
#[path = "../examples/wire/tap.rs"]
mod tap;

use iotx_cloud::{KeyKind, VerifyRequest};
use iotx_coap::client::DtlsOffer;
use iotx_coap::hal::dtls::Offer;
use measure::Bench;

fn bench(key: KeyKind, verify: VerifyRequest) -> Bench {
    Bench::new(key, verify, None).expect("cloud")
}

#[test]
fn a_client_hello_is_short() {
    let bench = bench(KeyKind::EcP256, VerifyRequest::Never);
    for (offer, most) in [
        (Offer::Both, 139),
        (Offer::CertificateOnly, 131),
        (Offer::PskOnly, 89),
    ] {
        let (session, cost) = bench.handshake(offer, None).expect("handshake");
        assert!(cost.hello <= most, "{offer:?}: {cost:?}");
        // The random by itself has 32 bytes: this was a hello, and not the last session's goodbye.
        assert!(cost.hello > 64, "{offer:?}: {cost:?}");
        bench.close(session);
    }
}

#[test]
fn a_full_handshake_takes_as_few_datagrams_as_the_path_mtu_allows() {
    for (key, most) in [(KeyKind::EcP256, 2_260), (KeyKind::Rsa2048, 2_650)] {
        let bench = bench(key, VerifyRequest::Never);
        let (_, cost) = bench.handshake(Offer::Both, None).expect("handshake");
        assert!(cost.bytes() <= most, "{key:?}: {cost:?}");
        // The device's part is one datagram for each of its flights.
        assert_eq!(cost.up.datagrams, 2, "{key:?}");
        assert!(cost.up.bytes <= 264, "{key:?}: {cost:?}");
        // The server's certificates fill two of the least path MTU.
        assert_eq!(cost.down.datagrams, 3, "{key:?}");
    }
}

#[test]
fn a_session_is_resumed_in_three_datagrams_of_383_bytes() {
    let bench = bench(KeyKind::Rsa2048, VerifyRequest::New);
    let (session, _) = bench.handshake(Offer::Both, None).expect("full handshake");
    let kept = session.resumable().expect("resumable");
    bench.close(session);
    let (_, cost) = bench.handshake(Offer::Both, Some(&kept)).expect("resumed");
    assert_eq!((cost.up.datagrams, cost.down.datagrams), (2, 1));
    assert!(cost.bytes() <= 383, "{cost:?}");
}

#[test]
fn a_handshake_with_a_key_takes_four_datagrams_of_450_bytes() {
    let bench = bench(KeyKind::EcP256, VerifyRequest::Never);
    let (_, cost) = bench.handshake(Offer::PskOnly, None).expect("handshake");
    assert_eq!((cost.up.datagrams, cost.down.datagrams), (2, 2));
    assert!(cost.bytes() <= 450, "{cost:?}");
}

/// What a server asks for that wants to see its cookies again: a datagram each way, and 16 bytes of cookie in
/// both.
#[test]
fn a_cookie_costs_one_round_trip_more() {
    let bench = bench(KeyKind::EcP256, VerifyRequest::Always);
    let (session, cost) = bench.handshake(Offer::PskOnly, None).expect("handshake");
    bench.close(session);
    assert_eq!((cost.up.datagrams, cost.down.datagrams), (3, 3));
    assert!(cost.bytes() <= 600, "{cost:?}");
    let (session, _) = bench.handshake(Offer::Both, None).expect("full handshake");
    let kept = session.resumable().expect("resumable");
    bench.close(session);
    let (_, cost) = bench.handshake(Offer::Both, Some(&kept)).expect("resumed");
    assert_eq!((cost.up.datagrams, cost.down.datagrams), (3, 2));
    assert!(cost.bytes() <= 586, "{cost:?}");
}

#[test]
fn a_record_is_29_bytes_longer_than_what_it_carries_where_the_server_agrees() {
    for (key, suites, most) in [
        (KeyKind::EcP256, None, 29),
        (KeyKind::Rsa2048, None, 29),
        (KeyKind::EcP256, Some("ECDHE-ECDSA-AES128-CCM8"), 29),
        (KeyKind::EcP256, Some("ECDHE-ECDSA-AES128-GCM-SHA256"), 37),
    ] {
        let bench = Bench::new(key, VerifyRequest::Never, suites).expect("cloud");
        let overhead = bench.overhead().expect("a record");
        assert!(overhead <= most, "{key:?} {suites:?}: {overhead}");
    }
}

#[test]
fn a_time_awake_with_one_report_takes_918_bytes_on_ip_and_with_a_key_938() {
    for (offer, most) in [(DtlsOffer::Both, 918), (DtlsOffer::PskOnly, 938)] {
        let bench = bench(KeyKind::Rsa2048, VerifyRequest::New);
        let first = bench.wake_up(offer, None).expect("first");
        let again = bench.wake_up(offer, Some(&first.saved)).expect("again");
        // Three for the handshake, two for the report, two for the goodbye.
        assert_eq!(again.cost().datagrams(), 7, "{offer:?}");
        let bytes = again.cost().bytes_on_ip();
        assert!(bytes <= most, "{offer:?}: {bytes}");
        assert!(first.cost().bytes_on_ip() > bytes, "{offer:?}");
        assert!(again.report().bytes() <= 293, "{offer:?}");
    }
}

#[test]
fn a_non_confirmable_report_is_one_datagram() {
    let bench = bench(KeyKind::EcP256, VerifyRequest::New);
    let first = bench.wake_up(DtlsOffer::Both, None).expect("first");
    let cost = bench.non_confirmable(&first.saved).expect("report");
    assert_eq!(cost.up.datagrams, 1);
    assert!(cost.up.bytes <= 229, "{cost:?}");
}
