//! A firmware whose own HAL functions do more than the defaults: they must be used, and may call back.

mod support;

use iotx_coap::capi::{IOT_CoAP_GetCurToken, IOT_CoAP_SendMessage};
use std::ffi::{c_char, c_void};
use std::net::UdpSocket;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use support::PATIENCE;
use support::device::{Device, message, topic};

static SEEDS: AtomicUsize = AtomicUsize::new(0);
static LINES: AtomicUsize = AtomicUsize::new(0);
static CLIENT: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// As a port whose HAL_Random is libc's `random()`, which gives every boot the same numbers until seeded.
#[unsafe(no_mangle)]
extern "C" fn HAL_Srandom(_seed: u32) {
    SEEDS.fetch_add(1, SeqCst);
}

/// As a firmware that keeps its log in the cloud: every line asks the library something.
///
/// The library passes "%s" and the line. Rust cannot define variadic functions; on the platforms this
/// test runs on, two pointers are passed to a variadic function as to any other.
#[unsafe(no_mangle)]
extern "C" fn HAL_Printf(_format: *const c_char, _line: *const c_char) {
    LINES.fetch_add(1, SeqCst);
    let client = CLIENT.load(SeqCst);
    if !client.is_null() {
        let mut report = message(b"log");
        // SAFETY: a live client, a terminated path too long to be sent, a whole message.
        unsafe {
            IOT_CoAP_GetCurToken(client);
            if LINES.load(SeqCst) < 10 {
                let path = [b'x'; 200].map(|byte| byte as c_char);
                let path = path.as_ptr().cast_mut();
                IOT_CoAP_SendMessage(client, path, &raw mut report);
            }
        }
    }
}

/// Grants a token, and refuses the report sent with it; and the same again, when the client tries once more.
fn serve(socket: &UdpSocket) {
    let mut buffer = [0; 1500];
    let grant = (0x45, &b"\xff{\"token\":\"tok\"}"[..]);
    let refusal = (0x81, &b""[..]);
    for (code, payload) in [grant, refusal, grant, refusal] {
        let (_, from) = socket.recv_from(&mut buffer).expect("a request");
        let mut answer = vec![0x64, code, buffer[2], buffer[3]];
        answer.extend_from_slice(&buffer[4..8]);
        answer.extend_from_slice(payload);
        socket.send_to(&answer, from).expect("the answer leaves");
    }
}

#[test]
fn a_log_that_calls_the_library_does_not_stop_it_and_chance_is_seeded() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("socket");
    let url = format!("coap://{}", socket.local_addr().expect("address"));
    let server = std::thread::spawn(move || serve(&socket));
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        let device = Device::connect(&url);
        CLIENT.store(device.context, SeqCst);
        assert_eq!(device.authenticate(), 0);
        assert_eq!(device.post(&topic(), b"{}").code, 0x81);
        CLIENT.store(null_mut(), SeqCst);
        done.send(()).expect("the test waits");
    });
    result
        .recv_timeout(PATIENCE)
        .expect("a call that never returned");
    server.join().expect("the server");
    assert!(LINES.load(SeqCst) > 0, "the refusal was logged");
    assert!(SEEDS.load(SeqCst) > 0);
}
