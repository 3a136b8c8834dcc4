//! An established session behind a lock, and the waiting for its socket.

use std::os::fd::RawFd;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::socket::{Deadline, Patience, Wait, wait_readable};
use super::association::{Association, Event};
use super::channel::{Channel, Ended, SendError};
use super::dialer::{Dialer, Limits, Proof, Target};
use super::failure::Failure;
use super::waker::Waker;
use crate::sync::{Mutex, MutexGuard};

/// Longest datagram one record carries (RFC 5246 6.2.1).
const MAX_RECORD: usize = 1 << 14;

/// What [`Session::read`] came back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// One datagram of this length.
    Datagram(usize),
    /// Nothing came in time.
    Timeout,
    /// The session is over, now or since before.
    Ended(Ended),
    /// The network reported an error; the session goes on.
    Failed,
    /// A renewal has succeeded: the new session carries everything from now on.
    Renewed,
    /// A renewal has failed; a session that was alive goes on.
    NotRenewed,
}

/// Why [`Session::write`] sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteError {
    /// Empty, or longer than a record.
    Length,
    /// The session is over.
    Ended(Ended),
    /// The network did not take it; the session goes on.
    Transport,
}

/// Connects and shakes hands; blocks until then.
pub(super) fn establish(
    target: Target<'_>,
    proof: &Proof<'_>,
    limits: Limits,
) -> Result<Session, Failure> {
    let dialer = Dialer::new(target, proof, limits)?;
    let kept = dialer.kept_session(proof);
    let mut association = Association::connect(dialer, kept)?;
    let mut ready = false;
    loop {
        match association.turn(&mut [], ready) {
            Some(Event::Renewed) => return Ok(Session::new(association)),
            Some(Event::NotRenewed(failure)) => return Err(*failure),
            _ => {}
        }
        let link = association.dialer().link();
        match wait_readable(link.descriptor(), association.due()) {
            Wait::Ready => ready = true,
            Wait::TimedOut | Wait::Interrupted => ready = false,
            Wait::Failed(error) => return Err(Failure::Unreachable(error)),
        }
    }
}

/// An established session. Reading and writing may happen on two threads: a reader waits for the
/// socket without holding the lock, so it never keeps a writer from sending.
#[derive(Debug)]
pub(super) struct Session {
    association: Mutex<Association>,
    /// Ends a reader's wait when there is something new to wait for.
    waker: Waker,
    descriptor: RawFd,
    /// "host:port", for the log.
    peer: String,
    /// Whether this port's own functions read and write it: see [`Self::renew`].
    read_here: AtomicBool,
    written_here: AtomicBool,
    /// Whether the association was [at rest](Association::is_at_rest) when it was last looked at, so that a reader
    /// may begin by waiting. Whoever changes that wakes the reader.
    at_rest: AtomicBool,
}

impl Session {
    fn new(association: Association) -> Self {
        Self {
            descriptor: association.dialer().link().descriptor(),
            peer: association.dialer().peer().to_owned(),
            association: Mutex::new(association),
            waker: Waker::new(),
            read_here: AtomicBool::new(false),
            written_here: AtomicBool::new(false),
            at_rest: AtomicBool::new(false),
        }
    }

    /// Sends one datagram as one record.
    #[inline(always)]
    pub(super) fn write(&self, datagram: &[u8]) -> Result<(), WriteError> {
        self.written_here.store(true, Ordering::Relaxed);
        if datagram.is_empty() || datagram.len() > MAX_RECORD {
            return Err(self.is_no_record(datagram.len()));
        }
        let mut association = self.lock();
        let channel = association.channel().ok_or(WriteError::Transport)?;
        channel
            .send(datagram, &self.peer)
            .map_err(|error| match error {
                SendError::Ended(ended) => {
                    self.at_rest.store(false, Ordering::Release);
                    WriteError::Ended(ended)
                }
                SendError::Transport => WriteError::Transport,
            })
    }

    #[cold]
    fn is_no_record(&self, length: usize) -> WriteError {
        log::error!("{}: a record cannot carry {length} bytes", self.peer);
        WriteError::Length
    }

    /// Waits for one datagram; a time-out of 0 ms waits for ever. What does not fit into the buffer
    /// is cut off. While a renewal is under way, this drives it.
    #[inline(always)]
    pub(super) fn read(&self, buffer: &mut [u8], timeout_ms: u32) -> Read {
        self.read_here.store(true, Ordering::Relaxed);
        let patience = Patience::of_call(timeout_ms);
        let deadline = Deadline::after(patience);
        // A caller that does not want to wait has waited for the socket itself, mostly.
        if patience.is_none() || !self.at_rest.load(Ordering::Acquire) {
            return self.read_on(buffer, patience.is_none(), deadline);
        }
        // One reading of the clock less for what comes during the first wait.
        match self.waker.wait_readable(self.descriptor, patience) {
            Wait::Ready => match self.turn(buffer, true, &deadline) {
                Some(Event::Datagram(length)) => Read::Datagram(length),
                Some(event) => self.tell(event),
                None => self.read_on(buffer, true, deadline),
            },
            Wait::TimedOut => {
                self.lock().rest(deadline.begun(), false);
                Read::Timeout
            }
            _ => self.read_on(buffer, false, deadline),
        }
    }

    /// One turn of the association, after which a reader leaves with the event or waits.
    #[inline(always)] // into the two that read
    fn turn(&self, buffer: &mut [u8], ready: bool, deadline: &Deadline) -> Option<Event> {
        let mut association = self.lock();
        let event = association.turn(buffer, ready);
        if let Some(event) = &event {
            association.rest(deadline.begun(), matches!(event, Event::Datagram(_)));
        }
        self.at_rest
            .store(association.is_at_rest(), Ordering::Release);
        event
    }

    /// [`Self::read`], where it takes more than to wait once.
    #[inline(never)]
    fn read_on(&self, buffer: &mut [u8], mut ready: bool, deadline: Deadline) -> Read {
        loop {
            if let Some(event) = self.turn(buffer, ready, &deadline) {
                return self.tell(event);
            }
            let due = self.lock().due();
            // Junk keeps the socket ready without ever giving a record.
            if ready && deadline.is_past() {
                self.lock().rest(deadline.begun(), false);
                return Read::Timeout;
            }
            let left = Patience::from(deadline.remaining());
            let wait = due.map_or(left, |due| left.or_less(Some(due).into()));
            match self.waker.wait_readable(self.descriptor, wait) {
                Wait::Ready => ready = true,
                Wait::TimedOut if deadline.is_past() => {
                    self.lock().rest(deadline.begun(), false);
                    return Read::Timeout;
                }
                Wait::TimedOut | Wait::Interrupted => ready = false,
                Wait::Failed(error) => {
                    log::error!("{}: waiting failed: {error}", self.peer);
                    return Read::Failed;
                }
            }
        }
    }

    #[inline(never)]
    fn tell(&self, event: Event) -> Read {
        match event {
            Event::Datagram(length) => Read::Datagram(length),
            Event::Ended(ended) => Read::Ended(ended),
            Event::Network(error) => {
                log::warn!("{}: receiving failed: {error}", self.peer);
                Read::Failed
            }
            Event::Renewed => Read::Renewed,
            Event::NotRenewed(failure) => {
                log::warn!("{}: the DTLS session is not renewed: {failure}", self.peer);
                Read::NotRenewed
            }
        }
    }

    /// Begins a handshake for a new session on the same socket; [`Self::read`] drives it and reports
    /// its end. `false` when other functions than this port's read or write the session: they would
    /// not drive it.
    pub(super) fn renew(&self) -> bool {
        let ours =
            self.read_here.load(Ordering::Relaxed) && self.written_here.load(Ordering::Relaxed);
        if ours {
            let mut association = self.lock();
            association.renew();
            self.at_rest.store(false, Ordering::Release);
            drop(association);
            self.waker.wake();
        }
        ours
    }

    /// Gives up the renewal under way.
    pub(super) fn cancel_renewal(&self) {
        self.lock().cancel_renewal();
    }

    /// How long until [`Self::read`] has something to do by itself.
    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.lock().due()
    }

    /// What a later handshake can resume this session from.
    pub(super) fn resumable(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.lock().keep_session()
    }

    /// Readable when there is something to [`read`](Self::read); the same for as long as the session.
    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// The longest datagram whose record fits the path MTU.
    pub(super) fn largest_datagram(&self) -> usize {
        self.lock()
            .channel()
            .map_or(0, |channel| Channel::largest_datagram(channel))
    }

    /// Whether OpenSSL's buffers for records are there.
    #[cfg(test)]
    pub(super) fn has_buffers(&self) -> bool {
        self.lock()
            .channel()
            .is_some_and(|channel| channel.has_buffers())
    }

    fn lock(&self) -> MutexGuard<'_, Association> {
        self.association
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
