//! A NAT device between the devices and the cloud, which can forget its mappings.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// More mappings than this and all are forgotten, as by a NAT device that is out of memory.
const MAX_MAPPINGS: usize = 100_000;

/// Maps the devices' real addresses to those that the cloud sees. Until the first rebinding these are
/// the same; after it they are addresses of 198.18.0.0/15 (RFC 2544) or 2001:db8::/32 (RFC 3849),
/// which exist nowhere else.
#[derive(Debug, Default)]
pub(super) struct Nat {
    rebound: bool,
    outside: HashMap<SocketAddr, SocketAddr>,
    inside: HashMap<SocketAddr, SocketAddr>,
    /// Outside addresses given so far.
    given: u32,
}

impl Nat {
    /// Forgets all mappings: every device gets a new address with its next datagram.
    pub(super) fn rebind(&mut self) {
        self.rebound = true;
        self.outside.clear();
        self.inside.clear();
    }

    /// The address that the cloud sees for this device.
    pub(super) fn outside(&mut self, device: SocketAddr) -> SocketAddr {
        if !self.rebound {
            return device;
        }
        if let Some(known) = self.outside.get(&device) {
            return *known;
        }
        if self.outside.len() == MAX_MAPPINGS {
            self.rebind();
        }
        let fresh = address(self.given, device.is_ipv4());
        self.given = self.given.wrapping_add(1);
        self.outside.insert(device, fresh);
        self.inside.insert(fresh, device);
        fresh
    }

    /// The device behind an address that the cloud has seen; `None` once that has been forgotten.
    pub(super) fn inside(&self, seen: SocketAddr) -> Option<SocketAddr> {
        if self.rebound {
            self.inside.get(&seen).copied()
        } else {
            Some(seen)
        }
    }
}

/// The n-th outside address; they repeat after two thousand millions.
fn address(n: u32, v4: bool) -> SocketAddr {
    const FIRST_PORT: u16 = 32_768;
    let (host, port) = ((n >> 14) & 0x1_FFFF, FIRST_PORT + (n & 0x3FFF) as u16);
    let ip: IpAddr = if v4 {
        Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + host).into()
    } else {
        Ipv6Addr::from_bits((0x2001_0DB8_u128 << 96) + u128::from(host)).into()
    };
    SocketAddr::new(ip, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_as_they_are_until_the_first_rebinding() {
        let mut nat = Nat::default();
        assert_eq!(nat.outside(at("127.0.0.1:9")), at("127.0.0.1:9"));
        assert_eq!(nat.inside(at("127.0.0.1:8")), Some(at("127.0.0.1:8")));
    }

    #[test]
    fn a_rebinding_gives_new_addresses_and_the_old_lead_nowhere() {
        let mut nat = Nat::default();
        let devices = [at("127.0.0.1:1"), at("127.0.0.1:2"), at("[::1]:1")];
        let mut seen = devices.to_vec();
        for _ in 0..2 {
            nat.rebind();
            for device in devices {
                let outside = nat.outside(device);
                assert_eq!(nat.outside(device), outside);
                assert_eq!(outside.is_ipv4(), device.is_ipv4());
                assert_eq!(nat.inside(outside), Some(device));
                assert!(!seen.contains(&outside), "{outside} again");
                seen.push(outside);
            }
        }
        for old in &seen[..6] {
            assert_eq!(nat.inside(*old), None, "{old}");
        }
    }

    #[test]
    fn outside_addresses_stay_in_their_networks() {
        assert_eq!(address(0, true), at("198.18.0.0:32768"));
        assert_eq!(address(16_384, true), at("198.18.0.1:32768"));
        assert_eq!(address(u32::MAX, true).ip(), at("198.19.255.255:1").ip());
        assert_eq!(address(16_385, false), at("[2001:db8::1]:32769"));
    }
}
