//! The `iotx-cloud` command.

mod faults;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use faults::FaultArgs;
use serde_json::json;

use crate::builder::{Builder, Cloud};
use crate::devices::DeviceId;
use crate::dtls::MessageIds;
use crate::format::{json_line, text_line, timestamp};
use crate::handle::CloudHandle;
use crate::ota::Offer;
use crate::platform::{RateLimit, TokenOption};
use crate::port::reachable;
use crate::signals::Signals;
use crate::token::TokenStyle;

/// The device that exists when none is given; its secret is public, a test vector.
const DEMO_DEVICE: [&str; 3] = ["a1B2c3D4e5F", "dev01", "0123456789abcdef0123456789ABCDEF"];

/// What is said when a list of devices is empty.
const NO_DEVICE: &str = "there is no device; every authentication will be refused with 4.01";

/// A local stand-in for Alibaba Cloud's CoAP endpoint.
#[derive(Parser, Debug)]
#[command(name = "iotx-cloud", version, max_term_width = 100)]
struct Args {
    /// Directory for the CA and the server certificate, made at the first start
    #[arg(long, value_name = "DIR", default_value = "iotx-cloud-data")]
    data_dir: PathBuf,
    /// JSON file with devices
    #[arg(long, value_name = "FILE")]
    devices: Vec<PathBuf>,
    /// A device, as PRODUCT_KEY,DEVICE_NAME,SECRET (a secret on a command line is seen by every
    /// user of this host; a file is better)
    #[arg(long, value_name = "PK,DN,DS")]
    device: Vec<String>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: std::net::IpAddr,
    /// Port for coap://; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 5683)]
    udp_port: u16,
    /// Port for coap-psk:// (symmetric mode)
    #[arg(long, value_name = "PORT", default_value_t = 5682)]
    psk_port: u16,
    /// Port for coaps://
    #[arg(long, value_name = "PORT", default_value_t = 5684)]
    dtls_port: u16,
    /// Port where firmware images are fetched over HTTP; 0 takes a free one [default: 0 if a firmware
    /// is offered and there is no --https-port]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// The same over HTTPS; orders name it rather than the other
    #[arg(long, value_name = "PORT", conflicts_with = "no_certificate")]
    https_port: Option<u16>,
    /// Offer a device a firmware, if it reports another version
    #[arg(long, value_name = "PK,DN,VERSION,FILE")]
    offer: Vec<String>,
    /// Life of a token in seconds
    #[arg(long, value_name = "SECS", default_value_t = 48 * 3600)]
    token_lifetime: u64,
    /// Looks of a token
    #[arg(long, value_enum, default_value_t = Style::Signed)]
    token_style: Style,
    /// Token options accepted
    #[arg(long, value_enum, default_value_t = Accepted::Both)]
    token_option: Accepted,
    /// Posts per second and device before 4.29, with twice as many at once
    #[arg(long, value_name = "N")]
    rate_limit: Option<f64>,
    /// Offer no certificate, pre-shared keys only
    #[arg(long, conflicts_with = "no_psk")]
    no_certificate: bool,
    /// Offer no pre-shared keys, the certificate only
    #[arg(long)]
    no_psk: bool,
    /// Among which DTLS sessions an equal message with the same id is a repetition
    #[arg(long, value_enum, default_value_t = Ids::Resumed)]
    message_ids: Ids,
    /// Error texts to symmetric sessions in clear
    #[arg(long)]
    clear_errors: bool,
    /// One JSON object per line in place of text
    #[arg(long)]
    json: bool,
    /// No line per message
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    faults: FaultArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Style {
    /// payload.signature, 126 characters
    Signed,
    /// JSON Web Token of three parts, 163 characters
    Jwt,
    /// 32 random characters
    Random,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Accepted {
    /// 61 and 2088
    Both,
    /// 61, as *.iot-as-coap.*
    #[value(name = "61")]
    Only61,
    /// 2088, as *.coap.*.link.*
    #[value(name = "2088")]
    Only2088,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Ids {
    /// A session and those resumed from it
    Resumed,
    /// One session, by the letter of RFC 7252 section 9.1.1
    Session,
}

/// Runs the command until it is told to stop.
pub fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("iotx-cloud: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> io::Result<()> {
    let signals = Signals::block()?;
    let json = args.json;
    let demo = args.device.is_empty() && args.devices.is_empty();
    let gate = Gate::default();
    let builder = with_offers(builder(&args, demo, &gate), &args)?;
    let cloud = args.faults.apply(builder)?.start()?;
    announce(&cloud, &args, demo)?;
    gate.open();
    let signal = signals.wait()?;
    let clock = cloud.clock().clone();
    let counters = cloud.counters();
    cloud.shutdown();
    let mut out = io::stdout().lock();
    if json {
        let line = json!({
            "time": timestamp(clock.now()),
            "event": "stopped",
            "signal": signal,
            "requests": counters.requests,
            "reports": counters.reports,
        });
        writeln!(out, "{line}")?;
    } else {
        let (requests, reports) = (counters.requests, counters.reports);
        writeln!(
            out,
            "stopped by {signal}: {requests} requests served, {reports} reports"
        )?;
    }
    out.flush()
}

/// Keeps lines back until it has been said where everything is: nothing comes before "ready", and
/// nothing that happens before is left out.
#[derive(Clone)]
struct Gate(Arc<Mutex<Option<Vec<String>>>>);

impl Default for Gate {
    fn default() -> Self {
        Gate(Arc::new(Mutex::new(Some(Vec::new()))))
    }
}

impl Gate {
    fn print(&self, line: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *kept {
            Some(kept) => kept.push(line),
            // A reader that has gone away is no reason to stop serving.
            None => drop(writeln!(io::stdout().lock(), "{line}")),
        }
    }

    fn open(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in kept.take().unwrap_or_default() {
            drop(writeln!(io::stdout().lock(), "{line}"));
        }
    }
}

fn builder(args: &Args, demo: bool, gate: &Gate) -> Builder {
    let at = |port| std::net::SocketAddr::new(args.bind, port).to_string();
    let mut builder = Cloud::builder()
        .data_dir(&args.data_dir)
        .udp(at(args.udp_port))
        .symmetric(at(args.psk_port))
        .dtls(at(args.dtls_port))
        .token_lifetime(Duration::from_secs(args.token_lifetime))
        .token_style(match args.token_style {
            Style::Signed => TokenStyle::Signed,
            Style::Jwt => TokenStyle::Jwt,
            Style::Random => TokenStyle::Random(32),
        })
        .token_option(match args.token_option {
            Accepted::Both => TokenOption::Both,
            Accepted::Only61 => TokenOption::Only61,
            Accepted::Only2088 => TokenOption::Only2088,
        })
        .dtls_options(|options| {
            options.psk = !args.no_psk;
            options.message_ids = match args.message_ids {
                Ids::Resumed => MessageIds::Resumed,
                Ids::Session => MessageIds::Session,
            };
            if args.no_certificate {
                options.certificate = None;
            }
        })
        // Nobody waits for events here.
        .keep_events(0);
    if let Some(per_second) = args.rate_limit {
        builder = builder.rate_limit(RateLimit {
            per_second,
            burst: 2.0 * per_second,
        });
    }
    if args.clear_errors {
        builder = builder.clear_errors();
    }
    for file in &args.devices {
        builder = builder.devices_file(file);
    }
    for device in &args.device {
        builder = builder.device_flag(device);
    }
    if demo {
        let [product_key, device_name, secret] = DEMO_DEVICE;
        builder = builder.device(product_key, device_name, secret);
    }
    if !args.quiet {
        let line = if args.json { json_line } else { text_line };
        let gate = gate.clone();
        builder = builder.observer(move |event| gate.print(line(event)));
    }
    builder
}

/// Adds what there is to be fetched, and where.
fn with_offers(mut builder: Builder, args: &Args) -> io::Result<Builder> {
    let at = |port| std::net::SocketAddr::new(args.bind, port).to_string();
    for offer in &args.offer {
        let (device, offer) = read_offer(offer)?;
        builder = builder.offer_to(device, offer);
    }
    let default = (!args.offer.is_empty() && args.https_port.is_none()).then_some(0);
    if let Some(port) = args.http_port.or(default) {
        builder = builder.http(at(port));
    }
    if let Some(port) = args.https_port {
        builder = builder.https(at(port));
    }
    Ok(builder)
}

fn read_offer(text: &str) -> io::Result<(DeviceId, Offer)> {
    let parts: Vec<&str> = text.splitn(4, ',').collect();
    let [product_key, device_name, version, file] = parts[..] else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an offer is given as PRODUCT_KEY,DEVICE_NAME,VERSION,FILE",
        ));
    };
    let image = std::fs::read(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
    let device = DeviceId::new(product_key, device_name);
    Ok((device, Offer::new(version, image)))
}

/// Says where everything is. The line with "ready" comes last, so that a script can wait for it.
fn announce(cloud: &CloudHandle, args: &Args, demo: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let text = |address: Option<std::net::SocketAddr>| address.map(|a| a.to_string());
    let (udp, psk, dtls) = (
        text(cloud.udp_addr()),
        text(cloud.symmetric_addr()),
        text(cloud.dtls_addr()),
    );
    let (http, https) = (text(cloud.http_addr()), text(cloud.https_addr()));
    let ca = cloud.ca_path().map(std::path::absolute).transpose()?;
    let ca = ca.map(|path| path.display().to_string());
    let devices: Vec<String> = cloud.devices().iter().map(ToString::to_string).collect();
    let network = args.faults.faults().map(|faults| faults.to_string());
    if args.json {
        let line = json!({
            "time": timestamp(cloud.clock().now()),
            "event": "ready",
            "udp": udp,
            "psk": psk,
            "dtls": dtls,
            "http": http,
            "https": https,
            "ca": ca,
            "devices": devices,
            "network": network,
            "warning": devices.is_empty().then_some(NO_DEVICE),
        });
        writeln!(out, "{line}")?;
        return out.flush();
    }
    if demo {
        let [product_key, device_name, secret] = DEMO_DEVICE;
        writeln!(
            out,
            "no device given (--device PK,DN,DS or --devices FILE); using the demo device"
        )?;
        writeln!(
            out,
            "  product key {product_key}, device name {device_name}, secret {secret}"
        )?;
    } else if devices.is_empty() {
        writeln!(out, "warning: {NO_DEVICE}")?;
    } else {
        writeln!(out, "devices: {}", devices.join(", "))?;
    }
    if let Some(ca) = &ca {
        writeln!(out, "CA certificate: {ca}")?;
    }
    let ca_part = ca
        .as_ref()
        .map(|ca| format!("IOTX_EXTRA_CA='{ca}' "))
        .unwrap_or_default();
    writeln!(out, "export {ca_part}IOTX_CONNECT_TO={}", routes(cloud))?;
    for (scheme, address) in [("http", http), ("https", https)] {
        if let Some(address) = address {
            writeln!(out, "firmware images: {scheme}://{address}")?;
        }
    }
    if let Some(network) = network {
        writeln!(out, "network: {network}")?;
    }
    let or_none = |address: Option<String>| address.unwrap_or_else(|| "none".into());
    let (udp, psk, dtls) = (or_none(udp), or_none(psk), or_none(dtls));
    writeln!(out, "ready udp={udp} psk={psk} dtls={dtls}")?;
    out.flush()
}

/// The ports of the service, and where each of them is here.
fn routes(cloud: &CloudHandle) -> String {
    let ports = [
        (5683, cloud.udp_addr()),
        (5682, cloud.symmetric_addr()),
        (5684, cloud.dtls_addr()),
    ];
    let routes: Vec<String> = ports
        .into_iter()
        .filter_map(|(port, address)| Some(format!("{port}={}", reachable(address?))))
        .collect();
    routes.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_make_sense() {
        Args::command().debug_assert();
        let args = Args::parse_from(["iotx-cloud"]);
        assert_eq!(
            (args.udp_port, args.psk_port, args.dtls_port),
            (5683, 5682, 5684)
        );
        assert_eq!(args.token_lifetime, 172_800);
        let args = Args::parse_from(["iotx-cloud", "--token-option", "2088", "--udp-port=0"]);
        assert!(matches!(args.token_option, Accepted::Only2088));
        assert!(Args::try_parse_from(["iotx-cloud", "--no-psk", "--no-certificate"]).is_err());
    }

    #[test]
    fn an_offer_names_device_version_and_file() {
        let file = std::env::temp_dir().join(format!("iotx-offer-{}, x", std::process::id()));
        std::fs::write(&file, "abc").unwrap();
        let (device, offer) = read_offer(&format!("pk,dn,1.1,{}", file.display())).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(device, DeviceId::new("pk", "dn"));
        assert_eq!(format!("{offer:?}"), "Offer(\"1.1\", 3 bytes)");
        for text in ["", "pk,dn,1.1", &format!("pk,dn,1.1,{}", file.display())] {
            assert!(read_offer(text).is_err(), "{text}");
        }
    }
}
