//! What one socket carries: a session, a handshake that makes the next one, or both.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use super::super::clock::Moment;
use super::channel::{Channel, Ended, Taken};
use super::dialer::Dialer;
use super::effort::{Effort, Purpose};
use super::failure::Failure;
use super::handshake::Established;
use super::records::records;
use super::resume::Resumable;
use super::router::{Route, Takers, is_for_session, route};

/// Datagrams taken from the socket in one turn, so that a flood of junk does not hold the caller.
const DATAGRAMS_PER_TURN: u32 = 16;

/// The longest record: its header, and 2^14 bytes that protection may make 2048 longer (RFC 6347
/// 4.1).
const LONGEST_RECORD: usize = 13 + (1 << 14) + 2048;

thread_local! {
    /// Where datagrams arrive: one for all the associations that a thread serves, since none is in it longer
    /// than a turn. Empty until it is needed, and again when one of them [has ended](forget_arrivals).
    static ARRIVALS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Gives back what this thread receives into. Whoever frees its last session leaves nothing behind; another session
/// has it anew with its next datagram.
fn forget_arrivals() {
    // Fails while the thread ends, or inside a turn: then there is nothing to be given back, or it is in use.
    let _ = ARRIVALS.try_with(|arrivals| {
        if let Ok(mut arrivals) = arrivals.try_borrow_mut() {
            *arrivals = Vec::new();
        }
    });
}

/// Whether this thread has something to receive into.
#[cfg(test)]
pub(super) fn has_arrivals() -> bool {
    ARRIVALS.with_borrow(|arrivals| !arrivals.is_empty())
}

/// What a turn came to.
#[derive(Debug)]
pub(super) enum Event {
    /// One datagram of this length has arrived.
    Datagram(usize),
    /// The session is over, now or since before, and no handshake is under way.
    Ended(Ended),
    /// The network reported an error.
    Network(io::Error),
    /// A handshake has succeeded, and its session carries everything from now on.
    Renewed,
    /// The handshake under way has failed. (Boxed: an event is handed on for every datagram, and is otherwise two words.)
    NotRenewed(Box<Failure>),
}

#[derive(Debug)]
pub(super) struct Association {
    dialer: Dialer,
    channel: Option<Channel>,
    effort: Option<(Effort, Purpose)>,
    resumable: Option<Resumable>,
    /// A renewal that could not even begin.
    stillborn: Option<Failure>,
    /// Whether the last renewal was met with silence: the path may have forgotten our port.
    port_is_stale: bool,
}

impl Association {
    /// Begins with a handshake, which resumes `kept` if it can.
    pub(super) fn connect(dialer: Dialer, kept: Option<Resumable>) -> Result<Self, Failure> {
        let effort = Effort::new(&dialer, kept, Purpose::Connect)?;
        Ok(Self {
            dialer,
            channel: None,
            effort: Some((effort, Purpose::Connect)),
            resumable: None,
            stillborn: None,
            port_is_stale: false,
        })
    }

    pub(super) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// The session, once there is one.
    pub(super) fn channel(&mut self) -> Option<&mut Channel> {
        self.channel.as_mut()
    }

    /// Begins a handshake for the next session; one that is under way goes on instead.
    pub(super) fn renew(&mut self) {
        if self.is_renewing() {
            return;
        }
        if self.port_is_stale {
            log::info!("{}: going on from another port", self.dialer.peer());
            if let Err(error) = self.dialer.link().take_fresh_port() {
                log::warn!("{}: no other port: {error}", self.dialer.peer());
            }
        }
        let kept = self.resumable.clone();
        let begun = Effort::new(&self.dialer, kept, Purpose::Renew).and_then(|mut effort| {
            effort.drive(&self.dialer, Purpose::Renew)?;
            Ok(effort)
        });
        match begun {
            Ok(effort) => {
                log::info!("{}: renewing the DTLS session", self.dialer.peer());
                self.effort = Some((effort, Purpose::Renew));
            }
            Err(failure) => self.stillborn = Some(failure),
        }
    }

    /// Gives up the handshake under way, unless the server has answered: it may have put the new association in
    /// the old one's place by then (RFC 6347 4.2.8), and there would be no way back.
    pub(super) fn cancel_renewal(&mut self) {
        self.stillborn = None;
        let unheard = |(effort, _): &mut (Effort, Purpose)| !effort.is_heard();
        if self.effort.take_if(unheard).is_some() {
            log::info!("{}: the renewal is not needed", self.dialer.peer());
        }
    }

    /// The session to keep for later, as bytes.
    pub(super) fn keep_session(&self) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        self.dialer.keep_session(self.resumable.as_ref())
    }

    /// How long until [`Self::turn`] has something to do by itself.
    pub(super) fn due(&self) -> Option<Duration> {
        if self.has_pending() {
            return Some(Duration::ZERO);
        }
        self.effort.as_ref().map(|(effort, _)| effort.due())
    }

    /// Ends a read that began at `now`.
    #[inline(always)]
    pub(super) fn rest(&mut self, now: Moment, has_given: bool) {
        if let Some(channel) = &mut self.channel {
            channel.rest(now, has_given);
        }
    }

    /// Whether a session lives, has no records to give, and no handshake is under way: nothing happens before
    /// something arrives.
    #[inline(always)]
    pub(super) fn is_at_rest(&self) -> bool {
        let has_news = |channel: &Channel| channel.has_pending() || channel.ended().is_some();
        !self.is_renewing()
            && self
                .channel
                .as_ref()
                .is_some_and(|channel| !has_news(channel))
    }

    /// Whether [`Self::turn`] has something to do without anything arriving.
    pub(super) fn has_pending(&self) -> bool {
        self.stillborn.is_some() || self.channel.as_ref().is_some_and(Channel::has_pending)
    }

    /// Does what can be done without waiting; `receive` says that the socket may have something.
    pub(super) fn turn(&mut self, buffer: &mut [u8], receive: bool) -> Option<Event> {
        let mut datagrams = if receive { DATAGRAMS_PER_TURN } else { 0 };
        loop {
            // The old session's records before the news that there is another one.
            if !self.is_at_rest()
                && let Some(event) = self.take_record(buffer).or_else(|| self.drive())
            {
                return Some(event);
            }
            datagrams = datagrams.checked_sub(1)?;
            match self.receive() {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => match &mut self.effort {
                    Some((effort, _)) => effort.keep(error),
                    None => return Some(Event::Network(error)),
                },
            }
        }
    }

    /// Takes a datagram from the socket.
    fn receive(&mut self) -> io::Result<()> {
        ARRIVALS.with_borrow_mut(|arrivals| {
            if arrivals.is_empty() {
                *arrivals = vec![0; LONGEST_RECORD];
            }
            let length = self.dialer.link().receive(arrivals)?;
            self.sort(&arrivals[..length]);
            Ok(())
        })
    }

    fn take_record(&mut self, buffer: &mut [u8]) -> Option<Event> {
        let peer = self.dialer.peer();
        let channel = self.channel.as_mut()?;
        while channel.has_pending() {
            match channel.take(buffer, peer) {
                Taken::Datagram(length) => return Some(Event::Datagram(length)),
                Taken::Nothing => break,
                // RFC 5246 7.2.2: no resumption after a fatal alert.
                Taken::Ended(Ended::FatalAlert | Ended::Broken) => self.resumable = None,
                Taken::Ended(Ended::CloseNotify) => {}
            }
        }
        // While another session is being made, that one's fate is the news.
        let ended = channel.ended()?;
        (!self.is_renewing()).then_some(Event::Ended(ended))
    }

    /// Whether a handshake is under way, or has failed without anybody having been told.
    #[inline(always)]
    fn is_renewing(&self) -> bool {
        self.effort.is_some() || self.stillborn.is_some()
    }

    /// Goes on with the handshake under way, if there is one.
    #[inline]
    fn drive(&mut self) -> Option<Event> {
        if !self.is_renewing() {
            return None;
        }
        self.drive_handshake()
    }

    #[cold]
    fn drive_handshake(&mut self) -> Option<Event> {
        if let Some(failure) = self.stillborn.take() {
            return Some(Event::NotRenewed(Box::new(failure)));
        }
        let (effort, purpose) = self.effort.as_mut()?;
        match effort.drive(&self.dialer, *purpose) {
            Ok(false) => None,
            Ok(true) => {
                let (effort, _) = self.effort.take()?;
                self.succeed(effort.finish());
                Some(Event::Renewed)
            }
            Err(failure) => {
                self.port_is_stale = failure.is_silence();
                // A server that asks for a cookie, and for nothing else in all that time, may be at
                // a loss over the session that is offered to it.
                if effort.resumes() && effort.is_heard() && self.port_is_stale {
                    self.resumable = None;
                }
                self.effort = None;
                Some(Event::NotRenewed(Box::new(failure)))
            }
        }
    }

    fn succeed(&mut self, established: Established) {
        log::info!(
            "DTLS session with {}: {}",
            self.dialer.peer(),
            established.describe()
        );
        self.port_is_stale = false;
        self.dialer
            .learn(established.resumable.as_ref(), established.declined_ticket);
        self.resumable = established.resumable;
        if let Some(predecessor) = self.channel.replace(Channel::new(established.stream)) {
            predecessor.abandon();
        }
    }

    /// Hands the records of the datagram just received to whom they are for.
    fn sort(&mut self, datagram: &[u8]) {
        if self.effort.is_some() {
            self.sort_for_two(datagram);
            return;
        }
        let Some(channel) = &mut self.channel else {
            return;
        };
        let Some(protection) = channel.open_protection() else {
            return;
        };
        for record in records(datagram) {
            if is_for_session(record, protection) {
                channel.deliver(record);
            }
        }
    }

    #[cold]
    fn sort_for_two(&mut self, datagram: &[u8]) {
        let takers = Takers {
            session: self.channel.as_ref().and_then(Channel::open_protection),
            handshake: self.effort.is_some(),
        };
        for record in records(datagram) {
            let route = route(record, takers);
            if let (Route::Session | Route::Both, Some(channel)) = (route, &mut self.channel) {
                channel.deliver(record);
            }
            if let Some((effort, _)) = &mut self.effort {
                match route {
                    Route::Handshake | Route::Both => effort.deliver(record),
                    Route::Suspicion(alert) => effort.suspect(alert),
                    Route::Session | Route::Nobody => {}
                }
            }
        }
    }
}

impl Drop for Association {
    fn drop(&mut self) {
        forget_arrivals();
        if let Some(channel) = &mut self.channel {
            channel.close(self.dialer.peer());
        }
    }
}
