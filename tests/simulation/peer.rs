//! The cloud in a nutshell: grants tokens, takes reports, remembers what it has answered.

use super::chance::Chance;
use iotx_coap::cloud_auth::SessionKey;
use iotx_coap::coap::{Code, Datagram, MessageType, OptionNumber};
use std::collections::HashMap;

/// A DTLS session's number; plain CoAP has none.
pub(crate) type Session = Option<u64>;
/// Who sent a datagram: RFC 7252's endpoint.
pub(crate) type Origin = (u32, Session);

const TOKEN_OPTIONS: [OptionNumber; 2] = [OptionNumber::AUTH_TOKEN, OptionNumber::AUTH_TOKEN_2018];
const ACK: u8 = 0x60;

/// How the peer behaves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Answers that come in a message of their own, of 1,000.
    pub(crate) separate: u32,
    /// Reports answered 4.29 or 5.03, of 1,000.
    pub(crate) busy: u32,
    /// Acknowledgements of a separate response's request that are left out, of 1,000: the response comes alone.
    pub(crate) unacknowledged: u32,
    /// Authentications that come to nothing for the time being, of 1,000: answered 5.00, 5.03 or 4.29.
    pub(crate) unwilling: u32,
    /// Authentications refused for good with 4.03, of 1,000.
    pub(crate) refusing: u32,
    /// Whether the token must be in the option of 2018; in the other one it is answered 4.02.
    pub(crate) other_option: bool,
    /// Whether payloads are encrypted.
    pub(crate) symmetric: bool,
}

/// When a request was answered, and the datagrams that did it.
type Answered = (u64, Vec<Vec<u8>>);

/// A separate response that waits for its acknowledgement.
struct Unacknowledged {
    to: Origin,
    bytes: Vec<u8>,
    due: u64,
    left: u32,
}

pub(crate) struct Peer {
    chance: Chance,
    manners: Manners,
    /// With what goes into the key of each.
    tokens: HashMap<Vec<u8>, String>,
    granted: u64,
    /// By address and message id: a session that is renewed from the same address is the same endpoint.
    answered: HashMap<(u32, u16), Answered>,
    unacknowledged: Vec<Unacknowledged>,
    next_id: u16,
    /// How often each report was taken.
    pub(crate) taken: HashMap<u32, u32>,
    pub(crate) authentications: u32,
}

impl Peer {
    pub(crate) fn new(chance: Chance, manners: Manners) -> Self {
        Self {
            chance,
            manners,
            tokens: HashMap::new(),
            granted: 0,
            answered: HashMap::new(),
            unacknowledged: Vec::new(),
            next_id: 0,
            taken: HashMap::new(),
            authentications: 0,
        }
    }

    pub(crate) fn void_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Drops what the peer remembers of its conversations.
    pub(crate) fn forget_conversations(&mut self) {
        self.answered.clear();
        self.unacknowledged.clear();
    }

    /// When a separate response has to be repeated next.
    pub(crate) fn due(&self) -> Option<u64> {
        self.unacknowledged.iter().map(|u| u.due).min()
    }

    /// Repeats what is due.
    pub(crate) fn repeat(&mut self, now: u64) -> Vec<(Origin, Vec<u8>)> {
        let mut out = Vec::new();
        self.unacknowledged.retain_mut(|response| {
            if response.due > now {
                return true;
            }
            if response.left == 0 {
                return false;
            }
            out.push((response.to, response.bytes.clone()));
            response.left -= 1;
            response.due = now + (3000 << (4 - response.left));
            true
        });
        out
    }

    /// Handles a datagram and answers it.
    pub(crate) fn hear(&mut self, now: u64, from: Origin, bytes: &[u8]) -> Vec<Vec<u8>> {
        let message = Datagram::parse(bytes).expect("the device sends well-formed messages");
        let id = message.message_id();
        match message.message_type() {
            MessageType::Acknowledgement | MessageType::Reset => {
                let is_meant =
                    |u: &Unacknowledged| u.to == from && u.bytes[2..4] == id.to_be_bytes();
                self.unacknowledged.retain(|u| !is_meant(u));
                return Vec::new();
            }
            MessageType::Confirmable | MessageType::NonConfirmable => {}
        }
        if let Some((at, answers)) = self.answered.get(&(from.0, id))
            && now < at + 247_000
        {
            return answers.clone();
        }
        let (code, max_age, payload) = self.judge(&message);
        let answers = self.answer(now, from, &message, code, max_age, &payload);
        self.answered.insert((from.0, id), (now, answers.clone()));
        answers
    }

    fn judge(&mut self, request: &Datagram<'_>) -> (Code, Option<u8>, Vec<u8>) {
        let path = request
            .options()
            .find(|(n, _)| *n == OptionNumber::URI_PATH);
        if path.is_some_and(|(_, first)| first == b"auth") {
            self.authentications += 1;
            if self.chance.happens(self.manners.unwilling) {
                let codes = [Code::new(5, 0), Code::new(5, 3), Code::new(4, 29)];
                let code = codes[self.chance.between(0, 2) as usize];
                return (code, Some(self.chance.between(0, 200) as u8), Vec::new());
            }
            if self.chance.happens(self.manners.refusing) {
                return (Code::new(4, 3), None, b"forbidden".to_vec());
            }
            self.granted += 1;
            let token = format!("token-{}", self.granted);
            let random = format!("{:016x}", self.chance.next());
            let payload = if self.manners.symmetric {
                let offset = self.chance.between(1, 9_999);
                format!(r#"{{"random":"{random}","seqOffset":{offset},"token":"{token}"}}"#)
            } else {
                format!(r#"{{"token":"{token}"}}"#)
            };
            self.tokens.insert(token.into_bytes(), random);
            return (Code::CONTENT, None, payload.into_bytes());
        }
        let mut options = request.options();
        let token = options.find(|(number, _)| TOKEN_OPTIONS.contains(number));
        let option = OptionNumber::AUTH_TOKEN_2018;
        if self.manners.other_option && token.is_none_or(|(number, _)| number != option) {
            return (Code::new(4, 2), None, Vec::new());
        }
        let Some(random) = token.and_then(|(_, token)| self.tokens.get(token)) else {
            return (Code::UNAUTHORIZED, None, b"token".to_vec());
        };
        let mut payload = request.payload().to_vec();
        if self.manners.symmetric {
            let key = SessionKey::derive(b"secret", random);
            let len = key.decrypt_in_place(&mut payload).expect("under this key");
            payload.truncate(len);
        }
        if self.chance.happens(self.manners.busy) {
            let code = [Code::new(4, 29), Code::new(5, 3)][self.chance.between(0, 1) as usize];
            return (code, Some(self.chance.between(1, 90) as u8), Vec::new());
        }
        let number = std::str::from_utf8(&payload).ok();
        let number = number.and_then(|text| text.parse().ok());
        *self
            .taken
            .entry(number.expect("a report's number"))
            .or_default() += 1;
        (Code::CONTENT, None, Vec::new())
    }

    fn answer(
        &mut self,
        now: u64,
        from: Origin,
        request: &Datagram<'_>,
        code: Code,
        max_age: Option<u8>,
        payload: &[u8],
    ) -> Vec<Vec<u8>> {
        let confirmable = request.message_type() == MessageType::Confirmable;
        let id = request.message_id();
        if confirmable && !self.chance.happens(self.manners.separate) {
            return vec![encode(ACK, code, id, request, max_age, payload)];
        }
        self.next_id = self.next_id.wrapping_add(1);
        let own_id = self.next_id;
        if !confirmable || self.chance.happens(300) {
            let response = encode(0x50, code, own_id, request, max_age, payload);
            let mut answers = self.acknowledgement(confirmable, id);
            answers.push(response);
            return answers;
        }
        let response = encode(0x40, code, own_id, request, max_age, payload);
        self.unacknowledged.push(Unacknowledged {
            to: from,
            bytes: response.clone(),
            due: now + 2500,
            left: 4,
        });
        let mut answers = self.acknowledgement(true, id);
        answers.push(response);
        answers
    }

    fn acknowledgement(&mut self, confirmable: bool, id: u16) -> Vec<Vec<u8>> {
        if !confirmable || self.chance.happens(self.manners.unacknowledged) {
            return Vec::new();
        }
        let [high, low] = id.to_be_bytes();
        vec![vec![ACK, 0, high, low]]
    }
}

fn encode(
    kind: u8,
    code: Code,
    id: u16,
    request: &Datagram<'_>,
    max_age: Option<u8>,
    payload: &[u8],
) -> Vec<u8> {
    let token = request.token();
    let token = token.as_slice();
    let [high, low] = id.to_be_bytes();
    let mut bytes = vec![kind | token.len() as u8, code.0, high, low];
    bytes.extend_from_slice(token);
    if let Some(seconds) = max_age {
        bytes.extend_from_slice(&[0xd1, 1, seconds]); // option 14
    }
    if !payload.is_empty() {
        bytes.push(0xff);
        bytes.extend_from_slice(payload);
    }
    bytes
}
