//! Memory of message ids (RFC 7252 section 4.5): a repeated request gets the first answer again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;

/// What is known about a message id.
pub(super) enum Seen {
    /// Not within the lifetime.
    Never,
    /// The same message again; these were the answers.
    Repeated(Vec<Vec<u8>>),
    /// Same id, other bytes. A retransmission never differs, so this is a device that restarted on
    /// its old port or miscounts; the new message is served.
    Reused,
}

struct Remembered {
    fingerprint: u64,
    expires: Instant,
    replies: Vec<Vec<u8>>,
}

struct Peer {
    next_id: u16,
    exchanges: HashMap<u16, Remembered>,
}

pub(super) struct Dedup {
    lifetime: Duration,
    limit: usize,
    peers: HashMap<Endpoint, Peer>,
    /// In order of expiry, as all lifetimes are equal. Entries outlive what they point to when an
    /// id is remembered anew; `expires` tells.
    order: VecDeque<(Instant, Endpoint, u16)>,
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

    pub(super) fn seen(&self, from: Endpoint, id: u16, fingerprint: u64) -> Seen {
        match self
            .peers
            .get(&from)
            .and_then(|peer| peer.exchanges.get(&id))
        {
            None => Seen::Never,
            Some(known) if known.fingerprint == fingerprint => {
                Seen::Repeated(known.replies.clone())
            }
            Some(_) => Seen::Reused,
        }
    }

    pub(super) fn remember(
        &mut self,
        now: Instant,
        from: Endpoint,
        id: u16,
        fingerprint: u64,
        replies: Vec<Vec<u8>>,
    ) {
        let expires = now + self.lifetime;
        let remembered = Remembered {
            fingerprint,
            expires,
            replies,
        };
        self.peer(from).exchanges.insert(id, remembered);
        self.order.push_back((expires, from, id));
        while self.order.len() > self.limit {
            self.forget_oldest();
        }
    }

    /// Message id for a message of our own to this peer.
    pub(super) fn next_id(&mut self, to: Endpoint) -> u16 {
        let peer = self.peer(to);
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

    pub(super) fn forget(&mut self, endpoint: Endpoint) {
        self.peers.remove(&endpoint);
    }

    fn forget_oldest(&mut self) {
        let Some((expires, from, id)) = self.order.pop_front() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&from) else {
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
            self.peers.remove(&from);
        }
    }

    fn peer(&mut self, endpoint: Endpoint) -> &mut Peer {
        // The first id is unpredictable (RFC 7252 section 4.4).
        let first = || self.hasher.hash_one(endpoint) as u16;
        self.peers.entry(endpoint).or_insert_with(|| Peer {
            next_id: first(),
            exchanges: HashMap::new(),
        })
    }
}
