//! What the command line says.

use clap::{Parser, ValueEnum};
use iotx_cloud::Impairment;
use iotx_coap::client::{Security, Settings};
use iotx_coap::coap::TransmissionParams;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Runs many simulated devices against a cloud, and tells what it cost and what became of every report.
#[derive(Debug, Parser)]
#[command(name = "iotx-swarm", version)]
pub(crate) struct Options {
    /// How many devices
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) devices: u32,
    /// How many reports each device makes
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) reports: u32,
    /// Time from one report of a device to its next; the next one waits for the end of the one before in any case
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    pub(crate) interval: Duration,
    /// How what is said is protected
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    pub(crate) transport: Transport,
    /// Faults of the network in both directions, as of iotx-cloud: loss=30%,delay=50..400ms
    #[arg(long, value_name = "FAULTS", conflicts_with = "connect")]
    pub(crate) impair: Option<Impairment>,
    /// What the faults are drawn from
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Transmission parameters, and how long an authentication and a handshake may take
    #[arg(long, value_enum, default_value_t = Preset::Rfc)]
    pub(crate) preset: Preset,
    /// ACK_TIMEOUT in place of the preset's, so that waits of hours take minutes (bounds on authentications and
    /// handshakes, and the timers of handshakes, shrink with it, down to 10 s, 30 s and 100 ms)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) ack_timeout: Option<Duration>,
    /// How many devices are switched on per second
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) ramp: u32,
    /// A cloud elsewhere, in place of one in this process; it must know the devices of --write-devices
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) connect: Option<SocketAddr>,
    /// The CA's certificate of that cloud
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Writes the devices' names and secrets for `iotx-cloud --devices`, and ends
    #[arg(long, value_name = "FILE")]
    pub(crate) write_devices: Option<PathBuf>,
    /// Fails unless the cloud got this share of the reports
    #[arg(long, value_name = "PERCENT")]
    pub(crate) require_arrived: Option<f64>,
    /// Fails unless this share of the reports was acknowledged
    #[arg(long, value_name = "PERCENT")]
    pub(crate) require_acknowledged: Option<f64>,
    /// One JSON object at the end, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
    /// The devices of this process: FIRST,COUNT,HOST:PORT (for the command's own use)
    #[arg(long, hide = true)]
    pub(crate) worker: Option<Share>,
}

/// How what is said is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// Not at all
    Udp,
    /// Symmetric encryption of payloads (coap-psk)
    Psk,
    /// DTLS with the cloud's certificate
    Dtls,
}

impl Transport {
    pub(crate) const fn security(self) -> Security {
        match self {
            Self::Udp => Security::Plain,
            Self::Psk => Security::Symmetric,
            Self::Dtls => Security::Dtls,
        }
    }

    /// File descriptors per device: a session of the default HAL has one to wake its reader, too.
    pub(crate) const fn descriptors(self) -> u32 {
        match self {
            Self::Udp | Self::Psk => 1,
            Self::Dtls => 2,
        }
    }
}

/// As short as the library's setting may be.
const SHORTEST_FLIGHT_TIMEOUT: Duration = Duration::from_millis(100);

/// Sets of transmission parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// RFC 7252
    Rfc,
    /// A local network
    Lan,
    /// Cellular modules: slow and patient
    NbIot,
}

/// The devices of one worker, and where they report to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) cloud: SocketAddr,
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ',');
        let mut part = || parts.next().ok_or_else(|| String::from("three parts"));
        let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
        Ok(Self {
            first: number(part()?)?,
            count: number(part()?)?,
            cloud: part()?.parse().map_err(|_| "not an address".to_owned())?,
        })
    }
}

impl Options {
    /// How the devices behave.
    pub(crate) fn settings(&self) -> Settings {
        let usual = Settings::default();
        let seconds = Duration::from_secs;
        let (transmission, auth_bound, handshake_bound, flight_timeout) = match self.preset {
            Preset::Rfc => (
                TransmissionParams::default(),
                usual.auth_bound,
                usual.handshake_bound,
                usual.flight_timeout,
            ),
            Preset::Lan => {
                let lan = TransmissionParams::lan();
                (lan, seconds(5), seconds(10), Duration::from_millis(250))
            }
            Preset::NbIot => {
                let nb_iot = TransmissionParams::nb_iot();
                (nb_iot, seconds(180), seconds(180), seconds(9))
            }
        };
        let ack_timeout = self.ack_timeout.unwrap_or(transmission.ack_timeout);
        // What is patient for slow transmissions is as much faster with fast ones, the bounds down to the usual ones.
        let pace = ack_timeout.as_secs_f64() / transmission.ack_timeout.as_secs_f64();
        let paced = |bound: Duration, usual: Duration| {
            if pace < 1.0 {
                bound.min(bound.mul_f64(pace).max(usual))
            } else {
                bound
            }
        };
        Settings {
            transmission: TransmissionParams {
                ack_timeout,
                ..transmission
            },
            auth_bound: paced(auth_bound, usual.auth_bound),
            handshake_bound: paced(handshake_bound, usual.handshake_bound),
            flight_timeout: paced(flight_timeout, SHORTEST_FLIGHT_TIMEOUT),
            ..usual
        }
    }

    /// Reports of all devices together.
    pub(crate) fn all_reports(&self) -> u64 {
        u64::from(self.devices) * u64::from(self.reports)
    }
}

/// `50ms`, `1.5s`, or seconds.
fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => (text, 1.0),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "not a time such as 50ms or 2s")?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_are_read() {
        assert_eq!(time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(time("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(time("2"), Ok(Duration::from_secs(2)));
        assert!(time("-1s").is_err() && time("soon").is_err());
        let share = "20,5,127.0.0.1:5683".parse::<Share>().expect("a share");
        assert_eq!(
            (share.first, share.count, share.cloud.port()),
            (20, 5, 5683)
        );
        assert!("20,5".parse::<Share>().is_err());
    }

    #[test]
    fn presets_are_those_of_the_library() {
        let options = ["iotx-swarm", "--preset=nb-iot", "--ack-timeout=250ms"];
        let settings = Options::parse_from(options).settings();
        assert_eq!(settings.transmission.max_retransmit, 8);
        assert_eq!(
            settings.transmission.ack_timeout,
            Duration::from_millis(250)
        );
        assert!(settings.transmission.validate().is_ok());
        assert_eq!(settings.handshake_bound, Duration::from_secs(30));
        assert_eq!(settings.flight_timeout, Duration::from_millis(225));
        let in_life = Options::parse_from(["iotx-swarm", "--preset=nb-iot"]).settings();
        assert_eq!(in_life.handshake_bound, Duration::from_secs(180));
        assert_eq!(in_life.flight_timeout, Duration::from_secs(9));
    }
}
