//! IPv4 addresses as the seam's `NetworkAddr` and as the kernel's.

use std::ffi::{c_int, c_ushort};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, ToSocketAddrs};
use std::os::fd::RawFd;

/// `NetworkAddr`: dotted-quad text and a port.
#[repr(C)]
pub(super) struct NetworkAddr {
    pub(super) addr: [u8; 16],
    pub(super) port: c_ushort,
}

const _: () = assert!(size_of::<NetworkAddr>() == 18);

impl NetworkAddr {
    pub(super) fn to_socket_addr(&self) -> Option<SocketAddrV4> {
        let end = self
            .addr
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(self.addr.len());
        let address: Ipv4Addr = std::str::from_utf8(&self.addr[..end]).ok()?.parse().ok()?;
        Some(SocketAddrV4::new(address, self.port))
    }
}

impl From<SocketAddrV4> for NetworkAddr {
    fn from(from: SocketAddrV4) -> Self {
        let text = from.ip().to_string();
        let mut addr = [0u8; 16];
        // The longest dotted quad has 15 characters.
        addr[..text.len()].copy_from_slice(text.as_bytes());
        Self {
            addr,
            port: from.port(),
        }
    }
}

fn raw_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*address.ip()).to_be(),
        },
        sin_zero: [0; 8],
    }
}

pub(super) fn bind(fd: RawFd, address: SocketAddrV4) -> io::Result<()> {
    let raw = raw_address(address);
    // SAFETY: pointer and length describe `raw`.
    let result = unsafe {
        libc::bind(
            fd,
            (&raw const raw).cast(),
            size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Takes one datagram that is already there, and its sender; `WouldBlock` when none is.
pub(super) fn receive_from_now(fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddrV4)> {
    let mut from = raw_address(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let mut from_len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the pointers and lengths describe `buffer` and `from`; the kernel writes at most so
    // much.
    let got = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
            (&raw mut from).cast(),
            &raw mut from_len,
        )
    };
    let length = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    if c_int::from(from.sin_family) != libc::AF_INET {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the sender is not on IPv4",
        ));
    }
    let address = Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr));
    Ok((
        length,
        SocketAddrV4::new(address, u16::from_be(from.sin_port)),
    ))
}

pub(super) fn resolve_v4(host: &str, port: u16) -> io::Result<SocketAddrV4> {
    (host, port)
        .to_socket_addrs()?
        .find_map(|address| match address {
            SocketAddr::V4(address) => Some(address),
            SocketAddr::V6(_) => None,
        })
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no IPv4 address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_travel_as_dotted_quads() {
        let longest = SocketAddrV4::new(Ipv4Addr::new(255, 255, 255, 255), 9);
        assert_eq!(NetworkAddr::from(longest).to_socket_addr(), Some(longest));
        assert_eq!(&NetworkAddr::from(longest).addr, b"255.255.255.255\0");
        let unterminated = NetworkAddr {
            addr: *b"1234567890123456",
            port: 1,
        };
        assert_eq!(unterminated.to_socket_addr(), None);
    }
}
