//! Round trips of one side's segments in 40 bytes: enough for a median and a 95th percentile, whatever their number.

use super::facts::{FlowFacts, SideFacts};
use super::pack::{Pack, Packer, Unpacker, pack_word, unpack_word};
use crate::base::{Dir, Span};

/// Parts of the logarithmic scale that are told apart.
const PARTS: usize = 32;
/// Parts that a word holds.
const FEW: usize = 8;
/// Each doubling begins in 2^this parts, halved when a range of times does not fit.
const FINEST: u8 = 3;
/// Shorter times are taken as this (1 µs), longer ones as the longest (18 min): at the coarsest, every time fits.
const SHORTEST: u64 = 1 << 10;
const LONGEST: u64 = (1 << 40) - 1;

/// A histogram of round trips. Exact in number; a percentile is off by at most 6 %, by 12 % where the longest is more than
/// 16 times the shortest, by 25 % beyond 256 times. Where a part is full, all are halved and every second sample counts
/// from then on, so that the beginning of a flow weighs as much as its end.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtts {
    samples: u32,
    /// Place on the scale of the first part.
    floor: u16,
    /// How often the scale was made coarser.
    coarser: u8,
    /// How often the counts were halved.
    halved: u8,
    counts: [u8; PARTS],
}

impl Rtts {
    pub(super) const NONE: Self = Self {
        counts: [0; PARTS],
        floor: 0,
        coarser: 0,
        halved: 0,
        samples: 0,
    };

    /// How many round trips were measured.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.samples
    }

    pub(super) fn on(&mut self, sample: Span) {
        self.samples = self.samples.saturating_add(1);
        // Every 2^halved-th counts.
        if self.samples.trailing_zeros() < self.halved.into() {
            return;
        }
        let place = place_of(sample);
        if self.samples == 1 {
            self.floor = place;
        } else if !self.spans(place >> self.coarser) {
            while !self.has_room(place >> self.coarser) {
                self.coarsen();
            }
        }
        let part = usize::from((place >> self.coarser) - self.floor);
        if let Some(count) = self.counts.get_mut(part) {
            *count = count.saturating_add(1);
            if *count == u8::MAX {
                self.halve();
            }
        }
    }

    /// There is a part for `place` as they are, once the first sample has said where they begin.
    fn spans(&self, place: u16) -> bool {
        usize::from(place.wrapping_sub(self.floor)) < PARTS
    }

    /// Moves the parts along the scale until `place` is among them, if that can be.
    fn has_room(&mut self, place: u16) -> bool {
        let Some((first, last)) = self.used() else {
            self.floor = place;
            return true;
        };
        let (lowest, highest) = (self.floor + first, self.floor + last);
        let (lowest, highest) = (lowest.min(place), highest.max(place));
        if usize::from(highest - lowest) >= PARTS {
            return false;
        }
        if place < self.floor || usize::from(place - self.floor) >= PARTS {
            let old = std::mem::replace(
                self,
                Self {
                    counts: [0; PARTS],
                    floor: lowest,
                    ..*self
                },
            );
            for part in first..=last {
                let to = old.floor + part - lowest;
                self.counts[usize::from(to) % PARTS] = old.counts[usize::from(part) % PARTS];
            }
        }
        true
    }

    /// The first part and the last that have samples.
    fn used(&self) -> Option<(u16, u16)> {
        let (low, high) = self.counts.split_at(PARTS / 2);
        let [low, high] = [low, high].map(|half| <[u8; PARTS / 2]>::try_from(half).map_or(0, u128::from_le_bytes));
        let bits = 8 * PARTS as u32;
        let before = if low == 0 {
            bits / 2 + high.trailing_zeros()
        } else {
            low.trailing_zeros()
        };
        let behind = if high == 0 {
            bits / 2 + low.leading_zeros()
        } else {
            high.leading_zeros()
        };
        (before < bits).then(|| ((before / 8) as u16, ((bits - 1 - behind) / 8) as u16))
    }

    fn coarsen(&mut self) {
        let old = *self;
        (self.counts, self.floor, self.coarser) = ([0; PARTS], old.floor / 2, old.coarser + 1);
        let mut is_full = false;
        for (part, count) in old.counts.iter().enumerate() {
            let to = ((usize::from(old.floor) + part) >> 1) - usize::from(self.floor);
            let sum = self.counts[to % PARTS].saturating_add(*count);
            self.counts[to % PARTS] = sum;
            is_full |= sum == u8::MAX;
        }
        if is_full {
            self.halve();
        }
    }

    /// What is left over of one part goes to the next, so that none is favoured.
    fn halve(&mut self) {
        let mut rest = 0;
        for count in &mut self.counts {
            let sum = u16::from(*count) + rest;
            (*count, rest) = ((sum / 2) as u8, sum % 2);
        }
        self.halved += 1;
    }

    /// The round trip that `percent` of them do not exceed.
    fn percentile(&self, percent: u32) -> Option<Span> {
        let total: u32 = self.counts.iter().map(|count| u32::from(*count)).sum();
        let rank = (total * percent).div_ceil(100).max(1);
        let mut sum = 0;
        let part = self.counts.iter().position(|count| {
            sum += u32::from(*count);
            sum >= rank
        })?;
        let place = self.floor + part as u16;
        let edge = |place: u16| edge_of(place << self.coarser);
        Some(Span(edge(place) + (edge(place + 1) - edge(place)) / 2))
    }
}

/// Where a time is on the finest scale: its highest bit, then the three bits after it.
fn place_of(sample: Span) -> u16 {
    let nanos = u64::try_from(sample.0).unwrap_or(0).clamp(SHORTEST, LONGEST);
    let octave = nanos.ilog2();
    let parts = nanos >> (octave - u32::from(FINEST)) & 7;
    ((octave - SHORTEST.ilog2()) as u16) << FINEST | parts as u16
}

/// The shortest time at `place`.
fn edge_of(place: u16) -> i64 {
    let octave = (place >> FINEST) + SHORTEST.ilog2() as u16;
    i64::from(8 + (place & 7)) << (octave - u16::from(FINEST)).min(50)
}

impl SideFacts {
    /// A segment of this side was acknowledged, and no other can be meant.
    pub(super) fn on_rtt(&mut self, sample: Span) {
        if sample.0 >= 0 {
            self.min_rtt = Some(self.min_rtt.map_or(sample, |old| old.min(sample)));
            self.rtts.on(sample);
        }
    }

    /// Median time from a segment of this side to the peer's acknowledgment, at the capture point.
    #[must_use]
    pub fn median_rtt(&self) -> Option<Span> {
        self.percentile_rtt(50)
    }

    /// The 95th percentile of it.
    #[must_use]
    pub fn slow_rtt(&self) -> Option<Span> {
        self.percentile_rtt(95)
    }

    fn percentile_rtt(&self, percent: u32) -> Option<Span> {
        let (min, rtt) = (self.min_rtt?, self.rtts.percentile(percent)?);
        Some(if self.rtts.samples == 1 { min } else { rtt.max(min) })
    }
}

impl FlowFacts {
    /// The handshake's part of the way from the capture point to the peer of `dir`'s sender and back: SYN to SYN-ACK for the
    /// client, SYN-ACK to ACK for the server. None where one of them was repeated: which one was answered?
    #[must_use]
    pub fn handshake_rtt(&self, dir: Dir) -> Option<Span> {
        let opening = &self.opening;
        if opening.syn.count != 1 || opening.syn_ack.count != 1 {
            return None;
        }
        let to_server = opening.server_rtt?;
        if dir == self.client {
            return Some(to_server);
        }
        opening.rtt.map(|both| Span(both.0.saturating_sub(to_server.0).max(0)))
    }

    /// The shortest way from the capture point to the peer of `dir`'s sender and back.
    fn shortest_leg(&self, dir: Dir) -> Option<Span> {
        let (handshake, data) = (self.handshake_rtt(dir), self.sides[dir.index()].min_rtt);
        handshake.into_iter().chain(data).min()
    }

    /// How long `dir`'s sender took on average to repair a loss, from its sending again to its hearing that all is there; and
    /// the same in round trips. The way between it and the capture point, which no packet shows, is added to what was seen.
    #[must_use]
    pub fn mean_recovery(&self, dir: Dir) -> Option<(Span, Option<f64>)> {
        let side = &self.sides[dir.index()];
        let seen = side.losses.mean()?;
        let leg = side.median_rtt().or_else(|| self.shortest_leg(dir));
        let Some((leg, other)) = leg.zip(self.shortest_leg(dir.flip())) else {
            return Some((seen, None));
        };
        let (whole, rtt) = (seen.0.saturating_add(other.0), leg.0.saturating_add(other.0));
        Some((Span(whole), (rtt > 0).then(|| whole as f64 / rtt as f64)))
    }
}

impl Pack for Rtts {
    /// Most flows are short: their times lie within the first few parts.
    #[inline(always)]
    fn pack(&self, to: &mut Packer<'_>) {
        self.samples.pack(to);
        self.floor.pack(to);
        self.coarser.pack(to);
        self.halved.pack(to);
        let (few, more) = self.counts.split_at(FEW);
        // All are looked at, at once.
        let is_wide = more.iter().fold(0, |any, count| any | count) > 0;
        is_wide.pack(to);
        pack_word(few, to);
        if is_wide {
            more.chunks_exact(FEW).for_each(|eight| pack_word(eight, to));
        }
    }
    #[inline(always)]
    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let mut rtts = Self {
            samples: Pack::unpack(from),
            floor: Pack::unpack(from),
            coarser: Pack::unpack(from),
            halved: Pack::unpack(from),
            counts: [0; PARTS],
        };
        let is_wide = bool::unpack(from);
        let (few, more) = rtts.counts.split_at_mut(FEW);
        few.copy_from_slice(&unpack_word(from));
        if is_wide {
            for eight in more.chunks_exact_mut(FEW) {
                eight.copy_from_slice(&unpack_word(from));
            }
        }
        rtts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtts(samples: impl IntoIterator<Item = i64>) -> Rtts {
        let mut rtts = Rtts::NONE;
        samples
            .into_iter()
            .for_each(|micros| rtts.on(Span::from_micros(micros)));
        rtts
    }

    /// Off by how many percent?
    #[track_caller]
    fn assert_near(found: Option<Span>, micros: i64, percent: i64) {
        let off = (found.unwrap().0 - micros * 1000).abs() * 100;
        assert!(off <= micros * 1000 * percent, "{found:?}, not {micros} µs");
    }

    #[test]
    fn nothing_measured_is_nothing_known() {
        assert_eq!(Rtts::NONE.percentile(50), None);
    }

    #[test]
    fn percentiles_of_a_narrow_range_are_within_six_percent() {
        let some = rtts((0..200).map(|each| 20_000 + each * 1000 / 3));
        assert_eq!(some.samples(), 200);
        assert_near(some.percentile(50), 53_000, 6);
        assert_near(some.percentile(95), 83_000, 6);
    }

    #[test]
    fn a_wide_range_is_coarser_and_keeps_its_ends() {
        let some = rtts((0..100).map(|each| if each % 10 == 9 { 40_000 } else { 200 }));
        assert_near(some.percentile(50), 200, 12);
        assert_near(some.percentile(95), 40_000, 12);
        let most = rtts([1, 1, 1, 1_000_000_000]);
        assert_near(most.percentile(50), 1, 60);
        assert_near(most.percentile(95), 1_000_000_000, 30);
    }

    #[test]
    fn the_order_of_samples_does_not_matter_much() {
        for samples in [(1..=100).collect::<Vec<i64>>(), (1..=100).rev().collect()] {
            let some = rtts(samples.into_iter().map(|each| each * 1000));
            assert_near(some.percentile(50), 50_000, 13);
            assert_near(some.percentile(95), 95_000, 13);
        }
    }

    #[test]
    fn a_hundred_thousand_samples_weigh_the_same_first_and_last() {
        let fast = std::iter::repeat_n(10_000, 60_000);
        let some = rtts(fast.chain(std::iter::repeat_n(50_000, 40_000)));
        assert_near(some.percentile(50), 10_000, 6);
        assert_near(some.percentile(95), 50_000, 6);
        let slow = rtts(std::iter::repeat_n(10_000, 40_000).chain(std::iter::repeat_n(50_000, 60_000)));
        assert_near(slow.percentile(50), 50_000, 6);
    }

    #[test]
    fn times_beyond_the_scale_are_taken_as_its_ends() {
        let mut some = rtts([0]);
        some.on(Span(-5));
        some.on(Span(i64::MAX));
        assert!(some.percentile(50).unwrap().0 < 2_000);
        assert!(some.percentile(95).unwrap() > Span::from_secs(500));
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<Rtts>() <= 40);
    }
}
