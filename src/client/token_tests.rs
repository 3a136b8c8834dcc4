//! How long tokens last, and what that means for those who report.

use super::recovery_tests::{at_home, auths, changeable, cloud};
use super::virtual_world::{
    Fake, GRANT, REPORT, Responder, answer, client_with, is_auth, is_post, no_delivery, run,
};
use super::*;
use std::cell::RefCell;
use std::rc::Rc;

/// Grants every token, but does not know the token of every second report: two servers behind one address, say.
fn half_a_cloud() -> Responder {
    let mut usual = cloud(|_, _| 0x45);
    let mut posts = 0;
    Box::new(move |request, count| {
        posts += u32::from(is_post(request));
        if is_post(request) && posts % 2 == 0 {
            return vec![(1, answer(request, 0x81, b""))];
        }
        usual(request, count)
    })
}

/// Reports every so many seconds, so many times; says what has happened.
fn report_every(world: &Fake, client: &Client<Fake, u32>, seconds: u64, times: u32) -> Vec<String> {
    let mut seen = Vec::new();
    for user in 0..times {
        let _ = client.send(&REPORT, user); // where the queue is full, it is refused
        seen.extend(run(world, client, seconds));
    }
    seen
}

#[test]
fn a_cloud_that_refuses_every_other_report_is_not_asked_for_a_token_each_time() {
    let world = Fake::default();
    let client = at_home(&world, Settings::default(), half_a_cloud());
    report_every(&world, &client, 1, 600);
    // Without a pause: one for each two reports. Now 46 s apart at last.
    assert!((8..=20).contains(&auths(&world)), "{}", auths(&world));
}

#[test]
fn a_cloud_that_refuses_every_other_report_gets_each_of_a_slow_device() {
    let world = Fake::default();
    let client = at_home(&world, Settings::default(), half_a_cloud());
    let mut seen = report_every(&world, &client, 65, 60);
    seen.extend(run(&world, &client, 100));
    let mut answered: Vec<_> = seen
        .iter()
        .filter(|s| s.ends_with("answered 2.05"))
        .collect();
    answered.dedup();
    assert_eq!(answered.len(), 60, "{seen:?}");
    assert!(!seen.iter().any(|s| s.contains("failed")), "{seen:?}");
}

#[test]
fn a_token_that_has_lasted_is_replaced_at_once() {
    let world = Fake::default();
    let client = at_home(&world, Settings::default(), half_a_cloud());
    report_every(&world, &client, 1, 60);
    run(&world, &client, 100);
    // From now on each token is good for ten reports, and so for ten minutes.
    let mut left = 0;
    world.0.borrow_mut().respond = Some(Box::new(move |request, _| {
        if is_auth(request) {
            left = 10;
            return vec![(1, answer(request, 0x45, GRANT))];
        }
        let code = if left > 0 { 0x45 } else { 0x81 };
        left = left.max(1) - 1;
        vec![(1, answer(request, code, b""))]
    }));
    report_every(&world, &client, 60, 15);
    let before = auths(&world);
    for user in 100..130 {
        client.send(&REPORT, user).unwrap();
        let seen = run(&world, &client, 1);
        assert!(seen.contains(&format!("{user} answered 2.05")), "{seen:?}");
        run(&world, &client, 59);
    }
    assert_eq!(auths(&world) - before, 3);
}

/// Programs ask before they report, so whoever is told to wait must not be waited for.
#[test]
fn a_client_that_says_it_takes_reports_does() {
    let (answers, responder) = changeable();
    let world = Fake::default();
    world.0.borrow_mut().respond = Some(responder);
    let client = client_with(&world, Settings::default());
    let user = Rc::new(RefCell::new(0));
    let takes = || {
        *user.borrow_mut() += 1;
        let takes = client.takes_reports();
        let sent = client.send(&REPORT, *user.borrow());
        let refused = Err(SendError::Report(ReportError::NotAuthenticated));
        assert_eq!(sent, if takes { Ok(()) } else { refused });
        takes
    };
    assert!(!takes(), "nobody has been asked");
    *answers.borrow_mut() = cloud(|_, _| 0x45);
    client.authenticate(&mut no_delivery).unwrap();
    assert!(takes());
    run(&world, &client, 1);

    // The token is void, and the cloud is gone: reports wait, fail, and the client stops asking.
    *answers.borrow_mut() = Box::new(|request, _| {
        let refused = |request| vec![(1, answer(request, 0x81, b""))];
        if is_auth(request) {
            vec![]
        } else {
            refused(request)
        }
    });
    assert!(takes());
    run(&world, &client, 20);
    assert!(
        !client.is_authenticated() && takes(),
        "it is on its way to another"
    );
    let seen = run(&world, &client, 1_000);
    assert!(seen.last().unwrap().starts_with("authentication failed"));
    assert_eq!(client.next_timeout(), None);
    // The next report is what makes it ask again.
    *answers.borrow_mut() = cloud(|_, _| 0x45);
    assert!(takes());
    let seen = run(&world, &client, 400);
    assert!(
        seen.contains(&format!("{} answered 2.05", user.borrow())),
        "{seen:?}"
    );

    world.0.borrow_mut().now += 49 * 3_600_000;
    assert!(
        !client.is_authenticated() && takes(),
        "too old, and replaced"
    );
    run(&world, &client, 10);
    *answers.borrow_mut() = Box::new(|request, _| vec![(1, answer(request, 0x81, b""))]);
    assert!(takes());
    run(&world, &client, 100);
    assert!(!takes(), "refused for good");
}

#[test]
fn without_leave_to_replace_it_reports_end_with_the_token() {
    let world = Fake::default();
    let settings = Settings {
        reauthenticate: false,
        ..Settings::default()
    };
    let client = at_home(&world, settings, cloud(|_, _| 0x45));
    world.0.borrow_mut().now += 47 * 3_600_000;
    assert!(client.takes_reports());
    world.0.borrow_mut().now += 3_600_000;
    assert!(!client.takes_reports());
    assert!(client.send(&REPORT, 1).is_err());
}
