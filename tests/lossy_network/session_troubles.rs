//! What befalls a session: the cloud or the path forgets it, the cloud ends it, the device goes without power. The
//! program's part in all of it is to report again.

use super::support::PATIENCE;
use super::world::{Device, End, Mode, accepted, cloud, endpoint, identity, quick, trusting};
use iotx_cloud::{CloudHandle, EventKind, Fault, Goodbye, Memory, Reply, Route};
use iotx_coap::client::{Client, FailureReason};
use iotx_coap::hal::HalPlatform;
use std::time::Duration;

/// What the cloud counts of a device: handshakes, resumptions among them, tokens.
fn cost(cloud: &CloudHandle) -> (u64, u64, u64) {
    let counters = cloud.counters();
    (
        counters.handshakes,
        counters.resumptions,
        counters.authenticated,
    )
}

/// A report, the strike, two reports: all three are accepted, in order, and once. Gives the cost of all.
fn struck(mode: Mode, strike: impl FnOnce(&CloudHandle)) -> (u64, u64, u64) {
    let cloud = cloud(mode).start().expect("cloud");
    let mut device = Device::ready(mode, &cloud, quick());
    let events = cloud.events();
    assert!(device.report(1).is_accepted());
    strike(&cloud);
    assert!(device.report(2).is_accepted(), "{mode:?}");
    assert!(device.report(3).is_accepted(), "{mode:?}");
    assert_eq!(accepted(&events), [1, 2, 3], "{mode:?}");
    cost(&cloud)
}

#[test]
fn a_restart_that_keeps_the_tokens() {
    trusting("session_troubles::a_restart_that_keeps_the_tokens", || {
        let restart = |cloud: &CloudHandle| cloud.restart(Memory::Kept);
        assert_eq!(struck(Mode::Plain, restart), (0, 0, 1));
        assert_eq!(struck(Mode::Symmetric, restart), (0, 0, 1));
        assert_eq!(struck(Mode::Dtls, restart), (2, 1, 1));
    });
}

#[test]
fn a_restart_that_loses_the_tokens() {
    trusting("session_troubles::a_restart_that_loses_the_tokens", || {
        let restart = |cloud: &CloudHandle| cloud.restart(Memory::Lost);
        assert_eq!(struck(Mode::Plain, restart), (0, 0, 2));
        assert_eq!(struck(Mode::Symmetric, restart), (0, 0, 2));
        assert_eq!(struck(Mode::Dtls, restart), (2, 0, 2));
    });
}

#[test]
fn another_address_behind_nat() {
    trusting("session_troubles::another_address_behind_nat", || {
        let rebind = CloudHandle::rebind_nat;
        assert_eq!(struck(Mode::Plain, rebind), (0, 0, 1));
        assert_eq!(struck(Mode::Symmetric, rebind), (0, 0, 1));
        assert_eq!(struck(Mode::Dtls, rebind), (2, 1, 1));
    });
}

#[test]
fn a_session_that_the_cloud_closes() {
    trusting("session_troubles::a_session_that_the_cloud_closes", || {
        let close = |cloud: &CloudHandle| cloud.end_sessions(Goodbye::CloseNotify);
        assert_eq!(struck(Mode::Dtls, close), (2, 1, 1));
    });
}

/// RFC 5246 section 7.2.2: after a fatal alert the session must not be resumed.
#[test]
fn a_session_that_the_cloud_aborts() {
    trusting("session_troubles::a_session_that_the_cloud_aborts", || {
        let abort = |cloud: &CloudHandle| cloud.end_sessions(Goodbye::FatalAlert);
        assert_eq!(struck(Mode::Dtls, abort), (2, 0, 1));
    });
}

/// A report that has arrived, and an answer that is lost with the session: the report is repeated by the next session
/// under its old message id and token. Gives how often the cloud took it.
fn answer_lost(strike: impl FnOnce(&CloudHandle)) -> usize {
    let cloud = cloud(Mode::Dtls).start().expect("cloud");
    let mut device = Device::ready(Mode::Dtls, &cloud, quick());
    let events = cloud.events();
    cloud.reply(Route::Topic, 1, &Reply::answer_lost());
    device.send(1);
    let arrived = |event: &iotx_cloud::Event| event.report().is_some();
    assert!(cloud.wait_for(arrived, PATIENCE).is_some());
    strike(&cloud);
    device.finish();
    assert!(matches!(&device.ends[..], [(1, end)] if end.is_accepted()));
    assert!(device.report(2).is_accepted());
    let mut arrived = accepted(&events);
    assert_eq!(arrived.pop(), Some(2));
    assert!(arrived.iter().all(|number| *number == 1));
    arrived.len()
}

#[test]
fn an_answer_that_is_lost_with_its_session() {
    let name = "session_troubles::an_answer_that_is_lost_with_its_session";
    trusting(name, || {
        assert_eq!(answer_lost(CloudHandle::rebind_nat), 1);
        let close = |cloud: &CloudHandle| cloud.end_sessions(Goodbye::CloseNotify);
        assert_eq!(answer_lost(close), 1);
        // What cannot be resumed cannot be known again.
        let abort = |cloud: &CloudHandle| cloud.end_sessions(Goodbye::FatalAlert);
        assert_eq!(answer_lost(abort), 2);
    });
}

/// Waits until the cloud has lost a datagram because it is cut off.
fn wait_for_silence(cloud: &CloudHandle) {
    let lost = |event: &iotx_cloud::Event| {
        let cut_off = Fault::CutOff;
        matches!(event.kind, EventKind::Impaired { fault, .. } if fault == cut_off)
    };
    assert!(cloud.wait_for(lost, PATIENCE).is_some());
}

#[test]
fn an_outage_that_a_report_outlives() {
    trusting("session_troubles::an_outage_that_a_report_outlives", || {
        for mode in Mode::ALL {
            let cloud = cloud(mode).start().expect("cloud");
            let mut device = Device::ready(mode, &cloud, quick());
            let events = cloud.events();
            cloud.cut_off(Duration::from_secs(3600));
            for number in 1..=3 {
                device.send(number);
            }
            wait_for_silence(&cloud);
            cloud.reconnect();
            device.finish();
            assert_eq!(accepted(&events), [1, 2, 3], "{mode:?}");
            let told: Vec<u32> = device.ends.iter().map(|(number, _)| *number).collect();
            assert_eq!(told, [1, 2, 3], "{mode:?}");
            assert!(device.ends.iter().all(|(_, end)| end.is_accepted()));
            assert_eq!(cloud.counters().authenticated, 1, "{mode:?}");
        }
    });
}

#[test]
fn an_outage_that_a_report_does_not_outlive() {
    let name = "session_troubles::an_outage_that_a_report_does_not_outlive";
    trusting(name, || {
        let outage = |mode| {
            let cloud = cloud(mode).start().expect("cloud");
            let mut device = Device::ready(mode, &cloud, quick());
            let events = cloud.events();
            cloud.cut_off(Duration::from_secs(3600));
            let failed = End::Failed(FailureReason::Unacknowledged);
            assert_eq!(device.report(1), failed, "{mode:?}");
            cloud.reconnect();
            assert!(device.report(2).is_accepted(), "{mode:?}");
            assert_eq!(accepted(&events), [2], "{mode:?}");
            assert_eq!(cloud.counters().authenticated, 1, "{mode:?}");
        };
        std::thread::scope(|scope| {
            for mode in Mode::ALL {
                scope.spawn(move || outage(mode));
            }
        });
    });
}

/// One wake costs what cannot be avoided: with DTLS a resumption, and the report.
#[test]
fn a_device_without_power_between_two_reports() {
    let name = "session_troubles::a_device_without_power_between_two_reports";
    trusting(name, || {
        for mode in Mode::ALL {
            let cloud = cloud(mode).start().expect("cloud");
            let mut device = Device::ready(mode, &cloud, quick());
            let events = cloud.events();
            assert!(device.report(1).is_accepted());
            for wake in 2..=4 {
                let saved = device.client.save().expect("a session");
                device.client.close();
                drop(device);
                let restored = Client::connect_restored(
                    HalPlatform::new(),
                    identity(),
                    endpoint(mode, &cloud),
                    quick(),
                    &saved,
                    Some(Duration::from_secs(60)),
                );
                device = Device::with(restored.expect("the cloud is there"));
                assert!(device.client.is_authenticated());
                assert!(device.report(wake).is_accepted(), "{mode:?}");
            }
            assert_eq!(accepted(&events), [1, 2, 3, 4]);
            let handshakes = if mode == Mode::Dtls { (4, 3) } else { (0, 0) };
            assert_eq!(cost(&cloud), (handshakes.0, handshakes.1, 1), "{mode:?}");
        }
    });
}
