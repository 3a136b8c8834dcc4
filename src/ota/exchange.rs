//! One HTTP exchange (RFC 9110, 9112) that fetches an image, or the rest of it: bytes in, bytes out.

use super::failure::Failure;
use super::update::Plan;
use super::url::Url;
use ureq_proto::BodyMode;
use ureq_proto::client::state::{RecvBody, RecvResponse, Redirect};
use ureq_proto::client::{
    Call, RecvBodyResult, RecvResponseResult, RedirectAuthHeaders, SendRequestResult,
};
use ureq_proto::http::{Request, Response, StatusCode, header};

const USER_AGENT: &str = concat!("iotx-coap/", env!("CARGO_PKG_VERSION"));

/// Room for the request: a URL of the longest kind, twice (path and Host), and the headers.
const REQUEST_ROOM: usize = 4096;

/// The text that comes with a redirection is read for its end, up to here.
const MAX_REDIRECTION_BODY: usize = 64 * 1024;

/// What the bytes of a server led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More input is needed.
    NeedInput,
    /// This many bytes of the image lie at the start of the output.
    Bytes(usize),
    /// The image is elsewhere.
    Redirect(Url),
    /// The server has sent all it wanted to, which is less than what was asked for (RFC 9110, 15.3.7): the rest
    /// is to be asked for anew.
    PartOver,
}

/// A GET request and its response.
pub struct Exchange {
    url: Url,
    request: Vec<u8>,
    sent: usize,
    stage: Stage,
    offset: u32,
    size: u32,
    received: u64,
}

enum Stage {
    Head(Call<RecvResponse>),
    Body(Body),
    /// A text that nobody reads, of which so many bytes have been skipped.
    Redirection(Call<RecvBody>, usize),
    /// Nothing more is expected from this server.
    Over,
}

/// The image on its way.
struct Body {
    call: Call<RecvBody>,
    /// Bytes to come first that are here already.
    skip: u64,
    /// Bytes of the image still to be handed out.
    missing: u64,
    /// Whether there are others behind them.
    more: bool,
}

/// What of an image a response brings.
#[derive(Clone, Copy)]
struct Portion {
    /// Bytes to come first that are here already.
    skip: u64,
    /// Bytes behind them.
    len: u64,
}

impl Exchange {
    /// Asks for what `plan` says is missing.
    ///
    /// # Errors
    ///
    /// [`Failure::Final`] when no request can be made of the URL.
    pub fn new(plan: &Plan) -> Result<Self, Failure> {
        let unusable = |error: &dyn core::fmt::Display| {
            Failure::last(format!("no request can be made for this URL: {error}"))
        };
        let mut request = Request::get(plan.url.uri().clone())
            .header(header::ACCEPT, "*/*")
            // What is counted and hashed are the bytes of the file.
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONNECTION, "close");
        if plan.offset > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", plan.offset));
        }
        let request = request.body(()).map_err(|error| unusable(&error))?;
        let call = Call::new(request).map_err(|error| unusable(&error))?;
        let mut call = call.proceed();
        let mut bytes = vec![0; REQUEST_ROOM];
        let len = call.write(&mut bytes).map_err(|error| unusable(&error))?;
        bytes.truncate(len);
        let Ok(Some(SendRequestResult::RecvResponse(call))) = call.proceed() else {
            return Err(unusable(&"it does not fit"));
        };
        Ok(Self {
            url: plan.url.clone(),
            request: bytes,
            sent: 0,
            stage: Stage::Head(call),
            offset: plan.offset,
            size: plan.size,
            received: 0,
        })
    }

    /// What of the request has yet to be sent.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        &self.request[self.sent..]
    }

    /// Notes that this many bytes of [`unsent`](Self::unsent) have been sent.
    pub fn sent(&mut self, len: usize) {
        self.sent = (self.sent + len).min(self.request.len());
    }

    /// Bytes of the image that have come over this connection, also those that were here already.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Takes what the server has sent, and says how much of it was used up. `output` must not be empty.
    ///
    /// # Errors
    ///
    /// See [`Failure`].
    pub fn receive(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, Step), Failure> {
        let mut used = 0;
        loop {
            let input = &input[used..];
            let (consumed, step) = match &mut self.stage {
                Stage::Over => return Ok((used, Step::NeedInput)),
                Stage::Head(_) => self.head(input)?,
                Stage::Body(body) => body.receive(input, output, &mut self.received)?,
                Stage::Redirection(..) => self.redirection(input, output)?,
            };
            used += consumed;
            if let Some(step) = step {
                return Ok((used, step));
            }
        }
    }

    fn head(&mut self, input: &[u8]) -> Result<(usize, Option<Step>), Failure> {
        let Stage::Head(call) = &mut self.stage else {
            return Ok((0, Some(Step::NeedInput)));
        };
        let (used, response) = call.try_response(input, false).map_err(malformed)?;
        let Some(response) = response else {
            // An interim response (1xx) has been used up, or the head is not complete.
            return Ok((used, (used == 0).then_some(Step::NeedInput)));
        };
        let redirection = is_redirection(response.status());
        let portion = if redirection {
            Portion { skip: 0, len: 0 }
        } else {
            self.check(&response)?
        };
        let Stage::Head(call) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Ok((used, Some(Step::NeedInput)));
        };
        match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) if redirection => {
                self.stage = Stage::Redirection(call, 0);
            }
            Some(RecvResponseResult::RecvBody(call)) => {
                check_length(call.body_mode(), portion)?;
                self.stage = Stage::Body(Body {
                    call,
                    skip: portion.skip,
                    missing: portion.len,
                    more: portion.len < u64::from(self.size - self.offset),
                });
            }
            Some(RecvResponseResult::Redirect(call)) => {
                return Ok((used, Some(Step::Redirect(self.target(call)?))));
            }
            _ => return Err(Failure::last("the server answered with no content")),
        }
        Ok((used, None))
    }

    /// Whether this response carries the image, and what of it.
    fn check(&self, response: &Response<()>) -> Result<Portion, Failure> {
        let status = response.status();
        let encoded = response
            .headers()
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT if encoded => Err(Failure::last(
                "the server sent the image encoded, which was not asked for",
            )),
            // A server may ignore ranges (RFC 9110, 14.2).
            StatusCode::OK => Ok(Portion {
                skip: self.offset.into(),
                len: (self.size - self.offset).into(),
            }),
            StatusCode::PARTIAL_CONTENT if self.offset > 0 => {
                let range = response.headers().get(header::CONTENT_RANGE);
                range
                    .and_then(|range| self.portion(range.to_str().ok()?))
                    .ok_or_else(|| {
                        Failure::last("the server sent another part than the one asked for")
                    })
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::passing(format!("the server answered {status}")))
            }
            _ if status.is_server_error() => {
                Err(Failure::passing(format!("the server answered {status}")))
            }
            _ => Err(Failure::last(format!("the server answered {status}"))),
        }
    }

    /// What a Content-Range says (RFC 9110, 14.4), if it begins where it should, and belongs to this image.
    fn portion(&self, range: &str) -> Option<Portion> {
        let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        if number(first)? != self.offset || !(total == "*" || number(total)? == self.size) {
            return None;
        }
        let last = number(last).filter(|last| (self.offset..self.size).contains(last))?;
        Some(Portion {
            skip: 0,
            len: u64::from(last - self.offset) + 1,
        })
    }

    fn redirection(
        &mut self,
        input: &[u8],
        scratch: &mut [u8],
    ) -> Result<(usize, Option<Step>), Failure> {
        let Stage::Redirection(call, skipped) = &mut self.stage else {
            return Ok((0, Some(Step::NeedInput)));
        };
        let (used, skipping) = call.read(input, scratch).map_err(malformed)?;
        *skipped += skipping;
        // The connection is closed after it in any case: a long text need not be read to its end, but
        // only a call that has seen the end knows where to go on.
        if *skipped > MAX_REDIRECTION_BODY {
            return Err(Failure::last("the server's redirection is too long"));
        }
        if !call.can_proceed() {
            let stuck = used == 0 && skipping == 0;
            return Ok((used, stuck.then_some(Step::NeedInput)));
        }
        let Stage::Redirection(call, _) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Ok((used, Some(Step::NeedInput)));
        };
        match call.proceed() {
            Some(RecvBodyResult::Redirect(call)) => {
                Ok((used, Some(Step::Redirect(self.target(call)?))))
            }
            _ => Err(Failure::last("the server's redirection leads nowhere")),
        }
    }

    fn target(&self, mut call: Call<Redirect>) -> Result<Url, Failure> {
        let status = call.status();
        // The reason is not shown: it may quote the address.
        let next = call
            .as_new_call(RedirectAuthHeaders::Never)
            .ok()
            .flatten()
            .ok_or_else(|| Failure::last(format!("the server answered {status} to nowhere")))?;
        let url = Url::from_uri(next.uri().clone())
            .map_err(|error| Failure::last(format!("the server answered {status}, but {error}")))?;
        if self.url.is_https() && !url.is_https() {
            return Err(Failure::last(format!(
                "the server answered {status} to a host without TLS"
            )));
        }
        Ok(url)
    }
}

fn check_length(mode: BodyMode, portion: Portion) -> Result<(), Failure> {
    let wanted = portion.skip + portion.len;
    match mode {
        BodyMode::LengthDelimited(len) if len != wanted => Err(Failure::last(format!(
            "the server has {len} bytes, not the {wanted} that were ordered"
        ))),
        _ => Ok(()),
    }
}

/// Digits and nothing else, as a number.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

const fn is_redirection(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Body {
    fn receive(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        received: &mut u64,
    ) -> Result<(usize, Option<Step>), Failure> {
        if self.missing == 0 {
            let step = if self.more {
                Step::PartOver
            } else {
                Step::NeedInput
            };
            return Ok((0, Some(step)));
        }
        let (used, got) = self.call.read(input, output).map_err(malformed)?;
        let skipped = usize::try_from(self.skip).map_or(got, |skip| skip.min(got));
        let kept =
            usize::try_from(self.missing).map_or(got - skipped, |most| most.min(got - skipped));
        *received += (skipped + kept) as u64;
        self.skip -= skipped as u64;
        self.missing -= kept as u64;
        if kept > 0 {
            output.copy_within(skipped..skipped + kept, 0);
            return Ok((used, Some(Step::Bytes(kept))));
        }
        if used > 0 {
            return Ok((used, None));
        }
        if self.call.can_proceed() && self.call.body_mode() != BodyMode::CloseDelimited {
            return Err(Failure::last("the image is shorter than what was ordered"));
        }
        Ok((0, Some(Step::NeedInput)))
    }
}

fn malformed(error: ureq_proto::Error) -> Failure {
    Failure::last(format!("the server's answer is malformed: {error}"))
}
