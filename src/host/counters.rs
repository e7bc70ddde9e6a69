//! Counters of the system that settle a cause: read before and after, told when they moved.

use std::collections::BTreeMap;
use std::fs;

/// Counters by name: /proc/net/netstat and /proc/net/snmp, and the connection tracker's two numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, u64>);

/// Counters that settle something, and what.
const TELLING: [(&str, &str); 14] = [
    (
        "TcpExt.ListenOverflows",
        "an accept queue was full: SYNs or last ACKs of handshakes were dropped here",
    ),
    (
        "TcpExt.ListenDrops",
        "connections were dropped by a listening socket of this machine",
    ),
    ("TcpExt.TCPReqQFullDrop", "a SYN queue was full: SYNs were dropped here"),
    (
        "TcpExt.TCPReqQFullDoCookies",
        "a SYN queue was full: SYN cookies were sent",
    ),
    (
        "TcpExt.PAWSPassive",
        "SYNs were dropped for their timestamps: several clients behind one address?",
    ),
    ("TcpExt.PAWSActive", "SYN-ACKs were dropped for their timestamps"),
    ("TcpExt.PAWSEstab", "segments were dropped for their timestamps"),
    (
        "TcpExt.IPReversePathFilter",
        "packets were dropped because the way back leads out of another interface (rp_filter)",
    ),
    (
        "TcpExt.TCPAbortOnMemory",
        "connections were ended because memory for sockets ran out",
    ),
    (
        "TcpExt.TCPBacklogDrop",
        "segments were dropped because the program did not keep up",
    ),
    ("TcpExt.TCPMD5Failure", "segments were dropped for their signatures"),
    ("Tcp.InCsumErrors", "TCP segments arrived with wrong checksums"),
    ("Ip.InDiscards", "IP packets were discarded for lack of memory"),
    ("Ip.OutNoRoutes", "IP packets had no route"),
];

impl Counters {
    /// As they stand now; empty where there are none.
    #[must_use]
    pub fn read() -> Self {
        let mut all = Self::default();
        for file in ["/proc/net/netstat", "/proc/net/snmp"] {
            all.add(&fs::read_to_string(file).unwrap_or_default());
        }
        for name in ["nf_conntrack_count", "nf_conntrack_max"] {
            let text = fs::read_to_string(format!("/proc/sys/net/netfilter/{name}")).unwrap_or_default();
            all.0
                .extend(text.trim().parse().ok().map(|number| (name.to_owned(), number)));
        }
        all
    }

    /// Pairs of lines: `TcpExt: Name Name`, `TcpExt: 1 2`.
    fn add(&mut self, text: &str) {
        let mut lines = text.lines();
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let (Some((group, names)), Some((_, values))) = (names.split_once(':'), values.split_once(':')) else {
                continue;
            };
            for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
                self.0
                    .extend(value.parse().ok().map(|value| (format!("{group}.{name}"), value)));
            }
        }
    }

    fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// What moved since `before`, one sentence each.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> Vec<String> {
        let moved = |(name, meaning): &(&str, &str)| {
            let by = self.get(name).saturating_sub(before.get(name));
            let name = name.split('.').nth(1).unwrap_or(name);
            (by > 0).then(|| format!("{name} +{by}: {meaning}"))
        };
        let mut said: Vec<_> = TELLING.iter().filter_map(moved).collect();
        let (count, most) = (self.get("nf_conntrack_count"), self.get("nf_conntrack_max"));
        if most > 0 && count.saturating_mul(10) >= most.saturating_mul(9) {
            said.push(format!(
                "nf_conntrack: {count} of {most} entries: when it is full, new connections are dropped here"
            ));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(text: &str) -> Counters {
        let mut all = Counters::default();
        all.add(text);
        all
    }

    #[test]
    fn what_moved_is_told_with_its_meaning() {
        let before =
            counters("TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 10 20\nIpExt: X\nIpExt: 1\n");
        let after =
            counters("TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 5 13 20\nIpExt: X\nIpExt: 9\n");
        assert_eq!(
            after.moved_since(&before),
            ["ListenOverflows +3: an accept queue was full: SYNs or last ACKs of handshakes were dropped here"]
        );
        assert!(after.moved_since(&after).is_empty());
    }

    #[test]
    fn a_full_connection_tracker_is_told_although_it_does_not_move() {
        let mut full = Counters::default();
        full.0.insert("nf_conntrack_count".to_owned(), 95);
        full.0.insert("nf_conntrack_max".to_owned(), 100);
        assert!(full.moved_since(&full)[0].starts_with("nf_conntrack: 95 of 100"));
    }
}
