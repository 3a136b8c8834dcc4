//! What arrives: matching responses to requests, and answering what must be answered
//! (RFC 7252 sections 4.2, 4.3, 4.5 and 5.2 to 5.4).

use super::code::{Class, Code};
use super::encoded::Finished;
use super::exchange::Exchange;
use super::layer::MessageLayer;
use super::option::OptionNumber;
use super::reader::{Datagram, FormatError, MessageType};
use super::time::Instant;
use super::token::Token;

/// An empty message to be sent back at once: an ACK or a Reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply([u8; 4]);

impl Reply {
    fn new(message_type: MessageType, message_id: u16) -> Self {
        let [high, low] = message_id.to_be_bytes();
        Self([message_type.header_byte(0), Code::EMPTY.0, high, low])
    }

    fn acknowledge(message_id: u16) -> Self {
        Self::new(MessageType::Acknowledgement, message_id)
    }

    fn reset(message_id: u16) -> Self {
        Self::new(MessageType::Reset, message_id)
    }

    /// The datagram to send.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

/// What became of a received message.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It matched nothing that was waiting.
    Ignored,
    /// It acknowledged a request whose response will come separately.
    Acknowledged,
    /// It is the response to this request.
    Response(T),
    /// The peer reset this request.
    Reset(T),
}

/// The result of [`MessageLayer::handle`].
#[derive(Debug, PartialEq, Eq)]
pub struct Handled<T> {
    /// To be sent back at once.
    pub reply: Option<Reply>,
    /// What the message meant.
    pub outcome: Outcome<T>,
}

impl<T> Handled<T> {
    const fn silently(outcome: Outcome<T>) -> Self {
        Self {
            reply: None,
            outcome,
        }
    }
}

impl<U> MessageLayer<U> {
    /// Answers a datagram that could not be read: a malformed Confirmable message is reset,
    /// everything else ignored (sections 4.2 and 4.3).
    #[must_use]
    pub fn reject(error: FormatError) -> Option<Reply> {
        match error {
            FormatError::Malformed {
                message_type: MessageType::Confirmable,
                message_id,
            } => Some(Reply::reset(message_id)),
            _ => None,
        }
    }

    /// Handles a message from the peer, and notes that it was [`heard`](Self::heard).
    pub fn handle(&mut self, now: Instant, message: &Datagram<'_>) -> Handled<Finished<U>> {
        let Handled { reply, outcome } = self.handle_in_place(now, message);
        let outcome = match outcome {
            Outcome::Ignored => Outcome::Ignored,
            Outcome::Acknowledged => Outcome::Acknowledged,
            Outcome::Response(index) => Outcome::Response(self.remove(index)),
            Outcome::Reset(index) => Outcome::Reset(self.remove(index)),
        };
        Handled { reply, outcome }
    }

    /// As [`handle`](Self::handle), but a request that the message ends stays where it is, at the
    /// index in the outcome, until the caller takes it out: with [`finish`](Self::finish), or
    /// [`remove`](Self::remove).
    pub(crate) fn handle_in_place(
        &mut self,
        now: Instant,
        message: &Datagram<'_>,
    ) -> Handled<usize> {
        self.heard(now);
        match (message.message_type(), message.code().class()) {
            (MessageType::Acknowledgement, Class::Empty) => self.handle_empty_ack(message),
            (MessageType::Reset, Class::Empty) => self.handle_reset(message),
            (MessageType::Acknowledgement, _) if message.code().is_response() => {
                self.handle_piggybacked(message)
            }
            (MessageType::Confirmable, _) if message.code().is_response() => {
                self.handle_separate_confirmable(now, message)
            }
            (MessageType::NonConfirmable, _) if message.code().is_response() => {
                Handled::silently(self.take_response(message, |_| true))
            }
            // A ping (section 4.3) or a request: this endpoint serves nothing.
            (MessageType::Confirmable, _) => Handled {
                reply: Some(Reply::reset(message.message_id())),
                outcome: Outcome::Ignored,
            },
            _ => Handled::silently(Outcome::Ignored),
        }
    }

    /// Section 4.2: an empty ACK ends the retransmission; the response comes separately.
    fn handle_empty_ack(&mut self, message: &Datagram<'_>) -> Handled<usize> {
        let spans = &self.spans;
        let id = message.message_id();
        let mut exchanges = self.exchanges.iter_mut();
        let waiting = exchanges.find(|e| e.request.went_as(id));
        if !waiting.is_some_and(|exchange| exchange.acknowledged(spans)) {
            return Handled::silently(Outcome::Ignored);
        }
        self.resume_held();
        Handled::silently(Outcome::Acknowledged)
    }

    /// Section 4.2: a Reset ends the exchange, Confirmable or not.
    fn handle_reset(&mut self, message: &Datagram<'_>) -> Handled<usize> {
        let id = message.message_id();
        let mut exchanges = self.exchanges.iter();
        let index = exchanges.position(|e| e.request.went_as(id) && e.is_sent());
        let outcome = index.map_or(Outcome::Ignored, Outcome::Reset);
        Handled::silently(outcome)
    }

    /// Section 5.3.2: a piggybacked response matches by message id and token.
    fn handle_piggybacked(&mut self, message: &Datagram<'_>) -> Handled<usize> {
        let id = message.message_id();
        let acknowledges = |e: &Exchange<U>| e.request.went_as(id) && e.is_confirmable();
        Handled::silently(self.take_response(message, acknowledges))
    }

    /// Section 5.2.2: a separate response is acknowledged, also when it comes again; one that
    /// belongs to nothing is reset.
    fn handle_separate_confirmable(
        &mut self,
        now: Instant,
        message: &Datagram<'_>,
    ) -> Handled<usize> {
        let id = message.message_id();
        let outcome = self.take_response(message, |_| true);
        let reply = match outcome {
            Outcome::Response(_) => {
                self.acknowledged_responses.insert(id, now);
                Reply::acknowledge(id)
            }
            // Asked last: a server that has restarted may reuse an id for a response that is
            // awaited.
            _ if self.is_repetition(now, id) => Reply::acknowledge(id),
            _ => Reply::reset(id),
        };
        Handled {
            reply: Some(reply),
            outcome,
        }
    }

    /// Finds the exchange whose token the response carries and that also `fits`; section 5.4.1
    /// forbids processing a response with an unrecognised critical option.
    fn take_response(
        &mut self,
        message: &Datagram<'_>,
        fits: impl Fn(&Exchange<U>) -> bool,
    ) -> Outcome<usize> {
        let token = message.token();
        let answered = |e: &Exchange<U>| {
            e.is_sent() && Token::from_number(e.request.token) == token && fits(e)
        };
        let Some(index) = self.exchanges.iter().position(answered) else {
            return Outcome::Ignored;
        };
        if let Some(option) = message.unrecognized_critical_option() {
            rejected(option);
            return Outcome::Ignored;
        }
        Outcome::Response(index)
    }

    fn is_repetition(&self, now: Instant, message_id: u16) -> bool {
        let lifetime = self.spans.exchange_lifetime;
        self.acknowledged_responses
            .contains(message_id, now, lifetime)
    }
}

#[cold]
fn rejected(option: OptionNumber) {
    log::warn!("response with unrecognised critical option {option} rejected");
}
