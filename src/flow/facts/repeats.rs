//! A packet that came again and again, as retransmissions do.

use super::Sighting;
use crate::base::Span;
use crate::flow::pack::pack_fields;

/// A packet that was sent again and again: how often, when first and last, and the longest interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// How often it was seen, copies not counted.
    pub count: u32,
    /// The first time.
    pub first: Option<Sighting>,
    /// What there is only from the second time on.
    again: Option<Box<Again>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Again {
    second: Sighting,
    last: Sighting,
    widest_gap: Span,
}

impl Repeats {
    pub(super) const NONE: Self = Self {
        count: 0,
        first: None,
        again: None,
    };

    /// The first time.
    #[inline]
    pub(in crate::flow) fn on_first(&mut self, at: Sighting) {
        (self.count, self.first) = (1, Some(at));
    }

    pub(in crate::flow) fn on(&mut self, at: Sighting) {
        self.count = self.count.saturating_add(1);
        let Some(last) = self.last() else {
            self.first = Some(at);
            return;
        };
        let again = self.again.get_or_insert_with(|| {
            Box::new(Again {
                second: at,
                last: at,
                widest_gap: Span::ZERO,
            })
        });
        again.widest_gap = again.widest_gap.max(at.stamp - last.stamp);
        again.last = at;
    }

    /// The last time.
    #[must_use]
    pub fn last(&self) -> Option<Sighting> {
        self.again.as_ref().map(|again| again.last).or(self.first)
    }

    /// The longest time between two in a row (with doubling timers, the last one); zero for a single one.
    #[must_use]
    pub fn widest_gap(&self) -> Span {
        self.again.as_ref().map_or(Span::ZERO, |again| again.widest_gap)
    }

    /// Numbers of the first, second and last packet, without repetition.
    #[must_use]
    pub fn packets(&self) -> Vec<u64> {
        let again = self.again.iter().flat_map(|again| [again.second, again.last]);
        let mut packets: Vec<u64> = self.first.into_iter().chain(again).map(|seen| seen.number()).collect();
        packets.dedup();
        packets
    }
}

pack_fields!(Repeats { count first again });
pack_fields!(Again { second last widest_gap });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stamp;

    #[test]
    fn the_first_the_second_and_the_last_are_known_and_the_widest_gap_wherever_it_was() {
        let mut repeats = Repeats::default();
        assert_eq!((repeats.last(), repeats.packets()), (None, vec![]));
        for (number, at, widest) in [(3, 0, 0), (4, 5, 5), (9, 7, 5), (11, 8, 5)] {
            let seen = Sighting::new(number, Stamp(at));
            repeats.on(seen);
            assert_eq!((repeats.last(), repeats.widest_gap()), (Some(seen), Span(widest)));
        }
        assert_eq!((repeats.count, repeats.packets()), (4, vec![3, 4, 11]));
    }
}
