//! The `iotx-swarm` command: many devices at once, each of them a client of the library as it is, to see what a
//! network costs them and what they cost.
//!
//! One process holds the cloud, if it is not elsewhere, and sums up ([`parent`]). The devices live in others
//! ([`worker`]), some thousands in each: a process may have so many file descriptors and no more, and what a
//! device costs can be measured where there is nothing but devices.

mod latency;
mod limits;
mod options;
mod parent;
mod platform;
mod poller;
mod report;
mod talk;
mod worker;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = options::Options::parse();
    let done = match options.worker {
        Some(share) => worker::run(&options, share).map(|()| true),
        None => parent::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("iotx-swarm: {error}");
            ExitCode::from(2)
        }
    }
}
