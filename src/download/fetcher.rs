//! From an update's plan to its bytes, attempt after attempt.

use super::Download;
use crate::ota::{Failure, Plan, Update};
use crate::sync::{Mutex, MutexGuard};
use std::fmt;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Fetches what an [`Update`] is missing.
#[derive(Default)]
pub struct Fetcher {
    attempt: Option<Attempt>,
    /// What ended the last attempt, if the bytes before it had to be handed out first.
    failed: Option<(Plan, Failure)>,
    pace: Pace,
}

/// Keeps a program that calls again and again from hammering a server that has nothing for it.
#[derive(Default)]
struct Pace {
    /// What the failed attempts were for.
    plan: Option<Plan>,
    /// How many have failed since one gave a byte.
    failures: u32,
    /// Not before this time is the next one made.
    next: Option<Instant>,
}

impl Pace {
    const LONGEST: Duration = Duration::from_secs(60);

    /// After one failure none, for there are servers that close connections at times; then one second, two, four.
    fn pause(failures: u32) -> Duration {
        match failures {
            0 | 1 => Duration::ZERO,
            2..=7 => Duration::from_secs(1 << (failures - 2)),
            _ => Self::LONGEST,
        }
    }

    fn failed(&mut self, plan: &Plan) {
        if self.plan.replace(plan.clone()).as_ref() != Some(plan) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.next = Some(Instant::now() + Self::pause(self.failures));
    }

    /// Waits for the time of an attempt; says no if that is not before `deadline`. Another URL, or another byte to
    /// begin with, is worth an attempt at once.
    fn is_time(&self, plan: &Plan, deadline: Instant) -> bool {
        let Some(next) = self.next.filter(|_| self.plan.as_ref() == Some(plan)) else {
            return true;
        };
        let end = next.min(deadline);
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        next <= deadline || next <= Instant::now()
    }
}

struct Attempt {
    /// What it set out for.
    plan: Plan,
    download: Download,
}

impl Attempt {
    fn new(plan: Plan) -> Result<Self, Failure> {
        let download = Download::new(plan.clone())?;
        Ok(Self { plan, download })
    }
}

/// Why there are no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// No image is ordered, or it is complete.
    NothingOrdered,
    /// The attempt failed. The next call goes on where this one ended, unless this was a
    /// [`Failure::Final`] and the order has been given up: see [`Update::abandon`].
    Failed(Failure),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingOrdered => f.write_str("there is nothing to fetch"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for FetchError {}

impl Fetcher {
    /// A fetcher without a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops the connection. What has been fetched stays in the update.
    pub fn disconnect(&mut self) {
        *self = Self::default();
    }

    /// Fills `buffer`, which must not be empty, with the next bytes of the image, and says how many there
    /// are: less than it holds only at the image's end or when `timeout` is over, and 0 when there were
    /// none in time. The update is not locked while this waits, and may be given another order or begun
    /// anew: never do bytes of two downloads come from one call.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub fn fetch(
        &mut self,
        update: &Mutex<Update>,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, FetchError> {
        let deadline = Instant::now() + timeout;
        let mut got = 0;
        let mut current = None;
        loop {
            let Some(plan) = lock(update).plan() else {
                // Complete: with these bytes, or before the call.
                self.disconnect();
                return if got > 0 {
                    Ok(got)
                } else {
                    Err(FetchError::NothingOrdered)
                };
            };
            let download = plan.download;
            if current.replace(download) != Some(download) {
                got = 0;
                self.attempt = self
                    .attempt
                    .take()
                    .filter(|it| it.plan.download == download);
                if let Some((plan, failure)) = self.failed.take()
                    && plan.download == download
                {
                    return Err(give_up(update, &plan, failure));
                }
            }
            if got == buffer.len() {
                return Ok(got);
            }
            if self.attempt.is_none() && !self.pace.is_time(&plan, deadline) {
                return Ok(got);
            }
            let missing = usize::try_from(plan.size - plan.offset).unwrap_or(usize::MAX);
            let room = missing.min(buffer.len() - got);
            let part = &mut buffer[got..got + room];
            let result = match &mut self.attempt {
                Some(attempt) => attempt.download.read(part, deadline),
                None => Attempt::new(plan.clone())
                    .and_then(|new| self.attempt.insert(new).download.read(part, deadline)),
            };
            match result {
                Ok(0) => return Ok(got),
                Ok(len) => {
                    got += lock(update).take(download, &part[..len]);
                    let goes_on =
                        |plan: Option<Plan>| plan.is_some_and(|it| it.download == download);
                    if deadline <= Instant::now() && goes_on(lock(update).plan()) {
                        return Ok(got);
                    }
                }
                Err(failure) => {
                    let plan = self.attempt.take().map_or(plan, |attempt| attempt.plan);
                    self.pace.failed(&plan);
                    if got > 0 {
                        self.failed = Some((plan, failure));
                        return Ok(got);
                    }
                    return Err(give_up(update, &plan, failure));
                }
            }
        }
    }
}

fn give_up(update: &Mutex<Update>, plan: &Plan, failure: Failure) -> FetchError {
    if let Failure::Final(_) = failure {
        lock(update).abandon(plan);
    }
    FetchError::Failed(failure)
}

fn lock(update: &Mutex<Update>) -> MutexGuard<'_, Update> {
    update.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ota::Url;

    fn plan(url: &str, offset: u32) -> Plan {
        Plan {
            download: 1,
            url: Url::parse(url).unwrap(),
            offset,
            size: 9,
        }
    }

    #[test]
    fn pauses_grow_from_the_second_failure_on() {
        let seconds = |failures| Pace::pause(failures).as_secs();
        assert_eq!([0, 1, 2, 3, 4, 7].map(seconds), [0, 0, 1, 2, 4, 32]);
        assert_eq!([8, 9, u32::MAX].map(seconds), [60; 3]);
    }

    #[test]
    fn the_same_attempt_has_to_wait_and_another_one_has_not() {
        let (failing, mut pace) = (plan("http://h/a", 3), Pace::default());
        let now = Instant::now();
        assert!(pace.is_time(&failing, now));
        pace.failed(&failing);
        assert!(pace.is_time(&failing, Instant::now()));
        for _ in 1..10 {
            pace.failed(&failing);
        }
        assert!(!pace.is_time(&failing, now));
        assert!(pace.is_time(&plan("http://h/b", 3), now));
        assert!(pace.is_time(&plan("http://h/a", 4), now));
        pace.failed(&plan("http://h/a", 4));
        assert!(pace.is_time(&plan("http://h/a", 4), Instant::now()));
    }
}
