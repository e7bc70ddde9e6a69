//! Which names addresses had for whom, and when.

use crate::base::{Map, Stamp, limits};
use std::net::IpAddr;

/// A name that an answer gave, and when.
#[derive(Clone, Debug)]
struct Given {
    from: Stamp,
    name: Box<str>,
}

/// The names that hosts were given for addresses.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By client and address, in order of time.
    given: Map<(IpAddr, IpAddr), Vec<Given>>,
    /// By address, to anybody.
    by_address: Map<IpAddr, Vec<Given>>,
    /// Clients that have asked at all.
    askers: crate::base::Set<IpAddr>,
    count: usize,
}

impl Names {
    /// At `stamp`, `client` was told that `name` has this address.
    pub fn on_answer(&mut self, client: IpAddr, address: IpAddr, name: &str, stamp: Stamp) {
        if self.count >= limits::MAX_NAMES {
            return;
        }
        // A multicast answer is everybody's.
        if !client.is_multicast() {
            self.askers.insert(client);
            self.count += add(self.given.entry((client, address)).or_default(), name, stamp);
        }
        self.count += add(self.by_address.entry(address).or_default(), name, stamp);
    }

    /// Takes in what was heard later.
    pub fn take_in(&mut self, later: Self) {
        self.askers.extend(later.askers);
        for (key, given) in later.given {
            let known = self.given.entry(key).or_default();
            self.count += given
                .into_iter()
                .map(|each| add(known, &each.name, each.from))
                .sum::<usize>();
        }
        for (address, given) in later.by_address {
            let known = self.by_address.entry(address).or_default();
            self.count += given
                .into_iter()
                .map(|each| add(known, &each.name, each.from))
                .sum::<usize>();
        }
    }

    /// There was no room for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count >= limits::MAX_NAMES
    }

    /// The name that `client` had for this address at `stamp`. If it never asked where the capture could see it (another
    /// address of its own, a resolver on the host itself), what anybody was told counts.
    #[must_use]
    pub fn name_of(&self, client: IpAddr, address: IpAddr, stamp: Stamp) -> Option<&str> {
        let given = if self.askers.contains(&client) {
            self.given.get(&(client, address))
        } else {
            self.by_address.get(&address)
        };
        let given = given?;
        let before = given.partition_point(|given| given.from <= stamp).checked_sub(1)?;
        given.get(before).map(|given| &*given.name)
    }
}

/// The same name again changes nothing. What was given before, but is stamped later (a clock that was set back), holds at no
/// time any more: so they stay in order of time.
fn add(given: &mut Vec<Given>, name: &str, from: Stamp) -> usize {
    if given.last().is_some_and(|last| &*last.name == name) {
        return 0;
    }
    while given.last().is_some_and(|last| last.from >= from) {
        given.pop();
    }
    given.push(Given {
        from,
        name: name.into(),
    });
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_for_its_client_and_from_its_time_on() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (one, two, server) = (ip("10.0.0.1"), ip("10.0.0.2"), ip("10.9.9.9"));
        let mut names = Names::default();
        names.on_answer(one, server, "a.example", Stamp(10));
        names.on_answer(two, server, "c.example", Stamp(15));
        names.on_answer(one, server, "b.example", Stamp(20));
        let name = |client, at| names.name_of(client, server, Stamp(at));
        assert_eq!(name(one, 5), None);
        assert_eq!((name(one, 12), name(one, 20)), (Some("a.example"), Some("b.example")));
        assert_eq!(name(two, 30), Some("c.example"));
        assert_eq!(name(ip("10.0.0.3"), 30), Some("b.example"));
        assert_eq!(names.name_of(two, ip("10.9.9.8"), Stamp(30)), None);
    }

    #[test]
    fn what_was_said_last_holds_whatever_the_clock_says() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (client, server) = (ip("10.0.0.1"), ip("10.9.9.9"));
        let said = [("a", 10), ("b", 30), ("c", 40), ("d", 20), ("e", 20), ("f", 25)];
        let mut names = Names::default();
        for (name, at) in said {
            names.on_answer(client, server, name, Stamp(at));
        }
        for at in 0..50 {
            let last = said.iter().rev().find(|(_, from)| *from <= at);
            assert_eq!(
                names.name_of(client, server, Stamp(at)),
                last.map(|(name, _)| *name),
                "at {at}"
            );
        }
    }
}
