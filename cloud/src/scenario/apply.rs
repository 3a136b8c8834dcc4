//! From steps that are due to what they do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::runner::Runner;
use super::{Action, Occurrence, Scenario};
use crate::endpoint::{Endpoint, Transport};
use crate::event::EventKind;
use crate::platform::Outcome;
use crate::port::Command;
use crate::service::Shared;

/// Where the scenario is played.
#[derive(Default)]
pub(crate) struct Stage {
    pub(super) state: Mutex<State>,
    /// A scenario has been set, a step been taken, or it is over.
    pub(super) changed: Condvar,
    /// Held while actions are done: they keep their order whoever does them.
    acting: Mutex<()>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) runner: Option<Runner>,
    pub(super) over: bool,
}

impl Stage {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of something that steps can wait for.
    pub(crate) fn observe(&self, occurrence: Occurrence) {
        if let Some(runner) = &mut self.state().runner {
            runner.observe(Instant::now(), occurrence);
            self.changed.notify_all();
        }
    }

    /// Replaces the scenario.
    pub(super) fn set(&self, scenario: Scenario) {
        self.state().runner = Some(Runner::new(scenario, Instant::now()));
        self.changed.notify_all();
    }
}

impl EventKind {
    /// What a scenario sees in an event.
    pub(crate) fn occurrence(&self) -> Option<Occurrence> {
        match self {
            EventKind::Request(_, Outcome::Published(_)) => Some(Occurrence::Report),
            EventKind::Request(_, Outcome::Authenticated { .. }) => Some(Occurrence::Auth),
            EventKind::Handshake { .. } => Some(Occurrence::Handshake),
            _ => None,
        }
    }
}

impl Shared {
    /// Begins a scenario, in place of any other. It has been checked.
    pub(super) fn play(&self, scenario: Scenario) {
        self.stage.set(scenario);
        self.act();
    }

    /// Does what is due. Between two datagrams, so that what was waited for is answered first.
    pub(crate) fn act(&self) {
        let _acting = self
            .stage
            .acting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let next = self.stage.state().runner.as_mut().and_then(Runner::next);
            let Some((number, action)) = next else { return };
            let what = action.to_string();
            self.carry_out(action);
            let nowhere = Endpoint {
                transport: Transport::Cloud,
                peer: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
                session: 0,
            };
            self.publish(&nowhere, EventKind::Step { number, what });
        }
    }

    /// Ports obey when their datagram in work is answered: this may be the thread of one of them, so
    /// nobody waits.
    fn carry_out(&self, action: Action) {
        match action {
            Action::Impair(faults) => self.impair(&faults),
            Action::Lose {
                direction,
                skip,
                count,
            } => self.lose_after(direction, skip, count),
            Action::RebindNat => self.rebind_nat(),
            Action::CutOff(time) => self.cut_off(time),
            Action::Reconnect => self.mend(),
            Action::Restart(memory) => drop(self.restart(memory)),
            Action::EndSessions(goodbye) => drop(self.command(Command::EndSessions(goodbye))),
            Action::ExpireTokens => {
                let now = self.clock.now();
                self.platform().expire_tokens(now, None);
            }
            Action::TokenLifetime(lifetime) => self.platform().set_token_lifetime(lifetime),
            Action::Overload(overload) => self.platform().overload = overload,
            Action::Deliver(delivery) => self.platform().settings.delivery = delivery,
            Action::Answer {
                route,
                times,
                reply,
            } => self.scripts().push(route, times, &reply),
        }
    }
}
