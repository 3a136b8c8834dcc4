//! `/topic/…`.

use super::*;

#[test]
fn post_2_05() {
    let mut bench = Bench::new();
    let token = bench.token();
    let first = bench.publishes(post(UPDATE, &token, &[], b"payload"));
    assert_eq!(first.device, DeviceId::new("pk", "dev"));
    assert_eq!(first.topic, "/pk/dev/update");
    assert_eq!(first.payload, b"payload");
    assert_eq!(first.content_format, Some(50));
    assert_eq!(
        (first.seq, first.token_place),
        (None, TokenPlace::Option(2088))
    );
    // The answer: one option 2090 of 8 bytes, nothing else.
    let answer = bench.ask(post(UPDATE, &token, &[], b"")).answer;
    assert_eq!((answer.code, answer.payload.len()), (Code::CONTENT, 0));
    let [(OPTION_MESSAGE_ID, id)] = &answer.options[..] else {
        panic!("{:?}", answer.options)
    };
    assert_eq!(*id, (first.cloud_id + 1).to_be_bytes());
    // A slash at the end makes no difference, and the other places for a token work.
    assert_eq!(
        bench
            .publishes(post("/topic/pk/dev/update/", &token, &[], b""))
            .topic,
        first.topic
    );
    let in_61 = packet(2, UPDATE, &[(61, token.as_bytes())], b"");
    assert_eq!(bench.publishes(in_61).token_place, TokenPlace::Option(61));
    let query = format!("token={token}");
    let in_query = packet(2, UPDATE, &[(15, query.as_bytes())], b"");
    assert_eq!(bench.publishes(in_query).token_place, TokenPlace::Query);
}

#[test]
fn post_2_05_to_every_topic_the_sdk_uses() {
    let mut bench = Bench::new();
    let token = bench.token();
    for topic in [
        "/sys/pk/dev/thing/status/update",
        "/sys/pk/dev/thing/deviceinfo/update",
        "/ota/device/inform/pk/dev",
        "/ota/device/request/pk/dev",
        "/ota/device/progress/pk/dev",
        "/pk/dev/user/update/error",
    ] {
        let report = bench.publishes(post(&format!("/topic{topic}"), &token, &[], b"{}"));
        assert_eq!(report.topic, topic);
    }
}

#[test]
fn post_4_00_for_topics_nobody_can_publish_to() {
    let mut bench = Bench::new();
    let token = bench.token();
    for path in [
        "/topic/pk/dev/+",
        "/topic/pk/dev/#",
        "/topic//pk/dev",
        "/topic/",
    ] {
        bench.refuses(post(path, &token, &[], b""), &Refusal::BadTopic);
    }
}

#[test]
fn post_4_01_for_tokens_that_do_not_count() {
    let mut bench = Bench::new();
    let token = bench.token();
    let mut forged = token.clone().into_bytes();
    forged[0] ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    bench.refuses(post(UPDATE, &forged, &[], b""), &Refusal::TokenUnknown);
    // Another device's topic, another device's DTLS session.
    let foreign = post("/topic/pk/other/update", &token, &[], b"");
    bench.refuses(foreign, &Refusal::TokenOfOther);
    let foreign = post("/topic/ota/device/inform/pk/other", &token, &[], b"");
    bench.refuses(foreign, &Refusal::TokenOfOther);
    bench.session_of = Some(DeviceId::new("pk", "other"));
    bench.refuses(post(UPDATE, &token, &[], b""), &Refusal::TokenOfOther);
    bench.session_of = None;
    // Disabled after it got the token: it will learn why when it authenticates again.
    assert!(
        bench
            .platform
            .set_disabled(&DeviceId::new("pk", "dev"), true)
    );
    bench.refuses(post(UPDATE, &token, &[], b""), &Refusal::TokenRevoked);
    bench.refuses(auth(&[]), &Refusal::DeviceDisabled);
    assert!(
        bench
            .platform
            .set_disabled(&DeviceId::new("pk", "dev"), false)
    );
    bench.publishes(post(UPDATE, &token, &[], b""));
    assert!(
        !bench
            .platform
            .set_disabled(&DeviceId::new("pk", "nobody"), true)
    );
    bench.platform.revoke_tokens(None);
    bench.refuses(post(UPDATE, &token, &[], b""), &Refusal::TokenUnknown);
}

#[test]
fn post_4_01_when_48_hours_are_over() {
    for style in [TokenStyle::Signed, TokenStyle::Jwt, TokenStyle::Random(32)] {
        let settings = Settings {
            token_style: style,
            ..Settings::default()
        };
        let mut bench = Bench::with(settings);
        let token = bench.token();
        bench.now = NOW.plus(Duration::from_millis(48 * 3600 * 1000 - 1));
        bench.publishes(post(UPDATE, &token, &[], b""));
        bench.now = NOW.plus(Duration::from_secs(48 * 3600));
        bench.refuses(post(UPDATE, &token, &[], b""), &Refusal::TokenExpired);
        let fresh = bench.token();
        bench.publishes(post(UPDATE, &fresh, &[], b""));
    }
}

#[test]
fn post_4_02_for_tokens_missing_or_of_a_wrong_length() {
    let mut bench = Bench::new();
    let token = bench.token();
    bench.refuses(packet(2, UPDATE, &[], b""), &Refusal::TokenMissing);
    bench.refuses(post(UPDATE, "", &[], b""), &Refusal::TokenMissing);
    bench.refuses(
        packet(2, UPDATE, &[(15, b"token=")], b""),
        &Refusal::TokenMissing,
    );
    bench.refuses(post(UPDATE, &token[1..], &[], b""), &Refusal::TokenLength);
    bench.refuses(
        post(UPDATE, &format!("{token}x"), &[], b""),
        &Refusal::TokenLength,
    );
}

#[test]
fn post_4_02_for_the_option_that_this_host_does_not_know() {
    let settings = |token_option| Settings {
        token_option,
        ..Settings::default()
    };
    let mut only_61 = Bench::with(settings(TokenOption::Only61));
    let token = only_61.token();
    // 2088 is elective and ignored: the token is missing. That is what 2.20 and 2.21 met.
    let in_2088 = packet(2, UPDATE, &[(2088, token.as_bytes())], b"");
    only_61.refuses(in_2088, &Refusal::TokenMissing);
    only_61.publishes(packet(2, UPDATE, &[(61, token.as_bytes())], b""));
    let mut only_2088 = Bench::with(settings(TokenOption::Only2088));
    let token = only_2088.token();
    // 61 is critical.
    let in_61 = packet(2, UPDATE, &[(61, token.as_bytes())], b"");
    only_2088.refuses(in_61, &Refusal::UnsupportedOption(61));
    only_2088.publishes(packet(2, UPDATE, &[(2088, token.as_bytes())], b""));
}

#[test]
fn post_4_04_without_publish_permission() {
    let mut bench = Bench::new();
    let token = bench.token();
    for path in [
        "/topic/pk/nobody/update",
        "/topic/x",
        "/topic/sys/thing/deviceinfo/update",
    ] {
        bench.refuses(post(path, &token, &[], b""), &Refusal::TopicNotPermitted);
    }
}

#[test]
fn post_4_14_for_more_than_128_characters() {
    let mut bench = Bench::new();
    let token = bench.token();
    // Characters, not bytes, and without `/topic`.
    let path = |length| format!("/topic/pk/dev/{}", "ü".repeat(length - "/pk/dev/".len()));
    bench.publishes(post(&path(128), &token, &[], b""));
    let answer = bench.refuses(post(&path(129), &token, &[], b""), &Refusal::TopicTooLong);
    assert_eq!(answer.code, Code(0x8E));
}

#[test]
fn post_4_29_above_the_rate() {
    let rate_limit = RateLimit {
        per_second: 1.0,
        burst: 2.0,
    };
    let mut bench = Bench::with(Settings {
        rate_limit,
        ..Settings::default()
    });
    let token = bench.token();
    let other = bench.authenticates(auth_of("other", "geheim", &[]));
    for _ in 0..2 {
        bench.publishes(post(UPDATE, &token, &[], b""));
    }
    bench.refuses(post(UPDATE, &token, &[], b""), &Refusal::TooManyRequests);
    let others = post(
        "/topic/pk/other/update",
        other["token"].as_str().unwrap(),
        &[],
        b"",
    );
    bench.publishes(others);
    bench.now = NOW.plus(Duration::from_secs(1));
    bench.publishes(post(UPDATE, &token, &[], b""));
}
