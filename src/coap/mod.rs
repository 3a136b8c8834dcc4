//! CoAP as RFC 7252 defines it, seen from a client: bytes and instants in, datagrams and outcomes out.
//!
//! Nothing here knows a socket, a clock, OpenSSL or a C type, so all of it runs under a virtual clock.
//!
//! * [`Datagram`]: the strict, allocation-free reader every received byte passes first;
//! * [`RequestHead`]: requests, encoded by `coap-lite` and kept ready for re-use;
//! * [`MessageLayer`]: exchanges, retransmission, deduplication (sections 4 and 5.3).
#![forbid(unsafe_code)]

mod code;
mod dedup;
mod encoded;
mod exchange;
mod layer;
mod message_id;
mod option;
mod params;
mod path;
mod pause;
mod reader;
mod receive;
mod recognized;
mod recovery;
mod request;
mod silence;
mod time;
mod token;

#[cfg(test)]
mod random_walk_tests;
#[cfg(test)]
mod recovery_tests;
#[cfg(test)]
mod rfc7252;

pub use code::{Class, Code};
pub use encoded::{EncodedRequest, Finished, Replacement, Submission};
pub use exchange::Ended;
pub use layer::{MAX_AWAITED, MessageLayer, SubmitError};
pub use message_id::MessageIds;
pub use option::{OptionNumber, Options};
pub use params::{ParamsError, TransmissionParams};
pub use path::{MAX_PATH_LEN, PathError, check as check_path, segments};
pub use reader::{Datagram, FormatError, MessageType};
pub use receive::{Handled, Outcome, Reply};
pub use recovery::Snapshot;
pub use request::{MAX_DATAGRAM, RequestError, RequestHead, RequestHeadBuilder};
pub use time::{Instant, Millis, RandomSource};
pub use token::{Token, Tokens};
