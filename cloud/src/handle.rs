//! A running cloud.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iotx_coap::cloud_auth::Secret;

use crate::clock::Clock;
use crate::devices::DeviceId;
use crate::event::{Counters, Event};
use crate::faults::{Direction, Faults, Goodbye, ImpairmentError, Memory};
use crate::message::Delivery;
use crate::ota::{FileServer, Offer};
use crate::platform::{Overload, RateLimit};
use crate::port::{Command, RunningPort};
use crate::scenario::{Scenario, Timer};
use crate::script::{Asked, Reply, Route};
use crate::service::Shared;
use crate::token::TokenStyle;

/// A running cloud; it stops, and its threads have ended, when the handle is dropped.
pub struct CloudHandle {
    // No more steps once ports are closed.
    pub(crate) scenario: Mutex<Timer>,
    // Ports first: their threads end before anything they use is taken apart.
    pub(crate) udp: Option<RunningPort>,
    pub(crate) symmetric: Option<RunningPort>,
    pub(crate) dtls: Option<RunningPort>,
    pub(crate) http: Option<FileServer>,
    pub(crate) https: Option<FileServer>,
    pub(crate) ca: Option<CaFile>,
    pub(crate) shared: Arc<Shared>,
}

impl CloudHandle {
    /// Address of the plain port.
    pub fn udp_addr(&self) -> Option<SocketAddr> {
        self.udp.as_ref().map(|port| port.address)
    }

    /// Address of the port of the symmetric mode.
    pub fn symmetric_addr(&self) -> Option<SocketAddr> {
        self.symmetric.as_ref().map(|port| port.address)
    }

    /// Address of the DTLS port.
    pub fn dtls_addr(&self) -> Option<SocketAddr> {
        self.dtls.as_ref().map(|port| port.address)
    }

    /// Address of the HTTP port.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|server| server.address)
    }

    /// Address of the HTTPS port.
    pub fn https_addr(&self) -> Option<SocketAddr> {
        self.https.as_ref().map(|server| server.address)
    }

    /// Offers the device another firmware, or none. Orders name the HTTPS port, or the HTTP port if
    /// there is only that; without either there are none.
    pub fn offer(&self, device: &DeviceId, offer: Option<Offer>) {
        self.shared.offers.set(device.clone(), offer);
    }

    /// The CA's certificate; `None` without a DTLS or HTTPS port that shows certificates.
    pub fn ca_pem(&self) -> Option<&[u8]> {
        self.ca.as_ref().map(|ca| ca.pem.as_slice())
    }

    /// A file with the CA's certificate. Without a data directory it lives as long as the handle.
    pub fn ca_path(&self) -> Option<&Path> {
        self.ca.as_ref().map(|ca| ca.path.as_path())
    }

    /// All events from now on.
    pub fn events(&self) -> Receiver<Event> {
        self.shared.events.tap()
    }

    /// Takes the oldest event that matches and has not been taken yet, waiting for it up to
    /// `timeout`. Events that do not match stay for later calls, so the order of waiting does not
    /// matter.
    pub fn wait_for(&self, wanted: impl FnMut(&Event) -> bool, timeout: Duration) -> Option<Event> {
        self.shared.events.take(wanted, timeout)
    }

    /// Totals since the start.
    pub fn counters(&self) -> Counters {
        self.shared.events.counters()
    }

    /// The devices' names, sorted.
    pub fn devices(&self) -> Vec<DeviceId> {
        self.shared.platform().devices.ids()
    }

    /// The clock that tokens live by.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The next `times` requests of this route get this reply.
    pub fn reply(&self, route: Route, times: usize, reply: &Reply) {
        self.shared.scripts().push(route, times, reply);
    }

    /// Asks `closure` about every request that [`reply`](Self::reply) does not cover. It runs on the
    /// port's thread and must not call this handle.
    pub fn reply_with(&self, closure: impl FnMut(&Asked<'_>) -> Option<Reply> + Send + 'static) {
        self.shared.scripts().set_closure(Some(Box::new(closure)));
    }

    /// Back to the truth.
    pub fn clear_replies(&self) {
        self.shared.scripts().clear();
    }

    /// Switches 5.00 on or off.
    pub fn set_overload(&self, overload: Overload) {
        self.shared.platform().overload = overload;
    }

    /// Enables or disables a device; says whether there is one of this name.
    pub fn set_disabled(&self, device: &DeviceId, disabled: bool) -> bool {
        self.shared.platform().set_disabled(device, disabled)
    }

    /// Makes the tokens of one device, or all, unknown.
    pub fn revoke_tokens(&self, device: Option<&DeviceId>) {
        self.shared.platform().revoke_tokens(device);
    }

    /// From now on issues this token, or fresh ones again.
    pub fn pin_token(&self, token: Option<&str>) {
        self.shared.platform().pin_token(token.map(Secret::new));
    }

    /// Looks and life of the tokens to come.
    pub fn set_tokens(&self, style: TokenStyle, life: Duration) {
        self.shared.platform().set_tokens(style, life);
    }

    /// How many posts a device may make from now on.
    pub fn set_rate_limit(&self, limit: RateLimit) {
        self.shared.platform().settings.rate_limit = limit;
    }

    /// Ends the life of the tokens of one device, or of all: they are answered 4.01, "token expired".
    pub fn expire_tokens(&self, device: Option<&DeviceId>) {
        let now = self.shared.clock.now();
        self.shared.platform().expire_tokens(now, device);
    }

    /// How all answers travel from now on; `None` leaves it to the sessions' ackMode.
    pub fn set_delivery(&self, delivery: Option<Delivery>) {
        self.shared.platform().settings.delivery = delivery;
    }

    /// What happens to datagrams of all UDP ports from now on, below DTLS. Datagrams under way arrive
    /// as they were to.
    ///
    /// ```
    /// use iotx_cloud::{Cloud, Faults, Impairment, Memory};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cloud = Cloud::builder().udp("127.0.0.1:0").start()?;
    /// cloud.impair(Faults::both(Impairment::loss(0.3).duplicate(0.1)).seed(7))?;
    /// cloud.restart(Memory::Kept);
    /// assert_eq!(cloud.counters().up.lost, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a share is none or delays are not in order; then all stays as it was.
    pub fn impair(&self, faults: Faults) -> Result<(), ImpairmentError> {
        faults.check()?;
        self.shared.impair(&faults);
        Ok(())
    }

    /// Loses the next `count` datagrams of this direction at each UDP port, in place of what was left
    /// of an earlier call. This comes before what [`impair`](Self::impair) does.
    pub fn lose_next(&self, direction: Direction, count: u64) {
        self.lose_after(direction, 0, count);
    }

    /// Lets `skip` datagrams of this direction pass first, then loses `count`: a certain flight of a
    /// handshake, for instance.
    pub fn lose_after(&self, direction: Direction, skip: u64, count: u64) {
        self.shared.lose_after(direction, skip, count);
    }

    /// Loses all datagrams in both directions for this time, and those under way.
    pub fn cut_off(&self, time: Duration) {
        self.shared.cut_off(time);
    }

    /// Ends [`cut_off`](Self::cut_off) before its time.
    pub fn reconnect(&self) {
        self.shared.mend();
    }

    /// Makes the NAT device in front of the devices forget its mappings: from now on their datagrams
    /// come from other addresses (events show these), and those sent to the addresses known so far
    /// vanish.
    pub fn rebind_nat(&self) {
        self.shared.rebind_nat();
    }

    /// Behaves as if the process had been restarted, without a word to anybody; [`Memory`] tells what
    /// is forgotten. Ports, devices, scripts, switches and counters stay. Returns when it is done; an
    /// observer or a closure must not call this.
    pub fn restart(&self, memory: Memory) {
        self.shared.restart(memory).wait();
    }

    /// Ends all DTLS sessions and tells the devices. Returns when it is done; an observer or a closure
    /// must not call this.
    pub fn end_sessions(&self, goodbye: Goodbye) {
        self.shared.command(Command::EndSessions(goodbye)).wait();
    }

    /// Begins a scenario, in place of the one under way. What steps before have set stays.
    ///
    /// # Errors
    /// When the scenario makes no sense, or there can be no thread to keep its time.
    pub fn run_scenario(&self, scenario: Scenario) -> io::Result<()> {
        let mut timer = self.scenario.lock().unwrap_or_else(PoisonError::into_inner);
        timer.play(scenario)
    }

    /// Stops the cloud and waits for its threads, as dropping does.
    pub fn shutdown(self) {}
}

/// The CA's certificate, in memory and on disk.
pub(crate) struct CaFile {
    pem: Vec<u8>,
    path: PathBuf,
    passing: bool,
}

impl CaFile {
    /// In the data directory.
    pub(crate) fn kept(pem: Vec<u8>, path: PathBuf) -> Self {
        CaFile {
            pem,
            path,
            passing: false,
        }
    }

    /// In a directory of its own, removed with this value.
    pub(crate) fn passing(pem: Vec<u8>) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("iotx-cloud-{}-{number}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            match fs::create_dir(&dir) {
                Ok(()) => break dir,
                // Left behind by a process that had this id before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        };
        let path = dir.join("ca.pem");
        fs::write(&path, &pem)?;
        Ok(CaFile {
            pem,
            path,
            passing: true,
        })
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        if !self.passing {
            return;
        }
        let removed = fs::remove_file(&self.path)
            .and_then(|()| self.path.parent().map_or(Ok(()), fs::remove_dir));
        if let Err(error) = removed {
            log::warn!("{}: {error}", self.path.display());
        }
    }
}
