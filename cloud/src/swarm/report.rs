//! What a run comes to, for people and as JSON.

use super::latency::Latencies;
use super::options::Options;
use super::talk::{Bits, Tally};
use iotx_cloud::Counters;
use serde_json::{Value, json};
use std::time::Duration;

/// One phase as the cloud's counters saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wire {
    pub(crate) datagrams_up: u64,
    pub(crate) datagrams_down: u64,
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
    pub(crate) lost: u64,
    pub(crate) handshakes: u64,
    pub(crate) resumptions: u64,
}

impl Wire {
    pub(crate) fn between(before: &Counters, after: &Counters) -> Self {
        let lost = |it: &Counters| it.up.lost + it.down.lost;
        Self {
            datagrams_up: after.up.datagrams - before.up.datagrams,
            datagrams_down: after.down.datagrams - before.down.datagrams,
            bytes_up: after.up.bytes - before.up.bytes,
            bytes_down: after.down.bytes - before.down.bytes,
            lost: lost(after) - lost(before),
            handshakes: after.handshakes - before.handshakes,
            resumptions: after.resumptions - before.resumptions,
        }
    }
}

/// The reports as the cloud saw them.
#[derive(Debug, Default)]
pub(crate) struct AtCloud {
    /// Which arrived.
    pub(crate) arrived: Bits,
    /// How many arrived that had arrived before.
    pub(crate) again: u64,
}

/// A whole run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) options: &'a Options,
    pub(crate) tally: Tally,
    pub(crate) latencies: Latencies,
    pub(crate) acknowledged: Bits,
    pub(crate) workers: usize,
    /// Until every device had its token.
    pub(crate) setup: Duration,
    /// From then to the last report's end.
    pub(crate) reporting: Duration,
    pub(crate) kib_per_device: f64,
    pub(crate) setup_processor: f64,
    pub(crate) report_processor: f64,
    /// With a cloud in this process.
    pub(crate) cloud: Option<(Wire, Wire, AtCloud)>,
}

#[allow(clippy::cast_precision_loss)] // counts of things that were made one by one
fn per(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// A thousandth is precise enough.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

impl Run<'_> {
    fn percent(&self, count: u64) -> f64 {
        100.0 * per(count, self.options.all_reports())
    }

    /// What is wrong with the run, if anything.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let (ended, all) = (self.tally.ended(), self.options.all_reports());
        if ended != all {
            wrong.push(format!("{ended} ends of {all} reports"));
        }
        let least = |name: &str, share: f64, required: Option<f64>| {
            let missed = required.filter(|required| share < *required);
            missed.map(|required| format!("{share:.1} % {name}, required are {required} %"))
        };
        let required = self.options.require_acknowledged;
        let share = self.percent(self.tally.acknowledged);
        wrong.extend(least("acknowledged", share, required));
        if let Some((_, _, at_cloud)) = &self.cloud {
            let untrue = self.untrue(at_cloud);
            if untrue > 0 {
                wrong.push(format!("{untrue} acknowledged that did not arrive"));
            }
            let share = self.percent(at_cloud.arrived.len());
            wrong.extend(least("arrived", share, self.options.require_arrived));
        } else if self.options.require_arrived.is_some() {
            wrong.push("what arrived is known only of a cloud in this process".to_owned());
        }
        wrong
    }

    /// Reports that were acknowledged and did not arrive.
    fn untrue(&self, at_cloud: &AtCloud) -> u64 {
        let acknowledged = self.acknowledged.numbers();
        let untrue = acknowledged.filter(|number| !at_cloud.arrived.contains(*number));
        untrue.count() as u64
    }

    fn latency(&self, percent: f64) -> Option<f64> {
        let latency = self.latencies.percentile(percent)?;
        Some(round(latency.as_secs_f64() * 1000.0))
    }

    pub(crate) fn json(&self) -> Value {
        let options = self.options;
        let (tally, devices) = (&self.tally, u64::from(options.devices));
        let all = options.all_reports();
        let seconds = |time: Duration| round(time.as_secs_f64());
        let mut out = json!({
            "devices": devices,
            "reports": all,
            "transport": format!("{:?}", options.transport).to_lowercase(),
            "impair": options.impair.map(|it| it.to_string()),
            "seed": options.seed,
            "processes": self.workers,
            "setup": {
                "seconds": seconds(self.setup),
                "connectFailures": tally.connect_failures,
                "authFailures": tally.auth_failures,
                "processorMsPerDevice": round(1000.0 * self.setup_processor / per(devices, 1)),
            },
            "kibPerDevice": round(self.kib_per_device),
            "reporting": {
                "seconds": seconds(self.reporting),
                "perSecond": round(per(tally.ended(), 1) / self.reporting.as_secs_f64()),
                "processorUsPerReport": round(1e6 * self.report_processor / per(all, 1)),
            },
            "acknowledged": tally.acknowledged,
            "refused": tally.refused,
            "failed": tally.all_failed(),
            "reasons": tally.failed,
            "latencyMs": {
                "p50": self.latency(50.0), "p90": self.latency(90.0), "p99": self.latency(99.0),
                "p999": self.latency(99.9), "max": self.latency(100.0),
            },
        });
        if let Some((setup, reporting, at_cloud)) = &self.cloud {
            let wire = |wire: &Wire, count: u64| {
                json!({
                    "datagramsUp": round(per(wire.datagrams_up, count)),
                    "datagramsDown": round(per(wire.datagrams_down, count)),
                    "bytesUp": round(per(wire.bytes_up, count)),
                    "bytesDown": round(per(wire.bytes_down, count)),
                })
            };
            out["arrived"] = json!(at_cloud.arrived.len());
            out["arrivedAgain"] = json!(at_cloud.again);
            out["acknowledgedButNotArrived"] = json!(self.untrue(at_cloud));
            out["wirePerSetup"] = wire(setup, devices);
            out["wirePerReport"] = wire(reporting, all);
            out["datagramsLost"] = json!(setup.lost + reporting.lost);
            out["handshakes"] = json!(setup.handshakes + reporting.handshakes);
            out["resumptions"] = json!(setup.resumptions + reporting.resumptions);
        }
        out
    }

    pub(crate) fn text(&self) -> String {
        let (options, tally) = (self.options, &self.tally);
        let devices = u64::from(options.devices);
        let all = options.all_reports();
        let mut lines = vec![
            format!(
                "setup      {devices} devices in {} processes, {:.1} s, {:.2} ms of processor each, {:.1} KiB of memory each",
                self.workers,
                self.setup.as_secs_f64(),
                1000.0 * self.setup_processor / per(devices, 1),
                self.kib_per_device
            ),
            format!(
                "           connections begun again {}, authentications {}",
                tally.connect_failures, tally.auth_failures
            ),
            format!(
                "reports    {all} in {:.1} s: {:.0} per second, {:.0} µs of processor each",
                self.reporting.as_secs_f64(),
                per(tally.ended(), 1) / self.reporting.as_secs_f64(),
                1e6 * self.report_processor / per(all, 1)
            ),
            format!(
                "outcome    acknowledged {} ({:.1} %), refused {}, reported failed {}",
                tally.acknowledged,
                self.percent(tally.acknowledged),
                tally.refused,
                tally.all_failed()
            ),
        ];
        for (reason, count) in &tally.failed {
            lines.push(format!("           failed: {count} {reason}"));
        }
        let ms = |percent| self.latency(percent).unwrap_or(0.0);
        lines.push(format!(
            "latency    p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, longest {:.1} ms",
            ms(50.0),
            ms(90.0),
            ms(99.0),
            ms(99.9),
            ms(100.0)
        ));
        if let Some((setup, reporting, at_cloud)) = &self.cloud {
            let arrived = at_cloud.arrived.len();
            lines.push(format!(
                "cloud      got {arrived} ({:.1} %), again {}, acknowledged but not arrived {}",
                self.percent(arrived),
                at_cloud.again,
                self.untrue(at_cloud)
            ));
            for (what, wire, count) in [
                ("per setup", setup, devices),
                ("per report", reporting, all),
            ] {
                lines.push(format!(
                    "{what:<10} {:.2} datagrams up, {:.2} down, {:.0} bytes up, {:.0} down",
                    per(wire.datagrams_up, count),
                    per(wire.datagrams_down, count),
                    per(wire.bytes_up, count),
                    per(wire.bytes_down, count)
                ));
            }
            lines.push(format!(
                "network    {} datagrams lost; {} handshakes, {} of them resumptions",
                setup.lost + reporting.lost,
                setup.handshakes + reporting.handshakes,
                setup.resumptions + reporting.resumptions
            ));
        }
        lines.join("\n")
    }
}
