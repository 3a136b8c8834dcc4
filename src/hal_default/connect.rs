//! From a host name to a connected socket.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};

use super::socket::{off_standard_streams, socket_towards};

/// Why there is no socket.
#[derive(Debug)]
pub(super) enum ConnectFailure {
    /// The name has no address.
    Resolve(io::Error),
    /// None of the addresses could be connected to; the last error.
    Connect(SocketAddr, io::Error),
    /// A test redirection is set and cannot be understood.
    #[cfg(feature = "redirect")]
    Redirect(super::redirect::Malformed),
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "the host name cannot be resolved: {error}"),
            Self::Connect(address, error) => write!(f, "no route to {address}: {error}"),
            #[cfg(feature = "redirect")]
            Self::Redirect(error) => write!(f, "{error}"),
        }
    }
}

/// Makes a UDP socket connected to `host`:`port`, so that the kernel filters out what other hosts
/// send.
///
/// IPv4 and IPv6, names and addresses (IPv6 with or without brackets); each address of a name is
/// tried in the order the resolver prefers.
pub(super) fn connect(host: &str, port: u16) -> Result<UdpSocket, ConnectFailure> {
    #[cfg(feature = "redirect")]
    if let Some(address) =
        super::redirect::from_environment(host, port).map_err(ConnectFailure::Redirect)?
    {
        return connect_to(address).map_err(|error| ConnectFailure::Connect(address, error));
    }
    #[cfg(not(feature = "redirect"))]
    super::no_redirect::warn();
    connect_any(resolve(host, port)?)
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectFailure> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let addresses: Vec<_> = (host, port)
        .to_socket_addrs()
        .map_err(ConnectFailure::Resolve)?
        .collect();
    if addresses.is_empty() {
        return Err(ConnectFailure::Resolve(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

fn connect_any(addresses: Vec<SocketAddr>) -> Result<UdpSocket, ConnectFailure> {
    let mut failure = ConnectFailure::Resolve(io::ErrorKind::NotFound.into());
    for address in addresses {
        match connect_to(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = ConnectFailure::Connect(address, error),
        }
    }
    Err(failure)
}

fn connect_to(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = off_standard_streams(socket_towards(address)?)?;
    socket.connect(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a process of its own, because the environment and the logger belong to the whole process.
    #[test]
    #[ignore = "a part of the next test"]
    fn child() {
        struct Printer;
        impl log::Log for Printer {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                true
            }
            fn log(&self, record: &log::Record<'_>) {
                println!("{}: {}", record.level(), record.args());
            }
            fn flush(&self) {}
        }
        log::set_logger(&Printer).expect("the only one");
        log::set_max_level(log::LevelFilter::Warn);
        for _ in 0..2 {
            connect("127.0.0.1", 5683).expect("connect");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "runs a process")]
    fn a_redirection_that_does_nothing_is_explained() {
        let name = "hal_default::connect::tests::child";
        let output = std::process::Command::new(std::env::current_exe().expect("path"))
            .args(["--exact", name, "--ignored", "--nocapture"])
            .env_remove("IOTX_EXTRA_CA")
            .env("IOTX_CONNECT_TO", "5684=127.0.0.1:15684")
            .output()
            .expect("run");
        let text = String::from_utf8_lossy(&output.stdout);
        let expected = if cfg!(feature = "redirect") {
            let line = "IOTX_CONNECT_TO is set, but has no entry for port 5683";
            (line, 2)
        } else {
            ("IOTX_CONNECT_TO is set and ignored", 1)
        };
        assert!(output.status.success(), "{text}");
        assert_eq!(text.matches(expected.0).count(), expected.1, "{text}");
    }

    fn first_address(host: &str) -> SocketAddr {
        resolve(host, 5684).expect("resolves")[0]
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls getaddrinfo")]
    fn address_literals_of_both_families_resolve_to_themselves() {
        assert_eq!(
            first_address("192.0.2.7"),
            "192.0.2.7:5684".parse().expect("address")
        );
        assert_eq!(first_address("::1"), "[::1]:5684".parse().expect("address"));
        assert_eq!(
            first_address("[2001:db8::5]"),
            "[2001:db8::5]:5684".parse().expect("address")
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls getaddrinfo")]
    fn names_without_an_address_are_an_error() {
        assert!(matches!(resolve("", 1), Err(ConnectFailure::Resolve(_))));
        assert!(matches!(
            resolve("two words", 1),
            Err(ConnectFailure::Resolve(_))
        ));
        assert!(matches!(
            resolve("a\0b", 1),
            Err(ConnectFailure::Resolve(_))
        ));
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn the_next_address_is_tried_when_one_cannot_be_connected_to() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let good = server.local_addr().expect("address");
        // The broadcast address is refused to sockets without SO_BROADCAST.
        let bad: SocketAddr = "255.255.255.255:9".parse().expect("address");
        let socket = connect_any(vec![bad, good]).expect("the second works");
        assert_eq!(socket.peer_addr().expect("peer"), good);
        let failure = connect_any(vec![bad, bad])
            .expect_err("none works")
            .to_string();
        assert!(failure.contains("255.255.255.255:9"), "{failure}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn strangers_are_not_heard() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let socket = connect_to(server.local_addr().expect("address")).expect("connect");
        let own = socket.local_addr().expect("address");
        stranger.send_to(b"boo", own).expect("send");
        server.send_to(b"hello", own).expect("send");
        let mut buffer = [0u8; 16];
        socket
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .expect("timeout");
        assert_eq!(socket.recv(&mut buffer).expect("receive"), 5);
        assert_eq!(&buffer[..5], b"hello");
    }
}
