//! What the integration tests share: a cloud to talk to, and clients in child processes.
//!
//! A client runs in a process of its own, because what steers it is process-wide: the environment
//! variables of the default HAL, the log level, and the console its log lines go to. The test function is both sides:
//! it starts the cloud and calls [`child`], which runs the same test again in a new process; there
//! [`is_child`] sends it to the client's side.
#![allow(dead_code, unreachable_pub)] // each test binary uses a part of this

pub mod device;
pub mod ota;
pub mod site;

use iotx_cloud::{Builder, Cloud, CloudHandle};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

pub const PRODUCT_KEY: &str = "a1B2c3D4e5F";
pub const DEVICE_NAME: &str = "dev01";
pub const DEVICE_SECRET: &str = "0123456789abcdef0123456789ABCDEF";
/// The production host of the test product, which only IOTX_CONNECT_TO makes reachable.
pub const HOST: &str = "a1B2c3D4e5F.iot-as-coap.cn-shanghai.aliyuncs.com";

/// How long anything may take before the test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);

const CHILD: &str = "IOTX_TEST_CHILD";
const URL: &str = "IOTX_TEST_URL";

/// A cloud that knows the test device, on free ports of the loopback.
pub fn cloud() -> Builder {
    Cloud::builder()
        .udp("127.0.0.1:0")
        .symmetric("127.0.0.1:0")
        .dtls("127.0.0.1:0")
        .device(PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET)
}

/// Whether this process is the client of a test.
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// In the child: the URL given to [`Child::url`].
pub fn url() -> String {
    std::env::var(URL).expect("the parent gave a URL")
}

/// The client's side of a test, about to run in a process of its own.
#[must_use = "a child begins with `run`"]
pub struct Child {
    command: Command,
}

/// Prepares to run the test `name` again as its client.
pub fn child(name: &str) -> Child {
    child_by(&[], name)
}

/// The same, started by a command that runs another one: `unshare --net`, say.
pub fn child_by(starter: &[&str], name: &str) -> Child {
    let binary = std::env::current_exe().expect("path of the test binary");
    let mut words = starter
        .iter()
        .map(AsRef::as_ref)
        .chain([binary.as_os_str()]);
    let mut command = Command::new(words.next().expect("the binary at least"));
    command
        .args(words)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .env_remove("IOTX_CONNECT_TO")
        .env_remove("IOTX_EXTRA_CA")
        .stdin(Stdio::null());
    Child { command }
}

impl Child {
    /// Gives the client this URL.
    pub fn url(self, url: impl AsRef<str>) -> Self {
        self.env(URL, url)
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    /// Leads every host to this cloud, and trusts it.
    pub fn redirected_to(self, cloud: &CloudHandle) -> Self {
        let address = |address: Option<std::net::SocketAddr>| address.expect("port is open");
        let connect_to = format!(
            "5683={},5684={},5682={}",
            address(cloud.udp_addr()),
            address(cloud.dtls_addr()),
            address(cloud.symmetric_addr())
        );
        self.trusting(cloud).env("IOTX_CONNECT_TO", connect_to)
    }

    /// Trusts this cloud's CA.
    pub fn trusting(self, cloud: &CloudHandle) -> Self {
        let ca = cloud.ca_path().expect("a cloud with a certificate");
        self.env("IOTX_EXTRA_CA", ca.to_str().expect("UTF-8 path"))
    }

    /// Runs the client to its end and returns what it printed.
    ///
    /// # Panics
    ///
    /// If the client failed, or printed the device secret.
    pub fn run(mut self) -> String {
        let (mut reader, writer) = std::io::pipe().expect("pipe");
        self.command
            .stdout(writer.try_clone().expect("pipe"))
            .stderr(writer);
        let mut process = self.command.spawn().expect("the client starts");
        drop(self.command); // its copies of the pipe's end
        let mut output = Vec::new();
        reader
            .read_to_end(&mut output)
            .expect("the client's output");
        let output = String::from_utf8_lossy(&output).into_owned();
        let status = process.wait().expect("the client's end");
        assert!(status.success(), "the client failed: {status}\n{output}");
        assert!(
            output.contains("1 passed"),
            "the client did not run\n{output}"
        );
        assert!(
            !output.contains(DEVICE_SECRET),
            "the device secret was printed:\n{output}"
        );
        output
    }
}

/// The lines of `output` that a client's log printed at this level ("err", "wrn", "inf", "dbg").
pub fn log_lines<'a>(output: &'a str, level: &str) -> Vec<&'a str> {
    let mark = format!("[{level}] ");
    output
        .lines()
        .filter_map(|line| line.find(&mark).map(|at| &line[at..]))
        .collect()
}
