//! Symmetric sessions.

use super::*;

#[test]
fn symmetric_posts_count_up_or_draw_at_random() {
    let mut bench = Bench::new();
    let (token, key) = bench.symmetric();
    for number in [1, 2, 3, 4_000_000_000, 77, 2_147_483_648] {
        let payload = sealed(&key, b"{\"name\":\"hello world\"}");
        let request = post(UPDATE, &token, &[(2089, &seq(&key, number))], &payload);
        let report = bench.publishes(request);
        assert_eq!(report.payload, b"{\"name\":\"hello world\"}");
        assert_eq!(report.seq, Some(number));
    }
    // An empty payload comes as one block of padding, or not at all.
    let block = sealed(&key, b"");
    assert_eq!(block.len(), 16);
    for (number, payload) in [(5, block), (6, Vec::new())] {
        let request = post(UPDATE, &token, &[(2089, &seq(&key, number))], &payload);
        assert_eq!(bench.publishes(request).payload, b"");
    }
    // In the query, in hex.
    let hex = format!("seq={}", crate::token::hex(&seq(&key, 7)));
    let request = post(UPDATE, &token, &[(15, hex.as_bytes())], &sealed(&key, b"x"));
    assert_eq!(bench.publishes(request).seq, Some(7));
}

#[test]
fn symmetric_4_00_for_numbers_used_up_and_payloads_that_do_not_decrypt() {
    let settings = Settings {
        seq_offset: 10,
        encrypt_errors: false,
        // A fixed key: with one in 256, what was never encrypted ends in valid padding.
        random: Some("0123456789abcdef".into()),
        ..Settings::default()
    };
    let mut bench = Bench::with(settings);
    let (token, key) = bench.symmetric();
    let request =
        |number, payload: &[u8]| post(UPDATE, &token, &[(2089, &seq(&key, number))], payload);
    bench.refuses(request(9, b""), &Refusal::SeqTooSmall);
    for payload in [
        &b"in clear"[..],
        &[7; 16],
        &[7; 32],
        &sealed(&key, b"x")[..15],
    ] {
        bench.refuses(request(10, payload), &Refusal::PayloadUndecipherable);
    }
    // None of these has used the number up.
    bench.publishes(request(10, &sealed(&key, b"x")));
    bench.refuses(request(10, &sealed(&key, b"x")), &Refusal::SeqRepeated);
    // A new token starts afresh.
    let (token, key) = bench.symmetric();
    bench.publishes(post(UPDATE, &token, &[(2089, &seq(&key, 10))], b""));
}

#[test]
fn symmetric_4_02_without_a_readable_number() {
    let mut bench = Bench::new();
    let (token, key) = bench.symmetric();
    bench.refuses(post(UPDATE, &token, &[], b""), &Refusal::SeqMissing);
    let stranger = SessionKey::derive(b"secret", "another random");
    for value in [
        b"1".to_vec(),
        Vec::new(),
        vec![0; 16],
        vec![0; 32],
        seq(&stranger, 1),
        sealed(&key, b"one"),
        sealed(&key, b"-1"),
    ] {
        let request = post(UPDATE, &token, &[(2089, &value)], b"");
        bench.refuses(request, &Refusal::SeqUnreadable);
    }
}

#[test]
fn error_texts_to_symmetric_sessions_are_encrypted_unless_told_otherwise() {
    let mut bench = Bench::new();
    let (token, key) = bench.symmetric();
    let bad = || post(UPDATE, &token, &[], b"");
    let mut answer = bench.refuses(bad(), &Refusal::SeqMissing);
    let len = key.decrypt_in_place(&mut answer.payload).unwrap();
    assert_eq!(&answer.payload[..len], b"seq missing");
    // Without a session there is no key.
    let answer = bench.refuses(packet(2, UPDATE, &[], b""), &Refusal::TokenMissing);
    assert_eq!(answer.payload, b"token missing");
    bench.platform.settings.encrypt_errors = false;
    let answer = bench.refuses(bad(), &Refusal::SeqMissing);
    assert_eq!(answer.payload, b"seq missing");
}

#[test]
fn payloads_for_symmetric_sessions_are_sealed_unless_marked() {
    let mut bench = Bench::new();
    let (token, key) = bench.symmetric();
    let request = Request::parse(post(UPDATE, &token, &[], b""), TokenOption::Both);
    let seal = bench.platform.seal_of(NOW, &request);
    let mut answer = Answer::new(Code::CONTENT, "for you");
    bench.platform.seal(&mut answer, seal.as_ref());
    let len = key.decrypt_in_place(&mut answer.payload).unwrap();
    assert_eq!(&answer.payload[..len], b"for you");
    let mut clear = Answer {
        in_clear: true,
        ..Answer::new(Code::CONTENT, "for you")
    };
    bench.platform.seal(&mut clear, seal.as_ref());
    assert_eq!(clear.payload, b"for you");
    assert_eq!(format!("{seal:?}"), "Some(Seal(..))");
}
