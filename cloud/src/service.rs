//! From a CoAP datagram to datagrams: message layer, scripts and platform put together for one port.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use coap_lite::Packet;

use crate::clock::Clock;
use crate::devices::DeviceId;
use crate::endpoint::{Endpoint, Namespace};
use crate::event::{Event, EventKind, Events, Exchanged};
use crate::faults::Control;
use crate::message::{Delivery, Exchange, Expired, MessageLayer, Note, Outgoing, Received, Timing};
use crate::ota::Offers;
use crate::platform::{Answer, Context, Outcome, Platform, Request, Verdict};
use crate::scenario::Stage;
use crate::script::{Asked, Content, Reply, Scripts};

/// What all ports of one cloud have in common.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) events: Events,
    pub(crate) offers: Offers,
    platform: Mutex<Platform>,
    scripts: Mutex<Scripts>,
    controls: Mutex<Vec<Control>>,
    pub(crate) stage: Stage,
}

impl Shared {
    pub(crate) fn new(clock: Clock, events: Events, platform: Platform) -> Self {
        Shared {
            clock,
            events,
            offers: Offers::default(),
            platform: Mutex::new(platform),
            scripts: Mutex::default(),
            controls: Mutex::default(),
            stage: Stage::default(),
        }
    }

    pub(crate) fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The UDP ports being served.
    pub(crate) fn controls(&self) -> MutexGuard<'_, Vec<Control>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, endpoint: &Endpoint, kind: EventKind) {
        let Endpoint {
            transport, peer, ..
        } = *endpoint;
        let occurrence = kind.occurrence();
        self.events.publish(Event {
            at: self.clock.now(),
            transport,
            peer,
            kind,
        });
        if let Some(occurrence) = occurrence {
            self.stage.observe(occurrence);
        }
    }
}

/// One port's CoAP server.
pub(crate) struct Service {
    shared: Arc<Shared>,
    timing: Timing,
    layer: MessageLayer,
    late: Late,
}

/// Answers that scripts delay, by the time when they leave.
#[derive(Default)]
struct Late {
    answers: BTreeMap<(Instant, u64), (Endpoint, Vec<u8>)>,
    /// How many there have been.
    count: u64,
}

impl Late {
    fn push(&mut self, at: Instant, to: Endpoint, datagram: Vec<u8>) {
        self.count += 1;
        self.answers.insert((at, self.count), (to, datagram));
    }

    fn deadline(&self) -> Option<Instant> {
        self.answers.first_key_value().map(|((at, _), _)| *at)
    }

    fn due(&mut self, now: Instant) -> Vec<(Endpoint, Vec<u8>)> {
        let mut due = Vec::new();
        while let Some(first) = self.answers.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }

    fn forget(&mut self, endpoint: Endpoint) {
        self.answers.retain(|_, (to, _)| *to != endpoint);
    }
}

impl Service {
    pub(crate) fn new(shared: Arc<Shared>, timing: &Timing) -> Self {
        Service {
            shared,
            timing: timing.clone(),
            layer: MessageLayer::new(timing),
            late: Late::default(),
        }
    }

    /// Handles one message and returns what to send back to its sender. `among` is whose message ids its
    /// id is one of, `session_of` the device whose pre-shared key opened the DTLS session.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        from: Endpoint,
        among: Namespace,
        session_of: Option<&DeviceId>,
        datagram: &[u8],
    ) -> Vec<Vec<u8>> {
        match self.layer.receive(now, from, among, datagram) {
            Received::Handled {
                note, id, replies, ..
            } => {
                self.shared
                    .publish(&from, event_of(note, id.unwrap_or(0), datagram.len()));
                replies
            }
            Received::Request {
                exchange,
                packet,
                id_reused,
            } => self.serve(now, &exchange, packet, session_of, id_reused),
        }
    }

    fn serve(
        &mut self,
        now: Instant,
        exchange: &Exchange,
        packet: Packet,
        session_of: Option<&DeviceId>,
        id_reused: bool,
    ) -> Vec<Vec<u8>> {
        let shared = Arc::clone(&self.shared);
        let from = exchange.endpoint;
        let clock_now = shared.clock.now();
        let context = Context {
            transport: from.transport,
            session_of,
            now: clock_now,
        };
        let option = shared.platform().settings.token_option;
        let request = Request::parse(packet, option);
        let asked = Asked {
            transport: from.transport,
            peer: from.peer,
            message_id: exchange.id,
            confirmable: exchange.confirmable,
            request: &request,
        };
        let reply = shared.scripts().next(&asked);
        let verdict = judge(&shared, &context, &request, &reply);
        let silent = matches!(reply.content, Content::RequestLost | Content::AnswerLost);
        let delivery = reply.delivery.or(shared.platform().settings.delivery);
        let delivery = delivery.unwrap_or(verdict.delivery);
        let later = reply.delay();
        let mut datagrams = reply.before;
        let answer = &verdict.answer;
        let outgoing = Outgoing {
            code: answer.code,
            options: &answer.options,
            payload: &answer.payload,
        };
        let rejects = !exchange.confirmable && request.check_options().is_err();
        let answered = if rejects {
            // RFC 7252 section 5.4.1: a non-confirmable request with such an option is rejected.
            self.layer.swallow(now, exchange);
            None
        } else if reply.content == Content::RequestLost {
            None
        } else {
            let response = self
                .layer
                .respond(now, later, exchange, &outgoing, delivery);
            if !silent {
                for _ in 0..reply.copies {
                    datagrams.extend(response.at_once.clone());
                    if later.is_zero() {
                        datagrams.push(response.later.clone());
                    } else {
                        self.late.push(now + later, from, response.later.clone());
                    }
                }
            }
            (!silent).then_some(answer.code)
        };
        datagrams.extend(reply.after);
        let exchanged = Exchanged {
            message_id: exchange.id,
            confirmable: exchange.confirmable,
            method: request.method(),
            path: request.path(),
            payload_len: request.payload().len(),
            answered,
            separate: delivery != Delivery::Piggybacked,
            id_reused,
        };
        shared.publish(&from, EventKind::Request(exchanged, verdict.outcome));
        datagrams
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.layer.deadline(), self.late.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Responses that have to be sent now, or again.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<(Endpoint, Vec<u8>)> {
        let mut resend = self.late.due(now);
        for expired in self.layer.expire(now) {
            match expired {
                Expired::Resend(to, datagram) => resend.push((to, datagram)),
                Expired::GaveUp(to, message_id) => {
                    self.shared.publish(&to, EventKind::GaveUp { message_id });
                }
            }
        }
        resend
    }

    /// Forgets all exchanges.
    pub(crate) fn restart(&mut self) {
        self.layer = MessageLayer::new(&self.timing);
        self.late = Late::default();
    }

    /// Drops what belongs to an association that has ended.
    pub(crate) fn forget(&mut self, endpoint: Endpoint) {
        self.layer.forget(endpoint);
        self.late.forget(endpoint);
    }
}

/// The platform's verdict, or what the script says in its place, sealed.
fn judge(shared: &Shared, context: &Context<'_>, request: &Request, reply: &Reply) -> Verdict {
    let mut platform = shared.platform();
    let mut verdict = match &reply.content {
        Content::Instead(answer) => Verdict {
            answer: answer.clone(),
            outcome: Outcome::Scripted,
            delivery: Delivery::default(),
            seal: platform.seal_of(context.now, request),
        },
        Content::RequestLost => Verdict {
            answer: Answer::bare(crate::code::Code(0)),
            outcome: Outcome::Scripted,
            delivery: Delivery::default(),
            seal: None,
        },
        Content::Usual | Content::AnswerLost => {
            let mut verdict = platform.handle(context, request);
            if let Outcome::Published(report) = &verdict.outcome {
                let order = shared
                    .offers
                    .order(&report.device, &report.topic, &report.payload);
                verdict.answer.payload.extend(order.unwrap_or_default());
            }
            verdict
        }
        Content::WithPayload(payload) => {
            let mut verdict = platform.handle(context, request);
            verdict.answer.payload.clone_from(payload);
            verdict
        }
    };
    platform.seal(&mut verdict.answer, verdict.seal.as_ref());
    verdict
}

fn event_of(note: Note, message_id: u16, len: usize) -> EventKind {
    match note {
        Note::Malformed(reason) => EventKind::Malformed {
            reason: reason.into(),
            len,
        },
        Note::Duplicate => EventKind::Duplicate { message_id },
        Note::Ping => EventKind::Ping { message_id },
        Note::Acknowledged => EventKind::Acknowledged { message_id },
        Note::Reset => EventKind::Reset { message_id },
        Note::Unexpected => EventKind::Unexpected { message_id },
    }
}
