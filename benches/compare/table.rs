//! What the results look like, and which targets they meet.

use crate::Result;
use crate::machine::Machine;
use crate::measure::{Cost, Results, median};
use crate::programs::{Over, Program, Sender};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// Bytes on disk, without symbols.
pub(crate) struct Sizes {
    library: u64,
    /// The example with the library inside, and with the shared one.
    example_static: u64,
    example_shared: u64,
}

impl Sizes {
    pub(crate) fn of(dir: &Path, library: &Path) -> Result<Self> {
        let size = |path: &Path| -> Result<u64> { Ok(std::fs::metadata(path)?.len()) };
        Ok(Self {
            library: size(library)?,
            example_static: size(&dir.join("example-static"))?,
            example_shared: size(&dir.join("example-shared"))?,
        })
    }
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

impl Bound {
    fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
            Self::Below(bound) => value < bound,
        }
    }

    fn text(self, decimals: usize) -> String {
        let (words, bound) = match self {
            Self::AtMost(bound) => ("at most ", bound),
            Self::AtLeast(bound) => ("at least ", bound),
            Self::Below(bound) => ("under ", bound),
        };
        format!("{words}{}", number(bound, decimals))
    }
}

pub(crate) struct Target {
    what: String,
    unit: &'static str,
    decimals: usize,
    value: f64,
    bound: Bound,
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn targets(results: &Results, sizes: &Sizes) -> Result<Vec<Target>> {
    use Bound::{AtLeast, AtMost, Below};
    let mut targets = Vec::new();
    let mut add = |what: String, unit, decimals, value, bound| {
        targets.push(Target {
            what,
            unit,
            decimals,
            value,
            bound,
        });
    };
    let limits = [
        (Over::Plain, 2_500.0, Some(0.90)),
        (Over::Symmetric, 6_000.0, None),
        (Over::Dtls, 10_800.0, Some(0.93)),
    ];
    for (over, instructions, rate) in limits {
        let (name, ours) = (over.name(), results.of(over, Sender::Ours)?);
        let of = |what| format!("{name}: {what}");
        let (counted, calls) = (ours.instructions, ours.system_calls());
        add(
            of("instructions per report"),
            "",
            0,
            counted,
            AtMost(instructions),
        );
        add(
            of("allocations per report"),
            "",
            2,
            ours.allocations,
            AtMost(0.0),
        );
        add(of("system calls per report"), "", 2, calls, AtMost(3.0));
        if let Some(least) = rate {
            let beside = ours.rate_beside(results.of(over, Sender::BarePolling)?);
            add(
                of("rate beside the bare loop with poll"),
                "",
                2,
                beside,
                AtLeast(least),
            );
        }
    }
    let (ours, bare) = (
        results.of(Over::Dtls, Sender::Ours)?,
        results.of(Over::Dtls, Sender::BarePolling)?,
    );
    let first = median(&ours.first_answer);
    add(
        "DTLS 1.2: Init to the first answered report".into(),
        " ms",
        2,
        first,
        Below(5.0),
    );
    let peak = median(&ours.peak) / median(&bare.peak);
    add(
        "DTLS 1.2: peak resident size beside the bare client's".into(),
        "",
        2,
        peak,
        AtMost(1.10),
    );
    for (over, idle) in [
        (Over::Plain, &results.idle_plain),
        (Over::Dtls, &results.idle_dtls),
    ] {
        let what = format!(
            "{}: each further idle client ({})",
            over.name(),
            idle.clients
        );
        add(what, " KiB", 1, idle.each(), Below(60.0));
    }
    let crowd = &results.idle_plain;
    let what = format!(
        "{}: a process with {} clients",
        Over::Plain.name(),
        crowd.clients
    );
    add(
        what,
        " MB",
        1,
        crowd.all as f64 * 1024.0 / 1e6,
        Below(100.0),
    );
    add(
        "libiot_sdk.so, stripped".into(),
        " kB",
        0,
        sizes.library as f64 / 1e3,
        Below(600.0),
    );
    let added = sizes.example_static.saturating_sub(sizes.example_shared) as f64 / 1e3;
    add(
        "a static link of the example adds".into(),
        " kB",
        0,
        added,
        Below(600.0),
    );
    Ok(targets)
}

/// The table of all programs, and the one of the targets, in Markdown.
pub(crate) fn render(machine: &Machine, results: &Results, targets: &[Target]) -> String {
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    let head = [
        "",
        "µs per report",
        "rate",
        "instructions",
        "allocations",
        "system calls",
        "first answer",
        "peak memory",
    ];
    line(&head.map(str::to_owned));
    line(
        &[
            "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:",
        ]
        .map(str::to_owned),
    );
    for cost in &results.costs {
        line(&row(results, cost));
    }
    let _ = writeln!(
        text,
        "\nMedians. Rate: beside the bare loop with poll. First answer: since the program began to connect, ours with the\n\
         cloud's authentication. {machine}.\n"
    );
    let _ = writeln!(text, "| target | | | |\n| --- | ---: | ---: | --- |");
    for target in targets {
        let Target {
            what,
            unit,
            decimals,
            value,
            bound,
        } = target;
        let met = if bound.is_met_by(*value) {
            "met"
        } else {
            "**missed**"
        };
        let (value, bound) = (number(*value, *decimals), bound.text(*decimals));
        let _ = writeln!(text, "| {what} | {value}{unit} | {bound}{unit} | {met} |");
    }
    text
}

fn row(results: &Results, cost: &Cost) -> [String; 8] {
    let Program { over, .. } = cost.program;
    // Symmetric sessions run over plain UDP, and there is no bare loop that encrypts.
    let beside = if over == Over::Symmetric {
        Over::Plain
    } else {
        over
    };
    let rate = results
        .of(beside, Sender::BarePolling)
        .map(|bare| cost.rate_beside(bare));
    [
        format!("{}: {}", over.name(), cost.program.name()),
        number(median(&cost.nanoseconds) / 1e3, 2),
        rate.map_or_else(|_| String::new(), |rate| number(rate, 2)),
        number(cost.instructions, 0),
        number(cost.allocations, 1),
        number(cost.system_calls(), 1),
        format!("{} ms", number(median(&cost.first_answer), 2)),
        format!("{} KiB", number(median(&cost.peak), 0)),
    ]
}

/// With a comma between thousands.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    // Nothing, not less than nothing.
    let text = match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest,
        _ => &text,
    };
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

pub(crate) fn json(machine: &Machine, results: &Results, targets: &[Target]) -> Value {
    let programs: Vec<Value> = results.costs.iter().map(program_json).collect();
    let targets: Vec<Value> = targets
        .iter()
        .map(|target| {
            json!({
                "what": target.what,
                "value": target.value,
                "unit": target.unit.trim(),
                "bound": target.bound.text(target.decimals),
                "met": target.bound.is_met_by(target.value),
            })
        })
        .collect();
    let idle = [&results.idle_plain, &results.idle_dtls].map(|idle| {
        json!({
            "clients": idle.clients,
            "resident_kib_with_one": idle.one,
            "resident_kib_with_all": idle.all,
        })
    });
    let [idle_plain, idle_dtls] = idle;
    json!({
        "machine": machine.to_string(),
        "programs": programs,
        "idle": { "plain": idle_plain, "dtls": idle_dtls },
        "targets": targets,
    })
}

fn program_json(cost: &Cost) -> Value {
    json!({
        "over": cost.program.over.name(),
        "program": cost.program.name().trim_matches('*'),
        "instructions": cost.instructions,
        "allocations": cost.allocations,
        "system_calls": cost.system_calls,
        "nanoseconds_of_each_round": cost.nanoseconds,
        "peak_kib_of_each_round": cost.peak,
        "first_answer_ms_of_each_start": cost.first_answer,
    })
}
