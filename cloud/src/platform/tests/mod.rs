//! Every code for every cause: the bench here, with what both paths have in common; the rest by path.

mod auth;
mod post;
mod symmetric;

use coap_lite::{CoapOption, MessageClass, Packet};
use iotx_coap::cloud_auth::dtls_psk;

use super::*;
use crate::code::Code;
use crate::devices::DeviceEntry;

const NOW: UnixMillis = UnixMillis(1_500_000_000_000);
const UPDATE: &str = "/topic/pk/dev/update";

struct Bench {
    platform: Platform,
    now: UnixMillis,
    transport: Transport,
    session_of: Option<DeviceId>,
}

impl Bench {
    fn new() -> Self {
        Bench::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut devices = Devices::default();
        for flag in ["pk,dev,secret", "pk,other,geheim", "pk,off,secret"] {
            let mut entry = DeviceEntry::from_flag(flag).unwrap();
            entry.disabled = flag.starts_with("pk,off");
            devices.add(entry).unwrap();
        }
        Bench {
            platform: Platform::new(settings, devices).unwrap(),
            now: NOW,
            transport: Transport::Udp,
            session_of: None,
        }
    }

    /// The verdict with its answer as it leaves, so encrypted where it is.
    fn ask(&mut self, packet: Packet) -> Verdict {
        let request = Request::parse(packet, self.platform.settings.token_option);
        let context = Context {
            transport: self.transport,
            session_of: self.session_of.as_ref(),
            now: self.now,
        };
        let mut verdict = self.platform.handle(&context, &request);
        self.platform
            .seal(&mut verdict.answer, verdict.seal.as_ref());
        verdict
    }

    #[track_caller]
    fn refuses(&mut self, packet: Packet, refusal: &Refusal) -> Answer {
        let verdict = self.ask(packet);
        match verdict.outcome {
            Outcome::AuthRefused {
                refusal: actual, ..
            }
            | Outcome::Refused {
                refusal: actual, ..
            } => assert_eq!(actual, *refusal),
            other => panic!("{other:?}"),
        }
        assert_eq!(verdict.answer.code, refusal.code());
        verdict.answer
    }

    #[track_caller]
    fn publishes(&mut self, packet: Packet) -> Report {
        let verdict = self.ask(packet);
        match verdict.outcome {
            Outcome::Published(report) => {
                assert_eq!(verdict.answer, Answer::accepted(report.cloud_id));
                report
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn authenticates(&mut self, packet: Packet) -> serde_json::Value {
        let verdict = self.ask(packet);
        assert_eq!(verdict.answer.code, Code::CONTENT, "{:?}", verdict.outcome);
        assert!(verdict.answer.options.is_empty());
        serde_json::from_slice(&verdict.answer.payload).unwrap()
    }

    fn token(&mut self) -> String {
        let answer = self.authenticates(auth(&[]));
        assert_eq!(answer.as_object().unwrap().len(), 1);
        answer["token"].as_str().unwrap().to_owned()
    }

    /// A symmetric session: token and key.
    fn symmetric(&mut self) -> (String, SessionKey) {
        let answer = self.authenticates(auth(&[("seq", "9122")]));
        let random = answer["random"].as_str().unwrap();
        assert_eq!(random.len(), 16);
        let key = SessionKey::derive(b"secret", random);
        (answer["token"].as_str().unwrap().to_owned(), key)
    }
}

fn packet(method: u8, path: &str, options: &[(u16, &[u8])], payload: &[u8]) -> Packet {
    let mut packet = Packet::new();
    packet.header.code = MessageClass::from(method);
    for segment in path.split('/').skip(1) {
        packet.add_option(CoapOption::UriPath, segment.into());
    }
    for (number, value) in options {
        packet.add_option(CoapOption::from(*number), value.to_vec());
    }
    packet.payload = payload.to_vec();
    packet
}

const JSON_TO_JSON: [(u16, &[u8]); 2] = [(12, b"\x32"), (17, b"\x32")];

/// An authentication with just these parameters.
fn auth_with(parameters: &[(&str, &str)]) -> Packet {
    let object: serde_json::Map<String, serde_json::Value> = parameters
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let payload = serde_json::Value::Object(object).to_string();
    packet(2, "/auth", &JSON_TO_JSON, payload.as_bytes())
}

/// Signed by the device, with parameters added.
fn auth(extra: &[(&str, &str)]) -> Packet {
    auth_of("dev", "secret", extra)
}

fn auth_of(name: &str, secret: &str, extra: &[(&str, &str)]) -> Packet {
    let mut parameters = vec![
        ("productKey", "pk"),
        ("deviceName", name),
        ("clientId", "c"),
    ];
    parameters.extend(extra);
    let method = parameters.iter().find(|(name, _)| *name == "signmethod");
    let method = method.map_or(SignMethod::HmacMd5, |(_, m)| {
        SignMethod::from_name(m).unwrap()
    });
    let sign = iotx_coap::cloud_auth::sign_parameters(
        method,
        secret.as_bytes(),
        parameters.iter().copied(),
    );
    parameters.push(("sign", sign.as_str()));
    auth_with(&parameters)
}

/// A post as the SDK writes it, with options added.
fn post(path: &str, token: &str, extra: &[(u16, &[u8])], payload: &[u8]) -> Packet {
    let mut options: Vec<(u16, &[u8])> = vec![(12, b"\x32"), (17, b"\x2a")];
    options.push((2088, token.as_bytes()));
    options.extend(extra);
    packet(2, path, &options, payload)
}

fn seq(key: &SessionKey, number: u32) -> Vec<u8> {
    let mut sealed = Vec::new();
    key.encrypt_seq(number, &mut sealed).unwrap();
    sealed
}

fn sealed(key: &SessionKey, payload: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    key.encrypt_into(payload, &mut sealed).unwrap();
    sealed
}

#[test]
fn paths_4_04_and_methods_4_05() {
    let mut bench = Bench::new();
    for path in [
        "/",
        "/auth/more",
        "/Auth",
        "/topic",
        "/.well-known/core",
        "/pull",
    ] {
        let answer = bench.refuses(packet(2, path, &[], b""), &Refusal::NotFound);
        assert_eq!(answer.payload, b"404 not found");
    }
    bench.refuses(packet(1, "/.well-known/core", &[], b""), &Refusal::NotFound);
    for method in [1, 3, 4, 5, 31] {
        for path in ["/auth", UPDATE] {
            let answer = bench.refuses(packet(method, path, &[], b""), &Refusal::MethodNotAllowed);
            assert_eq!(answer.payload, b"POST");
        }
    }
}

#[test]
fn formats_4_06_and_4_15() {
    let mut bench = Bench::new();
    let payload = auth(&[]).payload;
    for accept in [&b""[..], b"\x28", b"\x2a", b"\x01\x32"] {
        let request = packet(2, "/auth", &[(12, b"\x32"), (17, accept)], &payload);
        let answer = bench.refuses(request, &Refusal::NotAcceptable);
        assert_eq!(answer.payload, b"application/json or application/cbor");
    }
    for format in [Some(&b""[..]), Some(b"\x2a"), Some(b"\x01\x32"), None] {
        let options: Vec<_> = format.into_iter().map(|format| (12, format)).collect();
        let request = packet(2, "/auth", &options, &payload);
        bench.refuses(request, &Refusal::UnsupportedFormat);
    }
    let token = bench.token();
    let accepting = |accept: &[u8]| packet(2, UPDATE, &[(17, accept), (61, token.as_bytes())], b"");
    for accept in [&b"\x2a"[..], b"\x32", b"\x3c"] {
        bench.publishes(accepting(accept));
    }
    for accept in [&b""[..], b"\x28", b"\x01\x2a"] {
        bench.refuses(accepting(accept), &Refusal::NotAcceptable);
    }
    // The service does not check what a post's Content-Format says.
    let report = bench.publishes(packet(
        2,
        UPDATE,
        &[(12, b"\x77"), (61, token.as_bytes())],
        b"",
    ));
    assert_eq!(report.content_format, Some(0x77));
}

#[test]
fn overload_5_00() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.platform.overload = Overload::Auth;
    let answer = bench.refuses(auth(&[]), &Refusal::Overload);
    assert_eq!(answer.code, Code::INTERNAL_ERROR);
    bench.publishes(post(UPDATE, &token, &[], b""));
    bench.platform.overload = Overload::Everything;
    bench.refuses(post(UPDATE, &token, &[], b""), &Refusal::Overload);
    bench.platform.overload = Overload::Off;
    bench.token();
}

#[test]
fn any_4_02_for_unknown_critical_options() {
    let mut bench = Bench::new();
    let token = bench.token();
    for path in ["/auth", UPDATE, "/nowhere"] {
        let answer = bench.refuses(
            packet(2, path, &[(61, token.as_bytes()), (2091, b"")], b""),
            &Refusal::UnsupportedOption(2091),
        );
        assert_eq!(answer.payload, b"unsupported critical option 2091");
    }
}

#[test]
fn refusals_name_themselves() {
    assert_eq!(Refusal::MissingParameter("sign").name(), "MissingParameter");
    assert_eq!(Refusal::Overload.name(), "Overload");
}
