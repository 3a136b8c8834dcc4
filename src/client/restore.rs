//! Saving a client before its device loses power, and going on with it afterwards.

use super::authenticate::connect_request;
use super::driver::Client;
use super::endpoint::{Endpoint, Security};
use super::identity::DeviceIdentity;
use super::platform::{ConnectError, Platform, ResumableSession, Transport};
use super::session::Session;
use super::settings::Settings;
use super::snapshot::{SavedGrant, Snapshot, SnapshotError};
use crate::cloud_auth::Secret;
use crate::coap::Instant;
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

/// Why a client could not go on with a saved session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// The saved bytes are of no use: connect without them, and authenticate.
    Snapshot(SnapshotError),
    /// There is no connection; the saved bytes are as good as before.
    Connect(ConnectError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {}

impl<P: Platform, U> Client<P, U> {
    /// What a device keeps while it is without power: the DTLS session, the token, and what the client has used up
    /// of message ids and sequence numbers. To be called when nothing is waiting any more, as the last thing: what
    /// is sent afterwards makes the bytes stale, and reports that are still under way are not among them.
    ///
    /// The bytes hold keys: whoever can read them can speak for the device as long as the token lives, and whoever can change
    /// them can make the next session theirs. They are wiped on drop; the copy is the program's to protect.
    /// `None` when there is nothing that could be kept, since a part exceeds the format.
    pub fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        let now = self.platform.now();
        let state = self.lock();
        let resumable = state.transport.as_ref().and_then(|t| t.resumable());
        state.session.save(now, &self.endpoint, resumable.as_ref())
    }

    /// Connects with the session that [`save`](Self::save) kept: one abbreviated handshake, where the server still knows
    /// it, and reports may be sent at once. `elapsed` is how long the device was without its clock, as far as it
    /// knows; where it does not, or is wrong, the cloud refuses a token that is too old, and the client authenticates
    /// by itself.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]. Bytes that are damaged, or another device's or server's, are refused before anything is sent.
    pub fn connect_restored(
        platform: P,
        identity: DeviceIdentity,
        endpoint: Endpoint,
        settings: Settings,
        saved: &[u8],
        elapsed: Option<Duration>,
    ) -> Result<Self, RestoreError> {
        let snapshot = Snapshot::decode(saved).map_err(RestoreError::Snapshot)?;
        snapshot
            .check_owner(&identity, &endpoint)
            .map_err(RestoreError::Snapshot)?;
        let dtls = Zeroizing::new(snapshot.dtls.to_vec());
        let resume = (!dtls.is_empty()).then(|| ResumableSession::new(dtls));
        let request = connect_request(&identity, &endpoint, &settings, resume.as_ref());
        let transport = platform.connect(&request).map_err(RestoreError::Connect)?;
        let mut session = Session::new(identity, &endpoint, settings, &mut || platform.random());
        session.restore(platform.now(), &snapshot, elapsed.unwrap_or_default());
        Ok(Self::with(platform, endpoint, session, transport))
    }
}

impl Snapshot<'_> {
    fn check_owner(
        &self,
        identity: &DeviceIdentity,
        endpoint: &Endpoint,
    ) -> Result<(), SnapshotError> {
        if (self.product_key, self.device_name)
            != (identity.product_key.as_str(), identity.device_name.as_str())
        {
            return Err(SnapshotError::OtherDevice);
        }
        if self.endpoint != endpoint.to_string() {
            return Err(SnapshotError::OtherEndpoint);
        }
        Ok(())
    }
}

impl<U> Session<U> {
    fn save(
        &self,
        now: Instant,
        endpoint: &Endpoint,
        resumable: Option<&ResumableSession>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let grant = self.grant.as_ref().filter(|_| self.is_authenticated(now));
        Snapshot {
            endpoint: &endpoint.to_string(),
            product_key: &self.identity.product_key,
            device_name: &self.identity.device_name,
            token_option: self.learnt_option(),
            seq: self.seq,
            layer: self.layer.snapshot(now),
            grant: grant.map(|grant| SavedGrant {
                token: grant.token.as_str(),
                lifetime_left: grant.expires.since(now),
                random: grant.random.as_ref().map_or("", Secret::as_str),
            }),
            dtls: resumable.map_or(&[], ResumableSession::as_bytes),
        }
        .encode()
    }

    fn restore(&mut self, now: Instant, snapshot: &Snapshot<'_>, elapsed: Duration) {
        self.seq = snapshot.seq;
        self.layer.restore(now, &snapshot.layer);
        let symmetric = self.security == Security::Symmetric;
        let grant = snapshot.grant.as_ref();
        // A token without the key that belongs to it is of no use.
        let grant = grant.filter(|grant| symmetric != grant.random.is_empty());
        let grant = grant.map(|saved| {
            let longest = self.settings.token_lifetime;
            let left = saved.lifetime_left.saturating_sub(elapsed).min(longest);
            let random = symmetric.then(|| Secret::new(saved.random));
            self.grant_for(now, left, Secret::new(saved.token), random)
        });
        self.resume_grant(snapshot.token_option, grant);
    }
}
