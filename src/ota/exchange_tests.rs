use super::*;

const URL: &str = "http://h/dir/image?sign=x";

fn plan(url: &str, offset: u32, size: u32) -> Plan {
    Plan {
        download: 1,
        url: Url::parse(url).unwrap(),
        offset,
        size,
    }
}

/// What the server's answer led to.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Waiting(Vec<u8>),
    Redirect(String),
    PartOver(Vec<u8>),
    Failed(Failure),
}

/// Gives the answer to an exchange in pieces of `piece` bytes, with output of `room` bytes.
fn feed(plan: &Plan, answer: &[u8], piece: usize, room: usize) -> End {
    let mut exchange = Exchange::new(plan).unwrap();
    exchange.sent(exchange.unsent().len());
    let (mut buffer, mut image) = (Vec::new(), Vec::new());
    for piece in answer.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            let mut output = vec![0; room];
            match exchange.receive(&buffer, &mut output) {
                Err(failure) => return End::Failed(failure),
                Ok((used, step)) => {
                    buffer.drain(..used);
                    match step {
                        Step::Bytes(len) => image.extend_from_slice(&output[..len]),
                        Step::Redirect(url) => return End::Redirect(url.to_string()),
                        Step::PartOver => return End::PartOver(image),
                        Step::NeedInput if used > 0 => {}
                        Step::NeedInput => break,
                    }
                }
            }
        }
    }
    End::Waiting(image)
}

/// The same result whatever the pieces.
fn answer(plan: &Plan, answer: &[u8]) -> End {
    let whole = feed(plan, answer, answer.len(), 4096);
    for (piece, room) in [(1, 1), (2, 4096), (7, 3), (4096, 1)] {
        assert_eq!(feed(plan, answer, piece, room), whole, "{piece} {room}");
    }
    whole
}

fn failed_for_good(plan: &Plan, text: &str) -> String {
    match answer(plan, text.as_bytes()) {
        End::Failed(Failure::Final(reason)) => reason,
        other => panic!("{text}: {other:?}"),
    }
}

fn image(bytes: &[u8]) -> End {
    End::Waiting(bytes.to_vec())
}

#[test]
fn the_request_asks_for_the_file_as_it_is() {
    let exchange = Exchange::new(&plan(URL, 0, 3)).unwrap();
    let request = String::from_utf8(exchange.unsent().to_vec()).unwrap();
    let mut lines = request.split("\r\n");
    assert_eq!(lines.next(), Some("GET /dir/image?sign=x HTTP/1.1"));
    for line in ["host: h", "accept-encoding: identity", "connection: close"] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
    }
    assert!(!request.contains("range") && request.ends_with("\r\n\r\n"));
}

#[test]
fn the_rest_of_a_file_is_asked_for_by_range() {
    let exchange = Exchange::new(&plan("https://h:8443", 7, 9)).unwrap();
    let request = String::from_utf8(exchange.unsent().to_vec()).unwrap();
    assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nhost: h:8443\r\n"), "{request}");
    assert!(request.contains("\r\nrange: bytes=7-\r\n"), "{request}");
}

#[test]
fn the_longest_url_fits_into_a_request() {
    let url = format!("http://h/{}", "x".repeat(MAX_URL_LEN - 9));
    let exchange = Exchange::new(&plan(&url, u32::MAX - 1, u32::MAX)).unwrap();
    assert!(exchange.unsent().ends_with(b"\r\n\r\n"));
    let host = format!("http://{}h/", "h.".repeat(126));
    let host = format!("{host}{}", "x".repeat(MAX_URL_LEN - host.len()));
    let mut exchange = Exchange::new(&plan(&host, 0, 1)).unwrap();
    let len = exchange.unsent().len();
    exchange.sent(len - 4);
    assert_eq!(exchange.unsent(), b"\r\n\r\n");
    exchange.sent(99);
    assert_eq!(exchange.unsent(), b"");
}

#[test]
fn images_come_with_a_length_in_chunks_or_to_the_end() {
    let plan = plan(URL, 0, 5);
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\ncontent-length:5\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\n\r\n",
    ] {
        let text = format!("{head}image");
        assert_eq!(answer(&plan, text.as_bytes()), image(b"image"), "{head}");
    }
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nim\r\n3;x=y\r\nage\r\n";
    assert_eq!(answer(&plan, chunked.as_bytes()), image(b"image"));
}

#[test]
fn the_rest_of_an_image_comes_as_a_part_or_behind_what_is_here_already() {
    let plan = plan(URL, 2, 5);
    for range in ["bytes 2-4/5", "bytes 2-4/*"] {
        let text = format!(
            "HTTP/1.1 206 Partial\r\nContent-Range: {range}\r\nContent-Length: 3\r\n\r\nage"
        );
        assert_eq!(answer(&plan, text.as_bytes()), image(b"age"), "{range}");
    }
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage";
    assert_eq!(answer(&plan, whole.as_bytes()), image(b"age"));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ni\r\n4\r\nmage\r\n";
    assert_eq!(answer(&plan, chunked.as_bytes()), image(b"age"));
}

#[test]
fn another_part_than_the_one_asked_for_is_refused() {
    let plan = plan(URL, 2, 5);
    for range in [
        "bytes 0-4/5",
        "bytes 1-3/5",
        "bytes 3-4/5",
        "bytes 2-1/5",
        "bytes 2-5/5",
        "bytes 2-5/6",
        "bytes 2-4/6",
        "bytes +2-4/5",
        "bytes 2-+4/5",
        "bytes 2-4/+5",
        "bytes 2-4294967298/5",
        "bytes 2-/5",
        "bytes -4/5",
        "bytes 2/5",
        "items 2-4/5",
        "bytes 2-4",
        "2-4/5",
        "bytes */5",
        "",
    ] {
        let text = format!("HTTP/1.1 206 Partial\r\nContent-Range: {range}\r\n\r\nage");
        assert!(failed_for_good(&plan, &text).contains("another part"));
    }
    failed_for_good(&plan, "HTTP/1.1 206 Partial\r\n\r\nage");
    // Nobody asked for a part of it.
    let whole = self::plan(URL, 0, 5);
    failed_for_good(
        &whole,
        "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/5\r\n\r\nimage",
    );
}

#[test]
fn a_server_may_send_less_than_what_was_asked_for() {
    let plan = plan(URL, 2, 5);
    for (range, part) in [("2-3/5", "ag"), ("2-2/*", "a")] {
        for length in [format!("Content-Length: {}\r\n", part.len()), String::new()] {
            let text =
                format!("HTTP/1.1 206 P\r\nContent-Range: bytes {range}\r\n{length}\r\n{part}");
            let end = answer(&plan, text.as_bytes());
            assert_eq!(end, End::PartOver(part.into()), "{text}");
        }
    }
    let text = "HTTP/1.1 206 P\r\nContent-Range: bytes 2-3/5\r\nContent-Length: 3\r\n\r\nage";
    assert!(failed_for_good(&plan, text).contains("3 bytes, not the 2"));
}

#[test]
fn another_length_than_the_one_ordered_is_refused() {
    for len in ["0", "4", "6", "18446744073709551615"] {
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\nimage");
        failed_for_good(&plan(URL, 0, 5), &text);
    }
    let part = "HTTP/1.1 206 P\r\nContent-Range: bytes 2-4/5\r\nContent-Length: 5\r\n\r\nimage";
    assert!(failed_for_good(&plan(URL, 2, 5), part).contains("5 bytes, not the 3"));
    let short = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nimag\r\n0\r\n\r\n";
    assert!(failed_for_good(&plan(URL, 0, 5), short).contains("shorter"));
}

#[test]
fn an_encoded_image_is_refused() {
    let text = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nimage";
    assert!(failed_for_good(&plan(URL, 0, 5), text).contains("encoded"));
}

#[test]
fn some_refusals_pass_and_some_do_not() {
    let plan = plan(URL, 0, 5);
    for status in ["500", "502", "503", "504", "429", "408"] {
        let text = format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno");
        let end = answer(&plan, text.as_bytes());
        assert!(
            matches!(&end, End::Failed(Failure::Passing(reason)) if reason.contains(status)),
            "{end:?}"
        );
    }
    for status in [
        "400", "401", "403", "404", "410", "416", "204", "300", "304", "305", "101",
    ] {
        let text = format!("HTTP/1.1 {status} No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
        assert!(failed_for_good(&plan, &text).contains(status), "{status}");
    }
}

#[test]
fn what_is_no_http_is_refused() {
    let plan = plan(URL, 0, 5);
    for text in [
        "SSH-2.0-x\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nimage",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nimage",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\nimage",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        failed_for_good(&plan, text);
    }
}

#[test]
fn redirections_lead_to_absolute_and_relative_places() {
    let plan = plan(URL, 0, 5);
    for (status, location, place) in [
        ("301", "http://other/a?b", "http://other:80/a?…"),
        ("302", "https://h/a", "https://h:443/a"),
        ("303", "//other:81/a", "http://other:81/a"),
        ("307", "/a", "http://h:80/a"),
        ("308", "a", "http://h:80/dir/a"),
    ] {
        for body in [
            "Content-Length: 0\r\n\r\n",
            "Content-Length: 4\r\n\r\ngone",
            "Transfer-Encoding: chunked\r\n\r\n4\r\ngone\r\n0\r\n\r\n",
        ] {
            let text = format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n{body}");
            let end = answer(&plan, text.as_bytes());
            assert_eq!(end, End::Redirect(place.into()), "{text}");
        }
        // Without a length, the text ends with the connection, which is not waited for.
        let text = format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n\r\n?");
        assert_eq!(answer(&plan, text.as_bytes()), End::Redirect(place.into()));
    }
}

#[test]
fn bad_redirections_are_refused() {
    let secure = plan("https://h/image", 0, 5);
    for location in [
        "http://h/image",
        "ftp://h/image",
        "https://user@h/image",
        "https://h:0/image",
        "https://h/\u{e9}",
    ] {
        let text =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let reason = failed_for_good(&secure, &text);
        assert!(!reason.contains(location), "{reason}");
    }
    failed_for_good(&secure, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    let endless = format!(
        "HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        format!("8000\r\n{}\r\n", "x".repeat(0x8000)).repeat(3)
    );
    let end = feed(&secure, endless.as_bytes(), 4096, 4096);
    assert!(matches!(end, End::Failed(Failure::Final(_))), "{end:?}");
}

/// By these a server's patience is measured: a flood of anything else is silence.
#[test]
fn only_bytes_of_the_image_count_as_received() {
    let mut exchange = Exchange::new(&plan(URL, 2, 5)).unwrap();
    exchange.sent(exchange.unsent().len());
    let mut output = [0; 100];
    for (answer, received) in [
        ("HTTP/1.1 100 Continue\r\n\r\n", 0),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", 0),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0),
        ("1;x=y\r\ni\r\n", 1),
        ("2\r\nma\r\n", 3),
        ("9\r\nge & more\r\n", 5),
    ] {
        let mut input = answer.as_bytes();
        while !input.is_empty() {
            let (used, step) = exchange.receive(input, &mut output).unwrap();
            input = &input[used..];
            if used == 0 && step == Step::NeedInput {
                break;
            }
        }
        assert_eq!(exchange.received(), received, "{answer}");
    }
}
