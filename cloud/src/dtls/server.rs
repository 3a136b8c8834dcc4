//! The DTLS server: sorts datagrams to sessions and keeps their time.

use std::collections::{BTreeSet, HashMap};
use std::hash::RandomState;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use openssl::error::ErrorStack;
use openssl::ssl::SslContext;

use super::peer::{Heard, Listener, MAX_RECORD, Peer, Step};
use super::record::{HelloRandom, client_hello, looks_like_dtls, offers_session};
use super::{DtlsOptions, MessageIds, VerifyRequest};
use crate::endpoint::{Endpoint, Transport};
use crate::event::{EventKind, SessionEnd};
use crate::faults::{Goodbye, Memory};
use crate::port::{Command, Server, Wire};
use crate::service::{Service, Shared};

/// Makes a context with new keys for cookies and tickets and an empty cache.
pub(crate) type MakeContext = Box<dyn Fn() -> io::Result<SslContext> + Send>;

pub(crate) struct DtlsServer {
    shared: Arc<Shared>,
    service: Service,
    wire: Arc<dyn Wire>,
    make_context: MakeContext,
    context: SslContext,
    options: DtlsOptions,
    listener: Listener,
    sessions: HashMap<SocketAddr, (Peer, Instant)>,
    /// The deadline of every session.
    timers: BTreeSet<(Instant, SocketAddr)>,
    /// Number of the next session.
    next: u64,
    /// Tells master secrets apart without keeping them.
    hasher: RandomState,
    buffer: Box<[u8; MAX_RECORD]>,
}

impl DtlsServer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        service: Service,
        wire: Arc<dyn Wire>,
        make_context: MakeContext,
        options: DtlsOptions,
    ) -> io::Result<Self> {
        let context = make_context()?;
        let listener = Listener::new(&context, &options, Arc::clone(&wire))?;
        Ok(DtlsServer {
            shared,
            service,
            wire,
            make_context,
            context,
            options,
            listener,
            sessions: HashMap::new(),
            timers: BTreeSet::new(),
            next: 1,
            hasher: RandomState::new(),
            buffer: Box::new([0; MAX_RECORD]),
        })
    }

    /// A ClientHello that belongs to no session. Whatever session there is at this address goes on
    /// until the sender has shown by a cookie that it is there (RFC 6347 section 4.2.8).
    fn hello(&mut self, now: Instant, from: SocketAddr, random: HelloRandom, datagram: &[u8]) {
        match self.unverified(now, from, random, datagram) {
            Ok(Some(peer)) => return self.work(now, peer),
            Ok(None) => {}
            Err(error) => return log::error!("no new DTLS session possible: {error}"),
        }
        match self.listener.hear(from, datagram) {
            Ok(Heard::Dropped) => self.malformed(from, "a broken ClientHello", datagram),
            Ok(Heard::Asked) => self.publish(from, EventKind::HelloVerify),
            Ok(Heard::Verified) => match self.new_session(now, from, random) {
                Ok(peer) => self.work(now, peer),
                Err(error) => log::error!("no new DTLS session possible: {error}"),
            },
            Err(error) => {
                log::warn!("ClientHello from {from}: {error}");
                let fresh = Listener::new(&self.context, &self.options, Arc::clone(&self.wire));
                match fresh {
                    Ok(listener) => self.listener = listener,
                    Err(error) => log::error!("no new DTLS session possible: {error}"),
                }
            }
        }
    }

    /// The session that a ClientHello begins without a cookie, where that is allowed.
    fn unverified(
        &mut self,
        now: Instant,
        from: SocketAddr,
        random: HelloRandom,
        datagram: &[u8],
    ) -> Result<Option<Peer>, ErrorStack> {
        // What a session has is at stake, so its address must be shown (RFC 6347 section 4.2.8).
        let allowed = match self.options.verify_request {
            VerifyRequest::Always => false,
            VerifyRequest::New => offers_session(datagram),
            VerifyRequest::Never => true,
        };
        if !allowed || self.sessions.contains_key(&from) {
            return Ok(None);
        }
        let number = self.next;
        let listener = Listener::new(&self.context, &self.options, Arc::clone(&self.wire))?;
        let mut peer = listener.into_peer(from, number, random, now);
        peer.feed(now, datagram);
        if self.options.verify_request == VerifyRequest::New && !peer.resumes(&mut self.buffer) {
            peer.forget();
            return Ok(None);
        }
        self.next += 1;
        self.make_room();
        Ok(Some(peer))
    }

    fn new_session(
        &mut self,
        now: Instant,
        from: SocketAddr,
        random: HelloRandom,
    ) -> Result<Peer, ErrorStack> {
        let spare = Listener::new(&self.context, &self.options, Arc::clone(&self.wire))?;
        let verified = std::mem::replace(&mut self.listener, spare);
        if let Some(mut old) = self.take(from) {
            // The new session may have resumed the old one, and the next will want to.
            old.forget();
            self.end(&old, EventKind::SessionEnded(SessionEnd::Replaced));
        }
        self.make_room();
        let number = self.next;
        self.next += 1;
        Ok(verified.into_peer(from, number, random, now))
    }

    /// Ends the sessions that have been silent for longest until there is room for another.
    fn make_room(&mut self) {
        while self.sessions.len() >= self.options.max_sessions {
            let Some(address) = self.silent_longest() else {
                break;
            };
            if let Some(mut old) = self.take(address) {
                old.close();
                self.end(&old, EventKind::SessionEnded(SessionEnd::Evicted));
            }
        }
    }

    /// Forgets all sessions without a word and, if memory is lost, what would resume them.
    fn restart(&mut self, memory: Memory) {
        for mut peer in self.take_all() {
            peer.forget();
            self.end(&peer, EventKind::SessionEnded(SessionEnd::Forgotten));
        }
        self.service.restart();
        if memory == Memory::Lost {
            match (self.make_context)() {
                Ok(context) => self.context = context,
                Err(error) => log::error!("no new DTLS context, the old one stays: {error}"),
            }
        }
        match Listener::new(&self.context, &self.options, Arc::clone(&self.wire)) {
            Ok(listener) => self.listener = listener,
            Err(error) => log::error!("no new DTLS session possible: {error}"),
        }
    }

    fn end_sessions(&mut self, goodbye: Goodbye) {
        for mut peer in self.take_all() {
            match goodbye {
                _ if !peer.established => {}
                Goodbye::CloseNotify => peer.close(),
                Goodbye::FatalAlert => peer.abort(),
            }
            self.end(&peer, EventKind::SessionEnded(SessionEnd::Ended));
        }
    }

    fn take_all(&mut self) -> Vec<Peer> {
        self.timers.clear();
        let all = std::mem::take(&mut self.sessions);
        all.into_values().map(|(peer, _)| peer).collect()
    }

    /// Steps through all that the last datagram brought, then puts the session back if it lives.
    fn work(&mut self, now: Instant, mut peer: Peer) {
        loop {
            match peer.step(&mut self.buffer) {
                Step::Waiting => return self.put(now, peer),
                Step::Established(event) => {
                    if self.options.message_ids == MessageIds::Resumed {
                        peer.share_message_ids(&self.hasher);
                    }
                    self.publish(peer.endpoint.peer, event);
                }
                Step::Message(len) => {
                    let (endpoint, among) = (peer.endpoint, peer.among);
                    let owner = peer.device.as_ref();
                    let message = &self.buffer[..len];
                    for reply in self.service.receive(now, endpoint, among, owner, message) {
                        peer.send(&reply);
                    }
                }
                Step::Closed => {
                    return self.end(&peer, EventKind::SessionEnded(SessionEnd::Closed));
                }
                Step::Failed(reason) if peer.established => {
                    log::info!("DTLS session with {}: {reason}", peer.endpoint.peer);
                    return self.end(&peer, EventKind::SessionEnded(SessionEnd::Failed));
                }
                Step::Failed(reason) => {
                    return self.end(&peer, EventKind::HandshakeFailed { reason });
                }
            }
        }
    }

    fn put(&mut self, now: Instant, peer: Peer) {
        let address = peer.endpoint.peer;
        let deadline = peer.deadline(now, &self.options);
        self.timers.insert((deadline, address));
        self.sessions.insert(address, (peer, deadline));
    }

    fn take(&mut self, address: SocketAddr) -> Option<Peer> {
        let (peer, deadline) = self.sessions.remove(&address)?;
        self.timers.remove(&(deadline, address));
        Some(peer)
    }

    fn end(&mut self, peer: &Peer, event: EventKind) {
        self.service.forget(peer.endpoint);
        self.publish(peer.endpoint.peer, event);
    }

    /// Rarely needed, so a search will do.
    fn silent_longest(&self) -> Option<SocketAddr> {
        let by_silence = self.sessions.iter().min_by_key(|(_, (peer, _))| peer.heard);
        by_silence.map(|(address, _)| *address)
    }

    /// A session's time has come: an outstanding flight, or the end.
    fn overdue(&mut self, now: Instant, mut peer: Peer) {
        if peer.established {
            if now >= peer.heard + self.options.idle_timeout {
                peer.close();
                return self.end(&peer, EventKind::SessionEnded(SessionEnd::Idle));
            }
        } else {
            let failed = if now >= peer.begun + self.options.handshake_timeout {
                Some("handshake timed out".to_owned())
            } else {
                peer.handle_timeout().err().map(|error| error.to_string())
            };
            if let Some(reason) = failed {
                return self.end(&peer, EventKind::HandshakeFailed { reason });
            }
        }
        self.put(now, peer);
    }

    fn malformed(&self, from: SocketAddr, reason: &str, datagram: &[u8]) {
        let kind = EventKind::Malformed {
            reason: reason.into(),
            len: datagram.len(),
        };
        self.publish(from, kind);
    }

    fn publish(&self, peer: SocketAddr, kind: EventKind) {
        self.shared.publish(
            &Endpoint {
                transport: Transport::Dtls,
                peer,
                session: 0,
            },
            kind,
        );
    }
}

impl Server for DtlsServer {
    fn datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let random = client_hello(datagram);
        let session = self.sessions.get(&from).map(|(peer, _)| peer.hello);
        match (random, session) {
            // The same hello again is a repetition, whatever state the session is in.
            (Some(random), known) if known != Some(random) => {
                self.hello(now, from, random, datagram);
            }
            (_, Some(_)) if looks_like_dtls(datagram) => {
                if let Some(mut peer) = self.take(from) {
                    peer.feed(now, datagram);
                    self.work(now, peer);
                }
            }
            _ => {
                let reason = if looks_like_dtls(datagram) {
                    "a record for no session"
                } else {
                    "not a DTLS record"
                };
                let kind = EventKind::Malformed {
                    reason: reason.into(),
                    len: datagram.len(),
                };
                self.publish(from, kind);
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let first = self.timers.first().map(|(deadline, _)| *deadline);
        [first, self.service.deadline()].into_iter().flatten().min()
    }

    fn expire(&mut self, now: Instant) {
        for (to, datagram) in self.service.expire(now) {
            if let Some((peer, _)) = self.sessions.get_mut(&to.peer)
                && peer.endpoint == to
            {
                peer.send(&datagram);
            }
        }
        while let Some((deadline, address)) = self.timers.first().copied() {
            if deadline > now {
                break;
            }
            match self.take(address) {
                Some(peer) => self.overdue(now, peer),
                None => {
                    self.timers.pop_first();
                }
            }
        }
    }

    fn obey(&mut self, _now: Instant, command: &Command) {
        match *command {
            Command::Restart(memory) => self.restart(memory),
            Command::EndSessions(goodbye) => self.end_sessions(goodbye),
        }
    }

    fn close(&mut self) {
        for (peer, _) in self.sessions.values_mut() {
            if peer.established {
                peer.close();
            }
        }
    }
}
