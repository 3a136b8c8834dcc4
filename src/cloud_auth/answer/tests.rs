use super::super::testing::unhex;
use super::*;

use Encoding::{Cbor, Json};

pub(super) const TOKEN: &str = "voPM9GYIXwvrSNzvHZlz00106e5300.1a12";
/// As seen in the field; 98 bytes of message with 9 bytes of CoAP before it.
pub(super) const SYMMETRIC: &str =
    r#"{"random":"915ede6cbc8a059f","seqOffset":1,"token":"voPM9GYIXwvrSNzvHZlz00106e5300.1a12"}"#;

fn parse_json(text: &str, expect_symmetric: bool) -> Result<AuthAnswer, AnswerError> {
    parse_answer(text.as_bytes(), Json, expect_symmetric)
}

pub(super) fn json_error(text: &str, expect_symmetric: bool) -> AnswerError {
    parse_json(text, expect_symmetric)
        .map(|_| ())
        .expect_err(text)
}

pub(super) fn cbor_error(payload: &[u8], expect_symmetric: bool) -> AnswerError {
    parse_answer(payload, Cbor, expect_symmetric)
        .map(|_| ())
        .expect_err("a refusal")
}

/// The token, `random` and `seqOffset` of an answer in the symmetric mode.
fn parts(answer: &AuthAnswer) -> (&str, &str, u32) {
    let grant = answer.symmetric.as_ref().expect("a symmetric grant");
    (
        answer.token.as_str(),
        grant.random.as_str(),
        grant.seq_offset,
    )
}

pub(super) fn text(text: &str) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.str(text).expect("a Vec takes every write");
    encoder.into_writer()
}

pub(super) fn number(number: u64) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.u64(number).expect("a Vec takes every write");
    encoder.into_writer()
}

/// A CBOR map of up to 23 members whose values are encoded already.
pub(super) fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    assert!(members.len() < 24);
    let mut payload = vec![0xA0 | members.len() as u8];
    for (name, value) in members {
        payload.extend(text(name));
        payload.extend(value);
    }
    payload
}

#[test]
fn answers_seen_in_the_field() {
    let answer = parse_json(SYMMETRIC, true).expect("a good answer");
    assert_eq!(parts(&answer), (TOKEN, "915ede6cbc8a059f", 1));
    assert_eq!(SYMMETRIC.len(), 98 - 9);

    let answer = parse_json(r#"{"token":"f13102810756432e85dfd351eeb41c04"}"#, false)
        .expect("a good answer");
    assert_eq!(answer.token.as_str(), "f13102810756432e85dfd351eeb41c04");
    assert!(answer.symmetric.is_none());
}

#[test]
fn answer_of_the_documentation() {
    let answer = parse_json(
        r#"{"random":"ad2b3a5eb51d64f7","seqOffset":1,"token":"MZ8m37hp01w1SSqoDFzo0010500d00.ad2b"}"#,
        true,
    )
    .expect("a good answer");
    assert_eq!(
        parts(&answer),
        ("MZ8m37hp01w1SSqoDFzo0010500d00.ad2b", "ad2b3a5eb51d64f7", 1)
    );
}

#[test]
fn order_blanks_unknown_members_and_escapes_do_not_matter() {
    for json in [
        r#"{"token":"t","seqOffset":7,"random":"r"}"#,
        r#"{"seqOffset":"7","random":"r","token":"t"}"#,
        "\r\n\t { \"seqOffset\" : 7 , \"token\" : \"t\" , \"random\" : \"r\" } \n",
        r#"{"x":null,"token":"t","y":{"token":[1,2,{"random":1e999}]},"random":"r","z":-1.5e3,"seqOffset":7}"#,
        r#"{"t\u006fken":"\u0074","seqOffset":"\u0037","random":"r"}"#,
        r#"{"Token":"x","token":"t","seqoffset":1,"seqOffset":7,"random":"r"}"#,
    ] {
        assert_eq!(
            parts(&parse_json(json, true).expect(json)),
            ("t", "r", 7),
            "{json}"
        );
    }
}

#[test]
fn the_symmetric_members_are_looked_at_only_when_expected() {
    for json in [
        SYMMETRIC,
        r#"{"token":"t","random":null,"seqOffset":-1}"#,
        r#"{"token":"t","random":"","seqOffset":{}}"#,
    ] {
        assert!(parse_json(json, false).expect(json).symmetric.is_none());
    }
}

#[test]
fn cbor_answers() {
    let members = [
        ("random", text("r")),
        ("seqOffset", number(7)),
        ("token", text(TOKEN)),
    ];
    assert_eq!(
        parts(&parse_answer(&map(&members), Cbor, true).expect("a good answer")),
        (TOKEN, "r", 7)
    );
    for seq_offset in [text("70000"), number(70_000), unhex("1b0000000000011170")] {
        let payload = map(&[
            ("token", text("t")),
            ("seqOffset", seq_offset),
            ("random", text("r")),
        ]);
        let answer = parse_answer(&payload, Cbor, true).expect("a good answer");
        assert_eq!(parts(&answer), ("t", "r", 70_000));
    }
}

#[test]
fn cbor_of_indefinite_length() {
    // {_ "token": (_ "vo" "PM"), "x": [_ {_ 1: 2}, (_ 0x00)], (_ "to" "ken"): 1, 5: 6}
    let payload = unhex(concat!(
        "bf",
        "65746f6b656e",
        "7f",
        "62766f",
        "62504d",
        "ff",
        "6178",
        "9f",
        "bf",
        "01",
        "02",
        "ff",
        "5f",
        "4100",
        "ff",
        "ff",
        "7f",
        "62746f",
        "636b656e",
        "ff",
        "01",
        "05",
        "06",
        "ff",
    ));
    let answer = parse_answer(&payload, Cbor, false).expect("a good answer");
    assert_eq!(answer.token.as_str(), "voPM");
}

#[test]
fn the_first_byte_overrules_the_hint() {
    for json in [
        r#"{"token":"t"}"#,
        " {\"token\":\"t\"}",
        "\n{\"token\":\"t\"}",
    ] {
        let answer = parse_answer(json.as_bytes(), Cbor, false).expect("JSON");
        assert_eq!(answer.token.as_str(), "t");
    }
    let cbor = map(&[("token", text("t"))]);
    assert_eq!(
        parse_answer(&cbor, Json, false)
            .expect("CBOR")
            .token
            .as_str(),
        "t"
    );
    assert_eq!(cbor_error(b"{]", false), AnswerError::Malformed(Json));
    assert_eq!(
        parse_answer(b"\xA1", Json, false).expect_err("cut"),
        AnswerError::Malformed(Cbor)
    );
}

#[test]
fn malformed_json() {
    for json in [
        "",
        " ",
        "token",
        "null",
        "[]",
        r#"["t","r",1]"#,
        r#""token""#,
        "{",
        r#"{"token""#,
        r#"{"token":"t""#,
        r#"{"token":"t}"#,
        r#"{"token":"t",}"#,
        r#"{token:"t"}"#,
        r#"{"token":"t"}}"#,
        r#"{"token":"t"} {}"#,
        "{\"token\":\"t\"}\0",
        "{\"token\":\"t\nu\"}",
        r#"{"token":"\ud800"}"#,
        r#"{"token":"t","token":"t"}"#,
    ] {
        assert_eq!(
            json_error(json, false),
            AnswerError::Malformed(Json),
            "{json:?}"
        );
    }
    let no_utf8 = b"{\"token\":\"t\xFF\"}";
    assert_eq!(
        parse_answer(no_utf8, Json, false).expect_err("not UTF-8"),
        AnswerError::Malformed(Json)
    );
}

#[test]
fn malformed_cbor() {
    let twice = map(&[("token", text("t")), ("token", text("t"))]);
    let mut trailing = map(&[("token", text("t"))]);
    trailing.push(0);
    for payload in [
        b"".to_vec(),
        unhex("81616b"),
        unhex("a1"),
        unhex("a165746f6b656e"),
        unhex("a165746f6b656e6274"),
        unhex("a165746f6b656e61ff"),
        unhex("a165746f6b656eff"),
        unhex("a1ff01"),
        unhex("a16178ff"),
        unhex("bf65746f6b656e6174"),
        unhex("bf65746f6b656eff"),
        unhex("bbffffffffffffffff65746f6b656e6174"),
        unhex("a165746f6b656e7bffffffffffffffff74"),
        twice,
        trailing,
    ] {
        assert_eq!(
            cbor_error(&payload, false),
            AnswerError::Malformed(Cbor),
            "{payload:02x?}"
        );
    }
}

#[test]
fn refused_tokens() {
    assert_eq!(json_error("{}", false), AnswerError::NoToken);
    assert_eq!(json_error(r#"{"Token":"t"}"#, false), AnswerError::NoToken);
    assert_eq!(
        json_error(r#"{"token":""}"#, false),
        AnswerError::EmptyToken
    );
    for value in [
        "null",
        "1",
        "-1",
        "1.5",
        "true",
        "[\"t\"]",
        "{\"token\":\"t\"}",
    ] {
        let json = format!("{{\"token\":{value}}}");
        assert_eq!(json_error(&json, false), AnswerError::WrongType("token"));
    }
    for control in [r"\u0000", r"\u0001", r"\n", r"\u001f", "\u{7f}", "\u{85}"] {
        let json = format!("{{\"token\":\"a{control}b\"}}");
        assert_eq!(
            json_error(&json, false),
            AnswerError::ControlCharacterInToken
        );
    }
    assert_eq!(cbor_error(&map(&[]), false), AnswerError::NoToken);
    for value in ["01", "20", "4174", "80", "f6", "a0", "c06174"] {
        let payload = map(&[("token", unhex(value))]);
        assert_eq!(
            cbor_error(&payload, false),
            AnswerError::WrongType("token"),
            "{value}"
        );
    }
    assert_eq!(
        cbor_error(&map(&[("token", text("a\0"))]), false),
        AnswerError::ControlCharacterInToken
    );
}

#[test]
fn the_limits_themselves_are_accepted() {
    let answer = |token: usize, random: usize| {
        let (token, random) = ("t".repeat(token), "r".repeat(random));
        parse_json(
            &format!(r#"{{"token":"{token}","random":"{random}","seqOffset":4294967295}}"#),
            true,
        )
    };
    let longest = answer(MAX_TOKEN_LEN, MAX_RANDOM_LEN).expect("within the limits");
    let (token, random, seq_offset) = parts(&longest);
    assert_eq!(
        (token.len(), random.len(), seq_offset),
        (1024, 32, u32::MAX)
    );
    assert_eq!(
        answer(MAX_TOKEN_LEN + 1, 1).expect_err("too long"),
        AnswerError::TokenTooLong
    );
    assert_eq!(
        answer(1, MAX_RANDOM_LEN + 1).expect_err("too long"),
        AnswerError::RandomTooLong
    );
}

#[test]
fn refused_symmetric_grants() {
    for (members, error) in [
        (r#""seqOffset":1"#, AnswerError::NoRandom),
        (r#""seqOffset":1,"random":"""#, AnswerError::EmptyRandom),
        (
            r#""seqOffset":1,"random":5"#,
            AnswerError::WrongType("random"),
        ),
        (r#""random":"r""#, AnswerError::NoSeqOffset),
        (
            r#""random":"r","seqOffset":null"#,
            AnswerError::WrongType("seqOffset"),
        ),
        (
            r#""random":"r","seqOffset":-1"#,
            AnswerError::WrongType("seqOffset"),
        ),
        (
            r#""random":"r","seqOffset":1.0"#,
            AnswerError::WrongType("seqOffset"),
        ),
        (
            r#""random":"r","seqOffset":[1]"#,
            AnswerError::WrongType("seqOffset"),
        ),
        (
            r#""random":"r","seqOffset":4294967296"#,
            AnswerError::SeqOffsetOutOfRange,
        ),
        (
            r#""random":"r","seqOffset":"4294967296""#,
            AnswerError::SeqOffsetOutOfRange,
        ),
        (
            r#""random":"r","seqOffset":"-1""#,
            AnswerError::SeqOffsetOutOfRange,
        ),
        (
            r#""random":"r","seqOffset":"""#,
            AnswerError::SeqOffsetOutOfRange,
        ),
        (
            r#""random":"r","seqOffset":"1 ""#,
            AnswerError::SeqOffsetOutOfRange,
        ),
    ] {
        let json = format!("{{\"token\":\"t\",{members}}}");
        assert_eq!(json_error(&json, true), error, "{json}");
    }
}

#[test]
fn debug_hides_token_and_random() {
    let shown = format!("{:?}", parse_json(SYMMETRIC, true).expect("a good answer"));
    assert!(
        !shown.contains("voPM") && !shown.contains("915e"),
        "{shown}"
    );
    assert!(
        shown.contains("Secret(..)") && shown.contains("seq_offset: 1"),
        "{shown}"
    );
}

#[test]
fn errors_explain_themselves_and_quote_nothing() {
    let texts = [
        AnswerError::Malformed(Json),
        AnswerError::Malformed(Cbor),
        AnswerError::WrongType("token"),
        AnswerError::WrongType("random"),
        AnswerError::NoToken,
        AnswerError::EmptyToken,
        AnswerError::TokenTooLong,
        AnswerError::ControlCharacterInToken,
        AnswerError::NoRandom,
        AnswerError::EmptyRandom,
        AnswerError::RandomTooLong,
        AnswerError::NoSeqOffset,
        AnswerError::SeqOffsetOutOfRange,
    ]
    .map(|error| error.to_string());
    for (index, text) in texts.iter().enumerate() {
        assert!(
            !text.is_empty() && !texts[..index].contains(text),
            "{text:?}"
        );
    }
    let error = json_error(r#"{"token":{"x":"s3cret"},"token":"s3cret"}"#, false);
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}
