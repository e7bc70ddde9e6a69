//! DNS questions and what became of them, per client, server and name.

use super::solved::Solved;
use crate::base::{Map, Span, Stamp, limits};
use crate::wire::DnsMessage;
use std::net::IpAddr;

/// Resolvers wait 1 to 5 s before they ask again.
pub(super) const PATIENCE: Span = Span::from_secs(5);
/// An answer that takes longer than this is slow.
pub const SLOW: Span = Span::from_secs(1);

/// One client's questions to one server for one name; A, AAAA and all other types together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Who asks.
    pub client: IpAddr,
    /// Who is asked.
    pub server: IpAddr,
    /// What for.
    pub name: Box<str>,
    /// Questions, repeated ones too.
    pub asked: u32,
    /// Of them, those that never got an answer.
    pub unanswered: u32,
    /// Answers without error.
    pub good: u32,
    /// Answers that there is no such name.
    pub no_such_name: u32,
    /// Answers with another error: failure, refused.
    pub errors: u32,
    /// The last such error's number.
    pub code: u8,
    /// Answers that did not fit.
    pub truncated: u32,
    /// Answers by TCP.
    pub by_tcp: u32,
    /// Questions whose answer took longer than [`SLOW`].
    pub slow: u32,
    /// The longest time from a question to its answer.
    pub longest: Span,
    /// First question: packet and time.
    pub first: (u64, Stamp),
    /// Last question.
    pub last: (u64, Stamp),
    /// When the last good answer came.
    pub good_at: Option<Stamp>,
    interface: u16,
}

/// A question that waits for its answer.
#[derive(Clone, Debug)]
struct Waiting {
    lookup: u32,
    /// When it was first asked with this number.
    since: Stamp,
    times: u32,
}

/// Client, its port, server, number.
type Key = (IpAddr, u16, IpAddr, u16);

/// All look-ups of a recording.
#[derive(Debug, Default)]
pub struct Lookups {
    all: Vec<Lookup>,
    places: Map<(IpAddr, IpAddr, Box<str>), u32>,
    waiting: Map<Key, Waiting>,
    is_full: bool,
}

impl Lookups {
    /// Takes in a question or answer; `by_tcp`: found in a TCP stream.
    pub fn on(&mut self, message: &DnsMessage, by_tcp: bool) {
        let Some((name, kind)) = &message.question else { return };
        if message.server.port != 53 || !is_of_interest(name, *kind) {
            return;
        }
        let key = (message.client.ip, message.client.port, message.server.ip, message.id);
        if message.is_answer {
            self.on_answer(key, message, by_tcp);
        } else {
            self.on_question(key, message, name);
        }
    }

    fn on_question(&mut self, key: Key, message: &DnsMessage, name: &str) {
        let Some(place) = self.place(message, name) else {
            self.is_full = true;
            return;
        };
        let at = (message.packet, message.stamp);
        if let Some(lookup) = self.all.get_mut(place as usize) {
            lookup.asked = lookup.asked.saturating_add(1);
            lookup.last = at;
        }
        let waiting = self.waiting.entry(key).or_insert(Waiting {
            lookup: place,
            since: message.stamp,
            times: 0,
        });
        // Another question with the same number: the old one got no answer.
        if waiting.lookup != place {
            let (old, times) = (waiting.lookup, waiting.times);
            (waiting.lookup, waiting.since, waiting.times) = (place, message.stamp, 0);
            if let Some(lookup) = self.all.get_mut(old as usize) {
                lookup.unanswered = lookup.unanswered.saturating_add(times);
            }
        }
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.times = waiting.times.saturating_add(1);
        }
    }

    fn on_answer(&mut self, key: Key, message: &DnsMessage, by_tcp: bool) {
        let waiting = self.waiting.remove(&key);
        let Some(waiting) = waiting else { return };
        let Some(lookup) = self.all.get_mut(waiting.lookup as usize) else {
            return;
        };
        let took = message.stamp - waiting.since;
        lookup.longest = lookup.longest.max(took);
        lookup.slow = lookup.slow.saturating_add(u32::from(took > SLOW));
        lookup.by_tcp = lookup.by_tcp.saturating_add(by_tcp.into());
        match message.code {
            0 if message.is_truncated => lookup.truncated = lookup.truncated.saturating_add(1),
            // No address of this type is an answer too: the name exists.
            0 => {
                lookup.good = lookup.good.saturating_add(1);
                lookup.good_at = Some(message.stamp);
            }
            3 => lookup.no_such_name = lookup.no_such_name.saturating_add(1),
            code => {
                lookup.errors = lookup.errors.saturating_add(1);
                lookup.code = code;
            }
        }
    }

    fn place(&mut self, message: &DnsMessage, name: &str) -> Option<u32> {
        let key = (message.client.ip, message.server.ip, Box::from(name));
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        if self.all.len() >= limits::MAX_LOOKUPS || self.waiting.len() >= 2 * limits::MAX_LOOKUPS {
            return None;
        }
        let at = (message.packet, message.stamp);
        self.all.push(Lookup {
            client: message.client.ip,
            server: message.server.ip,
            name: name.into(),
            asked: 0,
            unanswered: 0,
            good: 0,
            no_such_name: 0,
            errors: 0,
            code: 0,
            truncated: 0,
            by_tcp: 0,
            slow: 0,
            longest: Span::ZERO,
            first: at,
            last: at,
            good_at: None,
            interface: message.interface,
        });
        let place = self.all.len() as u32 - 1;
        self.places.insert(key, place);
        Some(place)
    }

    /// There was no room for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The look-ups in trouble, in order of their first question, and how many questions each server did answer. `end_of`:
    /// when the capture of an interface ended.
    #[must_use]
    pub fn finish(mut self, end_of: impl Fn(u16) -> Stamp) -> (Vec<Lookup>, Map<IpAddr, u64>) {
        for waiting in self.waiting.values() {
            let Some(lookup) = self.all.get_mut(waiting.lookup as usize) else {
                continue;
            };
            // Later than this an answer could still have come.
            if end_of(lookup.interface) - lookup.last.1 >= PATIENCE {
                lookup.unanswered = lookup.unanswered.saturating_add(waiting.times);
            }
        }
        let solved = Solved::new(&self.all);
        let mut found: Vec<Lookup> = self.all.iter().filter(|lookup| !solved.has(lookup)).cloned().collect();
        found.sort_by_key(|lookup| lookup.first);
        let mut answered: Map<IpAddr, u64> = Map::default();
        for lookup in self.all.iter().filter(|lookup| lookup.good > 0) {
            *answered.entry(lookup.server).or_default() += u64::from(lookup.good);
        }
        (found, answered)
    }
}

/// A name that a connection would be made to: not the name of an address, of a service record, or what networks are probed
/// with.
fn is_of_interest(name: &str, kind: u16) -> bool {
    const PROBES: [&str; 3] = ["wpad", "isatap", "_"];
    matches!(kind, 1 | 28)
        && name.contains('.')
        && name != "."
        && !PROBES.iter().any(|probe| name.starts_with(probe))
        && ![".arpa", ".local"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Endpoint;

    struct Talk(Lookups, u64);

    impl Talk {
        fn new() -> Self {
            Self(Lookups::default(), 0)
        }

        /// At `ms`: a question (no code), or the answer with this code.
        fn say(&mut self, ms: i64, name: &str, kind: u16, id: u16, code: Option<u8>) -> &mut Self {
            self.1 += 1;
            let end = |ip: &str, port| Endpoint {
                ip: ip.parse().unwrap(),
                port,
            };
            let message = DnsMessage {
                packet: self.1,
                stamp: Stamp(ms * 1_000_000),
                interface: 0,
                client: end("10.0.0.1", 40_000 + id),
                server: end("10.0.0.53", 53),
                id,
                is_answer: code.is_some(),
                is_truncated: false,
                code: code.unwrap_or(0),
                question: Some((name.into(), kind)),
                answers: 1,
                names: Vec::new(),
            };
            self.0.on(&message, false);
            self
        }

        fn found(&mut self) -> Vec<Lookup> {
            std::mem::take(&mut self.0).finish(|_| Stamp(60_000_000_000)).0
        }
    }

    #[test]
    fn questions_without_an_answer_are_counted() {
        let mut talk = Talk::new();
        talk.say(0, "db.internal", 1, 1, None)
            .say(5000, "db.internal", 1, 1, None);
        let found = talk.found();
        assert_eq!((found.len(), found[0].asked, found[0].unanswered), (1, 2, 2));
    }

    #[test]
    fn an_answer_of_any_kind_is_an_answer() {
        let mut talk = Talk::new();
        talk.say(0, "a.example", 1, 1, None).say(20, "a.example", 1, 1, Some(0));
        talk.say(30, "b.example", 1, 2, None)
            .say(40, "b.example", 1, 2, Some(3));
        talk.say(50, "c.example", 1, 3, None)
            .say(60, "c.example", 1, 3, Some(2));
        let found = talk.found();
        let kinds: Vec<_> = found
            .iter()
            .map(|one| (&*one.name, one.no_such_name, one.errors))
            .collect();
        assert_eq!(kinds, [("b.example", 1, 0), ("c.example", 0, 1)]);
    }

    #[test]
    fn no_address_of_the_other_family_is_no_trouble() {
        let mut talk = Talk::new();
        talk.say(0, "a.example", 1, 1, None).say(0, "a.example", 28, 2, None);
        talk.say(20, "a.example", 28, 2, Some(3))
            .say(21, "a.example", 1, 1, Some(0));
        assert_eq!(talk.found(), []);
    }

    #[test]
    fn a_search_list_is_no_trouble_when_one_of_its_names_exists() {
        let mut talk = Talk::new();
        talk.say(0, "db.a.example", 1, 1, None)
            .say(20, "db.a.example", 1, 1, Some(3));
        talk.say(30, "db.b.example", 1, 2, None)
            .say(50, "db.b.example", 1, 2, Some(0));
        assert_eq!(talk.found(), []);
    }

    #[test]
    fn a_retry_that_is_answered_late_is_slow() {
        let mut talk = Talk::new();
        talk.say(0, "a.example", 1, 1, None).say(1000, "a.example", 1, 1, None);
        talk.say(3000, "a.example", 1, 1, Some(0));
        let found = talk.found();
        assert_eq!((found.len(), found[0].slow, found[0].unanswered), (1, 1, 0));
        assert_eq!(found[0].longest, Span::from_secs(3));
    }

    #[test]
    fn names_of_addresses_and_probes_are_nobodys_trouble() {
        let mut talk = Talk::new();
        for (id, name) in ["1.0.0.10.in-addr.arpa", "wpad.example", "printer.local", "qzxwvkj"]
            .iter()
            .enumerate()
        {
            talk.say(0, name, 1, id as u16, None);
        }
        assert_eq!(talk.found(), []);
    }

    #[test]
    fn a_name_of_the_search_list_is_one_that_was_answered_about_then() {
        // Asked and answered at these seconds; the one that does not exist is asked for from `first` to `last`.
        let answered = [(0, 1), (10, 40), (12, 13), (30, 31), (60, 61)];
        for (first, last) in (0..70).flat_map(|first| (first..70).map(move |last| (first, last))) {
            let mut talk = Talk::new();
            for (number, (asked, at)) in (0..).zip(answered) {
                let name = format!("db.x{number}.example");
                talk.say(asked * 1000, &name, 1, number, None);
                talk.say(at * 1000, &name, 1, number, Some(0));
            }
            for (id, at) in [(100, first), (101, last)] {
                talk.say(at * 1000, "db.none.example", 1, id, None);
                talk.say(at * 1000 + 1, "db.none.example", 1, id, Some(3));
            }
            let is_one = answered.iter().any(|(asked, at)| *at >= first && asked - last < 5);
            let found = talk.found();
            assert_eq!(
                found.iter().any(|one| &*one.name == "db.none.example"),
                !is_one,
                "{first} {last}"
            );
        }
    }
}
