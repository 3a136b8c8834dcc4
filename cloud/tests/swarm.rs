//! The `iotx-swarm` command, as it is called.

use serde_json::Value;
use std::process::{Command, Output};

fn swarm(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iotx-swarm"));
    command.args(arguments).output().expect("the command runs")
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn every_report_is_accounted_for_over_every_transport() {
    for (transport, handshakes) in [("udp", 0), ("psk", 0), ("dtls", 20)] {
        let run = ["--devices=20", "--reports=3", "--interval=10ms", "--json"];
        let transport = format!("--transport={transport}");
        let output = swarm(&[&run[..], &[transport.as_str()]].concat());
        assert!(output.status.success(), "{output:?}");
        let run = json(&output);
        let count = |name: &str| run[name].as_u64();
        let (all, none) = (Some(60), Some(0));
        assert_eq!((count("acknowledged"), count("arrived")), (all, all));
        assert_eq!((count("refused"), count("failed")), (none, none));
        assert_eq!(count("acknowledgedButNotArrived"), none);
        assert_eq!(count("handshakes"), Some(handshakes), "{transport}");
        assert!(run["latencyMs"]["p50"].as_f64() > Some(0.0), "{run}");
    }
}

/// At 40 % loss each way one of fifteen reports stays without acknowledgement after six transmissions.
#[test]
fn a_run_below_what_is_required_says_so() {
    let run = [
        "--devices=60",
        "--reports=1",
        "--interval=10ms",
        "--json",
        "--preset=lan",
        "--ack-timeout=100ms",
        "--impair=loss=40%",
        "--seed=1",
        "--require-acknowledged=100",
    ];
    let output = swarm(&run);
    let run = json(&output);
    let count = |name: &str| run[name].as_u64().expect("a count");
    assert_eq!(count("acknowledged") + count("failed"), 60);
    assert!(count("acknowledged") <= count("arrived"));
    assert!(count("datagramsLost") > 0);
    let missed = count("acknowledged") < 60;
    assert_eq!(output.status.code(), Some(i32::from(missed)));
    let complaints = run["complaints"].as_array().expect("a list");
    assert_eq!(complaints.len(), usize::from(missed), "{complaints:?}");
}

#[test]
fn nonsense_is_refused() {
    for nonsense in ["--devices=0", "--impair=lose=1", "--ack-timeout=soon"] {
        let output = swarm(&[nonsense]);
        assert_eq!(output.status.code(), Some(2), "{nonsense}");
        assert!(!output.stderr.is_empty());
    }
    let output = swarm(&["--ack-timeout=1ms"]);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(why.contains("ACK_TIMEOUT"), "{why}");
}
