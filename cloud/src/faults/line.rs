//! One direction of a port's network, without I/O: datagrams and instants in, datagrams out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::random::Random;
use super::{Fault, Impairment};

/// Datagrams under way at the same time; a real network drops too when its queues are full.
const MAX_UNDER_WAY: usize = 10_000;

/// A datagram and the address it is from or to.
pub(super) type Addressed = (SocketAddr, Vec<u8>);

/// What became of a datagram at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// What arrives now, in this order.
    pub(super) deliver: Vec<Addressed>,
    pub(super) faults: Vec<Fault>,
    pub(super) delayed: bool,
}

/// One direction.
pub(super) struct Line {
    impairment: Impairment,
    seed: u64,
    /// Number of the next datagram.
    next: u64,
    /// How many are to be lost on demand, after how many others.
    to_lose: u64,
    to_skip: u64,
    cut_until: Option<Instant>,
    /// By the time of arrival, then by the order in which they were queued.
    under_way: BTreeMap<(Instant, u64), Addressed>,
    queued: u64,
    /// Waiting to be overtaken: the time when they no longer do, and the delay after that.
    held: Vec<(Instant, Duration, Addressed)>,
}

impl Line {
    pub(super) fn new(impairment: Impairment, seed: u64) -> Self {
        Line {
            impairment,
            seed,
            next: 0,
            to_lose: 0,
            to_skip: 0,
            cut_until: None,
            under_way: BTreeMap::new(),
            queued: 0,
            held: Vec::new(),
        }
    }

    /// From now on does this; what is under way arrives as it was to.
    pub(super) fn set(&mut self, impairment: Impairment, seed: u64) {
        self.impairment = impairment;
        self.seed = seed;
        self.next = 0;
    }

    pub(super) fn lose_after(&mut self, skip: u64, count: u64) {
        self.to_skip = skip;
        self.to_lose = count;
    }

    /// Lets nothing pass until then. Returns the datagrams under way that are lost.
    pub(super) fn cut(&mut self, until: Instant) -> Vec<Addressed> {
        self.cut_until = Some(until);
        let under_way = std::mem::take(&mut self.under_way).into_values();
        let held = self.held.drain(..).map(|(_, _, what)| what);
        under_way.chain(held).collect()
    }

    pub(super) fn mend(&mut self) {
        self.cut_until = None;
    }

    /// Takes one datagram from or to this address.
    pub(super) fn pass(&mut self, now: Instant, peer: SocketAddr, datagram: &[u8]) -> Passed {
        let number = self.next;
        self.next += 1;
        let lost = |fault| Passed {
            faults: vec![fault],
            ..Passed::default()
        };
        if self.cut_until.is_some_and(|until| now < until) {
            return lost(Fault::CutOff);
        }
        self.cut_until = None;
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else if self.to_lose > 0 {
            self.to_lose -= 1;
            return lost(Fault::Lost);
        }
        if self.impairment.is_none() {
            let mut passed = Passed {
                deliver: vec![(peer, datagram.to_vec())],
                ..Passed::default()
            };
            self.overtake(now, peer, &mut passed);
            return passed;
        }
        self.impaired(now, number, peer, datagram)
    }

    fn impaired(&mut self, now: Instant, number: u64, peer: SocketAddr, datagram: &[u8]) -> Passed {
        let mut passed = Passed::default();
        let impairment = self.impairment;
        // The same draws whatever comes out: changing one share does not change the rest.
        let mut random = Random::new(self.seed, number);
        let lost = random.chance(impairment.loss);
        let corrupted = random.chance(impairment.corrupt);
        let duplicated = random.chance(impairment.duplicate);
        let reordered = random.chance(impairment.reorder);
        let delays = [random.fraction(), random.fraction()].map(|at| {
            impairment.min_delay + (impairment.max_delay - impairment.min_delay).mul_f64(at)
        });
        if lost {
            passed.faults.push(Fault::Lost);
            return passed;
        }
        if self.under_way.len() + self.held.len() + 2 > MAX_UNDER_WAY {
            passed.faults.push(Fault::Overflow);
            return passed;
        }
        let mut datagram = datagram.to_vec();
        let copy = duplicated.then(|| datagram.clone());
        if corrupted && !datagram.is_empty() {
            flip(&mut datagram, random.next());
            passed.faults.push(Fault::Corrupted);
        }
        if reordered {
            passed.faults.push(Fault::Reordered);
            let until = now + impairment.hold;
            self.held.push((until, delays[0], (peer, datagram)));
        } else {
            self.deliver(now, delays[0], (peer, datagram), &mut passed);
            self.overtake(now + delays[0], peer, &mut passed);
        }
        if let Some(copy) = copy {
            passed.faults.push(Fault::Duplicated);
            self.deliver(now, delays[1], (peer, copy), &mut passed);
        }
        passed
    }

    /// Lets go what has been held back for another datagram of this peer, which arrives at `at`.
    fn overtake(&mut self, at: Instant, peer: SocketAddr, passed: &mut Passed) {
        let at_once = passed.deliver.last().is_some_and(|(to, _)| *to == peer);
        for (_, _, held) in self.held.extract_if(.., |(_, _, (to, _))| *to == peer) {
            if at_once {
                passed.deliver.push(held);
            } else {
                self.queued += 1;
                self.under_way.insert((at, self.queued), held);
            }
        }
    }

    fn deliver(&mut self, now: Instant, delay: Duration, what: Addressed, passed: &mut Passed) {
        if delay.is_zero() {
            passed.deliver.push(what);
        } else {
            passed.delayed = true;
            self.queue(now + delay, what);
        }
    }

    fn queue(&mut self, at: Instant, what: Addressed) {
        self.queued += 1;
        self.under_way.insert((at, self.queued), what);
    }

    /// When [`due`](Self::due) has something next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = self.under_way.first_key_value().map(|((at, _), _)| *at);
        let held = self.held.iter().map(|(until, ..)| *until).min();
        first.into_iter().chain(held).min()
    }

    /// What arrives by now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Addressed> {
        let overdue: Vec<_> = self
            .held
            .extract_if(.., |(until, ..)| *until <= now)
            .collect();
        for (until, delay, what) in overdue {
            self.queue(until + delay, what);
        }
        let mut due = Vec::new();
        while let Some(first) = self.under_way.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

/// Flips one bit.
fn flip(datagram: &mut [u8], draw: u64) {
    let bits = datagram.len() as u64 * 8;
    let bit = draw % bits;
    datagram[(bit / 8) as usize] ^= 1 << (bit % 8);
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
    const B: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2);
    const MS: Duration = Duration::from_millis(1);

    fn line(impairment: Impairment) -> (Line, Instant) {
        (Line::new(impairment, 7), Instant::now())
    }

    fn names(delivered: &[Addressed]) -> String {
        delivered
            .iter()
            .map(|(_, datagram)| char::from(datagram[0]))
            .collect()
    }

    #[test]
    fn a_perfect_line_passes_everything_at_once() {
        let (mut line, now) = line(Impairment::NONE);
        let passed = line.pass(now, A, b"x");
        assert_eq!(passed.deliver, [(A, b"x".to_vec())]);
        assert!(passed.faults.is_empty() && !passed.delayed);
        assert_eq!(line.deadline(), None);
    }

    #[test]
    fn the_same_seed_means_the_same_fate() {
        let impairment = Impairment::loss(0.3)
            .duplicate(0.2)
            .reorder(0.1)
            .corrupt(0.1)
            .delay(MS, 50 * MS);
        let now = Instant::now();
        let run = |seed| {
            let mut line = Line::new(impairment, seed);
            let mut log = Vec::new();
            for n in 0..200_u32 {
                let at = now + n * MS;
                log.push((line.pass(at, A, &n.to_be_bytes()), line.due(at)));
            }
            log
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn shares_are_what_they_say() {
        let (mut line, now) = line(Impairment::loss(0.3).duplicate(0.2));
        let (mut lost, mut twice) = (0, 0);
        for _ in 0..10_000 {
            match line.pass(now, A, b"x").deliver.len() {
                0 => lost += 1,
                2 => twice += 1,
                _ => {}
            }
        }
        assert!((2_800..3_200).contains(&lost), "{lost}");
        // 20 % of the 70 % that arrive.
        assert!((1_250..1_550).contains(&twice), "{twice}");
    }

    #[test]
    fn one_share_does_not_change_the_others() {
        let lost = |impairment| {
            let (mut line, now) = line(impairment);
            let fates = (0..100).map(|_| line.pass(now, A, b"x").faults.contains(&Fault::Lost));
            fates.collect::<Vec<_>>()
        };
        let alone = lost(Impairment::loss(0.3));
        assert_eq!(
            alone,
            lost(Impairment::loss(0.3).duplicate(0.5).corrupt(1.0))
        );
    }

    #[test]
    fn corruption_flips_one_bit() {
        let (mut line, now) = line(Impairment::NONE.corrupt(1.0));
        for original in [&[0; 1][..], &[0xFF; 100]] {
            let passed = line.pass(now, A, original);
            let flipped: u32 = passed.deliver[0]
                .1
                .iter()
                .zip(original)
                .map(|(a, b)| (a ^ b).count_ones())
                .sum();
            assert_eq!((flipped, passed.faults), (1, vec![Fault::Corrupted]));
        }
        assert_eq!(line.pass(now, A, b"").deliver, [(A, Vec::new())]);
    }

    #[test]
    fn delays_keep_to_their_range() {
        let (mut line, now) = line(Impairment::NONE.delay(10 * MS, 20 * MS));
        for _ in 0..100 {
            let passed = line.pass(now, A, b"x");
            assert!(passed.deliver.is_empty() && passed.delayed);
        }
        assert!(line.deadline() >= Some(now + 10 * MS));
        assert!(line.due(now + 10 * MS - MS / 1000).is_empty());
        assert_eq!(line.due(now + 20 * MS).len(), 100);
        assert_eq!(line.deadline(), None);
    }

    #[test]
    fn a_held_datagram_is_overtaken_by_one_of_the_same_peer() {
        let (mut line, now) = line(Impairment::NONE.reorder(1.0));
        assert!(line.pass(now, A, b"1").deliver.is_empty());
        line.set(Impairment::NONE, 7);
        assert_eq!(names(&line.pass(now, B, b"x").deliver), "x");
        assert_eq!(names(&line.pass(now, A, b"2").deliver), "21");
        assert_eq!(line.deadline(), None);
    }

    #[test]
    fn a_held_datagram_that_nothing_overtakes_arrives_after_all() {
        let (mut line, now) = line(Impairment::NONE.reorder(1.0));
        line.pass(now, A, b"1");
        let until = now + Impairment::NONE.hold;
        assert_eq!(line.deadline(), Some(until));
        assert!(line.due(until - MS).is_empty());
        assert_eq!(names(&line.due(until)), "1");
    }

    #[test]
    fn a_held_datagram_stays_behind_a_delayed_one() {
        let (mut line, now) = line(Impairment::NONE.reorder(1.0));
        line.pass(now, A, b"1");
        line.set(Impairment::NONE.delay(5 * MS, 5 * MS), 7);
        line.pass(now, A, b"2");
        assert_eq!(names(&line.due(now + 5 * MS)), "21");
    }

    #[test]
    fn losses_on_demand_come_first_and_end() {
        let (mut line, now) = line(Impairment::NONE);
        line.lose_after(1, 2);
        let arrived = (0..5).map(|_| line.pass(now, A, b"x").deliver.len());
        assert_eq!(arrived.collect::<Vec<_>>(), [1, 0, 0, 1, 1]);
    }

    #[test]
    fn a_cut_line_loses_everything_until_it_is_mended() {
        let (mut line, now) = line(Impairment::NONE.delay(MS, MS));
        line.pass(now, A, b"under way");
        assert_eq!(line.cut(now + 10 * MS).len(), 1);
        assert_eq!(line.deadline(), None);
        assert_eq!(line.pass(now + 9 * MS, A, b"x").faults, [Fault::CutOff]);
        assert!(line.pass(now + 10 * MS, A, b"x").delayed);
        line.cut(now + 100 * MS);
        line.mend();
        assert!(line.pass(now + 11 * MS, A, b"x").delayed);
    }

    #[test]
    fn what_is_under_way_is_bounded() {
        let (mut line, now) = line(Impairment::NONE.delay(MS, MS));
        for _ in 0..MAX_UNDER_WAY + 5 {
            line.pass(now, A, b"x");
        }
        assert_eq!(line.pass(now, A, b"x").faults, [Fault::Overflow]);
        assert!(line.due(now + MS).len() <= MAX_UNDER_WAY);
    }
}
