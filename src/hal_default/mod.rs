//! Linux defaults for the platform seam.
//!
//! `shim.c` defines every `HAL_*` symbol weakly and forwards what is not trivial in C to the
//! `iotx_hal_default_*` functions here. Nothing in the crate calls this module by path: only the
//! linker does, so that a firmware's own definition always wins. (The one exception, `redirect`,
//! names no `HAL_*` function: downloads trust the same extra roots.) The other direction is allowed:
//! it reads the bundled roots, the codes and the announced offer from [`crate::hal`].
//!
//! Every entry point tolerates NULL, catches panics, and returns the value that the SDK documents
//! for failure.

mod boundary;
mod clock;
mod connect;
mod dtls;
mod identity;
mod ipv4;
#[cfg(not(feature = "redirect"))]
mod no_redirect;
mod port;
mod random;
#[cfg(feature = "redirect")]
pub(crate) mod redirect;
mod socket;
mod udp;
mod udp_local;
