//! Who talks to whom: endpoints, the order-free 4-tuple of a flow, and the direction of one segment in it.

use super::digits::push_endpoint;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// IP address as it stands in the (innermost) IP header.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
}

/// In one word, or two.
impl Hash for Endpoint {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.ip {
            IpAddr::V4(ip) => state.write_u64(u64::from(ip.to_bits()) << 16 | u64::from(self.port)),
            IpAddr::V6(ip) => {
                state.write_u128(ip.to_bits());
                state.write_u64(self.port.into());
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nearly every sentence names one: by hand, it takes a fifth of what `write!` takes.
        let mut text = Vec::with_capacity(48);
        push_endpoint(*self, &mut text);
        out.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Direction of a segment in its flow: from the lower endpoint to the higher one, or back.
/// It says nothing about client and server; roles are judged by the flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dir {
    /// From the lower endpoint of the key to the higher.
    #[default]
    Up,
    /// From the higher endpoint of the key to the lower.
    Down,
}

impl Dir {
    /// The other direction.
    #[must_use]
    pub fn flip(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// 0 for `Up`, 1 for `Down`: the place of this direction's sender in a pair.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The order-free 4-tuple: both directions of a connection have the same key. IPv4 keys stay small on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKey {
    /// Addresses and ports, lower endpoint first.
    V4([u8; 4], [u8; 4], u16, u16),
    /// Addresses and ports, lower endpoint first.
    V6([u8; 16], [u8; 16], u16, u16),
}

/// In whole words: what is derived would hash the bytes of an address as a slice.
impl Hash for FlowKey {
    // Where a key was just made, its words are at hand, and so is its kind.
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match *self {
            Self::V4(low, high, low_port, high_port) => {
                let ips = u64::from(u32::from_be_bytes(low)) << 32 | u64::from(u32::from_be_bytes(high));
                let ports = u32::from(low_port) << 16 | u32::from(high_port);
                state.write_u128(u128::from(ips) << 64 | u128::from(ports));
            }
            Self::V6(low, high, low_port, high_port) => {
                state.write_u128(u128::from_be_bytes(low));
                state.write_u128(u128::from_be_bytes(high));
                state.write_u32(u32::from(low_port) << 16 | u32::from(high_port));
            }
        }
    }
}

impl FlowKey {
    /// The key of a packet from (`source`, `source_port`) to (`target`, `target_port`), and the packet's direction in it.
    #[must_use]
    #[inline(always)]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "no jump: who speaks next is anyone's guess, and a wrong one costs more than all the rest"
    )]
    pub fn v4(source: [u8; 4], target: [u8; 4], source_port: u16, target_port: u16) -> (Self, Dir) {
        let there = u64::from(u32::from_be_bytes(source)) << 32 | u64::from(u32::from_be_bytes(target));
        let back = there.rotate_left(32);
        let ports = u32::from(source_port) << 16 | u32::from(target_port);
        let is_up = (there < back) | ((there == back) & (source_port <= target_port));
        let ips = there.min(back);
        let ports = ports.rotate_left(if is_up { 0 } else { 16 });
        let low = ((ips >> 32) as u32).to_be_bytes();
        let high = (ips as u32).to_be_bytes();
        let key = Self::V4(low, high, (ports >> 16) as u16, ports as u16);
        (key, if is_up { Dir::Up } else { Dir::Down })
    }

    /// As [`FlowKey::v4`], for IPv6.
    #[must_use]
    #[inline(always)]
    pub fn v6(source: [u8; 16], target: [u8; 16], source_port: u16, target_port: u16) -> (Self, Dir) {
        let place = |ip, port: u16| (u128::from_be_bytes(ip), port);
        if place(source, source_port) <= place(target, target_port) {
            (Self::V6(source, target, source_port, target_port), Dir::Up)
        } else {
            (Self::V6(target, source, target_port, source_port), Dir::Down)
        }
    }

    /// The key of a packet between two endpoints; `None` where one is IPv4 and the other IPv6.
    #[must_use]
    pub fn between(source: Endpoint, target: Endpoint) -> Option<(Self, Dir)> {
        match (source.ip, target.ip) {
            (IpAddr::V4(s), IpAddr::V4(t)) => Some(Self::v4(s.octets(), t.octets(), source.port, target.port)),
            (IpAddr::V6(s), IpAddr::V6(t)) => Some(Self::v6(s.octets(), t.octets(), source.port, target.port)),
            _ => None,
        }
    }

    /// The endpoint that sends in direction `dir`.
    #[must_use]
    pub fn sender(&self, dir: Dir) -> Endpoint {
        match (*self, dir) {
            (Self::V4(ip, _, port, _), Dir::Up) | (Self::V4(_, ip, _, port), Dir::Down) => Endpoint {
                ip: IpAddr::V4(Ipv4Addr::from(ip)),
                port,
            },
            (Self::V6(ip, _, port, _), Dir::Up) | (Self::V6(_, ip, _, port), Dir::Down) => Endpoint {
                ip: IpAddr::V6(Ipv6Addr::from(ip)),
                port,
            },
        }
    }

    /// The port of the endpoint that sends in direction `dir`.
    #[must_use]
    pub fn sender_port(&self, dir: Dir) -> u16 {
        match (*self, dir) {
            (Self::V4(_, _, port, _) | Self::V6(_, _, port, _), Dir::Up)
            | (Self::V4(_, _, _, port) | Self::V6(_, _, _, port), Dir::Down) => port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_key() {
        let (there, up) = FlowKey::v4([10, 0, 0, 1], [10, 0, 0, 2], 40_000, 80);
        let (back, down) = FlowKey::v4([10, 0, 0, 2], [10, 0, 0, 1], 80, 40_000);
        assert_eq!((there, up), (back, down.flip()));
        assert_eq!(there.sender(up).to_string(), "10.0.0.1:40000");
        assert_eq!(there.sender(down).to_string(), "10.0.0.2:80");
        assert_eq!(there.sender_port(down), 80);
    }

    #[test]
    fn one_host_talking_to_itself_is_told_apart_by_port() {
        let (there, up) = FlowKey::v4([127, 0, 0, 1], [127, 0, 0, 1], 40_000, 80);
        let (back, down) = FlowKey::v4([127, 0, 0, 1], [127, 0, 0, 1], 80, 40_000);
        assert_eq!(there, back);
        assert_ne!(up, down);
    }
}
