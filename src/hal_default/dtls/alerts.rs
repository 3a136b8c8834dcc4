//! Alerts in clear, heard while a handshake runs.
//!
//! Such an alert is not authenticated: whoever can send a datagram with the server's address can
//! send one, and OpenSSL would end the handshake at once. A true one is sent by a server that has
//! given up and will not go on. So an alert only raises a suspicion, which anything of the handshake
//! that arrives later lays to rest; it is believed when our flight has been sent once more and is due
//! again without an answer: after 3 s with the timer of RFC 6347.

/// Levels of an alert (RFC 5246 7.2).
const WARNING: u8 = 1;
const FATAL: u8 = 2;
/// The description of the one warning that ends a connection.
const CLOSE_NOTIFY: u8 = 0;

/// An alert that ends a connection, by its description (RFC 5246 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alert(pub(super) u8);

impl Alert {
    /// Reads the body of a record in clear; `None` for what is no alert, and for warnings that end
    /// nothing.
    pub(super) fn in_clear(body: &[u8]) -> Option<Self> {
        match *body {
            [FATAL, description] | [WARNING, description @ CLOSE_NOTIFY] => Some(Self(description)),
            _ => None,
        }
    }
}

/// What the alerts heard so far are worth.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suspicion {
    current: Option<Alert>,
    repeated_since: bool,
    last: Option<Alert>,
}

impl Suspicion {
    /// An alert has come.
    pub(super) fn raise(&mut self, alert: Alert) {
        self.current = Some(alert);
        self.last = Some(alert);
    }

    /// The server goes on with the handshake.
    pub(super) fn lay_to_rest(&mut self) {
        self.current = None;
        self.repeated_since = false;
    }

    /// Our flight is due again. Returns the alert that is to be believed: it was there when the
    /// flight was sent the last time, and nothing has come since.
    pub(super) fn flight_is_due(&mut self) -> Option<Alert> {
        if self.repeated_since {
            return self.current;
        }
        self.repeated_since = self.current.is_some();
        None
    }

    /// The last alert of all, for a message about a handshake that failed by silence.
    pub(super) fn last(&self) -> Option<Alert> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: Alert = Alert(40);
    const UNKNOWN_CA: Alert = Alert(48);

    #[test]
    fn only_what_ends_a_connection_is_an_alert() {
        assert_eq!(Alert::in_clear(&[2, 40]), Some(FAILURE));
        assert_eq!(Alert::in_clear(&[1, 0]), Some(Alert(0)));
        for body in [&[][..], &[2], &[1, 112], &[0, 40], &[3, 40], &[2, 40, 0]] {
            assert_eq!(Alert::in_clear(body), None, "{body:?}");
        }
    }

    #[test]
    fn alerts_alone_are_not_believed_however_many() {
        let mut suspicion = Suspicion::default();
        for _ in 0..100 {
            suspicion.raise(FAILURE);
        }
        assert_eq!(suspicion.flight_is_due(), None);
        suspicion.raise(UNKNOWN_CA);
        suspicion.lay_to_rest();
        assert_eq!(suspicion.flight_is_due(), None);
        assert_eq!(suspicion.last(), Some(UNKNOWN_CA));
    }

    #[test]
    fn silence_after_a_repeated_flight_is_believed() {
        let mut suspicion = Suspicion::default();
        assert_eq!(suspicion.flight_is_due(), None, "an ordinary loss before");
        suspicion.raise(FAILURE);
        assert_eq!(suspicion.flight_is_due(), None);
        assert_eq!(suspicion.flight_is_due(), Some(FAILURE));
    }

    #[test]
    fn progress_forgets_but_the_last_alert_can_still_be_named() {
        let mut suspicion = Suspicion::default();
        suspicion.raise(FAILURE);
        assert_eq!(suspicion.flight_is_due(), None);
        suspicion.lay_to_rest();
        assert_eq!(suspicion.flight_is_due(), None);
        assert_eq!(suspicion.flight_is_due(), None);
        assert_eq!(suspicion.last(), Some(FAILURE));
    }
}
