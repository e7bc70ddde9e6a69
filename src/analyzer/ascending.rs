//! Packet numbers that ascend, in four bytes each: there may be millions.

use std::ops::Range;

/// Packet numbers, ascending.
#[derive(Debug, Default)]
pub(super) struct Ascending {
    /// Without their upper halves.
    lows: Vec<u32>,
    /// For each upper half, from 0, the place behind its last number; but for that of the last one.
    ends: Vec<usize>,
}

impl Ascending {
    /// With room for so many.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            lows: Vec::with_capacity(count),
            ends: Vec::new(),
        }
    }

    /// One that is no less than all before.
    pub(super) fn push(&mut self, number: u64) {
        while (self.ends.len() as u64) < number >> 32 {
            self.ends.push(self.lows.len());
        }
        self.lows.push(number as u32);
    }

    /// Is `number` the one at `place`?
    pub(super) fn is_at(&self, place: usize, number: u64) -> bool {
        self.lows.get(place) == Some(&(number as u32)) && self.range(number).contains(&place)
    }

    /// The place of `number`.
    pub(super) fn place_of(&self, number: u64) -> Option<usize> {
        let range = self.range(number);
        let place = self.lows.get(range.clone())?.binary_search(&(number as u32)).ok()?;
        Some(range.start + place)
    }

    /// Where numbers with the upper half of this one are.
    fn range(&self, number: u64) -> Range<usize> {
        let upper = (number >> 32) as usize;
        let end = |upper: usize| self.ends.get(upper).copied().unwrap_or(self.lows.len());
        upper.checked_sub(1).map_or(0, end)..end(upper)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        let mut upper = 0;
        (0..).zip(&self.lows).map(move |(place, &low)| {
            while self.ends.get(upper).is_some_and(|&end| end <= place) {
                upper += 1;
            }
            (upper as u64) << 32 | u64::from(low)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_are_found_and_come_back() {
        const FAR: u64 = 3 << 32;
        let all = [1, 2, 5, u64::from(u32::MAX), FAR + 1, FAR + 9];
        let mut ascending = Ascending::with_capacity(2);
        for number in all {
            ascending.push(number);
        }
        assert_eq!(ascending.iter().collect::<Vec<_>>(), all);
        for (place, number) in all.into_iter().enumerate() {
            assert_eq!(ascending.place_of(number), Some(place));
            for other in 0..8 {
                assert_eq!(ascending.is_at(other, number), other == place, "{number} {other}");
            }
        }
        for other in [0, 3, 1 << 32, 1 << 32 | 1, FAR, FAR + 2, FAR + 5, 9 << 32, u64::MAX] {
            assert_eq!(ascending.place_of(other), None, "{other}");
            assert!((0..8).all(|place| !ascending.is_at(place, other)), "{other}");
        }
        assert_eq!(Ascending::default().place_of(1), None);
    }
}
