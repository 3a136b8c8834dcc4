//! What an OTA handle points to.

use crate::capi::context::{Context, Recipient};
use crate::capi::live::Live;
use crate::client::{Report, SendError, log_gate};
use crate::cloud_auth::Encoding;
use crate::download::Fetcher;
use crate::ota::{Topics, Update};
use crate::sync::{Condvar, Mutex, MutexGuard};
use std::ffi::c_void;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

/// The handles between Init and Deinit.
static LIVE: Live<Handle> = Live::new();

/// One device's firmware updates.
pub(super) struct Handle {
    /// The client that carries the reports. Weak: deinitialising it frees it, whatever comes first.
    client: Weak<Context>,
    pub(super) topics: Topics,
    /// Shared with the answers that are on their way: one may arrive after the handle's end.
    update: Arc<Mutex<Update>>,
    /// Taken out by the call that fetches.
    fetcher: Mutex<Option<Fetcher>>,
    fetcher_is_back: Condvar,
    last_error: AtomicI32,
}

/// Why a report did not leave.
pub(super) enum PostError {
    /// The client has been deinitialised.
    NoClient,
    /// The client could not send it.
    Send(SendError),
}

impl fmt::Display for PostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClient => f.write_str("its CoAP client has been deinitialised"),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl Handle {
    /// Makes a new handle known to C; the pointer is its name until [`release`](Self::release).
    pub(super) fn register(client: &Arc<Context>, topics: Topics) -> *mut c_void {
        LIVE.register(Arc::new(Self {
            client: Arc::downgrade(client),
            topics,
            update: Arc::default(),
            fetcher: Mutex::new(Some(Fetcher::new())),
            fetcher_is_back: Condvar::new(),
            last_error: AtomicI32::new(0),
        }))
    }

    /// The handle, for one call; `None` for a pointer that is no live handle's. The result keeps it alive
    /// even when the program deinitialises it meanwhile.
    pub(super) fn acquire(pointer: *mut c_void) -> Option<Arc<Self>> {
        LIVE.get(pointer)
    }

    /// Ends the handle: its pointer means nothing any more. Says no if it did not before. What it holds is
    /// freed when the last call under way has returned.
    pub(super) fn release(pointer: *mut c_void) -> bool {
        // In a statement of its own: closing a connection must not keep others waiting.
        let handle = LIVE.remove(pointer);
        handle.is_some()
    }

    /// Posts a report; the answer goes to the update. If it is an "inform", `informs` is the version in it.
    pub(super) fn post(
        &self,
        path: &str,
        payload: &str,
        informs: Option<String>,
    ) -> Result<(), PostError> {
        let context = self.client.upgrade().ok_or(PostError::NoClient)?;
        let report = Report {
            path: path.as_bytes(),
            payload: payload.as_bytes(),
            content_format: Encoding::Json.content_format(),
            confirmable: true,
        };
        let update = Arc::downgrade(&self.update);
        let answered = Recipient::Library(Box::new(move |code, payload| {
            if let Some(update) = update.upgrade() {
                lock(&update).answer(code, payload, informs);
            }
        }));
        let sent = context.client.send(&report, answered);
        context.refresh_peeked();
        sent.map_err(PostError::Send)
    }

    /// The update. Not to be held while anything is sent or fetched.
    pub(super) fn update(&self) -> Locked<'_, Update> {
        lock(&self.update)
    }

    /// The same for the fetcher, which locks it by itself.
    pub(super) fn shared_update(&self) -> &Mutex<Update> {
        &self.update
    }

    /// The fetcher, for one call at a time; `None` if another one has it for so long.
    ///
    /// No lock is held meanwhile: log lines of a download leave at once, and the firmware's HAL_Printf may
    /// ask about it.
    pub(super) fn fetcher(&self, timeout: Duration) -> Option<BorrowedFetcher<'_>> {
        let slot = self.fetcher.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut slot, _) = self
            .fetcher_is_back
            .wait_timeout_while(slot, timeout, |slot| slot.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        slot.take().map(|fetcher| BorrowedFetcher {
            handle: self,
            fetcher,
        })
    }

    pub(super) fn last_error(&self) -> i32 {
        self.last_error.load(Ordering::Relaxed)
    }

    pub(super) fn set_last_error(&self, error: i32) {
        self.last_error.store(error, Ordering::Relaxed);
    }
}

/// A handle's fetcher, which is put back when this is dropped.
pub(super) struct BorrowedFetcher<'a> {
    handle: &'a Handle,
    fetcher: Fetcher,
}

impl Deref for BorrowedFetcher<'_> {
    type Target = Fetcher;

    fn deref(&self) -> &Fetcher {
        &self.fetcher
    }
}

impl DerefMut for BorrowedFetcher<'_> {
    fn deref_mut(&mut self) -> &mut Fetcher {
        &mut self.fetcher
    }
}

impl Drop for BorrowedFetcher<'_> {
    fn drop(&mut self) {
        let slot = &self.handle.fetcher;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(std::mem::take(&mut self.fetcher));
        self.handle.fetcher_is_back.notify_one();
    }
}

/// A lock that holds back log lines: they leave through the firmware's HAL_Printf, which may call this
/// library with the same handle again.
pub(super) struct Locked<'a, T> {
    // Before the hold, so that the lock is free when the lines leave.
    guard: MutexGuard<'a, T>,
    _hold: log_gate::Hold,
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A panic while the lock was held is stopped at the C boundary; what it leaves is as good as what any
/// early return leaves.
fn lock<T>(mutex: &Mutex<T>) -> Locked<'_, T> {
    let hold = log_gate::hold();
    Locked {
        guard: mutex.lock().unwrap_or_else(PoisonError::into_inner),
        _hold: hold,
    }
}
