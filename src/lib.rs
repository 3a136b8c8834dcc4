//! The CoAP client of Alibaba Cloud's C device SDK, rebuilt in Rust as a drop-in.
//!
//! The crate is layered; every layer knows only the ones below it:
//!
//! * [`capi`]: the exported C names, thin, checked and panic-proof;
//! * [`client`]: one device's session: authentication, exchanges, delivery;
//! * [`coap`] and [`cloud_auth`]: the message layer of RFC 7252 and the cloud's signatures, tokens and
//!   payload encryption; no I/O, no `unsafe`;
//! * [`ota`]: firmware updates announced over CoAP, no I/O, no `unsafe`; [`download`]: the HTTP(S) connection
//!   that fetches an image, over sockets of its own;
//! * `tls`: what every TLS client in here demands of its server; `host`: whose name that is;
//! * [`hal`]: the seam, safe traits over the imported `HAL_*` symbols;
//! * `hal_default`: weak Linux defaults for those symbols, reached by the linker only.

mod body;
mod cancel;
pub mod capi;
pub mod client;
pub mod cloud_auth;
pub mod coap;
pub mod download;
mod few;
pub mod hal;
mod hal_default;
mod host;
pub mod ota;
mod sync;
mod tls;
