//! The scenarios of ETSI's CoAP#4 plugtest that concern this client, against a scripted server.
//! What the list does with GET is shown with GET; how reports (POST) differ is up to the server
//! only.

use super::bench::{Bench, empty, id_of, ignored, response, submission};
use crate::coap::MessageType::{self, Acknowledgement, Confirmable, NonConfirmable};
use crate::coap::{Code, Datagram, OptionNumber, Outcome, RequestHead, RequestHeadBuilder};

fn bench(head: RequestHeadBuilder) -> Bench {
    let mut bench = Bench::new();
    bench.head = head.build().unwrap();
    bench
}

fn get(path: &[u8]) -> RequestHeadBuilder {
    RequestHeadBuilder::new(Code::GET).path(path)
}

/// Sends the bench's request, without payload for a GET.
fn request(bench: &mut Bench, message_type: MessageType, payload: &'static str) -> Vec<u8> {
    let head: RequestHead = bench.head.clone();
    let request = submission(message_type, &head, payload.as_bytes(), "request");
    bench.layer.submit(&mut || 0x7b3c_91d5, request).unwrap();
    bench.transmit().remove(0)
}

fn answered(bench: &mut Bench, answer: &[u8]) {
    let handled = bench.receive(answer);
    assert_eq!(handled.outcome, Outcome::Response("request"));
    assert_eq!(
        handled.reply.is_some(),
        answer[0] >> 4 & 3 == 0,
        "ACKs a CON only"
    );
    assert_eq!(bench.layer.outstanding(), 0);
}

fn with_code(mut answer: Vec<u8>, code: Code) -> Vec<u8> {
    answer[1] = code.0;
    answer
}

#[test]
fn td_coap_core_01_get_confirmable() {
    let mut bench = bench(get(b"test"));
    let sent = request(&mut bench, Confirmable, "");
    assert_eq!((sent[0] >> 4, sent[1]), (0x4, 1));
    assert_eq!(sent[8..], *b"\xb4test", "no payload, no marker");
    answered(&mut bench, &response(Acknowledgement, id_of(&sent), &sent));
}

#[test]
fn td_coap_core_04_post_confirmable() {
    let format = OptionNumber::CONTENT_FORMAT;
    let mut bench = bench(
        RequestHeadBuilder::new(Code::POST)
            .path(b"test")
            .uint(format, 0),
    );
    let sent = request(&mut bench, Confirmable, "payload");
    assert_eq!((sent[0] >> 4, sent[1]), (0x4, 2));
    assert_eq!(sent[8..], *b"\xb4test\x10\xffpayload");
    let created = response(Acknowledgement, id_of(&sent), &sent);
    answered(&mut bench, &with_code(created, Code::new(2, 1)));
}

#[test]
fn td_coap_core_05_get_non_confirmable() {
    let mut bench = bench(get(b"test"));
    let sent = request(&mut bench, NonConfirmable, "");
    assert_eq!((sent[0] >> 4, sent[1]), (0x5, 1));
    answered(&mut bench, &response(NonConfirmable, [4, 5], &sent));
}

#[test]
fn td_coap_core_08_post_non_confirmable() {
    let mut bench = bench(RequestHeadBuilder::new(Code::POST).path(b"test"));
    let sent = request(&mut bench, NonConfirmable, "payload");
    assert_eq!((sent[0] >> 4, sent[1]), (0x5, 2));
    let changed = response(NonConfirmable, [4, 5], &sent);
    answered(&mut bench, &with_code(changed, Code::new(2, 4)));
}

#[test]
fn td_coap_core_09_separate_response() {
    let mut bench = bench(get(b"separate"));
    let sent = request(&mut bench, Confirmable, "");
    let acknowledged = bench.receive(&empty(Acknowledgement, id_of(&sent)));
    assert_eq!(acknowledged.outcome, Outcome::Acknowledged);
    bench.advance(10_000);
    assert!(bench.transmit().is_empty());
    answered(&mut bench, &response(Confirmable, [0x99, 1], &sent));
}

#[test]
fn td_coap_core_10_response_with_the_requests_token() {
    let mut bench = bench(get(b"test"));
    let sent = request(&mut bench, Confirmable, "");
    assert!((1..=8).contains(&(sent[0] & 0x0f)));
    let mut foreign = response(Acknowledgement, id_of(&sent), &sent);
    foreign[7] ^= 0x80;
    assert_eq!(bench.receive(&foreign), ignored());
    answered(&mut bench, &response(Acknowledgement, id_of(&sent), &sent));
}

#[test]
fn td_coap_core_11_separate_response_with_the_requests_token() {
    let mut bench = bench(get(b"separate"));
    let sent = request(&mut bench, Confirmable, "");
    bench.receive(&empty(Acknowledgement, id_of(&sent)));
    let mut foreign = response(Confirmable, [0x99, 1], &sent);
    foreign[4] ^= 1;
    let refused = bench.receive(&foreign);
    assert_eq!(refused.reply.unwrap().as_bytes(), &[0x70, 0, 0x99, 1]);
    assert_eq!(refused.outcome, Outcome::Ignored);
    answered(&mut bench, &response(Confirmable, [0x99, 2], &sent));
}

#[test]
fn td_coap_core_13_several_uri_path_options() {
    let mut bench = bench(get(b"/seg1/seg2/seg3"));
    let sent = request(&mut bench, Confirmable, "");
    let options: Vec<_> = Datagram::parse(&sent).unwrap().options().collect();
    let segments = [&b"seg1"[..], b"seg2", b"seg3"];
    assert_eq!(
        options,
        segments.map(|segment| (OptionNumber::URI_PATH, segment))
    );
    answered(&mut bench, &response(Acknowledgement, id_of(&sent), &sent));
}

/// Request or response lost, several times: one more request, the same; one delivery.
#[test]
fn td_coap_core_15_piggybacked_response_in_a_lossy_context() {
    for lost in 0..=4 {
        let mut bench = bench(get(b"test"));
        let sent = request(&mut bench, Confirmable, "");
        for n in 0..lost {
            bench.advance(2_500 << n);
            assert_eq!(bench.transmit(), std::slice::from_ref(&sent));
        }
        let answer = response(Acknowledgement, id_of(&sent), &sent);
        answered(&mut bench, &answer);
        // The server's answers to the other copies come late.
        for _ in 0..lost {
            assert_eq!(bench.receive(&answer), ignored());
        }
    }
}

/// The loss of the request, of its ACK, of the response, and of the client's ACK.
#[test]
fn td_coap_core_16_separate_response_in_a_lossy_context() {
    let mut bench = bench(get(b"separate"));
    let sent = request(&mut bench, Confirmable, "");
    for wait in [2_500, 5_000] {
        bench.advance(wait);
        assert_eq!(bench.transmit(), std::slice::from_ref(&sent));
    }
    let acknowledgement = empty(Acknowledgement, id_of(&sent));
    assert_eq!(
        bench.receive(&acknowledgement).outcome,
        Outcome::Acknowledged
    );
    assert_eq!(bench.receive(&acknowledgement), ignored());
    bench.advance(60_000);
    assert!(bench.transmit().is_empty());
    let separate = response(Confirmable, [0x99, 1], &sent);
    answered(&mut bench, &separate);
    for _ in 0..3 {
        let again = bench.receive(&separate);
        assert_eq!(again.outcome, Outcome::Ignored);
        assert_eq!(again.reply.unwrap().as_bytes(), &[0x60, 0, 0x99, 1]);
    }
}

#[test]
fn td_coap_core_17_separate_response_to_a_non_confirmable_request() {
    for response_type in [NonConfirmable, Confirmable] {
        let mut bench = bench(get(b"separate"));
        let sent = request(&mut bench, NonConfirmable, "");
        bench.advance(30_000);
        assert!(bench.transmit().is_empty());
        answered(&mut bench, &response(response_type, [0x99, 1], &sent));
    }
}

/// Posts and answers with three options of one number.
fn post_answered_with_three(number: OptionNumber, options: &[u8]) {
    let mut bench = bench(RequestHeadBuilder::new(Code::POST).path(b"test"));
    let sent = request(&mut bench, Confirmable, "payload");
    let mut created = response(Acknowledgement, id_of(&sent), &sent);
    created.extend_from_slice(options);
    let created = with_code(created, Code::new(2, 1));
    let read: Vec<_> = Datagram::parse(&created).unwrap().options().collect();
    let values = [&b"loc1"[..], b"loc2", b"loc3"];
    assert_eq!(read, values.map(|value| (number, value)));
    answered(&mut bench, &created);
}

#[test]
fn td_coap_core_18_several_location_path_options() {
    post_answered_with_three(OptionNumber(8), b"\x84loc1\x04loc2\x04loc3");
}

#[test]
fn td_coap_core_19_several_location_query_options() {
    post_answered_with_three(OptionNumber(20), b"\xd4\x07loc1\x04loc2\x04loc3");
}

#[test]
fn td_coap_core_20_the_accept_option() {
    for (format, value) in [(0, &[][..]), (41, &[41]), (50, &[50])] {
        let mut bench = bench(get(b"multi-format").uint(OptionNumber::ACCEPT, format));
        let sent = request(&mut bench, Confirmable, "");
        let message = Datagram::parse(&sent).unwrap();
        assert_eq!(message.option(OptionNumber::ACCEPT), Some(value));
        let mut answer = response(Acknowledgement, id_of(&sent), &sent);
        answer.push(0xc0 | value.len() as u8);
        answer.extend_from_slice(value);
        answer.extend_from_slice(b"\xffvalue");
        let message = Datagram::parse(&answer).unwrap();
        assert_eq!(message.option(OptionNumber::CONTENT_FORMAT), Some(value));
        assert_eq!(message.payload(), b"value");
        answered(&mut bench, &answer);
    }
}

/// The client as the one who is pinged: it answers, also in the middle of an exchange of its own.
#[test]
fn td_coap_core_31_ping() {
    let mut bench = bench(get(b"test"));
    let sent = request(&mut bench, Confirmable, "");
    let pong = bench.receive(&empty(Confirmable, id_of(&sent)));
    let id = id_of(&sent);
    assert_eq!(pong.reply.unwrap().as_bytes(), &[0x70, 0, id[0], id[1]]);
    assert_eq!(pong.outcome, Outcome::Ignored);
    answered(&mut bench, &response(Acknowledgement, id, &sent));
}
