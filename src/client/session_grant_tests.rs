//! What outlives a grant: answers to reports that were sent under an earlier one, and bytes in memory.

use super::session_tests::{HELLO, PATH, SECRET, bench};
use super::*;
use crate::cloud_auth::SessionKey;
use crate::coap::{Datagram, OptionNumber};

fn token_in(request: &[u8]) -> Vec<u8> {
    let message = Datagram::parse(request).unwrap();
    let mut options = message.options();
    let is_token = |n| n == OptionNumber::AUTH_TOKEN || n == OptionNumber::AUTH_TOKEN_2018;
    let (_, token) = options.find(|(n, _)| is_token(*n)).unwrap();
    token.to_vec()
}

const SECOND: &str = r#"{"token":"second","random":"0123456789abcdef","seqOffset":7}"#;

#[test]
fn a_refusal_of_an_old_token_does_not_void_the_new_one() {
    for code in [0x81, 0x82] {
        let mut bench = bench("coap://h", Settings::default()).authenticated();
        let request = bench.post(PATH, HELLO).unwrap();
        assert_eq!(bench.authenticate(SECOND), AuthStatus::Authenticated);
        let (arrival, _) = bench.answer(&request, code, b"token expired");
        assert_eq!(arrival.event, None, "it is sent again");
        assert!(bench.session.is_authenticated(bench.now), "{code:#x}");
        let again = bench.sent();
        assert_eq!(token_in(&again), b"second");
        let (arrival, _) = bench.answer(&again, code, b"");
        assert!(
            matches!(arrival.event, Some(Event::Response { .. })),
            "once: the program is told"
        );
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls OpenSSL")]
fn an_answer_is_decrypted_with_the_key_its_request_was_encrypted_with() {
    let mut bench = bench("coap-psk://h:5682", Settings::default()).authenticated();
    let request = bench.post(PATH, HELLO).unwrap();
    assert_eq!(bench.authenticate(SECOND), AuthStatus::Authenticated);
    let mut cipher = Vec::new();
    SessionKey::derive(SECRET.as_bytes(), "ad2b3a5eb51d64f7")
        .encrypt_into(b"late answer", &mut cipher)
        .unwrap();
    let (arrival, bytes) = bench.answer(&request, 0x45, &cipher);
    let Some(Event::Response { payload, .. }) = arrival.event else {
        panic!("lost: {arrival:?}")
    };
    assert_eq!(&bytes[payload], b"late answer");
}

#[test]
fn the_token_does_not_stay_behind_in_the_receive_buffer() {
    let mut bench = bench("coap://h", Settings::default());
    bench
        .session
        .begin_authentication(&mut bench.random)
        .unwrap();
    let request = bench.sent();
    // The answer, and a repetition that matches nothing any more.
    for _ in 0..2 {
        let (_, buffer) = bench.answer(&request, 0x45, br#"{"token":"s3cr3t-t0ken"}"#);
        assert_eq!(bench.session.auth_status(), AuthStatus::Authenticated);
        assert!(!buffer.windows(6).any(|window| window == b"s3cr3t"));
    }
}

#[test]
fn a_token_voided_at_once_leaves_no_authenticated_status() {
    let mut bench = bench("coap://h", Settings::default()).authenticated();
    let request = bench.post(PATH, HELLO).unwrap();
    bench.answer(&request, 0x81, b"");
    assert_eq!(bench.session.auth_status(), AuthStatus::Refused);
}
