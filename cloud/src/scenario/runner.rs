//! Where a scenario stands, without I/O: occurrences and instants in, actions out.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Action, After, Occurrence, Scenario};

/// A scenario under way.
pub(super) struct Runner {
    scenario: Scenario,
    /// The step that is waited for.
    at: usize,
    /// What it waits for has occurred so often, since this instant.
    seen: u64,
    since: Instant,
    due: VecDeque<(usize, Action)>,
}

impl Runner {
    /// `scenario` has been checked.
    pub(super) fn new(scenario: Scenario, now: Instant) -> Self {
        let mut runner = Runner {
            scenario,
            at: 0,
            seen: 0,
            since: now,
            due: VecDeque::new(),
        };
        runner.advance(now);
        runner
    }

    pub(super) fn observe(&mut self, now: Instant, occurrence: Occurrence) {
        let waited_for = match self.waiting() {
            Some(After::Reports(_)) => Occurrence::Report,
            Some(After::Auths(_)) => Occurrence::Auth,
            Some(After::Handshakes(_)) => Occurrence::Handshake,
            Some(After::Datagrams(_)) => Occurrence::Datagram,
            Some(After::Time(_)) | None => return,
        };
        if occurrence == waited_for {
            self.seen += 1;
            self.advance(now);
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.waiting() {
            // What cannot be reckoned never comes.
            Some(After::Time(time)) => self.since.checked_add(time),
            _ => None,
        }
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.advance(now);
    }

    /// The next action to be done, with the number of its step, from 1.
    pub(super) fn next(&mut self) -> Option<(usize, Action)> {
        self.due.pop_front()
    }

    fn waiting(&self) -> Option<After> {
        self.scenario.steps.get(self.at)?.after
    }

    fn advance(&mut self, now: Instant) {
        while let Some(step) = self.scenario.steps.get(self.at) {
            let arrived = match step.after {
                None => true,
                Some(After::Time(_)) => self.deadline().is_some_and(|deadline| deadline <= now),
                Some(
                    After::Reports(count)
                    | After::Auths(count)
                    | After::Handshakes(count)
                    | After::Datagrams(count),
                ) => self.seen >= count,
            };
            if !arrived {
                return;
            }
            self.due.push_back((self.at + 1, step.action.clone()));
            self.at += 1;
            self.seen = 0;
            self.since = now;
            if self.scenario.repeat && self.at == self.scenario.steps.len() {
                self.at = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::faults::Memory;

    const SECOND: Duration = Duration::from_secs(1);

    fn due(runner: &mut Runner) -> Vec<usize> {
        std::iter::from_fn(|| runner.next())
            .map(|(number, _)| number)
            .collect()
    }

    #[test]
    fn steps_come_one_after_the_other() {
        let scenario = Scenario::new()
            .then(Action::Reconnect)
            .after(After::Reports(2), Action::RebindNat)
            .then(Action::ExpireTokens)
            .after(After::Time(5 * SECOND), Action::Restart(Memory::Kept))
            .after(After::Datagrams(1), Action::Reconnect);
        scenario.check().unwrap();
        let now = Instant::now();
        let mut runner = Runner::new(scenario, now);
        assert_eq!(due(&mut runner), [1]);
        for (occurrence, expected) in [
            (Occurrence::Auth, &[][..]),
            (Occurrence::Report, &[]),
            (Occurrence::Datagram, &[]),
            (Occurrence::Report, &[2, 3]),
        ] {
            runner.observe(now, occurrence);
            assert_eq!(due(&mut runner), expected);
        }
        assert_eq!(runner.deadline(), Some(now + 5 * SECOND));
        // What occurs before its turn does not count.
        runner.observe(now, Occurrence::Datagram);
        runner.tick(now + 4 * SECOND);
        assert_eq!(due(&mut runner), [0; 0]);
        runner.tick(now + 5 * SECOND);
        assert_eq!(due(&mut runner), [4]);
        assert_eq!(runner.deadline(), None);
        runner.observe(now, Occurrence::Datagram);
        assert_eq!(due(&mut runner), [5]);
        runner.observe(now, Occurrence::Datagram);
        assert_eq!(due(&mut runner), [0; 0]);
    }

    #[test]
    fn repeated_scenarios_begin_again() {
        let scenario = Scenario::new()
            .then(Action::Reconnect)
            .after(After::Handshakes(1), Action::RebindNat)
            .repeat();
        scenario.check().unwrap();
        let now = Instant::now();
        let mut runner = Runner::new(scenario, now);
        assert_eq!(due(&mut runner), [1]);
        for _ in 0..3 {
            runner.observe(now, Occurrence::Handshake);
            assert_eq!(due(&mut runner), [2, 1]);
        }
    }

    #[test]
    fn a_time_that_never_comes_is_waited_for() {
        let scenario = Scenario::new().after(After::Time(Duration::MAX), Action::Reconnect);
        let mut runner = Runner::new(scenario, Instant::now());
        assert_eq!(runner.deadline(), None);
        runner.tick(Instant::now());
        assert!(runner.next().is_none());
    }
}
