//! The thread that takes the steps which wait for time.

use std::io;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::{Scenario, ScenarioError};
use crate::service::Shared;

/// Plays scenarios. Dropping it ends the one under way and waits for the thread.
pub(crate) struct Timer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Timer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let thread = None;
        Timer { shared, thread }
    }

    /// Begins a scenario, in place of the one under way.
    pub(crate) fn play(&mut self, scenario: Scenario) -> io::Result<()> {
        let refused = |error: ScenarioError| io::Error::new(io::ErrorKind::InvalidInput, error);
        scenario.check().map_err(refused)?;
        if self.thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("iotx-scenario".into());
            self.thread = Some(thread.spawn(move || keep_time(&shared))?);
        }
        self.shared.play(scenario);
        Ok(())
    }
}

fn keep_time(shared: &Shared) {
    let stage = &shared.stage;
    let mut state = stage.state();
    while !state.over {
        let now = Instant::now();
        let deadline = state.runner.as_ref().and_then(|runner| runner.deadline());
        match deadline {
            Some(deadline) if deadline <= now => {
                if let Some(runner) = &mut state.runner {
                    runner.tick(now);
                }
                drop(state);
                shared.act();
                state = stage.state();
            }
            Some(deadline) => {
                let wait = stage.changed.wait_timeout(state, deadline - now);
                state = wait.unwrap_or_else(PoisonError::into_inner).0;
            }
            None => {
                let wait = stage.changed.wait(state);
                state = wait.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut state = self.shared.stage.state();
        state.over = true;
        state.runner = None;
        drop(state);
        self.shared.stage.changed.notify_all();
        let ended = self.thread.take().map(JoinHandle::join);
        if ended.is_some_and(|end| end.is_err()) {
            log::error!("the thread of the scenario panicked");
        }
    }
}
