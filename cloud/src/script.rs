//! Answers out of turn: what a test wants the cloud to say instead of the truth.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::endpoint::Transport;
use crate::message::Delivery;
use crate::platform::{Answer, Request};

/// Which requests a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/auth`.
    Auth,
    /// `/topic/…`.
    Topic,
    /// Everything.
    Any,
}

impl Route {
    fn covers(self, request: &Request) -> bool {
        let first = request.segments().first().map(String::as_str);
        match self {
            Route::Auth => first == Some("auth"),
            Route::Topic => first == Some("topic"),
            Route::Any => true,
        }
    }
}

/// What the answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// What the platform says.
    Usual,
    /// This; the platform is not asked, so no token is issued and no report counted.
    Instead(Answer),
    /// What the platform says, with this payload: data for the device in the answer to a post.
    WithPayload(Vec<u8>),
    /// Nothing, as if the request had been lost: a repetition is served as if new.
    RequestLost,
    /// Nothing, as if the answer had been lost: a repetition gets it.
    AnswerLost,
}

/// Longest time that an answer is kept back.
const LONGEST: Duration = Duration::from_secs(3600);

/// One scripted reply. Start from [`Reply::usual`], [`Reply::instead`], [`Reply::request_lost`] or
/// [`Reply::answer_lost`] and add to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What is said.
    pub content: Content,
    /// How; `None` leaves it to the session's ackMode.
    pub delivery: Option<Delivery>,
    /// How long after the request the answer leaves, at most an hour. An empty acknowledgement leaves at once; the
    /// answer to a repeated request is known, and does so too.
    pub later: Duration,
    /// How often each datagram is sent.
    pub copies: usize,
    /// Datagrams sent before.
    pub before: Vec<Vec<u8>>,
    /// Datagrams sent after.
    pub after: Vec<Vec<u8>>,
}

impl Reply {
    fn new(content: Content) -> Self {
        Reply {
            content,
            delivery: None,
            later: Duration::ZERO,
            copies: 1,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// The usual answer.
    pub fn usual() -> Self {
        Reply::new(Content::Usual)
    }

    /// Another answer.
    pub fn instead(answer: Answer) -> Self {
        Reply::new(Content::Instead(answer))
    }

    /// The usual answer with a payload.
    pub fn with_payload(payload: impl Into<Vec<u8>>) -> Self {
        Reply::new(Content::WithPayload(payload.into()))
    }

    /// No answer, nor memory of the request.
    pub fn request_lost() -> Self {
        Reply::new(Content::RequestLost)
    }

    /// The request takes effect, the answer does not arrive.
    pub fn answer_lost() -> Self {
        Reply::new(Content::AnswerLost)
    }

    /// Sends it this way.
    #[must_use]
    pub fn by(mut self, delivery: Delivery) -> Self {
        self.delivery = Some(delivery);
        self
    }

    /// Sends it so long after the request.
    #[must_use]
    pub fn later(mut self, delay: Duration) -> Self {
        self.later = delay;
        self
    }

    pub(crate) fn delay(&self) -> Duration {
        self.later.min(LONGEST)
    }

    /// Sends every datagram of it this often.
    #[must_use]
    pub fn copies(mut self, copies: usize) -> Self {
        self.copies = copies;
        self
    }

    /// Sends this datagram first.
    #[must_use]
    pub fn after_junk(mut self, datagram: impl Into<Vec<u8>>) -> Self {
        self.before.push(datagram.into());
        self
    }

    /// Sends this datagram last.
    #[must_use]
    pub fn before_junk(mut self, datagram: impl Into<Vec<u8>>) -> Self {
        self.after.push(datagram.into());
        self
    }
}

/// A request as a scripting closure sees it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// By which port it came.
    pub transport: Transport,
    /// From whom.
    pub peer: SocketAddr,
    /// Its message id.
    pub message_id: u16,
    /// Whether it was confirmable.
    pub confirmable: bool,
    /// The request.
    pub request: &'a Request,
}

type Closure = Box<dyn FnMut(&Asked<'_>) -> Option<Reply> + Send>;

/// The scripts in force: first the queue, then the closure.
#[derive(Default)]
pub(crate) struct Scripts {
    queue: VecDeque<(Route, Reply)>,
    closure: Option<Closure>,
}

impl Scripts {
    pub(crate) fn push(&mut self, route: Route, times: usize, reply: &Reply) {
        self.queue
            .extend((0..times).map(|_| (route, reply.clone())));
    }

    pub(crate) fn set_closure(&mut self, closure: Option<Closure>) {
        self.closure = closure;
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.closure = None;
    }

    /// The reply for this request; [`Reply::usual`] without a script.
    pub(crate) fn next(&mut self, asked: &Asked<'_>) -> Reply {
        let queued = self
            .queue
            .iter()
            .position(|(route, _)| route.covers(asked.request));
        if let Some((_, reply)) = queued.and_then(|at| self.queue.remove(at)) {
            return reply;
        }
        self.closure
            .as_mut()
            .and_then(|closure| closure(asked))
            .unwrap_or_else(Reply::usual)
    }
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scripts({} queued)", self.queue.len())
    }
}
