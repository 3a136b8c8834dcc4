//! Setting a cloud up.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iotx_coap::cloud_auth::Secret;

use crate::clock::Clock;
use crate::devices::{self, DeviceEntry, DeviceId, Devices, SecretText};
use crate::dtls::{DtlsOptions, DtlsServer, VerifyRequest, make_context};
use crate::endpoint::{Endpoint, Transport};
use crate::event::{Event, Events, Observer};
use crate::faults::{Behind, Control, Faults, Network};
use crate::handle::{CaFile, CloudHandle};
use crate::message::{Delivery, Timing};
use crate::ota::{self, FileServer, Offer};
use crate::pki::{self, CertificateOptions, Files};
use crate::platform::{Platform, RateLimit, Settings, TokenOption};
use crate::port::{Port, RunningPort, Server, Wire, reachable};
use crate::scenario::{Scenario, Timer};
use crate::script::{Reply, Route};
use crate::service::{Service, Shared};
use crate::token::TokenStyle;
use crate::udp::UdpServer;

/// Where a cloud begins: see [`Cloud::builder`].
pub struct Cloud;

impl Cloud {
    /// A cloud without ports and devices, to be furnished and then [started](Builder::start).
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// What a cloud will be. Ports that are not asked for are not opened.
#[must_use = "a cloud begins with `start`"]
pub struct Builder {
    udp: Option<String>,
    symmetric: Option<String>,
    dtls: Option<String>,
    http: Option<String>,
    https: Option<String>,
    offers: Vec<(DeviceId, Offer)>,
    data_dir: Option<PathBuf>,
    devices: Vec<DeviceEntry>,
    problem: Option<String>,
    settings: Settings,
    timing: Timing,
    dtls_options: DtlsOptions,
    faults: Faults,
    scenario: Option<Scenario>,
    scripts: Vec<(Route, usize, Reply)>,
    clock: Clock,
    keep_events: usize,
    observers: Vec<Observer>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            udp: None,
            symmetric: None,
            dtls: None,
            http: None,
            https: None,
            offers: Vec::new(),
            data_dir: None,
            devices: Vec::new(),
            problem: None,
            settings: Settings::default(),
            timing: Timing::default(),
            dtls_options: DtlsOptions::default(),
            faults: Faults::default(),
            scenario: None,
            scripts: Vec::new(),
            clock: Clock::system(),
            keep_events: 65_536,
            observers: Vec::new(),
        }
    }
}

impl Builder {
    /// Adds a device with the default topics.
    pub fn device(
        mut self,
        product_key: impl Into<String>,
        device_name: impl Into<String>,
        device_secret: impl Into<String>,
    ) -> Self {
        self.devices.push(DeviceEntry {
            product_key: product_key.into(),
            device_name: device_name.into(),
            device_secret: SecretText(Secret::new(device_secret.into())),
            topics: None,
            disabled: false,
        });
        self
    }

    /// Gives the device added last these topics in place of the default ones. `{pk}` and `{dn}`
    /// stand for its names, `+` and `#` are MQTT's wildcards.
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        match self.devices.last_mut() {
            Some(device) => device.topics = Some(topics.into_iter().map(Into::into).collect()),
            None => self.problem = Some("topics given before any device".into()),
        }
        self
    }

    /// Disables the device added last.
    pub fn disabled(mut self) -> Self {
        match self.devices.last_mut() {
            Some(device) => device.disabled = true,
            None => self.problem = Some("disabled given before any device".into()),
        }
        self
    }

    /// Adds the devices of a JSON file; the README describes it.
    pub fn devices_file(mut self, path: impl AsRef<Path>) -> Self {
        match devices::read_file(path.as_ref()) {
            Ok(entries) => self.devices.extend(entries),
            Err(error) => self.problem = Some(error.to_string()),
        }
        self
    }

    /// Adds a device given as `PRODUCT_KEY,DEVICE_NAME,SECRET`.
    pub(crate) fn device_flag(mut self, text: &str) -> Self {
        match DeviceEntry::from_flag(text) {
            Ok(entry) => self.devices.push(entry),
            Err(error) => self.problem = Some(error.to_string()),
        }
        self
    }

    /// Opens the plain port at this address; port 0 takes a free one.
    pub fn udp(mut self, address: impl Into<String>) -> Self {
        self.udp = Some(address.into());
        self
    }

    /// Opens the port of the symmetric mode.
    pub fn symmetric(mut self, address: impl Into<String>) -> Self {
        self.symmetric = Some(address.into());
        self
    }

    /// Opens the DTLS port.
    pub fn dtls(mut self, address: impl Into<String>) -> Self {
        self.dtls = Some(address.into());
        self
    }

    /// Opens the HTTP port, where devices fetch their images.
    pub fn http(mut self, address: impl Into<String>) -> Self {
        self.http = Some(address.into());
        self
    }

    /// Opens the HTTPS port for the same, with the certificate of the DTLS port.
    pub fn https(mut self, address: impl Into<String>) -> Self {
        self.https = Some(address.into());
        self
    }

    /// Offers the device added last another firmware.
    pub fn offer(mut self, offer: Offer) -> Self {
        match self.devices.last() {
            Some(device) => {
                let id = DeviceId::new(&device.product_key, &device.device_name);
                self.offers.push((id, offer));
            }
            None => self.problem = Some("offer given before any device".into()),
        }
        self
    }

    /// Offers a device another firmware.
    pub(crate) fn offer_to(mut self, device: DeviceId, offer: Offer) -> Self {
        self.offers.push((device, offer));
        self
    }

    /// Keeps CA and certificate in this directory. Without one they live as long as the process,
    /// and all its clouds share them.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Life of a token.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.token_lifetime = lifetime;
        self
    }

    /// Looks of a token.
    pub fn token_style(mut self, style: TokenStyle) -> Self {
        self.settings.token_style = style;
        self
    }

    /// Random tokens of this length.
    pub fn token_length(self, length: usize) -> Self {
        self.token_style(TokenStyle::Random(length))
    }

    /// The token to issue, whoever asks.
    pub fn pin_token(mut self, token: impl Into<String>) -> Self {
        self.settings.token = Some(Secret::new(token.into()));
        self
    }

    /// The `random` of all symmetric sessions.
    pub fn pin_random(mut self, random: impl Into<String>) -> Self {
        self.settings.random = Some(random.into());
        self
    }

    /// The `seqOffset` of symmetric sessions.
    pub fn seq_offset(mut self, seq_offset: u32) -> Self {
        self.settings.seq_offset = seq_offset;
        self
    }

    /// Which token options are accepted.
    pub fn token_option(mut self, option: TokenOption) -> Self {
        self.settings.token_option = option;
        self
    }

    /// How many posts a device may make.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.settings.rate_limit = limit;
        self
    }

    /// Sends error texts to symmetric sessions in clear.
    pub fn clear_errors(mut self) -> Self {
        self.settings.encrypt_errors = false;
        self
    }

    /// Everything else about the platform.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// How all answers travel, whatever ackMode devices ask for.
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.settings.delivery = Some(delivery);
        self
    }

    /// What happens to datagrams of all UDP ports, from the first on. Set again at run time by
    /// [`CloudHandle::impair`].
    pub fn impair(mut self, faults: Faults) -> Self {
        if let Err(error) = faults.check() {
            self.problem = Some(error.to_string());
        }
        self.faults = faults;
        self
    }

    /// The first `times` requests of this route get this reply, as by [`CloudHandle::reply`].
    pub fn reply(mut self, route: Route, times: usize, reply: &Reply) -> Self {
        self.scripts.push((route, times, reply.clone()));
        self
    }

    /// A scenario that begins with the cloud. Another can follow by
    /// [`CloudHandle::run_scenario`].
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenario = Some(scenario);
        self
    }

    /// Which DTLS handshakes begin with a HelloVerifyRequest.
    pub fn verify_request(mut self, which: VerifyRequest) -> Self {
        self.dtls_options.verify_request = which;
        self
    }

    /// Timing of the message layer.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// The server certificate; `None` leaves pre-shared keys only.
    pub fn certificate(mut self, certificate: impl Into<Option<CertificateOptions>>) -> Self {
        self.dtls_options.certificate = certificate.into();
        self
    }

    /// Everything else about DTLS.
    pub fn dtls_options(mut self, change: impl FnOnce(&mut DtlsOptions)) -> Self {
        change(&mut self.dtls_options);
        self
    }

    /// The clock that tokens live by.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Shows every event to `observer`, on the thread of its port.
    pub fn observer(mut self, observer: impl Fn(&Event) + Send + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// How many events [`CloudHandle::wait_for`] can look back on.
    pub fn keep_events(mut self, keep: usize) -> Self {
        self.keep_events = keep;
        self
    }

    /// Opens the ports and serves them.
    ///
    /// # Errors
    /// When a device or an address makes no sense, a port is taken, or OpenSSL or the data
    /// directory fails.
    pub fn start(self) -> io::Result<CloudHandle> {
        if let Some(problem) = self.problem {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let mut devices = Devices::default();
        for entry in self.devices {
            let added = devices.add(entry);
            added.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        if devices.ids().is_empty() {
            log::warn!("a cloud without devices refuses every authentication");
        }
        let platform = Platform::new(self.settings, devices)?;
        let events = Events::new(self.keep_events, self.observers);
        let shared = Arc::new(Shared::new(self.clock, events, platform));
        for (route, times, reply) in &self.scripts {
            shared.scripts().push(*route, *times, reply);
        }

        // All ports are bound before any is served: a cloud is up or it is not.
        let udp = self.udp.map(|address| bind(&address)).transpose()?;
        let symmetric = self.symmetric.map(|address| bind(&address)).transpose()?;
        let dtls = self.dtls.map(|address| bind(&address)).transpose()?;
        let plain = |port: Option<Port>, transport, name: &str| {
            let Some(port) = port else { return Ok(None) };
            let service = Service::new(Arc::clone(&shared), &self.timing);
            let serve = |wire| Ok(UdpServer::new(transport, wire, service));
            run(port, name, transport, &shared, &self.faults, serve).map(Some)
        };
        let http = self.http.map(|address| bind_tcp(&address)).transpose()?;
        let https = self.https.map(|address| bind_tcp(&address)).transpose()?;
        let pki = match &self.dtls_options.certificate {
            Some(certificate) if dtls.is_some() || https.is_some() => {
                Some(load_pki(certificate, self.data_dir.as_deref())?)
            }
            _ => None,
        };
        let server = pki.as_ref().map(|(pki, _)| &pki.server);
        let dtls = dtls.map(|port| {
            let service = Service::new(Arc::clone(&shared), &self.timing);
            let identity = server.cloned();
            let options = self.dtls_options;
            let making = (options.clone(), Arc::clone(&shared));
            let make_context =
                Box::new(move || make_context(&making.0, identity.as_ref(), &making.1));
            let state = Arc::clone(&shared);
            let serve = |wire| DtlsServer::new(state, service, wire, make_context, options);
            run(
                port,
                "iotx-dtls",
                Transport::Dtls,
                &shared,
                &self.faults,
                serve,
            )
        });
        let dtls = dtls.transpose()?;
        let https = https.map(|listener| {
            let server = server.ok_or_else(|| invalid("HTTPS without a certificate"))?;
            let acceptor = ota::tls_acceptor(server)?;
            FileServer::run(listener, Some(acceptor), Arc::clone(&shared))
        });
        let https = https.transpose()?;
        let http = http.map(|listener| FileServer::run(listener, None, Arc::clone(&shared)));
        let http = http.transpose()?;
        let at = |server: &Option<FileServer>| server.as_ref().map(|it| reachable(it.address));
        shared.offers.serve_at(at(&http), at(&https));
        for (device, offer) in self.offers {
            shared.offers.set(device, Some(offer));
        }
        let udp = plain(udp, Transport::Udp, "iotx-udp")?;
        let symmetric = plain(symmetric, Transport::Symmetric, "iotx-sym")?;
        let mut timer = Timer::new(Arc::clone(&shared));
        if let Some(scenario) = self.scenario {
            timer.play(scenario)?;
        }
        Ok(CloudHandle {
            scenario: Mutex::new(timer),
            udp,
            symmetric,
            dtls,
            http,
            https,
            ca: pki.map(|(_, ca)| ca),
            shared,
        })
    }
}

/// CA and certificate, and the file that tells clients of the CA.
fn load_pki(
    certificate: &CertificateOptions,
    data_dir: Option<&Path>,
) -> io::Result<(pki::Pki, CaFile)> {
    match data_dir {
        Some(dir) => {
            let pki = pki::load_or_create(dir, certificate)?;
            let ca = CaFile::kept(pki.ca.certificate.to_pem()?, Files::in_dir(dir).ca);
            Ok((pki, ca))
        }
        None => {
            let pki = pki::in_memory(certificate)?;
            let ca = CaFile::passing(pki.ca.certificate.to_pem()?)?;
            Ok((pki, ca))
        }
    }
}

/// Serves a port, behind its network.
fn run<S: Server + Send + 'static>(
    port: Port,
    name: &str,
    transport: Transport,
    shared: &Arc<Shared>,
    faults: &Faults,
    serve: impl FnOnce(Arc<dyn Wire>) -> io::Result<S>,
) -> io::Result<RunningPort> {
    let at = Endpoint {
        transport,
        peer: port.address,
        session: 0,
    };
    let network = Network::new(Arc::clone(shared), at, port.wire()?, faults);
    let network = Arc::new(network);
    let wire: Arc<dyn Wire> = Arc::clone(&network) as _;
    let weak = Arc::downgrade(&network);
    let server = serve(wire)?;
    let running = port.run(name, Behind { network, server })?;
    shared.controls().push(Control {
        network: weak,
        remote: Arc::clone(&running.remote),
    });
    Ok(running)
}

fn bind(address: &str) -> io::Result<Port> {
    Port::bind(resolve(address)?)
}

fn bind_tcp(address: &str) -> io::Result<TcpListener> {
    ota::bind(resolve(address)?)
}

fn resolve(address: &str) -> io::Result<SocketAddr> {
    let mut resolved = address
        .to_socket_addrs()
        .map_err(|error| invalid(&format!("address {address:?}: {error}")))?;
    resolved
        .next()
        .ok_or_else(|| invalid("address without a host"))
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}
