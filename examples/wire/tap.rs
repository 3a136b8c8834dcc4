//! A relay that writes down what passes, one datagram at a time.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Device,
    Cloud,
}

/// One datagram.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) by: By,
    pub(crate) payload: Vec<u8>,
}

/// What has passed, and the news that something has.
type Log = Arc<(Mutex<Vec<Passed>>, Condvar)>;

/// The content type of an alert (RFC 5246 6.2.1); the last record of a session is one.
const ALERT: u8 = 21;
/// How long a datagram may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The relay, until it is dropped.
pub(crate) struct Tap {
    pub(crate) address: SocketAddr,
    log: Log,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Stands between devices and a cloud on the loopback. Each device gets a socket of its own towards the
    /// cloud, as behind a NAT.
    pub(crate) fn before(cloud: SocketAddr) -> std::io::Result<Self> {
        let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
        let address = front.local_addr()?;
        let (log, ends) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (log, ends) = (Arc::clone(&log), Arc::clone(&ends));
            move || relay(&front, cloud, &log, &ends)
        });
        Ok(Self {
            address,
            log,
            ends,
            thread: Some(thread),
        })
    }

    /// What has passed since the last call.
    pub(crate) fn take(&self) -> Vec<Passed> {
        std::mem::take(&mut *self.log.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, once the cloud has answered the device's goodbye.
    pub(crate) fn take_with_goodbye(&self) -> Vec<Passed> {
        let log = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        let goodbye = |it: &Passed| it.by == By::Cloud && it.payload.first() == Some(&ALERT);
        let (mut log, _) = self
            .log
            .1
            .wait_timeout_while(log, PATIENCE, |log| !log.iter().any(goodbye))
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *log)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        knock(self.address);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// An empty datagram, which ends a wait.
fn knock(address: SocketAddr) {
    if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
        drop(socket.send_to(&[], address));
    }
}

fn note(log: &Log, by: By, payload: &[u8]) {
    let payload = payload.to_vec();
    let passed = Passed { by, payload };
    log.0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(passed);
    log.1.notify_all();
}

/// The way up, and one thread for each device's way down.
fn relay(front: &Arc<UdpSocket>, cloud: SocketAddr, log: &Log, ends: &Arc<AtomicBool>) {
    let mut devices: Vec<(SocketAddr, Arc<UdpSocket>, JoinHandle<()>)> = Vec::new();
    let mut buffer = [0; 2048];
    while let Ok((length, device)) = front.recv_from(&mut buffer) {
        if ends.load(Ordering::Relaxed) {
            break;
        }
        let known = devices.iter().position(|(address, ..)| *address == device);
        let Some(at) = known.or_else(|| {
            let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?);
            let down = std::thread::spawn({
                let (back, front) = (Arc::clone(&back), Arc::clone(front));
                let (log, ends) = (Arc::clone(log), Arc::clone(ends));
                move || relay_down(&back, &front, device, &log, &ends)
            });
            devices.push((device, back, down));
            Some(devices.len() - 1)
        }) else {
            continue;
        };
        note(log, By::Device, &buffer[..length]);
        drop(devices[at].1.send_to(&buffer[..length], cloud));
    }
    for (_, back, down) in devices {
        if let Ok(address) = back.local_addr() {
            knock(address);
        }
        drop(down.join());
    }
}

fn relay_down(
    back: &UdpSocket,
    front: &UdpSocket,
    device: SocketAddr,
    log: &Log,
    ends: &AtomicBool,
) {
    let mut buffer = [0; 2048];
    while let Ok(length) = back.recv(&mut buffer) {
        if ends.load(Ordering::Relaxed) {
            break;
        }
        note(log, By::Cloud, &buffer[..length]);
        drop(front.send_to(&buffer[..length], device));
    }
}
