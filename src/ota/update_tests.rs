use super::*;
use crate::coap::Code;

const ABC: &str = "900150983cd24fb0d6963f7d28e17f72"; // RFC 1321, A.5

fn order(version: &str, md5: &str, size: u32) -> Order {
    Order {
        version: version.to_owned(),
        url: Url::parse("http://h/a").unwrap(),
        md5: Md5Sum::from_hex(md5).unwrap(),
        size,
    }
}

#[test]
fn without_an_order_there_is_nothing_to_fetch() {
    let mut update = Update::new();
    assert_eq!(update.phase(), Phase::Idle);
    assert_eq!(update.plan(), None);
    assert_eq!(update.order(), None);
    assert_eq!((update.fetched(), update.verdict()), (0, None));
    assert_eq!(update.take(b"abc"), 0);
    assert!(!update.restart() && !update.announce());
}

#[test]
fn an_image_is_fetched_in_pieces_and_judged_at_its_end() {
    let mut update = Update::new();
    assert_eq!(update.accept(order("2", ABC, 3)), Accepted::New);
    assert_eq!(update.phase(), Phase::Fetching);
    assert_eq!(update.take(b"a"), 1);
    assert_eq!(update.take(b""), 0);
    assert_eq!((update.fetched(), update.verdict()), (1, None));
    let plan = update.plan().unwrap();
    assert_eq!((plan.offset, plan.size), (1, 3));
    assert_eq!(
        update.take(b"bcd"),
        2,
        "what is beyond the size is not taken"
    );
    assert_eq!(update.phase(), Phase::Fetched);
    assert_eq!((update.fetched(), update.verdict()), (3, Some(true)));
    assert_eq!(update.plan(), None);
    assert_eq!(update.take(b"d"), 0);
    assert_eq!(update.verdict(), Some(true));
}

#[test]
fn another_content_is_complete_but_wrong() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    update.take(b"abd");
    assert_eq!(update.phase(), Phase::Fetched);
    assert_eq!(update.verdict(), Some(false));
}

#[test]
fn a_download_under_way_is_not_exchanged_but_its_url_may_be() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    update.take(b"a");
    assert_eq!(update.accept(order("3", ABC, 3)), Accepted::Busy);
    let mut again = order("2", ABC, 3);
    again.url = Url::parse("https://h/b").unwrap();
    assert_eq!(update.accept(again.clone()), Accepted::Again);
    let plan = update.plan().unwrap();
    assert_eq!((plan.offset, plan.url), (1, again.url));
    update.take(b"bc");
    assert_eq!(update.verdict(), Some(true));
}

#[test]
fn a_right_image_is_not_fetched_twice_and_a_wrong_one_is() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    update.take(b"abc");
    assert_eq!(update.accept(order("2", ABC, 3)), Accepted::Done);
    assert_eq!(update.phase(), Phase::Fetched);
    assert_eq!(update.accept(order("3", ABC, 3)), Accepted::New);
    update.take(b"xyz");
    assert_eq!(update.accept(order("3", ABC, 3)), Accepted::New);
    assert_eq!((update.phase(), update.fetched()), (Phase::Fetching, 0));
    update.take(b"abc");
    assert_eq!(update.verdict(), Some(true));
}

#[test]
fn a_restart_begins_at_the_first_byte() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    update.take(b"xy");
    assert!(update.restart());
    assert_eq!(update.plan().unwrap().offset, 0);
    update.take(b"abc");
    assert_eq!(update.verdict(), Some(true));
    assert!(update.restart());
    assert_eq!((update.phase(), update.fetched()), (Phase::Fetching, 0));
}

#[test]
fn an_abandoned_order_leaves_nothing_behind() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    update.take(b"a");
    update.abandon();
    assert_eq!((update.phase(), update.fetched()), (Phase::Idle, 0));
    assert_eq!(update.accept(order("2", ABC, 3)), Accepted::New);
}

#[test]
fn the_begin_is_announced_once_per_image() {
    let mut update = Update::new();
    for version in ["2", "3"] {
        update.accept(order(version, ABC, 3));
        assert!(update.announce());
        assert!(!update.announce());
        update.take(b"abc");
    }
}

#[test]
fn the_cloud_is_informed_of_each_version_once() {
    let mut update = Update::new();
    assert!(update.is_news("1"));
    update.informed("1".to_owned());
    assert!(!update.is_news("1"));
    assert!(update.is_news("2"));
}

#[test]
fn only_an_answer_that_accepts_the_report_can_order_something() {
    let answer = format!(
        r#"{{"message":"success","data":{{"version":"2","url":"http://h","md5":"{ABC}","size":3}}}}"#
    );
    let mut update = Update::new();
    update.answer(Code::UNAUTHORIZED, answer.as_bytes());
    update.answer(Code::INTERNAL_SERVER_ERROR, answer.as_bytes());
    update.answer(Code::CONTENT, &answer.as_bytes()[1..]);
    update.answer(Code::CONTENT, b"");
    assert_eq!(update.phase(), Phase::Idle);
    update.answer(Code::CONTENT, answer.as_bytes());
    assert_eq!(update.phase(), Phase::Fetching);
    assert_eq!(update.order().unwrap().version, "2");
}
