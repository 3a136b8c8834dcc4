use super::*;
use crate::code::Code;
use crate::devices::DeviceId;
use crate::endpoint::Transport;
use crate::platform::Refusal;

fn event(kind: EventKind) -> Event {
    Event {
        at: UnixMillis(1_769_860_800_123),
        transport: Transport::Udp,
        peer: ([127, 0, 0, 1], 40000).into(),
        kind,
    }
}

fn exchanged(path: &str, code: u8) -> Exchanged {
    Exchanged {
        message_id: 2,
        confirmable: true,
        method: 2,
        path: path.into(),
        payload_len: 22,
        answered: Some(Code(code)),
        separate: false,
        id_reused: false,
    }
}

fn report(payload: &[u8]) -> Report {
    Report {
        device: DeviceId::new("a1", "dev01"),
        topic: "/a1/dev01/update".into(),
        payload: payload.to_vec(),
        content_format: Some(50),
        seq: Some(3),
        token_place: TokenPlace::Option(61),
        cloud_id: 5,
    }
}

#[test]
fn a_line_for_people() {
    let kind = EventKind::Request(
        exchanged("/topic/a1/dev01/update", 0x45),
        Outcome::Published(report(b"{\"name\":\"hello world\"}")),
    );
    assert_eq!(
        text_line(&event(kind)),
        "2026-01-31T12:00:00.123Z udp 127.0.0.1:40000 CON 2 POST /topic/a1/dev01/update -> 2.05 \
         a1/dev01 22 bytes seq 3 {\"name\":\"hello world\"}"
    );
    let kind = EventKind::Request(
        exchanged("/auth", 0x81),
        Outcome::AuthRefused {
            device: Some(DeviceId::new("a1", "x")),
            refusal: Refusal::UnknownDevice,
        },
    );
    assert_eq!(
        text_line(&event(kind)),
        "2026-01-31T12:00:00.123Z udp 127.0.0.1:40000 CON 2 POST /auth -> 4.01 a1/x: \
         UnknownDevice (authentication failed)"
    );
}

#[test]
fn a_line_for_programs() {
    let kind = EventKind::Request(
        exchanged("/topic/a1/dev01/update", 0x45),
        Outcome::Published(report(b"\xff\x00")),
    );
    let line: Value = serde_json::from_str(&json_line(&event(kind))).unwrap();
    assert_eq!(
        line,
        json!({
            "time": "2026-01-31T12:00:00.123Z", "transport": "udp", "peer": "127.0.0.1:40000",
            "event": "request", "messageId": 2, "confirmable": true, "method": "POST",
            "path": "/topic/a1/dev01/update", "payloadLength": 22, "code": "2.05",
            "separate": false, "outcome": "published", "device": "a1/dev01",
            "topic": "/a1/dev01/update", "payloadHex": "ff00", "contentFormat": 50, "seq": 3,
            "tokenIn": 61, "cloudId": 5,
        })
    );
}

#[test]
fn every_kind_is_one_line_in_both_forms() {
    let device = DeviceId::new("a1", "dev\n01");
    let handshake = |credential| EventKind::Handshake {
        cipher: "TLS_X".into(),
        version: "DTLSv1.2".into(),
        resumed: true,
        credential,
        server_name: Some("host\n".into()),
    };
    let mut kinds = vec![
        EventKind::Duplicate { message_id: 1 },
        EventKind::Ping { message_id: 1 },
        EventKind::Acknowledged { message_id: 1 },
        EventKind::Reset { message_id: 1 },
        EventKind::GaveUp { message_id: 1 },
        EventKind::Unexpected { message_id: 1 },
        EventKind::Malformed {
            reason: "why".into(),
            len: 3,
        },
        EventKind::HelloVerify,
        EventKind::HandshakeFailed {
            reason: "why".into(),
        },
        handshake(Credential::Certificate),
        handshake(Credential::Psk(device.clone())),
        handshake(Credential::RsaPsk(device.clone())),
        EventKind::Request(
            Exchanged {
                answered: None,
                id_reused: true,
                ..exchanged("/a\nb", 0x45)
            },
            Outcome::Scripted,
        ),
        EventKind::Request(
            exchanged("/auth", 0x45),
            Outcome::Authenticated {
                device,
                symmetric: true,
                method: crate::SignMethod::HmacSha256,
                encoding: Encoding::Cbor,
            },
        ),
        EventKind::Request(
            exchanged("/topic/x", 0x45),
            Outcome::Published(report(&[b'\n'; 1000])),
        ),
    ];
    for end in [
        SessionEnd::Closed,
        SessionEnd::Failed,
        SessionEnd::Idle,
        SessionEnd::Replaced,
        SessionEnd::Evicted,
    ] {
        kinds.push(EventKind::SessionEnded(end));
    }
    let mut names = std::collections::BTreeSet::new();
    for kind in kinds {
        let event = event(kind);
        let text = text_line(&event);
        assert!(!text.contains('\n') && text.len() < 600, "{text:?}");
        let json = json_line(&event);
        assert!(!json.contains('\n'));
        let json: Value = serde_json::from_str(&json).unwrap();
        names.insert(json["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(names.len(), 12, "{names:?}");
}

#[test]
fn timestamps_follow_the_calendar() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (951_868_799, "2000-02-29T23:59:59.000Z"),
        (951_868_800, "2000-03-01T00:00:00.000Z"),
        (1_709_164_800, "2024-02-29T00:00:00.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (2_524_608_000, "2050-01-01T00:00:00.000Z"),
        (1_735_689_599, "2024-12-31T23:59:59.000Z"),
    ] {
        assert_eq!(timestamp(UnixMillis(seconds * 1000)), expected);
    }
}

#[test]
fn faults_have_lines_of_their_own() {
    use crate::faults::{Direction, Fault, Memory};

    let impaired = event(EventKind::Impaired {
        direction: Direction::Down,
        fault: Fault::NoMapping,
        len: 45,
    });
    assert_eq!(
        text_line(&impaired),
        "2026-01-31T12:00:00.123Z udp 127.0.0.1:40000 down 45 bytes lost, its address is no longer \
         mapped"
    );
    let line: Value = serde_json::from_str(&json_line(&impaired)).unwrap();
    assert_eq!(
        (&line["event"], &line["direction"], &line["length"]),
        (&json!("impaired"), &json!("down"), &json!(45))
    );
    let restarted = event(EventKind::Restarted(Memory::Kept));
    assert!(text_line(&restarted).ends_with("port restarted, memory kept"));
    let line: Value = serde_json::from_str(&json_line(&restarted)).unwrap();
    assert_eq!(line["memory"], "kept");
    let step = Event {
        transport: Transport::Cloud,
        ..event(EventKind::Step {
            number: 3,
            what: "rebind the NAT".into(),
        })
    };
    assert_eq!(
        text_line(&step),
        "2026-01-31T12:00:00.123Z cloud step 3: rebind the NAT"
    );
    let line: Value = serde_json::from_str(&json_line(&step)).unwrap();
    assert_eq!((&line["number"], line.get("peer")), (&json!(3), None));
}
