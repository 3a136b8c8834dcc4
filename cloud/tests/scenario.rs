//! Faults in a row, as a device meets them.

mod support;

use std::time::Duration;

use iotx_cloud::{
    Action, After, Code, Direction, Event, EventKind, Fault, Memory, OPTION_TOKEN_61, Scenario,
    SessionEnd,
};
use support::dtls::{CLASSIC, Connect, certificate, ended, work};
use support::{Link, PATIENCE, Udp, bytes, cloud, code, option, report, signed_auth, token};

const UPDATE: &str = "/topic/a1B2c3D4e5F/dev01/update";

fn step(event: &Event, wanted: usize) -> bool {
    matches!(&event.kind, EventKind::Step { number, .. } if *number == wanted)
}

#[test]
fn steps_are_taken_when_their_time_has_come() {
    let scenario: Scenario = r#"{
        "steps": [
            { "do": { "answer": { "route": "auth", "code": "5.00" } } },
            { "after": { "auths": 1 },
              "do": { "answer": { "route": "topic", "code": "4.29", "maxAge": 5, "times": 2 } } },
            { "after": { "reports": 2 }, "do": "expireTokens" },
            { "after": { "auths": 1 }, "do": { "restart": "lost" } },
            { "do": { "deliver": "separateNon" } }
        ]
    }"#
    .parse()
    .unwrap();
    let cloud = cloud().scenario(scenario).start().unwrap();
    let mut link = Udp::to(cloud.udp_addr().unwrap());
    assert_eq!(code(&link.ask(&signed_auth(1, &[]))), Code::INTERNAL_ERROR);
    let first = token(&mut link, 2);
    let mut post = |id, token: &str| {
        let answer = link.ask(&report(id, UPDATE, OPTION_TOKEN_61, token, b"{}"));
        (code(&answer), option(&answer, 14).map(<[u8]>::to_vec))
    };
    let busy = (Code::TOO_MANY_REQUESTS, Some(vec![5]));
    assert_eq!(post(3, &first), busy);
    assert_eq!(post(4, &first), busy);
    // The report that was waited for is answered before the step is taken.
    assert_eq!(post(5, &first).0, Code::CONTENT);
    assert_eq!(post(6, &first).0, Code::CONTENT);
    assert_eq!(post(7, &first).0, Code::UNAUTHORIZED);

    let second = token(&mut link, 8);
    let restarted = |event: &Event| event.kind == EventKind::Restarted(Memory::Lost);
    assert!(cloud.wait_for(restarted, PATIENCE).is_some());
    let request = report(9, UPDATE, OPTION_TOKEN_61, &second, b"{}");
    link.send(&bytes(&request));
    assert_eq!(link.receive(), [0x60, 0, 0, 9]);
    assert_eq!(code(&link.receive_packet()), Code::UNAUTHORIZED);
    let steps: Vec<_> = (1..=5)
        .map(|number| {
            cloud
                .wait_for(|event| step(event, number), PATIENCE)
                .unwrap()
        })
        .collect();
    assert_eq!(
        iotx_cloud::text_line(&steps[3]).split_once(' ').unwrap().1,
        "cloud step 4: restart, memory lost"
    );
    assert!(iotx_cloud::json_line(&steps[0]).contains(r#""event":"step""#));
}

#[test]
fn the_datagram_that_was_waited_for_still_arrives() {
    let scenario = Scenario::new()
        .after(After::Datagrams(2), Action::CutOff(Duration::MAX))
        .after(After::Datagrams(1), Action::Reconnect)
        .then(Action::Lose {
            direction: Direction::Up,
            skip: 0,
            count: 1,
        });
    let cloud = cloud().scenario(scenario).start().unwrap();
    let mut link = Udp::to(cloud.udp_addr().unwrap());
    let token = token(&mut link, 1);
    let mut lost = |id, wanted: Option<Fault>| {
        link.send(&bytes(&report(id, UPDATE, OPTION_TOKEN_61, &token, b"{}")));
        let decided = cloud
            .wait_for(
                |event| match &event.kind {
                    EventKind::Impaired { .. } => true,
                    EventKind::Request(exchanged, _) => exchanged.message_id == id,
                    _ => false,
                },
                PATIENCE,
            )
            .unwrap();
        match (decided.kind, wanted) {
            (EventKind::Impaired { fault, .. }, Some(wanted)) => assert_eq!(fault, wanted),
            (EventKind::Request(..), None) => {
                assert_eq!(code(&link.receive_packet()), Code::CONTENT)
            }
            other => panic!("{id}: {other:?}"),
        }
    };
    lost(2, None);
    lost(3, Some(Fault::CutOff));
    lost(4, Some(Fault::Lost));
    lost(5, None);
}

#[test]
fn steps_wait_for_time_and_for_handshakes() {
    let moment = Duration::from_millis(1);
    let scenario = Scenario::new()
        .after(After::Time(moment), Action::Reconnect)
        .after(After::Handshakes(1), Action::Restart(Memory::Kept))
        .repeat();
    let cloud = cloud()
        .dtls("127.0.0.1:0")
        .scenario(scenario)
        .start()
        .unwrap();
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    for _ in 0..2 {
        // Without anything from a device.
        assert!(cloud.wait_for(|event| step(event, 1), PATIENCE).is_some());
        let _link = Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap();
        ended(&cloud, SessionEnd::Forgotten);
    }
}

#[test]
fn another_scenario_can_follow_and_none_outlives_the_cloud() {
    let never = Scenario::new().after(After::Time(Duration::MAX), Action::RebindNat);
    let cloud = cloud()
        .dtls("127.0.0.1:0")
        .scenario(never.clone())
        .start()
        .unwrap();
    let expire = Scenario::new().then(Action::ExpireTokens);
    cloud.run_scenario(expire).unwrap();
    assert!(
        cloud
            .wait_for(|event| step(event, 1), Duration::ZERO)
            .is_some()
    );
    cloud.run_scenario(never).unwrap();
    let endless = Scenario::new().then(Action::RebindNat).repeat();
    assert!(cloud.run_scenario(endless.clone()).is_err());
    assert!(support::cloud().scenario(endless).start().is_err());
    let context = certificate(cloud.ca_pem().unwrap(), CLASSIC);
    work(
        &mut Connect::with(&context)
            .to(cloud.dtls_addr().unwrap())
            .unwrap(),
    );
    cloud.shutdown();
}
