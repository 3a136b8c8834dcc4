//! What an OTA handle points to.

use crate::capi::context::{Context, Recipient};
use crate::client::{Report, SendError};
use crate::cloud_auth::Encoding;
use crate::download::Fetcher;
use crate::ota::{Topics, Update};
use std::ffi::c_void;
use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Marks a live handle: a stray pointer is refused when it can be told, not followed.
const ALIVE: u32 = 0x006f_7461;

/// One device's firmware updates.
pub(super) struct Handle {
    alive: AtomicU32,
    /// The client that carries the reports. Weak: deinitialising it frees it, whatever comes first.
    client: Weak<Context>,
    pub(super) topics: Topics,
    /// Shared with the answers that are on their way: one may arrive after the handle's end.
    update: Arc<Mutex<Update>>,
    fetcher: Mutex<Fetcher>,
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
    /// Moves a new handle to where C can hold it: the pointer owns one reference.
    pub(super) fn into_raw(client: &Arc<Context>, topics: Topics) -> *mut c_void {
        let handle = Self {
            alive: AtomicU32::new(ALIVE),
            client: Arc::downgrade(client),
            topics,
            update: Arc::default(),
            fetcher: Mutex::default(),
            last_error: AtomicI32::new(0),
        };
        Arc::into_raw(Arc::new(handle)).cast_mut().cast()
    }

    /// Borrows the handle for one call, which keeps it alive even when it is deinitialised meanwhile.
    ///
    /// # Safety
    ///
    /// `pointer` must be NULL or come from [`into_raw`](Self::into_raw) and not have been given to
    /// [`release`](Self::release) before this call began.
    pub(super) unsafe fn acquire(pointer: *mut c_void) -> Option<Arc<Self>> {
        let pointer: *const Self = pointer.cast_const().cast();
        if pointer.is_null() || !pointer.is_aligned() {
            return None;
        }
        // SAFETY: our caller promises a live handle, which `into_raw` made from an Arc.
        unsafe {
            if (*pointer).alive.load(Ordering::Acquire) != ALIVE {
                return None;
            }
            Arc::increment_strong_count(pointer);
            Some(Arc::from_raw(pointer))
        }
    }

    /// Takes the reference back that C held; says no if there was none.
    ///
    /// # Safety
    ///
    /// As for [`acquire`](Self::acquire); and only once per handle.
    pub(super) unsafe fn release(pointer: *mut c_void) -> bool {
        // SAFETY: promised by our caller.
        let Some(handle) = (unsafe { Self::acquire(pointer) }) else {
            return false;
        };
        if handle.alive.swap(0, Ordering::AcqRel) != ALIVE {
            return false;
        }
        // SAFETY: `into_raw` gave this reference away, and the swap lets only one caller take it.
        unsafe { Arc::decrement_strong_count(pointer.cast_const().cast::<Self>()) };
        true
    }

    /// Posts a report; the answer goes to the update.
    pub(super) fn post(&self, path: &str, payload: &str) -> Result<(), PostError> {
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
                lock(&update).answer(code, payload);
            }
        }));
        let sent = context.client.send(&report, answered);
        context.refresh_peeked();
        sent.map_err(PostError::Send)
    }

    /// The update. Not to be held while anything is sent or fetched.
    pub(super) fn update(&self) -> MutexGuard<'_, Update> {
        lock(&self.update)
    }

    /// The same for the fetcher, which locks it by itself.
    pub(super) fn shared_update(&self) -> &Mutex<Update> {
        &self.update
    }

    /// The fetcher, for one call at a time.
    pub(super) fn fetcher(&self) -> MutexGuard<'_, Fetcher> {
        lock(&self.fetcher)
    }

    pub(super) fn last_error(&self) -> i32 {
        self.last_error.load(Ordering::Relaxed)
    }

    pub(super) fn set_last_error(&self, error: i32) {
        self.last_error.store(error, Ordering::Relaxed);
    }
}

/// A panic while the lock was held is stopped at the C boundary; what it leaves is as good as what any
/// early return leaves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
