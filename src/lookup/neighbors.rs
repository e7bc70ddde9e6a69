//! Hosts that ask the link for another one's address (ARP, IPv6 neighbour discovery) and hear nothing.

use crate::base::{Map, Span, Stamp, limits};
use crate::wire::Neighbor;
use std::net::IpAddr;

/// Fewer questions, or in less time, are an ordinary retry: Linux asks three times, a second apart.
const LEAST_TIMES: u32 = 3;
const LEAST_TIME: Span = Span::from_millis(1_900);
/// After the last question the capture must have gone on for so long: two retries.
const WAIT: Span = Span::from_secs(2);

/// Questions of one host for another since that was last heard of.
#[derive(Clone, Debug)]
struct Asked {
    times: u32,
    first: (u64, Stamp),
    last: (u64, Stamp),
    interface: u16,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Neighbors {
    asked: Map<(IpAddr, IpAddr), Asked>,
    /// When hosts last said on the link that they are there.
    answered: Map<IpAddr, Stamp>,
    is_full: bool,
}

/// A host that did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Who asked.
    pub asker: IpAddr,
    /// For whom.
    pub wanted: IpAddr,
    /// How often.
    pub times: u32,
    /// First question: packet and time.
    pub first: (u64, Stamp),
    /// Last question.
    pub last: (u64, Stamp),
}

impl Neighbors {
    /// Takes in a question or answer.
    pub fn on(&mut self, neighbor: &Neighbor) {
        let room = self.asked.len().max(self.answered.len()) < limits::MAX_LOOKUPS;
        let at = (neighbor.packet, neighbor.stamp);
        if room || self.answered.contains_key(&neighbor.sender) {
            self.answered.insert(neighbor.sender, neighbor.stamp);
        }
        let Some(wanted) = neighbor.wanted else { return };
        let key = (neighbor.sender, wanted);
        if !room && !self.asked.contains_key(&key) {
            self.is_full = true;
            return;
        }
        let heard = self.answered.get(&wanted).copied();
        let asked = self.asked.entry(key).or_insert(Asked {
            times: 0,
            first: at,
            last: at,
            interface: neighbor.interface,
        });
        // Heard of since the last question: what was before has been answered.
        if heard.is_some_and(|heard| heard >= asked.last.1) {
            (asked.times, asked.first) = (0, at);
        }
        asked.times += 1;
        asked.last = at;
    }

    /// There was no room for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Those who asked in vain, in order of time. `end_of`: when the capture of an interface ended.
    #[must_use]
    pub fn unanswered(&self, end_of: impl Fn(u16) -> Stamp) -> Vec<Unanswered> {
        let mut found: Vec<Unanswered> = self
            .asked
            .iter()
            .filter(|((_, wanted), asked)| {
                let is_heard = self.answered.get(wanted).is_some_and(|heard| *heard >= asked.first.1);
                let long = asked.last.1 - asked.first.1 >= LEAST_TIME;
                let waited = end_of(asked.interface) - asked.last.1 >= WAIT;
                !is_heard && asked.times >= LEAST_TIMES && long && waited
            })
            .map(|((asker, wanted), asked)| Unanswered {
                asker: *asker,
                wanted: *wanted,
                times: asked.times,
                first: asked.first,
                last: asked.last,
            })
            .collect();
        found.sort_by_key(|one| (one.first, one.asker, one.wanted));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(neighbors: &mut Neighbors, second: i64, sender: &str, wanted: Option<&str>) {
        neighbors.on(&Neighbor {
            packet: second as u64 + 1,
            stamp: Stamp(second * 1_000_000_000),
            interface: 0,
            sender: sender.parse().unwrap(),
            wanted: wanted.map(|ip| ip.parse().unwrap()),
        });
    }

    fn found(neighbors: &Neighbors, end: i64) -> Vec<(String, u32)> {
        let all = neighbors.unanswered(|_| Stamp(end * 1_000_000_000));
        all.iter().map(|one| (one.wanted.to_string(), one.times)).collect()
    }

    #[test]
    fn three_questions_without_an_answer_are_one_trouble() {
        let mut neighbors = Neighbors::default();
        for second in 0..3 {
            ask(&mut neighbors, second, "10.0.0.1", Some("10.0.0.9"));
        }
        assert_eq!(found(&neighbors, 10), [("10.0.0.9".to_string(), 3)]);
        assert_eq!(found(&neighbors, 3), [], "an answer could still come");
        ask(&mut neighbors, 20, "10.0.0.9", None);
        assert_eq!(found(&neighbors, 30), [], "it was slow, but it is there");
    }

    #[test]
    fn an_answer_begins_the_count_anew() {
        let mut neighbors = Neighbors::default();
        for second in 0..20 {
            ask(&mut neighbors, second, "10.0.0.1", Some("10.0.0.9"));
            ask(&mut neighbors, second, "10.0.0.9", None);
        }
        assert_eq!(found(&neighbors, 60), []);
        for second in 20..26 {
            ask(&mut neighbors, second, "10.0.0.1", Some("10.0.0.9"));
        }
        assert_eq!(found(&neighbors, 60), [("10.0.0.9".to_string(), 6)]);
    }

    #[test]
    fn a_question_or_two_are_nothing() {
        let mut neighbors = Neighbors::default();
        ask(&mut neighbors, 0, "10.0.0.1", Some("10.0.0.9"));
        ask(&mut neighbors, 5, "10.0.0.1", Some("10.0.0.9"));
        assert_eq!(found(&neighbors, 60), []);
    }
}
