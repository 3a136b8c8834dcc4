//! The test variables of `redirect`, with and without the feature.
//!
//! The environment belongs to the whole process and may not change while other threads run, so every
//! case is a process of its own: this test program again, running [`child`] alone.

use std::path::PathBuf;
use std::process::Command;

use super::pki::authority;
#[cfg(feature = "redirect")]
use super::pki::{Identity, Leaf, issue};
#[cfg(feature = "redirect")]
use super::server::{Server, with_identity};
use crate::hal::certs::ROOTS_PEM;
use crate::hal_default::dtls::dialer::{Limits, Proof, Target};
use crate::hal_default::dtls::session::establish;

/// What the child connects to, unless told otherwise: reserved, never resolvable (RFC 6761 6.4).
const HOST: &str = "pk.coap.invalid";
const PORT: u16 = 5684;
/// How the child learns what to expect: empty for success, else a part of the reason.
const EXPECTED: &str = "IOTX_TEST_EXPECTED";

#[test]
#[ignore = "run by the tests below, each time with another environment"]
fn child() {
    let expected = std::env::var(EXPECTED).unwrap_or_else(|_| "cannot be resolved".to_owned());
    let proof = Proof::new(ROOTS_PEM.to_bytes(), None);
    match establish(
        Target {
            host: HOST,
            port: PORT,
        },
        &proof,
        Limits::default(),
    ) {
        Ok(_) => assert_eq!(expected, "", "connected"),
        Err(failure) => {
            let reason = failure.to_string();
            assert!(
                !expected.is_empty() && reason.contains(&expected),
                "{reason}"
            );
        }
    }
}

fn run_child(variables: &[(&str, &str)], expected: &str) {
    let this_program = std::env::current_exe().expect("path");
    let output = Command::new(this_program)
        .args([
            "--exact",
            "hal_default::dtls::tests::redirected::child",
            "--ignored",
        ])
        .env_remove("IOTX_CONNECT_TO")
        .env_remove("IOTX_EXTRA_CA")
        .envs(variables.iter().copied())
        .env(EXPECTED, expected)
        .output()
        .expect("run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{variables:?}: {text}"
    );
}

/// A file that is gone after the test.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("iotx-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("write");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).expect("remove");
    }
}

#[cfg(feature = "redirect")]
/// A server on loopback whose certificate is for this name.
fn serve(root: &Identity, name: &'static str) -> Server<bool> {
    let leaf = Leaf {
        dns: vec![name],
        addresses: vec![],
        ..Leaf::local()
    };
    Server::start(
        "127.0.0.1",
        with_identity(&issue(root, &leaf)),
        |listener| listener.accept().is_ok(),
    )
}

#[test]
#[cfg(feature = "redirect")]
fn a_redirected_server_still_needs_a_certificate_for_the_host() {
    let root = authority("root");
    let roots = TemporaryFile::new("roots.pem", &root.pem());
    let cases = [
        (HOST, ""),
        (
            "localhost",
            "is not for \"pk.coap.invalid\" but for \"localhost\"",
        ),
    ];
    for (name, expected) in cases {
        let server = serve(&root, name);
        let connect_to = format!("5684={}", server.address);
        let variables = [
            ("IOTX_CONNECT_TO", connect_to.as_str()),
            ("IOTX_EXTRA_CA", roots.path()),
        ];
        run_child(&variables, expected);
        assert_eq!(server.finish(), expected.is_empty());
    }
}

#[test]
#[cfg(feature = "redirect")]
fn without_the_extra_root_a_redirected_server_is_unknown() {
    let server = serve(&authority("root"), HOST);
    let connect_to = format!("5684={}", server.address);
    run_child(&[("IOTX_CONNECT_TO", &connect_to)], "unknown authority");
    assert!(!server.finish());
}

#[test]
#[cfg(feature = "redirect")]
fn a_value_that_cannot_be_understood_stops_the_connection() {
    let not_pem = TemporaryFile::new("not.pem", b"not PEM");
    let cases = [
        (
            "IOTX_CONNECT_TO",
            "localhost",
            "IOTX_CONNECT_TO cannot be used: \"localhost\"",
        ),
        (
            "IOTX_CONNECT_TO",
            "5684=",
            "IOTX_CONNECT_TO cannot be used: \"5684=\"",
        ),
        (
            "IOTX_EXTRA_CA",
            "/no/such/file",
            "IOTX_EXTRA_CA cannot be used: /no/such/file",
        ),
        (
            "IOTX_EXTRA_CA",
            not_pem.path(),
            "IOTX_EXTRA_CA cannot be used: ",
        ),
    ];
    for (variable, value, expected) in cases {
        run_child(&[(variable, value)], expected);
    }
}

#[test]
fn unset_or_empty_variables_change_nothing() {
    run_child(&[], "cannot be resolved");
    run_child(
        &[("IOTX_CONNECT_TO", ""), ("IOTX_EXTRA_CA", "")],
        "cannot be resolved",
    );
}

#[test]
#[cfg(not(feature = "redirect"))]
fn without_the_feature_the_variables_are_not_read() {
    let root = authority("root");
    let roots = TemporaryFile::new("unread.pem", &root.pem());
    for connect_to in ["127.0.0.1", "5684=127.0.0.1:9", "nonsense"] {
        let variables = [
            ("IOTX_CONNECT_TO", connect_to),
            ("IOTX_EXTRA_CA", roots.path()),
        ];
        run_child(&variables, "cannot be resolved");
    }
}
