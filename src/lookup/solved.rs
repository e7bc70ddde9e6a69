//! Look-ups that came to nothing, and that another one makes good.

use super::dns::{Lookup, PATIENCE};
use crate::base::{Map, Set, Stamp};
use std::net::IpAddr;

/// Names that their clients did get an answer for in the end.
pub(super) struct Solved<'a> {
    /// By client and first label, in order of the first question: its time, and the latest time at which it, or one before
    /// it, was answered.
    by_label: Map<(IpAddr, &'a str), Vec<(Stamp, Stamp)>>,
    exact: Set<(IpAddr, &'a str)>,
}

impl<'a> Solved<'a> {
    pub fn new(all: &'a [Lookup]) -> Self {
        let mut solved = Self {
            by_label: Map::default(),
            exact: Set::default(),
        };
        for lookup in all.iter().filter(|lookup| lookup.good > 0) {
            solved.exact.insert((lookup.client, &lookup.name));
            if let Some(at) = lookup.good_at {
                let key = (lookup.client, label(&lookup.name));
                solved.by_label.entry(key).or_default().push((lookup.first.1, at));
            }
        }
        for answered in solved.by_label.values_mut() {
            answered.sort_unstable();
            let mut latest = Stamp(i64::MIN);
            for (_, at) in answered {
                latest = latest.max(*at);
                *at = latest;
            }
        }
        solved
    }

    /// Nothing is wrong with this look-up: answered, or answered by another server, or one of several names that were tried
    /// in turn (a search list, RFC 1034 3.1), of which another exists.
    pub fn has(&self, lookup: &Lookup) -> bool {
        let is_good = lookup.good > 0;
        // The other type's answer came, and this one's was lost or refused.
        if is_good && lookup.slow == 0 {
            return true;
        }
        let in_trouble = lookup.unanswered > 0
            || lookup.errors > 0
            || lookup.no_such_name > 0
            || lookup.slow > 0
            || lookup.truncated > 0;
        if !in_trouble || lookup.by_tcp > 0 && lookup.slow == 0 {
            return true;
        }
        if is_good {
            return false;
        }
        if self.exact.contains(&(lookup.client, &*lookup.name)) && lookup.slow == 0 {
            return true;
        }
        lookup.no_such_name > 0 && self.has_sibling(lookup)
    }

    /// Soon after it was last asked for, or before, another name with the same first label was asked for that was answered
    /// since.
    fn has_sibling(&self, lookup: &Lookup) -> bool {
        let Some(answered) = self.by_label.get(&(lookup.client, label(&lookup.name))) else {
            return false;
        };
        let soon = answered.partition_point(|(first, _)| *first - lookup.last.1 < PATIENCE);
        let latest = soon.checked_sub(1).and_then(|place| answered.get(place));
        latest.is_some_and(|(_, at)| *at >= lookup.first.1)
    }
}

fn label(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}
