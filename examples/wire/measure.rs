//! The cases that are measured: each one is run against a local cloud, through a tap.

use std::error::Error;
use std::ffi::{CString, NulError};
use std::fmt;
use std::time::Duration;

use iotx_cloud::{CertificateOptions, Cloud, CloudHandle, KeyKind, VerifyRequest};
use iotx_coap::client::{
    Client, ConnectError, ConnectRequest, DeviceIdentity, DtlsOffer, Endpoint, Happening, Platform,
    Report, ResumableSession, Settings,
};
use iotx_coap::cloud_auth::Secret;
use iotx_coap::coap::{Instant, TransmissionParams};
use iotx_coap::hal::dtls::{DtlsOptions, DtlsSession, Offer, PskCredentials};
use iotx_coap::hal::{HalPlatform, HalTransport};

use super::tap::{By, Passed, Tap};

const PRODUCT_KEY: &str = "a1B2c3D4e5F";
const DEVICE_NAME: &str = "dev01";
const DEVICE_SECRET: &str = "0123456789abcdef0123456789ABCDEF";
/// What is reported: 22 bytes of JSON.
pub(crate) const PAYLOAD: &[u8] = br#"{"temperature":21.375}"#;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// First interval of every timer: a machine that is busy must not make anything be sent twice. Nothing is lost here, so
/// the numbers are the same.
const CALM: Duration = Duration::from_secs(20);

/// Bytes before a datagram's payload: IPv4 without options, and UDP.
const HEADERS: usize = 28;
/// The content type of a record (RFC 5246 6.2.1).
const APPLICATION_DATA: u8 = 23;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What passed in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) datagrams: usize,
    /// Payloads of UDP.
    pub(crate) bytes: usize,
}

/// What passed altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) up: Way,
    pub(crate) down: Way,
    /// The first ClientHello, as its record.
    pub(crate) hello: usize,
}

impl Cost {
    fn of(passed: &[Passed]) -> Self {
        let way = |by| {
            let lengths = passed.iter().filter(|it| it.by == by);
            Way {
                datagrams: lengths.clone().count(),
                bytes: lengths.map(|it| it.payload.len()).sum(),
            }
        };
        Self {
            up: way(By::Device),
            down: way(By::Cloud),
            hello: passed.first().map_or(0, |first| first.payload.len()),
        }
    }

    pub(crate) fn datagrams(self) -> usize {
        self.up.datagrams + self.down.datagrams
    }

    /// Payloads of UDP.
    pub(crate) fn bytes(self) -> usize {
        self.up.bytes + self.down.bytes
    }

    /// The same with the headers of IPv4 and UDP.
    pub(crate) fn bytes_on_ip(self) -> usize {
        self.bytes() + HEADERS * self.datagrams()
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (up, down) = (self.up, self.down);
        write!(
            f,
            "{} + {} | {} | {} + {} | {} | {}",
            up.datagrams,
            down.datagrams,
            self.datagrams(),
            up.bytes,
            down.bytes,
            self.bytes(),
            self.bytes_on_ip()
        )
    }
}

/// A cloud behind a tap.
pub(crate) struct Bench {
    cloud: CloudHandle,
    tap: Tap,
    ca_pem: CString,
}

impl Bench {
    /// `suites` in OpenSSL's words; `None`: all that the cloud has.
    pub(crate) fn new(key: KeyKind, verify: VerifyRequest, suites: Option<&str>) -> Result<Self> {
        let cloud = Cloud::builder()
            .dtls("127.0.0.1:0")
            .device(PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET)
            .certificate(CertificateOptions {
                key,
                ..Default::default()
            })
            .verify_request(verify)
            .dtls_options(|options| {
                options.ciphers = suites.map(str::to_owned);
                options.flight_timeout = CALM;
            })
            .start()?;
        let tap = Tap::before(cloud.dtls_addr().ok_or("no DTLS port")?)?;
        let ca_pem = CString::new(cloud.ca_pem().ok_or("no CA")?)?;
        Ok(Self { cloud, tap, ca_pem })
    }

    /// A session by itself; its handshake's cost.
    pub(crate) fn handshake(
        &self,
        offer: Offer,
        resume: Option<&[u8]>,
    ) -> Result<(DtlsSession, Cost)> {
        let options = DtlsOptions {
            psk: Some(psk()?),
            offer,
            resume,
            flight_timeout: CALM,
            ..DtlsOptions::new(c"127.0.0.1", self.tap.address.port(), &self.ca_pem)
        };
        let events = self.cloud.events();
        self.tap.take();
        let session = DtlsSession::create(options)?;
        // The last flight of an abbreviated handshake is the device's.
        while !events.recv_timeout(PATIENCE)?.is_handshake() {}
        Ok((session, Cost::of(&self.tap.take())))
    }

    /// Ends a session, and waits until the cloud has answered. What passed since the last measurement.
    pub(crate) fn close(&self, session: DtlsSession) -> Vec<Passed> {
        drop(session);
        self.tap.take_with_goodbye()
    }

    /// The overhead of a record: what a datagram is longer than the message in it.
    pub(crate) fn overhead(&self) -> Result<usize> {
        const LENGTH: usize = 259;
        let (session, _) = self.handshake(Offer::Both, None)?;
        session.send(&[0; LENGTH])?;
        let passed = self.close(session);
        let data = passed.iter().find(|it| it.payload[0] == APPLICATION_DATA);
        Ok(data.ok_or("nothing was sent")?.payload.len() - LENGTH)
    }

    /// What a Non-confirmable report costs by itself: the client does not wait for its answer.
    pub(crate) fn non_confirmable(&self, saved: &[u8]) -> Result<Cost> {
        let client = self.connect(DtlsOffer::Both, Some(saved))?;
        client.send(&report(&topic(), false), ())?;
        drop(client);
        let passed = self.tap.take_with_goodbye();
        let data = passed.iter().filter(|it| it.payload[0] == APPLICATION_DATA);
        let by_device: Vec<Passed> = data.filter(|it| it.by == By::Device).cloned().collect();
        Ok(Cost::of(&by_device))
    }

    fn connect(&self, offer: DtlsOffer, saved: Option<&[u8]>) -> Result<Client<Board, ()>> {
        let settings = Settings {
            dtls_offer: offer,
            flight_timeout: CALM,
            auth_bound: PATIENCE,
            transmission: TransmissionParams {
                ack_timeout: CALM,
                ..TransmissionParams::default()
            },
            ..Settings::default()
        };
        let endpoint = Endpoint::parse(&format!("coaps://{}", self.tap.address))?;
        let board = Board {
            hal: HalPlatform::new(),
            ca_pem: self.ca_pem.clone(),
        };
        self.tap.take();
        if let Some(saved) = saved {
            let client =
                Client::connect_restored(board, identity(), endpoint, settings, saved, None);
            return Ok(client?);
        }
        let client = Client::connect(board, identity(), endpoint, settings)?;
        client.authenticate(&mut |_| {})?;
        Ok(client)
    }

    /// A device that begins anew, or from what it has `saved`: connects, proves itself, delivers one report, saves
    /// and goes.
    pub(crate) fn wake_up(&self, offer: DtlsOffer, saved: Option<&[u8]>) -> Result<Wake> {
        let client = self.connect(offer, saved)?;
        client.send(&report(&topic(), true), ())?;
        let mut answered = false;
        while !answered {
            client.run(PATIENCE, &mut |happening| match happening {
                Happening::Response(delivery) => {
                    assert_eq!(delivery.head.code.to_string(), "2.05");
                    answered = true;
                }
                other => panic!("{other:?}"),
            });
        }
        let saved = client.save().ok_or("nothing to save")?.to_vec();
        drop(client);
        Ok(Wake {
            passed: self.tap.take_with_goodbye(),
            saved,
        })
    }
}

/// A device's time awake.
pub(crate) struct Wake {
    pub(crate) passed: Vec<Passed>,
    /// For the next one.
    pub(crate) saved: Vec<u8>,
}

impl Wake {
    pub(crate) fn cost(&self) -> Cost {
        Cost::of(&self.passed)
    }

    /// The report and its answer: the last two records with data.
    pub(crate) fn report(&self) -> Cost {
        let data: Vec<Passed> = self
            .passed
            .iter()
            .filter(|it| it.payload[0] == APPLICATION_DATA)
            .cloned()
            .collect();
        Cost::of(&data[data.len().saturating_sub(2)..])
    }
}

/// The default HAL, with the bench's root.
struct Board {
    hal: HalPlatform,
    ca_pem: CString,
}

impl Platform for Board {
    type Transport = HalTransport;

    fn now(&self) -> Instant {
        self.hal.now()
    }

    fn sleep(&self, duration: Duration) {
        self.hal.sleep(duration);
    }

    fn random(&self) -> u32 {
        self.hal.random()
    }

    fn connect(
        &self,
        request: &ConnectRequest<'_>,
    ) -> std::result::Result<HalTransport, ConnectError> {
        let host =
            CString::new(request.endpoint.host.as_str()).map_err(|_: NulError| ConnectError)?;
        let psk = request.psk.as_ref();
        let options = DtlsOptions {
            psk: psk.and_then(|it| PskCredentials::new(it.identity.as_bytes(), it.key.as_bytes())),
            offer: match request.offer {
                DtlsOffer::Both => Offer::Both,
                DtlsOffer::CertificateOnly => Offer::CertificateOnly,
                DtlsOffer::PskOnly => Offer::PskOnly,
            },
            resume: request.resume.map(ResumableSession::as_bytes),
            flight_timeout: request.flight_timeout,
            ..DtlsOptions::new(&host, request.endpoint.port, &self.ca_pem)
        };
        DtlsSession::create(options)
            .map(HalTransport::Dtls)
            .map_err(|_| ConnectError)
    }
}

fn topic() -> String {
    format!("/topic/{PRODUCT_KEY}/{DEVICE_NAME}/user/update")
}

fn report(topic: &str, confirmable: bool) -> Report<'_> {
    const JSON: u16 = 50;
    Report {
        path: topic.as_bytes(),
        payload: PAYLOAD,
        content_format: JSON,
        confirmable,
    }
}

fn identity() -> DeviceIdentity {
    DeviceIdentity {
        product_key: PRODUCT_KEY.to_owned(),
        device_name: DEVICE_NAME.to_owned(),
        device_id: String::new(),
        device_secret: Secret::new(DEVICE_SECRET.to_owned()),
    }
}

fn psk() -> Result<PskCredentials> {
    let psk = identity().dtls_psk();
    PskCredentials::new(psk.identity.as_bytes(), psk.key.as_bytes()).ok_or_else(|| "no key".into())
}
