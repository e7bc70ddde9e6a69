//! The parts of one direction's sequence space that never passed the capture point.

use super::pack::{Pack, Packer, Unpacker, pack_fields};
use crate::base::{Rare, Seq, Usual, limits};

/// What is missing. Without memory for nearly every flow.
#[derive(Clone, Debug, Default)]
pub struct Holes(Rare<Missing>);

/// Missing ranges `[start, end)`, ascending.
#[derive(Clone, Debug)]
struct Missing {
    ranges: Vec<(Seq, Seq)>,
    /// Bytes of ranges that had to be given up because there were too many.
    given_up: u64,
}

impl Usual for Missing {
    const USUAL: &'static Self = &Self {
        ranges: Vec::new(),
        given_up: 0,
    };
}

impl Holes {
    /// Nothing is missing.
    pub const NONE: Self = Self(Rare::USUAL);

    /// Nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.0.is_usual() || self.0.ranges.is_empty()
    }

    /// Is any of `[start, end)` missing?
    pub fn touch(&self, start: Seq, end: Seq) -> bool {
        self.0
            .ranges
            .iter()
            .any(|&(from, to)| start.is_before(to) && from.is_before(end))
    }

    /// `[start, end)` was jumped over; it lies beyond every range known so far.
    pub fn open(&mut self, start: Seq, end: Seq) {
        let missing = self.0.make_mut();
        if missing.ranges.len() >= limits::MAX_HOLES {
            missing.give_up_first();
        }
        missing.ranges.push((start, end));
    }

    /// `[start, end)` arrived after all; says whether any of it was missing.
    pub fn fill(&mut self, start: Seq, end: Seq) -> bool {
        let Some(missing) = self.0.get_mut() else {
            return false;
        };
        let (mut hit, mut at) = (false, 0);
        while let Some(&(from, to)) = missing.ranges.get(at) {
            if !start.is_before(to) || !from.is_before(end) {
                at += 1;
                continue;
            }
            hit = true;
            missing.ranges.remove(at);
            if end.is_before(to) {
                missing.ranges.insert(at, (end, to));
            }
            if from.is_before(start) {
                missing.ranges.insert(at, (from, start));
                at += 1;
            }
        }
        while missing.ranges.len() > limits::MAX_HOLES {
            missing.give_up_first();
        }
        hit
    }

    /// Ranges missing below `acked`.
    pub fn count_below(&self, acked: Seq) -> usize {
        self.0.ranges.iter().filter(|(from, _)| from.is_before(acked)).count()
    }

    /// Bytes missing below `acked`: the receiver has them, the capture does not.
    pub fn missing_below(&self, acked: Seq) -> u64 {
        let missing = |&(from, to): &(Seq, Seq)| u64::try_from(to.earlier(acked).since(from)).unwrap_or(0);
        self.0.given_up + self.0.ranges.iter().map(missing).sum::<u64>()
    }
}

impl Missing {
    fn give_up_first(&mut self) {
        let (from, to) = self.ranges.remove(0);
        self.given_up += u64::from(to.since(from).unsigned_abs());
    }
}

impl Pack for Holes {
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.0.pack(to);
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self(Pack::unpack(from))
    }
}

pack_fields!(Missing { ranges given_up });

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(ranges: &[(u32, u32)]) -> Holes {
        let mut holes = Holes::default();
        for &(from, to) in ranges {
            holes.open(Seq(from), Seq(to));
        }
        holes
    }

    #[test]
    fn a_fill_splits_shrinks_and_removes() {
        let mut some = holes(&[(10, 20), (30, 40)]);
        assert!(some.fill(Seq(13), Seq(15)));
        assert_eq!(
            some.0.ranges,
            [(Seq(10), Seq(13)), (Seq(15), Seq(20)), (Seq(30), Seq(40))]
        );
        assert!(some.fill(Seq(18), Seq(35)));
        assert_eq!(
            some.0.ranges,
            [(Seq(10), Seq(13)), (Seq(15), Seq(18)), (Seq(35), Seq(40))]
        );
        assert!(some.fill(Seq(0), Seq(50)));
        assert!(some.is_empty());
    }

    #[test]
    fn bytes_that_had_passed_fill_nothing() {
        assert!(!holes(&[(10, 20)]).fill(Seq(20), Seq(30)));
        assert!(!holes(&[(10, 20)]).fill(Seq(0), Seq(10)));
    }

    #[test]
    fn what_the_peer_acknowledged_was_missed_by_the_capture_only() {
        let some = holes(&[(10, 20), (30, 40)]);
        assert_eq!(some.missing_below(Seq(35)), 15);
        assert_eq!(some.missing_below(Seq(5)), 0);
    }

    #[test]
    fn the_number_of_ranges_is_bounded_and_nothing_is_lost_silently() {
        let mut many = Holes::default();
        for start in 0..10_000_u32 {
            many.open(Seq(start * 10), Seq(start * 10 + 5));
        }
        assert_eq!(many.0.ranges.len(), limits::MAX_HOLES);
        assert_eq!(many.missing_below(Seq(100_000)), 50_000);
    }
}
