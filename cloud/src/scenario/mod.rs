//! Faults in a row: what happens after what.

mod apply;
mod read;
mod runner;
mod timer;

use std::fmt;
use std::time::Duration;

pub(crate) use apply::Stage;
pub(crate) use timer::Timer;

use crate::faults::{Direction, Faults, Goodbye, Memory};
use crate::message::Delivery;
use crate::platform::Overload;
use crate::script::{Content, Reply, Route};

/// What a step waits for, counted from the step before; for the first, from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// So many reports accepted.
    Reports(u64),
    /// So many tokens issued.
    Auths(u64),
    /// So many DTLS handshakes completed, resumptions included.
    Handshakes(u64),
    /// So many datagrams from devices at any UDP port, lost ones included.
    Datagrams(u64),
    /// So much time, by the monotonic clock.
    Time(Duration),
}

/// What a step does. Except for [`Answer`](Action::Answer), it is what the method of
/// [`CloudHandle`](crate::CloudHandle) of that name does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Sets what the network does to datagrams.
    Impair(Faults),
    /// Loses certain datagrams, as [`CloudHandle::lose_after`](crate::CloudHandle::lose_after).
    Lose {
        /// Of this direction.
        direction: Direction,
        /// How many pass before.
        skip: u64,
        /// How many are lost.
        count: u64,
    },
    /// Gives the devices other addresses.
    RebindNat,
    /// Loses everything for this time.
    CutOff(Duration),
    /// Ends that early.
    Reconnect,
    /// Restarts the cloud.
    Restart(Memory),
    /// Ends all DTLS sessions.
    EndSessions(Goodbye),
    /// Ends the life of all tokens.
    ExpireTokens,
    /// Sets the life of tokens to come.
    TokenLifetime(Duration),
    /// Switches 5.00 on or off.
    Overload(Overload),
    /// Sets how answers travel; `None` leaves it to the sessions.
    Deliver(Option<Delivery>),
    /// Replies so to the next requests, as [`CloudHandle::reply`](crate::CloudHandle::reply).
    Answer {
        /// To which requests.
        route: Route,
        /// To how many of them.
        times: usize,
        /// The reply.
        reply: Reply,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Impair(faults) => write!(f, "network {faults}"),
            Action::Lose {
                direction,
                skip,
                count,
            } => write!(f, "lose {count} datagrams {direction} after {skip}"),
            Action::RebindNat => write!(f, "rebind the NAT"),
            Action::CutOff(time) => write!(f, "cut off for {} s", time.as_secs_f64()),
            Action::Reconnect => write!(f, "reconnect"),
            Action::Restart(memory) => write!(f, "restart, memory {memory}"),
            Action::EndSessions(Goodbye::CloseNotify) => write!(f, "close all DTLS sessions"),
            Action::EndSessions(Goodbye::FatalAlert) => write!(f, "abort all DTLS sessions"),
            Action::ExpireTokens => write!(f, "expire all tokens"),
            Action::TokenLifetime(time) => write!(f, "tokens live {} s", time.as_secs()),
            Action::Overload(overload) => write!(f, "overload {overload:?}"),
            Action::Deliver(None) => write!(f, "deliver as devices ask for"),
            Action::Deliver(Some(delivery)) => write!(f, "deliver {delivery:?}"),
            Action::Answer {
                route,
                times,
                reply,
            } => {
                let route = match route {
                    Route::Auth => "/auth",
                    Route::Topic => "/topic",
                    Route::Any => "everything",
                };
                write!(f, "answer {route} otherwise, times {times}: ")?;
                match &reply.content {
                    Content::Usual => write!(f, "the usual answer"),
                    // Payloads may be tokens.
                    Content::Instead(answer) => write!(f, "{}", answer.code),
                    Content::WithPayload(_) => write!(f, "another payload"),
                    Content::RequestLost => write!(f, "request lost"),
                    Content::AnswerLost => write!(f, "answer lost"),
                }
            }
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    /// At once, if there is none.
    after: Option<After>,
    action: Action,
}

/// Steps to be taken one after the other. Each is taken when the datagram that was waited for has
/// been answered, and before the next is looked at.
///
/// ```
/// use std::time::Duration;
/// use iotx_cloud::{Action, After, Faults, Impairment, Memory, Scenario};
///
/// let scenario = Scenario::new()
///     .then(Action::Impair(Faults::both(Impairment::loss(0.3)).seed(7)))
///     .after(After::Reports(10), Action::Restart(Memory::Kept))
///     .after(After::Time(Duration::from_secs(60)), Action::RebindNat);
/// # let _ = scenario;
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scenario {
    steps: Vec<Step>,
    repeat: bool,
}

impl Scenario {
    /// No steps yet.
    pub fn new() -> Self {
        Scenario::default()
    }

    /// Adds a step that is taken together with the one before.
    #[must_use]
    pub fn then(mut self, action: Action) -> Self {
        let after = None;
        self.steps.push(Step { after, action });
        self
    }

    /// Adds a step that waits for something.
    #[must_use]
    pub fn after(mut self, after: After, action: Action) -> Self {
        let after = Some(after);
        self.steps.push(Step { after, action });
        self
    }

    /// Begins again after the last step, for ever.
    #[must_use]
    pub fn repeat(mut self) -> Self {
        self.repeat = true;
        self
    }

    /// Gives all [`Action::Impair`] this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        for step in &mut self.steps {
            if let Action::Impair(faults) = &mut step.action {
                faults.seed = seed;
            }
        }
        self
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// Says which step makes no sense, and why.
    pub fn check(&self) -> Result<(), ScenarioError> {
        for (at, step) in self.steps.iter().enumerate() {
            let complain = |what: &str| Err(ScenarioError(format!("step {}: {what}", at + 1)));
            match step.after {
                Some(After::Time(time)) if time.is_zero() => {
                    return complain("leave \"after\" out to wait for nothing");
                }
                Some(
                    After::Reports(0)
                    | After::Auths(0)
                    | After::Handshakes(0)
                    | After::Datagrams(0),
                ) => return complain("leave \"after\" out to wait for nothing"),
                _ => {}
            }
            if let Action::Impair(faults) = &step.action
                && let Err(error) = faults.check()
            {
                return complain(&error.to_string());
            }
        }
        if self.repeat && self.steps.iter().all(|step| step.after.is_none()) {
            return Err(ScenarioError(
                "steps that wait for nothing cannot be repeated for ever".into(),
            ));
        }
        Ok(())
    }
}

/// Why something is no [`Scenario`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scenario: {}", self.0)
    }
}

impl std::error::Error for ScenarioError {}

/// Something that steps can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occurrence {
    Report,
    Auth,
    Handshake,
    Datagram,
}
