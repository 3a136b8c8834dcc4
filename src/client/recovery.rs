//! How a session comes back to a valid token by itself, and what happens to its reports meanwhile.
//!
//! The program authenticates first. From then on the session does it again when the cloud refuses its token (4.01,
//! 4.02), and before the token's lifetime is over. Reports are taken meanwhile; they wait in the queue and are encoded anew
//! under the new token. Nothing here blocks: [`Session::advance`] begins what is due.

use super::authentication::{AuthStatus, Grant};
use super::backoff::Pauses;
use super::endpoint::TokenOption;
use super::error::AuthError;
use super::event::ReportError;
use super::happening::{FailureReason, Happening};
use super::session::{Purpose, Session};
use crate::coap::{Class, Code, Instant, RandomSource};
use core::time::Duration;
use std::sync::Arc;

/// What a session knows about the way back to a valid token.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The token must not be used any more: it was refused, or it is too old.
    pub(super) void: bool,
    /// The session is to authenticate, as soon as it may.
    wanted: bool,
    /// It pauses between attempts until then.
    not_before: Instant,
    /// The cloud wants no authentication before this.
    asked_until: Instant,
    /// When the attempt under way has taken too long; `None` while it is the program's own.
    pub(super) attempt_ends: Option<Instant>,
    /// The program has begun this authentication, without waiting for it, and is told how it ends: then at the
    /// latest.
    begun_until: Option<Instant>,
    /// It has succeeded: the device has yet to announce itself.
    announcement_due: bool,
    pauses: Pauses,
    /// Whether the cloud has accepted a report under the token.
    proved: bool,
    trial: OptionTrial,
    /// Since when reports cannot leave, for want of a token or of a connection.
    pub(super) stalled_since: Option<Instant>,
    /// When, in that case, the first of them has waited too long.
    pub(super) next_failure: Option<Instant>,
}

/// Whether the host is known to take the token in the option that the session uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OptionTrial {
    /// It is what the host's name, or the program, suggests.
    #[default]
    Untried,
    /// That one was refused with 4.02; now the other one is used.
    Trying,
    /// It is what has worked, or there is nothing left to try.
    Settled,
}

impl Recovery {
    /// From when on the session may authenticate by itself.
    fn may_begin(&self) -> Instant {
        self.not_before.max(self.asked_until)
    }
}

/// The earlier of two instants, where there are two.
pub(super) fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl<U> Session<U> {
    /// Does what is due by itself at `now`: ends what has waited in vain, and authenticates. `connected` says
    /// whether what is submitted can leave.
    pub fn advance(&mut self, now: Instant, random: &mut dyn RandomSource, connected: bool) {
        self.expire(now, random);
        if self.is_overdue(now) {
            log::warn!("no answer to the authentication in time");
            self.abort_authentication();
            self.auth = AuthStatus::Unanswered;
            self.attempt_failed(now, random, None);
        }
        self.watch_age(now);
        let due = self.own_attempt().is_some_and(|at| at <= now);
        if connected && due {
            log::info!("authenticating again");
            match self.begin_authentication(random) {
                Ok(_) => {
                    let ends = now + self.settings.auth_bound;
                    let begun_until = self.recovery.begun_until;
                    self.recovery.attempt_ends =
                        Some(begun_until.map_or(ends, |until| ends.min(until)));
                }
                Err(error) => {
                    log::error!("authentication: {error}");
                    self.attempt_failed(now, random, None);
                }
            }
        }
        self.watch_stall(now, connected);
    }

    /// When there is next something to do without the peer's help.
    #[must_use]
    pub fn next_deadline(&self, connected: bool) -> Option<Instant> {
        let of_layer = if connected {
            self.layer.next_deadline()
        } else {
            None
        };
        let next = earliest(of_layer, self.renewal_due());
        if self.is_settled() {
            return next;
        }
        let recovery = &self.recovery;
        let own = [
            recovery.attempt_ends.filter(|_| self.is_pending()),
            self.own_attempt().filter(|_| connected),
            recovery.next_failure,
        ];
        own.into_iter().fold(next, earliest)
    }

    /// As [`next_deadline`](Self::next_deadline), connected and where [`is_settled`](Self::is_settled).
    #[inline]
    pub(super) fn next_deadline_if_settled(&self) -> Option<Instant> {
        let grant = self.grant.as_ref();
        let grant = grant.filter(|_| self.settings.reauthenticate);
        earliest(
            self.layer.next_deadline(),
            grant.map(|grant| grant.renew_at),
        )
    }

    /// Whether no authentication is under way or wanted, and nothing waits for one: then only a
    /// [deadline](Self::next_deadline) can give [`advance`](Self::advance) something to do.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        let recovery = &self.recovery;
        let stalled = recovery.stalled_since.is_some() || recovery.next_failure.is_some();
        !stalled && !recovery.wanted && !recovery.void && !self.is_pending()
    }

    /// The program wants a token, and does not wait for it: the session authenticates as soon as it may, and gives
    /// up when the time of one authentication is over.
    pub fn want_authentication(&mut self, now: Instant) {
        let recovery = &mut self.recovery;
        recovery.wanted = true;
        recovery.not_before = now;
        let from = now.max(recovery.asked_until);
        recovery.begun_until = Some(from + self.settings.auth_bound);
    }

    /// Whether the device is to announce itself now, since an authentication that the program began has
    /// succeeded. Tells once.
    pub fn take_announcement(&mut self) -> bool {
        std::mem::take(&mut self.recovery.announcement_due)
    }

    /// Whether [`take_announcement`](Self::take_announcement) has something to tell.
    pub(super) const fn is_announcement_due(&self) -> bool {
        self.recovery.announcement_due
    }

    /// Whether the session is on its way back to a token by itself.
    #[must_use]
    pub const fn is_recovering(&self) -> bool {
        self.recovery.wanted
    }

    /// Until when the cloud wants no authentication.
    #[must_use]
    pub const fn asked_until(&self) -> Instant {
        self.recovery.asked_until
    }

    const fn is_pending(&self) -> bool {
        matches!(self.auth, AuthStatus::Pending)
    }

    /// When the session begins an authentication of its own.
    fn own_attempt(&self) -> Option<Instant> {
        let may = self.recovery.wanted && !self.is_pending();
        may.then(|| self.recovery.may_begin())
    }

    fn is_overdue(&self, now: Instant) -> bool {
        self.is_pending() && self.recovery.attempt_ends.is_some_and(|ends| ends <= now)
    }

    /// Makes an attempt of the session's own the program's: it waits for it itself. Tells whether there is one.
    pub fn join_authentication(&mut self) -> bool {
        self.is_pending() && self.recovery.attempt_ends.take().is_some()
    }

    /// When the token is old enough to be renewed.
    fn renewal_due(&self) -> Option<Instant> {
        let recovery = &self.recovery;
        let idle = !recovery.wanted && !recovery.void && !self.is_pending();
        let grant = self.grant.as_ref();
        let grant = grant.filter(|_| idle && self.settings.reauthenticate)?;
        Some(grant.renew_at)
    }

    fn watch_age(&mut self, now: Instant) {
        if self.renewal_due().is_some_and(|due| due <= now) {
            log::info!("the token is nearly as old as it may get: renewing it");
            self.recovery.wanted = true;
        }
        self.void_expired(now);
    }

    /// Notices that the token is too old, where the session can do something about it.
    #[inline(always)]
    fn void_expired(&mut self, now: Instant) {
        let expired = self.grant.as_ref().is_some_and(|g| g.expires <= now);
        if expired && self.settings.reauthenticate && !self.recovery.void {
            self.void_old_grant();
        }
    }

    #[cold]
    fn void_old_grant(&mut self) {
        log::warn!("the token has reached its age limit");
        self.void_grant();
    }

    /// Reports from now on wait for another token.
    fn void_grant(&mut self) {
        self.recovery.void = true;
        self.recovery.wanted = true;
        self.layer.set_paused(true);
    }

    /// A report is to be sent: either there is a token for it, or there will be.
    #[inline(always)]
    pub(super) fn demand_grant(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Result<(), ReportError> {
        self.void_expired(now);
        if self.is_authenticated(now) {
            return Ok(());
        }
        self.demand_other_grant(now, random)
    }

    #[cold]
    fn demand_other_grant(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Result<(), ReportError> {
        if self.recovery.void && self.grant.is_some() {
            if !self.recovery.wanted {
                // The last attempts were given up when nothing was waiting for them any more.
                let pause = self.recovery.pauses.next(random);
                self.recovery.not_before = self.recovery.not_before.max(now + pause);
                self.recovery.wanted = true;
            }
            return Ok(());
        }
        if self.grant.take().is_some() {
            log::warn!("the token has reached its age limit; authenticate again");
        }
        Err(ReportError::NotAuthenticated)
    }

    /// What the response to a report says about the token it was sent with, and whether that is the `current` one.
    /// Tells whether it refuses it.
    pub(super) fn judge_token(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        code: Code,
        current: bool,
    ) -> bool {
        let refused = code == Code::UNAUTHORIZED || code == Code::BAD_OPTION;
        if refused && current && !self.recovery.void {
            self.token_refused(now, random, code);
        } else if current && code.class() == Class::Success {
            self.token_accepted();
        }
        refused
    }

    #[cold]
    fn token_refused(&mut self, now: Instant, random: &mut dyn RandomSource, code: Code) {
        log::warn!(
            "report answered {code}: the token (sent in option {}) is not valid any more",
            self.token_option.number()
        );
        if self.auth == AuthStatus::Authenticated {
            self.auth = AuthStatus::Refused;
        }
        if !self.settings.reauthenticate {
            self.revoke();
            return;
        }
        self.try_other_option(code);
        if self.recovery.proved {
            self.recovery.pauses.reset();
        }
        // A token that was refused from the start may be followed by another such: each time later.
        let at = now + self.recovery.pauses.next(random);
        self.recovery.not_before = self.recovery.not_before.max(at);
        self.void_grant();
    }

    /// 4.02 may mean that the host expects the token in the other option: that is tried once.
    fn try_other_option(&mut self, code: Code) {
        let recovery = &mut self.recovery;
        recovery.trial = match recovery.trial {
            OptionTrial::Untried
                if code == Code::BAD_OPTION && self.settings.token_option.is_none() =>
            {
                OptionTrial::Trying
            }
            OptionTrial::Trying => OptionTrial::Settled,
            OptionTrial::Untried | OptionTrial::Settled => return,
        };
        self.token_option = self.token_option.other();
        self.heads.clear();
        log::warn!(
            "the next token is sent in option {}",
            self.token_option.number()
        );
    }

    fn token_accepted(&mut self) {
        let recovery = &mut self.recovery;
        recovery.proved = true;
        if !recovery.wanted {
            recovery.pauses.reset();
        }
        if recovery.trial == OptionTrial::Trying {
            self.settle_option();
        }
    }

    #[cold]
    fn settle_option(&mut self) {
        self.recovery.trial = OptionTrial::Settled;
        let number = self.token_option.number();
        log::info!("the server takes the token in option {number}");
    }

    /// The token option, if the server has shown that it is the right one and not the one to expect.
    pub(super) fn learnt_option(&self) -> Option<TokenOption> {
        let settled = self.recovery.trial == OptionTrial::Settled;
        settled.then_some(self.token_option)
    }

    /// Goes on with what an earlier session has learnt, and with its token.
    pub(super) fn resume_grant(&mut self, option: Option<TokenOption>, grant: Option<Grant>) {
        if let Some(option) = option.filter(|_| self.settings.token_option.is_none()) {
            self.token_option = option;
            self.recovery.trial = OptionTrial::Settled;
        }
        self.auth = if grant.is_some() {
            AuthStatus::Authenticated
        } else {
            AuthStatus::Idle
        };
        self.grant = grant.map(Arc::new);
    }

    /// There is a new token: what was waiting for it goes on.
    pub(super) fn granted(&mut self, grant: Grant) {
        let recovery = &mut self.recovery;
        (recovery.void, recovery.wanted, recovery.proved) = (false, false, false);
        recovery.attempt_ends = None;
        recovery.announcement_due |= recovery.begun_until.take().is_some();
        (recovery.not_before, recovery.asked_until) = Default::default();
        self.heads.clear();
        self.grant = Some(Arc::new(grant));
        self.encode_anew();
        self.layer.set_paused(false);
        self.notify(Happening::Authenticated);
    }

    /// The cloud has refused the device for good.
    pub(super) fn refused(&mut self) {
        let tell = self.grant.is_some() || self.recovery.begun_until.is_some();
        self.revoke();
        self.fail_reports(|_| Some(FailureReason::AuthRefused));
        if tell {
            let failed = Happening::AuthFailed(AuthError::Refused);
            self.notify(failed);
        }
    }

    /// There is no token any more, and none to come before the program asks for one.
    pub(super) fn revoke(&mut self) {
        self.grant = None;
        self.heads.clear();
        let recovery = &mut self.recovery;
        (recovery.void, recovery.wanted) = (false, false);
        (recovery.attempt_ends, recovery.begun_until) = (None, None);
        self.layer.set_paused(false);
    }

    /// An attempt has come to nothing, but the next one may succeed: after a pause, which lasts at least as long
    /// as the cloud has `asked` for.
    pub(super) fn attempt_failed(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
        asked: Option<Duration>,
    ) {
        self.recovery.attempt_ends = None;
        if let Some(asked) = asked {
            self.recovery.asked_until = now + asked;
        }
        if !self.recovery.wanted {
            return;
        }
        let begun = self.recovery.begun_until.is_some();
        if self.recovery.void && !begun && self.fail_reports(|_| None).is_none() {
            log::error!("giving the authentication up until there is a report to send");
            self.recovery.wanted = false;
            self.layer
                .abort_where(|purpose| matches!(purpose, Purpose::Discovery));
            let failed = Happening::AuthFailed(self.auth_error());
            self.notify(failed);
            return;
        }
        let at = now + self.recovery.pauses.after_failure(random);
        self.recovery.not_before = self.recovery.not_before.max(at);
        if self.give_up_what_was_begun() {
            return;
        }
        let pause = self.recovery.may_begin().since(now);
        let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        log::warn!("the next authentication begins in {ms} ms");
    }

    /// Ends an authentication that the program began, if the next attempt would come too late.
    fn give_up_what_was_begun(&mut self) -> bool {
        let recovery = &mut self.recovery;
        let may_begin = recovery.may_begin();
        let over = recovery.begun_until.take_if(|until| *until <= may_begin);
        if over.is_none() {
            return false;
        }
        log::error!("the authentication has failed");
        // A token that is still there is renewed by itself, as before.
        recovery.wanted = self.grant.is_some();
        let failed = Happening::AuthFailed(self.auth_error());
        self.notify(failed);
        true
    }

    const fn auth_error(&self) -> AuthError {
        match self.auth {
            AuthStatus::Busy(_) | AuthStatus::Refused => AuthError::Refused,
            _ => AuthError::TimedOut,
        }
    }
}
