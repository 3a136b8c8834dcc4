//! Issued tokens and what hangs on them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use iotx_coap::cloud_auth::SessionKey;
use openssl::sha::sha256;

use super::limits::SeqSet;
use super::refusal::Refusal;
use crate::clock::UnixMillis;
use crate::devices::DeviceId;
use crate::message::Delivery;
use crate::token::{Inspection, Issuer};

/// The symmetric half of a session.
pub(crate) struct Symmetric {
    pub(crate) key: Arc<SessionKey>,
    pub(crate) seq_offset: u32,
    pub(crate) used: SeqSet,
}

/// What a token stands for.
pub(crate) struct Session {
    pub(crate) device: Arc<DeviceId>,
    pub(crate) expires: UnixMillis,
    pub(crate) delivery: Delivery,
    pub(crate) symmetric: Option<Symmetric>,
}

/// Tokens are kept by digest: a look-up takes no time that depends on the text, and the text is
/// nowhere in the memory of the cloud.
type Digest = [u8; 32];

/// Tokens of one device that are alive at the same time; the oldest fall out.
const PER_DEVICE: usize = 16;
/// Expired tokens are remembered this long, to be told from unknown ones.
const AFTERLIFE: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
pub(crate) struct Sessions {
    by_token: HashMap<Digest, Session>,
    by_device: HashMap<Arc<DeviceId>, VecDeque<Digest>>,
    by_expiry: BTreeSet<(UnixMillis, Digest)>,
}

impl Sessions {
    pub(crate) fn add(&mut self, now: UnixMillis, token: &[u8], session: Session) {
        self.purge(now);
        let digest = sha256(token);
        self.remove(&digest);
        let held = self
            .by_device
            .entry(Arc::clone(&session.device))
            .or_default();
        held.push_back(digest);
        let surplus = (held.len() > PER_DEVICE)
            .then(|| held.pop_front())
            .flatten();
        self.by_expiry.insert((session.expires, digest));
        self.by_token.insert(digest, session);
        if let Some(oldest) = surplus {
            self.remove(&oldest);
        }
    }

    /// The session of a token that is alive.
    pub(crate) fn get(
        &mut self,
        issuer: &Issuer,
        now: UnixMillis,
        token: &[u8],
    ) -> Result<&mut Session, Refusal> {
        if token.is_empty() {
            return Err(Refusal::TokenMissing);
        }
        let by_text = issuer.inspect(token, now);
        if by_text == Inspection::WrongLength {
            return Err(Refusal::TokenLength);
        }
        match self.by_token.get_mut(&sha256(token)) {
            Some(session) if session.expires > now => Ok(session),
            Some(_) => Err(Refusal::TokenExpired),
            None if by_text == Inspection::Expired => Err(Refusal::TokenExpired),
            None => Err(Refusal::TokenUnknown),
        }
    }

    /// Ends all sessions of a device, or of all.
    pub(crate) fn revoke(&mut self, device: Option<&DeviceId>) {
        let doomed: Vec<Digest> = self
            .by_token
            .iter()
            .filter(|(_, session)| device.is_none_or(|device| *session.device == *device))
            .map(|(digest, _)| *digest)
            .collect();
        for digest in doomed {
            self.remove(&digest);
        }
    }

    /// Ends the life of a device's tokens, or of all.
    pub(crate) fn expire(&mut self, now: UnixMillis, device: Option<&DeviceId>) {
        for (digest, session) in &mut self.by_token {
            let meant = device.is_none_or(|device| *session.device == *device);
            if meant && session.expires > now {
                self.by_expiry.remove(&(session.expires, *digest));
                session.expires = now;
                self.by_expiry.insert((now, *digest));
            }
        }
    }

    /// How many tokens are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_token.len()
    }

    fn purge(&mut self, now: UnixMillis) {
        while let Some((expires, digest)) = self.by_expiry.first().copied() {
            if expires.plus(AFTERLIFE) > now {
                break;
            }
            self.remove(&digest);
        }
    }

    fn remove(&mut self, digest: &Digest) {
        let Some(session) = self.by_token.remove(digest) else {
            return;
        };
        self.by_expiry.remove(&(session.expires, *digest));
        if let Some(held) = self.by_device.get_mut(&session.device) {
            held.retain(|known| known != digest);
            if held.is_empty() {
                self.by_device.remove(&session.device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::TokenStyle;

    const LIFE: Duration = Duration::from_secs(100);

    fn session(device: &Arc<DeviceId>, expires: UnixMillis) -> Session {
        Session {
            device: Arc::clone(device),
            expires,
            delivery: Delivery::default(),
            symmetric: None,
        }
    }

    #[test]
    fn memory_is_bounded_per_device_and_in_time() {
        let mut issuer = Issuer::new(TokenStyle::Random(32), LIFE).unwrap();
        let mut sessions = Sessions::default();
        let device = Arc::new(DeviceId::new("pk", "dn"));
        let mut tokens = Vec::new();
        let now = UnixMillis(0);
        for _ in 0..=PER_DEVICE {
            let (token, expires) = issuer.issue(now).unwrap();
            sessions.add(now, token.as_bytes(), session(&device, expires));
            tokens.push(token);
        }
        assert_eq!(sessions.len(), PER_DEVICE);
        let first = sessions.get(&issuer, now, tokens[0].as_bytes());
        assert_eq!(first.err(), Some(Refusal::TokenUnknown));
        assert!(
            sessions
                .get(&issuer, now, tokens[PER_DEVICE].as_bytes())
                .is_ok()
        );

        let later = now.plus(LIFE);
        let expired = sessions.get(&issuer, later, tokens[1].as_bytes());
        assert_eq!(expired.err(), Some(Refusal::TokenExpired));
        let much_later = later.plus(AFTERLIFE);
        sessions.add(much_later, b"x", session(&device, much_later.plus(LIFE)));
        assert_eq!(sessions.len(), 1);
    }

    #[test]
    fn expiry_is_per_device_or_total() {
        let issuer = Issuer::new(TokenStyle::Random(1), LIFE).unwrap();
        let mut sessions = Sessions::default();
        for name in ["a", "b"] {
            let device = Arc::new(DeviceId::new("pk", name));
            let session = session(&device, UnixMillis(9));
            sessions.add(UnixMillis(0), name.as_bytes(), session);
        }
        let now = UnixMillis(5);
        let mut refusals = |device: Option<&DeviceId>| {
            sessions.expire(now, device);
            ["a", "b"].map(|name| sessions.get(&issuer, now, name.as_bytes()).err())
        };
        let expired = Some(Refusal::TokenExpired);
        let first = refusals(Some(&DeviceId::new("pk", "a")));
        assert_eq!(first, [expired.clone(), None]);
        assert_eq!(refusals(None), [expired.clone(), expired]);
        assert_eq!(sessions.by_expiry.len(), 2);
    }

    #[test]
    fn revocation_is_per_device_or_total() {
        let mut sessions = Sessions::default();
        for name in ["a", "b"] {
            let device = Arc::new(DeviceId::new("pk", name));
            sessions.add(
                UnixMillis(0),
                name.as_bytes(),
                session(&device, UnixMillis(9)),
            );
        }
        sessions.revoke(Some(&DeviceId::new("pk", "a")));
        assert_eq!(sessions.len(), 1);
        sessions.revoke(None);
        assert_eq!(sessions.len(), 0);
        assert!(sessions.by_device.is_empty() && sessions.by_expiry.is_empty());
    }
}
