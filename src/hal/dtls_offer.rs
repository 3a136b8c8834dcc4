//! What one handshake may offer, handed past the C seam.
//!
//! `coap_dtls_options_t` has room for root certificates, host and port only. A pre-shared key, and
//! the wish to use or not to use one, reach the default DTLS implementation through a thread-local
//! value that exists exactly while `HAL_DTLSSession_create` runs on this thread: [`announce`] puts
//! it there and the guard it returns takes it away and wipes it, also when the call panics. A
//! firmware's own DTLS never looks here and offers what it wants; a firmware that calls
//! `HAL_DTLSSession_create` by itself finds nothing here and gets certificates only.

use std::cell::RefCell;
use std::marker::PhantomData;

use super::dtls::{Offer, PskCredentials};

/// What the handshake in progress on this thread may offer.
#[derive(Debug, Clone)]
pub(crate) struct Announced {
    /// Which kinds of proof are allowed.
    pub(crate) offer: Offer,
    /// The pre-shared key, when the device has one.
    pub(crate) psk: Option<PskCredentials>,
}

thread_local! {
    static CURRENT: RefCell<Option<Announced>> = const { RefCell::new(None) };
}

/// Makes `announced` visible to this thread until the guard is dropped. Guards nest: an inner one
/// (a port that opens a second session from inside its own create) restores the outer value.
pub(crate) fn announce(announced: Announced) -> Guard {
    let outer = CURRENT.with(|current| current.borrow_mut().replace(announced));
    Guard {
        outer,
        _this_thread_only: PhantomData,
    }
}

/// A copy of what is announced on this thread.
pub(crate) fn current() -> Option<Announced> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Withdraws the announcement on drop.
pub(crate) struct Guard {
    outer: Option<Announced>,
    _this_thread_only: PhantomData<*const ()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let outer = self.outer.take();
        CURRENT.with(|current| *current.borrow_mut() = outer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(offer: Offer) -> Announced {
        Announced {
            offer,
            psk: PskCredentials::new(b"identity", b"key"),
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
}
