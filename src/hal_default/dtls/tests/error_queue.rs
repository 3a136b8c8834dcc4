//! Sessions in threads whose OpenSSL error queue the program has left entries in.

use std::io::{self, Write};

use openssl::error::ErrorStack;
use openssl::ssl::{HandshakeError, Ssl, SslContext, SslMethod};
use openssl::x509::X509;

use super::pki::{Leaf, authority, issue};
use super::sealing::sealed;
use super::server::{Connection, Server, with_identity};
use super::{PATIENCE_MS, connect};
use crate::hal_default::dtls::channel::Ended;
use crate::hal_default::dtls::session::{Read, Session, WriteError};

/// A TLS server that answers everything with a fatal alert: handshake_failure.
#[derive(Debug)]
struct Unfriendly(&'static [u8]);

impl io::Read for Unfriendly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Unfriendly {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of a TLS session of the program's own, which is of the same library as those of ours.
fn alert_elsewhere() -> ErrorStack {
    let context = SslContext::builder(SslMethod::tls_client()).expect("context");
    let ssl = Ssl::new(&context.build()).expect("ssl");
    match ssl.connect(Unfriendly(b"\x15\x03\x03\x00\x02\x02\x28")) {
        Err(HandshakeError::Failure(stream)) => {
            stream.error().ssl_error().expect("an alert").clone()
        }
        other => panic!("{other:?}"),
    }
}

/// Leaves entries of both kinds of a program's failures.
fn leave_entries() {
    X509::from_pem(b"junk").expect_err("no PEM").put();
    alert_elsewhere().put();
}

/// A session with a server that does `script` with its end, which then stays until the session is dropped.
fn with_server(
    script: impl FnOnce(&mut Connection) + Send + 'static,
    check: impl FnOnce(&Session),
) {
    let root = authority("root");
    let identity = issue(&root, &Leaf::local());
    let server = Server::start("127.0.0.1", with_identity(&identity), |listener| {
        let mut connection = listener.accept().expect("handshake");
        script(&mut connection);
        connection
    });
    let session = connect("127.0.0.1", server.address, &root.pem()).expect("handshake");
    check(&session);
    drop(session);
    server.finish();
}

fn seal(connection: &Connection, content_type: u8, plain: &[u8]) -> Vec<u8> {
    sealed(connection.stream.ssl(), content_type, plain)
}

#[test]
fn entries_of_others_do_no_harm_where_nothing_fails() {
    with_server(Connection::echo_one, |session| {
        leave_entries();
        assert_eq!(session.read(&mut [0; 8], 1), Read::Timeout);
        assert_eq!(session.write(b"fine"), Ok(()));
        assert_eq!(session.read(&mut [0; 8], PATIENCE_MS), Read::Datagram(4));
        assert!(!ErrorStack::get().errors().is_empty(), "they are not ours");
    });
}

#[test]
fn a_record_that_openssl_drops_is_not_taken_for_a_failure() {
    let script = |connection: &mut Connection| {
        let mut forged = seal(connection, 23, b"forged");
        *forged.last_mut().expect("a tag") ^= 1;
        connection.stream.get_ref().send_raw(&forged);
        connection.send(b"fine");
    };
    with_server(script, |session| {
        leave_entries();
        assert_eq!(session.read(&mut [0; 8], PATIENCE_MS), Read::Datagram(4));
    });
}

#[test]
fn a_goodbye_is_not_taken_for_the_alert_of_another_session() {
    with_server(Connection::close, |session| {
        leave_entries();
        let ended = session.read(&mut [0; 8], PATIENCE_MS);
        assert_eq!(ended, Read::Ended(Ended::CloseNotify));
    });
}

#[test]
fn a_fatal_alert_is_found_behind_entries_of_others() {
    let script = |connection: &mut Connection| {
        let alert = seal(connection, 21, &[2, 80]);
        connection.stream.get_ref().send_raw(&alert);
    };
    with_server(script, |session| {
        leave_entries();
        let ended = session.read(&mut [0; 8], PATIENCE_MS);
        assert_eq!(ended, Read::Ended(Ended::FatalAlert));
        let refused = session.write(b"anyone?");
        assert_eq!(refused, Err(WriteError::Ended(Ended::FatalAlert)));
    });
}
