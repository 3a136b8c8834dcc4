//! Against a TLS server of our own, with certificates of our own.

use std::ffi::CString;
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use openssl::ssl::{SslAcceptor, SslMethod};

use super::*;

#[path = "../../dtls/tests/pki.rs"]
#[allow(
    dead_code,
    clippy::duplicate_mod,
    reason = "shared with the tests of DTLS, which are private to their module"
)]
mod pki;

use pki::{Identity, Leaf, authority, issue};

/// Reached only when a test fails.
const PATIENCE_MS: c_int = 20_000;

/// Accepts one connection with this identity and lets `serve` have it; gives its port.
fn server(
    identity: &Identity,
    serve: impl FnOnce(SslStream<TcpStream>) + Send + 'static,
) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let mut acceptor =
        SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("acceptor");
    acceptor
        .set_certificate(&identity.certificate)
        .expect("certificate");
    acceptor.set_private_key(&identity.key).expect("key");
    let acceptor = acceptor.build();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("accept");
        // A client that does not trust us goes away: nothing to serve then.
        if let Ok(stream) = acceptor.accept(stream) {
            serve(stream);
        }
    });
    (port, thread)
}

fn connect_to(host: &str, port: u16, roots: Option<&[u8]>) -> usize {
    let host = CString::new(host).expect("host");
    let (pointer, len) = roots.map_or((std::ptr::null(), 0), |pem| (pem.as_ptr(), pem.len()));
    // SAFETY: terminated text, and pointer and length describe `roots`.
    unsafe { iotx_hal_default_tls_establish(host.as_ptr(), port, pointer.cast(), len) }
}

fn read(handle: usize, len: usize, timeout_ms: c_int) -> (i32, Vec<u8>) {
    let mut buffer = vec![0u8; len];
    // SAFETY: a live handle; pointer and length describe `buffer`.
    let got = unsafe {
        let len = c_int::try_from(len).expect("length");
        iotx_hal_default_tls_read(handle, buffer.as_mut_ptr().cast(), len, timeout_ms)
    };
    buffer.truncate(usize::try_from(got).unwrap_or(0));
    (got, buffer)
}

fn write(handle: usize, data: &[u8], timeout_ms: c_int) -> i32 {
    // SAFETY: a live handle; pointer and length describe `data`.
    unsafe {
        let len = c_int::try_from(data.len()).expect("length");
        iotx_hal_default_tls_write(handle, data.as_ptr().cast(), len, timeout_ms)
    }
}

fn destroy(handle: usize) {
    // SAFETY: a live handle, not used after this.
    assert_eq!(unsafe { iotx_hal_default_tls_destroy(handle) }, 0);
}

/// A root, and a server certificate from it.
fn chain(leaf: &Leaf) -> (Vec<u8>, Identity) {
    let root = authority("Test root");
    let identity = issue(&root, leaf);
    (root.pem(), identity)
}

#[test]
fn bytes_come_and_go_and_waits_end_in_time() {
    let (root, identity) = chain(&Leaf::local());
    let (port, server) = server(&identity, |mut stream| {
        let mut request = [0u8; 5];
        std::io::Read::read_exact(&mut stream, &mut request).expect("request");
        assert_eq!(&request, b"hello");
        stream.ssl_write(b"worldwide").expect("answer");
        // Until the client has seen that nothing more comes.
        std::io::Read::read_exact(&mut stream, &mut request).expect("second request");
        stream.shutdown().expect("close_notify");
    });
    let mut root_and_nul = root.clone();
    root_and_nul.push(0);
    let handle = connect_to("localhost", port, Some(&root_and_nul));
    assert_ne!(handle, NO_HANDLE);
    assert_eq!(write(handle, b"hello", PATIENCE_MS), 5);
    assert_eq!(read(handle, 5, PATIENCE_MS), (5, b"world".to_vec()));
    assert_eq!(read(handle, 10, 100), (4, b"wide".to_vec()));
    assert_eq!(read(handle, 10, 20), (0, vec![]));
    assert_eq!(read(handle, 10, 0), (0, vec![]));
    assert_eq!(write(handle, b"again", PATIENCE_MS), 5);
    assert_eq!(read(handle, 10, PATIENCE_MS), (CLOSED, vec![]));
    assert_eq!(read(handle, 10, -1), (CLOSED, vec![]));
    destroy(handle);
    server.join().expect("server");
}

#[test]
fn a_server_must_be_vouched_for_by_name() {
    let (root, identity) = chain(&Leaf {
        dns: vec!["other.example"],
        addresses: vec![],
        ..Leaf::local()
    });
    for host in ["localhost", "127.0.0.1"] {
        let (port, server) = server(&identity, |_| panic!("accepted"));
        assert_eq!(connect_to(host, port, Some(&root)), NO_HANDLE);
        server.join().expect("server");
    }
}

#[test]
fn an_address_is_a_name_too() {
    let (root, identity) = chain(&Leaf::local());
    let (port, server) = server(&identity, |_| ());
    let handle = connect_to("127.0.0.1", port, Some(&root));
    assert_ne!(handle, NO_HANDLE);
    server.join().expect("server");
    destroy(handle);
}

#[test]
fn strange_roots_and_the_bundled_ones_do_not_vouch_for_it() {
    let (_, identity) = chain(&Leaf::local());
    let stranger = authority("Another root").pem();
    for roots in [Some(stranger.as_slice()), None] {
        let (port, server) = server(&identity, |_| panic!("accepted"));
        assert_eq!(connect_to("localhost", port, roots), NO_HANDLE);
        server.join().expect("server");
    }
}

/// OpenSSL checks no name when there is none to check, and any subdomain for one that begins with a dot.
#[test]
fn a_host_that_is_no_name_is_not_asked() {
    let root = authority("Test root").pem();
    for host in ["", ".", ".localhost", "[localhost]"] {
        let result = establish(host, 1, &root, Duration::from_millis(50));
        assert!(matches!(result, Err(Failure::Setup(_))), "{host:?}");
    }
}

/// The firmware may use OpenSSL itself, and leave its errors lying about.
#[test]
fn errors_of_others_do_not_end_the_connection() {
    let (root, identity) = chain(&Leaf::local());
    let (port, server) = server(&identity, |mut stream| {
        let mut request = [0u8; 5];
        std::io::Read::read_exact(&mut stream, &mut request).expect("request");
        stream.ssl_write(b"world").expect("answer");
    });
    let leave_error = || X509::from_pem(b"no PEM").expect_err("no certificate").put();
    leave_error();
    let handle = connect_to("localhost", port, Some(&root));
    assert_ne!(handle, NO_HANDLE);
    leave_error();
    assert_eq!(read(handle, 5, 20), (0, vec![]));
    leave_error();
    assert_eq!(write(handle, b"hello", PATIENCE_MS), 5);
    leave_error();
    assert_eq!(read(handle, 5, PATIENCE_MS), (5, b"world".to_vec()));
    destroy(handle);
    server.join().expect("server");
}

#[test]
fn an_expired_certificate_is_refused() {
    let (root, identity) = chain(&Leaf {
        days: (-30, -1),
        ..Leaf::local()
    });
    let (port, server) = server(&identity, |_| panic!("accepted"));
    assert_eq!(connect_to("localhost", port, Some(&root)), NO_HANDLE);
    server.join().expect("server");
}

#[test]
fn a_silent_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let root = authority("Test root").pem();
    let result = establish("localhost", port, &root, Duration::from_millis(50));
    assert!(matches!(result, Err(Failure::TimedOut)));
}

#[test]
fn text_without_a_certificate_is_no_roots() {
    for pem in [
        &b""[..],
        b"\0",
        b"no PEM",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n",
    ] {
        assert!(
            matches!(parse_roots(pem), Err(Failure::Roots(_))),
            "{pem:?}"
        );
    }
    let mut bundled = ROOTS_PEM.to_bytes_with_nul().to_vec();
    bundled.extend_from_slice(b"what follows the terminator");
    assert_eq!(parse_roots(&bundled).expect("roots").len(), 3);
}
