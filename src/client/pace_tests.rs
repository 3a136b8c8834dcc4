//! What the cloud asks for, and what the token's age asks for: waiting, and renewing in time.

use super::virtual_world::{
    Arriving, Fake, GRANT, REPORT, answer, client_at, client_with, diary, friendly_cloud, is_auth,
    is_post, no_delivery, run, since,
};
use super::*;
use core::time::Duration;

const HOUR: u64 = 3_600;

/// An answer of this code with Max-Age in seconds, if any.
fn busy(request: &[u8], code: u8, max_age: Option<u8>) -> Arriving {
    let Arriving::Datagram(mut bytes) = answer(request, code, b"") else {
        unreachable!()
    };
    if let Some(max_age) = max_age {
        bytes.extend_from_slice(&[0xd1, 1, max_age]);
    }
    Arriving::Datagram(bytes)
}

/// A client, authenticated, whose first report is answered like this.
fn client_of_a_busy_cloud(
    world: &Fake,
    settings: Settings,
    code: u8,
    max_age: Option<u8>,
) -> Client<Fake, u32> {
    let mut usual = friendly_cloud(1);
    let mut first = true;
    world.0.borrow_mut().respond = Some(Box::new(move |request, count| {
        if is_post(request) && std::mem::take(&mut first) {
            return vec![(1, busy(request, code, max_age))];
        }
        usual(request, count)
    }));
    let client = client_with(world, settings);
    client.authenticate(&mut no_delivery).unwrap();
    client
}

/// On a link with this round trip: one for the authentication, one for the report, and no wait of the client's own.
#[test]
fn the_first_answer_comes_two_round_trips_after_the_connection() {
    for url in ["coap://h", "coaps://h", "coap-psk://h"] {
        for round_trip in [1, 40, 700, 1_900] {
            let world = Fake::default();
            let mut usual = friendly_cloud(round_trip);
            let symmetric = url.starts_with("coap-psk");
            world.0.borrow_mut().respond = Some(Box::new(move |request, count| {
                if symmetric && is_auth(request) {
                    let grant = br#"{"token":"tok","random":"ad2b3a5eb51d64f7","seqOffset":1}"#;
                    return vec![(round_trip, answer(request, 0x45, grant))];
                }
                usual(request, count)
            }));
            let client = client_at(&world, url, Settings::default());
            let start = world.0.borrow().now;
            client.authenticate(&mut no_delivery).unwrap();
            assert_eq!(since(&world, start), round_trip, "{url}");
            client.send(&REPORT, 1).unwrap();
            let mut seen = Vec::new();
            client.run(Duration::from_secs(5), &mut diary(&mut seen));
            assert_eq!(seen, ["1 answered 2.05"]);
            assert_eq!(since(&world, start), 2 * round_trip, "{url}");
            assert_eq!(world.0.borrow().sent.len(), 2);
        }
    }
}

#[test]
fn a_busy_cloud_is_left_alone_for_as_long_as_it_asks() {
    for (code, max_age, pause) in [
        (0x9d, Some(7), 7_000),
        (0xa3, Some(90), 90_000),
        (0xa3, None, 60_000),
    ] {
        let world = Fake::default();
        let client = client_of_a_busy_cloud(&world, Settings::default(), code, max_age);
        client.send(&REPORT, 1).unwrap();
        client.send(&REPORT, 2).unwrap();
        let seen = run(&world, &client, 200);
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(seen[0] == "1 answered 4.29" || seen[0] == "1 answered 5.03");
        assert_eq!(seen[1], "2 answered 2.05");
        let times = world.0.borrow().times(is_post);
        assert_eq!(times[1] - times[0], pause + 1, "{code:#x}");
        assert_eq!(world.0.borrow().times(is_auth).len(), 1);
    }
}

#[test]
fn a_program_may_decline_to_wait() {
    let world = Fake::default();
    let settings = Settings {
        heed_back_off: false,
        ..Settings::default()
    };
    let client = client_of_a_busy_cloud(&world, settings, 0xa3, Some(90));
    client.send(&REPORT, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    assert_eq!(run(&world, &client, 1).len(), 2);
}

/// A cloud that answers the first few authentications like this.
fn slow_to_authenticate(world: &Fake, times: usize, max_age: Option<u8>) -> Client<Fake, u32> {
    let mut left = times;
    world.0.borrow_mut().respond = Some(Box::new(move |request, _| {
        if left == 0 {
            return vec![(1, answer(request, 0x45, GRANT))];
        }
        left -= 1;
        vec![(1, busy(request, 0x9d, max_age))]
    }));
    client_with(world, Settings::default())
}

#[test]
fn an_authentication_waits_as_asked_inside_its_bound() {
    let world = Fake::default();
    let client = slow_to_authenticate(&world, 2, Some(3));
    assert_eq!(client.authenticate(&mut no_delivery), Ok(()));
    assert_eq!(world.0.borrow().times(is_auth), [0, 3_001, 6_002]);
}

#[test]
fn an_authentication_asked_to_wait_for_longer_ends_and_a_program_in_a_hurry_is_held_up() {
    let world = Fake::default();
    let client = slow_to_authenticate(&world, 1, None);
    let refused = Err(AuthError::Refused);
    assert_eq!(client.authenticate(&mut no_delivery), refused);
    assert_eq!(since(&world, 0), 1, "no point in waiting");
    while client.authenticate(&mut no_delivery) == refused {
        assert!(since(&world, 0) < 61_000);
    }
    assert!(client.is_authenticated());
    assert_eq!(world.0.borrow().times(is_auth), [0, 60_001]);
}

#[test]
fn a_token_is_renewed_in_the_last_hour_while_reports_go_on_under_it() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_with(&world, Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    assert_eq!(run(&world, &client, 47 * HOUR - 60), [""; 0]);
    assert_eq!(run(&world, &client, 61), ["authenticated"]);
    let renewed = world.0.borrow().times(is_auth)[1];
    assert_eq!(renewed, 47 * HOUR * 1_000 + 1);
    assert_eq!(run(&world, &client, 47 * HOUR - 60), [""; 0]);

    // A cloud that does not answer is asked at intervals, and does not keep reports from going out.
    world.0.borrow_mut().respond = Some(Box::new(|request, _| {
        if is_auth(request) {
            vec![]
        } else {
            vec![(1, answer(request, 0x45, b""))]
        }
    }));
    let start = world.0.borrow().now;
    let attempts = world.0.borrow().times(is_auth).len();
    for user in 0..30 {
        client.send(&REPORT, user).unwrap();
        assert_eq!(run(&world, &client, 60).len(), 1);
    }
    assert_eq!(since(&world, start), 1_800_000);
    let attempts = world.0.borrow().times(is_auth).len() - attempts;
    assert!((10..=50).contains(&attempts), "{attempts}");
    assert!(client.is_authenticated());
}

#[test]
fn a_report_that_finds_the_token_expired_is_taken_and_delivered_under_the_next() {
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(friendly_cloud(1));
    let client = client_with(&world, Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    world.0.borrow_mut().now += 100 * HOUR * 1_000;
    assert!(!client.is_authenticated());
    assert_eq!(client.send(&REPORT, 1), Ok(()));
    let seen = run(&world, &client, 1);
    assert_eq!(seen, ["authenticated", "1 answered 2.05"]);
    assert_eq!(
        world.0.borrow().times(is_post).len(),
        1,
        "not under the old one"
    );
}

#[test]
fn an_authentication_of_its_own_waits_as_asked_too() {
    let world = Fake::default();
    let mut answers = 0;
    world.0.borrow_mut().respond = Some(Box::new(move |request, _| {
        answers += 1;
        vec![(
            1,
            match answers {
                2 => answer(request, 0x81, b""),
                3 => busy(request, 0xa3, Some(20)),
                _ if is_auth(request) => answer(request, 0x45, GRANT),
                _ => answer(request, 0x45, b""),
            },
        )]
    }));
    let client = client_with(&world, Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    client.send(&REPORT, 1).unwrap();
    let seen = run(&world, &client, 60);
    assert_eq!(seen, ["authenticated", "1 answered 2.05"]);
    let times = world.0.borrow().times(is_auth);
    assert_eq!(times[2] - times[1], 20_001, "{times:?}");
}
