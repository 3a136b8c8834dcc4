//! One device's session with the cloud: where it connects, how it authenticates, what it has sent and
//! what came back.
//!
//! [`Session`] is the pure part, bytes and instants in, actions out; [`Client`] drives it over a
//! [`Platform`], blocking as the SDK's functions block. Neither knows a C type or a socket.
#![forbid(unsafe_code)]

mod authentication;
mod driver;
mod endpoint;
mod event;
mod identity;
mod platform;
mod session;
mod settings;

#[cfg(test)]
mod driver_tests;
#[cfg(test)]
mod session_grant_tests;
#[cfg(test)]
mod session_tests;

pub use authentication::AuthStatus;
pub use driver::{AuthError, Client, Delivery, RECEIVE_CAPACITY, SendError};
pub use endpoint::{Endpoint, EndpointError, Security, TokenOption};
pub use event::{Arrival, Event, Report, ReportError, ResponseHead};
pub use identity::DeviceIdentity;
pub use platform::{
    ConnectError, ConnectRequest, Platform, PskCredentials, Received, SendFailed, Transport,
};
pub use session::Session;
pub use settings::{DtlsOffer, Settings};
