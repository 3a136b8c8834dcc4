//! Firmware updates announced over CoAP: what a device reports, what the cloud orders, and how far the
//! download has come. No I/O; [`download`](crate::download) does that.
//!
//! A device posts its firmware version; the payload of the answer may hold an [`Order`]: an image's
//! version, URL, size and MD5. [`Update`] accepts the order and follows the download that it leads to,
//! [`Exchange`] is one HTTP exchange of that download.
#![forbid(unsafe_code)]

mod exchange;
mod failure;
mod json;
mod order;
mod report;
mod update;
mod url;

#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod update_tests;

pub use exchange::{Exchange, Step};
pub use failure::Failure;
pub use order::{MAX_VERSION_LEN, Md5Sum, Order, OrderError, parse_answer};
pub use report::{
    MAX_FIRMWARE_VERSION_LEN, MAX_REPORT_LEN, ReportError, Steps, Topics, VersionReport,
    progress_payload,
};
pub use update::{Accepted, Phase, Plan, Update};
pub use url::{MAX_URL_LEN, Url, UrlError};
