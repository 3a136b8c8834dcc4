//! Memory of message ids (RFC 7252 section 4.5): a repeated request gets the first answer again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::endpoint::{Endpoint, Namespace};

/// What is known about a message id.
pub(super) enum Seen {
    /// Not within the lifetime.
    Never,
    /// The same message again; this was the answer.
    Repeated(Answered),
    /// Same id, other bytes. A retransmission never differs, so this is a device that restarted on
    /// its old port or miscounts; the new message is served.
    Reused,
}

/// How a request was answered.
#[derive(Clone)]
pub(super) struct Answered {
    /// Where the answer went.
    pub(super) to: Endpoint,
    /// What a repetition gets: an acknowledgement, or nothing.
    pub(super) reply: Option<Vec<u8>>,
    /// The response, if there is no acknowledgement that has it.
    pub(super) separate: Option<Separate>,
}

/// A response in a message of its own.
#[derive(Clone)]
pub(super) struct Separate {
    pub(super) id: u16,
    pub(super) confirmable: bool,
    pub(super) message: Vec<u8>,
}

struct Remembered {
    fingerprint: u64,
    expires: Instant,
    answered: Answered,
}

struct Peer {
    next_id: u16,
    exchanges: HashMap<u16, Remembered>,
}

pub(super) struct Dedup {
    lifetime: Duration,
    limit: usize,
    peers: HashMap<Namespace, Peer>,
    /// In order of expiry, as all lifetimes are equal. Entries outlive what they point to when an
    /// id is remembered anew; `expires` tells.
    order: VecDeque<(Instant, Namespace, u16)>,
    hasher: RandomState,
}

impl Dedup {
    pub(super) fn new(lifetime: Duration, limit: usize) -> Self {
        Dedup {
            lifetime,
            limit,
            peers: HashMap::new(),
            order: VecDeque::new(),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn seen(&self, among: Namespace, id: u16, fingerprint: u64) -> Seen {
        match self
            .peers
            .get(&among)
            .and_then(|peer| peer.exchanges.get(&id))
        {
            None => Seen::Never,
            Some(known) if known.fingerprint == fingerprint => {
                Seen::Repeated(known.answered.clone())
            }
            Some(_) => Seen::Reused,
        }
    }

    pub(super) fn remember(
        &mut self,
        now: Instant,
        among: Namespace,
        id: u16,
        fingerprint: u64,
        answered: Answered,
    ) {
        let expires = now + self.lifetime;
        let remembered = Remembered {
            fingerprint,
            expires,
            answered,
        };
        self.peer(among).exchanges.insert(id, remembered);
        self.order.push_back((expires, among, id));
        while self.order.len() > self.limit {
            self.forget_oldest();
        }
    }

    /// The answer goes to this endpoint from now on.
    pub(super) fn redirect(&mut self, among: Namespace, id: u16, to: Endpoint) {
        let peer = self.peers.get_mut(&among);
        if let Some(known) = peer.and_then(|peer| peer.exchanges.get_mut(&id)) {
            known.answered.to = to;
        }
    }

    /// Message id for a message of our own to this peer.
    pub(super) fn next_id(&mut self, among: Namespace) -> u16 {
        let peer = self.peer(among);
        peer.next_id = peer.next_id.wrapping_add(1);
        peer.next_id
    }

    pub(super) fn expire(&mut self, now: Instant) {
        while self
            .order
            .front()
            .is_some_and(|(expires, ..)| *expires <= now)
        {
            self.forget_oldest();
        }
    }

    /// An endpoint is no more. What can still be repeated by another one stays for its lifetime.
    pub(super) fn forget(&mut self, endpoint: Endpoint) {
        self.peers.remove(&Namespace::Endpoint(endpoint));
    }

    fn forget_oldest(&mut self) {
        let Some((expires, among, id)) = self.order.pop_front() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&among) else {
            return;
        };
        if peer
            .exchanges
            .get(&id)
            .is_some_and(|known| known.expires == expires)
        {
            peer.exchanges.remove(&id);
        }
        if peer.exchanges.is_empty() {
            self.peers.remove(&among);
        }
    }

    fn peer(&mut self, among: Namespace) -> &mut Peer {
        // The first id is unpredictable (RFC 7252 section 4.4).
        let first = || self.hasher.hash_one(among) as u16;
        self.peers.entry(among).or_insert_with(|| Peer {
            next_id: first(),
            exchanges: HashMap::new(),
        })
    }
}
