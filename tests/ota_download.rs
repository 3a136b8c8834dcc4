//! Downloads from servers that fail in every way.

mod support;

use iotx_cloud::{CertificateOptions, CloudHandle, Issuer, Offer, Reply, Route, Validity};
use iotx_coap::capi::{IOT_OTA_FetchYield, IOT_SetLogLevel};
use std::mem::ManuallyDrop;
use std::sync::mpsc::channel;
use support::device::Device;
use support::ota::*;
use support::site::{Act, Site, response};
use support::{child, cloud, is_child, log_lines, url};

const IMAGE: &[u8] = b"firmware image";

/// A cloud, its device, and a handle that is ordered to load [`IMAGE`] from a URL.
struct Bench {
    ota: Ota,
    device: Device,
    cloud: CloudHandle,
}

impl Bench {
    fn ordered(url: &str) -> Self {
        let cloud = cloud().start().expect("cloud");
        let device = Device::connect(&format!("coap://{}", cloud.udp_addr().expect("open")));
        assert_eq!(device.authenticate(), 0);
        let ota = Ota::new(&device);
        let bench = Self { ota, device, cloud };
        bench.order(url);
        assert!(bench.ota.is_fetching());
        bench
    }

    fn order(&self, url: &str) {
        self.order_image(url, IMAGE);
    }

    fn order_image(&self, url: &str, image: &[u8]) {
        let reply = Reply::with_payload(order(url, image));
        self.cloud.reply(Route::Topic, 1, &reply);
        assert_eq!(self.ota.report_progress(1, None), 0);
        assert_eq!(self.device.run(), 0);
    }

    /// A call that fails for now: the next one tries again.
    fn fails_for_now(&self) {
        assert_eq!(self.ota.fetch(100, 60), Err(-1));
        assert_eq!(self.ota.last_error(), -5);
        assert!(self.ota.is_fetching());
    }

    /// A call that fails for good: the order is given up.
    fn fails_for_good(&self) {
        assert_eq!(self.ota.fetch(100, 60), Err(-1));
        assert_eq!(self.ota.last_error(), -5);
        assert!(!self.ota.is_fetching() && !self.ota.is_finished());
        assert_eq!(self.ota.fetch(100, 60), Err(INVALID_STATE));
    }

    fn succeeds(&self, fetched: &[u8]) {
        assert_eq!(fetched, IMAGE);
        assert_eq!(self.ota.number(CHECK_FIRMWARE), Ok(1));
    }
}

fn whole() -> Vec<Act> {
    let length = format!("Content-Length: {}", IMAGE.len());
    response(200, &[&length], IMAGE)
}

fn rest(from: usize) -> Vec<Act> {
    let (last, all) = (IMAGE.len() - 1, IMAGE.len());
    let range = format!("Content-Range: bytes {from}-{last}/{all}");
    response(206, &[&range], &IMAGE[from..])
}

fn cut_off(at: usize) -> Vec<Act> {
    let length = format!("Content-Length: {}", IMAGE.len());
    response(200, &[&length], &IMAGE[..at])
}

#[test]
fn a_connection_lost_half_way_is_gone_on_with_by_range() {
    let site = Site::start(vec![cut_off(4), rest(4)]);
    let bench = Bench::ordered(&site.url("/a?sign=s3cr3t"));
    let mut fetched = bench.ota.fetch(100, 60).expect("the first part");
    assert_eq!(fetched, &IMAGE[..4]);
    bench.fails_for_now();
    fetched.extend(bench.ota.fetch_all(100));
    bench.succeeds(&fetched);
    let requests = site.requests();
    assert!(requests[0].starts_with("GET /a?sign=s3cr3t HTTP/1.1\r\n"));
    assert!(!requests[0].contains("range:"), "{requests:?}");
    assert!(requests[1].contains("range: bytes=4-\r\n"), "{requests:?}");
}

#[test]
fn a_server_without_ranges_sends_the_first_part_again() {
    let site = Site::start(vec![cut_off(4), whole()]);
    let bench = Bench::ordered(&site.url("/"));
    let mut fetched = bench.ota.fetch(100, 60).expect("the first part");
    bench.fails_for_now();
    fetched.extend(bench.ota.fetch_all(3));
    bench.succeeds(&fetched);
}

#[test]
fn a_server_that_sends_small_parts_is_asked_for_the_next_one() {
    let part = |from: usize, to: usize| {
        let range = format!("Content-Range: bytes {from}-{to}/{}", IMAGE.len());
        response(206, &[&range], &IMAGE[from..=to])
    };
    let site = Site::start(vec![cut_off(4), part(4, 8), part(9, 9), rest(10)]);
    let bench = Bench::ordered(&site.url("/"));
    let mut fetched = bench.ota.fetch(100, 60).expect("the first part");
    bench.fails_for_now();
    fetched.extend(bench.ota.fetch(100, 60).expect("all the rest"));
    bench.succeeds(&fetched);
    assert_eq!(site.requests().len(), 4);
}

#[test]
fn another_image_in_the_second_half_is_found_out() {
    let other = response(206, &["Content-Range: bytes 4-13/14"], b"other imag");
    let site = Site::start(vec![cut_off(4), other]);
    let bench = Bench::ordered(&site.url("/"));
    bench.ota.fetch(100, 60).expect("the first part");
    bench.fails_for_now();
    bench.ota.fetch_all(100);
    assert_eq!(bench.ota.number(CHECK_FIRMWARE), Ok(0));
}

#[test]
fn a_server_that_is_gone_or_busy_is_asked_again() {
    let site = Site::start(vec![
        response(503, &["Content-Length: 0"], b""),
        Vec::new(),
        whole(),
    ]);
    let bench = Bench::ordered(&site.url("/"));
    bench.fails_for_now();
    bench.fails_for_now();
    bench.succeeds(&bench.ota.fetch_all(100));

    let gone = Site::start(vec![whole()]);
    let url = gone.url("/");
    drop(gone);
    let bench = Bench::ordered(&url);
    bench.fails_for_now();
    bench.fails_for_now();
    // Signed URLs are another one each time.
    let site = Site::start(vec![whole()]);
    bench.order(&site.url("/again"));
    bench.succeeds(&bench.ota.fetch_all(100));
}

#[test]
fn without_descriptors_it_fails_for_now() {
    if !is_child() {
        child("without_descriptors_it_fails_for_now").run();
        return;
    }
    let site = Site::start(vec![whole()]);
    let bench = Bench::ordered(&site.url("/"));
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    bench.fails_for_now();
    drop(files);
    bench.succeeds(&bench.ota.fetch_all(100));
}

#[test]
fn a_name_without_an_address_fails_for_now() {
    let bench = Bench::ordered("http://no-such-host.invalid/image");
    bench.fails_for_now();
}

#[test]
fn a_server_without_the_image_ends_the_order() {
    let wrong_length = response(200, &["Content-Length: 13"], &IMAGE[1..]);
    let endless_head = vec![Act::Send(
        format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(40_000)).into_bytes(),
    )];
    for treatment in [
        response(404, &["Content-Length: 4"], b"gone"),
        response(403, &["Content-Length: 0"], b""),
        response(204, &[], b""),
        wrong_length,
        endless_head,
        vec![Act::Send(b"not HTTP\r\n\r\n".to_vec())],
    ] {
        let site = Site::start(vec![treatment, whole()]);
        let bench = Bench::ordered(&site.url("/"));
        bench.fails_for_good();
        bench.order(&site.url("/"));
        bench.succeeds(&bench.ota.fetch_all(100));
    }
}

/// Otherwise a program that goes on in its loop would put the next order's first byte behind these, and the MD5
/// would be right.
#[test]
fn bytes_handed_out_are_followed_by_the_same_images_others_only() {
    let short = response(
        200,
        &["Transfer-Encoding: chunked"],
        b"4\r\nfirm\r\n0\r\n\r\n",
    );
    let gone = || response(404, &["Content-Length: 0"], b"");
    let site = Site::start(vec![short, gone(), gone()]);
    let bench = Bench::ordered(&site.url("/"));
    let mut fetched = bench.ota.fetch(100, 60).expect("the first part");
    assert_eq!(fetched, b"firm");
    bench.fails_for_now();
    bench.fails_for_now();
    let other = Site::start(vec![rest(4)]);
    bench.order_image(&other.url("/"), b"another image");
    bench.fails_for_now();
    bench.order(&other.url("/"));
    fetched.extend(bench.ota.fetch_all(100));
    bench.succeeds(&fetched);
    assert_eq!(site.requests().len(), 3);
}

#[test]
fn an_order_that_nothing_came_of_is_exchanged_for_another() {
    let length = format!("Content-Length: {}", IMAGE.len());
    let mut silent = response(200, &[&length], b"");
    silent.extend([Act::Hold, Act::Send(IMAGE.to_vec())]);
    let site = Site::start(vec![silent]);
    let bench = Bench::ordered(&site.url("/"));
    assert_eq!(bench.ota.fetch(100, 1), Ok(Vec::new()));
    let image = b"another image";
    let length = format!("Content-Length: {}", image.len());
    let other = Site::start(vec![response(200, &[&length], image)]);
    bench.order_image(&other.url("/"), image);
    // What the first server has to say is nothing to this order.
    site.release();
    assert_eq!(bench.ota.fetch_all(100), image);
    assert_eq!(bench.ota.number(CHECK_FIRMWARE), Ok(1));
}

/// It may be as long as the program says, or the program may have said something wrong.
#[test]
fn the_buffer_behind_the_image_is_left_alone() {
    let site = Site::start(vec![whole()]);
    let bench = Bench::ordered(&site.url("/"));
    let mut buffer = [0xa5_u8; 100];
    let mut got = 0;
    while got == 0 {
        // SAFETY: a live handle, a buffer of that length.
        got = unsafe { IOT_OTA_FetchYield(bench.ota.0, buffer.as_mut_ptr().cast(), 100, 60) };
    }
    assert_eq!(&buffer[..IMAGE.len()], IMAGE);
    assert_eq!(buffer[IMAGE.len()..], [0xa5; 86]);
    // SAFETY: as above.
    let done = unsafe { IOT_OTA_FetchYield(bench.ota.0, buffer.as_mut_ptr().cast(), 100, 60) };
    assert_eq!(done, INVALID_STATE);
    assert_eq!(&buffer[..IMAGE.len()], IMAGE);
}

#[test]
fn more_than_what_was_ordered_is_not_taken() {
    let mut long = IMAGE.to_vec();
    long.extend_from_slice(b" and more");
    let site = Site::start(vec![response(200, &[], &long)]);
    let bench = Bench::ordered(&site.url("/"));
    bench.succeeds(&bench.ota.fetch(100, 60).expect("the image"));
}

#[test]
fn redirections_are_followed_up_to_a_limit() {
    let other = Site::start(vec![whole()]);
    let location = format!("Location: {}", other.url("/there"));
    let site = Site::start(vec![
        response(302, &["Location: /next", "Content-Length: 4"], b"gone"),
        response(301, &[&location], b""),
    ]);
    let bench = Bench::ordered(&site.url("/dir/a"));
    bench.succeeds(&bench.ota.fetch_all(100));
    assert!(site.requests()[1].starts_with("GET /next HTTP/1.1\r\n"));
    assert!(other.requests()[0].starts_with("GET /there HTTP/1.1\r\n"));

    let circle = Site::start(vec![response(
        302,
        &["Location: /", "Content-Length: 0"],
        b"",
    )]);
    let bench = Bench::ordered(&circle.url("/"));
    bench.fails_for_good();
    assert_eq!(circle.requests().len(), 6);
    let bad = Site::start(vec![response(302, &["Location: ftp://h/"], b"")]);
    Bench::ordered(&bad.url("/")).fails_for_good();
}

#[test]
fn a_wait_ends_with_its_time_and_the_download_goes_on() {
    let length = format!("Content-Length: {}", IMAGE.len());
    let mut acts = vec![Act::Hold];
    acts.extend(response(200, &[&length], &IMAGE[..4]));
    acts.extend([Act::Hold, Act::Send(IMAGE[4..].to_vec())]);
    let site = Site::start(vec![acts]);
    let bench = Bench::ordered(&site.url("/"));
    for timeout in [0, 0, 1] {
        assert_eq!(bench.ota.fetch(100, timeout), Ok(Vec::new()));
        assert!(bench.ota.is_fetching());
    }
    site.release();
    let mut fetched = bench.ota.fetch(2, 60).expect("bytes");
    assert_eq!(fetched, &IMAGE[..2], "a full buffer ends the wait");
    fetched.extend(bench.ota.fetch(100, 1).expect("what is here"));
    assert_eq!(fetched, &IMAGE[..4]);
    assert_eq!(bench.ota.fetch(100, 0), Ok(Vec::new()));
    site.release();
    fetched.extend(bench.ota.fetch_all(100));
    bench.succeeds(&fetched);
    assert_eq!(site.requests().len(), 1, "all over one connection");
}

#[test]
fn a_reset_begins_at_the_first_byte_again() {
    let site = Site::start(vec![cut_off(4), whole()]);
    let bench = Bench::ordered(&site.url("/"));
    bench.ota.fetch(100, 60).expect("the first part");
    bench.ota.reset();
    assert_eq!(bench.ota.number(FETCHED_SIZE), Ok(0));
    bench.succeeds(&bench.ota.fetch_all(100));
}

#[test]
fn one_thread_fetches_and_others_need_not_wait_for_it() {
    let length = format!("Content-Length: {}", IMAGE.len());
    let mut acts = response(200, &[&length], &IMAGE[..4]);
    acts.extend([Act::Hold, Act::Send(b"old".to_vec())]);
    let site = Site::start(vec![acts, whole()]);
    let bench = Bench::ordered(&site.url("/"));
    assert_eq!(bench.ota.fetch(4, 60).as_deref(), Ok(&IMAGE[..4]));
    let handle = bench.ota.0.expose_provenance();
    let mut fetched = std::thread::scope(|scope| {
        let (started, starts) = channel();
        let fetching = scope.spawn(move || {
            let ota = ManuallyDrop::new(Ota(std::ptr::with_exposed_provenance_mut(handle)));
            started.send(()).expect("somebody waits");
            ota.fetch(100, 60)
        });
        starts.recv().expect("the thread starts");
        // Whichever of the two is first.
        assert_eq!(bench.ota.fetch(100, 0), Ok(Vec::new()));
        bench.ota.reset();
        assert_eq!(bench.ota.number(FETCHED_SIZE), Ok(0));
        site.release();
        fetching.join().expect("no panic").expect("bytes")
    });
    fetched.extend(bench.ota.fetch_all(100));
    bench.succeeds(&fetched);
}

#[test]
fn a_handle_may_end_while_another_thread_fetches() {
    let length = format!("Content-Length: {}", IMAGE.len());
    let mut acts = response(200, &[&length], &IMAGE[..4]);
    acts.push(Act::Hold);
    let site = Site::start(vec![acts]);
    let bench = Bench::ordered(&site.url("/"));
    assert_eq!(bench.ota.fetch(4, 60).as_deref(), Ok(&IMAGE[..4]));
    let handle = bench.ota.0.expose_provenance();
    std::thread::scope(|scope| {
        let (started, starts) = channel();
        let fetching = scope.spawn(move || {
            let ota = ManuallyDrop::new(Ota(std::ptr::with_exposed_provenance_mut(handle)));
            started.send(()).expect("somebody waits");
            ota.fetch(100, 60)
        });
        starts.recv().expect("the thread starts");
        // Reports and questions do not wait for the download.
        assert_eq!(bench.ota.report_progress(1, None), 0);
        assert_eq!(bench.device.run(), 0);
        assert_eq!(bench.ota.number(FETCHED_SIZE), Ok(4));
        drop(bench.ota);
        site.release();
        let result = fetching.join().expect("no panic");
        // The thread was in time for its call, or not.
        assert!(
            [Err(-1), Err(INVALID_PARAM)].contains(&result),
            "{result:?}"
        );
    });
}

#[test]
fn only_a_server_that_proves_its_name_delivers() {
    if is_child() {
        let device = Device::connect(&url());
        assert_eq!(device.authenticate(), 0);
        let ota = Ota::new(&device);
        ota.await_order(&device);
        match ota.fetch(100, 60) {
            Ok(bytes) => assert_eq!(bytes, IMAGE),
            Err(error) => {
                assert_eq!((error, ota.last_error()), (-1, -5));
                assert!(ota.is_fetching());
                println!("refused");
            }
        }
        return;
    }
    let name = "only_a_server_that_proves_its_name_delivers";
    let with = |certificate: CertificateOptions| {
        cloud()
            .https("127.0.0.1:0")
            .certificate(certificate)
            .offer(Offer::new("1.1", IMAGE))
            .start()
            .expect("cloud")
    };
    let run = |cloud: &CloudHandle, trusted: bool| {
        let url = format!("coap://{}", cloud.udp_addr().expect("open"));
        let client = child(name).url(url);
        if trusted {
            client.trusting(cloud).run()
        } else {
            client.run()
        }
    };
    let good = with(CertificateOptions::default());
    assert!(!run(&good, true).contains("refused"));
    let refusals = [
        (run(&good, false), "certificate"),
        (
            run(
                &with(CertificateOptions {
                    validity: Validity::Expired,
                    ..Default::default()
                }),
                true,
            ),
            "expired",
        ),
        (
            run(
                &with(CertificateOptions {
                    issuer: Issuer::Stranger,
                    ..Default::default()
                }),
                true,
            ),
            "certificate",
        ),
        (
            run(
                &with(CertificateOptions {
                    hosts: Some(vec!["other.example".into()]),
                    ..Default::default()
                }),
                true,
            ),
            "mismatch",
        ),
    ];
    for (output, reason) in refusals {
        assert!(output.contains("refused"), "{output}");
        let errors = log_lines(&output, "err");
        assert!(errors.iter().any(|line| line.contains(reason)), "{output}");
    }
}

#[test]
fn no_log_line_shows_what_an_url_is_signed_with() {
    if is_child() {
        IOT_SetLogLevel(5);
        let site = Site::start(vec![
            response(302, &["Location: /b?sign=s3cr3t", "Content-Length: 0"], b""),
            response(404, &["Content-Length: 0"], b""),
        ]);
        let bench = Bench::ordered(&site.url("/a?sign=s3cr3t"));
        bench.fails_for_good();
        return;
    }
    let output = child("no_log_line_shows_what_an_url_is_signed_with").run();
    assert!(output.contains("404"), "{output}");
    assert!(!output.contains("s3cr3t"), "{output}");
}
