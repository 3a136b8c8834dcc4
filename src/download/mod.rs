//! Downloads of firmware images over HTTP and HTTPS.
//!
//! A [`Download`] is one attempt, over one connection after another where the server redirects. It can be left at
//! any moment, even in the middle of a TLS handshake, and taken up again by the next [`read`](Download::read);
//! only the resolver of the system cannot be interrupted. It uses sockets of the operating system and
//! OpenSSL, not the platform's `HAL_TCP_*` and `HAL_SSL_*`, whose calls cannot be left half-way.

mod fetcher;
mod link;
mod patience;
mod tls;

pub use fetcher::{FetchError, Fetcher};

use crate::ota::{Exchange, Failure, Plan, Step};
use link::{Established, Interest, Link, Progress};
use patience::Patience;
use std::time::Instant;

/// How much is asked of the connection at once: the longest TLS record.
const BUFFER_LEN: usize = 16 * 1024;

/// Redirections that are followed, as many as RFC 9110's predecessors advised (RFC 2068, 10.3).
const MAX_REDIRECTIONS: u32 = 5;

/// One attempt to fetch an image, or what is missing of it.
pub struct Download {
    plan: Plan,
    exchange: Exchange,
    link: Option<Link>,
    /// Received and not yet used: this part of the buffer.
    buffer: Box<[u8]>,
    filled: std::ops::Range<usize>,
    redirections: u32,
    patience: Patience,
}

/// What one step led to.
enum Stepped {
    /// Bytes of the image are in the output.
    Bytes(usize),
    /// Something was done that is done once per connection.
    Advanced,
    /// Something else was done; there is more to do.
    Done,
    /// Nothing can be done until the connection is ready for this.
    Blocked(Interest),
}

impl Download {
    /// Prepares to fetch what `plan` says is missing; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Failure::Final`] when the URL cannot be asked for.
    pub fn new(plan: Plan) -> Result<Self, Failure> {
        Ok(Self {
            exchange: Exchange::new(&plan)?,
            plan,
            link: None,
            buffer: vec![0; BUFFER_LEN].into_boxed_slice(),
            filled: 0..0,
            redirections: 0,
            patience: Patience::default(),
        })
    }

    /// Puts the next bytes of the image into `output`, as soon as there are any, and says how many; 0 when
    /// there were none by `deadline`. Tries at least once, however late it is.
    ///
    /// `output` must not be empty.
    ///
    /// # Errors
    ///
    /// See [`Failure`]; this attempt is over then.
    pub fn read(&mut self, output: &mut [u8], deadline: Instant) -> Result<usize, Failure> {
        let mut since = Instant::now();
        loop {
            let stepped = self.step(output)?;
            if let Stepped::Bytes(len) = stepped {
                return Ok(len);
            }
            if let (Stepped::Blocked(interest), Some(link)) = (&stepped, &self.link) {
                let left = deadline.saturating_duration_since(Instant::now());
                link.wait(*interest, left.min(self.patience.left_of(link.patience())))?;
            }
            let now = Instant::now();
            self.patience.spend(now - since);
            since = now;
            if let Stepped::Advanced = stepped {
                self.patience.renew();
            } else if let Some(link) = &mut self.link
                && self.patience.left_of(link.patience()).is_zero()
            {
                link.out_of_patience()?;
                self.patience.renew();
            }
            if deadline <= now {
                return Ok(0);
            }
        }
    }

    fn step(&mut self, output: &mut [u8]) -> Result<Stepped, Failure> {
        let Some(link) = &mut self.link else {
            self.link = Some(Link::open(&self.plan.url)?);
            return Ok(Stepped::Advanced);
        };
        match link.establish()? {
            Established::Yes => {}
            Established::Advanced => return Ok(Stepped::Advanced),
            Established::Blocked(interest) => return Ok(Stepped::Blocked(interest)),
        }
        let unsent = self.exchange.unsent();
        if !unsent.is_empty() {
            return Ok(match link.write(unsent)? {
                Progress::Moved(len) => {
                    self.exchange.sent(len);
                    Stepped::Advanced
                }
                Progress::Blocked(interest) => Stepped::Blocked(interest),
            });
        }
        // Even without new input: what was used up last may have been the end.
        let before = self.exchange.received();
        let (used, step) = self
            .exchange
            .receive(&self.buffer[self.filled.clone()], output)?;
        self.filled.start += used;
        self.patience.earn(self.exchange.received() - before);
        match step {
            Step::Bytes(len) => return Ok(Stepped::Bytes(len)),
            Step::Redirect(url) => {
                self.redirections += 1;
                if self.redirections > MAX_REDIRECTIONS {
                    return Err(Failure::Final("too many redirections".to_owned()));
                }
                log::info!("the image is at {url}");
                self.plan.url = url;
                return self.ask_anew();
            }
            Step::PartOver => {
                // At least one byte; more than the plan's size it cannot be.
                let received = u32::try_from(self.exchange.received()).unwrap_or(u32::MAX);
                self.plan.offset = self.plan.offset.saturating_add(received);
                return self.ask_anew();
            }
            Step::NeedInput if used > 0 => return Ok(Stepped::Done),
            Step::NeedInput => {}
        }
        self.fill()
    }

    /// Makes another request, over another connection.
    fn ask_anew(&mut self) -> Result<Stepped, Failure> {
        self.exchange = Exchange::new(&self.plan)?;
        self.filled = 0..0;
        self.link = None;
        Ok(Stepped::Advanced)
    }

    /// Receives into the free part of the buffer.
    fn fill(&mut self) -> Result<Stepped, Failure> {
        let Some(link) = &mut self.link else {
            return Ok(Stepped::Done);
        };
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        if self.filled.end == self.buffer.len() {
            return Err(Failure::Final(
                "the server's answer has a head of more than 16 kB".to_owned(),
            ));
        }
        Ok(match link.read(&mut self.buffer[self.filled.end..])? {
            Progress::Moved(0) => {
                return Err(Failure::passing(
                    "the server closed the connection too early",
                ));
            }
            Progress::Moved(len) => {
                self.filled.end += len;
                Stepped::Done
            }
            Progress::Blocked(interest) => Stepped::Blocked(interest),
        })
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
