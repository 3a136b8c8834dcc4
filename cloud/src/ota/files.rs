//! The server that images are fetched from: HTTP/1.1, one request per connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{SslAcceptor, SslMethod};

use super::head::{BadRequest, RequestHead, answer, head};
use crate::endpoint::{Endpoint, Transport};
use crate::event::EventKind;
use crate::pki::Identity;
use crate::port::reachable;
use crate::service::Shared;

const MAX_HEAD: usize = 16 * 1024;
/// A client that is silent for so long is left.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it closes its connections and waits for its threads.
pub(crate) struct FileServer {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

/// What every connection needs.
struct Site {
    shared: Arc<Shared>,
    acceptor: Option<SslAcceptor>,
}

pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot bind TCP {address}: {error}"))
    })
}

/// TLS with the cloud's certificate.
pub(crate) fn tls_acceptor(server: &Identity) -> Result<SslAcceptor, ErrorStack> {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor.set_certificate(&server.certificate)?;
    acceptor.set_private_key(&server.key)?;
    Ok(acceptor.build())
}

impl FileServer {
    /// Serves the offers of `shared`, over TLS if there is an acceptor for it.
    pub(crate) fn run(
        listener: TcpListener,
        acceptor: Option<SslAcceptor>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let site = Arc::new(Site { shared, acceptor });
        let (stopped, connections) = (Arc::clone(&stop), Arc::clone(&open));
        let thread = std::thread::Builder::new()
            .name("iotx-files".into())
            .spawn(move || accept(&listener, &site, &stopped, &connections))?;
        Ok(FileServer {
            address,
            stop,
            open,
            thread: Some(thread),
        })
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for stream in lock(&self.open).iter() {
            // Closed by its peer already, perhaps.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Should this fail, the listener's queue is full and its thread awake anyhow.
        let woken = TcpStream::connect_timeout(&reachable(self.address), PATIENCE);
        if let Err(error) = woken {
            log::debug!("waking up the file server: {error}");
        }
        let ended = self.thread.take().map(JoinHandle::join);
        if matches!(ended, Some(Err(_))) {
            log::error!("the file server at {} panicked", self.address);
        }
    }
}

fn accept(
    listener: &TcpListener,
    site: &Arc<Site>,
    stop: &AtomicBool,
    open: &Arc<Mutex<Vec<TcpStream>>>,
) {
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            if stop.load(Ordering::Acquire) {
                break;
            }
            let stream = match stream {
                Ok(stream) => stream,
                Err(error) => {
                    log::warn!("accepting a connection: {error}");
                    continue;
                }
            };
            let (Ok(peer), Ok(twin)) = (stream.peer_addr(), stream.try_clone()) else {
                continue;
            };
            lock(open).push(twin);
            scope.spawn(move || {
                if let Err(error) = serve(site, &stream, peer) {
                    log::debug!("connection of {peer}: {error}");
                }
                lock(open).retain(|twin| twin.peer_addr().is_ok_and(|other| other != peer));
            });
        }
        // Those accepted meanwhile.
        for stream in lock(open).iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
}

fn serve(site: &Site, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match &site.acceptor {
        None => exchange(site, Transport::Http, peer, &mut { stream }),
        Some(acceptor) => {
            let mut stream = acceptor
                .accept(stream)
                .map_err(|error| io::Error::other(error.to_string()))?;
            exchange(site, Transport::Https, peer, &mut stream)?;
            // The client need not wait for the good-bye.
            let _ = stream.shutdown();
            Ok(())
        }
    }
}

fn exchange(
    site: &Site,
    transport: Transport,
    peer: SocketAddr,
    stream: &mut (impl Read + Write),
) -> io::Result<()> {
    let Some(text) = read_head(stream)? else {
        return Ok(());
    };
    let refuse = |status| (status, head(status, 0, ""), None, 0..0, String::new());
    let (status, head, image, range, path) = match RequestHead::parse(&text) {
        Err(BadRequest::Malformed) => refuse(400),
        Err(BadRequest::Method) => refuse(405),
        Ok(request) => match site.shared.offers.image(&request.path) {
            None => (404, head(404, 0, ""), None, 0..0, request.path),
            Some(image) => {
                let (status, head, range) = answer(&request, image.len());
                (
                    status,
                    head,
                    request.body.then_some(image),
                    range,
                    request.path,
                )
            }
        },
    };
    let sent = stream.write_all(head.as_bytes()).and_then(|()| {
        let body = image
            .as_ref()
            .map_or(&[][..], |image| &image[range.clone()]);
        stream.write_all(body)?;
        stream.flush()
    });
    let endpoint = Endpoint {
        transport,
        peer,
        session: 0,
    };
    let kind = EventKind::Fetched {
        path,
        status,
        offset: range.start,
        whole: sent.is_ok(),
    };
    site.shared.publish(&endpoint, kind);
    sent
}

/// Reads up to the empty line; `None` if the client leaves without a word.
fn read_head(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut text = Vec::new();
    let mut buffer = [0; 1024];
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        let len = stream.read(&mut buffer)?;
        if len == 0 && text.is_empty() {
            return Ok(None);
        }
        if len == 0 || text.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        text.extend_from_slice(&buffer[..len]);
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

fn lock(open: &Mutex<Vec<TcpStream>>) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
