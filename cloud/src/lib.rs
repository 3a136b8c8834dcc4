//! A local stand-in for Alibaba Cloud's CoAP endpoint: real DTLS, real tokens, every documented
//! return code.
//!
//! ```
//! use std::time::Duration;
//! use iotx_cloud::Cloud;
//!
//! # fn main() -> std::io::Result<()> {
//! let cloud = Cloud::builder()
//!     .device("a1B2c3D4e5F", "dev01", "0123456789abcdef0123456789ABCDEF")
//!     .udp("127.0.0.1:0")
//!     .start()?;
//! let address = cloud.udp_addr().expect("asked for above");
//! // … a device authenticates and posts to `address` …
//! # let _ = address;
//! let report = cloud.wait_for(|event| event.report().is_some(), Duration::ZERO);
//! # assert!(report.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! Inside, from the bottom up: `message` is the message layer of RFC 7252 and `platform` the state
//! machine from requests to answers, both without I/O; `service` joins them; `udp` and `dtls` are
//! servers fed with datagrams and with the time; `port` gives them a socket and a thread, and `faults`
//! a bad network in between.

mod builder;
pub mod cli;
mod clock;
mod code;
mod devices;
mod dtls;
mod endpoint;
mod event;
mod faults;
mod format;
mod handle;
mod message;
mod ota;
mod pki;
mod platform;
mod port;
mod scenario;
mod script;
mod service;
mod signals;
mod token;
mod topic;
mod udp;

pub use builder::{Builder, Cloud};
pub use clock::{Clock, UnixMillis};
pub use code::{Code, CodeError};
pub use devices::{DEFAULT_TOPICS, DeviceError, DeviceId};
pub use dtls::{DtlsOptions, DtlsVersion, MessageIds, VerifyRequest};
pub use endpoint::{Endpoint, Transport};
pub use event::{Counters, Credential, Event, EventKind, Exchanged, SessionEnd};
pub use faults::{Direction, Fault, Faults, Goodbye, Impairment, ImpairmentError, Memory, Traffic};
pub use format::{json_line, text_line};
pub use handle::CloudHandle;
pub use iotx_coap::cloud_auth::SignMethod;
pub use message::{Delivery, Timing};
pub use ota::{Offer, OtaReport};
pub use pki::{CertificateOptions, Issuer, KeyKind, LOOPBACK, Validity, cloud_hosts};
pub use platform::{
    Answer, Encoding, OPTION_MESSAGE_ID, OPTION_SEQ, OPTION_TOKEN_61, OPTION_TOKEN_2088, Outcome,
    Overload, RateLimit, Refusal, Report, Request, Settings, TokenOption, TokenPlace,
};
pub use scenario::{Action, After, Scenario, ScenarioError};
pub use script::{Asked, Content, Reply, Route};
pub use token::TokenStyle;
