//! The session against scripted answers: bytes in, bytes out, no platform.

use super::*;
use crate::cloud_auth::{Secret, SessionKey};
use crate::coap::{Code, Datagram, Instant, OptionNumber, PathError};
use core::time::Duration;

pub(super) const SECRET: &str = "0123456789abcdef0123456789ABCDEF";
const TOKEN: &str = "f13102810756432e85dfd351eeb41c04";
pub(super) const PATH: &[u8] = b"/topic/a1B2c3D4e5F/dev01/update/";
pub(super) const HELLO: &[u8] = br#"{"name":"hello world"}"#;

fn identity() -> DeviceIdentity {
    DeviceIdentity {
        product_key: "a1B2c3D4e5F".into(),
        device_name: "dev01".into(),
        device_id: "a1B2c3D4e5F.dev01".into(),
        device_secret: Secret::new(SECRET),
    }
}

/// Answers a drawn number with the values an SDK client starts from: id 1, token 0x01020304.
fn sdk_start() -> impl FnMut() -> u32 {
    let mut draws = [1, 0x0102_0304].into_iter();
    let mut next_token = 0x0102_0304;
    move || {
        draws.next().unwrap_or_else(|| {
            next_token += 1;
            next_token
        })
    }
}

pub(super) struct Bench<R> {
    pub(super) session: Session<u32>,
    pub(super) random: R,
    pub(super) now: Instant,
}

pub(super) fn bench(url: &str, settings: Settings) -> Bench<impl FnMut() -> u32> {
    let endpoint = Endpoint::parse(url).unwrap();
    let mut random = sdk_start();
    let session = Session::new(identity(), &endpoint, settings, &mut random);
    // The session drew its first seq from the same source; start the tokens where the vectors do.
    let mut next_token = 0x0102_0304;
    let random = move || {
        next_token += 1;
        next_token
    };
    Bench {
        session,
        random,
        now: Instant::from_millis(5_000),
    }
}

impl<R: FnMut() -> u32> Bench<R> {
    pub(super) fn sent(&mut self) -> Vec<u8> {
        let (_, bytes) = self
            .session
            .poll_transmit(self.now, &mut self.random, true)
            .expect("due");
        bytes.to_vec()
    }

    pub(super) fn post(&mut self, path: &[u8], payload: &[u8]) -> Result<Vec<u8>, ReportError> {
        let report = Report {
            path,
            payload,
            content_format: 50,
            confirmable: true,
        };
        self.session
            .report(self.now, &mut self.random, &report, 7)?;
        Ok(self.sent())
    }

    /// Answers `request` piggybacked and returns what the session makes of it.
    pub(super) fn answer(
        &mut self,
        request: &[u8],
        code: u8,
        payload: &[u8],
    ) -> (Arrival<u32>, Vec<u8>) {
        let mut bytes = vec![0x64, code, request[2], request[3]];
        bytes.extend_from_slice(&request[4..8]);
        if !payload.is_empty() {
            bytes.push(0xff);
            bytes.extend_from_slice(payload);
        }
        let arrival = self.session.handle(self.now, &mut self.random, &mut bytes);
        (arrival, bytes)
    }

    pub(super) fn authenticate(&mut self, answer: &str) -> AuthStatus {
        self.session.begin_authentication(&mut self.random).unwrap();
        let request = self.sent();
        assert_eq!(
            self.answer(&request, 0x45, answer.as_bytes()).0.event,
            Some(Event::Auth)
        );
        self.session.auth_status()
    }

    pub(super) fn authenticated(mut self) -> Self {
        let answer = format!(r#"{{"token":"{TOKEN}","random":"ad2b3a5eb51d64f7","seqOffset":1}}"#);
        assert_eq!(self.authenticate(&answer), AuthStatus::Authenticated);
        self
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn appendix_6_auth_message() {
    let mut bench = bench("coaps://h", Settings::default());
    bench
        .session
        .begin_authentication(&mut bench.random)
        .unwrap();
    assert_eq!(
        hex(&bench.sent()),
        "4402000104030201b46175746811325132ff7b2270726f647563744b6579223a\
         226131423263334434653546222c226465766963654e616d65223a2264657630\
         31222c22636c69656e744964223a2261314232633344346535462e6465763031\
         222c227369676e223a2264393131393134376635396635353964383465363765\
         64303065316634633038227d"
    );
}

#[test]
fn appendix_6_post_with_option_61_and_2088() {
    let mut old_host = bench(
        "coaps://pk.iot-as-coap.cn-shanghai.aliyuncs.com",
        Settings::default(),
    );
    old_host = old_host.authenticated();
    assert_eq!(
        hex(&old_host.post(PATH, HELLO).unwrap()),
        "4402000205030201b5746f7069630b6131423263334434653546056465763031\
         067570646174651132512add1f13663133313032383130373536343332653835\
         6466643335316565623431633034ff7b226e616d65223a2268656c6c6f20776f\
         726c64227d"
    );
    let mut new_host = bench(
        "coaps://pk.coap.cn-shanghai.link.aliyuncs.com",
        Settings::default(),
    );
    new_host = new_host.authenticated();
    assert_eq!(
        hex(&new_host.post(PATH, HELLO).unwrap()),
        "4402000205030201b5746f7069630b6131423263334434653546056465763031\
         067570646174651132512aed070a136631333130323831303735363433326538\
         356466643335316565623431633034ff7b226e616d65223a2268656c6c6f2077\
         6f726c64227d"
    );
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn appendix_6_symmetric_posts() {
    let settings = |option| Settings {
        token_option: Some(option),
        ..Settings::default()
    };
    let mut with_2088 =
        bench("coap-psk://h:5682", settings(TokenOption::Number2088)).authenticated();
    assert_eq!(
        hex(&with_2088.post(PATH, HELLO).unwrap()),
        "4402000205030201b5746f7069630b6131423263334434653546056465763031\
         067570646174651132512aed070a136631333130323831303735363433326538\
         3564666433353165656234316330341d03811055b343616eec42ff740bcfa095\
         59ffbf852c0964ef6604467a49144d036a9bdbec983da1baceeadda32285b26a\
         88f5"
    );
    let mut with_61 = bench("coap-psk://h:5682", settings(TokenOption::Number61)).authenticated();
    assert_eq!(
        hex(&with_61.post(PATH, HELLO).unwrap()),
        "4402000205030201b5746f7069630b6131423263334434653546056465763031\
         067570646174651132512add1f13663133313032383130373536343332653835\
         6466643335316565623431633034ed06df03811055b343616eec42ff740bcfa0\
         9559ffbf852c0964ef6604467a49144d036a9bdbec983da1baceeadda32285b2\
         6a88f5"
    );
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn symmetric_requests_count_seq_up_and_responses_are_decrypted_in_place() {
    let mut bench = bench("coap-psk://h:5682", Settings::default()).authenticated();
    let key = SessionKey::derive(SECRET.as_bytes(), "ad2b3a5eb51d64f7");
    for expected in 1..=3 {
        let request = bench.post(PATH, b"x").unwrap();
        let message = Datagram::parse(&request).unwrap();
        let (_, seq) = message
            .options()
            .find(|(n, _)| *n == OptionNumber::SEQUENCE)
            .unwrap();
        assert_eq!(key.decrypt_seq(seq).unwrap(), expected);
        let mut cipher = Vec::new();
        key.encrypt_into(b"answer", &mut cipher).unwrap();
        let (arrival, bytes) = bench.answer(&request, 0x45, &cipher);
        let Some(Event::Response {
            user: 7,
            head,
            payload,
        }) = arrival.event
        else {
            panic!("no response: {arrival:?}")
        };
        assert_eq!(head.code, Code::CONTENT);
        assert_eq!(&bytes[payload], b"answer");
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn symmetric_answers_in_clear_or_with_broken_padding_are_passed_on_as_they_came() {
    let mut bench = bench("coap-psk://h:5682", Settings::default()).authenticated();
    let broken = [0x5a; 32];
    for (code, payload) in [
        (0x80, &b"bad request"[..]),
        (0x84, b"0123456789abcdef"),
        (0x45, &broken),
    ] {
        let request = bench.post(PATH, b"x").unwrap();
        let (arrival, bytes) = bench.answer(&request, code, payload);
        let Some(Event::Response { payload: range, .. }) = arrival.event else {
            panic!("lost")
        };
        assert_eq!(&bytes[range], payload);
        let told = std::iter::from_fn(|| bench.session.take_notice()).any(|notice| {
            matches!(
                notice,
                Happening::ReceiveFailed(ReceiveFailure::NotDecrypted)
            )
        });
        assert_eq!(told, code == 0x45, "error texts come in clear");
    }
}

#[test]
fn a_refusal_is_final_and_voids_an_older_token() {
    for code in [0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x8f, 0x44] {
        let mut bench = bench("coap://h", Settings::default()).authenticated();
        bench
            .session
            .begin_authentication(&mut bench.random)
            .unwrap();
        let request = bench.sent();
        bench.answer(&request, code, b"no payload");
        assert_eq!(
            bench.session.auth_status(),
            AuthStatus::Refused,
            "{code:#x}"
        );
        assert!(!bench.session.is_authenticated(bench.now));
    }
}

#[test]
fn a_busy_cloud_is_told_apart_and_leaves_an_older_token_alone() {
    let mut bench = bench("coap://h", Settings::default()).authenticated();
    bench
        .session
        .begin_authentication(&mut bench.random)
        .unwrap();
    let request = bench.sent();
    bench.answer(&request, 0xa0, b"timeout");
    assert_eq!(
        bench.session.auth_status(),
        AuthStatus::Busy(Code::INTERNAL_SERVER_ERROR)
    );
    assert!(bench.session.is_authenticated(bench.now));
}

#[test]
fn unusable_answers_do_not_authenticate() {
    let oversized = format!(r#"{{"token":"{}"}}"#, "t".repeat(1025));
    for answer in [
        "{}",
        "",
        "nonsense",
        r#"{"token":""}"#,
        r#"{"token":5}"#,
        oversized.as_str(),
    ] {
        let mut bench = bench("coap://h", Settings::default());
        assert_eq!(
            bench.authenticate(answer),
            AuthStatus::Refused,
            "{answer:.40}"
        );
        assert_eq!(bench.post(PATH, HELLO), Err(ReportError::NotAuthenticated));
    }
    let long_random = format!(
        r#"{{"token":"t","seqOffset":1,"random":"{}"}}"#,
        "r".repeat(33)
    );
    for answer in [
        r#"{"token":"t"}"#,
        r#"{"token":"t","random":"abc"}"#,
        long_random.as_str(),
    ] {
        let mut bench = bench("coap-psk://h:5682", Settings::default());
        assert_eq!(
            bench.authenticate(answer),
            AuthStatus::Refused,
            "{answer:.40}"
        );
    }
}

#[test]
fn tokens_up_to_1024_characters_are_carried_whole() {
    for len in [193, 300, 1024] {
        let token = "t".repeat(len);
        let mut bench = bench("coap://h", Settings::default());
        let status = bench.authenticate(&format!(r#"{{"token":"{token}"}}"#));
        assert_eq!(status, AuthStatus::Authenticated);
        let request = bench.post(PATH, HELLO).unwrap();
        let message = Datagram::parse(&request).unwrap();
        let (_, sent) = message
            .options()
            .find(|(n, _)| *n == OptionNumber::AUTH_TOKEN)
            .unwrap();
        assert_eq!(sent, token.as_bytes());
    }
}

/// The program authenticates, and nobody else.
fn by_hand() -> Settings {
    Settings {
        reauthenticate: false,
        ..Settings::default()
    }
}

#[test]
fn a_voided_token_ends_an_authentication_that_the_session_must_not_repeat() {
    for code in [0x81, 0x82] {
        let mut bench = bench("coap://h", by_hand()).authenticated();
        let request = bench.post(PATH, HELLO).unwrap();
        bench.answer(&request, code, b"token invalid");
        assert_eq!(bench.post(PATH, HELLO), Err(ReportError::NotAuthenticated));
    }
    let mut bench = bench("coap://h", Settings::default()).authenticated();
    let request = bench.post(PATH, HELLO).unwrap();
    bench.answer(&request, 0x84, b"");
    assert!(
        bench.post(PATH, HELLO).is_ok(),
        "4.04 says nothing about the token"
    );
}

#[test]
fn a_token_is_used_for_48_hours() {
    let mut bench = bench("coap://h", by_hand()).authenticated();
    bench.now = bench.now + Duration::from_secs(48 * 3600 - 1);
    bench.post(PATH, HELLO).unwrap();
    bench.now = bench.now + Duration::from_secs(1);
    assert!(!bench.session.is_authenticated(bench.now));
    assert_eq!(bench.post(PATH, HELLO), Err(ReportError::NotAuthenticated));
}

#[test]
fn reports_are_checked_in_the_order_of_the_sdk() {
    let mut bench = bench("coap://h", Settings::default());
    let (long_path, big) = ([b'p'; 136], [0; 1280]);
    assert_eq!(bench.post(&long_path, &big), Err(ReportError::TooLong));
    assert_eq!(
        bench.post(&long_path, b""),
        Err(ReportError::NotAuthenticated)
    );
    let mut bench = bench.authenticated();
    assert_eq!(
        bench.post(&long_path, b""),
        Err(ReportError::Path(PathError::TooLong))
    );
    assert_eq!(
        bench.post(PATH, &big[..1279]),
        Err(ReportError::TooLong),
        "no room for the head"
    );
}

#[test]
fn no_path_segment_is_dropped_silently() {
    let mut plain = bench("coap://h", Settings::default()).authenticated();
    let nine = plain.post(b"/1/2/3/4/5/6/7/8/9", b"x").unwrap();
    assert_eq!(Datagram::parse(&nine).unwrap().options().count(), 12);
    plain.answer(&nine, 0x45, b"");
    let too_many = Err(ReportError::Path(PathError::TooManySegments));
    assert_eq!(plain.post(b"/1/2/3/4/5/6/7/8/9/10", b"x"), too_many);
    let long = [&b"/"[..], &[b's'; 134]].concat();
    let request = plain.post(&long, b"x").unwrap();
    assert_eq!(
        Datagram::parse(&request)
            .unwrap()
            .options()
            .next()
            .unwrap()
            .1,
        &[b's'; 134]
    );
}

#[test]
fn more_paths_than_are_remembered_all_go_out_right() {
    let mut bench = bench("coap://h", Settings::default()).authenticated();
    for round in 0..3 {
        for topic in 0..6 {
            let path = format!("/topic/{topic}");
            let request = bench.post(path.as_bytes(), b"x").unwrap();
            let segment = Datagram::parse(&request)
                .unwrap()
                .options()
                .nth(1)
                .unwrap()
                .1
                .to_vec();
            assert_eq!(segment, topic.to_string().as_bytes(), "round {round}");
            bench.answer(&request, 0x45, b"");
        }
    }
}

#[test]
fn a_new_token_reaches_paths_used_before() {
    let mut bench = bench("coap://h", Settings::default()).authenticated();
    let request = bench.post(PATH, HELLO).unwrap();
    bench.answer(&request, 0x45, b"");
    assert_eq!(
        bench.authenticate(r#"{"token":"second"}"#),
        AuthStatus::Authenticated
    );
    let request = bench.post(PATH, HELLO).unwrap();
    let (_, token) = Datagram::parse(&request).unwrap().options().last().unwrap();
    assert_eq!(token, b"second");
}

#[test]
fn debug_output_holds_no_secret() {
    let bench = bench("coap://h", Settings::default()).authenticated();
    let text = format!("{:?} {:?}", bench.session, bench.session.identity());
    assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
}
