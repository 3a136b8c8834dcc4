//! What a report costs through the library, beside bare sockets and libcoap, measured in one run on one core.
//!
//! `make bench` builds the programs of `benches/c` and calls this; `docs/performance.md` tells the method.

mod machine;
mod measure;
mod programs;
mod table;

use machine::Machine;
use programs::Bench;
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How much is measured.
struct Extent {
    /// Runs of each program; the tables show medians.
    rounds: usize,
    /// Runs of each program with one report, for the time until the first answer.
    starts: usize,
    /// Reports per timed run: plain, and where there is cryptography.
    timed: (u64, u64),
    /// Reports of the two runs whose difference is counted.
    counted: (u64, u64),
    idle_plain: u64,
    idle_dtls: u64,
}

const FULL: Extent = Extent {
    rounds: 9,
    starts: 21,
    timed: (20_000, 10_000),
    counted: (200, 4_200),
    idle_plain: 10_000,
    idle_dtls: 500,
};

/// Only to see that everything runs.
const QUICK: Extent = Extent {
    rounds: 1,
    starts: 1,
    timed: (100, 100),
    counted: (10, 60),
    idle_plain: 100,
    idle_dtls: 10,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut paths = Vec::new();
    let mut extent = &FULL;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => extent = &QUICK,
            // What `cargo bench` says to every bench.
            "--bench" => {}
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    let [dir, library] = paths.as_slice() else {
        return Err("compares programs that `make bench` builds: run that".into());
    };
    let machine = Machine::find()?;
    eprintln!("{machine}");
    let bench = Bench::start(dir.clone(), machine)?;
    let results = measure::all(&bench, extent)?;
    let sizes = table::Sizes::of(dir, library)?;
    let targets = table::targets(&results, &sizes)?;
    let text = table::render(bench.machine(), &results, &targets);
    println!("{text}");
    std::fs::write(dir.join("table.md"), text)?;
    let json = table::json(bench.machine(), &results, &targets);
    std::fs::write(
        dir.join("results.json"),
        serde_json::to_string_pretty(&json)?,
    )?;
    Ok(())
}
