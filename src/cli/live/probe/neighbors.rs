//! What the wire shows of the link: neighbours that this machine asked for, and that did not answer.

use crate::base::{Stamp, digits::count};
use crate::wire::Neighbor;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Packets kept.
const MOST: usize = 50_000;

/// Questions and answers of ARP and neighbour discovery.
#[derive(Debug, Default)]
pub(super) struct Neighbors(Vec<Neighbor>);

impl Neighbors {
    /// Takes one in.
    pub(super) fn on(&mut self, neighbor: &Neighbor) {
        if self.0.len() < MOST {
            self.0.push(*neighbor);
        }
    }

    /// In one sentence, who of those that `matters` did not answer between `from` and `until` when this machine, which
    /// `is_own` knows, asked.
    pub(super) fn said(
        &self,
        (from, until): (Stamp, Stamp),
        is_own: &dyn Fn(IpAddr) -> bool,
        matters: &dyn Fn(IpAddr) -> bool,
    ) -> Option<String> {
        let then = || self.0.iter().filter(|each| (from..=until).contains(&each.stamp));
        let mut asked: BTreeMap<IpAddr, u64> = BTreeMap::new();
        for wanted in then().filter(|each| is_own(each.sender)).filter_map(|each| each.wanted) {
            *asked.entry(wanted).or_default() += 1;
        }
        asked.retain(|wanted, _| matters(*wanted) && !is_own(*wanted) && then().all(|each| each.sender != *wanted));
        let silent: Vec<_> = asked
            .iter()
            .map(|(ip, times)| format!("{ip} did not answer {}", questions(*ip, *times)))
            .collect();
        (!silent.is_empty()).then(|| format!("{}: down, or not on this link", silent.join(", ")))
    }
}

fn questions(ip: IpAddr, times: u64) -> String {
    count(
        times,
        if ip.is_ipv4() {
            "ARP request"
        } else {
            "neighbour solicitation"
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    #[test]
    fn who_does_not_answer_is_named() {
        let at = |seconds| Stamp(1_700_000_000_000_000_000) + Span::from_secs(seconds);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let packet = |seconds, sender: &str, wanted: Option<&str>| Neighbor {
            packet: 1,
            stamp: at(seconds),
            interface: 0,
            sender: ip(sender),
            wanted: wanted.map(ip),
        };
        let mut neighbors = Neighbors::default();
        for seconds in 1..4 {
            neighbors.on(&packet(seconds, "10.0.0.2", Some("10.0.0.77")));
            neighbors.on(&packet(seconds, "10.0.0.9", Some("10.0.0.88")));
        }
        neighbors.on(&packet(1, "10.0.0.2", Some("10.0.0.1")));
        neighbors.on(&packet(1, "10.0.0.1", None));
        let is_own = |sender| sender == ip("10.0.0.2");
        let said = |from, until| neighbors.said((at(from), at(until)), &is_own, &|_| true);
        assert_eq!(
            said(0, 5).unwrap(),
            "10.0.0.77 did not answer 3 ARP requests: down, or not on this link"
        );
        assert_eq!(said(5, 9), None);
        assert_eq!(
            neighbors.said((at(0), at(5)), &is_own, &|wanted| wanted == ip("10.0.0.1")),
            None
        );
    }
}
