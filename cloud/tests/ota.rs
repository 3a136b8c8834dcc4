//! Firmware updates as a device sees them: raw CoAP messages, raw HTTP requests.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use iotx_cloud::{Code, DeviceId, Event, EventKind, Offer, OtaReport};
use openssl::ssl::{SslConnector, SslMethod};
use support::*;

const INFORM: &str = "/topic/ota/device/inform/a1B2c3D4e5F/dev01";
const PROGRESS: &str = "/topic/ota/device/progress/a1B2c3D4e5F/dev01";
const VERSION_1: &[u8] = br#"{"id":0,"params":{"version":"1"}}"#;
const IMAGE: &[u8] = b"firmware image";

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    answer_to(&mut stream, request)
}

fn answer_to(stream: &mut (impl Read + Write), request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Path of the image in an order's URL, which must be at `site`.
fn path_at<'a>(order: &'a serde_json::Value, site: &str) -> &'a str {
    let url = order["data"]["url"].as_str().unwrap();
    url.strip_prefix(site)
        .unwrap_or_else(|| panic!("{url} is not at {site}"))
}

#[test]
fn a_device_is_ordered_to_load_the_image_that_the_cloud_serves() {
    let cloud = cloud()
        .http("127.0.0.1:0")
        .offer(Offer::new("2", IMAGE))
        .start()
        .unwrap();
    let mut device = Udp::to(cloud.udp_addr().unwrap());
    let token = token(&mut device, 1);
    let answer = device.ask(&report(2, INFORM, 61, &token, VERSION_1));
    assert_eq!(code(&answer), Code::CONTENT);
    let order: serde_json::Value = serde_json::from_str(text(&answer)).unwrap();
    assert_eq!(order["message"], "success");
    assert_eq!(order["data"]["size"], IMAGE.len());

    let http = cloud.http_addr().unwrap();
    let path = path_at(&order, &format!("http://{http}"));
    let whole = ask(http, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
    assert!(whole.ends_with("\r\n\r\nfirmware image"), "{whole}");
    let part = ask(
        http,
        &format!("GET {path} HTTP/1.1\r\nRange: bytes=9-\r\n\r\n"),
    );
    assert!(
        part.starts_with("HTTP/1.1 206 Partial Content\r\n"),
        "{part}"
    );
    assert!(part.ends_with("\r\n\r\nimage"), "{part}");
    let fetched = |event: &Event| match event.kind {
        EventKind::Fetched {
            status,
            offset,
            whole,
            ..
        } => whole.then_some((status, offset)),
        _ => None,
    };
    for expected in [(200, 0), (206, 9)] {
        let event = cloud.wait_for(|event| fetched(event) == Some(expected), PATIENCE);
        assert!(event.is_some(), "{expected:?}");
    }
}

#[test]
fn other_requests_to_the_file_server_are_refused() {
    let cloud = cloud().http("127.0.0.1:0").start().unwrap();
    let http = cloud.http_addr().unwrap();
    for (request, status) in [
        ("GET /image/1 HTTP/1.1\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\n\r\n", 404),
        ("PUT /image/1 HTTP/1.1\r\n\r\n", 405),
        ("nonsense\r\n\r\n", 400),
    ] {
        let answer = ask(http, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[test]
fn reports_about_the_firmware_are_events() {
    let cloud = cloud().start().unwrap();
    let mut device = Udp::to(cloud.udp_addr().unwrap());
    let token = token(&mut device, 1);
    let answer = device.ask(&report(2, INFORM, 61, &token, VERSION_1));
    assert_eq!((code(&answer), text(&answer)), (Code::CONTENT, ""));
    let progress = br#"{"id":0,"params": {"step": "50","desc":"half"}}"#;
    device.ask(&report(3, PROGRESS, 61, &token, progress));
    for expected in [
        OtaReport::Inform {
            version: "1".into(),
        },
        OtaReport::Progress {
            step: 50,
            description: Some("half".into()),
        },
    ] {
        let event = cloud.wait_for(|event| event.ota().as_ref() == Some(&expected), PATIENCE);
        assert!(event.is_some(), "{expected:?}");
    }
}

#[test]
fn https_shows_the_clouds_certificate_and_is_what_orders_name() {
    let cloud = cloud()
        .http("127.0.0.1:0")
        .https("127.0.0.1:0")
        .start()
        .unwrap();
    cloud.offer(&DeviceId::new(PK, DN), Some(Offer::new("2", IMAGE)));
    let mut device = Udp::to(cloud.udp_addr().unwrap());
    let token = token(&mut device, 1);
    let answer = device.ask(&report(2, INFORM, 61, &token, VERSION_1));
    let order: serde_json::Value = serde_json::from_str(text(&answer)).unwrap();
    let https = cloud.https_addr().unwrap();
    let path = path_at(&order, &format!("https://{https}"));

    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_ca_file(cloud.ca_path().unwrap()).unwrap();
    let stream = TcpStream::connect(https).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = connector.build().connect("127.0.0.1", stream).unwrap();
    let answer = answer_to(&mut stream, &format!("GET {path} HTTP/1.1\r\n\r\n"));
    assert!(answer.ends_with("\r\n\r\nfirmware image"), "{answer}");
}

#[test]
fn a_cloud_ends_while_clients_of_its_file_server_hang() {
    let cloud = cloud()
        .http("127.0.0.1:0")
        .https("127.0.0.1:0")
        .start()
        .unwrap();
    let mut idle: Vec<TcpStream> = [cloud.http_addr(), cloud.https_addr()]
        .map(|address| TcpStream::connect(address.unwrap()).unwrap())
        .into();
    cloud.shutdown();
    for stream in &mut idle {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let ended = stream.read(&mut [0]);
        let over = match &ended {
            Ok(len) => *len == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(over, "{ended:?}");
    }
}
