//! Established sessions, mostly through the C seam.

use std::ffi::{CString, c_uint, c_void};
use std::ptr;

use super::pki::{Identity, Leaf, authority, issue};
use super::sealing::sealed;
use super::server::{Listener, Server, echo_once, with_identity, with_psk};
use super::{PATIENCE_MS, connect};
use crate::hal::dtls::{Arrival, DtlsOptions, DtlsSession, Offer, PskCredentials};
use crate::hal::{CloseReason, ConnectError, Received, SendError};
use crate::hal_default::dtls::association::has_arrivals;
use crate::hal_default::dtls::channel::Ended;
use crate::hal_default::dtls::session::{Read, WriteError};
use crate::hal_default::dtls::{
    iotx_hal_default_dtls_create, iotx_hal_default_dtls_free, iotx_hal_default_dtls_read,
    iotx_hal_default_dtls_write,
};

const INVALID_PARAM: c_uint = (1 << 24) | 1;
const CLOSED: SendError = SendError::Refused((1 << 24) | 6);

fn serve<R: Send + 'static>(
    root: &Identity,
    script: impl FnOnce(&mut Listener) -> R + Send + 'static,
) -> Server<R> {
    Server::start(
        "127.0.0.1",
        with_identity(&issue(root, &Leaf::local())),
        script,
    )
}

fn open<R>(root: &Identity, server: &Server<R>) -> Result<DtlsSession, ConnectError> {
    let ca_pem = CString::new(root.pem()).expect("PEM");
    DtlsSession::create(DtlsOptions {
        offer: Offer::Both,
        ..DtlsOptions::new(c"127.0.0.1", server.address.port(), &ca_pem)
    })
}

fn arrived(length: usize) -> Arrival {
    Arrival::Network(Received::Datagram(length))
}

#[test]
fn datagrams_go_both_ways_through_the_seam() {
    let root = authority("root");
    let server = serve(&root, echo_once);
    let session = open(&root, &server).expect("handshake");
    let mut buffer = [0u8; 2048];
    for length in [1, 53, 1280] {
        let datagram = vec![b'd'; length];
        session.send(&datagram).expect("send");
        assert_eq!(session.receive(&mut buffer, PATIENCE_MS), arrived(length));
        assert_eq!(&buffer[..length], datagram);
    }
    drop(session);
    assert_eq!(server.finish(), 3);
}

#[test]
fn a_key_announced_beside_the_seam_is_used() {
    let configure = with_psk(b"identity", b"key of the device");
    let server = Server::start(
        "127.0.0.1",
        |context| {
            configure(context);
            context.set_cipher_list("PSK").expect("suites");
        },
        echo_once,
    );
    let session = DtlsSession::create(DtlsOptions {
        psk: PskCredentials::new(b"identity", b"key of the device"),
        offer: Offer::Both,
        ..DtlsOptions::new(
            c"127.0.0.1",
            server.address.port(),
            crate::hal::certs::ROOTS_PEM,
        )
    })
    .expect("handshake");
    session.send(b"hello").expect("send");
    assert_eq!(session.receive(&mut [0; 8], PATIENCE_MS), arrived(5));
    drop(session);
    server.finish();
}

#[test]
fn renewal_and_resumption_are_reached_past_the_seam() {
    let root = authority("root");
    let server = serve(&root, |listener| {
        let mut first = listener.accept().expect("handshake");
        first.echo_until_superseded(listener);
        let mut resumed = Vec::new();
        for _ in 0..2 {
            let mut next = listener.accept().expect("another handshake");
            next.echo();
            resumed.push(next.is_resumed());
        }
        resumed
    });
    let session = open(&root, &server).expect("handshake");
    let mut buffer = [0u8; 64];
    let mut echo = |session: &DtlsSession| {
        session.send(b"hello").expect("send");
        assert_eq!(session.receive(&mut buffer, PATIENCE_MS), arrived(5));
    };
    echo(&session);
    assert!(session.descriptor().expect("a socket") > 2);
    assert!(session.largest_datagram().expect("known") > 1000);
    assert_eq!(session.next_timeout(), None);
    assert!(session.renew());
    assert!(session.next_timeout().is_some());
    let mut renewal = [0; 8];
    assert_eq!(session.receive(&mut renewal, PATIENCE_MS), Arrival::Renewed);
    echo(&session);
    session.cancel_renewal();
    let kept = session.resumable().expect("resumable");
    drop(session);

    let ca_pem = CString::new(root.pem()).expect("PEM");
    let session = DtlsSession::create(DtlsOptions {
        resume: Some(&kept),
        ..DtlsOptions::new(c"127.0.0.1", server.address.port(), &ca_pem)
    })
    .expect("abbreviated handshake");
    echo(&session);
    drop(session);
    assert_eq!(server.finish(), [true, true]);
}

#[test]
fn the_bound_of_a_handshake_is_the_clients() {
    let peer = super::server::silent();
    let port = peer.local_addr().expect("address").port();
    let options = DtlsOptions {
        handshake_bound: std::time::Duration::from_millis(50),
        ..DtlsOptions::new(c"127.0.0.1", port, crate::hal::certs::ROOTS_PEM)
    };
    assert!(DtlsSession::create(options).is_err());
    assert_eq!(
        super::server::waiting(&peer),
        1,
        "no time for a second flight"
    );
}

#[test]
fn a_failed_handshake_is_an_error_through_the_seam() {
    let (root, stranger) = (authority("root"), authority("stranger"));
    let server = serve(&stranger, |listener| assert!(listener.accept().is_err()));
    assert_eq!(open(&root, &server).expect_err("refused"), ConnectError);
    server.finish();
}

#[test]
fn nothing_in_time_is_a_timeout() {
    let root = authority("root");
    let server = serve(&root, echo_once);
    let session = open(&root, &server).expect("handshake");
    assert_eq!(
        session.receive(&mut [0; 8], 1),
        Arrival::Network(Received::Timeout)
    );
    assert_eq!(
        session.receive(&mut [0; 8], 0),
        Arrival::Network(Received::Timeout)
    );
    drop(session);
    server.finish();
}

#[test]
fn close_notify_ends_a_session_for_reader_and_writer() {
    let root = authority("root");
    let server = serve(&root, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.send(b"last words");
        connection.close();
        connection.receive()
    });
    let session = open(&root, &server).expect("handshake");
    let mut buffer = [0u8; 64];
    let closed = Arrival::Network(Received::Closed(CloseReason::CloseNotify));
    assert_eq!(session.receive(&mut buffer, PATIENCE_MS), arrived(10));
    assert_eq!(session.receive(&mut buffer, PATIENCE_MS), closed);
    assert_eq!(
        session.receive(&mut buffer, PATIENCE_MS),
        closed,
        "and stays so"
    );
    assert_eq!(session.send(b"anyone?"), Err(CLOSED));
    drop(session);
    assert_eq!(server.finish(), None, "the client says goodbye as well");
}

#[test]
fn a_fatal_alert_ends_a_session_for_reader_and_writer() {
    let root = authority("root");
    let server = serve(&root, |listener| {
        let connection = listener.accept().expect("handshake");
        let alert = sealed(connection.stream.ssl(), 21, &[2, 80]);
        connection.stream.get_ref().send_raw(&alert);
        connection
    });
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    let ended = Read::Ended(Ended::FatalAlert);
    assert_eq!(session.read(&mut [0; 8], PATIENCE_MS), ended);
    assert_eq!(
        session.read(&mut [0; 8], PATIENCE_MS),
        ended,
        "and stays so"
    );
    assert_eq!(
        session.write(b"x"),
        Err(WriteError::Ended(Ended::FatalAlert))
    );
    drop(session);
    server.finish();
}

#[test]
fn a_datagram_longer_than_the_buffer_is_cut_and_the_next_one_is_whole() {
    let root = authority("root");
    let server = serve(&root, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.send(&[b'l'; 1000]);
        connection.send(b"short");
        connection.receive()
    });
    let session = open(&root, &server).expect("handshake");
    let mut buffer = [0u8; 100];
    assert_eq!(session.receive(&mut buffer, PATIENCE_MS), arrived(100));
    assert_eq!(session.receive(&mut buffer, PATIENCE_MS), arrived(5));
    assert_eq!(&buffer[..5], b"short");
    drop(session);
    server.finish();
}

#[test]
fn several_records_in_one_datagram_are_all_delivered() {
    let root = authority("root");
    let (server, relay);
    {
        use super::relay::{From, Relay};
        server = serve(&root, |listener| {
            let mut connection = listener.accept().expect("handshake");
            connection.send(b"one");
            connection.send(b"two");
            connection.receive()
        });
        let mut held = Vec::new();
        relay = Relay::start(server.address, move |from, datagram| {
            let data = from == From::Server && datagram[0] == 23;
            if !data {
                return vec![datagram.to_vec()];
            }
            held.extend_from_slice(datagram);
            if held.len() == datagram.len() {
                vec![]
            } else {
                vec![std::mem::take(&mut held)]
            }
        });
    }
    let session = connect("127.0.0.1", relay.address, &root.pem()).expect("handshake");
    let mut buffer = [0u8; 64];
    assert_eq!(session.read(&mut buffer, PATIENCE_MS), Read::Datagram(3));
    assert_eq!(&buffer[..3], b"one");
    assert_eq!(session.read(&mut buffer, PATIENCE_MS), Read::Datagram(3));
    assert_eq!(&buffer[..3], b"two");
    drop(session);
    server.finish();
}

#[test]
fn buffers_are_given_back_after_a_report_and_taken_for_the_next() {
    let root = authority("root");
    let server = serve(&root, echo_once);
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    assert!(session.has_buffers(), "of the handshake");
    for _ in 0..2 {
        session.write(b"hello").expect("write");
        assert!(session.has_buffers());
        assert_eq!(session.read(&mut [0; 64], PATIENCE_MS), Read::Datagram(5));
        assert!(!session.has_buffers());
    }
    drop(session);
    assert_eq!(server.finish(), 2);
}

#[test]
fn the_last_session_that_is_freed_leaves_nothing_to_receive_into() {
    let root = authority("root");
    let server = serve(&root, echo_once);
    let session = open(&root, &server).expect("handshake");
    assert!(has_arrivals());
    drop(session);
    assert!(!has_arrivals());
    server.finish();
}

#[test]
fn a_session_without_buffers_says_goodbye() {
    let root = authority("root");
    let server = serve(&root, |listener| {
        let mut connection = listener.accept().expect("handshake");
        connection.send(b"hello");
        connection.receive()
    });
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    assert_eq!(session.read(&mut [0; 64], PATIENCE_MS), Read::Datagram(5));
    assert!(!session.has_buffers());
    drop(session);
    assert_eq!(server.finish(), None, "close_notify");
}

#[test]
fn a_waiting_reader_does_not_hold_up_a_writer() {
    let root = authority("root");
    let server = serve(&root, |listener| {
        let mut connection = listener.accept().expect("handshake");
        // Nothing is sent before something came: a writer stuck behind the reader would never be
        // answered.
        for _ in 0..50 {
            let datagram = connection.receive().expect("datagram");
            connection.send(&datagram);
        }
        connection.receive()
    });
    let session = open(&root, &server).expect("handshake");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut buffer = [0u8; 64];
            (0..50u8).all(|_| session.receive(&mut buffer, PATIENCE_MS) == arrived(1))
        });
        for number in 0..50u8 {
            session.send(&[number]).expect("send");
        }
        assert!(reader.join().expect("reader"));
    });
    drop(session);
    server.finish();
}

#[test]
fn a_server_that_went_away_is_a_failure_that_does_not_end_the_session() {
    let root = authority("root");
    let server = serve(&root, |listener| {
        drop(listener.accept().expect("handshake"))
    });
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    server.finish();
    // The port is closed now: the first datagram leaves, its refusal comes back.
    session.write(b"anyone?").expect("leaves");
    assert_eq!(session.read(&mut [0; 8], PATIENCE_MS), Read::Failed);
    assert_eq!(session.read(&mut [0; 8], 1), Read::Timeout);
    session.write(b"anyone?").expect("leaves again");
}

#[test]
fn impossible_lengths_are_refused() {
    let root = authority("root");
    let server = serve(&root, echo_once);
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    assert_eq!(session.write(b""), Err(WriteError::Length));
    assert_eq!(session.write(&[0; (1 << 14) + 1]), Err(WriteError::Length));
    session.write(&[7; 1 << 14]).expect("the longest record");
    drop(session);
    server.finish();
}

#[test]
fn null_arguments_are_refused() {
    let root = authority("root");
    let server = serve(&root, echo_once);
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    let session: *mut c_void = Box::into_raw(Box::new(session)).cast();
    let mut data = [0u8; 8];
    let mut length: c_uint = 8;
    let nobody = ptr::null_mut();
    // SAFETY: NULL is allowed everywhere; the session is live until it is freed.
    unsafe {
        let bytes = data.as_mut_ptr();
        let len = &raw mut length;
        assert!(iotx_hal_default_dtls_create(ptr::null()).is_null());
        assert_eq!(
            iotx_hal_default_dtls_write(nobody, bytes, len),
            INVALID_PARAM
        );
        assert_eq!(
            iotx_hal_default_dtls_write(session, ptr::null(), len),
            INVALID_PARAM
        );
        assert_eq!(
            iotx_hal_default_dtls_write(session, bytes, ptr::null_mut()),
            INVALID_PARAM
        );
        assert_eq!(
            iotx_hal_default_dtls_read(nobody, bytes, len, 1),
            INVALID_PARAM
        );
        assert_eq!(*len, 0, "nothing was read");
        assert_eq!(
            iotx_hal_default_dtls_read(session, bytes, len, 1),
            INVALID_PARAM,
            "no room"
        );
        *len = 8;
        assert_eq!(
            iotx_hal_default_dtls_read(session, ptr::null_mut(), len, 1),
            INVALID_PARAM
        );
        assert_eq!(
            iotx_hal_default_dtls_read(session, bytes, ptr::null_mut(), 1),
            INVALID_PARAM
        );
        assert_eq!(iotx_hal_default_dtls_free(nobody), INVALID_PARAM);
        assert_eq!(iotx_hal_default_dtls_free(session), 0);
    }
    server.finish();
}

#[test]
fn options_without_a_host_give_no_session() {
    let mut options = crate::hal::sys::coap_dtls_options_t {
        p_ca_cert_pem: ptr::null_mut(),
        p_host: ptr::null_mut(),
        port: 5684,
    };
    // SAFETY: `options` is valid, its texts NULL.
    assert!(unsafe { iotx_hal_default_dtls_create(&raw const options) }.is_null());
    let mut host = *b"\xff\xfe\0";
    options.p_host = host.as_mut_ptr().cast();
    // SAFETY: `options` is valid, its host NUL-terminated.
    assert!(unsafe { iotx_hal_default_dtls_create(&raw const options) }.is_null());
}
