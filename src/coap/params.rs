//! Transmission parameters (RFC 7252 section 4.8).

use super::time::RandomSource;
use core::time::Duration;

/// How patiently a client repeats itself.
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
        }
    }
}

impl TransmissionParams {
    /// MAX_LATENCY (section 4.8.2): how long a datagram may stay in the network.
    pub const MAX_LATENCY: Duration = Duration::from_secs(100);

    /// Draws the wait before the first retransmission (section 4.2).
    pub fn initial_timeout(&self, random: &mut dyn RandomSource) -> Duration {
        let base = u64::try_from(self.ack_timeout.as_millis()).unwrap_or(u64::MAX);
        let extra = u64::from(self.ack_random_percent.saturating_sub(100));
        let spread = base.saturating_mul(extra) / 100;
        let spread = u32::try_from(spread).unwrap_or(u32::MAX);
        let jitter = u64::from(random.below(spread.saturating_add(1)));
        self.ack_timeout
            .saturating_add(Duration::from_millis(jitter))
    }

    /// MAX_TRANSMIT_SPAN: from the first to the last transmission of a Confirmable message.
    #[must_use]
    pub fn max_transmit_span(&self) -> Duration {
        self.longest_initial_timeout()
            .saturating_mul((1u32 << self.max_retransmit.min(16)) - 1)
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
    pub(super) fn repetition_window(&self) -> Duration {
        self.max_transmit_span().saturating_add(self.ack_timeout)
    }

    fn longest_initial_timeout(&self) -> Duration {
        self.ack_timeout
            .saturating_mul(self.ack_random_percent.max(100))
            / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_times_are_those_of_section_4_8_2() {
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
        let params = TransmissionParams {
            ack_timeout: Duration::from_secs(3600),
            ack_random_percent: 99,
            max_retransmit: u8::MAX,
            ..TransmissionParams::default()
        };
        assert!(params.exchange_lifetime() > params.max_transmit_span());
        assert_eq!(
            params.initial_timeout(&mut || u32::MAX),
            Duration::from_secs(3600)
        );
    }
}
