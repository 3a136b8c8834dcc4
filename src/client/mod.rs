//! One device's session with the cloud: where it connects, how it authenticates, what it has sent and
//! what came back.
//!
//! [`Session`] is the pure part, bytes and instants in, actions out; [`Client`] drives it over a
//! [`Platform`], blocking as the SDK's functions block. Neither knows a C type or a socket.
#![forbid(unsafe_code)]

mod announcement;
mod authenticate;
mod authentication;
mod backoff;
mod driver;
mod endpoint;
mod error;
mod event;
mod happening;
mod identity;
mod link;
pub(crate) mod log_gate;
mod platform;
mod polling;
mod posting;
mod receiving;
mod recovery;
mod restore;
mod session;
mod settings;
mod snapshot;
mod state;
mod transmit;
mod waiting;

#[cfg(test)]
mod driver_hostile_tests;
#[cfg(test)]
mod driver_tests;
#[cfg(test)]
mod hostile_peer_tests;
#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod pace_tests;
#[cfg(test)]
mod polling_tests;
#[cfg(test)]
mod recovery_tests;
#[cfg(test)]
mod restore_tests;
#[cfg(test)]
mod session_grant_tests;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod thread_tests;
#[cfg(test)]
mod token_tests;
#[cfg(test)]
mod virtual_world;

pub use announcement::VendorIds;
pub use authentication::AuthStatus;
pub use driver::{Client, RECEIVE_CAPACITY};
pub use endpoint::{Endpoint, EndpointError, Security, TokenOption};
pub use error::{AuthError, SendError};
pub use event::{Arrival, Event, Report, ReportError, ResponseHead};
pub use happening::{Delivery, Failure, FailureReason, Happening, ReceiveFailure, Sink};
pub use identity::DeviceIdentity;
pub use platform::{
    ConnectError, ConnectRequest, Platform, PskCredentials, Received, Renewal, ResumableSession,
    SendFailed, Transport,
};
pub use restore::RestoreError;
pub use session::Session;
pub use settings::{DtlsOffer, Settings};
pub use snapshot::SnapshotError;
