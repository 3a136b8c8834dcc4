//! Faults set while the cloud runs, at all its UDP ports at once.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Direction, Faults, Memory, Network};
use crate::port::{Command, Remote};
use crate::service::Shared;

/// How to reach a port that is being served. Weak, since the network knows what all ports share.
pub(crate) struct Control {
    pub(crate) network: Weak<Network>,
    pub(crate) remote: Arc<Remote>,
}

/// Longest time that the cloud can be cut off for; what is longer is for ever.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What waits until all ports have obeyed.
#[must_use = "ports obey on their own threads"]
pub(crate) struct Obeyed(Vec<Receiver<()>>);

impl Obeyed {
    /// Waits. A port's own thread must not.
    pub(crate) fn wait(self) {
        for port in self.0 {
            // Nothing is ever sent: the sender is dropped when it is done.
            let _ = port.recv();
        }
    }
}

impl Shared {
    fn networks(&self) -> Vec<Arc<Network>> {
        let controls = self.controls();
        controls
            .iter()
            .filter_map(|control| control.network.upgrade())
            .collect()
    }

    pub(crate) fn impair(&self, faults: &Faults) {
        for network in self.networks() {
            network.set(faults);
        }
    }

    pub(crate) fn lose_after(&self, direction: Direction, skip: u64, count: u64) {
        for network in self.networks() {
            network.lose_after(direction, skip, count);
        }
    }

    pub(crate) fn rebind_nat(&self) {
        for network in self.networks() {
            network.rebind();
        }
    }

    pub(crate) fn cut_off(&self, time: Duration) {
        let until = Instant::now() + time.min(FOR_EVER);
        for network in self.networks() {
            network.cut_off(until);
        }
    }

    pub(crate) fn mend(&self) {
        for network in self.networks() {
            network.mend();
        }
    }

    /// Forgets what a restart costs; the ports do so on their own threads.
    pub(crate) fn restart(&self, memory: Memory) -> Obeyed {
        if memory == Memory::Lost
            && let Err(error) = self.platform().forget_all()
        {
            log::error!("no new key for tokens, the old one stays: {error}");
        }
        self.command(Command::Restart(memory))
    }

    pub(crate) fn command(&self, command: Command) -> Obeyed {
        let controls = self.controls();
        Obeyed(
            controls
                .iter()
                .map(|control| control.remote.order(command))
                .collect(),
        )
    }
}
