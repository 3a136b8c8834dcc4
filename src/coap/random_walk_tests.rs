//! Everything an owner and a peer can do to the message layer, in random order: no request vanishes, none ends
//! twice, no message id comes back too early, and the deadlines lead to an end.

use super::*;
use core::time::Duration;
use std::collections::{BTreeSet, HashMap};
use zeroize::Zeroizing;

struct Walk {
    layer: MessageLayer<u32>,
    head: RequestHead,
    now: Instant,
    state: u64,
    submitted: u32,
    last_number: Option<u32>,
    open: BTreeSet<u32>,
    /// What has been sent since the endpoint was last changed, and when first.
    sent: Vec<Vec<u8>>,
    ids: HashMap<[u8; 2], (Vec<u8>, Instant)>,
}

fn next(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 32) as u32
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let params = TransmissionParams {
            nstart: 1 + next(&mut state) as usize % 3,
            queue_limit: 8,
            ..TransmissionParams::default()
        };
        let head = RequestHeadBuilder::new(Code::POST).path(b"topic");
        Self {
            layer: MessageLayer::new(params, &mut || next(&mut state)),
            head: head.build().unwrap(),
            now: Instant::from_millis(1_000_000),
            state,
            submitted: 0,
            last_number: None,
            open: BTreeSet::new(),
            sent: Vec::new(),
            ids: HashMap::new(),
        }
    }

    fn draw(&mut self, bound: u32) -> u32 {
        next(&mut self.state) % bound
    }

    fn ended(&mut self, user: u32) {
        assert!(self.open.remove(&user), "{user} ended twice");
    }

    fn submit(&mut self, urgent: bool) {
        let message_type = match self.draw(3) {
            0 => MessageType::NonConfirmable,
            _ => MessageType::Confirmable,
        };
        let submission = Submission {
            message_type,
            head: &self.head,
            payload: &self.submitted.to_be_bytes(),
            user: self.submitted,
        };
        let mut random = || next(&mut self.state);
        let taken = if urgent {
            self.layer.submit_first(&mut random, submission)
        } else {
            self.layer.submit(&mut random, submission)
        };
        if let Ok(number) = taken {
            self.open.insert(self.submitted);
            self.last_number = Some(number);
        }
        self.submitted += 1;
    }

    fn transmit(&mut self, repetitions: bool) {
        let lifetime = Duration::from_secs(145);
        let mut random = || next(&mut self.state);
        while let Some((_, bytes)) =
            self.layer
                .poll_transmission(self.now, &mut random, repetitions)
        {
            let id = [bytes[2], bytes[3]];
            let fresh = (bytes.to_vec(), self.now);
            let (before, at) = self.ids.entry(id).or_insert_with(|| fresh.clone());
            if *before != fresh.0 {
                assert!(self.now.since(*at) >= lifetime, "id of another message");
                (*before, *at) = fresh;
            }
            assert!(self.now.since(*at) <= Duration::from_secs(47) || *at == self.now);
            self.sent.push(bytes.to_vec());
        }
    }

    fn collect(&mut self) {
        while let Some((finished, _)) = self.layer.poll_ended(self.now) {
            self.ended(finished.user);
            self.layer.recycle(finished.request);
        }
    }

    /// The peer says something about a message it may have got.
    fn receive(&mut self) {
        let count = self.sent.len() as u32;
        if count == 0 {
            return;
        }
        let about = self.draw(count.min(20)) + count.saturating_sub(20);
        let sent = self.sent[about as usize].clone();
        let (first, code) = match self.draw(6) {
            0 => (0x60, 0),
            1 => (0x70, 0),
            2 => (0x44, 0x45),
            3 => (0x54, 0x45),
            _ => (0x64, 0x45),
        };
        let mut bytes = vec![first, code, sent[2], sent[3]];
        if code != 0 {
            bytes.extend_from_slice(&sent[4..8]);
        }
        let message = Datagram::parse(&bytes).unwrap();
        match self.layer.handle(self.now, &message).outcome {
            Outcome::Ignored | Outcome::Acknowledged => {}
            Outcome::Response(finished) | Outcome::Reset(finished) => {
                let request = &finished.request;
                assert_eq!(
                    request.message().unwrap().payload(),
                    finished.user.to_be_bytes()
                );
                if self.draw(4) == 0 && finished.request.requeues() < 3 {
                    let mut random = || next(&mut self.state);
                    self.layer.resubmit(&mut random, finished);
                } else {
                    self.ended(finished.user);
                    self.layer.recycle(finished.request);
                }
            }
        }
    }

    fn change_endpoint(&mut self) {
        let may = |_: &u32, request: &EncodedRequest| request.requeues() < 2;
        self.layer.requeue_sent(may);
        self.sent.clear();
        self.ids.clear();
    }

    fn rewrite(&mut self) {
        let (head, state) = (&self.head, &mut self.state);
        self.layer
            .replace_requests(|user, _| match next(state) % 10 {
                0 => Replacement::Fail,
                1..5 => Replacement::Keep,
                _ => Replacement::With {
                    head: head.clone(),
                    payload: Zeroizing::new(user.to_be_bytes().to_vec()),
                },
            });
    }

    /// The owner gives one request up, or several.
    fn abort(&mut self) {
        let most = self.submitted.max(1);
        let (at, several) = (self.draw(most), self.draw(2) == 0);
        let (open, gone) = (&mut self.open, |user: u32| user % 16 == at % 16);
        if several {
            self.layer.abort_where(|user| gone(*user));
            open.retain(|user| !gone(*user));
        } else if let Some(number) = self.last_number
            && let Some(finished) = self.layer.abort(number)
        {
            self.ended(finished.user);
            self.layer.recycle(finished.request);
        }
    }

    fn step(&mut self) {
        match self.draw(44) {
            40 => self.abort(),
            41 => self.layer.end_back_off(),
            42 => self.layer.heard(self.now),
            // Another thread has read the clock earlier, and comes later.
            43 => self.now = Instant::from_millis(self.now.as_millis() - 3),
            0..10 => self.submit(false),
            10 => self.submit(true),
            11..25 => self.receive(),
            25 => self.change_endpoint(),
            26 => self.rewrite(),
            27 => self.layer.set_paused(true),
            28..30 => self.layer.set_paused(false),
            30 => {
                let until = self.now + Duration::from_millis(u64::from(self.draw(60_000)));
                self.layer.back_off_until(until);
            }
            31..33 => {
                let millis = 1 << self.draw(18);
                self.now = self.now + Duration::from_millis(millis);
            }
            _ => {
                if let Some(due) = self.layer.next_deadline() {
                    self.now = self.now.max(due);
                }
            }
        }
        match self.draw(4) {
            0 => self.transmit(false),
            1 => {}
            _ => {
                self.transmit(true);
                self.collect();
            }
        }
        let _ = self.layer.suspect(self.now);
        let _ = self.layer.is_quiet(self.now);
        assert_eq!(self.layer.outstanding(), self.open.len());
        assert!(self.layer.outstanding() <= 64 + 8 + 64);
    }

    /// The peer has fallen silent: everything ends by its timers.
    fn finish(&mut self) {
        self.layer.set_paused(false);
        for _ in 0..10_000 {
            self.collect();
            self.transmit(true);
            let Some(due) = self.layer.next_deadline() else {
                break;
            };
            assert!(due > self.now, "a deadline that nothing was done about");
            self.now = due;
        }
        assert!(self.open.is_empty(), "never ended: {:?}", self.open);
    }
}

#[test]
fn whatever_happens_every_request_ends_exactly_once() {
    let (seeds, steps) = if cfg!(miri) { (2, 200) } else { (300, 2_000) };
    let mut submitted = 0;
    for seed in 0..seeds {
        let mut walk = Walk::new(seed);
        for _ in 0..steps {
            walk.step();
        }
        walk.finish();
        submitted += walk.submitted;
    }
    assert!(submitted > seeds as u32 * steps / 10);
}
