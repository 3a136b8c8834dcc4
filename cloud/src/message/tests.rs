use super::*;
use crate::code::Code;
use crate::endpoint::Transport;

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        transport: Transport::Udp,
        peer: ([127, 0, 0, 1], port).into(),
        session: 0,
    }
}

/// Message ids of this endpoint alone.
fn own(endpoint: Endpoint) -> Namespace {
    Namespace::Endpoint(endpoint)
}

fn layer() -> (MessageLayer, Instant) {
    (MessageLayer::new(&Timing::default()), Instant::now())
}

/// A POST without options: type, id, token 0xAA, payload.
fn post(kind: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x41 | kind << 4, 2, (id >> 8) as u8, id as u8, 0xAA];
    if !payload.is_empty() {
        bytes.push(0xFF);
        bytes.extend(payload);
    }
    bytes
}

fn request(layer: &mut MessageLayer, now: Instant, from: Endpoint, bytes: &[u8]) -> Exchange {
    request_in(own(from), layer, now, from, bytes)
}

fn request_in(
    namespace: Namespace,
    layer: &mut MessageLayer,
    now: Instant,
    from: Endpoint,
    bytes: &[u8],
) -> Exchange {
    match layer.receive(now, from, namespace, bytes) {
        Received::Request { exchange, .. } => exchange,
        Received::Handled { note, .. } => panic!("not a new request: {note:?}"),
    }
}

fn handled(
    layer: &mut MessageLayer,
    now: Instant,
    from: Endpoint,
    bytes: &[u8],
) -> (Note, Vec<Vec<u8>>) {
    handled_in(own(from), layer, now, from, bytes)
}

fn handled_in(
    namespace: Namespace,
    layer: &mut MessageLayer,
    now: Instant,
    from: Endpoint,
    bytes: &[u8],
) -> (Note, Vec<Vec<u8>>) {
    match layer.receive(now, from, namespace, bytes) {
        Received::Request { .. } => panic!("taken for a new request"),
        Received::Handled { note, replies, .. } => (note, replies),
    }
}

#[test]
fn a_piggybacked_answer_repeats_for_a_repeated_request_only() {
    let (mut layer, now) = layer();
    let bytes = post(0, 7, b"x");
    let exchange = request(&mut layer, now, endpoint(1), &bytes);
    let sent = layer.answer(
        now,
        &exchange,
        &Outgoing::bare(Code::CONTENT),
        Delivery::Piggybacked,
    );
    assert_eq!(sent, [vec![0x61, 0x45, 0, 7, 0xAA]]);

    let (note, replies) = handled(&mut layer, now, endpoint(1), &bytes);
    assert_eq!((note, replies), (Note::Duplicate, sent));
    // Another endpoint, and another message under the same id, are new.
    request(&mut layer, now, endpoint(2), &bytes);
    match layer.receive(now, endpoint(1), own(endpoint(1)), &post(0, 7, b"y")) {
        Received::Request { id_reused, .. } => assert!(id_reused),
        Received::Handled { note, .. } => panic!("{note:?}"),
    }
}

#[test]
fn an_id_is_forgotten_after_the_exchange_lifetime() {
    let (mut layer, now) = layer();
    let bytes = post(0, 7, b"x");
    let exchange = request(&mut layer, now, endpoint(1), &bytes);
    layer.answer(
        now,
        &exchange,
        &Outgoing::bare(Code::CONTENT),
        Delivery::Piggybacked,
    );
    let lifetime = Timing::default().exchange_lifetime;
    let (note, _) = handled(
        &mut layer,
        now + lifetime - Duration::from_millis(1),
        endpoint(1),
        &bytes,
    );
    assert_eq!(note, Note::Duplicate);
    request(&mut layer, now + lifetime, endpoint(1), &bytes);
}

#[test]
fn memory_is_bounded_oldest_first() {
    let timing = Timing {
        max_exchanges: 2,
        ..Timing::default()
    };
    let (mut layer, now) = (MessageLayer::new(&timing), Instant::now());
    for id in 1..=3 {
        let exchange = request(&mut layer, now, endpoint(1), &post(0, id, b""));
        layer.answer(
            now,
            &exchange,
            &Outgoing::bare(Code::CONTENT),
            Delivery::Piggybacked,
        );
    }
    assert_eq!(
        handled(&mut layer, now, endpoint(1), &post(0, 3, b"")).0,
        Note::Duplicate
    );
    assert_eq!(
        handled(&mut layer, now, endpoint(1), &post(0, 2, b"")).0,
        Note::Duplicate
    );
    request(&mut layer, now, endpoint(1), &post(0, 1, b""));
}

#[test]
fn a_non_confirmable_request_is_answered_in_kind_and_once() {
    let (mut layer, now) = layer();
    let bytes = post(1, 9, b"x");
    let exchange = request(&mut layer, now, endpoint(1), &bytes);
    for delivery in [Delivery::Separate, Delivery::Piggybacked] {
        let sent = layer.answer(now, &exchange, &Outgoing::bare(Code::CONTENT), delivery);
        assert_eq!(sent.len(), 1);
        assert_eq!(&sent[0][..2], [0x51, 0x45]);
    }
    let (note, replies) = handled(&mut layer, now, endpoint(1), &bytes);
    assert_eq!((note, replies.len()), (Note::Duplicate, 0));
    assert_eq!(layer.deadline(), None);
}

#[test]
fn own_message_ids_count_up_per_endpoint() {
    let (mut layer, now) = layer();
    let mut ids = Vec::new();
    for id in 0..3 {
        let exchange = request(&mut layer, now, endpoint(1), &post(1, id, b""));
        let sent = layer.answer(
            now,
            &exchange,
            &Outgoing::bare(Code::CONTENT),
            Delivery::Piggybacked,
        );
        ids.push(u16::from_be_bytes([sent[0][2], sent[0][3]]));
    }
    assert_eq!(ids[1], ids[0].wrapping_add(1));
    assert_eq!(ids[2], ids[1].wrapping_add(1));
}

#[test]
fn a_separate_response_backs_off_until_it_is_given_up() {
    let (mut layer, start) = layer();
    let exchange = request(&mut layer, start, endpoint(1), &post(0, 7, b"x"));
    let sent = layer.answer(
        start,
        &exchange,
        &Outgoing::bare(Code::CONTENT),
        Delivery::Separate,
    );
    assert_eq!(sent[0], [0x60, 0, 0, 7]);
    assert_eq!(&sent[1][..2], [0x41, 0x45]);

    let mut last = start;
    let mut gaps = Vec::new();
    for _ in 0..4 {
        let due = layer.deadline().unwrap();
        assert_eq!(layer.expire(due - Duration::from_nanos(1)), []);
        assert_eq!(
            layer.expire(due),
            [Expired::Resend(endpoint(1), sent[1].clone())]
        );
        gaps.push(due - last);
        last = due;
    }
    assert!((Duration::from_secs(2)..=Duration::from_secs(3)).contains(&gaps[0]));
    assert!(
        gaps.windows(2).all(|pair| pair[1] == pair[0] * 2),
        "{gaps:?}"
    );
    let id = u16::from_be_bytes([sent[1][2], sent[1][3]]);
    assert_eq!(
        layer.expire(layer.deadline().unwrap()),
        [Expired::GaveUp(endpoint(1), id)]
    );
    assert_eq!(layer.deadline(), None);
}

#[test]
fn acknowledgement_and_reset_end_a_separate_response() {
    for (first, expected) in [(0x60, Note::Acknowledged), (0x70, Note::Reset)] {
        let (mut layer, now) = layer();
        let exchange = request(&mut layer, now, endpoint(1), &post(0, 7, b"x"));
        let sent = layer.answer(
            now,
            &exchange,
            &Outgoing::bare(Code::CONTENT),
            Delivery::Separate,
        );
        let settle = [first, 0, sent[1][2], sent[1][3]];
        // The id means nothing from elsewhere.
        handled(&mut layer, now, endpoint(2), &settle);
        assert!(layer.deadline().is_some());
        assert_eq!(
            handled(&mut layer, now, endpoint(1), &settle),
            (expected, vec![])
        );
        assert_eq!(layer.deadline(), None);
        // The request repeated after that still gets its empty acknowledgement.
        let (note, replies) = handled(&mut layer, now, endpoint(1), &post(0, 7, b"x"));
        assert_eq!(
            (note, replies),
            (Note::Duplicate, vec![vec![0x60, 0, 0, 7]])
        );
    }
}

#[test]
fn a_separate_non_confirmable_response_has_no_timer() {
    let (mut layer, now) = layer();
    let exchange = request(&mut layer, now, endpoint(1), &post(0, 7, b"x"));
    let sent = layer.answer(
        now,
        &exchange,
        &Outgoing::bare(Code::CONTENT),
        Delivery::SeparateNon,
    );
    assert_eq!(sent[0], [0x60, 0, 0, 7]);
    assert_eq!(&sent[1][..2], [0x51, 0x45]);
    assert_eq!(layer.deadline(), None);
}

#[test]
fn a_ping_gets_a_reset() {
    let (mut layer, now) = layer();
    let (note, replies) = handled(&mut layer, now, endpoint(1), &[0x40, 0, 0x12, 0x34]);
    assert_eq!(
        (note, replies),
        (Note::Ping, vec![vec![0x70, 0, 0x12, 0x34]])
    );
}

#[test]
fn format_errors_are_reset_when_confirmable_and_ignored_otherwise() {
    let broken: [(&str, &[u8]); 6] = [
        (
            "token length 9",
            &[0x49, 2, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ),
        ("token cut off", &[0x44, 2, 0, 1, 1, 2]),
        ("option cut off", &[0x40, 2, 0, 1, 0xB5, b't', b'o']),
        ("reserved option delta", &[0x40, 2, 0, 1, 0xF1, 0]),
        ("marker without payload", &[0x40, 2, 0, 1, 0xB1, b'a', 0xFF]),
        ("empty with content", &[0x40, 0, 0, 1, 0xFF, 1]),
    ];
    for (name, bytes) in broken {
        let (mut layer, now) = layer();
        let (note, replies) = handled(&mut layer, now, endpoint(1), bytes);
        assert!(matches!(note, Note::Malformed(_)), "{name}: {note:?}");
        assert_eq!(replies, [[0x70, 0, 0, 1]], "{name}");
        let mut non = bytes.to_vec();
        non[0] |= 0x10;
        let (note, replies) = handled(&mut layer, now, endpoint(1), &non);
        assert!(matches!(note, Note::Malformed(_)), "{name}: {note:?}");
        assert!(replies.is_empty(), "{name}");
    }
}

#[test]
fn an_option_may_end_in_the_markers_value() {
    let (mut layer, now) = layer();
    request(&mut layer, now, endpoint(1), &[0x40, 2, 0, 1, 0xB1, 0xFF]);
}

#[test]
fn other_versions_and_stubs_are_ignored_silently() {
    for bytes in [
        &b""[..],
        &[0x40],
        &[0x40, 2, 0],
        &[0x00, 2, 0, 1],
        &[0x80, 2, 0, 1],
    ] {
        let (mut layer, now) = layer();
        let (note, replies) = handled(&mut layer, now, endpoint(1), bytes);
        assert!(matches!(note, Note::Malformed(_)), "{bytes:?}");
        assert!(replies.is_empty());
    }
}

#[test]
fn responses_and_reserved_classes_are_no_business_of_a_server() {
    for code in [0x45, 0x84, 0x20, 0xC1, 0xE0] {
        let (mut layer, now) = layer();
        let (note, replies) = handled(&mut layer, now, endpoint(1), &[0x40, code, 0, 1]);
        assert_eq!(
            (note, replies),
            (Note::Unexpected, vec![vec![0x70, 0, 0, 1]])
        );
        let (note, replies) = handled(&mut layer, now, endpoint(1), &[0x60, code, 0, 1]);
        assert_eq!((note, replies.len()), (Note::Unexpected, 0));
    }
}

#[test]
fn a_forgotten_endpoint_leaves_nothing_behind() {
    let (mut layer, now) = layer();
    let bytes = post(0, 7, b"x");
    let exchange = request(&mut layer, now, endpoint(1), &bytes);
    layer.answer(
        now,
        &exchange,
        &Outgoing::bare(Code::CONTENT),
        Delivery::Separate,
    );
    layer.forget(endpoint(1));
    assert_eq!(layer.deadline(), None);
    request(&mut layer, now, endpoint(1), &bytes);
}

/// A session, and one that was resumed from it and has taken its place.
const RENEWED: Namespace = Namespace::Secret(48);

#[test]
fn a_repetition_by_a_resumed_session_is_answered_as_before() {
    let (mut layer, now) = layer();
    let bytes = post(0, 7, b"x");
    let exchange = request_in(RENEWED, &mut layer, now, endpoint(1), &bytes);
    let outgoing = Outgoing::bare(Code::CONTENT);
    let sent = layer.answer(now, &exchange, &outgoing, Delivery::Piggybacked);
    layer.forget(endpoint(1));
    let repeated = handled_in(RENEWED, &mut layer, now, endpoint(2), &bytes);
    assert_eq!(repeated, (Note::Duplicate, sent));
    // Neither an equal message of another device, nor this one after its time.
    let stranger = layer.receive(now, endpoint(2), Namespace::Secret(49), &bytes);
    assert!(matches!(stranger, Received::Request { .. }));
    let later = now + Timing::default().exchange_lifetime;
    let late = layer.receive(later, endpoint(2), RENEWED, &bytes);
    assert!(matches!(late, Received::Request { .. }));
}

/// Otherwise it would get an acknowledgement, and wait for a response that went to the session before.
#[test]
fn a_separate_response_follows_the_device_to_the_resumed_session() {
    for delivery in [Delivery::Separate, Delivery::SeparateNon] {
        let (mut layer, now) = layer();
        let bytes = post(0, 7, b"x");
        let exchange = request_in(RENEWED, &mut layer, now, endpoint(1), &bytes);
        let outgoing = Outgoing::bare(Code::CONTENT);
        let sent = layer.answer(now, &exchange, &outgoing, delivery);
        let mut repeat = |from| {
            let (note, replies) = handled_in(RENEWED, &mut layer, now, from, &bytes);
            assert_eq!(note, Note::Duplicate);
            replies
        };
        assert_eq!(repeat(endpoint(1)), sent[..1], "{delivery:?}");
        assert_eq!(repeat(endpoint(2)), sent, "{delivery:?}");
        assert_eq!(repeat(endpoint(2)), sent[..1], "it has moved");
        let Some(due) = layer.deadline() else {
            assert_eq!(delivery, Delivery::SeparateNon);
            continue;
        };
        let resent = layer.expire(due);
        assert_eq!(resent, [Expired::Resend(endpoint(2), sent[1].clone())]);
        layer.forget(endpoint(2));
        assert_eq!(layer.deadline(), None, "nothing is left for the first");
    }
}

/// A device sends it once by each session: by the second because nothing came by the first.
#[test]
fn a_non_confirmable_request_is_answered_once_by_each_session() {
    let (mut layer, now) = layer();
    let bytes = post(1, 7, b"x");
    let exchange = request_in(RENEWED, &mut layer, now, endpoint(1), &bytes);
    let outgoing = Outgoing::bare(Code::CONTENT);
    let sent = layer.answer(now, &exchange, &outgoing, Delivery::Piggybacked);
    layer.forget(endpoint(1));
    let none: [Vec<u8>; 0] = [];
    for (from, expected) in [(endpoint(2), &sent[..]), (endpoint(2), &none)] {
        let (note, replies) = handled_in(RENEWED, &mut layer, now, from, &bytes);
        assert_eq!((note, &replies[..]), (Note::Duplicate, expected));
    }
}

impl MessageLayer {
    /// What is sent for an answer that is not delayed.
    fn answer(
        &mut self,
        now: Instant,
        exchange: &Exchange,
        answer: &Outgoing<'_>,
        delivery: Delivery,
    ) -> Vec<Vec<u8>> {
        let Response { at_once, later } =
            self.respond(now, Duration::ZERO, exchange, answer, delivery);
        at_once.into_iter().chain([later]).collect()
    }
}
