//! Who takes a record: one socket carries a session and the handshake that is to replace it.

use super::alerts::Alert;
use super::records::{Kind, Protection, Record};

/// Who is there to take records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Takers {
    /// The session's protection, while it lives.
    pub(super) session: Option<Protection>,
    /// Whether a handshake is under way.
    pub(super) handshake: bool,
}

/// Where a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Session,
    Handshake,
    /// A sealed handshake message can be the Finished of the handshake, or one that the session's
    /// server repeats because our last flight was lost. Only one of the two can open it.
    Both,
    /// An alert in clear, to the handshake's suspicion.
    Suspicion(Alert),
    /// A record that is invalid, or that nobody waits for.
    Nobody,
}

/// Decides about one record.
pub(super) fn route(record: Record<'_>, takers: Takers) -> Route {
    let for_handshake = takers
        .handshake
        .then(|| record.kind(Protection::UNSETTLED))
        .flatten();
    let for_session = takers
        .session
        .and_then(|protection| wanted_kind(record, protection));
    match (for_session, for_handshake) {
        (_, Some(Kind::AlertInClear(alert))) => Route::Suspicion(alert),
        (Some(Kind::SealedHandshake), Some(_)) => Route::Both,
        (Some(_), _) => Route::Session,
        (None, Some(_)) => Route::Handshake,
        (None, None) => Route::Nobody,
    }
}

/// Whether a session that no handshake is to replace takes a record: what [`route`] says then.
#[inline]
pub(super) fn is_for_session(record: Record<'_>, protection: Protection) -> bool {
    wanted_kind(record, protection).is_some()
}

/// The kind of a record that a session takes.
#[inline]
fn wanted_kind(record: Record<'_>, protection: Protection) -> Option<Kind> {
    let kind = record.kind(protection)?;
    let wanted = match kind {
        Kind::Sealed => true,
        Kind::SealedHandshake => record.can_be_finished(protection),
        Kind::InClear | Kind::AlertInClear(_) => false,
    };
    wanted.then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::super::records::records;
    use super::*;

    const NONE: Option<Protection> = None;
    const ALIVE: Option<Protection> = Some(Protection::UNSETTLED);

    fn routed(
        content_type: u8,
        epoch: u8,
        body: &[u8],
        takers: (Option<Protection>, bool),
    ) -> Route {
        let length = u8::try_from(body.len()).expect("length");
        let header = [
            content_type,
            0xfe,
            0xfd,
            0,
            epoch,
            0,
            0,
            0,
            0,
            0,
            1,
            0,
            length,
        ];
        let datagram = [&header[..], body].concat();
        let (session, handshake) = takers;
        route(
            records(&datagram).next().expect("a record"),
            Takers { session, handshake },
        )
    }

    #[test]
    fn each_record_goes_to_whom_it_is_for() {
        let hello_done = &[14, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0][..];
        let sealed = &[7; 40][..];
        let finished = &[7; 48][..];
        let alert = Route::Suspicion(Alert(40));
        use Route::{Both, Handshake, Nobody, Session};
        for (content_type, epoch, body, [session_only, handshake_only, both]) in [
            (22, 0, hello_done, [Nobody, Handshake, Handshake]),
            (20, 0, &[1], [Nobody, Handshake, Handshake]),
            (21, 0, &[2, 40], [Nobody, alert, alert]),
            (22, 1, finished, [Session, Handshake, Both]),
            (22, 1, sealed, [Nobody, Handshake, Handshake]),
            (21, 1, sealed, [Session, Handshake, Session]),
            (23, 1, sealed, [Session, Handshake, Session]),
            (23, 0, sealed, [Nobody; 3]),
            (23, 2, sealed, [Nobody; 3]),
            (24, 1, sealed, [Nobody; 3]),
            (23, 1, &[7; 12], [Nobody; 3]),
        ] {
            let named = format!("{content_type} {epoch}");
            let routed = |takers| routed(content_type, epoch, body, takers);
            assert_eq!(routed((ALIVE, false)), session_only, "{named}");
            assert_eq!(routed((NONE, true)), handshake_only, "{named}");
            assert_eq!(routed((ALIVE, true)), both, "{named}");
            assert_eq!(routed((NONE, false)), Nobody, "{named}");
        }
    }
}
