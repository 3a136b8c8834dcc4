//! OpenSSL's buffers for the records of one session: 33 KB, which it would keep as long as the session.
//!
//! OpenSSL has a mode in which it gives its buffers back after each record (`SSL_MODE_RELEASE_BUFFERS`), but not for DTLS,
//! and it would take them again for each. Devices are of two kinds: most report now and then, and their sessions
//! are idle but for moments; a few report many times a second.

use std::ffi::c_int;

use foreign_types::ForeignTypeRef;
use openssl::ssl::SslRef;

use super::super::clock::Moment;

/// How soon a datagram comes after the one before in a session that is busy.
const SOON_MS: u64 = 1000;
/// How many must have come so soon, one after the other. A device's first answers do, and are not the beginning of many.
const STREAK: u32 = 8;

unsafe extern "C" {
    // <openssl/ssl.h>, OpenSSL 1.1.1 and later; not in the bindings.
    fn SSL_free_buffers(ssl: *mut openssl_sys::SSL) -> c_int;
    fn SSL_alloc_buffers(ssl: *mut openssl_sys::SSL) -> c_int;
}

/// Whether they are there, and what for.
#[derive(Debug)]
pub(super) struct Buffers {
    there: bool,
    soon_until: Option<Moment>,
    /// Datagrams that came soon after the one before.
    streak: u32,
}

impl Buffers {
    /// After a handshake, which needed them.
    pub(super) const fn new() -> Self {
        Self {
            there: true,
            soon_until: None,
            streak: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn there(&self) -> bool {
        self.there
    }

    /// Has them there for the next call; without them OpenSSL 3.0 writes to nowhere. `false` without memory.
    #[inline(always)]
    pub(super) fn are_there(&mut self, ssl: &SslRef) -> bool {
        if !self.there {
            // SAFETY: the object is live.
            self.there = unsafe { SSL_alloc_buffers(ssl.as_ptr()) == 1 };
        }
        self.there
    }

    /// The session, read from at `now`, has given a datagram or none, and OpenSSL holds no part of one: gives
    /// the buffers back unless the session is busy.
    #[inline(always)]
    pub(super) fn rest(&mut self, ssl: &SslRef, now: Moment, has_given: bool) {
        let soon = self.soon_until.is_some_and(|until| now < until);
        if has_given {
            self.streak = if soon {
                self.streak.saturating_add(1)
            } else {
                0
            };
            self.soon_until = Some(now.plus_ms(SOON_MS));
        }
        if self.there && !(soon && self.streak >= STREAK) {
            // SAFETY: the object is live. (Refused while anything of a record is left in them.)
            self.there = unsafe { SSL_free_buffers(ssl.as_ptr()) != 1 };
        }
    }
}

#[cfg(test)]
#[cfg(not(miri))] // OpenSSL
mod tests {
    use super::*;
    use openssl::ssl::{Ssl, SslContext, SslMethod};

    #[test]
    fn only_a_busy_session_keeps_them() {
        let context = SslContext::builder(SslMethod::dtls_client()).expect("context");
        let ssl = Ssl::new(&context.build()).expect("ssl");
        let start = Moment::now();
        let mut buffers = Buffers::new();
        let mut are_kept = |after: u64, has_given| {
            assert!(buffers.are_there(&ssl));
            buffers.rest(&ssl, start.plus_ms(after), has_given);
            buffers.there()
        };
        let mut now = 0;
        for _ in 0..2 {
            for _ in 0..STREAK {
                assert!(!are_kept(now, true));
                now += SOON_MS / 2;
            }
            assert!(are_kept(now, true), "busy by now");
            assert!(are_kept(now + SOON_MS / 2, false), "a short break");
            now += SOON_MS;
            assert!(!are_kept(now, false), "idle");
        }
        for _ in 0..=STREAK {
            assert!(!are_kept(now, true), "one a second");
            now += SOON_MS;
        }
    }
}
