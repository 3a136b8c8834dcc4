//! Whatever bytes come, parsing neither panics nor recurses, and gives a whole answer or none.

use super::super::testing::{ROUNDS, Xorshift, unhex};
use super::tests::{SYMMETRIC, TOKEN, cbor_error, json_error, map, number, text};
use super::*;

use Encoding::{Cbor, Json};

/// Appends one well-formed value of pseudo-random kind and, in arrays, maps and tags, content.
fn any_value(random: &mut Xorshift, depth: usize, out: &mut Vec<u8>) {
    let children = random.below(4);
    match random.below(if depth == 0 { 6 } else { 11 }) {
        0 => out.push(random.below(24) as u8),
        1 => out.extend([0x39, 0xFF, 0xFF]),
        2 => out.extend(text("token")),
        3 => out.extend(unhex("fb3ff0000000000000")),
        4 => out.push(0xF6),
        5 => out.extend(unhex("5f41ff4200ffff")),
        6 => {
            out.push(0xC1);
            any_value(random, depth - 1, out);
        }
        kind => {
            let (definite, indefinite, values) = if kind < 9 {
                (0x80, 0x9F, children)
            } else {
                (0xA0, 0xBF, 2 * children)
            };
            out.push(if kind % 2 == 0 {
                definite | children as u8
            } else {
                indefinite
            });
            (0..values).for_each(|_| any_value(random, depth - 1, out));
            if kind % 2 != 0 {
                out.push(0xFF);
            }
        }
    }
}

#[test]
fn unknown_cbor_members_of_any_kind_are_skipped() {
    let mut random = Xorshift::new(0xCB0);
    for _ in 0..ROUNDS / 10 {
        let mut unknown = Vec::new();
        any_value(&mut random, 6, &mut unknown);
        let payload = map(&[("x", unknown), ("token", text("t"))]);
        let answer = parse_answer(&payload, Cbor, false)
            .unwrap_or_else(|error| panic!("{payload:02x?}: {error}"));
        assert_eq!(answer.token.as_str(), "t");
    }
}

#[test]
fn depth_costs_no_stack() {
    let depth = if cfg!(miri) { 2_000 } else { 200_000 };
    for name in ["x", "token"] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let json = format!("{{\"{name}\":{open}{close}}}");
        let expected = if name == "x" {
            AnswerError::NoToken
        } else {
            AnswerError::WrongType("token")
        };
        assert_eq!(json_error(&json, false), expected);
        assert_eq!(
            json_error(&json[..json.len() - depth], false),
            AnswerError::Malformed(Json)
        );

        for open in [0x81, 0x9F, 0xC0, 0xBF] {
            let mut nested = vec![open; depth];
            let cut = map(&[(name, nested.clone())]);
            assert_eq!(cbor_error(&cut, false), AnswerError::Malformed(Cbor));
            if open != 0xBF {
                nested.push(0);
                nested.resize(nested.len() + if open == 0x9F { depth } else { 0 }, 0xFF);
                assert_eq!(cbor_error(&map(&[(name, nested)]), false), expected);
            }
        }
    }
}

/// Whatever the bytes, the outcome is an error or an answer that keeps every promise.
fn check_promises(payload: &[u8]) -> bool {
    let mut accepted = false;
    for encoding in [Json, Cbor] {
        for expect_symmetric in [false, true] {
            let Ok(answer) = parse_answer(payload, encoding, expect_symmetric) else {
                continue;
            };
            accepted = true;
            let token = answer.token.as_str();
            assert!((1..=MAX_TOKEN_LEN).contains(&token.len()));
            assert!(!token.contains(char::is_control));
            assert_eq!(answer.symmetric.is_some(), expect_symmetric);
            if let Some(grant) = answer.symmetric {
                assert!((1..=MAX_RANDOM_LEN).contains(&grant.random.as_bytes().len()));
            }
        }
    }
    accepted
}

#[test]
fn noise_is_refused() {
    let mut random = Xorshift::new(0xC0A9);
    for _ in 0..ROUNDS {
        let len = random.below(64);
        let mut payload = random.bytes(len);
        // Half of the payloads get past the first byte.
        if let Some(first) = payload.first_mut() {
            match random.below(4) {
                0 => *first = b'{',
                1 => *first = 0xA0 | (random.below(32) as u8),
                _ => {}
            }
        }
        check_promises(&payload);
    }
}

#[test]
fn damaged_answers_are_refused_or_still_whole() {
    let members = [
        ("random", text("915ede6cbc8a059f")),
        ("seqOffset", number(1)),
        ("token", text(TOKEN)),
    ];
    let samples = [SYMMETRIC.as_bytes().to_vec(), map(&members)];
    let mut random = Xorshift::new(0xBAD);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut payload = samples[round % samples.len()].clone();
        for _ in 0..=random.below(3) {
            let position = random.below(payload.len());
            match random.below(4) {
                0 => payload[position] ^= 1 << random.below(8),
                1 => payload[position] = random.next() as u8,
                2 => payload.truncate(position.max(1)),
                _ => payload.insert(position, random.next() as u8),
            }
        }
        if check_promises(&payload) {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    assert!(
        accepted > 0 && refused > 0,
        "{accepted} accepted, {refused} refused"
    );
}
