//! What an `iotx_coap_context_t *` points to.

use super::message;
use super::types::iotx_response_callback_t;
use crate::client::{Client, Delivery};
use crate::hal::HalPlatform;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

/// What a report's answer is handed to.
pub(super) struct Callback {
    pub(super) function: iotx_response_callback_t,
    pub(super) user_data: *mut c_void,
}

/// What response callbacks get as their first argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CallbackArgument {
    /// The report's `user_data`.
    #[default]
    UserData,
    /// The client, as in SDK 2.00 and 2.01.
    Client,
}

// SAFETY: `user_data` is never dereferenced here, only handed back; that the callback may run on
// whichever thread calls Yield or DeviceNameAuth is the documented contract of
// `iotx_response_callback_t`.
unsafe impl Send for Callback {}

/// The part of the SDK's own context that third-party firmware is known to look into by a struct
/// declaration of its own: `is_authed` and `coap_token` (interface of SDK 2.1 to 3.2.0). The other
/// members only keep their places.
#[repr(C)]
struct PeekedHead {
    p_auth_token: *const c_char,
    auth_token_len: c_int,
    is_authed: AtomicU8,
    p_devinfo: *const c_void,
    p_coap_ctx: *const c_void,
    coap_token: AtomicU32,
    seq: u32,
    key: [u8; 32],
    event_handle: *const c_void,
}

const _: () = {
    use std::mem::offset_of;
    if cfg!(target_pointer_width = "64") {
        assert!(offset_of!(PeekedHead, is_authed) == 12);
        assert!(offset_of!(PeekedHead, coap_token) == 32);
        assert!(offset_of!(PeekedHead, key) == 40);
        assert!(offset_of!(PeekedHead, event_handle) == 72);
    }
    assert!(offset_of!(Context, peeked) == 0);
};

/// Marks a live context: a stray pointer is refused when it can be told, not followed.
const ALIVE: u32 = 0x696f_7478;

/// One C client.
#[repr(C)]
pub(super) struct Context {
    peeked: PeekedHead,
    alive: AtomicU32,
    pub(super) client: Client<HalPlatform, Callback>,
    pub(super) wait: Duration,
    pub(super) callback_argument: CallbackArgument,
    warned_unauthenticated: AtomicBool,
}

// SAFETY: the pointers in `PeekedHead` are constants (NULL or a static string) that are never followed
// on the Rust side; everything else is Send and Sync by itself.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// Moves the context to where C can hold it: the pointer owns one reference.
    pub(super) fn into_raw(
        client: Client<HalPlatform, Callback>,
        wait: Duration,
        callback_argument: CallbackArgument,
    ) -> *mut c_void {
        let context = Self {
            peeked: PeekedHead {
                p_auth_token: c"".as_ptr(),
                auth_token_len: 0,
                is_authed: AtomicU8::new(0),
                p_devinfo: std::ptr::null(),
                p_coap_ctx: std::ptr::null(),
                coap_token: AtomicU32::new(client.next_token()),
                seq: 0,
                key: [0; 32],
                event_handle: std::ptr::null(),
            },
            alive: AtomicU32::new(ALIVE),
            client,
            wait,
            callback_argument,
            warned_unauthenticated: AtomicBool::new(false),
        };
        Arc::into_raw(Arc::new(context)).cast_mut().cast()
    }

    /// Borrows the context for one call. The result keeps it alive even when the program deinitialises
    /// it meanwhile, from a callback or from another thread.
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
        // SAFETY: our caller promises a live context, which `into_raw` made from an Arc.
        unsafe {
            if (*pointer).alive.load(Ordering::Acquire) != ALIVE {
                return None;
            }
            Arc::increment_strong_count(pointer);
            Some(Arc::from_raw(pointer))
        }
    }

    /// Takes the reference back that C held, and ends whatever call is under way.
    ///
    /// # Safety
    ///
    /// As for [`acquire`](Self::acquire); and only once per context.
    pub(super) unsafe fn release(pointer: *mut c_void) {
        // SAFETY: promised by our caller.
        let Some(context) = (unsafe { Self::acquire(pointer) }) else {
            return;
        };
        if context.alive.swap(0, Ordering::AcqRel) == ALIVE {
            context.client.close();
            // SAFETY: `into_raw` gave this reference away, and the swap lets only one caller take it.
            unsafe { Arc::decrement_strong_count(pointer.cast_const().cast::<Self>()) };
        }
    }

    /// Brings the members that firmware peeks at up to date.
    pub(super) fn refresh_peeked(&self) {
        let authed = u8::from(self.client.is_authenticated());
        self.peeked.is_authed.store(authed, Ordering::Relaxed);
        self.peeked
            .coap_token
            .store(self.client.next_token(), Ordering::Relaxed);
        if authed == 1 {
            self.warned_unauthenticated.store(false, Ordering::Relaxed);
        }
    }

    /// Whether this is the first refusal since the client was last authenticated: programs that ignore
    /// the result of DeviceNameAuth would otherwise fill the log.
    pub(super) fn first_unauthenticated(&self) -> bool {
        !self.warned_unauthenticated.swap(true, Ordering::Relaxed)
    }
}

/// Hands a response to the program. Runs with no lock held.
pub(super) fn deliver(delivery: Delivery<'_, Callback>) {
    let Some(function) = delivery.user.function else {
        return;
    };
    let mut message = message::ReceivedMessage::new(&delivery.head, delivery.payload_and_nul);
    // SAFETY: the program gave us this function with the promise of its type: callable with the
    // message's own user_data and a message that lives until it returns, which `message` does.
    unsafe { function(delivery.user.user_data, (&raw mut message).cast()) };
}
