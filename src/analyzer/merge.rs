//! Ascending packet numbers of several lists as one such list.

use std::iter::Peekable;

/// Numbers that are put in order at once. Few enough that what lists read for them is still near when it is used.
const WINDOW: usize = 1 << 12;

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// Goes through several ascending lists of numbers, by windows: what lies in the next one is taken from every list in turn,
/// and marked at its place. So nothing is compared, and a list, which lies apart from the others, is read in runs.
pub(super) struct Merge<L: Iterator<Item = u64>> {
    lists: Vec<Peekable<L>>,
    /// The first number of the window.
    start: u64,
    /// A bit for each number in it that is still to come.
    bits: Vec<u64>,
    /// And the list that it is from.
    origins: Vec<u8>,
    /// Words before this one have no bits.
    word: usize,
}

impl<L: Iterator<Item = u64>> Merge<L> {
    /// Of up to 256 lists.
    pub(super) fn new(lists: impl Iterator<Item = L>) -> Self {
        Self {
            lists: lists.map(Iterator::peekable).collect(),
            start: 0,
            bits: vec![0; WINDOW / WORD],
            origins: vec![0; WINDOW],
            word: WINDOW / WORD,
        }
    }

    /// Takes the next window, which begins with the next number. Says whether there is one.
    #[inline(never)]
    fn refill(&mut self) -> bool {
        let Some(start) = self.lists.iter_mut().filter_map(|list| list.peek().copied()).min() else {
            return false;
        };
        (self.start, self.word) = (start, 0);
        for (origin, list) in (0..).zip(&mut self.lists) {
            while let Some(number) = list.next_if(|&number| number.wrapping_sub(start) < WINDOW as u64) {
                let place = (number - start) as usize;
                self.bits[place / WORD] |= 1 << (place % WORD);
                self.origins[place] = origin;
            }
        }
        true
    }
}

/// A number, and the place of its list; of several lists, the last.
impl<L: Iterator<Item = u64>> Iterator for Merge<L> {
    type Item = (u64, usize);

    #[inline]
    fn next(&mut self) -> Option<(u64, usize)> {
        loop {
            let Some(bits) = self.bits.get_mut(self.word) else {
                if self.refill() {
                    continue;
                }
                return None;
            };
            if *bits == 0 {
                self.word += 1;
                continue;
            }
            let place = self.word * WORD + bits.trailing_zeros() as usize;
            *bits &= *bits - 1;
            return Some((self.start + place as u64, self.origins[place].into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(lists: &[Vec<u64>]) -> Vec<(u64, usize)> {
        Merge::new(lists.iter().map(|list| list.iter().copied())).collect()
    }

    #[test]
    fn all_numbers_come_in_order_with_their_lists() {
        for (count, step) in [(0, 1), (1, 1), (3, 1), (16, 7), (33, 5000), (5, 1 << 40)] {
            // Each list has every so manieth number.
            let list = |first: u64| (0..9_000).map(|at| (first + at * count) * step).collect();
            let lists: Vec<Vec<u64>> = (0..count).map(list).collect();
            let expected = (0..count * 9_000).map(|at| (at * step, (at % count) as usize));
            assert_eq!(merged(&lists), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_several_lists_have_comes_once() {
        let lists = [vec![1, 5, 9], vec![], vec![5, 5, u64::MAX], vec![1, u64::MAX - 1]];
        let expected = [(1, 3), (5, 2), (9, 0), (u64::MAX - 1, 3), (u64::MAX, 2)];
        assert_eq!(merged(&lists), expected);
    }
}
