//! Runs the programs, alone and under the tools that count.

use crate::programs::{Bench, Over, Program, Sender};
use crate::{Extent, Result};
use std::collections::BTreeMap;
use std::process::Command;

/// What one program costs; per report, where nothing else is said.
pub(crate) struct Cost {
    pub(crate) program: Program,
    /// Of each round, in nanoseconds.
    pub(crate) nanoseconds: Vec<f64>,
    /// From the beginning to the first answered report, in milliseconds, of each start.
    pub(crate) first_answer: Vec<f64>,
    /// Peak resident size in KiB, of each round.
    pub(crate) peak: Vec<f64>,
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
    pub(crate) system_calls: BTreeMap<String, f64>,
}

/// What `idle` prints.
pub(crate) struct Idle {
    pub(crate) clients: u64,
    /// KiB resident with one client and with all.
    pub(crate) one: u64,
    pub(crate) all: u64,
}

impl Idle {
    /// KiB that each further client takes.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn each(&self) -> f64 {
        (self.all - self.one) as f64 / (self.clients - 1) as f64
    }
}

pub(crate) struct Results {
    pub(crate) costs: Vec<Cost>,
    pub(crate) idle_plain: Idle,
    pub(crate) idle_dtls: Idle,
}

impl Results {
    pub(crate) fn of(&self, over: Over, sender: Sender) -> Result<&Cost> {
        let wanted = Program { over, sender };
        let cost = self.costs.iter().find(|cost| cost.program == wanted);
        cost.ok_or_else(|| "a program that was not measured".into())
    }
}

impl Cost {
    pub(crate) fn system_calls(&self) -> f64 {
        self.system_calls.values().sum()
    }

    /// How many reports it sends in the time in which `other` sends one: of each round, so that both have
    /// had the same weather; the median.
    pub(crate) fn rate_beside(&self, other: &Self) -> f64 {
        let rounds = self.nanoseconds.iter().zip(&other.nanoseconds);
        median(&rounds.map(|(own, other)| other / own).collect::<Vec<_>>())
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

pub(crate) fn all(bench: &Bench, extent: &Extent) -> Result<Results> {
    let mut costs = Vec::new();
    for program in Program::ALL {
        eprintln!("counting: {}, {}", program.over.name(), program.name());
        costs.push(Cost {
            program,
            nanoseconds: Vec::new(),
            first_answer: Vec::new(),
            peak: Vec::new(),
            instructions: per_report(extent, |reports| instructions(bench, program, reports))?,
            allocations: per_report(extent, |reports| allocations(bench, program, reports))?,
            system_calls: system_calls(bench, program, extent)?,
        });
    }
    for round in 1..=extent.rounds {
        eprintln!("timing: round {round} of {}", extent.rounds);
        for cost in &mut costs {
            let reports = match cost.program.over {
                Over::Plain => extent.timed.0,
                Over::Symmetric | Over::Dtls => extent.timed.1,
            };
            let timed = time(bench, cost.program, reports)?;
            cost.nanoseconds.push(timed.each);
            cost.peak.push(timed.peak);
        }
    }
    eprintln!("timing: {} starts of each", extent.starts);
    for _ in 0..extent.starts {
        for cost in &mut costs {
            // libcoap's program counts from the second report on.
            let timed = time(bench, cost.program, 2)?;
            cost.first_answer.push(timed.first);
        }
    }
    eprintln!("idle clients");
    Ok(Results {
        costs,
        idle_plain: idle(bench, Over::Plain, extent.idle_plain)?,
        idle_dtls: idle(bench, Over::Dtls, extent.idle_dtls)?,
    })
}

struct Timed {
    /// Nanoseconds per report.
    each: f64,
    /// Milliseconds to the first answer.
    first: f64,
    /// KiB.
    peak: f64,
}

fn time(bench: &Bench, program: Program, reports: u64) -> Result<Timed> {
    let (output, _) = run(&mut bench.command(program, reports, &[]))?;
    let numbers: Vec<f64> = numbers(&output)?;
    let [reports, whole, first, peak] = numbers.as_slice() else {
        return Err(format!("not the line of a bench program: {output}").into());
    };
    Ok(Timed {
        each: whole / reports,
        first: first / 1e6,
        peak: *peak,
    })
}

fn idle(bench: &Bench, over: Over, clients: u64) -> Result<Idle> {
    let (output, _) = run(&mut bench.idle(over, clients))?;
    let numbers: Vec<u64> = numbers(&output)?;
    let [clients, one, all, _] = *numbers.as_slice() else {
        return Err(format!("not the line of `idle`: {output}").into());
    };
    Ok(Idle { clients, one, all })
}

fn numbers<T: std::str::FromStr>(line: &str) -> Result<Vec<T>>
where
    T::Err: std::error::Error + 'static,
{
    let parsed: std::result::Result<Vec<T>, _> = line.split_whitespace().map(str::parse).collect();
    Ok(parsed?)
}

/// The difference of two runs, so that what is not a report's cancels.
fn per_report(extent: &Extent, count: impl Fn(u64) -> Result<u64>) -> Result<f64> {
    let (few, many) = extent.counted;
    Ok(difference(count(few)?, count(many)?, extent))
}

#[allow(clippy::cast_precision_loss)]
fn difference(of_few: u64, of_many: u64, extent: &Extent) -> f64 {
    let (few, many) = extent.counted;
    (of_many as f64 - of_few as f64) / (many - few) as f64
}

/// In user space, by callgrind.
fn instructions(bench: &Bench, program: Program, reports: u64) -> Result<u64> {
    let tool = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
    ];
    let (_, errors) = run(&mut bench.command(program, reports, &tool))?;
    number_after(&errors, "Collected :")
}

/// By memcheck, which sees every allocator call of every library.
fn allocations(bench: &Bench, program: Program, reports: u64) -> Result<u64> {
    let tool = ["valgrind", "--tool=memcheck", "--leak-check=no"];
    let (_, errors) = run(&mut bench.command(program, reports, &tool))?;
    number_after(&errors, "total heap usage:")
}

fn number_after(text: &str, mark: &str) -> Result<u64> {
    let (_, rest) = text
        .split_once(mark)
        .ok_or_else(|| format!("valgrind does not tell \"{mark}\": {text}"))?;
    let number = rest.split_whitespace().next().unwrap_or_default();
    Ok(number.replace(',', "").parse()?)
}

/// By strace, under the names of the calls; those that differ between the runs only.
fn system_calls(bench: &Bench, program: Program, extent: &Extent) -> Result<BTreeMap<String, f64>> {
    let (few, many) = extent.counted;
    let (before, after) = (traced(bench, program, few)?, traced(bench, program, many)?);
    let each = after.into_iter().map(|(name, of_many)| {
        let of_few = before.get(&name).copied().unwrap_or(0);
        (name, difference(of_few, of_many, extent))
    });
    // Less than one in a hundred reports is the set-up's, such as the allocator's.
    Ok(each.filter(|(_, count)| *count >= 0.01).collect())
}

fn traced(bench: &Bench, program: Program, reports: u64) -> Result<BTreeMap<String, u64>> {
    let tool = ["strace", "-c", "-f", "-U", "calls,name"];
    let (_, errors) = run(&mut bench.command(program, reports, &tool))?;
    let calls = errors.lines().filter_map(|line| {
        let (count, name) = line.trim().split_once(char::is_whitespace)?;
        Some((name.trim().to_owned(), count.parse().ok()?))
    });
    Ok(calls.filter(|(name, _)| name != "total").collect())
}

/// What it printed to its standard output, and to the other one.
fn run(command: &mut Command) -> Result<(String, String)> {
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{command:?}: {}\n{errors}", output.status).into());
    }
    Ok((String::from_utf8(output.stdout)?, errors))
}
