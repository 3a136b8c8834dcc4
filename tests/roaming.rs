//! A device that gets another address of its own under a live client, as after a modem has attached again.
//!
//! Each test has a network of its own: two namespaces of the kernel and a cable between them. In the first is the cloud,
//! in the second the device, which takes its address away and gives itself another one. That takes root, or a
//! kernel that lets users have namespaces.

mod support;

use iotx_cloud::CloudHandle;
use std::env;
use std::net::SocketAddr;
use std::process::{Command, Output};
use support::device::{Device, topic};
use support::{HOST, PATIENCE, child_by, cloud, url};

const ROLE: &str = "IOTX_TEST_ROLE";
const CLOUD_PID: &str = "IOTX_TEST_CLOUD_PID";

const CLOUD: &str = "10.9.0.1";
const FIRST: &str = "10.9.0.2";
const SECOND: &str = "10.9.0.3";

const SEND_FAILED: i32 = -8;

#[test]
fn a_device_that_moves_goes_on_in_plain_coap() {
    let test = "a_device_that_moves_goes_on_in_plain_coap";
    let cost = roam(test, |cloud| url_of("coap", cloud.udp_addr()));
    assert!(cost.is_none_or(|cost| cost == (0, 0, 1)), "{cost:?}");
}

#[test]
fn a_device_that_moves_goes_on_under_its_symmetric_key() {
    let test = "a_device_that_moves_goes_on_under_its_symmetric_key";
    let cost = roam(test, |cloud| url_of("coap-psk", cloud.symmetric_addr()));
    assert!(cost.is_none_or(|cost| cost == (0, 0, 1)), "{cost:?}");
}

/// The cloud does not know the session at the other address: it is resumed from there.
#[test]
fn a_device_that_moves_resumes_its_dtls_session() {
    let test = "a_device_that_moves_resumes_its_dtls_session";
    let cost = roam(test, |cloud| url_of("coaps", cloud.dtls_addr()));
    assert!(cost.is_none_or(|cost| cost == (3, 2, 1)), "{cost:?}");
}

/// The cloud by its name, which is what its certificate is for; the name leads to its address.
fn url_of(scheme: &str, opened: Option<SocketAddr>) -> String {
    format!("{scheme}://{HOST}:{}", opened.expect("open").port())
}

/// The three parts of each test, each in a process of its own. Where the cloud is, gives the handshakes it has seen, the
/// resumptions among them, and the authentications.
fn roam(test: &str, url_of: impl Fn(&CloudHandle) -> String) -> Option<(u64, u64, u64)> {
    match env::var(ROLE).as_deref() {
        Ok("device") => {
            connect_to_the_cloud();
            device_moves();
            None
        }
        Ok("cloud") => Some(beside_the_cloud(test, url_of)),
        _ => {
            child_by(&namespace(), test).env(ROLE, "cloud").run();
            None
        }
    }
}

/// The command that starts another one in a network of its own, where it may do as it likes.
fn namespace() -> Vec<&'static str> {
    let mut complaints = String::new();
    for starter in [
        &["unshare", "--net"][..],
        &["unshare", "--user", "--map-root-user", "--net"],
    ] {
        // As the tests will; the cable goes with the network.
        let cable = "ip link add dev0 type veth peer name cloud0";
        match run(&[starter, &["sh", "-c", cable]].concat()) {
            Ok(output) if output.status.success() => return starter.to_vec(),
            Ok(output) => complaints += &String::from_utf8_lossy(&output.stderr),
            Err(error) => complaints += &format!("{}: {error}\n", starter[0]),
        }
    }
    panic!(
        "this test needs a network namespace with veth: run it as root, or allow user namespaces \
         (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; in a container, \
         --cap-add SYS_ADMIN --cap-add NET_ADMIN); and ip and unshare (Debian: iproute2, util-linux)\n{complaints}"
    )
}

fn run(words: &[&str]) -> std::io::Result<Output> {
    // Where ip lies, which need not be on the PATH of users.
    let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    Command::new(words[0])
        .args(&words[1..])
        .env("PATH", path)
        .output()
}

fn must(words: &str) {
    let words: Vec<_> = words.split_whitespace().collect();
    let output = run(&words).expect("a program of the system");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

fn beside_the_cloud(test: &str, url_of: impl Fn(&CloudHandle) -> String) -> (u64, u64, u64) {
    must("ip link set lo up");
    let any = "0.0.0.0:0";
    let cloud = cloud().udp(any).symmetric(any).dtls(any).start();
    let cloud = cloud.expect("cloud");
    let events = cloud.events();
    child_by(&["unshare", "--net"], test)
        .trusting(&cloud)
        .url(url_of(&cloud))
        .env("IOTX_CONNECT_TO", CLOUD)
        .env(ROLE, "device")
        .env(CLOUD_PID, std::process::id().to_string())
        .run();
    let mut reports = Vec::new();
    while reports.len() < 3 {
        let event = events.recv_timeout(PATIENCE).expect("three reports");
        if let Some(report) = event.report() {
            let payload = String::from_utf8_lossy(&report.payload).into_owned();
            reports.push((payload, event.peer.ip().to_string()));
        }
    }
    let from = |text: &str, address: &str| (text.to_owned(), address.to_owned());
    let expected = [from("1", FIRST), from("2", SECOND), from("3", FIRST)];
    assert_eq!(reports, expected);
    let counters = cloud.counters();
    assert_eq!(counters.reports, 3);
    (
        counters.handshakes,
        counters.resumptions,
        counters.authenticated,
    )
}

/// Lays a cable from this network to the cloud's.
fn connect_to_the_cloud() {
    let pid = env::var(CLOUD_PID).expect("the cloud's process");
    let there = format!("nsenter --net --target {pid}");
    must(&format!(
        "ip link add dev0 type veth peer name cloud0 netns {pid}"
    ));
    must(&format!("{there} ip address add {CLOUD}/24 dev cloud0"));
    must(&format!("{there} ip link set cloud0 up"));
    must(&format!("ip address add {FIRST}/24 dev dev0"));
    must("ip link set dev0 up");
}

fn device_moves() {
    // A lost session shows after two of these; on this cable an answer takes no time.
    let device = Device::connect_with(&url(), |settings| settings.ack_timeout_ms = 200);
    assert_eq!(device.authenticate(), 0);
    assert_eq!(device.post(&topic(), b"1").code, 0x45);
    for (report, before, after) in [("2", FIRST, SECOND), ("3", SECOND, FIRST)] {
        must(&format!("ip address del {before}/24 dev dev0"));
        assert_eq!(device.send(&topic(), b"from nowhere"), SEND_FAILED);
        must(&format!("ip address add {after}/24 dev dev0"));
        assert_eq!(device.post(&topic(), report.as_bytes()).code, 0x45);
    }
}
