//! One client, several threads: real ones, over a transport of channels. No step waits for time to pass; the
//! time-outs of all timers lie far beyond the bound after which a test fails.

use super::virtual_world::{no_delivery, responses};
use super::*;
use crate::cloud_auth::Secret;
use crate::coap::{Instant, TransmissionParams};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

const PATIENCE: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// The client's end: what it sends, and when it begins to wait, goes to the test.
struct Line {
    to_client: Mutex<Receiver<Vec<u8>>>,
    from_client: Sender<Seen>,
    receiving: AtomicBool,
}

#[derive(Debug)]
enum Seen {
    Waiting,
    Sent(Vec<u8>),
}

struct Threads {
    line: Arc<Line>,
    draws: AtomicU32,
}

impl Platform for Threads {
    type Transport = Arc<Line>;

    fn now(&self) -> Instant {
        Instant::from_millis(0)
    }

    fn sleep(&self, _: Duration) {
        panic!("nothing here is worth sleeping for");
    }

    fn random(&self) -> u32 {
        self.draws.fetch_add(1, Ordering::Relaxed)
    }

    fn connect(&self, _: &ConnectRequest<'_>) -> Result<Arc<Line>, ConnectError> {
        Ok(Arc::clone(&self.line))
    }
}

impl Transport for Arc<Line> {
    fn send(&self, datagram: &[u8]) -> Result<(), SendFailed> {
        let seen = Seen::Sent(datagram.to_vec());
        self.from_client.send(seen).map_err(|_| SendFailed)
    }

    fn receive(&self, buffer: &mut [u8], timeout: Duration) -> Received {
        assert!(timeout >= PATIENCE, "no timer of these tests is near");
        let others = self.receiving.swap(true, Ordering::SeqCst);
        assert!(!others, "two threads at one transport");
        self.from_client.send(Seen::Waiting).expect("the test");
        let received = self.to_client.lock().expect("unused otherwise");
        let bytes = received.recv_timeout(PATIENCE).expect("a datagram");
        self.receiving.store(false, Ordering::SeqCst);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Received::Datagram(bytes.len())
    }
}

struct Bench {
    client: Client<Threads, u32>,
    to_client: Sender<Vec<u8>>,
    from_client: Receiver<Seen>,
}

impl Bench {
    fn new() -> Self {
        let (to_client, receiver) = mpsc::channel();
        let (sender, from_client) = mpsc::channel();
        let platform = Threads {
            line: Arc::new(Line {
                to_client: Mutex::new(receiver),
                from_client: sender,
                receiving: AtomicBool::new(false),
            }),
            draws: AtomicU32::new(1),
        };
        let identity = DeviceIdentity {
            product_key: "pk".into(),
            device_name: "dn".into(),
            device_id: String::new(),
            device_secret: Secret::new("secret"),
        };
        let settings = Settings {
            transmission: TransmissionParams {
                ack_timeout: LONG,
                ..TransmissionParams::default()
            },
            auth_bound: LONG,
            ..Settings::default()
        };
        let endpoint = Endpoint::parse("coap://h").expect("URL");
        Self {
            client: Client::connect(platform, identity, endpoint, settings).expect("connects"),
            to_client,
            from_client,
        }
    }

    fn seen(&self) -> Seen {
        self.from_client.recv_timeout(PATIENCE).expect("the client")
    }

    fn sent(&self) -> Vec<u8> {
        loop {
            if let Seen::Sent(bytes) = self.seen() {
                return bytes;
            }
        }
    }

    fn answer(&self, request: &[u8], payload: &[u8]) {
        let mut bytes = vec![0x64, 0x45, request[2], request[3]];
        bytes.extend_from_slice(&request[4..8]);
        if !payload.is_empty() {
            bytes.push(0xff);
            bytes.extend_from_slice(payload);
        }
        self.to_client.send(bytes).expect("the client");
    }
}

/// A program that yields in one thread and authenticates in another.
#[test]
fn authentication_returns_when_another_thread_receives_its_answer() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        scope.spawn(|| bench.client.run(LONG, &mut no_delivery));
        assert!(matches!(bench.seen(), Seen::Waiting));
        let (done, result) = mpsc::channel();
        let client = &bench.client;
        scope.spawn(move || done.send(client.authenticate(&mut no_delivery)));
        let request = bench.sent();
        bench.answer(&request, br#"{"token":"tok"}"#);
        assert_eq!(result.recv_timeout(PATIENCE), Ok(Ok(())));
    });
}

#[test]
fn a_thread_that_waited_for_another_takes_over_the_transport() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        let (done, result) = mpsc::channel();
        let client = &bench.client;
        scope.spawn(move || done.send(client.authenticate(&mut no_delivery)));
        let request = bench.sent();
        assert!(matches!(bench.seen(), Seen::Waiting));
        let (delivered, answers) = mpsc::channel();
        scope.spawn(move || {
            // Whichever thread comes first is told of the authentication, and returns.
            let mut answered = false;
            while !answered {
                client.run(
                    LONG,
                    &mut responses(|delivery| {
                        delivered.send(delivery.user).expect("the test");
                        answered = true;
                    }),
                );
            }
        });
        bench.answer(&request, br#"{"token":"tok"}"#);
        assert_eq!(result.recv_timeout(PATIENCE), Ok(Ok(())));

        let report = Report {
            path: b"/topic",
            payload: b"{}",
            content_format: 50,
            confirmable: true,
        };
        bench.client.send(&report, 7).expect("sent");
        bench.answer(&bench.sent(), b"");
        assert_eq!(answers.recv_timeout(PATIENCE), Ok(7));
    });
}

/// Then the thread that waits comes back in time for the first retransmission.
#[test]
fn whatever_another_thread_sends_makes_the_client_a_shared_one() {
    let calls: [fn(&Client<Threads, u32>); 2] = [
        |client| client.begin_to_authenticate().expect("begun"),
        |client| client.discover().expect("sent"),
    ];
    for call in calls {
        let bench = Bench::new();
        let client = &bench.client;
        client.lock().note_user();
        assert!(!client.lock().is_shared());
        std::thread::scope(|scope| scope.spawn(|| call(client)).join()).expect("no panic");
        assert!(client.lock().is_shared());
    }
}
