//! Connections that broke at about the same time, one such stretch after the other.

use super::Failure;
use super::instant::End;
use crate::base::{Endpoint, Map, Span};
use std::collections::VecDeque;

/// They broke within this time.
const TOGETHER: Span = Span::from_secs(2);
/// At least so many.
const LEAST: usize = 3;

/// Connections that broke within [`TOGETHER`], and what is to know of them. It moves over all of them, and none is looked at
/// again in each of its places: thousands may break in two seconds.
pub(super) struct Window<'a> {
    all: &'a [End],
    pub from: usize,
    pub to: usize,
    /// Places of the first and the last beginnings: of each, none behind it in the window began before, or after.
    earliest: VecDeque<usize>,
    latest: VecDeque<usize>,
    /// How often each service and way is in it, and how many failures these have in all.
    what: Map<(Endpoint, Failure), usize>,
    failed: u64,
}

impl<'a> Window<'a> {
    pub fn new(all: &'a [End], from: usize) -> Self {
        Self {
            all,
            from,
            to: from,
            earliest: VecDeque::new(),
            latest: VecDeque::new(),
            what: Map::default(),
            failed: 0,
        }
    }

    pub fn ends(&self) -> &'a [End] {
        &self.all[self.from..self.to]
    }

    /// Takes in all that are near its first. `failed`: how often the service of one failed in its way.
    pub fn widen(&mut self, failed: impl Fn(&End) -> u64) {
        let all = self.all;
        while let Some(end) = all.get(self.to).filter(|end| end.at - all[self.from].at <= TOGETHER) {
            while self.earliest.back().is_some_and(|place| all[*place].start >= end.start) {
                self.earliest.pop_back();
            }
            while self.latest.back().is_some_and(|place| all[*place].start <= end.start) {
                self.latest.pop_back();
            }
            self.earliest.push_back(self.to);
            self.latest.push_back(self.to);
            let count = self.what.entry((end.service, end.way)).or_default();
            *count += 1;
            if *count == 1 {
                self.failed += failed(end);
            }
            self.to += 1;
        }
    }

    /// Lets go of its first.
    pub fn leave_first(&mut self, failed: impl Fn(&End) -> u64) {
        let end = &self.all[self.from];
        if let Some(count) = self.what.get_mut(&(end.service, end.way)) {
            *count -= 1;
            if *count == 0 {
                self.what.remove(&(end.service, end.way));
                self.failed -= failed(end);
            }
        }
        for list in [&mut self.earliest, &mut self.latest] {
            if list.front() == Some(&self.from) {
                list.pop_front();
            }
        }
        self.from += 1;
    }

    /// They began at different times, and such moments are rare.
    pub fn is_telling(&self) -> bool {
        let cluster = self.ends();
        let (Some(first), Some(last)) = (cluster.first(), cluster.last()) else {
            return false;
        };
        // By chance, so many would fall into one stretch of this length.
        let ends = self.all.first().zip(self.all.last());
        let whole = ends.map_or(Span::ZERO, |(first, last)| last.at - first.at);
        let share = TOGETHER.as_secs() / whole.as_secs().max(TOGETHER.as_secs());
        let expected = self.all.len() as f64 * share;
        let is_rare = cluster.len() == self.all.len() || cluster.len() as f64 > expected * 4.0 + 2.0;
        if cluster.len() < LEAST || !is_rare {
            return false;
        }
        let lasted = last.at - first.at;
        // What breaks soon after it began breaks one after the other, at its own time.
        self.spread() >= Span(lasted.0.saturating_mul(5)).max(Span::from_secs(2))
    }

    /// From the first beginning to the last.
    fn spread(&self) -> Span {
        let starts = self.earliest.front().zip(self.latest.front());
        starts.map_or(Span::ZERO, |(first, last)| {
            self.all[*last].start - self.all[*first].start
        })
    }

    /// Most failures of these services in these ways are in it.
    pub fn explains(&self) -> bool {
        (self.to - self.from) as u64 * 2 >= self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::super::group::Mark;
    use super::*;
    use crate::base::Stamp;
    use crate::verdict::words::Culprit;

    /// Connections that broke in the order of time, of a few services.
    fn ends(seed: u64) -> Vec<End> {
        let mut state = seed;
        let mut chance = |most: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % most
        };
        let mut at = 1_000_000_000_000;
        let mut all = Vec::new();
        for _ in 0..60 {
            at += [0, 20, 900, 2_000, 40_000][chance(5) as usize] * 1_000_000;
            let service = Endpoint {
                ip: [10, 0, 0, chance(3) as u8].into(),
                port: 80,
            };
            all.push(End {
                at: Stamp(at),
                start: Stamp(at - chance(8) * 1_000_000_000),
                client: [10, 1, 0, 1].into(),
                service,
                way: if chance(2) == 0 {
                    Failure::Reset
                } else {
                    Failure::Stalled
                },
                mark: Mark::default(),
                culprit: Culprit::Unknown,
                cause: None,
            });
        }
        all
    }

    #[test]
    fn moving_on_says_what_looking_at_each_stretch_anew_would() {
        for all in (0..200).map(ends) {
            // So often each has failed, here and elsewhere.
            let failed = |end: &End| u64::from(end.service.port) / 8 + u64::from(end.way == Failure::Reset) * 3;
            let mut moving = Window::new(&all, 0);
            while moving.from < all.len() {
                moving.widen(failed);
                let mut anew = Window::new(&all, moving.from);
                anew.widen(failed);
                let to = moving.from
                    + all[moving.from..]
                        .iter()
                        .take_while(|end| end.at - all[moving.from].at <= TOGETHER)
                        .count();
                assert_eq!((moving.to, anew.to), (to, to));
                let begun = moving.ends().iter().map(|end| end.start);
                let spread = begun.clone().max().zip(begun.min()).map(|(last, first)| last - first);
                assert_eq!(Some(moving.spread()), spread);
                let mut what: Vec<_> = moving.ends().iter().map(|end| (end.service, end.way)).collect();
                what.sort_unstable();
                what.dedup();
                let number: u64 = what
                    .iter()
                    .map(|(_, way)| 10 + u64::from(*way == Failure::Reset) * 3)
                    .sum();
                assert_eq!((moving.failed, anew.failed), (number, number));
                moving.leave_first(failed);
            }
        }
    }
}
