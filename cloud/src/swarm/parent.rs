//! The process that begins it all: the cloud, the workers, and the sum.

use super::latency::Latencies;
use super::limits;
use super::options::Options;
use super::report::{AtCloud, Run, Wire};
use super::talk::{Bits, Line, Tally};
use super::worker::{PRODUCT_KEY, name, secret};
use iotx_cloud::{Cloud, CloudHandle, Faults};
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines of progress where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// Columns of the bar.
const BAR: usize = 30;

/// Runs the whole swarm; says whether the run was as it should be.
pub(crate) fn run(options: &Options) -> io::Result<bool> {
    if let Some(path) = &options.write_devices {
        return write_devices(options, path).map(|()| true);
    }
    let transmission = options.settings().transmission;
    let nonsense = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
    transmission.validate().map_err(nonsense)?;
    let arrived = Arc::new(Mutex::new(AtCloud {
        arrived: Bits::with_room_for(options.all_reports()),
        again: 0,
    }));
    let cloud = match options.connect {
        Some(_) => None,
        None => Some(start_cloud(options, &arrived)?),
    };
    let address = match (&cloud, options.connect) {
        (_, Some(address)) => address,
        (Some(cloud), None) => port(options, cloud)?,
        (None, None) => return Err(io::Error::other("no cloud")),
    };
    let mut swarm = Swarm::start(options, address, cloud.as_ref())?;
    let counters = || cloud.as_ref().map(CloudHandle::counters);

    let (begun, before) = (Instant::now(), counters());
    let ready = swarm.wait_for_ready(begun)?;
    let (setup, with_tokens) = (begun.elapsed(), counters());
    let begun = Instant::now();
    swarm.go()?;
    let done = swarm.wait_for_end(begun)?;
    let (reporting, after) = (begun.elapsed(), counters());

    let between = |one: Option<_>, other: Option<_>| Some(Wire::between(&one?, &other?));
    let setup_wire = between(before, with_tokens.clone());
    let report_wire = between(with_tokens, after);
    // Its threads have ended: nothing arrives any more.
    drop(cloud);
    let at_cloud = std::mem::take(&mut *lock(&arrived));
    let run = Run {
        options,
        tally: done.tally,
        latencies: done.latencies,
        acknowledged: done.acknowledged,
        workers: swarm.workers.len(),
        setup,
        reporting,
        kib_per_device: ready.kib / f64::from(options.devices),
        setup_processor: ready.processor,
        report_processor: done.processor,
        cloud: setup_wire
            .zip(report_wire)
            .map(|(setup, reporting)| (setup, reporting, at_cloud)),
    };
    let complaints = run.complaints();
    if options.json {
        let mut out = run.json();
        out["complaints"] = json!(complaints);
        println!("{out}");
    } else {
        println!("{}", run.text());
        for complaint in &complaints {
            println!("WRONG      {complaint}");
        }
    }
    Ok(complaints.is_empty())
}

fn lock(arrived: &Mutex<AtCloud>) -> MutexGuard<'_, AtCloud> {
    arrived.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The list that iotx-cloud reads.
fn write_devices(options: &Options, path: &std::path::Path) -> io::Result<()> {
    let device = |number| {
        json!({
            "productKey": PRODUCT_KEY,
            "deviceName": name(number),
            "deviceSecret": secret(number),
        })
    };
    let devices: Vec<_> = (0..options.devices).map(device).collect();
    std::fs::write(path, json!({ "devices": devices }).to_string())
}

/// A cloud that knows the devices, and notes what they report.
fn start_cloud(options: &Options, arrived: &Arc<Mutex<AtCloud>>) -> io::Result<CloudHandle> {
    use super::options::Transport;
    let mut builder = Cloud::builder().keep_events(0);
    for number in 0..options.devices {
        builder = builder.device(PRODUCT_KEY, name(number), secret(number));
    }
    builder = match options.transport {
        Transport::Udp => builder.udp("127.0.0.1:0"),
        Transport::Psk => builder.symmetric("127.0.0.1:0"),
        Transport::Dtls => builder.dtls("127.0.0.1:0"),
    };
    if let Some(impairment) = options.impair {
        builder = builder.impair(Faults::both(impairment).seed(options.seed));
    }
    let (arrived, each) = (Arc::clone(arrived), u64::from(options.reports));
    let devices = usize::try_from(options.devices).unwrap_or(usize::MAX);
    builder = builder.dtls_options(|dtls| dtls.max_sessions = dtls.max_sessions.max(2 * devices));
    builder
        .observer(move |event| {
            if let Some((device, n)) = event.report().and_then(|it| numbers(&it.payload)) {
                let mut at_cloud = lock(&arrived);
                if !at_cloud.arrived.insert(device * each + n) {
                    at_cloud.again += 1;
                }
            }
        })
        .start()
}

/// Device and number of a report.
fn numbers(payload: &[u8]) -> Option<(u64, u64)> {
    let report: serde_json::Value = serde_json::from_slice(payload).ok()?;
    Some((report["device"].as_u64()?, report["n"].as_u64()?))
}

fn port(options: &Options, cloud: &CloudHandle) -> io::Result<SocketAddr> {
    use super::options::Transport;
    let address = match options.transport {
        Transport::Udp => cloud.udp_addr(),
        Transport::Psk => cloud.symmetric_addr(),
        Transport::Dtls => cloud.dtls_addr(),
    };
    address.ok_or_else(|| io::Error::other("the cloud has no such port"))
}

/// What a worker has to say, or how it ended.
type Said = (usize, io::Result<Line>);

struct Worker {
    process: Child,
    input: Option<ChildStdin>,
    first: u32,
    tally: Tally,
}

struct Swarm<'a> {
    options: &'a Options,
    workers: Vec<Worker>,
    said: Receiver<Said>,
    shown: Instant,
}

/// When all devices have their tokens.
#[derive(Default)]
struct Ready {
    kib: f64,
    processor: f64,
}

/// When all reports have their ends.
#[derive(Default)]
struct Done {
    tally: Tally,
    latencies: Latencies,
    acknowledged: Bits,
    processor: f64,
}

impl<'a> Swarm<'a> {
    fn start(
        options: &'a Options,
        cloud: SocketAddr,
        own: Option<&CloudHandle>,
    ) -> io::Result<Self> {
        let room = limits::descriptors()? / u64::from(options.transport.descriptors());
        let room = u32::try_from(room).unwrap_or(u32::MAX).max(1);
        let count = options.devices.div_ceil(room);
        let (sender, said) = channel();
        let mut swarm = Swarm {
            options,
            workers: Vec::new(),
            said,
            shown: Instant::now(),
        };
        let mut first = 0;
        for number in 0..count {
            let share = options.devices / count + u32::from(number < options.devices % count);
            let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
            arguments.push(format!("--worker={first},{share},{cloud}").into());
            if let Some(ca) = own.and_then(CloudHandle::ca_path) {
                arguments.extend([OsString::from("--ca"), ca.into()]);
            }
            let mut process = Command::new(std::env::current_exe()?)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            let output = process.stdout.take();
            let at = swarm.workers.len();
            swarm.workers.push(Worker {
                input: process.stdin.take(),
                process,
                first,
                tally: Tally::default(),
            });
            let sender = sender.clone();
            std::thread::spawn(move || listen(at, output, &sender));
            first += share;
        }
        Ok(swarm)
    }

    fn next(&mut self) -> io::Result<(usize, Line)> {
        let ended = |_| io::Error::other("the workers are gone");
        let (worker, line) = self.said.recv().map_err(ended)?;
        Ok((worker, line?))
    }

    fn wait_for_ready(&mut self, begun: Instant) -> io::Result<Ready> {
        let mut sum = Ready::default();
        let mut left = self.workers.len();
        while left > 0 {
            match self.next()? {
                (worker, Line::Progress(tally)) => {
                    self.workers[worker].tally = tally;
                    let ready: u64 = self.workers.iter().map(|it| it.tally.ready).sum();
                    self.show("devices", ready, self.options.devices.into(), begun)?;
                }
                (
                    _,
                    Line::Ready {
                        kib_before,
                        kib_after,
                        processor,
                    },
                ) => {
                    #[allow(clippy::cast_precision_loss)] // no process has 2^53 KiB
                    let kib = kib_after.saturating_sub(kib_before) as f64;
                    sum.kib += kib;
                    sum.processor += processor;
                    left -= 1;
                }
                (_, Line::Done { .. }) => return Err(io::Error::other("done before ready")),
            }
        }
        Ok(sum)
    }

    /// Tells the workers to begin with the reports.
    fn go(&mut self) -> io::Result<()> {
        for input in self.workers.iter_mut().filter_map(|it| it.input.as_mut()) {
            input.write_all(b"go\n")?;
        }
        Ok(())
    }

    fn wait_for_end(&mut self, begun: Instant) -> io::Result<Done> {
        let mut sum = Done {
            acknowledged: Bits::with_room_for(self.options.all_reports()),
            ..Done::default()
        };
        let mut left = self.workers.len();
        while left > 0 {
            match self.next()? {
                (worker, Line::Progress(tally)) => {
                    self.workers[worker].tally = tally;
                    let ended: u64 = self.workers.iter().map(|it| it.tally.ended()).sum();
                    self.show("reports", ended, self.options.all_reports(), begun)?;
                }
                (
                    worker,
                    Line::Done {
                        tally,
                        latencies,
                        acknowledged,
                        processor,
                    },
                ) => {
                    let first = u64::from(self.workers[worker].first);
                    let offset = first * u64::from(self.options.reports);
                    for number in acknowledged.numbers() {
                        sum.acknowledged.insert(offset + number);
                    }
                    sum.tally.add(&tally);
                    sum.latencies.merge(&latencies);
                    sum.processor += processor;
                    self.workers[worker].tally = tally;
                    left -= 1;
                }
                (_, Line::Ready { .. }) => return Err(io::Error::other("ready twice")),
            }
        }
        if io::stderr().is_terminal() && !self.options.json {
            eprint!("\r\x1b[K");
        }
        Ok(sum)
    }

    /// Shows how far it is: a bar on a terminal, a line now and then elsewhere.
    fn show(&mut self, what: &str, done: u64, all: u64, begun: Instant) -> io::Result<()> {
        if self.options.json {
            return Ok(());
        }
        let mut out = io::stderr().lock();
        let seconds = begun.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss)] // a rate for the eye
        let rate = done as f64 / seconds;
        let text = format!("{done} of {all} {what}, {seconds:.0} s, {rate:.0} per second");
        if out.is_terminal() {
            let full = usize::try_from(done * BAR as u64 / all.max(1)).unwrap_or(BAR);
            let bar = format!("{:<BAR$}", "#".repeat(full.min(BAR)));
            write!(out, "\r\x1b[K[{bar}] {text}")?;
            out.flush()
        } else if self.shown.elapsed() >= PLAIN_EVERY {
            self.shown = Instant::now();
            writeln!(out, "{text}")
        } else {
            Ok(())
        }
    }
}

/// Hands on what a worker says, and its end if that is none of its own.
fn listen(worker: usize, output: Option<std::process::ChildStdout>, sender: &Sender<Said>) {
    let mut last = false;
    for line in output.into_iter().flat_map(|it| BufReader::new(it).lines()) {
        let line = line.and_then(|line| Ok(serde_json::from_str::<Line>(&line)?));
        last = matches!(line, Ok(Line::Done { .. }));
        if sender.send((worker, line)).is_err() {
            return;
        }
    }
    if !last {
        let gone = io::Error::other(format!("worker {worker} has ended before its time"));
        // If nobody listens, the end has come already.
        let _ = sender.send((worker, Err(gone)));
    }
}

impl Drop for Swarm<'_> {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // Without its input it goes on to its end; on an error there is nothing to wait for.
            drop(worker.input.take());
            let _ = worker.process.kill();
            let _ = worker.process.wait();
        }
    }
}
