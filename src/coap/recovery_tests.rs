//! Requests that outlive a session, a token, a pause, or the device's memory.

use super::reader::MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
use super::rfc7252::bench::{Bench, empty, id_of, ignored, response, submission};
use super::*;
use core::time::Duration;
use zeroize::Zeroizing;

fn token_of(datagram: &[u8]) -> [u8; 4] {
    datagram[4..8].try_into().unwrap()
}

fn nstart(nstart: usize) -> TransmissionParams {
    TransmissionParams {
        nstart,
        ..TransmissionParams::default()
    }
}

#[test]
fn section_9_1_1_a_new_session_gets_what_is_unanswered_in_order_as_the_messages_they_were() {
    let mut bench = Bench::with(nstart(3));
    bench.submit(Confirmable, "acknowledged");
    bench.submit(Confirmable, "unacknowledged");
    bench.submit(NonConfirmable, "non-confirmable");
    let old = bench.transmit();
    bench.receive(&empty(Acknowledgement, id_of(&old[0])));
    bench.advance(2_500);
    assert_eq!(bench.transmit().len(), 1);
    bench.submit_first("urgent");
    bench.transmit();
    bench.layer.set_paused(true);
    bench.submit(Confirmable, "queued");

    bench.layer.requeue_sent(|_, request| {
        assert_eq!(request.requeues(), 0);
        true
    });
    bench.layer.set_paused(false);
    assert_eq!(bench.layer.queued(), 5);
    for (old, code) in [(&old[0], Confirmable), (&old[1], NonConfirmable)] {
        assert_eq!(
            bench.receive(&response(code, [1, 2], old)).outcome,
            Outcome::Ignored
        );
        assert_eq!(bench.receive(&empty(Reset, id_of(old))), ignored());
    }
    let new = bench.transmit();
    let payloads = [
        "urgent",
        "acknowledged",
        "unacknowledged",
        "non-confirmable",
    ];
    assert_eq!(new.len(), payloads.len());
    for (datagram, payload) in new.iter().zip(payloads) {
        assert!(datagram.ends_with(payload.as_bytes()), "{payload}");
    }
    for before in &old {
        assert!(new.contains(before), "the same id, token and bytes");
    }
    let answer = response(Acknowledgement, id_of(&new[2]), &new[2]);
    assert_eq!(
        bench.receive(&answer).outcome,
        Outcome::Response("unacknowledged")
    );
}

#[test]
fn a_requeued_request_has_all_its_retransmissions_and_keeps_its_number() {
    let mut bench = Bench::new();
    let number = bench.submit(Confirmable, "report");
    bench.transmit();
    for wait in [2_500, 5_000, 10_000] {
        bench.advance(wait);
        bench.transmit();
    }
    bench.layer.requeue_sent(|_, _| true);
    let (named, _) = bench
        .layer
        .poll_transmit(bench.now, &mut || 1 << 31)
        .unwrap();
    assert_eq!(named, number);
    for wait in [2_500, 5_000, 10_000, 20_000] {
        bench.advance(wait);
        assert_eq!(bench.transmit().len(), 1);
    }
    bench.advance(40_000);
    let (finished, reason) = bench.layer.poll_ended(bench.now).unwrap();
    assert_eq!(reason, Ended::Unacknowledged);
    let request = finished.request;
    assert_eq!((request.number(), request.requeues()), (number, 1));
    assert_eq!(request.transmissions(), 4 + 5);
    assert_eq!(request.token(), number);
    assert!(request.message_id().is_some());
}

#[test]
fn a_request_requeued_once_too_often_is_reported_as_lost_with_its_session() {
    let mut bench = Bench::with(nstart(2));
    bench.submit(Confirmable, "report");
    bench.submit(Confirmable, "other");
    let may = |user: &&str, request: &EncodedRequest| *user == "other" || request.requeues() < 2;
    for _ in 0..2 {
        assert_eq!(bench.transmit().len(), 2);
        bench.layer.requeue_sent(may);
        assert_eq!(bench.ended(), None);
    }
    let sent = bench.transmit();
    bench.layer.requeue_sent(may);
    assert!(bench.layer.next_deadline().unwrap() <= bench.now);
    let answer = response(NonConfirmable, [1, 1], &sent[0]);
    assert_eq!(bench.receive(&answer), ignored());
    assert_eq!(bench.receive(&empty(Reset, id_of(&sent[0]))), ignored());
    assert_eq!(bench.ended(), Some(("report", Ended::SessionLost)));
    assert_eq!(bench.ended(), None);
    assert!(bench.transmit()[0].ends_with(b"other"));
}

#[test]
fn while_paused_only_urgent_requests_leave_and_nothing_is_given_up() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "sent");
    let sent = bench.transmit().remove(0);
    bench.submit(Confirmable, "queued");
    bench.submit(NonConfirmable, "aside");
    bench.layer.set_paused(true);
    assert!(bench.layer.is_paused());
    bench.advance(30_000);
    assert_eq!((bench.transmit(), bench.ended()), (vec![], None));
    assert_eq!(bench.layer.next_deadline(), None);

    bench.submit_first("urgent");
    let urgent = bench.transmit();
    assert!(urgent.len() == 1 && urgent[0].ends_with(b"urgent"));
    bench.receive(&response(Acknowledgement, id_of(&urgent[0]), &urgent[0]));
    assert!(bench.transmit().is_empty());

    bench.layer.set_paused(false);
    let after = bench.transmit();
    assert_eq!(after[0], sent, "it goes on where it stood");
    assert!(after.len() == 2 && after[1].ends_with(b"aside"));
    bench.receive(&response(Acknowledgement, id_of(&sent), &sent));
    assert!(bench.transmit()[0].ends_with(b"queued"));
}

#[test]
fn a_back_off_ends_by_itself_at_the_latest_instant_asked_for() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let until = bench.now + Duration::from_secs(60);
    bench.layer.back_off_until(until);
    bench
        .layer
        .back_off_until(bench.now + Duration::from_secs(5));
    assert_eq!(bench.layer.next_deadline(), Some(until));
    assert!(bench.layer.is_backing_off(bench.now));
    bench.advance(59_999);
    assert!(bench.transmit().is_empty());
    bench.advance(1);
    assert!(!bench.layer.is_backing_off(bench.now));
    assert_eq!(bench.transmit().len(), 1);

    bench.submit(NonConfirmable, "aside");
    bench
        .layer
        .back_off_until(bench.now + Duration::from_secs(60));
    assert!(bench.transmit().is_empty());
    bench.layer.end_back_off();
    assert_eq!(bench.transmit().len(), 1);
}

#[test]
fn a_refused_request_comes_back_whole_and_is_sent_again_with_other_options_and_payload() {
    let mut bench = Bench::new();
    let number = bench.submit(Confirmable, "report");
    let refused = bench.transmit().remove(0);
    bench.submit(Confirmable, "next");
    let bytes = response(Acknowledgement, id_of(&refused), &refused);
    let handled = bench
        .layer
        .handle(bench.now, &Datagram::parse(&bytes).unwrap());
    let Outcome::Response(finished) = handled.outcome else {
        panic!("{handled:?}");
    };
    assert_eq!(finished.request.as_bytes(), refused);
    assert_eq!(finished.request.message().unwrap().payload(), b"report");

    bench.layer.set_paused(true);
    assert_eq!(bench.layer.resubmit(&mut || 500, finished), number);
    let head = RequestHeadBuilder::new(Code::POST)
        .opaque(OptionNumber::AUTH_TOKEN_2018, &[b't'; 300])
        .build()
        .unwrap();
    bench.layer.replace_requests(|user, request| {
        assert_eq!(request.message().unwrap().payload(), user.as_bytes());
        match *user {
            "report" => Replacement::With {
                head: head.clone(),
                payload: Zeroizing::new(b"anew".to_vec()),
            },
            _ => Replacement::Keep,
        }
    });
    bench.layer.set_paused(false);
    let anew = bench.transmit().remove(0);
    let message = Datagram::parse(&anew).unwrap();
    assert_eq!(message.payload(), b"anew");
    assert_eq!(message.message_type(), Confirmable);
    assert!(id_of(&anew) != id_of(&refused) && token_of(&anew) != token_of(&refused));
    let answer = response(Acknowledgement, id_of(&anew), &anew);
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
    assert!(bench.transmit()[0].ends_with(b"next"));
}

#[test]
fn what_cannot_be_encoded_anew_is_reported() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "too long");
    bench.submit(Confirmable, "impossible");
    bench.submit(Confirmable, "fine");
    let head = bench.head.clone();
    bench.layer.replace_requests(|user, _| match *user {
        "too long" => Replacement::With {
            head: head.clone(),
            payload: Zeroizing::new(vec![0; MAX_DATAGRAM]),
        },
        "impossible" => Replacement::Fail,
        _ => Replacement::Keep,
    });
    assert_eq!(bench.ended(), Some(("too long", Ended::Unsendable)));
    assert_eq!(bench.ended(), Some(("impossible", Ended::Unsendable)));
    assert!(bench.transmit()[0].ends_with(b"fine"));
}

#[test]
fn a_second_unanswered_retransmission_raises_suspicion_once() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    bench.transmit();
    let first = bench.now;
    bench.advance(2_500);
    bench.transmit();
    bench.advance(4_999);
    assert!(!bench.layer.suspect(bench.now));
    bench.advance(1);
    assert_eq!(bench.layer.silent_since(), Some(first));
    assert!(bench.layer.suspect(bench.now), "due, not yet sent");
    assert!(!bench.layer.suspect(bench.now), "known by now");
    bench.transmit();
    assert!(!bench.layer.suspect(bench.now));
    bench.layer.requeue_sent(|_, _| true);
    assert_eq!(bench.layer.silent_since(), None);
    bench.transmit();
    assert!(!bench.layer.suspect(bench.now));
    for wait in [2_500, 5_000] {
        bench.advance(wait);
        bench.transmit();
    }
    assert!(bench.layer.suspect(bench.now), "sent already");
}

#[test]
fn a_silence_of_an_exchange_lifetime_is_suspicious_without_any_confirmable_request() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    bench.transmit();
    bench.advance(246_999);
    assert!(!bench.layer.suspect(bench.now));
    bench.advance(1);
    assert!(bench.layer.suspect(bench.now));
    assert!(!bench.layer.suspect(bench.now), "known by now");
    bench.receive(&empty(NonConfirmable, [3, 3]));
    assert!(!bench.layer.suspect(bench.now));
    bench.advance(300_000);
    assert!(
        !bench.layer.suspect(bench.now),
        "nothing has been sent since"
    );
}

#[test]
fn any_sign_of_life_takes_the_suspicion_back() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    bench.transmit();
    bench.advance(2_500);
    bench.transmit();
    bench.receive(&empty(NonConfirmable, [3, 3]));
    assert_eq!(bench.layer.last_heard(), Some(bench.now));
    assert_eq!(bench.layer.silent_since(), None);
    for wait in [5_000, 10_000] {
        bench.advance(wait);
        assert!(!bench.layer.suspect(bench.now));
        bench.transmit();
    }
    bench.advance(20_000);
    assert!(
        bench.layer.suspect(bench.now),
        "silent again for three transmissions"
    );
}

#[test]
fn without_a_second_retransmission_the_last_timer_raises_suspicion() {
    for max_retransmit in [0, 1] {
        let mut bench = Bench::with(TransmissionParams {
            max_retransmit,
            ..TransmissionParams::default()
        });
        bench.submit(Confirmable, "report");
        bench.transmit();
        for n in 0..max_retransmit {
            bench.advance(2_500 << n);
            assert!(!bench.layer.suspect(bench.now));
            bench.transmit();
        }
        bench.advance((2_500 << max_retransmit) - 1);
        assert!(!bench.layer.suspect(bench.now));
        bench.advance(1);
        assert!(bench.layer.suspect(bench.now));
        assert_eq!(bench.ended(), Some(("report", Ended::Unacknowledged)));
    }
}

#[test]
fn section_4_4_a_power_cycle_continues_ids_and_tokens() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "before");
    let before = bench.transmit().remove(0);
    let bytes = bench.layer.snapshot(bench.now).to_bytes();
    let token = bench.layer.next_token();

    let mut bench = Bench::new();
    bench.layer.restore(bench.now, &Snapshot::from_bytes(bytes));
    assert_eq!(bench.layer.next_token(), token);
    assert_eq!(bench.layer.snapshot(bench.now).to_bytes(), bytes);
    assert_eq!(bench.submit(NonConfirmable, "after"), token);
    let after = bench.transmit().remove(0);
    let next = u16::from_be_bytes(id_of(&before)).wrapping_add(1);
    assert_eq!(id_of(&after), next.to_be_bytes());
}

#[test]
fn the_buffer_of_a_recycled_request_is_used_again() {
    let mut bench = Bench::new();
    bench.submit(NonConfirmable, "report");
    bench.advance(145_000);
    bench.transmit();
    bench.advance(145_000);
    let (finished, _) = bench.layer.poll_ended(bench.now).unwrap();
    let buffer = finished.request.as_bytes().as_ptr();
    bench.layer.recycle(finished.request);
    let again = submission(NonConfirmable, &bench.head, b"", "again");
    bench.layer.submit(&mut || 1, again).unwrap();
    let (_, bytes) = bench.layer.poll_transmit(bench.now, &mut || 1).unwrap();
    assert_eq!(bytes.as_ptr(), buffer);
}

#[test]
fn section_9_1_1_a_response_of_the_old_endpoint_is_no_repetition_at_the_new_one() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let separate = response(Confirmable, [1, 2], &request);
    bench.receive(&separate);
    bench.layer.requeue_sent(|_, _| true);
    let handled = bench.receive(&separate);
    assert_eq!(handled.reply.unwrap().as_bytes(), &[0x70, 0, 1, 2]);
}
