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

/// Takes bytes of the download that is under way.
fn take(update: &mut Update, bytes: &[u8]) -> usize {
    let download = update.plan().map_or(0, |plan| plan.download);
    update.take(download, bytes)
}

#[test]
fn without_an_order_there_is_nothing_to_fetch() {
    let mut update = Update::new();
    assert_eq!(update.phase(), Phase::Idle);
    assert_eq!(update.plan(), None);
    assert_eq!(update.order(), None);
    assert_eq!((update.fetched(), update.verdict()), (0, None));
    assert_eq!(take(&mut update, b"abc"), 0);
    assert!(!update.restart() && !update.announce());
}

#[test]
fn an_image_is_fetched_in_pieces_and_judged_at_its_end() {
    let mut update = Update::new();
    assert_eq!(update.accept(order("2", ABC, 3)), Accepted::New);
    assert_eq!(update.phase(), Phase::Fetching);
    assert_eq!(take(&mut update, b"a"), 1);
    assert_eq!(take(&mut update, b""), 0);
    assert_eq!((update.fetched(), update.verdict()), (1, None));
    let plan = update.plan().unwrap();
    assert_eq!((plan.offset, plan.size), (1, 3));
    assert_eq!(
        take(&mut update, b"bcd"),
        2,
        "what is beyond the size is not taken"
    );
    assert_eq!(update.phase(), Phase::Fetched);
    assert_eq!((update.fetched(), update.verdict()), (3, Some(true)));
    assert_eq!(update.plan(), None);
    assert_eq!(take(&mut update, b"d"), 0);
    assert_eq!(update.verdict(), Some(true));
}

#[test]
fn another_content_is_complete_but_wrong() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    take(&mut update, b"abd");
    assert_eq!(update.phase(), Phase::Fetched);
    assert_eq!(update.verdict(), Some(false));
}

#[test]
fn a_download_under_way_is_not_exchanged_but_its_url_may_be() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    take(&mut update, b"a");
    assert_eq!(update.accept(order("3", ABC, 3)), Accepted::Busy);
    let mut again = order("2", ABC, 3);
    again.url = Url::parse("https://h/b").unwrap();
    assert_eq!(update.accept(again.clone()), Accepted::Again);
    let plan = update.plan().unwrap();
    assert_eq!((plan.offset, plan.url), (1, again.url));
    take(&mut update, b"bc");
    assert_eq!(update.verdict(), Some(true));
}

#[test]
fn a_right_image_is_not_fetched_twice_and_a_wrong_one_is() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    take(&mut update, b"abc");
    assert_eq!(update.accept(order("2", ABC, 3)), Accepted::Done);
    assert_eq!(update.phase(), Phase::Fetched);
    assert_eq!(update.accept(order("3", ABC, 3)), Accepted::New);
    take(&mut update, b"xyz");
    assert_eq!(update.accept(order("3", ABC, 3)), Accepted::New);
    assert_eq!((update.phase(), update.fetched()), (Phase::Fetching, 0));
    take(&mut update, b"abc");
    assert_eq!(update.verdict(), Some(true));
}

#[test]
fn a_restart_begins_at_the_first_byte() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    take(&mut update, b"xy");
    assert!(update.restart());
    assert_eq!(update.plan().unwrap().offset, 0);
    take(&mut update, b"abc");
    assert_eq!(update.verdict(), Some(true));
    assert!(update.restart());
    assert_eq!((update.phase(), update.fetched()), (Phase::Fetching, 0));
}

#[test]
fn an_order_that_nothing_came_of_can_be_given_up_or_exchanged() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    let plan = update.plan().unwrap();
    update.abandon(&plan);
    assert_eq!((update.phase(), update.fetched()), (Phase::Idle, 0));
    update.accept(order("2", ABC, 3));
    assert_eq!(update.accept(order("3", ABC, 4)), Accepted::New);
    assert_eq!(update.order().unwrap().version, "3");
    assert_eq!(update.plan().unwrap().size, 4);
}

#[test]
fn an_image_half_handed_out_is_followed_by_nothing_but_its_other_half() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    take(&mut update, b"a");
    let plan = update.plan().unwrap();
    update.abandon(&plan);
    assert_eq!((update.phase(), update.fetched()), (Phase::Fetching, 1));
    assert_eq!(update.accept(order("3", ABC, 3)), Accepted::Busy);
    assert_eq!(update.accept(order("2", ABC, 3)), Accepted::Again);
    take(&mut update, b"bc");
    assert_eq!(update.verdict(), Some(true));
}

#[test]
fn what_fails_for_an_old_url_or_download_leaves_the_new_one_alone() {
    let mut update = Update::new();
    update.accept(order("2", ABC, 3));
    let plan = update.plan().unwrap();
    let mut again = order("2", ABC, 3);
    again.url = Url::parse("http://h/b").unwrap();
    update.accept(again);
    update.abandon(&plan);
    assert_eq!(update.phase(), Phase::Fetching);
    let plan = update.plan().unwrap();
    update.restart();
    update.abandon(&plan);
    assert_eq!(update.phase(), Phase::Fetching);
    assert_eq!(update.take(plan.download, b"old"), 0);
    assert_eq!(update.fetched(), 0);
    let plan = update.plan().unwrap();
    assert_eq!(update.take(plan.download, b"abc"), 3);
}

#[test]
fn the_begin_is_announced_once_per_image() {
    let mut update = Update::new();
    for version in ["2", "3"] {
        update.accept(order(version, ABC, 3));
        assert!(update.announce());
        assert!(!update.announce());
        take(&mut update, b"abc");
    }
}

#[test]
fn the_cloud_is_informed_of_a_version_when_it_has_said_so() {
    let mut update = Update::new();
    update.answer(Code::INTERNAL_SERVER_ERROR, b"", Some("1".to_owned()));
    assert!(update.is_news("1"));
    update.answer(Code::CONTENT, b"not JSON", Some("1".to_owned()));
    update.answer(Code::CONTENT, b"", None);
    assert!(!update.is_news("1"));
    assert!(update.is_news("2"));
}

#[test]
fn only_an_answer_that_accepts_the_report_can_order_something() {
    let answer = format!(
        r#"{{"message":"success","data":{{"version":"2","url":"http://h","md5":"{ABC}","size":3}}}}"#
    );
    let mut update = Update::new();
    update.answer(Code::UNAUTHORIZED, answer.as_bytes(), None);
    update.answer(Code::INTERNAL_SERVER_ERROR, answer.as_bytes(), None);
    update.answer(Code::CONTENT, &answer.as_bytes()[1..], None);
    update.answer(Code::CONTENT, b"", None);
    assert_eq!(update.phase(), Phase::Idle);
    update.answer(Code::CONTENT, answer.as_bytes(), None);
    assert_eq!(update.phase(), Phase::Fetching);
    assert_eq!(update.order().unwrap().version, "2");
}
