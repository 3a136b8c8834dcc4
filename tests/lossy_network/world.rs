//! A device and the cloud it talks to, through real sockets: what every test here begins with.

use super::support::{DEVICE_NAME, DEVICE_SECRET, PATIENCE, PRODUCT_KEY, child, is_child};
use iotx_cloud::{Builder, Cloud, CloudHandle};
use iotx_coap::client::{
    Client, DeviceIdentity, Endpoint, FailureReason, Happening, Report, Settings,
};
use iotx_coap::cloud_auth::Secret;
use iotx_coap::coap::{Code, TransmissionParams};
use iotx_coap::hal::HalPlatform;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How a device and the cloud protect what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Plain,
    Symmetric,
    Dtls,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Symmetric, Self::Dtls];
}

const CA_DIR: &str = "IOTX_TEST_CA_DIR";

/// Runs `body` in a process of its own that trusts the clouds it makes. (Which roots the default HAL trusts is the
/// environment's to say, and a process with threads cannot change its environment.)
pub fn trusting(name: &str, body: impl FnOnce()) {
    if is_child() {
        return body();
    }
    let dir = Removed(std::env::temp_dir().join(format!("iotx-{}-{name}", std::process::id())));
    let made = Cloud::builder().dtls("127.0.0.1:0").data_dir(&dir.0);
    let made = made
        .device(PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET)
        .start()
        .expect("a CA");
    let path = dir.0.to_str().expect("UTF-8 path");
    child(name).trusting(&made).env(CA_DIR, path).run();
}

/// A directory that is removed in the end, also when the test fails.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // nobody needs it any more
    }
}

/// A cloud with one device and the port that this mode needs. Nothing but its own device's datagrams reaches its
/// network, so the seed of its faults decides about each of them.
pub fn cloud(mode: Mode) -> Builder {
    let builder = Cloud::builder()
        .device(PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET)
        .data_dir(Path::new(&std::env::var(CA_DIR).expect("in `trusting`")));
    match mode {
        Mode::Plain => builder.udp("127.0.0.1:0"),
        Mode::Symmetric => builder.symmetric("127.0.0.1:0"),
        Mode::Dtls => builder
            .dtls("127.0.0.1:0")
            .dtls_options(|options| options.flight_timeout = FLIGHT_TIMEOUT),
    }
}

/// The first wait for an answer to a flight of a DTLS handshake (RFC 6347 section 4.2.4.1: 1 s), at both ends.
const FLIGHT_TIMEOUT: Duration = Duration::from_millis(100);

/// RFC 7252's five transmissions and RFC 6347's handshake, ten times as fast: one of the loopback's round trips is
/// thousands of times shorter still.
pub fn quick() -> Settings {
    let usual = Settings::default();
    Settings {
        transmission: TransmissionParams {
            ack_timeout: Duration::from_millis(200),
            ..TransmissionParams::default()
        },
        flight_timeout: FLIGHT_TIMEOUT,
        handshake_bound: usual.handshake_bound / 10,
        ..usual
    }
}

/// How a report ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this answer.
    Answered(Code, Vec<u8>),
    /// Given up.
    Failed(FailureReason),
}

impl End {
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Answered(Code::CONTENT, _))
    }
}

/// One device, and the end of every report so far.
pub struct Device {
    pub client: Client<HalPlatform, u32>,
    pub ends: Vec<(u32, End)>,
    /// Authentications that the program was told of.
    pub told_authenticated: usize,
}

/// Where this cloud's only port is.
pub fn endpoint(mode: Mode, cloud: &CloudHandle) -> Endpoint {
    let (scheme, address) = match mode {
        Mode::Plain => ("coap", cloud.udp_addr()),
        Mode::Symmetric => ("coap-psk", cloud.symmetric_addr()),
        Mode::Dtls => ("coaps", cloud.dtls_addr()),
    };
    let url = format!("{scheme}://{}", address.expect("the port is open"));
    Endpoint::parse(&url).expect("a URL")
}

pub fn identity() -> DeviceIdentity {
    DeviceIdentity {
        product_key: PRODUCT_KEY.into(),
        device_name: DEVICE_NAME.into(),
        device_id: String::new(),
        device_secret: Secret::new(DEVICE_SECRET),
    }
}

/// The topic of a report; its last level is the report's number.
pub fn topic(number: u32) -> String {
    format!("/topic/{PRODUCT_KEY}/{DEVICE_NAME}/{number}")
}

impl Device {
    /// A device that has just been switched on.
    pub fn connect(mode: Mode, cloud: &CloudHandle, settings: Settings) -> Self {
        let endpoint = endpoint(mode, cloud);
        let client = Client::connect(HalPlatform::new(), identity(), endpoint, settings);
        Self::with(client.expect("a connection"))
    }

    /// [`connect`](Self::connect), authenticated.
    pub fn ready(mode: Mode, cloud: &CloudHandle, settings: Settings) -> Self {
        let device = Self::connect(mode, cloud, settings);
        let authenticated = device.client.authenticate(&mut |_| {});
        authenticated.expect("the cloud is there and knows the device");
        device
    }

    pub fn with(client: Client<HalPlatform, u32>) -> Self {
        Self {
            client,
            ends: Vec::new(),
            told_authenticated: 0,
        }
    }

    /// Hands a report over; does not wait.
    pub fn send(&self, number: u32) {
        let (path, payload) = (topic(number), number.to_string());
        let report = Report {
            path: path.as_bytes(),
            payload: payload.as_bytes(),
            content_format: 50,
            confirmable: true,
        };
        self.client.send(&report, number).expect("it is taken");
    }

    /// One step of what a program's loop does.
    pub fn run(&mut self, wait: Duration) {
        let (ends, authenticated) = (&mut self.ends, &mut self.told_authenticated);
        self.client.run(wait, &mut |happening| match happening {
            Happening::Response(delivery) => {
                let (_nul, payload) = delivery.payload_and_nul.split_last().expect("a NUL");
                let end = End::Answered(delivery.head.code, payload.to_vec());
                ends.push((delivery.user, end));
            }
            Happening::ReportFailed(failure) => {
                ends.push((failure.user, End::Failed(failure.reason)));
            }
            Happening::Authenticated => *authenticated += 1,
            Happening::ReceiveFailed(_) => {}
            Happening::AuthFailed(error) => panic!("{error}"),
        });
    }

    /// Goes on until no report is without its end.
    pub fn finish(&mut self) {
        let start = Instant::now();
        while self.client.is_waiting() {
            assert!(start.elapsed() < PATIENCE, "a report without an end");
            self.run(Duration::from_secs(2));
        }
    }

    /// Sends a report and waits for its end.
    pub fn report(&mut self, number: u32) -> End {
        let before = self.ends.len();
        self.send(number);
        self.finish();
        let [(ended, end)] = &self.ends[before..] else {
            panic!("one report, and {:?}", &self.ends[before..]);
        };
        assert_eq!(*ended, number);
        end.clone()
    }
}

/// The numbers of the reports that this cloud accepted since `events` was opened, in order.
pub fn accepted(events: &std::sync::mpsc::Receiver<iotx_cloud::Event>) -> Vec<u32> {
    let number = |event: iotx_cloud::Event| {
        let payload = &event.report()?.payload;
        let text = std::str::from_utf8(payload).expect("as it was sent");
        Some(text.parse().expect("as it was sent"))
    };
    events.try_iter().filter_map(number).collect()
}
