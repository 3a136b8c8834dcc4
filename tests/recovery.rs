//! A cloud that forgets, from a C program's view: it reports, and notices nothing.

mod support;

use iotx_cloud::{CloudHandle, Memory};
use support::device::{Device, topic};
use support::{PATIENCE, child, cloud, is_child, url};

/// Answered, and then the cloud is struck.
const STRIKE: &[u8] = b"strike";

/// Reports, lets the cloud be struck, and goes on reporting as if nothing had happened.
fn report_on() {
    let device = Device::connect(&url());
    assert_eq!(device.authenticate(), 0);
    assert_eq!(device.post(&topic(), b"before").code, 0x45);
    assert_eq!(device.post(&topic(), STRIKE).code, 0x45);
    // There is nothing to wait for, so this takes its two seconds; the strike comes at once.
    assert_eq!(device.run(), 0);
    for n in 0..3 {
        assert_eq!(device.post(&topic(), format!("{n}").as_bytes()).code, 0x45);
    }
}

/// Runs the test's client against a cloud that `strike` befalls after the second report; gives the payloads the
/// cloud has published.
fn reported(name: &str, cloud: &CloudHandle, strike: impl Fn(&CloudHandle) + Sync) -> Vec<String> {
    let (struck, all) = (cloud.events(), cloud.events());
    let strike = &strike;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                let event = struck.recv_timeout(PATIENCE).expect("the second report");
                if event.report().is_some_and(|r| r.payload == STRIKE) {
                    return strike(cloud);
                }
            }
        });
        let url = format!("coaps://{}", cloud.dtls_addr().expect("open"));
        child(name).trusting(cloud).url(url).run();
    });
    let reports = all.try_iter();
    let payload = |r: &iotx_cloud::Report| String::from_utf8_lossy(&r.payload).into_owned();
    reports.filter_map(|e| e.report().map(payload)).collect()
}

const EVERY_REPORT_ONCE: [&str; 5] = ["before", "strike", "0", "1", "2"];

#[test]
fn a_restart_that_leaves_the_tokens_costs_one_abbreviated_handshake() {
    if is_child() {
        return report_on();
    }
    let cloud = cloud().start().expect("cloud");
    let name = "a_restart_that_leaves_the_tokens_costs_one_abbreviated_handshake";
    let reported = reported(name, &cloud, |cloud| cloud.restart(Memory::Kept));
    assert_eq!(reported, EVERY_REPORT_ONCE);
    let counters = cloud.counters();
    assert_eq!((counters.handshakes, counters.authenticated), (2, 1));
}

#[test]
fn a_restart_that_leaves_nothing_costs_a_handshake_and_an_authentication() {
    if is_child() {
        return report_on();
    }
    let cloud = cloud().start().expect("cloud");
    let name = "a_restart_that_leaves_nothing_costs_a_handshake_and_an_authentication";
    let reported = reported(name, &cloud, |cloud| cloud.restart(Memory::Lost));
    assert_eq!(reported, EVERY_REPORT_ONCE);
    let counters = cloud.counters();
    assert_eq!((counters.handshakes, counters.authenticated), (2, 2));
}

#[test]
fn a_forgotten_path_is_found_again() {
    if is_child() {
        return report_on();
    }
    let cloud = cloud().start().expect("cloud");
    // The answer to the second one may be lost with the path; it is repeated by a session that is resumed.
    let reported = reported("a_forgotten_path_is_found_again", &cloud, |cloud| {
        cloud.rebind_nat();
    });
    assert_eq!(reported, EVERY_REPORT_ONCE);
    assert_eq!(cloud.counters().authenticated, 1);
}
