//! The rest of a Linux port: platform functions that the CoAP client never calls, but firmware may.
//!
//! What needs no more than the C library is C (`threads.c`, `timer.c`, `net.c`); for everything
//! else `shim.c` forwards to the modules here. docs/objects.md lists every function with what it
//! does and how it fails.

mod aes;
mod board;
mod firmware;
mod kv;
mod stream;
mod tcp;
mod tls;
