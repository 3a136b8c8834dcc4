//! Looks at every datagram that leaves the device, and holds it against RFC 7252.

use iotx_coap::coap::{Code, Datagram, MessageType, OptionNumber, TransmissionParams};
use std::collections::HashMap;

/// A Confirmable request as seen from the wire.
#[derive(Debug)]
struct Seen {
    bytes: Vec<u8>,
    token: Vec<u8>,
    authentication: bool,
    first: u64,
    last: u64,
    gap: u64,
    transmissions: u32,
    /// Acknowledged, answered or reset, as far as the device can know.
    settled: bool,
}

pub(crate) struct Watch {
    params: TransmissionParams,
    /// Message ids of the current session.
    seen: HashMap<u16, Seen>,
    /// The last time a request went first, which makes others stand back.
    last_authentication: u64,
    /// Until when the peer has asked for silence: repetitions wait as well.
    asked_until: u64,
    /// Whether the device is as punctual as its client; not where datagrams fail to leave, or the program comes late.
    punctual: bool,
    pub(crate) datagrams: u64,
}

impl Watch {
    pub(crate) fn new(params: TransmissionParams) -> Self {
        Self {
            params,
            seen: HashMap::new(),
            last_authentication: 0,
            asked_until: 0,
            punctual: true,
            datagrams: 0,
        }
    }

    /// From now on only the order counts, not when something happens at the latest.
    pub(crate) fn forgive_lateness(&mut self) {
        self.punctual = false;
    }

    /// The device was switched off and on: nothing is under way, but the ids are used.
    pub(crate) fn switched_off(&mut self) {
        self.seen.values_mut().for_each(|seen| seen.settled = true);
    }

    /// A new DTLS session is another endpoint (RFC 7252 section 9.1.1): nothing of the old one counts.
    pub(crate) fn new_session(&mut self) {
        self.seen.clear();
    }

    /// The device has been handed a datagram.
    pub(crate) fn received(&mut self, now: u64, bytes: &[u8]) {
        let Ok(message) = Datagram::parse(bytes) else {
            return;
        };
        if [Code::new(4, 29), Code::new(5, 3)].contains(&message.code()) {
            let asked = now + message.max_age().as_millis() as u64;
            self.asked_until = self.asked_until.max(asked);
        }
        let token = message.token();
        for (id, seen) in &mut self.seen {
            let acknowledges = matches!(
                message.message_type(),
                MessageType::Acknowledgement | MessageType::Reset
            ) && *id == message.message_id();
            let answers = message.code().is_response() && seen.token == token.as_slice();
            seen.settled |= acknowledges || answers;
        }
    }

    /// The device has sent a datagram.
    pub(crate) fn sent(&mut self, now: u64, bytes: &[u8]) {
        self.datagrams += 1;
        let message = Datagram::parse(bytes).expect("well-formed");
        if message.message_type() != MessageType::Confirmable {
            return;
        }
        let id = message.message_id();
        let lifetime = self.params.exchange_lifetime().as_millis() as u64;
        if let Some(seen) = self.seen.get_mut(&id)
            && now < seen.first + lifetime
        {
            assert_eq!(
                seen.bytes, bytes,
                "id {id} used for another message within {lifetime} ms"
            );
            self.repeated(now, id);
            return;
        }
        let token = message.token();
        let same = |seen: &Seen| !seen.settled && seen.token == token.as_slice();
        if let Some(old) = self
            .seen
            .iter()
            .find_map(|(id, seen)| same(seen).then_some(*id))
        {
            // A repetition that comes late goes out under another id: the peer might have forgotten the first.
            let mut seen = self.seen.remove(&old).expect("just found");
            let late = self.params.max_transmit_span().as_millis() as u64;
            assert!(
                !self.punctual || now >= seen.first + late,
                "id {old} became {id} for no reason at {now}: {seen:?}"
            );
            seen.bytes = bytes.to_vec();
            self.seen.insert(id, seen);
            self.repeated(now, id);
            return;
        }
        let mut path = message.options();
        let path = path.find(|(number, _)| *number == OptionNumber::URI_PATH);
        let authentication = path.is_some_and(|(_, first)| first == b"auth");
        self.begun(now, id, authentication);
        if authentication {
            self.last_authentication = now;
        }
        let begun = Seen {
            bytes: bytes.to_vec(),
            token: token.as_slice().to_vec(),
            authentication,
            first: now,
            last: now,
            gap: 0,
            transmissions: 1,
            settled: false,
        };
        self.seen.insert(id, begun);
        if self.seen.len() > 4096 {
            self.seen.retain(|_, seen| now < seen.first + lifetime);
        }
    }

    /// Section 4.2: not before its time, not too often, not after the acknowledgement.
    fn repeated(&mut self, now: u64, id: u16) {
        let seen = self.seen.get_mut(&id).expect("a repetition");
        assert!(
            !seen.settled,
            "id {id} repeated though it has been settled: {seen:?}"
        );
        let gap = now - seen.last;
        let shortest = self.params.ack_timeout.as_millis() as u64;
        if seen.transmissions == 1 {
            assert!(gap >= shortest, "id {id} repeated after {gap} ms");
        } else {
            // What stood back, for an authentication or because the peer had asked, may have been late before.
            let stood_back = seen.first < self.last_authentication.max(self.asked_until);
            let least = if stood_back || !self.punctual {
                shortest << (seen.transmissions - 1)
            } else {
                2 * seen.gap
            };
            assert!(
                gap + 2 >= least,
                "id {id} repeated after {gap} ms: {seen:?}"
            );
        }
        // Nothing held it back: then it must not be late either.
        let free = seen.last >= self.last_authentication && seen.last >= self.asked_until;
        if free && self.punctual && seen.transmissions == 1 {
            let longest = shortest * u64::from(self.params.ack_random_percent) / 100;
            assert!(gap <= longest + 2, "id {id} repeated only after {gap} ms");
        }
        seen.gap = gap;
        seen.last = now;
        seen.transmissions += 1;
        let most = u32::from(self.params.max_retransmit) + 1;
        assert!(
            seen.transmissions <= most,
            "id {id} sent {} times",
            seen.transmissions
        );
    }

    /// Section 4.7: at most NSTART at a time, but for an authentication, which goes first.
    fn begun(&self, now: u64, id: u16, authentication: bool) {
        if authentication || !self.punctual {
            return;
        }
        let most = u32::from(self.params.max_retransmit) + 1;
        let least = self.params.ack_timeout.as_millis() as u64 * (1 << (most - 1));
        let longest_wait = self.params.max_transmit_wait().as_millis() as u64;
        let under_way = |seen: &&Seen| {
            // The last gap tells the last time-out, unless the transmission before the end was late.
            let late = seen.first < self.last_authentication.max(self.asked_until);
            let patience = if late { least } else { 2 * seen.gap };
            let given_up = seen.transmissions == most && now + 2 >= seen.last + patience;
            // For want of a token, which the cloud does not give.
            let given_up = given_up || now >= seen.last + longest_wait;
            !seen.settled && !seen.authentication && !given_up
        };
        let under_way: Vec<&Seen> = self.seen.values().filter(under_way).collect();
        let allowed = self.params.nstart;
        assert!(
            under_way.len() < allowed,
            "id {id} begun at {now} while {} of {allowed} are under way: {under_way:?}",
            under_way.len()
        );
    }
}
