//! What an `iotx_coap_context_t *` points to.

use super::live::Live;
use super::message;
use super::types::{iotx_event_handle_t, iotx_response_callback_t};
use crate::client::{Client, Delivery, Happening, ResponseHead};
use crate::coap::{Code, Millis};
use crate::hal::HalPlatform;
use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

/// What a report's answer is handed to.
pub(super) enum Recipient {
    /// The program that sent the report.
    Program(Callback),
    /// The part of this library that sent it.
    Library(Answered),
}

/// Takes the code and the payload of an answer.
pub(super) type Answered = Box<dyn FnOnce(Code, &[u8]) + Send>;

/// A program's callback.
pub(super) struct Callback {
    pub(super) function: iotx_response_callback_t,
    /// May be uninitialised in C, so it is not a pointer to Rust until it is one to the callback again.
    pub(super) user_data: MaybeUninit<*mut c_void>,
}

/// [`iotx_response_callback_t`] with a first argument that may be uninitialised.
type Function = unsafe extern "C" fn(MaybeUninit<*mut c_void>, *mut c_void);

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

// SAFETY: the pointers are constants (NULL or a static string) that are never followed on the Rust side; the
// rest is Send and Sync by itself.
unsafe impl Send for PeekedHead {}
// SAFETY: as above.
unsafe impl Sync for PeekedHead {}

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

/// How the C functions treat one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// How long one Yield waits.
    pub(super) wait: Millis,
    /// Whether it waits that long in any case.
    pub(super) full_wait: bool,
    /// What response callbacks get as their first argument.
    pub(super) callback_argument: CallbackArgument,
    /// Called with events, on whichever thread calls Yield and its like: the documented contract of
    /// `iotx_coap_failure_t`.
    pub(super) event_handle: iotx_event_handle_t,
}

/// The clients between Init and Deinit.
static LIVE: Live<Context> = Live::new();

/// One C client.
#[repr(C)]
pub(super) struct Context {
    peeked: PeekedHead,
    pub(super) client: Client<HalPlatform, Recipient>,
    pub(super) habits: Habits,
    warned_unauthenticated: AtomicBool,
}

impl Context {
    /// Makes the client known to C; the pointer is its name until [`release`](Self::release).
    pub(super) fn register(client: Client<HalPlatform, Recipient>, habits: Habits) -> *mut c_void {
        let (authed, next_token) = client.peek();
        let context = Self {
            peeked: PeekedHead {
                p_auth_token: c"".as_ptr(),
                auth_token_len: 0,
                is_authed: AtomicU8::new(u8::from(authed)),
                p_devinfo: std::ptr::null(),
                p_coap_ctx: std::ptr::null(),
                coap_token: AtomicU32::new(next_token),
                seq: 0,
                key: [0; 32],
                event_handle: std::ptr::null(),
            },
            client,
            habits,
            warned_unauthenticated: AtomicBool::new(false),
        };
        LIVE.register(Arc::new(context))
    }

    /// The client's context, for one call; `None` for a pointer that is no live client's. The result keeps it
    /// alive even when the program deinitialises it meanwhile, from a callback or from another thread.
    #[inline(never)]
    pub(super) fn acquire(pointer: *mut c_void) -> Option<Arc<Self>> {
        Self::acquire_in_place(pointer)
    }

    /// [`acquire`](Self::acquire) for what every report passes: larger, and a call less.
    #[inline(always)]
    pub(super) fn acquire_in_place(pointer: *mut c_void) -> Option<Arc<Self>> {
        LIVE.get(pointer)
    }

    /// Ends the client: its pointer means nothing any more, and calls that are under way return. What it holds is
    /// freed when the last of them has.
    pub(super) fn release(pointer: *mut c_void) {
        // In a statement of its own: closing the client calls the platform, and must not keep others waiting.
        let context = LIVE.remove(pointer);
        if let Some(context) = context {
            context.client.close();
        }
    }

    /// What C knows the client by.
    pub(super) fn name(&self) -> *mut c_void {
        (&raw const *self).cast_mut().cast()
    }

    /// Hands what happened to whom it concerns: a response to whoever sent the report, the rest to the program's
    /// event handle; the client has logged it. Runs with no lock held.
    pub(super) fn happened(&self, happening: Happening<'_, Recipient>) {
        match happening {
            Happening::Response(delivery) => deliver(delivery),
            Happening::ReportFailed(failure) => self.send_failed(failure),
            Happening::ReceiveFailed(failure) => self.receive_failed(failure),
            Happening::Authenticated => self.authenticated(),
            Happening::AuthFailed(error) => self.auth_failed(error),
        }
    }

    /// Brings the members that firmware peeks at up to date.
    pub(super) fn refresh_peeked(&self) {
        self.show(self.client.peek());
    }

    /// Brings them to what has just been peeked at.
    pub(super) fn show(&self, (authed, next_token): (bool, u32)) {
        let peeked = &self.peeked;
        peeked.is_authed.store(u8::from(authed), Ordering::Relaxed);
        peeked.coap_token.store(next_token, Ordering::Relaxed);
        if authed {
            self.warned_unauthenticated.store(false, Ordering::Relaxed);
        }
    }

    /// Whether this is the first refusal since the client was last authenticated: programs that ignore
    /// the result of DeviceNameAuth would otherwise fill the log.
    pub(super) fn first_unauthenticated(&self) -> bool {
        !self.warned_unauthenticated.swap(true, Ordering::Relaxed)
    }
}

fn deliver(delivery: Delivery<'_, Recipient>) {
    match delivery.user {
        Recipient::Program(callback) => {
            call(&callback, &delivery.head, delivery.payload_and_nul);
        }
        Recipient::Library(function) => {
            let payload = delivery.payload_and_nul;
            function(delivery.head.code, &payload[..payload.len() - 1]);
        }
    }
}

fn call(callback: &Callback, head: &ResponseHead, payload_and_nul: &mut [u8]) {
    let Some(function) = callback.function else {
        return;
    };
    let mut message = message::ReceivedMessage::new(head, payload_and_nul);
    // SAFETY: only the first argument's type differs, and MaybeUninit<T> has the ABI of T.
    let function = unsafe {
        std::mem::transmute::<unsafe extern "C" fn(*mut c_void, *mut c_void), Function>(function)
    };
    // SAFETY: the program gave us this function with the promise of its type: callable with the
    // message's own user_data and a message that lives until it returns, which `message` does.
    unsafe { function(callback.user_data, (&raw mut message).cast()) };
}
