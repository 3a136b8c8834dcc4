//! A stream that TLS may not read from for ever.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

/// Two of the longest TLS records, and some: enough for any step, since half-read records count as well.
const RATION: usize = 64 * 1024;

/// A connection of which TLS may read so many bytes at a time. OpenSSL reads on, within one call, as long as what
/// comes is not the program's, such as session tickets; a server that sends nothing else could keep the caller
/// beyond every timeout.
pub(crate) struct Rationed {
    stream: TcpStream,
    left: usize,
}

impl Rationed {
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            left: RATION,
        }
    }

    /// To be called before each further step of TLS.
    pub(super) const fn refill(&mut self) {
        self.left = RATION;
    }
}

impl Read for Rationed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let room = buffer.len().min(self.left);
        let len = self.stream.read(&mut buffer[..room])?;
        self.left -= len;
        Ok(len)
    }
}

impl Write for Rationed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl AsRawFd for Rationed {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

#[cfg(test)]
#[cfg(not(miri))] // sockets
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_flood_is_read_in_rations() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let (mut peer, _) = listener.accept().expect("accept");
        let flood = std::thread::spawn(move || {
            // Ends when the reader is gone.
            while peer.write_all(&[0; 4096]).is_ok() {}
        });
        let mut rationed = Rationed::new(stream);
        let mut buffer = [0; 1000];
        for _ in 0..3 {
            let mut got = 0;
            let error = loop {
                match rationed.read(&mut buffer) {
                    Ok(len) => got += len,
                    Err(error) => break error,
                }
            };
            assert_eq!((got, error.kind()), (RATION, ErrorKind::WouldBlock));
            rationed.refill();
        }
        drop(rationed);
        flood.join().expect("no panic");
    }
}
