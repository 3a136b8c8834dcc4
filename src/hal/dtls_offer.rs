//! What client and default port tell each other past the C seam.
//!
//! `coap_dtls_options_t` has room for root certificates, host and port only, and four functions are
//! all a port has. The rest goes through a thread-local slot that exists exactly while
//! `HAL_DTLSSession_create` runs on this thread: [`announce`] puts it there, and the guard it returns
//! takes it away and wipes it, also when the call panics.
//!
//! * To the port: a pre-shared key and the wish to use or not to use one, a session to resume, the
//!   handshake's limits.
//! * From the port: [`extend`] leaves what its sessions can do beyond the four functions.
//!
//! A firmware's own DTLS never looks here and leaves nothing: the client then makes do with the four
//! functions. A firmware that calls `HAL_DTLSSession_create` by itself finds nothing here and gets
//! certificates only. A firmware whose own create calls the default one, to count or to log, keeps
//! the extras as long as it returns the default's context untouched; if its own read or write does
//! not call the default's, there are no renewals, since nothing would drive them.

use std::cell::RefCell;
use std::ffi::{c_uint, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::time::Duration;

use zeroize::Zeroizing;

use super::dtls::{Offer, PskCredentials};

/// `HAL_DTLSSession_read` after [`SessionExtras::renew`]: the new session carries everything from now
/// on. Not a code of the SDK; a session that nobody renews never gives it.
pub(crate) const RENEWED: c_uint = (0x7f << 24) | 1;
/// The same, when the renewal has failed.
pub(crate) const NOT_RENEWED: c_uint = (0x7f << 24) | 2;

/// What the handshake in progress on this thread may offer, and in what limits. Not to be printed: what a session is
/// resumed from holds its master secret.
#[derive(Clone)]
pub(crate) struct Announced {
    /// Which kinds of proof are allowed.
    pub(crate) offer: Offer,
    /// The pre-shared key, when the device has one.
    pub(crate) psk: Option<PskCredentials>,
    /// What [`SessionExtras::resumable`] gave for an earlier session.
    pub(crate) resume: Option<Zeroizing<Vec<u8>>>,
    /// The path MTU, IP and UDP headers included.
    pub(crate) path_mtu: u16,
    /// How long a handshake may take altogether, now and in renewals.
    pub(crate) handshake_bound: Duration,
    /// After how long a flight is sent again at first.
    pub(crate) flight_timeout: Duration,
}

/// What the default port's sessions do beyond the four functions of the C seam. Safe to call from any
/// thread, at any time, as those are.
pub(crate) trait SessionExtras: Sync {
    /// Begins a handshake for a new session beside the one that is there; `HAL_DTLSSession_read`
    /// drives it and ends with [`RENEWED`] or [`NOT_RENEWED`]. `false` when that is impossible.
    ///
    /// # Safety
    /// `context` is the live session that came with these extras. The same goes for all methods.
    unsafe fn renew(&self, context: NonNull<c_void>) -> bool;

    /// Gives up the handshake that `renew` began.
    ///
    /// # Safety
    /// As for `renew`.
    unsafe fn cancel_renewal(&self, context: NonNull<c_void>);

    /// How long until `HAL_DTLSSession_read` has something to do by itself.
    ///
    /// # Safety
    /// As for `renew`.
    unsafe fn next_timeout(&self, context: NonNull<c_void>) -> Option<Duration>;

    /// What a later session to the same server can be resumed from. Secret.
    ///
    /// # Safety
    /// As for `renew`.
    unsafe fn resumable(&self, context: NonNull<c_void>) -> Option<Zeroizing<Vec<u8>>>;

    /// A descriptor that becomes readable when there is something to read.
    ///
    /// # Safety
    /// As for `renew`.
    unsafe fn descriptor(&self, context: NonNull<c_void>) -> Option<RawFd>;

    /// The longest datagram that fits the path MTU as a record.
    ///
    /// # Safety
    /// As for `renew`.
    unsafe fn largest_datagram(&self, context: NonNull<c_void>) -> Option<usize>;
}

/// One call of `HAL_DTLSSession_create`.
struct Slot {
    announced: Announced,
    extension: Option<(*mut c_void, &'static dyn SessionExtras)>,
}

thread_local! {
    static CURRENT: RefCell<Option<Slot>> = const { RefCell::new(None) };
}

/// Makes `announced` visible to this thread until the guard is dropped. Guards nest: an inner one
/// (a port that opens a second session from inside its own create) restores the outer value.
pub(crate) fn announce(announced: Announced) -> Guard {
    let slot = Slot {
        announced,
        extension: None,
    };
    Guard {
        outer: CURRENT.with(|current| current.borrow_mut().replace(slot)),
        _this_thread_only: PhantomData,
    }
}

/// A copy of what is announced on this thread.
pub(crate) fn current() -> Option<Announced> {
    CURRENT.with(|current| current.borrow().as_ref().map(|slot| slot.announced.clone()))
}

/// Leaves `extras` for whoever announced on this thread: they belong to the session `context`. Nobody
/// may have.
pub(crate) fn extend(context: *mut c_void, extras: &'static dyn SessionExtras) {
    CURRENT.with(|current| {
        if let Some(slot) = current.borrow_mut().as_mut() {
            slot.extension = Some((context, extras));
        }
    });
}

/// Withdraws the announcement on drop.
pub(crate) struct Guard {
    outer: Option<Slot>,
    _this_thread_only: PhantomData<*const ()>,
}

impl Guard {
    /// The extras that were left for `context`. None for any other context: a firmware's create may
    /// wrap the default port's session in one of its own.
    pub(crate) fn extras(&self, context: NonNull<c_void>) -> Option<&'static dyn SessionExtras> {
        CURRENT.with(|current| {
            let extension = current.borrow().as_ref()?.extension;
            extension
                .filter(|(owner, _)| *owner == context.as_ptr())
                .map(|(_, extras)| extras)
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let outer = self.outer.take();
        CURRENT.with(|current| *current.borrow_mut() = outer);
    }
}

impl fmt::Debug for dyn SessionExtras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionExtras")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(offer: Offer) -> Announced {
        Announced {
            offer,
            psk: PskCredentials::new(b"identity", b"key"),
            resume: None,
            path_mtu: 1280,
            handshake_bound: Duration::from_secs(30),
            flight_timeout: Duration::from_secs(1),
        }
    }

    /// Extras of nothing.
    struct Idle;

    impl SessionExtras for Idle {
        unsafe fn renew(&self, _: NonNull<c_void>) -> bool {
            false
        }
        unsafe fn cancel_renewal(&self, _: NonNull<c_void>) {}
        unsafe fn next_timeout(&self, _: NonNull<c_void>) -> Option<Duration> {
            None
        }
        unsafe fn resumable(&self, _: NonNull<c_void>) -> Option<Zeroizing<Vec<u8>>> {
            None
        }
        unsafe fn descriptor(&self, _: NonNull<c_void>) -> Option<RawFd> {
            None
        }
        unsafe fn largest_datagram(&self, _: NonNull<c_void>) -> Option<usize> {
            None
        }
    }

    #[test]
    fn nothing_is_announced_outside_a_guard() {
        assert!(current().is_none());
        let guard = announce(announced(Offer::PskOnly));
        let seen = current().expect("announced");
        assert_eq!(seen.offer, Offer::PskOnly);
        assert_eq!(seen.psk.expect("psk").identity(), b"identity");
        drop(guard);
        assert!(current().is_none());
    }

    #[test]
    fn an_inner_announcement_gives_way_to_the_outer_one() {
        let _outer = announce(announced(Offer::Both));
        {
            let _inner = announce(announced(Offer::CertificateOnly));
            assert_eq!(current().expect("inner").offer, Offer::CertificateOnly);
        }
        assert_eq!(current().expect("outer").offer, Offer::Both);
    }

    #[test]
    fn other_threads_see_nothing() {
        let _guard = announce(announced(Offer::Both));
        let elsewhere = std::thread::spawn(|| current().is_none());
        assert!(elsewhere.join().expect("thread"));
    }

    #[test]
    fn a_panic_withdraws_the_announcement() {
        let caught = std::panic::catch_unwind(|| {
            let _guard = announce(announced(Offer::Both));
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(caught.is_err());
        assert!(current().is_none());
    }

    #[test]
    fn extras_are_for_the_session_they_came_with() {
        let (mut one, mut other) = (0u8, 0u8);
        let one = NonNull::from(&mut one).cast::<c_void>();
        let other = NonNull::from(&mut other).cast::<c_void>();
        let guard = announce(announced(Offer::Both));
        assert!(guard.extras(one).is_none(), "none were left");
        extend(one.as_ptr(), &Idle);
        assert!(guard.extras(one).is_some());
        assert!(guard.extras(other).is_none(), "a wrapper's context");
        drop(guard);
        extend(one.as_ptr(), &Idle);
        let guard = announce(announced(Offer::Both));
        assert!(guard.extras(one).is_none(), "nobody had announced");
    }
}
