//! The options that make network and cloud misbehave.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::builder::Builder;
use crate::code::Code;
use crate::dtls::VerifyRequest;
use crate::faults::{Faults, Impairment};
use crate::message::Delivery;
use crate::platform::Answer;
use crate::scenario::{Action, After, Scenario};
use crate::script::{Reply, Route};

#[derive(Args, Debug)]
#[command(next_help_heading = "Faults")]
pub(super) struct FaultArgs {
    /// What the network does to datagrams in both directions, such as
    /// loss=30%,duplicate=5%,reorder=10%,corrupt=1%,delay=50..400ms
    #[arg(long, value_name = "IMPAIRMENT", conflicts_with_all = ["impair_up", "impair_down"])]
    impair: Option<Impairment>,
    /// The same, from devices to the cloud only
    #[arg(long, value_name = "IMPAIRMENT")]
    impair_up: Option<Impairment>,
    /// The same, from the cloud to devices only
    #[arg(long, value_name = "IMPAIRMENT")]
    impair_down: Option<Impairment>,
    /// What chance is drawn from, that of the scenario included [default: 0, or the scenario's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Give the devices other addresses once, as a NAT device does, after so many datagrams from them
    #[arg(long, value_name = "N", conflicts_with = "scenario",
        value_parser = clap::value_parser!(u64).range(1..))]
    rebind_after: Option<u64>,
    /// Answer the next requests with this code; several are taken in order
    #[arg(
        long,
        value_name = "ROUTE=CODE[,max-age=SECS][,times=N][,delivery=HOW]",
        value_parser = read_answer
    )]
    answer: Vec<Demand>,
    /// How answers to confirmable requests travel, whatever ackMode devices ask for
    #[arg(long, value_enum, value_name = "HOW")]
    deliver: Option<Way>,
    /// Which DTLS handshakes begin with a HelloVerifyRequest
    #[arg(long, value_enum, default_value_t = Verify::Always)]
    verify_request: Verify,
    /// JSON file with faults to come
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In the acknowledgement
    Piggybacked,
    /// Empty acknowledgement, then a confirmable response
    Separate,
    /// Empty acknowledgement, then a non-confirmable response
    SeparateNon,
}

impl Way {
    fn meaning(self) -> Delivery {
        match self {
            Way::Piggybacked => Delivery::Piggybacked,
            Way::Separate => Delivery::Separate,
            Way::SeparateNon => Delivery::SeparateNon,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Verify {
    /// All
    Always,
    /// Those that do not resume a session
    New,
    /// None; for measurements only
    Never,
}

/// Answers on demand.
#[derive(Debug, Clone, PartialEq)]
struct Demand {
    route: Route,
    times: usize,
    reply: Reply,
}

impl FaultArgs {
    pub(super) fn apply(&self, mut builder: Builder) -> io::Result<Builder> {
        builder = builder.verify_request(match self.verify_request {
            Verify::Always => VerifyRequest::Always,
            Verify::New => VerifyRequest::New,
            Verify::Never => VerifyRequest::Never,
        });
        if let Some(faults) = self.faults() {
            builder = builder.impair(faults);
        }
        if let Some(way) = self.deliver {
            builder = builder.delivery(way.meaning());
        }
        for demand in &self.answer {
            builder = builder.reply(demand.route, demand.times, &demand.reply);
        }
        match self.scenario()? {
            Some(scenario) => Ok(builder.scenario(scenario)),
            None => Ok(builder),
        }
    }

    /// What the network does, if anything was said about it.
    pub(super) fn faults(&self) -> Option<Faults> {
        let up = self.impair.or(self.impair_up);
        let down = self.impair.or(self.impair_down);
        (up.is_some() || down.is_some()).then(|| Faults {
            up: up.unwrap_or_default(),
            down: down.unwrap_or_default(),
            seed: self.seed.unwrap_or(0),
        })
    }

    fn scenario(&self) -> io::Result<Option<Scenario>> {
        if let Some(count) = self.rebind_after {
            let rebinding = Scenario::new().after(After::Datagrams(count), Action::RebindNat);
            return Ok(Some(rebinding));
        }
        let Some(file) = &self.scenario else {
            return Ok(None);
        };
        let scenario = Scenario::read(file)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Some(match self.seed {
            Some(seed) => scenario.seed(seed),
            None => scenario,
        }))
    }
}

fn read_answer(text: &str) -> Result<Demand, String> {
    let mut parts = text.split(',').map(|part| part.split_once('='));
    let form = || "an answer is given as ROUTE=CODE, ROUTE being auth, topic or any".to_owned();
    let (route, code) = parts.next().flatten().ok_or_else(form)?;
    let route = match route {
        "auth" => Route::Auth,
        "topic" => Route::Topic,
        "any" => Route::Any,
        _ => return Err(form()),
    };
    let code: Code = code.parse().map_err(|error| format!("{error}"))?;
    let mut answer = Answer::bare(code);
    let (mut times, mut delivery) = (1, None);
    for part in parts {
        let (name, value) = part.ok_or_else(form)?;
        let wrong = || format!("{name}: {value:?} makes no sense");
        match name {
            "max-age" => answer = answer.max_age(value.parse().map_err(|_| wrong())?),
            "times" => times = value.parse().map_err(|_| wrong())?,
            "delivery" => {
                let way = Way::from_str(value, false).map_err(|_| wrong())?;
                delivery = Some(way.meaning());
            }
            _ => return Err(format!("{name:?} is none of max-age, times, delivery")),
        }
    }
    let mut reply = Reply::instead(answer);
    reply.delivery = delivery;
    Ok(Demand {
        route,
        times,
        reply,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        faults: FaultArgs,
    }

    fn args(flags: &[&str]) -> Result<FaultArgs, clap::Error> {
        let all = ["iotx-cloud"].iter().chain(flags);
        Only::try_parse_from(all).map(|only| only.faults)
    }

    #[test]
    fn impairments_for_either_direction_or_both() {
        let faults = |flags: &[&str]| args(flags).unwrap().faults();
        assert_eq!(faults(&["--seed=3"]), None);
        let lossy = Impairment::loss(0.3);
        assert_eq!(
            faults(&["--impair=loss=30%", "--seed=3"]),
            Some(Faults::both(lossy).seed(3))
        );
        let down = Faults {
            down: lossy,
            ..Faults::default()
        };
        assert_eq!(faults(&["--impair-down", "loss=0.3"]), Some(down));
        assert!(args(&["--impair=loss=1", "--impair-up=loss=1"]).is_err());
        let error = args(&["--impair=lose=1"]).unwrap_err().to_string();
        assert!(error.contains("none of loss"), "{error}");
    }

    #[test]
    fn answers_on_demand() {
        let demand = read_answer("topic=4.29,max-age=10,times=3,delivery=separate").unwrap();
        let answer = Answer::bare(Code::TOO_MANY_REQUESTS).max_age(10);
        let expected = Demand {
            route: Route::Topic,
            times: 3,
            reply: Reply::instead(answer).by(Delivery::Separate),
        };
        assert_eq!(demand, expected);
        let demand = read_answer("auth=5.00").unwrap();
        assert_eq!((demand.route, demand.times), (Route::Auth, 1));
        for (text, reason) in [
            ("", "ROUTE=CODE"),
            ("auth", "ROUTE=CODE"),
            ("post=4.29", "ROUTE=CODE"),
            ("auth=429", "is no code"),
            ("auth=4.29,max-age=x", "makes no sense"),
            ("auth=4.29,often=1", "none of max-age"),
            ("auth=4.29,delivery=slow", "makes no sense"),
        ] {
            let error = read_answer(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_rebinding_is_a_scenario_of_one_step() {
        let scenario = args(&["--rebind-after=5"]).unwrap().scenario().unwrap();
        let expected = Scenario::new().after(After::Datagrams(5), Action::RebindNat);
        assert_eq!(scenario, Some(expected));
        assert!(args(&["--rebind-after=5", "--scenario=x"]).is_err());
        assert!(args(&["--rebind-after=0"]).is_err());
        let missing = args(&["--scenario=/no/such/file"]).unwrap().scenario();
        assert!(missing.unwrap_err().to_string().contains("/no/such/file"));
    }
}
