//! What a report costs once its path is known: no allocation.

mod support;

use iotx_coap::capi::types::iotx_message_t;
use iotx_coap::capi::{IOT_CoAP_SendMessage, IOT_CoAP_Yield};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{CString, c_void};
use std::net::UdpSocket;
use support::PATIENCE;
use support::device::{Device, message, topic};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted by thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: our caller keeps GlobalAlloc's contract, which is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Grants a token, then answers every report, until the socket is silent for long or the peer says "end".
fn serve(socket: &UdpSocket) {
    let mut buffer = [0; 1500];
    let mut grant = &b"\xff{\"token\":\"f13102810756432e85dfd351eeb41c04\"}"[..];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).expect("a request");
        if &buffer[..len] == b"end" {
            return;
        }
        let mut answer = vec![buffer[0] & 0x10 | 0x44, 0x45, buffer[2], buffer[3]];
        if buffer[0] & 0x10 == 0 {
            answer[0] = 0x64;
        }
        answer.extend_from_slice(&buffer[4..8]);
        answer.extend_from_slice(grant);
        grant = b"";
        socket.send_to(&answer, from).expect("the answer leaves");
    }
}

unsafe extern "C" fn count(user_data: *mut c_void, _: *mut c_void) {
    // SAFETY: `user_data` is the counter that outlives the client.
    let answered = unsafe { &*user_data.cast::<Cell<usize>>() };
    answered.set(answered.get() + 1);
}

#[test]
fn a_report_on_a_known_path_allocates_nothing() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("socket");
    let address = socket.local_addr().expect("address");
    let server = std::thread::spawn(move || serve(&socket));
    let device = Device::connect(&format!("coap://{address}"));
    assert_eq!(device.authenticate(), 0);

    let answered = Cell::new(0_usize);
    let path = CString::new(topic()).expect("path");
    let post = |msg_type| {
        let mut report = iotx_message_t {
            msg_type,
            user_data: (&raw const answered).cast_mut().cast(),
            resp_callback: Some(count),
            ..message(b"{\"temperature\":21}")
        };
        let before = answered.get();
        // SAFETY: a live client, a terminated path, a whole message.
        unsafe {
            let path = path.as_ptr().cast_mut();
            let sent = IOT_CoAP_SendMessage(device.context, path, &raw mut report);
            assert_eq!(sent, 0);
            assert_eq!(IOT_CoAP_Yield(device.context), 0);
        }
        assert_eq!(answered.get(), before + 1);
    };
    for msg_type in [0, 1, 0, 1] {
        post(msg_type);
    }
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        post(0);
        post(1);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);

    let end = UdpSocket::bind("127.0.0.1:0").expect("socket");
    end.send_to(b"end", address).expect("sent");
    server.join().expect("the server");
}
