//! Bad networks and bad days of the cloud, end to end: the client over the default HAL and real sockets against the
//! local cloud and its faults. Nothing here waits for time to pass, but for what happens; a bound on a wait only
//! ends a test that has failed.
#![allow(unreachable_pub)] // modules of a test

mod cloud_troubles;
mod loss;
mod repetition;
mod session_troubles;
#[path = "../support/mod.rs"]
mod support;
mod world;
