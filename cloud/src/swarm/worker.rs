//! The devices of one process: one thread turns the loop that a firmware with a loop of its own would, for all of them.

use super::latency::Latencies;
use super::limits;
use super::options::{Options, Share, Transport};
use super::platform::SwarmPlatform;
use super::poller::Poller;
use super::talk::{Bits, Line, Tally};
use iotx_coap::client::{Client, DeviceIdentity, Endpoint, Happening, Report, Settings};
use iotx_coap::cloud_auth::Secret;
use iotx_coap::coap::Code;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::CString;
use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The product of all devices.
pub(crate) const PRODUCT_KEY: &str = "swarm";
/// Between two lines of progress.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// A device that could not connect, or authenticate, tries again after this.
const PAUSE: Duration = Duration::from_secs(1);
/// A handshake blocks, at 30 % loss for half a minute; so many are made at once.
const HANDSHAKES_AT_ONCE: u32 = 512;
/// Their threads do little, and end with the last handshake.
const STACK: usize = 256 * 1024;

/// A device's name.
pub(crate) fn name(device: u32) -> String {
    format!("device{device}")
}

/// A device's secret: of no secrecy.
pub(crate) fn secret(device: u32) -> String {
    format!("{device:032x}")
}

type SwarmClient = Client<SwarmPlatform, u32>;

struct Device {
    client: SwarmClient,
    /// Among all devices.
    number: u32,
    topic: String,
    /// The descriptor that is watched.
    watched: Option<i32>,
    /// When the loop has to come back; others in the heap are out of date.
    wake: Option<Instant>,
    /// When the next report is due, or the next authentication.
    due: Option<Instant>,
    authenticated: bool,
    sent_at: Instant,
    /// The report under way.
    under_way: Option<u32>,
    /// Reports sent.
    sent: u32,
}

struct Worker<'a> {
    options: &'a Options,
    devices: Vec<Device>,
    poller: Poller,
    wakes: BinaryHeap<Reverse<(Instant, usize)>>,
    tally: Tally,
    latencies: Latencies,
    acknowledged: Bits,
    /// The first device's number.
    first: u32,
    /// Reports may be made.
    go: bool,
}

/// Runs this process's share of the devices until every report has its end.
pub(crate) fn run(options: &Options, share: Share) -> io::Result<()> {
    limits::descriptors()?;
    let ca = match &options.ca {
        Some(path) => std::fs::read(path)?,
        None => Vec::new(),
    };
    let ca = Arc::new(CString::new(ca)?);
    let kib_before = limits::resident_kib()?;
    let arrivals = switch_on(options, share, ca)?;
    let all = u64::from(share.count) * u64::from(options.reports);
    let mut worker = Worker {
        options,
        devices: Vec::with_capacity(share.count as usize),
        poller: Poller::new()?,
        wakes: BinaryHeap::new(),
        tally: Tally::default(),
        latencies: Latencies::default(),
        acknowledged: Bits::with_room_for(all),
        first: share.first,
        go: false,
    };
    worker.turn_until(&arrivals, |it| it.tally.ready == u64::from(share.count))?;
    say(&Line::Ready {
        kib_before,
        kib_after: limits::resident_kib()?,
        processor: limits::processor_time().as_secs_f64(),
    })?;

    let told = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&told);
    std::thread::spawn(move || {
        let mut line = String::new();
        // An end of the input is an order, too: nobody is there any more, and writing will fail.
        let _ = io::stdin().lock().read_line(&mut line);
        tell.store(true, Ordering::Release);
    });
    worker.turn_until(&arrivals, |_| told.load(Ordering::Acquire))?;
    let before = limits::processor_time();
    worker.begin_reports()?;
    worker.turn_until(&arrivals, |it| it.tally.ended() == all)?;
    say(&Line::Done {
        tally: worker.tally.clone(),
        latencies: worker.latencies.clone(),
        acknowledged: worker.acknowledged.clone(),
        processor: (limits::processor_time() - before).as_secs_f64(),
    })
}

fn say(line: &Line) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What a connector has to say.
enum Arrival {
    Connected(u32, Box<SwarmClient>),
    Failed,
}

/// Connects the devices one after the other, at the rate asked for, on threads that end when all are connected.
fn switch_on(options: &Options, share: Share, ca: Arc<CString>) -> io::Result<Receiver<Arrival>> {
    let scheme = match options.transport {
        Transport::Udp => "coap",
        Transport::Psk => "coap-psk",
        Transport::Dtls => "coaps",
    };
    let endpoint = Endpoint::parse(&format!("{scheme}://{}", share.cloud))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    debug_assert_eq!(endpoint.security, options.transport.security());
    let threads = match options.transport {
        Transport::Udp | Transport::Psk => 1,
        Transport::Dtls => HANDSHAKES_AT_ONCE.min(share.count),
    };
    // Of all workers together.
    let rate = f64::from(options.ramp) * f64::from(share.count) / f64::from(options.devices);
    let (sender, receiver) = channel();
    let next = Arc::new(AtomicU32::new(0));
    let ration = Arc::new(Mutex::new(()));
    let start = Instant::now();
    for _ in 0..threads {
        let (sender, next, ca) = (sender.clone(), Arc::clone(&next), Arc::clone(&ca));
        let (endpoint, settings) = (endpoint.clone(), options.settings());
        let ration = Arc::clone(&ration);
        let connect = move || loop {
            let turn = ration.lock().unwrap_or_else(PoisonError::into_inner);
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= share.count {
                return;
            }
            let due = start + Duration::from_secs_f64(f64::from(number) / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            drop(turn);
            let platform = || SwarmPlatform {
                start,
                cloud: share.cloud,
                ca: Arc::clone(&ca),
                device: share.first + number,
            };
            loop {
                let client = client(platform(), &endpoint, &settings);
                let connected = client.is_some();
                let arrival = client.map_or(Arrival::Failed, |client| {
                    Arrival::Connected(share.first + number, Box::new(client))
                });
                if sender.send(arrival).is_err() {
                    return;
                }
                if connected {
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        };
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn(connect)?;
    }
    Ok(receiver)
}

fn client(
    platform: SwarmPlatform,
    endpoint: &Endpoint,
    settings: &Settings,
) -> Option<SwarmClient> {
    let identity = DeviceIdentity {
        product_key: PRODUCT_KEY.to_owned(),
        device_name: name(platform.device),
        device_id: String::new(),
        device_secret: Secret::new(secret(platform.device)),
    };
    Client::connect(platform, identity, endpoint.clone(), settings.clone()).ok()
}

impl Worker<'_> {
    /// Turns the loop until it is done.
    fn turn_until(
        &mut self,
        arrivals: &Receiver<Arrival>,
        done: impl Fn(&Self) -> bool,
    ) -> io::Result<()> {
        let mut tell_at = Instant::now() + TELL_EVERY;
        let mut ready = Vec::new();
        while !done(self) {
            for arrival in arrivals.try_iter() {
                match arrival {
                    Arrival::Connected(number, client) => self.welcome(number, *client)?,
                    Arrival::Failed => self.tally.connect_failures += 1,
                }
            }
            let now = Instant::now();
            while let Some(Reverse((at, device))) = self.wakes.peek().copied() {
                if at > now {
                    break;
                }
                self.wakes.pop();
                if self.devices[device].wake == Some(at) {
                    self.devices[device].wake = None;
                    self.process(device)?;
                }
            }
            if now >= tell_at {
                tell_at = now + TELL_EVERY;
                say(&Line::Progress(self.tally.clone()))?;
            }
            let wake = self.wakes.peek().map_or(tell_at, |Reverse((at, _))| *at);
            // Devices that arrive, and the parent's line, wake nobody.
            let settled = self.go;
            let longest = Duration::from_millis(if settled { 250 } else { 5 });
            let wait = wake.min(tell_at).saturating_duration_since(now);
            self.poller
                .wait(wait.min(longest), |device| ready.push(device));
            for device in ready.drain(..) {
                self.process(device)?;
            }
        }
        Ok(())
    }

    /// A device that has just been connected begins to authenticate.
    fn welcome(&mut self, number: u32, client: SwarmClient) -> io::Result<()> {
        let topic = format!("/topic/{PRODUCT_KEY}/{}/user/update", name(number));
        self.devices.push(Device {
            client,
            number,
            topic,
            watched: None,
            wake: None,
            due: Some(Instant::now()),
            authenticated: false,
            sent_at: Instant::now(),
            under_way: None,
            sent: 0,
        });
        self.process(self.devices.len() - 1)
    }

    /// Every device makes its first report somewhere in the first interval, as devices do.
    fn begin_reports(&mut self) -> io::Result<()> {
        self.go = true;
        let (now, count) = (Instant::now(), self.devices.len() as u32);
        for number in 0..self.devices.len() {
            let share = f64::from(number as u32) / f64::from(count);
            self.devices[number].due = Some(now + self.options.interval.mul_f64(share));
            self.process(number)?;
        }
        Ok(())
    }

    /// What a firmware's loop does when its descriptor is readable or its time-out has passed.
    fn process(&mut self, at: usize) -> io::Result<()> {
        let reports = self.options.reports;
        let Self {
            devices,
            tally,
            latencies,
            acknowledged,
            ..
        } = self;
        let device = &mut devices[at];
        let now = Instant::now();
        let bit = u64::from(device.number - self.first) * u64::from(reports);
        let Device {
            client,
            authenticated,
            under_way,
            due,
            sent_at,
            ..
        } = device;
        client.process(&mut |happening| match happening {
            Happening::Authenticated => {
                tally.ready += u64::from(!*authenticated);
                *authenticated = true;
            }
            Happening::AuthFailed(_) => {
                tally.auth_failures += 1;
                if !*authenticated {
                    *due = Some(now + PAUSE);
                }
            }
            Happening::Response(delivery) => {
                *under_way = None;
                if delivery.head.code == Code::CONTENT {
                    tally.acknowledged += 1;
                    latencies.add(sent_at.elapsed());
                    acknowledged.insert(bit + u64::from(delivery.user));
                } else {
                    tally.refused += 1;
                }
            }
            Happening::ReportFailed(failure) => {
                *under_way = None;
                let reason = failure.reason.to_string();
                *tally.failed.entry(reason).or_default() += 1;
            }
            Happening::ReceiveFailed(_) => {}
        });
        if device.due.is_some_and(|due| due <= now) && device.under_way.is_none() {
            device.due = None;
            if !device.authenticated {
                let begun = device.client.begin_to_authenticate();
                begun.map_err(io::Error::other)?;
            } else if self.go && device.sent < reports {
                self.report(at)?;
            }
        }
        self.wait(at, now)
    }

    /// Makes a device's next report.
    fn report(&mut self, at: usize) -> io::Result<()> {
        let device = &mut self.devices[at];
        let payload = format!("{{\"device\":{},\"n\":{}}}", device.number, device.sent);
        let report = Report {
            path: device.topic.as_bytes(),
            payload: payload.as_bytes(),
            content_format: 50,
            confirmable: true,
        };
        device.sent_at = Instant::now();
        let taken = device.client.send(&report, device.sent);
        taken.map_err(io::Error::other)?;
        device.under_way = Some(device.sent);
        device.sent += 1;
        device.due = Some(device.sent_at + self.options.interval);
        self.tally.sent += 1;
        Ok(())
    }

    /// Sees to it that the loop comes back to this device when there is something to do.
    fn wait(&mut self, at: usize, now: Instant) -> io::Result<()> {
        let device = &mut self.devices[at];
        let descriptor = device.client.descriptor();
        if descriptor != device.watched {
            if let Some(fd) = descriptor {
                self.poller.watch(fd, at)?;
            }
            device.watched = descriptor;
        }
        let next = device.client.next_timeout().map(|time| now + time);
        // A report that is due waits for the end of the one under way, which comes by itself.
        let more = device.sent < self.options.reports || !device.authenticated;
        let due = device.due.filter(|_| device.under_way.is_none() && more);
        let wake = next.into_iter().chain(due).min();
        if wake != device.wake {
            device.wake = wake;
            if let Some(wake) = wake {
                self.wakes.push(Reverse((wake, at)));
            }
        }
        Ok(())
    }
}
