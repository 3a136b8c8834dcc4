//! Scenarios as JSON. The README describes the format; what it does not describe is an error.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::{Action, After, Scenario, ScenarioError, Step};
use crate::code::Code;
use crate::faults::{Direction, Faults, Goodbye, Impairment, Memory};
use crate::message::Delivery;
use crate::platform::{Answer, Overload};
use crate::script::{Reply, Route};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    repeat: bool,
    steps: Vec<FileStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStep {
    after: Option<FileAfter>,
    #[serde(rename = "do")]
    action: FileAction,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum FileAfter {
    Reports(u64),
    Auths(u64),
    Handshakes(u64),
    Datagrams(u64),
    Seconds(Seconds),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum FileAction {
    Impair(FileFaults),
    Lose(FileLoss),
    RebindNat,
    CutOff(Seconds),
    Reconnect,
    Restart(FileMemory),
    EndSessions(FileGoodbye),
    ExpireTokens,
    TokenLifetime(Seconds),
    Overload(FileOverload),
    Deliver(FileDelivery),
    Answer(FileAnswer),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileFaults {
    up: Option<FileImpairment>,
    down: Option<FileImpairment>,
    both: Option<FileImpairment>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct FileImpairment {
    loss: f64,
    duplicate: f64,
    reorder: f64,
    corrupt: f64,
    delay_ms: Option<(u32, u32)>,
    hold_ms: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLoss {
    direction: FileDirection,
    #[serde(default)]
    skip: u64,
    #[serde(default = "one")]
    count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileAnswer {
    route: FileRoute,
    code: Option<CodeText>,
    max_age: Option<u32>,
    payload: Option<String>,
    #[serde(default = "once")]
    times: usize,
    delivery: Option<FileDelivery>,
    later_ms: Option<u32>,
}

fn once() -> usize {
    1
}

fn one() -> u64 {
    1
}

/// Names as they stand in the file, and what they mean.
macro_rules! names {
    ($file:ident => $meaning:ty { $($name:ident => $value:expr,)* }) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum $file { $($name,)* }

        impl $file {
            fn meaning(self) -> $meaning {
                match self { $($file::$name => $value,)* }
            }
        }
    };
}

names!(FileDirection => Direction {
    Up => Direction::Up,
    Down => Direction::Down,
});
names!(FileMemory => Memory {
    Kept => Memory::Kept,
    Lost => Memory::Lost,
});
names!(FileGoodbye => Goodbye {
    CloseNotify => Goodbye::CloseNotify,
    FatalAlert => Goodbye::FatalAlert,
});
names!(FileOverload => Overload {
    Off => Overload::Off,
    Auth => Overload::Auth,
    Everything => Overload::Everything,
});
names!(FileRoute => Route {
    Auth => Route::Auth,
    Topic => Route::Topic,
    Any => Route::Any,
});
names!(FileDelivery => Option<Delivery> {
    AsAsked => None,
    Piggybacked => Some(Delivery::Piggybacked),
    Separate => Some(Delivery::Separate),
    SeparateNon => Some(Delivery::SeparateNon),
});

/// Seconds, perhaps with a fraction.
#[derive(Deserialize)]
#[serde(try_from = "f64")]
struct Seconds(Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        Duration::try_from_secs_f64(seconds)
            .map(Seconds)
            .map_err(|_| format!("{seconds} is no number of seconds"))
    }
}

/// A code such as `"4.29"`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct CodeText(Code);

impl TryFrom<String> for CodeText {
    type Error = crate::code::CodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(CodeText)
    }
}

impl FileImpairment {
    fn meaning(self) -> Impairment {
        let millis = |ms: u32| Duration::from_millis(ms.into());
        let none = Impairment::NONE;
        let (min_delay, max_delay) = match self.delay_ms {
            Some((min, max)) => (millis(min), millis(max)),
            None => (none.min_delay, none.max_delay),
        };
        Impairment {
            loss: self.loss,
            duplicate: self.duplicate,
            reorder: self.reorder,
            corrupt: self.corrupt,
            min_delay,
            max_delay,
            hold: self.hold_ms.map_or(none.hold, millis),
        }
    }
}

impl FileFaults {
    fn meaning(self, seed: u64) -> Result<Faults, &'static str> {
        let faults = match (self.both, self.up, self.down) {
            (Some(both), None, None) => Faults::both(both.meaning()),
            (Some(_), _, _) => return Err("\"both\" and a direction exclude each other"),
            (None, up, down) => Faults {
                up: up.unwrap_or_default().meaning(),
                down: down.unwrap_or_default().meaning(),
                seed: 0,
            },
        };
        Ok(faults.seed(seed))
    }
}

impl FileAnswer {
    fn meaning(self) -> Result<Action, &'static str> {
        let mut reply = match (self.code, self.max_age, self.payload) {
            (Some(CodeText(code)), max_age, payload) => {
                let answer = Answer::new(code, payload.unwrap_or_default());
                Reply::instead(match max_age {
                    Some(seconds) => answer.max_age(seconds),
                    None => answer,
                })
            }
            (None, None, None) => Reply::usual(),
            (None, None, Some(payload)) => Reply::with_payload(payload),
            (None, Some(_), _) => return Err("\"maxAge\" without \"code\""),
        };
        if let Some(later) = self.later_ms {
            reply = reply.later(Duration::from_millis(later.into()));
        }
        reply.delivery = self.delivery.and_then(FileDelivery::meaning);
        Ok(Action::Answer {
            route: self.route.meaning(),
            times: self.times,
            reply,
        })
    }
}

impl FileAction {
    fn meaning(self, seed: u64) -> Result<Action, &'static str> {
        Ok(match self {
            FileAction::Impair(faults) => Action::Impair(faults.meaning(seed)?),
            FileAction::Lose(loss) => Action::Lose {
                direction: loss.direction.meaning(),
                skip: loss.skip,
                count: loss.count,
            },
            FileAction::RebindNat => Action::RebindNat,
            FileAction::CutOff(Seconds(time)) => Action::CutOff(time),
            FileAction::Reconnect => Action::Reconnect,
            FileAction::Restart(memory) => Action::Restart(memory.meaning()),
            FileAction::EndSessions(goodbye) => Action::EndSessions(goodbye.meaning()),
            FileAction::ExpireTokens => Action::ExpireTokens,
            FileAction::TokenLifetime(Seconds(time)) => Action::TokenLifetime(time),
            FileAction::Overload(overload) => Action::Overload(overload.meaning()),
            FileAction::Deliver(delivery) => Action::Deliver(delivery.meaning()),
            FileAction::Answer(answer) => answer.meaning()?,
        })
    }
}

impl FileAfter {
    fn meaning(self) -> After {
        match self {
            FileAfter::Reports(count) => After::Reports(count),
            FileAfter::Auths(count) => After::Auths(count),
            FileAfter::Handshakes(count) => After::Handshakes(count),
            FileAfter::Datagrams(count) => After::Datagrams(count),
            FileAfter::Seconds(Seconds(time)) => After::Time(time),
        }
    }
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    /// Reads the JSON of a scenario file.
    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        let file: File =
            serde_json::from_str(text).map_err(|error| ScenarioError(error.to_string()))?;
        let seed = file.seed;
        let step = |(at, step): (usize, FileStep)| {
            let action = step.action.meaning(seed);
            Ok(Step {
                after: step.after.map(FileAfter::meaning),
                action: action.map_err(|why| ScenarioError(format!("step {}: {why}", at + 1)))?,
            })
        };
        let steps: Result<_, ScenarioError> =
            file.steps.into_iter().enumerate().map(step).collect();
        let scenario = Scenario {
            steps: steps?,
            repeat: file.repeat,
        };
        scenario.check()?;
        Ok(scenario)
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When the file cannot be read or is no scenario; the text names the file, and line and column.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ScenarioError> {
        let path = path.as_ref();
        let named = |what: &str| ScenarioError(format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| named(&error.to_string()))?;
        text.parse().map_err(|error: ScenarioError| named(&error.0))
    }
}

#[cfg(test)]
mod tests;
