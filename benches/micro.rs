//! The parts of a report, each by itself: `cargo bench --bench micro`.
//!
//! The report is the one of `benches/c`: 259 bytes with a token of 190, its answer 19.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use iotx_coap::cloud_auth::{SessionKey, SignMethod, sign_parameters};
use iotx_coap::coap::{
    Code, Datagram, Instant, MessageLayer, MessageType, OptionNumber, Outcome, RandomSource,
    RequestHead, RequestHeadBuilder, Submission, TransmissionParams,
};
use std::hint::black_box;

const PATH: &[u8] = b"/topic/a1B2c3D4e5F/dev01/update";
const PAYLOAD: &[u8] = b"{\"n\":1}";
const TOKEN: [u8; 190] = [b't'; 190];
const SECRET: &[u8] = b"0123456789abcdef0123456789ABCDEF";

/// Cheap and the same in every run.
struct Sequence(u32);

impl RandomSource for Sequence {
    fn next_u32(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0
    }
}

fn head() -> RequestHead {
    RequestHeadBuilder::new(Code::POST)
        .path(PATH)
        .uint(OptionNumber::CONTENT_FORMAT, 50)
        .uint(OptionNumber::ACCEPT, 42)
        .opaque(OptionNumber::AUTH_TOKEN, &TOKEN)
        .build()
        .expect("a head that fits")
}

/// What the service answers to `request`: 2.05, and its message id in option 2090.
fn answer_to(request: &[u8]) -> Vec<u8> {
    let token = usize::from(request[0] & 15);
    let mut answer = vec![0x60 | request[0] & 15, 0x45];
    answer.extend_from_slice(&request[2..4 + token]);
    answer.extend_from_slice(&[0xe8, 0x07, 0x1d, 0, 0, 0, 0, 0, 0, 0, 1]);
    answer
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    group.bench_function("head", |b| b.iter(|| black_box(head())));
    group.finish();
}

fn decode(c: &mut Criterion) {
    let answer = answer_to(&[0x44, 0x02, 0, 1, 1, 2, 3, 4]);
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(answer.len() as u64));
    group.bench_function("answer", |b| {
        b.iter(|| {
            Datagram::parse(black_box(&answer))
                .expect("a valid datagram")
                .code()
        });
    });
    group.finish();
}

/// A request and its answer through the message layer: encode, decode, match; no I/O.
fn exchange(c: &mut Criterion) {
    let mut random = Sequence(1);
    let mut layer = MessageLayer::new(TransmissionParams::default(), &mut random);
    let head = head();
    let mut now = Instant::from_millis(1_000_000);
    c.bench_function("exchange", |b| {
        b.iter(|| {
            // Message ids are for EXCHANGE_LIFETIME (247 s); so fast, they would run out.
            now = now + core::time::Duration::from_millis(20);
            let submission = Submission {
                message_type: MessageType::Confirmable,
                head: &head,
                payload: PAYLOAD,
                user: (),
            };
            layer.submit(&mut random, submission).expect("room");
            let (_, request) = layer.poll_transmit(now, &mut random).expect("due at once");
            let answer = answer_to(black_box(request));
            let message = Datagram::parse(&answer).expect("a valid datagram");
            let Outcome::Response(finished) = layer.handle(now, &message).outcome else {
                panic!("no response");
            };
            layer.recycle(finished.request);
        });
    });
}

fn sign(c: &mut Criterion) {
    let parameters = [
        ("productKey", "a1B2c3D4e5F"),
        ("deviceName", "dev01"),
        ("clientId", "a1B2c3D4e5F.dev01"),
    ];
    let mut group = c.benchmark_group("sign");
    for method in [
        SignMethod::HmacMd5,
        SignMethod::HmacSha1,
        SignMethod::HmacSha256,
    ] {
        group.bench_function(method.name(), |b| {
            b.iter(|| sign_parameters(method, SECRET, black_box(parameters)));
        });
    }
    group.finish();
}

fn symmetric(c: &mut Criterion) {
    let key = SessionKey::derive(SECRET, "915ede6cbc8a059f");
    let mut out = Vec::with_capacity(2048);
    let mut group = c.benchmark_group("symmetric");
    group.bench_function("derive", |b| {
        b.iter(|| SessionKey::derive(black_box(SECRET), "915ede6cbc8a059f"));
    });
    group.bench_function("sequence number", |b| {
        b.iter(|| {
            out.clear();
            key.encrypt_seq(black_box(4711), &mut out).expect("AES");
        });
    });
    for len in [PAYLOAD.len(), 1024] {
        let plain = vec![b'x'; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(format!("encrypt {len}"), |b| {
            b.iter(|| {
                out.clear();
                key.encrypt_into(black_box(&plain), &mut out).expect("AES");
            });
        });
        let mut cipher = Vec::new();
        key.encrypt_into(&plain, &mut cipher).expect("AES");
        group.bench_function(format!("decrypt {len}"), |b| {
            b.iter_batched_ref(
                || cipher.clone(),
                |data| key.decrypt_in_place(data).expect("our own padding"),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(parts, encode, decode, exchange, sign, symmetric);
criterion_main!(parts);
