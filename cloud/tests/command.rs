//! The `iotx-cloud` command, from outside.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use iotx_cloud::{Code, OPTION_TOKEN_61};
use support::dtls::{Connect, MODERN, certificate, work};
use support::{DN, DS, Link, PK, Udp, bytes, code, report, signed_auth};

/// A data directory of its own, gone with this value.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Dir(std::env::temp_dir().join(format!("iotx-command-{}-{number}", std::process::id())))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(data: &Path, flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_iotx-cloud"))
            .arg("--data-dir")
            .arg(data)
            .args(["--udp-port=0", "--psk-port=0", "--dtls-port=0"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the output ended: {line:?}");
        line.trim_end().to_owned()
    }

    /// All lines up to the one that begins with "ready", which is the last.
    fn until_ready(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines
            .last()
            .is_some_and(|line: &String| line.starts_with("ready"))
        {
            lines.push(self.line());
        }
        lines
    }

    /// Stops it by the signal and returns what it said after that.
    fn stop(mut self, signal: libc::c_int) -> String {
        let pid = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: sends a signal to our own child, which has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(ready: &str, name: &str) -> SocketAddr {
    let mut words = ready.split_whitespace();
    words
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn it_serves_the_demo_device_and_stops_when_told() {
    let dir = Dir::new();
    let mut cloud = Running::start(&dir.0, &[]);
    let lines = cloud.until_ready();
    let all = lines.join("\n");
    assert!(
        all.contains(PK) && all.contains(DN) && all.contains(DS),
        "{all}"
    );
    let ready = lines.last().unwrap();
    let ca = dir.0.join("ca.pem");
    let export = lines
        .iter()
        .find(|line| line.starts_with("export "))
        .unwrap();
    assert!(
        export.contains(&format!("IOTX_EXTRA_CA='{}'", ca.display())),
        "{export}"
    );
    let routes: Vec<_> = [("udp", 5683), ("psk", 5682), ("dtls", 5684)]
        .iter()
        .map(|(name, port)| format!("{port}={}", address(ready, name)))
        .collect();
    assert!(
        export.ends_with(&format!("IOTX_CONNECT_TO={}", routes.join(","))),
        "{export}"
    );

    let mut link = Udp::to(address(ready, "udp"));
    let token = support::token(&mut link, 1);
    let line = cloud.line();
    assert!(line.ends_with("authenticated by hmacmd5 in JSON"), "{line}");
    let path = "/topic/a1B2c3D4e5F/dev01/update";
    link.ask(&report(2, path, OPTION_TOKEN_61, &token, b"{\"a\":1}"));
    let line = cloud.line();
    assert!(
        line.contains("CON 2 POST") && line.ends_with("7 bytes {\"a\":1}"),
        "{line}"
    );
    let context = certificate(&std::fs::read(ca).unwrap(), MODERN);
    let host = Connect::with(&context).host("x.coap.cn-shanghai.link.aliyuncs.com");
    work(&mut host.to(address(ready, "dtls")).unwrap());

    let rest = cloud.stop(libc::SIGTERM);
    assert!(
        rest.ends_with("stopped by SIGTERM: 4 requests served, 2 reports\n"),
        "{rest}"
    );
    assert!(!rest.contains(&token));
}

#[test]
fn it_reads_a_devices_file_and_speaks_json() {
    let dir = Dir::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    let file = dir.0.join("devices.json");
    let devices = format!(
        r#"{{"devices":[
            {{"productKey":"{PK}","deviceName":"{DN}","deviceSecret":"{DS}","disabled":true}},
            {{"productKey":"pk","deviceName":"dn","deviceSecret":"s3cr3t"}}
        ]}}"#
    );
    std::fs::write(&file, devices).unwrap();
    let mut cloud = Running::start(&dir.0, &["--json", "--devices", file.to_str().unwrap()]);
    let ready = cloud.line();
    assert!(!ready.contains("s3cr3t"));
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["event"], "ready");
    assert_eq!(
        ready["devices"],
        serde_json::json!([format!("{PK}/{DN}"), "pk/dn"])
    );
    let udp = ready["udp"].as_str().unwrap().parse().unwrap();
    let answer = Udp::to(udp).ask(&signed_auth(1, &[]));
    assert_eq!(code(&answer), Code::FORBIDDEN);
    let line: serde_json::Value = serde_json::from_str(&cloud.line()).unwrap();
    assert_eq!(
        (&line["code"], &line["refusal"]),
        (&"4.03".into(), &"DeviceDisabled".into())
    );
    let rest: serde_json::Value = serde_json::from_str(&cloud.stop(libc::SIGINT)).unwrap();
    assert_eq!(
        (&rest["event"], &rest["signal"]),
        (&"stopped".into(), &"SIGINT".into())
    );
}

#[test]
fn quiet_means_quiet() {
    let dir = Dir::new();
    let device = format!("{PK},{DN},{DS}");
    let flags = [
        "--quiet",
        "--no-certificate",
        "--device",
        &device,
        "--rate-limit",
        "1",
    ];
    let mut cloud = Running::start(&dir.0, &flags);
    let lines = cloud.until_ready();
    assert!(!lines.join(" ").contains(DS), "{lines:?}");
    assert!(!lines.join(" ").contains("IOTX_EXTRA_CA"), "{lines:?}");
    let mut link = Udp::to(address(lines.last().unwrap(), "psk"));
    let token = support::token(&mut link, 1);
    let path = "/topic/a1B2c3D4e5F/dev01/update";
    let codes: Vec<_> = (2..5)
        .map(|id| code(&link.ask(&report(id, path, OPTION_TOKEN_61, &token, b""))))
        .collect();
    assert_eq!(
        codes,
        [Code::CONTENT, Code::CONTENT, Code::TOO_MANY_REQUESTS]
    );
    assert_eq!(
        cloud.stop(libc::SIGTERM),
        "stopped by SIGTERM: 4 requests served, 2 reports\n"
    );
}

#[test]
fn it_misbehaves_when_told() {
    let dir = Dir::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    let file = dir.0.join("scenario.json");
    let scenario =
        r#"{"steps":[{"do":"rebindNat"},{"after":{"auths":1},"do":{"restart":"lost"}}]}"#;
    std::fs::write(&file, scenario).unwrap();
    let flags = [
        "--no-certificate",
        "--impair=duplicate=100%",
        "--seed=7",
        "--answer=auth=5.03,max-age=1",
        "--deliver=separate-non",
        "--verify-request=new",
        "--token-lifetime=60",
        "--scenario",
        file.to_str().unwrap(),
    ];
    let mut cloud = Running::start(&dir.0, &flags);
    let lines = cloud.until_ready();
    let network = "network: up duplicate=100%, down duplicate=100%, seed 7";
    assert!(lines.iter().any(|line| line == network), "{lines:?}");
    // What the scenario begins with is told after all that, so that "ready" comes when it is said to.
    assert!(cloud.line().ends_with("cloud step 1: rebind the NAT"));
    let mut link = Udp::to(address(lines.last().unwrap(), "udp"));
    let request = bytes(&signed_auth(1, &[]));
    for expected in ["5.03", "2.05"] {
        // From another port, since a repetition is answered as before.
        link.send(&request);
        let line = loop {
            let line = cloud.line();
            if line.contains("POST /auth") {
                break line;
            }
        };
        assert!(line.contains(&format!("-> separate {expected}")), "{line}");
        if expected == "5.03" {
            link = Udp::to(address(lines.last().unwrap(), "udp"));
        }
    }
    let step = loop {
        let line = cloud.line();
        if line.contains(" step ") {
            break line;
        }
    };
    assert!(
        step.ends_with("cloud step 2: restart, memory lost"),
        "{step}"
    );
    cloud.stop(libc::SIGTERM);
}

#[test]
fn a_list_without_devices_is_warned_of() {
    let dir = Dir::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    let file = dir.0.join("devices.json");
    std::fs::write(&file, "[]").unwrap();
    let flags = ["--no-certificate", "--devices", file.to_str().unwrap()];
    let mut cloud = Running::start(&dir.0, &flags);
    let lines = cloud.until_ready();
    let warning = "warning: there is no device; every authentication will be refused with 4.01";
    assert!(lines.iter().any(|line| line == warning), "{lines:?}");
    cloud.stop(libc::SIGTERM);
    let mut cloud = Running::start(&dir.0, &[&flags[..], &["--json"]].concat());
    let ready: serde_json::Value = serde_json::from_str(&cloud.line()).unwrap();
    assert_eq!(
        Some(&ready["warning"].as_str().unwrap()),
        warning.strip_prefix("warning: ").as_ref()
    );
    cloud.stop(libc::SIGTERM);
}

#[test]
fn mistakes_end_it_with_a_word() {
    let dir = Dir::new();
    for flags in [
        &["--device", "only-one-part"][..],
        &["--devices", "/no/such/file"],
        &["--bind", "192.0.2.1"],
        &["--no-such-flag"],
        &["--impair=loss=2"],
        &["--answer=auth"],
        &["--scenario", "/no/such/file"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_iotx-cloud"))
            .arg("--data-dir")
            .arg(&dir.0)
            .args(["--udp-port=0", "--psk-port=0", "--dtls-port=0"])
            .args(flags)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{flags:?}");
        assert!(!output.stderr.is_empty(), "{flags:?}");
    }
}
