//! Which flows a report is about: by port, by host, by status.

use super::FlowRow;
use crate::base::Endpoint;
use crate::verdict::words::Status;
use std::net::IpAddr;

/// `--port` and `--host`: a flow is kept when any given port and any given host match. Empty keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Ports, of either end.
    pub ports: Vec<u16>,
    /// Addresses or blocks, of either end.
    pub hosts: Vec<Block>,
}

impl Selection {
    /// A flow between `a` and `b` is wanted.
    #[must_use]
    pub fn matches(&self, a: Endpoint, b: Endpoint) -> bool {
        let port = self.ports.is_empty() || self.ports.iter().any(|port| *port == a.port || *port == b.port);
        let host = self.hosts.is_empty() || self.hosts.iter().any(|host| host.contains(a.ip) || host.contains(b.ip));
        port && host
    }

    /// Everything is wanted.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.ports.is_empty() && self.hosts.is_empty()
    }
}

/// A block of addresses: one address, or all that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    ip: IpAddr,
    prefix: u8,
}

impl Block {
    /// Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.
    ///
    /// # Errors
    /// One sentence saying what is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix)),
            None => (text, None),
        };
        let ip: IpAddr = ip
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .map_err(|_| "not an IP address or CIDR block (names are not looked up)".to_owned())?;
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(text) => match text.parse::<u8>() {
                Ok(prefix) if prefix <= longest => prefix,
                _ => return Err(format!("the prefix length must be between 0 and {longest}")),
            },
        };
        Ok(Self { ip, prefix })
    }

    /// Its address, and how many bits of it count.
    #[must_use]
    pub fn parts(&self) -> (IpAddr, u8) {
        (self.ip, self.prefix)
    }

    /// `ip` lies in the block.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let differing = u32::from(mine) ^ u32::from(other);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let differing = u128::from(mine) ^ u128::from(other);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Block {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.ip, self.prefix) {
            (IpAddr::V4(ip), 32) => write!(out, "{ip}"),
            (IpAddr::V6(ip), 128) => write!(out, "{ip}"),
            (ip, prefix) => write!(out, "{ip}/{prefix}"),
        }
    }
}

/// `--only`: which flows are written to files and listed on the terminal. Totals always count all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Only {
    /// Those that failed.
    Failed,
    /// Those that failed and those that are degraded.
    Troubled,
    /// All of them.
    #[default]
    All,
}

impl Only {
    /// A flow with this row is wanted.
    #[must_use]
    pub fn wants(self, row: &FlowRow) -> bool {
        self.wants_status(row.status)
    }

    /// A flow of this status is wanted.
    #[must_use]
    pub fn wants_status(self, status: Status) -> bool {
        match self {
            Self::Failed => status == Status::Failed,
            Self::Troubled => matches!(status, Status::Failed | Status::Degraded),
            Self::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str, port: u16) -> Endpoint {
        Endpoint {
            ip: text.parse().unwrap(),
            port,
        }
    }

    #[test]
    fn any_port_and_any_host_must_match() {
        let selection = Selection {
            ports: vec![80, 443],
            hosts: vec![Block::read("10.0.0.0/8").unwrap(), Block::read("2001:db8::1").unwrap()],
        };
        assert!(selection.matches(end("192.0.2.1", 40_000), end("10.1.2.3", 443)));
        assert!(selection.matches(end("2001:db8::1", 80), end("2001:db8::2", 50_000)));
        assert!(!selection.matches(end("192.0.2.1", 40_000), end("10.1.2.3", 22)));
        assert!(!selection.matches(end("192.0.2.1", 40_000), end("11.1.2.3", 443)));
        assert!(!selection.matches(end("2001:db8::3", 80), end("2001:db8::2", 50_000)));
        assert!(Selection::default().matches(end("192.0.2.1", 1), end("11.1.2.3", 2)));
    }

    #[test]
    fn prefixes_of_nothing_and_of_everything_work() {
        let any = Block::read("0.0.0.0/0").unwrap();
        assert!(any.contains("255.255.255.255".parse().unwrap()));
        assert!(!any.contains("::1".parse().unwrap()));
        assert!(Block::read("[::1]").unwrap().contains("::1".parse().unwrap()));
    }

    #[test]
    fn bad_blocks_say_why() {
        assert!(
            Block::read("example.com")
                .unwrap_err()
                .contains("names are not looked up")
        );
        assert!(Block::read("10.0.0.0/33").unwrap_err().contains("between 0 and 32"));
        assert!(Block::read("10.0.0.0/").is_err());
    }
}
