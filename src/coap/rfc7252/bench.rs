//! What the tests of the message layer share: a layer, a virtual clock, and the peer's datagrams.

use crate::coap::{
    Code, Datagram, Ended, Handled, Instant, MessageLayer, MessageType, Outcome, RequestHead,
    RequestHeadBuilder, Submission, TransmissionParams,
};
use core::time::Duration;

const HALF: u32 = 1 << 31; // the generator's middle: an initial timeout of 2.5 s

pub(in crate::coap) struct Bench {
    pub(in crate::coap) layer: MessageLayer<&'static str>,
    pub(in crate::coap) head: RequestHead,
    pub(in crate::coap) now: Instant,
    draws: u32,
}

impl Bench {
    pub(in crate::coap) fn new() -> Self {
        Self::with(TransmissionParams::default())
    }

    pub(in crate::coap) fn with(params: TransmissionParams) -> Self {
        let mut draws = 100;
        let layer = MessageLayer::new(params, &mut || {
            draws += 1;
            draws
        });
        let head = RequestHeadBuilder::new(Code::POST)
            .path(b"topic")
            .build()
            .unwrap();
        Self {
            layer,
            head,
            now: Instant::from_millis(1_000_000),
            draws,
        }
    }

    pub(in crate::coap) fn submit(&mut self, message_type: MessageType, user: &'static str) -> u32 {
        let draws = &mut self.draws;
        let mut random = || {
            *draws += 1;
            *draws
        };
        self.layer
            .submit(
                &mut random,
                submission(message_type, &self.head, user.as_bytes(), user),
            )
            .unwrap()
    }

    pub(in crate::coap) fn submit_first(&mut self, user: &'static str) -> u32 {
        let urgent = submission(MessageType::Confirmable, &self.head, user.as_bytes(), user);
        self.layer.submit_first(&mut || 1, urgent).unwrap()
    }

    /// The next request that has ended by now.
    pub(in crate::coap) fn ended(&mut self) -> Option<(&'static str, Ended)> {
        let (finished, reason) = self.layer.poll_ended(self.now)?;
        Some((finished.user, reason))
    }

    /// Everything due now, in order.
    pub(in crate::coap) fn transmit(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        while let Some((_, bytes)) = self.layer.poll_transmit(self.now, &mut || HALF) {
            sent.push(bytes.to_vec());
        }
        sent
    }

    pub(in crate::coap) fn advance(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    pub(in crate::coap) fn receive(&mut self, bytes: &[u8]) -> Handled<&'static str> {
        let message = Datagram::parse(bytes).unwrap();
        let Handled { reply, outcome } = self.layer.handle(self.now, &message);
        let outcome = match outcome {
            Outcome::Ignored => Outcome::Ignored,
            Outcome::Acknowledged => Outcome::Acknowledged,
            Outcome::Response(finished) => Outcome::Response(finished.user),
            Outcome::Reset(finished) => Outcome::Reset(finished.user),
        };
        Handled { reply, outcome }
    }
}

pub(in crate::coap) fn submission<'a>(
    message_type: MessageType,
    head: &'a RequestHead,
    payload: &'a [u8],
    user: &'static str,
) -> Submission<'a, &'static str> {
    Submission {
        message_type,
        head,
        payload,
        user,
    }
}

pub(in crate::coap) fn id_of(datagram: &[u8]) -> [u8; 2] {
    [datagram[2], datagram[3]]
}

pub(in crate::coap) fn empty(message_type: MessageType, id: [u8; 2]) -> Vec<u8> {
    vec![message_type.header_byte(0), 0, id[0], id[1]]
}

/// A 2.05 with the token of `request`.
pub(in crate::coap) fn response(message_type: MessageType, id: [u8; 2], request: &[u8]) -> Vec<u8> {
    let mut bytes = vec![message_type.header_byte(4), 0x45, id[0], id[1]];
    bytes.extend_from_slice(&request[4..8]);
    bytes
}

pub(in crate::coap) fn ignored() -> Handled<&'static str> {
    Handled {
        reply: None,
        outcome: Outcome::Ignored,
    }
}

/// What is sent back to a datagram that cannot be read.
pub(in crate::coap) fn rejected(datagram: &[u8]) -> Option<[u8; 4]> {
    let error = Datagram::parse(datagram).expect_err("a datagram that cannot be read");
    MessageLayer::<()>::reject(error).map(|reply| *reply.as_bytes())
}
