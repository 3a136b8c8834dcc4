//! A web server that does what a test tells it to, right or wrong.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What to do with a request, in this order; the connection is closed after it.
pub enum Act {
    /// Send this.
    Send(Vec<u8>),
    /// Go on when [`Site::release`] is called.
    Hold,
}

/// A response with these headers and this body, whatever they say about each other.
pub fn response(status: u16, headers: &[&str], body: &[u8]) -> Vec<Act> {
    let mut text = format!("HTTP/1.1 {status} Status\r\n").into_bytes();
    for header in headers {
        text.extend_from_slice(header.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(body);
    vec![Act::Send(text)]
}

/// A server for one connection after another, until it is dropped.
pub struct Site {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    release: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Gives the n-th request the n-th of these treatments, and later ones the last.
    pub fn start(treatments: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (release, released) = channel();
        let seen = Arc::clone(&requests);
        let thread = std::thread::spawn(move || serve(&listener, &treatments, &seen, &released));
        Site {
            address,
            requests,
            release: Some(release),
            thread: Some(thread),
        }
    }

    /// URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }

    /// Lets one [`Act::Hold`] end.
    pub fn release(&self) {
        let release = self.release.as_ref().expect("not dropped");
        release.send(()).expect("the server runs");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.release = None;
        // A connection without a request ends the server.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic in the server");
        }
    }
}

fn serve(
    listener: &TcpListener,
    treatments: &[Vec<Act>],
    seen: &Mutex<Vec<String>>,
    released: &Receiver<()>,
) {
    for number in 0.. {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream
            .set_read_timeout(Some(super::PATIENCE))
            .expect("a timeout");
        let Some(head) = read_head(&mut stream) else {
            return;
        };
        seen.lock().expect("no panic").push(head);
        let last = treatments.len() - 1;
        for act in &treatments[usize::min(number, last)] {
            match act {
                // The client may be gone, as it should be in some tests.
                Act::Send(bytes) => drop(stream.write_all(bytes)),
                // Dropping the site releases everything.
                Act::Hold => drop(released.recv()),
            }
        }
    }
}

/// Reads up to the empty line; `None` if there is no request.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(0) => return None,
            Ok(_) => text.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("reading a request: {error}"),
        }
    }
    Some(String::from_utf8(text).expect("a request is text"))
}
