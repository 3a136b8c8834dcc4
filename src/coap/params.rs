//! Transmission parameters (RFC 7252 section 4.8).

use super::time::{Millis, RandomSource};
use core::fmt;
use core::time::Duration;

/// How patiently, and how often, a client speaks.
///
/// Every parameter may be changed by itself; [`validate`](Self::validate) says whether the whole
/// makes sense. RFC 7252 section 4.8.1 asks for care: a shorter ACK_TIMEOUT or a higher NSTART is
/// for networks whose congestion is one's own concern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransmissionParams {
    /// ACK_TIMEOUT: the least wait before the first retransmission.
    pub ack_timeout: Duration,
    /// ACK_RANDOM_FACTOR in percent: 150 spreads the first wait over 1 to 1.5 times `ack_timeout`.
    pub ack_random_percent: u32,
    /// MAX_RETRANSMIT: how often a Confirmable message is sent again.
    pub max_retransmit: u8,
    /// NSTART: how many Confirmable exchanges may be under way at once; the others queue.
    pub nstart: usize,
    /// How many requests may wait behind the `nstart` ones; a further one is refused.
    pub queue_limit: usize,
    /// PROBING_RATE in bytes per second: how much Non-confirmable traffic a peer gets that has
    /// stopped responding. 0 sets no limit.
    pub probing_rate: u32,
}

impl Default for TransmissionParams {
    /// The values of section 4.8, with a queue of 64 behind NSTART = 1.
    fn default() -> Self {
        Self {
            ack_timeout: Duration::from_secs(2),
            ack_random_percent: 150,
            max_retransmit: 4,
            nstart: 1,
            queue_limit: 64,
            probing_rate: 1,
        }
    }
}

/// A transmission parameter outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamsError {
    /// ACK_TIMEOUT is not within 100 ms to 10 min.
    AckTimeout,
    /// ACK_RANDOM_FACTOR is not within 1 (section 4.8.1) to 10.
    RandomFactor,
    /// NSTART is not within 1 to 64.
    Nstart,
    /// The queue is not to hold 1 to 4,096 requests.
    QueueLimit,
    /// ACK_TIMEOUT, ACK_RANDOM_FACTOR and MAX_RETRANSMIT add up to exchanges of more than 24 hours.
    Lifetime,
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AckTimeout => "ACK_TIMEOUT must be 100 ms to 10 min",
            Self::RandomFactor => "ACK_RANDOM_FACTOR must be 1 to 10",
            Self::Nstart => "NSTART must be 1 to 64",
            Self::QueueLimit => "the queue must hold 1 to 4096 requests",
            Self::Lifetime => "retransmission would keep one exchange for more than 24 hours",
        })
    }
}

impl std::error::Error for ParamsError {}

impl TransmissionParams {
    /// MAX_LATENCY (section 4.8.2): how long a datagram may stay in the network.
    pub const MAX_LATENCY: Duration = Duration::from_secs(100);

    /// For NB-IoT: slow and patient.
    ///
    /// * ACK_TIMEOUT 10 s. It must exceed the round trip (section 4.8.1), and 10 s is what a report
    ///   may take from a cell's edge, where every transport block is repeated up to hundreds of
    ///   times (3GPP TR 45.820 asks for no more than 10 s for an uplink report at 164 dB coupling
    ///   loss). A shorter one would repeat what is still on its way, and each repetition costs
    ///   airtime and battery.
    /// * MAX_RETRANSMIT 8, which is nine transmissions. At 30 % loss in each direction one
    ///   transmission is acknowledged with probability 0.7² = 0.49, so 0.51⁹ = 0.23 % of the
    ///   reports stay without acknowledgement; five transmissions leave 3.5 %.
    /// * The timeout doubles each time, without a cap, as section 4.2 demands: retransmissions
    ///   after 10 to 15 s, 30 to 45 s, 70 s to 105 s and so on; the last after 43 to 64 min
    ///   (MAX_TRANSMIT_SPAN), and a request is given up after 85 to 128 min (MAX_TRANSMIT_WAIT).
    ///   This spans what ends by itself, such as a cell's outage; half of the reports are through
    ///   at once and 93 % within three minutes even at that loss.
    /// * NSTART 1 and PROBING_RATE 1 byte/s: a cell of many devices is no place to be greedy. A
    ///   queue of 64 takes in what is reported meanwhile.
    #[must_use]
    pub fn nb_iot() -> Self {
        Self {
            ack_timeout: Duration::from_secs(10),
            max_retransmit: 8,
            ..Self::default()
        }
    }

    /// For a peer on the same local network, a gateway or a test cloud: quick to repeat and to give
    /// up.
    ///
    /// * ACK_TIMEOUT 250 ms: hundreds of times a local round trip, and above what Wi-Fi power save
    ///   delays (beacon intervals of 102.4 ms). Section 4.8.1 allows less than the default only
    ///   where congestion is otherwise taken care of: on a link that both ends own. Not for paths
    ///   through the Internet.
    /// * MAX_RETRANSMIT 5: six transmissions, the last after 8 to 12 s, given up after 16 to 24 s.
    /// * NSTART stays 1: with a round trip of milliseconds the queue empties fast enough.
    #[must_use]
    pub fn lan() -> Self {
        Self {
            ack_timeout: Duration::from_millis(250),
            max_retransmit: 5,
            ..Self::default()
        }
    }

    /// Whether the parameters are within their ranges, and add up to a protocol that ends. Outside
    /// of them the message layer does not fail, but what it does helps nobody.
    ///
    /// # Errors
    ///
    /// The first parameter that is not.
    pub fn validate(&self) -> Result<(), ParamsError> {
        let ack_timeout = Duration::from_millis(100)..=Duration::from_secs(600);
        let day = Duration::from_secs(24 * 60 * 60);
        let checks = [
            (
                ack_timeout.contains(&self.ack_timeout),
                ParamsError::AckTimeout,
            ),
            (
                (100..=1000).contains(&self.ack_random_percent),
                ParamsError::RandomFactor,
            ),
            ((1..=64).contains(&self.nstart), ParamsError::Nstart),
            (
                (1..=4096).contains(&self.queue_limit),
                ParamsError::QueueLimit,
            ),
            (self.exchange_lifetime() <= day, ParamsError::Lifetime),
        ];
        let wrong = checks.into_iter().find(|(holds, _)| !holds);
        wrong.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Draws the wait before the first retransmission (section 4.2).
    pub fn initial_timeout(&self, random: &mut dyn RandomSource) -> Duration {
        self.spans().initial_timeout(random).into()
    }

    /// How many milliseconds the first wait may exceed ACK_TIMEOUT by.
    fn timeout_spread(&self) -> u32 {
        let base = u64::try_from(self.ack_timeout.as_millis()).unwrap_or(u64::MAX);
        let extra = u64::from(self.ack_random_percent.saturating_sub(100));
        let spread = base.saturating_mul(extra) / 100;
        u32::try_from(spread).unwrap_or(u32::MAX)
    }

    /// MAX_TRANSMIT_SPAN: from the first to the last transmission of a Confirmable message.
    #[must_use]
    pub fn max_transmit_span(&self) -> Duration {
        self.waits(u32::from(self.max_retransmit))
    }

    /// MAX_TRANSMIT_WAIT: from the first transmission of a Confirmable message until it is given
    /// up; 93 s with the defaults.
    #[must_use]
    pub fn max_transmit_wait(&self) -> Duration {
        self.waits(u32::from(self.max_retransmit) + 1)
    }

    /// The sum of the first `count` timeouts, at their longest.
    fn waits(&self, count: u32) -> Duration {
        let factor = 1_u32.checked_shl(count).map_or(u32::MAX, |power| power - 1);
        self.longest_initial_timeout().saturating_mul(factor)
    }

    /// EXCHANGE_LIFETIME: from the first transmission until the exchange may be forgotten; 247 s
    /// with the defaults.
    #[must_use]
    pub fn exchange_lifetime(&self) -> Duration {
        // PROCESSING_DELAY equals ACK_TIMEOUT (section 4.8.2).
        let rest = (2 * Self::MAX_LATENCY).saturating_add(self.ack_timeout);
        self.max_transmit_span().saturating_add(rest)
    }

    /// NON_LIFETIME: how long a response to a Non-confirmable request may take; 145 s with the
    /// defaults.
    #[must_use]
    pub fn non_lifetime(&self) -> Duration {
        self.max_transmit_span().saturating_add(Self::MAX_LATENCY)
    }

    /// How long after its first transmission a Confirmable message may be repeated under its
    /// message id: MAX_TRANSMIT_SPAN, and PROCESSING_DELAY for a caller that polls late. Later, the
    /// peer might take a copy that was long on its way for a new message.
    #[must_use]
    fn repetition_window(&self) -> Duration {
        self.max_transmit_span().saturating_add(self.ack_timeout)
    }

    /// The times that every exchange asks for.
    pub(super) fn spans(&self) -> Spans {
        Spans {
            repetition_window: self.repetition_window().into(),
            exchange_lifetime: self.exchange_lifetime().into(),
            non_lifetime: self.non_lifetime().into(),
            ack_timeout: self.ack_timeout.into(),
            timeout_spread: self.timeout_spread(),
        }
    }

    fn longest_initial_timeout(&self) -> Duration {
        self.ack_timeout
            .saturating_mul(self.ack_random_percent.max(100))
            / 100
    }
}

/// Times derived from the parameters, worked out once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    pub(super) repetition_window: Millis,
    pub(super) exchange_lifetime: Millis,
    pub(super) non_lifetime: Millis,
    ack_timeout: Millis,
    timeout_spread: u32,
}

impl Spans {
    /// See [`TransmissionParams::initial_timeout`].
    pub(super) fn initial_timeout(&self, random: &mut dyn RandomSource) -> Millis {
        let jitter = random.below(self.timeout_spread.saturating_add(1));
        self.ack_timeout.plus(jitter.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_4_8_2_derived_times_are_those_of_the_rfc() {
        let params = TransmissionParams::default();
        assert_eq!(params.max_transmit_span(), Duration::from_secs(45));
        assert_eq!(params.exchange_lifetime(), Duration::from_secs(247));
        assert_eq!(params.non_lifetime(), Duration::from_secs(145));
    }

    #[test]
    fn the_first_timeout_spans_the_whole_random_factor() {
        let params = TransmissionParams::default();
        assert_eq!(params.initial_timeout(&mut || 0), Duration::from_secs(2));
        assert_eq!(
            params.initial_timeout(&mut || u32::MAX),
            Duration::from_secs(3)
        );
    }

    #[test]
    fn extreme_settings_do_not_overflow() {
        for max_retransmit in [31, 32, u8::MAX] {
            let params = TransmissionParams {
                ack_timeout: Duration::MAX,
                ack_random_percent: u32::MAX,
                max_retransmit,
                ..TransmissionParams::default()
            };
            assert_eq!(params.exchange_lifetime(), Duration::MAX);
            assert!(params.initial_timeout(&mut || u32::MAX) == Duration::MAX);
            assert_eq!(params.validate(), Err(ParamsError::AckTimeout));
        }
        let params = TransmissionParams {
            ack_timeout: Duration::from_secs(3600),
            ack_random_percent: 99,
            ..TransmissionParams::default()
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(params.initial_timeout(&mut || u32::MAX), hour);
    }

    #[test]
    fn presets_are_valid_and_as_patient_as_they_say() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let nb_iot = TransmissionParams::nb_iot();
        assert_eq!(nb_iot.validate(), Ok(()));
        assert_eq!(nb_iot.max_transmit_span().as_secs(), 15 * 255);
        assert_eq!(nb_iot.max_transmit_wait().as_secs(), 15 * 511);
        assert!(nb_iot.max_transmit_wait() < minutes(128));
        let unacknowledged = 0.51_f64.powi(i32::from(nb_iot.max_retransmit) + 1);
        assert!(unacknowledged < 0.005, "{unacknowledged}");
        let lan = TransmissionParams::lan();
        assert_eq!(lan.validate(), Ok(()));
        assert_eq!(lan.max_transmit_wait(), Duration::from_micros(375_000 * 63));
        assert_eq!(TransmissionParams::default().validate(), Ok(()));
    }

    #[test]
    fn each_parameter_has_its_range() {
        let default = TransmissionParams::default;
        let ms = Duration::from_millis;
        let with_timeout = |ack_timeout| TransmissionParams {
            ack_timeout,
            ..default()
        };
        let with_percent = |ack_random_percent| TransmissionParams {
            ack_random_percent,
            ..default()
        };
        let with_nstart = |nstart| TransmissionParams {
            nstart,
            ..default()
        };
        let with_queue = |queue_limit| TransmissionParams {
            queue_limit,
            ..default()
        };
        let with_retransmit = |max_retransmit| TransmissionParams {
            max_retransmit,
            ..default()
        };
        for (good, bad) in [(100, 99), (600_000, 600_001)] {
            assert_eq!(with_timeout(ms(good)).validate(), Ok(()));
            assert_eq!(
                with_timeout(ms(bad)).validate(),
                Err(ParamsError::AckTimeout)
            );
        }
        for (good, bad) in [(100, 99), (1000, 1001)] {
            assert_eq!(with_percent(good).validate(), Ok(()));
            assert_eq!(with_percent(bad).validate(), Err(ParamsError::RandomFactor));
        }
        for (good, bad) in [(1, 0), (64, 65)] {
            assert_eq!(with_nstart(good).validate(), Ok(()));
            assert_eq!(with_nstart(bad).validate(), Err(ParamsError::Nstart));
        }
        for (good, bad) in [(1, 0), (4096, 4097)] {
            assert_eq!(with_queue(good).validate(), Ok(()));
            assert_eq!(with_queue(bad).validate(), Err(ParamsError::QueueLimit));
        }
        for (good, bad) in [(0, 15), (14, u8::MAX)] {
            assert_eq!(with_retransmit(good).validate(), Ok(()));
            assert_eq!(with_retransmit(bad).validate(), Err(ParamsError::Lifetime));
        }
    }
}
