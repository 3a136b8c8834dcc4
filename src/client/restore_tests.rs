//! Power cycles: what a client keeps, and what the next one does with it.

use super::virtual_world::{
    Fake, GRANT, REPORT, answer, client_at, friendly_cloud, identity, is_auth, is_post,
    no_delivery, run, token_of,
};
use super::*;
use crate::cloud_auth::SessionKey;
use crate::coap::{Datagram, OptionNumber};
use core::time::Duration;

const URL: &str = "coaps://h";
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn wake(
    world: &Fake,
    url: &str,
    saved: &[u8],
    elapsed: Option<Duration>,
) -> Result<Client<Fake, u32>, RestoreError> {
    let endpoint = Endpoint::parse(url).unwrap();
    let settings = Settings::default();
    Client::connect_restored(
        world.clone(),
        identity(),
        endpoint,
        settings,
        saved,
        elapsed,
    )
}

/// A world, and what a client kept that has authenticated and reported in it.
fn asleep(url: &str) -> (Fake, Vec<u8>) {
    let world = Fake::default();
    world.0.borrow_mut().resumable = Some(b"dtls session".to_vec());
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_at(&world, url, Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    client.send(&REPORT, 1).unwrap();
    assert_eq!(run(&world, &client, 1), ["1 answered 2.05"]);
    let saved = client.save().unwrap().to_vec();
    client.close();
    (world, saved)
}

#[test]
fn a_wake_is_a_resumption_and_a_report() {
    let (world, saved) = asleep(URL);
    // The device's clock starts anew.
    world.0.borrow_mut().now = 0;
    let before = world.0.borrow().sent.len();
    let client = wake(&world, URL, &saved, Some(DAY)).unwrap();
    assert!(client.is_authenticated());
    client.send(&REPORT, 2).unwrap();
    assert_eq!(run(&world, &client, 1), ["2 answered 2.05"]);
    let world = world.0.borrow();
    assert_eq!(world.resumed, [None, Some(b"dtls session".to_vec())]);
    assert_eq!(world.sent.len() - before, 1, "the report, and nothing else");
    let ids: Vec<_> = world
        .sent
        .iter()
        .map(|(_, bytes)| bytes[2..4].to_vec())
        .collect();
    assert!(!ids[..before].contains(&ids[before]), "no id comes again");
}

#[test]
fn a_sleep_longer_than_the_token_lives_ends_in_an_authentication_by_itself() {
    let (world, saved) = asleep(URL);
    let client = wake(&world, URL, &saved, Some(3 * DAY)).unwrap();
    assert!(!client.is_authenticated());
    assert_eq!(client.send(&REPORT, 2), Ok(()));
    let seen = run(&world, &client, 1);
    assert_eq!(seen, ["authenticated", "2 answered 2.05"]);

    // The same where the device does not know how long it slept, and the cloud does.
    let (world, saved) = asleep(URL);
    let client = wake(&world, URL, &saved, None).unwrap();
    let mut usual = friendly_cloud(1);
    let mut first = true;
    world.0.borrow_mut().respond = Some(Box::new(move |request, count| {
        if is_post(request) && std::mem::take(&mut first) {
            return vec![(1, answer(request, 0x81, b""))];
        }
        usual(request, count)
    }));
    client.send(&REPORT, 2).unwrap();
    let seen = run(&world, &client, 1);
    assert_eq!(seen, ["authenticated", "2 answered 2.05"]);
}

#[test]
fn what_is_another_devices_or_servers_is_refused_before_anything_is_sent() {
    let (world, saved) = asleep(URL);
    let connects = world.0.borrow().connects;
    let error = |url: &str, saved: &[u8]| match wake(&world, url, saved, None) {
        Err(RestoreError::Snapshot(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error("coap://h", &saved), SnapshotError::OtherEndpoint);
    assert_eq!(error("coaps://h2", &saved), SnapshotError::OtherEndpoint);
    assert_eq!(error(URL, &saved[1..]), SnapshotError::Damaged);
    assert_eq!(error(URL, b""), SnapshotError::Damaged);
    let other = DeviceIdentity {
        device_name: "other".into(),
        ..identity()
    };
    let endpoint = Endpoint::parse(URL).unwrap();
    let settings = Settings::default();
    let restored: Result<Client<Fake, u32>, _> =
        Client::connect_restored(world.clone(), other, endpoint, settings, &saved, None);
    let foreign = RestoreError::Snapshot(SnapshotError::OtherDevice);
    assert_eq!(restored.err(), Some(foreign));
    assert_eq!(world.0.borrow().connects, connects);

    world.0.borrow_mut().refuse_connects = true;
    let unreachable = wake(&world, URL, &saved, None).err();
    assert_eq!(unreachable, Some(RestoreError::Connect(ConnectError)));
}

#[test]
fn a_client_that_never_authenticated_keeps_no_token() {
    let world = Fake::default();
    let client = client_at(&world, URL, Settings::default());
    let saved = client.save().unwrap();
    let client = wake(&world, URL, &saved, None).unwrap();
    let refused = SendError::Report(ReportError::NotAuthenticated);
    assert_eq!(client.send(&REPORT, 1), Err(refused));
    assert_eq!(world.0.borrow().resumed, [None, None]);
}

#[test]
fn the_option_that_has_proved_right_is_kept() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        let (code, payload) = match request {
            auth if is_auth(auth) => (0x45, GRANT),
            post if token_of(post).0 == 2088 => (0x45, &b""[..]),
            _ => (0x82, &b""[..]),
        };
        vec![(1, answer(request, code, payload))]
    }));
    let client = client_at(&world, URL, Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    client.send(&REPORT, 1).unwrap();
    run(&world, &client, 1);
    let before = world.0.borrow().sent.len();
    let client = wake(&world, URL, &client.save().unwrap(), None).unwrap();
    client.send(&REPORT, 2).unwrap();
    assert_eq!(run(&world, &client, 1), ["2 answered 2.05"]);
    assert_eq!(world.0.borrow().sent.len() - before, 1);
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn symmetric_sessions_go_on_with_key_and_number() {
    let url = "coap-psk://h:5682";
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        let grant = br#"{"token":"tok","random":"0123456789abcdef","seqOffset":41}"#;
        let payload = if is_auth(request) { &grant[..] } else { b"" };
        vec![(1, answer(request, 0x45, payload))]
    }));
    let client = client_at(&world, url, Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    client.send(&REPORT, 1).unwrap();
    run(&world, &client, 1);
    let client = wake(&world, url, &client.save().unwrap(), None).unwrap();
    client.send(&REPORT, 2).unwrap();
    assert_eq!(run(&world, &client, 1), ["2 answered 2.05"]);
    let key = SessionKey::derive(b"secret", "0123456789abcdef");
    let world = world.0.borrow();
    let (_, last) = world.sent.last().unwrap();
    let message = Datagram::parse(last).unwrap();
    let mut options = message.options();
    let (_, seq) = options.find(|(n, _)| *n == OptionNumber::SEQUENCE).unwrap();
    assert_eq!(key.decrypt_seq(seq), Ok(42));
}
