use super::order::*;
use super::url::{MAX_URL_LEN, UrlError};

const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

fn order(version: &str, url: &str, md5: &str, size: &str) -> String {
    format!(
        r#"{{"message":"success","data":{{"version":{version},"url":{url},"md5":{md5},"size":{size}}}}}"#
    )
}

fn good() -> String {
    order(
        r#""1.0.1""#,
        r#""https://h/image""#,
        &format!("\"{MD5}\""),
        "3",
    )
}

fn parse(text: &str) -> Result<Option<Order>, OrderError> {
    parse_answer(text.as_bytes())
}

fn refused(text: &str) -> OrderError {
    match parse(text) {
        Err(error) => error,
        Ok(order) => panic!("{text}: {order:?}"),
    }
}

#[test]
fn an_order_has_four_members() {
    let order = parse(&good()).unwrap().unwrap();
    assert_eq!(order.version, "1.0.1");
    assert_eq!(order.url.to_string(), "https://h:443/image");
    assert_eq!(order.md5.to_string(), MD5);
    assert_eq!(order.size, 3);
}

#[test]
fn members_come_in_any_order_among_others_and_with_escapes() {
    let text = format!(
        r#" {{"id":"7","data":{{"size":4294967295,"extra":[{{"md5":1}}],"md5":"{}","module":{{}},
            "u\u0072l":"http:\/\/h\/\u0061","version":"\u0031"}},"code":200,
            "message":"succes\u0073"}} "#,
        MD5.to_uppercase()
    );
    let order = parse(&text).unwrap().unwrap();
    assert_eq!(order.version, "1");
    assert_eq!(order.url.to_string(), "http://h:80/a");
    assert_eq!(order.md5.to_string(), MD5);
    assert_eq!(order.size, u32::MAX);
}

#[test]
fn most_answers_order_nothing() {
    for text in [
        "",
        "{}",
        r#"{"message":"success"}"#,
        r#"{"message":"success","data":null}"#,
        r#"{"message":"success","data":{}}"#,
        r#"{"message":"success","data":{"other":1}}"#,
        r#"{"data":{"version":"1"}}"#,
        r#"{"message":1,"data":{"version":"1"}}"#,
        &good().replace("success", "failure"),
        &good().replace("success", "Success"),
        &good().replace("success", "success "),
    ] {
        assert_eq!(parse(text), Ok(None), "{text}");
    }
}

#[test]
fn what_is_no_json_object_is_malformed() {
    let whole = good();
    for len in 1..whole.len() {
        assert_eq!(refused(&whole[..len]), OrderError::Malformed, "{len}");
    }
    for text in [
        "null",
        "[]",
        "1",
        r#""success""#,
        "\0",
        &format!("{whole}x"),
    ] {
        assert_eq!(refused(text), OrderError::Malformed, "{text}");
    }
    assert_eq!(parse_answer(b"\xff\xfe"), Err(OrderError::Malformed));
    for deep in [
        format!(r#"{{"x":{}"#, "[".repeat(100_000)),
        r#"{"data":"#.repeat(100_000),
    ] {
        assert_eq!(refused(&deep), OrderError::Malformed);
    }
}

#[test]
fn members_that_come_twice_are_malformed() {
    for (member, value) in [
        ("version", r#""1""#),
        ("url", r#""http://h""#),
        ("md5", r#""x""#),
        ("size", "1"),
    ] {
        let twice = good().replace("\"data\":{", &format!("\"data\":{{\"{member}\":{value},"));
        assert_eq!(refused(&twice), OrderError::Malformed, "{twice}");
    }
    for outer in [r#""message":"success","#, r#""data":{},"#] {
        let twice = good().replacen('{', &format!("{{{outer}"), 1);
        assert_eq!(refused(&twice), OrderError::Malformed, "{twice}");
    }
}

#[test]
fn a_missing_member_is_named() {
    for member in ["version", "url", "md5", "size"] {
        let text = good().replace(&format!("\"{member}\""), "\"other\"");
        assert_eq!(refused(&text), OrderError::Missing(member));
    }
}

#[test]
fn a_member_of_the_wrong_type_is_named() {
    for wrong in ["1", "-1", "1.5", "true", "null", "[]", "{}"] {
        let md5 = format!("\"{MD5}\"");
        let url = r#""http://h""#;
        assert_eq!(
            refused(&order(wrong, url, &md5, "1")),
            OrderError::WrongType("version")
        );
        assert_eq!(
            refused(&order(r#""1""#, wrong, &md5, "1")),
            OrderError::WrongType("url")
        );
        assert_eq!(
            refused(&order(r#""1""#, url, wrong, "1")),
            OrderError::WrongType("md5")
        );
    }
    for wrong in [r#""3""#, "true", "null", "[]", "{}"] {
        let text = good().replace("\"size\":3", &format!("\"size\":{wrong}"));
        assert_eq!(refused(&text), OrderError::WrongType("size"));
    }
    for wrong in ["1", "[]", "true", r#""x""#] {
        let text = format!(r#"{{"message":"success","data":{wrong}}}"#);
        assert_eq!(refused(&text), OrderError::WrongType("data"));
    }
}

#[test]
fn versions_are_short_printable_text() {
    let with = |version: &str| good().replace("1.0.1", version);
    assert!(parse(&with(&"v".repeat(MAX_VERSION_LEN))).is_ok());
    for version in [
        "",
        &"v".repeat(MAX_VERSION_LEN + 1),
        r"a\u0000b",
        r"a\nb",
        r"\u007f",
    ] {
        assert_eq!(refused(&with(version)), OrderError::Version, "{version}");
    }
}

#[test]
fn md5_is_32_hexadecimal_digits() {
    for md5 in [
        "",
        &MD5[1..],
        &format!("{MD5}0"),
        &MD5.replace('9', "g"),
        &MD5.replace("90", " 9"),
        &MD5.replace("90", "é"),
        &MD5.replace("90", "+9"),
    ] {
        assert_eq!(refused(&good().replace(MD5, md5)), OrderError::Md5, "{md5}");
    }
}

#[test]
fn sizes_are_whole_numbers_of_32_bits_and_not_zero() {
    for size in [
        "0",
        "-0",
        "-3",
        "3.5",
        "3e0",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
    ] {
        let text = good().replace("\"size\":3", &format!("\"size\":{size}"));
        let error = refused(&text);
        // A number beyond every type is no number to the JSON reader.
        let wanted = if size == "1e400" {
            OrderError::Malformed
        } else {
            OrderError::Size
        };
        assert_eq!(error, wanted, "{size}");
    }
}

#[test]
fn urls_are_checked() {
    let with = |url: &str| good().replace("https://h/image", url);
    assert_eq!(
        refused(&with("ftp://h/image")),
        OrderError::Url(UrlError::Scheme)
    );
    assert_eq!(refused(&with("")), OrderError::Url(UrlError::Malformed));
    let long = format!("http://h/{}", "x".repeat(MAX_URL_LEN));
    assert_eq!(refused(&with(&long)), OrderError::Url(UrlError::TooLong));
}

#[test]
fn errors_never_quote_the_answer() {
    let error = refused(&good().replace("https://h/image", "ftp://h/?Signature=s3cr3t"));
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
}

#[test]
fn the_same_image_may_have_another_url() {
    let a = parse(&good()).unwrap().unwrap();
    let b = parse(&good().replace("image", "image?again"))
        .unwrap()
        .unwrap();
    assert!(a != b && a.is_same_image(&b));
    for (from, to) in [("1.0.1", "1.0.2"), (":3}", ":4}"), ("900150", "900151")] {
        let other = parse(&good().replace(from, to)).unwrap().unwrap();
        assert!(!a.is_same_image(&other), "{to}");
    }
}
