//! From an update's plan to its bytes, attempt after attempt.

use super::Download;
use crate::ota::{Failure, Update};
use crate::sync::{Mutex, MutexGuard};
use std::fmt;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Fetches what an [`Update`] is missing.
#[derive(Default)]
pub struct Fetcher {
    download: Option<Download>,
    /// What ended the last attempt, if the bytes before it had to be handed out first.
    failed: Option<Failure>,
}

/// Why there are no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// No image is ordered, or it is complete.
    NothingOrdered,
    /// The attempt failed. After a [`Failure::Passing`], the next call goes on where this one ended; after
    /// a [`Failure::Final`], the order has been given up.
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
    /// none in time. The update is not locked while this waits.
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
        if let Some(failure) = self.failed.take() {
            return Err(give_up(update, failure));
        }
        let deadline = Instant::now() + timeout;
        let mut got = 0;
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
            if got == buffer.len() {
                return Ok(got);
            }
            let missing = usize::try_from(plan.size - plan.offset).unwrap_or(usize::MAX);
            let room = missing.min(buffer.len() - got);
            let part = &mut buffer[got..got + room];
            let result = match &mut self.download {
                Some(download) => download.read(part, deadline),
                None => Download::new(plan)
                    .and_then(|download| self.download.insert(download).read(part, deadline)),
            };
            match result {
                Ok(0) => return Ok(got),
                Ok(len) => {
                    lock(update).take(&part[..len]);
                    got += len;
                    if deadline <= Instant::now() && lock(update).plan().is_some() {
                        return Ok(got);
                    }
                }
                Err(failure) => {
                    self.download = None;
                    if got > 0 {
                        self.failed = Some(failure);
                        return Ok(got);
                    }
                    return Err(give_up(update, failure));
                }
            }
        }
    }
}

fn give_up(update: &Mutex<Update>, failure: Failure) -> FetchError {
    if let Failure::Final(_) = failure {
        lock(update).abandon();
    }
    FetchError::Failed(failure)
}

fn lock(update: &Mutex<Update>) -> MutexGuard<'_, Update> {
    update.lock().unwrap_or_else(PoisonError::into_inner)
}
