//! The way back to a valid token: refused reports, and what waits for them.

use super::virtual_world::{
    Arriving, Fake, GRANT, REPORT, Responder, answer, client_at, client_with, diary, is_auth,
    is_post, no_delivery, responses, run, since, token_of,
};
use super::*;
use crate::cloud_auth::SessionKey;
use crate::coap::{Datagram, OptionNumber};
use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;

/// Grants "tok1", "tok2" and so on, and answers a post under the n-th token with `verdict(n, option)`.
pub(super) fn cloud(verdict: impl Fn(u32, u16) -> u8 + 'static) -> Responder {
    let mut grants = 0;
    Box::new(move |request, _| {
        if is_auth(request) {
            grants += 1;
            let grant = format!(r#"{{"token":"tok{grants}"}}"#);
            return vec![(1, answer(request, 0x45, grant.as_bytes()))];
        }
        let (option, token) = token_of(request);
        let number = String::from_utf8(token).unwrap()[3..].parse().unwrap();
        vec![(1, answer(request, verdict(number, option), b""))]
    })
}

pub(super) fn at_home(world: &Fake, settings: Settings, cloud: Responder) -> Client<Fake, u32> {
    world.0.borrow_mut().respond = Some(cloud);
    let client = client_with(world, settings);
    client.authenticate(&mut no_delivery).unwrap();
    client
}

pub(super) fn auths(world: &Fake) -> usize {
    world.0.borrow().times(is_auth).len()
}

#[test]
fn a_refused_report_is_sent_again_under_a_new_token() {
    for code in [0x81, 0x82] {
        let world = Fake::default();
        let refuse_first = move |n, _| if n == 1 { code } else { 0x45 };
        let client = at_home(&world, Settings::default(), cloud(refuse_first));
        let promised = client.next_token();
        client.send(&REPORT, 7).unwrap();
        let mut seen = Vec::new();
        client.run(Duration::from_secs(5), &mut |happening| match happening {
            Happening::Response(d) => seen.push((d.user, d.head.code.0, d.head.token.number())),
            other => no_delivery(other),
        });
        assert_eq!(seen, [(7, 0x45, promised)], "once, with the promised token");
        assert_eq!(auths(&world), 2);
        assert!(client.is_authenticated());
        let world = world.0.borrow();
        let posts: Vec<_> = world.sent.iter().filter(|(_, p)| is_post(p)).collect();
        assert_eq!(posts.len(), 2);
        let ids = |post: &[u8]| (post[2..4].to_vec(), post[4..8].to_vec());
        let (first, second) = (ids(&posts[0].1), ids(&posts[1].1));
        assert!(first.0 != second.0 && first.1 != second.1, "a new message");
        let payload = Datagram::parse(&posts[1].1).unwrap();
        assert_eq!(payload.payload(), REPORT.payload);
    }
}

#[test]
fn a_cloud_that_refuses_every_token_is_neither_flooded_nor_kept_from_the_program() {
    let world = Fake::default();
    let client = at_home(&world, Settings::default(), cloud(|_, _| 0x81));
    let start = world.0.borrow().now;
    for user in 0..20 {
        client.send(&REPORT, user).unwrap();
    }
    let mut answered = Vec::new();
    while since(&world, start) < 600_000 {
        client.run(Duration::from_secs(10), &mut |happening| match happening {
            Happening::Response(d) => answered.push((d.user, d.head.code.0)),
            Happening::ReportFailed(f) => {
                assert_eq!(f.reason, FailureReason::NotSent);
                answered.push((f.user, 0));
            }
            other => no_delivery(other),
        });
    }
    let mut users: Vec<_> = answered.iter().map(|(user, _)| *user).collect();
    users.sort_unstable();
    assert_eq!(users, (0..20).collect::<Vec<_>>(), "each once");
    assert!(answered.contains(&(0, 0x81)), "{answered:?}");
    assert!(auths(&world) < 14, "{}", auths(&world));
}

#[test]
fn after_4_02_the_other_option_is_tried_and_remembered() {
    let world = Fake::default();
    let takes_2088 = |_, option| if option == 2088 { 0x45 } else { 0x82 };
    let client = at_home(&world, Settings::default(), cloud(takes_2088));
    for user in 0..3 {
        client.send(&REPORT, user).unwrap();
        let seen = run(&world, &client, 5);
        assert!(seen.contains(&format!("{user} answered 2.05")), "{seen:?}");
    }
    let options: Vec<_> = {
        let world = world.0.borrow();
        let posts = world.sent.iter().filter(|(_, p)| is_post(p));
        posts.map(|(_, post)| token_of(post).0).collect()
    };
    assert_eq!(options, [61, 2088, 2088, 2088]);
    assert_eq!(auths(&world), 2);
}

#[test]
fn an_option_is_not_tried_twice_nor_against_the_programs_word() {
    let world = Fake::default();
    let client = at_home(&world, Settings::default(), cloud(|_, _| 0x82));
    client.send(&REPORT, 1).unwrap();
    assert!(run(&world, &client, 5).contains(&"1 answered 4.02".into()));
    client.send(&REPORT, 2).unwrap();
    assert!(run(&world, &client, 5).contains(&"2 answered 4.02".into()));
    let options = |world: &Fake| -> Vec<_> {
        let world = world.0.borrow();
        let posts = world.sent.iter().filter(|(_, p)| is_post(p));
        posts.map(|(_, post)| token_of(post).0).collect()
    };
    assert_eq!(options(&world), [61, 2088, 61, 61]);

    let world = Fake::default();
    let insists = Settings {
        token_option: Some(TokenOption::Number61),
        ..Settings::default()
    };
    let client = at_home(&world, insists, cloud(|_, _| 0x82));
    client.send(&REPORT, 1).unwrap();
    assert!(run(&world, &client, 5).contains(&"1 answered 4.02".into()));
    assert_eq!(options(&world), [61, 61]);
}

#[test]
fn what_is_sent_during_the_new_authentication_waits_for_its_token() {
    let world = Fake::default();
    let refuse_first = |n, _| if n == 1 { 0x81 } else { 0x45 };
    let client = at_home(&world, Settings::default(), cloud(refuse_first));
    for user in 0..3 {
        client.send(&REPORT, user).unwrap();
    }
    // Just the refusal, and the request that follows it.
    client.run(Duration::from_millis(1), &mut no_delivery);
    assert!(!client.is_authenticated() && !client.peek().0);
    client.send(&REPORT, 3).unwrap();
    let seen = run(&world, &client, 5);
    let expected = ["authenticated", "0 answered 2.05", "1 answered 2.05"];
    assert_eq!(seen[..3], expected);
    assert_eq!(seen[3..], ["2 answered 2.05", "3 answered 2.05"]);
    let world = world.0.borrow();
    let posts = world.sent.iter().filter(|(_, p)| is_post(p));
    let tokens: Vec<_> = posts.map(|(_, post)| token_of(post).1).collect();
    assert_eq!(tokens, [b"tok1", b"tok2", b"tok2", b"tok2", b"tok2"]);
}

#[test]
fn without_leave_nothing_is_sent_again() {
    let world = Fake::default();
    let settings = Settings {
        resend_refused: false,
        ..Settings::default()
    };
    let refuse_first = |n, _| if n == 1 { 0x81 } else { 0x45 };
    let client = at_home(&world, settings, cloud(refuse_first));
    client.send(&REPORT, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    let seen = run(&world, &client, 5);
    assert_eq!(
        seen,
        ["1 answered 4.01", "authenticated", "2 answered 2.05"]
    );

    let world = Fake::default();
    let settings = Settings {
        reauthenticate: false,
        ..Settings::default()
    };
    let client = at_home(&world, settings, cloud(refuse_first));
    client.send(&REPORT, 1).unwrap();
    assert_eq!(run(&world, &client, 5), ["1 answered 4.01"]);
    let refused = SendError::Report(ReportError::NotAuthenticated);
    assert_eq!(client.send(&REPORT, 2), Err(refused));
    assert_eq!(auths(&world), 1);
}

/// A cloud of which every part can be exchanged while it runs.
pub(super) fn changeable() -> (Rc<RefCell<Responder>>, Responder) {
    let current: Rc<RefCell<Responder>> = Rc::new(RefCell::new(cloud(|_, _| 0x45)));
    let shared = Rc::clone(&current);
    (
        current,
        Box::new(move |request, n| shared.borrow_mut()(request, n)),
    )
}

#[test]
fn a_device_that_is_refused_for_good_fails_what_waits_and_tells_so() {
    let world = Fake::default();
    let (current, responder) = changeable();
    let client = at_home(&world, Settings::default(), responder);
    *current.borrow_mut() = Box::new(|request, _| vec![(1, answer(request, 0x81, b"no"))]);
    client.send(&REPORT, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    let seen = run(&world, &client, 5);
    assert_eq!(
        seen,
        [
            "1 failed: AuthRefused",
            "2 failed: AuthRefused",
            "authentication failed: Refused"
        ]
    );
    let refused = SendError::Report(ReportError::NotAuthenticated);
    assert_eq!(client.send(&REPORT, 3), Err(refused));
    let auths_so_far = auths(&world);
    assert_eq!(
        run(&world, &client, 60),
        [""; 0],
        "nothing is left to be done"
    );
    assert_eq!(auths(&world), auths_so_far);
}

#[test]
fn reports_do_not_wait_for_ever_for_a_cloud_that_is_gone() {
    let world = Fake::default();
    let (current, responder) = changeable();
    let client = at_home(&world, Settings::default(), responder);
    *current.borrow_mut() = Box::new(|request, _| {
        if is_auth(request) {
            vec![]
        } else {
            vec![(1, answer(request, 0x81, b""))]
        }
    });
    let start = world.0.borrow().now;
    client.send(&REPORT, 1).unwrap();
    let mut seen = Vec::new();
    while since(&world, start) < 300_000 {
        let before = world.0.borrow().now;
        client.run(Duration::from_secs(7), &mut diary(&mut seen));
        assert!(since(&world, before) <= 7_000, "the wait is kept");
    }
    let expected = ["1 failed: NotSent", "authentication failed: TimedOut"];
    assert_eq!(seen, expected);
    let silent_from = *world.0.borrow().times(is_auth).last().unwrap();
    assert!(
        silent_from - start < 140_000,
        "nothing waits: radio silence"
    );

    *current.borrow_mut() = cloud(|_, _| 0x45);
    client.send(&REPORT, 2).unwrap();
    let mut seen = Vec::new();
    while !seen.iter().any(|line| line == "2 answered 2.05") {
        assert!(since(&world, start) < 600_000, "{seen:?}");
        client.run(Duration::from_secs(7), &mut diary(&mut seen));
    }
}

#[test]
fn an_authentication_the_program_asks_for_joins_the_one_under_way() {
    let world = Fake::default();
    let refuse_first = |n, _| if n == 1 { 0x81 } else { 0x45 };
    let client = at_home(&world, Settings::default(), cloud(refuse_first));
    client.send(&REPORT, 1).unwrap();
    client.run(Duration::from_millis(1), &mut no_delivery);
    let mut delivered = Vec::new();
    let done = client.authenticate(&mut responses(|d| delivered.push(d.user)));
    assert_eq!(done, Ok(()));
    assert_eq!(
        auths(&world),
        2,
        "the first one, and one that both wait for"
    );
    client.run(
        Duration::from_secs(1),
        &mut responses(|d| delivered.push(d.user)),
    );
    assert_eq!(delivered, [1]);
}

#[test]
fn a_report_that_does_not_fit_the_next_token_fails_by_itself() {
    let world = Fake::default();
    let (current, responder) = changeable();
    let client = at_home(&world, Settings::default(), responder);
    *current.borrow_mut() = Box::new(|request, _| {
        if is_auth(request) {
            let grant = format!(r#"{{"token":"{}"}}"#, "t".repeat(1000));
            vec![(1, answer(request, 0x45, grant.as_bytes()))]
        } else if token_of(request).1.len() < 10 {
            vec![(1, answer(request, 0x81, b""))]
        } else {
            vec![(1, answer(request, 0x45, b""))]
        }
    });
    let big = Report {
        payload: &[b'x'; 500],
        ..REPORT
    };
    client.send(&big, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    let seen = run(&world, &client, 5);
    assert_eq!(
        seen,
        ["authenticated", "1 failed: NotEncodable", "2 answered 2.05"]
    );
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn symmetric_reports_are_encrypted_anew_with_the_next_key_and_number() {
    let world = Fake::default();
    let mut grants = 0;
    let key = |n: u32| SessionKey::derive(b"secret", &format!("random-{n}"));
    world.0.borrow_mut().respond = Some(Box::new(move |request, _| {
        if is_auth(request) {
            grants += 1;
            let grant = format!(
                r#"{{"token":"tok{grants}","random":"random-{grants}","seqOffset":{grants}00}}"#
            );
            return vec![(1, answer(request, 0x45, grant.as_bytes()))];
        }
        let first = token_of(request).1 == b"tok1";
        let mut cipher = Vec::new();
        key(2).encrypt_into(b"thanks", &mut cipher).unwrap();
        let (code, payload) = if first {
            (0x81, vec![])
        } else {
            (0x45, cipher)
        };
        vec![(1, answer(request, code, &payload))]
    }));
    let client = client_at(&world, "coap-psk://h:5682", Settings::default());
    client.authenticate(&mut no_delivery).unwrap();
    client.send(&REPORT, 1).unwrap();
    client.send(&REPORT, 2).unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        client.run(
            Duration::from_secs(1),
            &mut responses(|d| seen.push((d.user, d.payload_and_nul.to_vec()))),
        );
    }
    assert_eq!(seen, [(1, b"thanks\0".to_vec()), (2, b"thanks\0".to_vec())]);
    let world = world.0.borrow();
    let posts: Vec<_> = world.sent.iter().filter(|(_, p)| is_post(p)).collect();
    assert_eq!(posts.len(), 3);
    for (n, (_, post)) in posts[1..].iter().enumerate() {
        let message = Datagram::parse(post).unwrap();
        let mut payload = message.payload().to_vec();
        let len = key(2).decrypt_in_place(&mut payload).unwrap();
        assert_eq!(&payload[..len], REPORT.payload);
        let mut options = message.options();
        let (_, seq) = options.find(|(n, _)| *n == OptionNumber::SEQUENCE).unwrap();
        assert_eq!(key(2).decrypt_seq(seq), Ok(200 + n as u32));
    }
}

#[test]
fn a_useless_answer_or_a_reset_is_no_refusal() {
    for first in [None, Some(&b"{}"[..])] {
        let world = Fake::default();
        let (current, responder) = changeable();
        let client = at_home(&world, Settings::default(), responder);
        let mut usual = cloud(|n, _| if n == 1 { 0x81 } else { 0x45 });
        let mut left = 2;
        *current.borrow_mut() = Box::new(move |request, n| {
            if is_auth(request) && left > 0 {
                left -= 1;
                let reset = vec![0x70, 0, request[2], request[3]];
                return vec![match first {
                    None => (1, Arriving::Datagram(reset)),
                    Some(payload) => (1, answer(request, 0x45, payload)),
                }];
            }
            if is_auth(request) {
                return vec![(1, answer(request, 0x45, GRANT))];
            }
            if token_of(request).1 == b"tok" {
                return vec![(1, answer(request, 0x45, b""))];
            }
            usual(request, n)
        });
        client.send(&REPORT, 1).unwrap();
        let seen = run(&world, &client, 30);
        assert_eq!(seen, ["authenticated", "1 answered 2.05"]);
        assert_eq!(auths(&world), 4);
    }
}
