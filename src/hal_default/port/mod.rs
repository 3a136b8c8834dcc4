//! The rest of a Linux port: platform functions that the CoAP client never calls, but firmware may.
//!
//! What needs no more than the C library is C, in the files beside this one; what needs OpenSSL is
//! here, and reached through `shim.c`. docs/objects.md lists every function with what it does and
//! how it fails.

mod aes;
mod report;
mod stream;
mod tcp;
mod threads;
mod tls;
