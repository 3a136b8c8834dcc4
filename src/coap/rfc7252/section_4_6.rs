//! Section 4.6: message size.

use super::bench::{Bench, id_of, response, submission};
use crate::coap::MessageType::{Acknowledgement, Confirmable};
use crate::coap::{MAX_DATAGRAM, Outcome, RequestError, SubmitError};

#[test]
fn section_4_6_a_message_may_fill_the_datagram_limit_and_not_exceed_it() {
    let mut bench = Bench::new();
    let payload = vec![b'x'; bench.head.payload_room() + 1];
    let before = bench.layer.next_token();
    let too_long = submission(Confirmable, &bench.head, &payload, "too long");
    let refused = bench.layer.submit(&mut || 1, too_long);
    assert_eq!(refused, Err(SubmitError::Request(RequestError::TooLong)));
    assert_eq!(
        (bench.layer.outstanding(), bench.layer.next_token()),
        (0, before)
    );

    let fits = submission(Confirmable, &bench.head, &payload[1..], "fits");
    bench.layer.submit(&mut || 1, fits).unwrap();
    assert_eq!(bench.transmit()[0].len(), MAX_DATAGRAM);
}

#[test]
fn section_4_6_a_response_may_be_as_long_as_a_datagram() {
    let mut bench = Bench::new();
    bench.submit(Confirmable, "report");
    let request = bench.transmit().remove(0);
    let mut answer = response(Acknowledgement, id_of(&request), &request);
    answer.push(0xff);
    answer.resize(65_507, b'x');
    assert_eq!(bench.receive(&answer).outcome, Outcome::Response("report"));
}
