//! The numbers of Wireshark's streams, by the packets that start them: four bytes each, for there may be millions.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// First packets of streams, ascending: a stream's number is its place.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Packet numbers without their upper halves.
    starts: Vec<u32>,
    /// For each upper half, from 0, the place behind its last stream.
    ends: Vec<usize>,
    /// By how much the last guess was too high. Wrong ones cost time and nothing else, so threads need not agree.
    off: AtomicUsize,
}

impl Streams {
    /// Makes one of several ascending lists of about `count` packets in all, without repetition.
    pub(super) fn new(count: usize, lists: Vec<List<'_>>) -> Self {
        let mut streams = Self {
            starts: Vec::with_capacity(count),
            ends: Vec::new(),
            off: AtomicUsize::new(0),
        };
        let mut lists: Vec<Ahead<List<'_>>> = lists.into_iter().map(Ahead::new).collect();
        let mut heads = Heads::new(lists.iter_mut().map(Ahead::take));
        let mut before = None;
        while let Some((start, list)) = heads.least() {
            heads.set(list, lists[list].take());
            if before != Some(start) {
                streams.push(start);
            }
            before = Some(start);
        }
        streams.ends.push(streams.starts.len());
        streams
    }

    fn push(&mut self, start: u64) {
        while (self.ends.len() as u64) < start >> 32 {
            self.ends.push(self.starts.len());
        }
        self.starts.push(start as u32);
    }

    /// The number of the stream that starts with packet `start`; quickest where it is about `guess`.
    pub(super) fn number(&self, start: u64, guess: usize) -> Option<u64> {
        let upper = (start >> 32) as usize;
        let first = match upper {
            0 => 0,
            _ => *self.ends.get(upper - 1)?,
        };
        let (end, wanted) = (*self.ends.get(upper)?, start as u32);
        let likely = guess.wrapping_sub(self.off.load(Relaxed));
        if (first..end).contains(&likely) && self.starts.get(likely) == Some(&wanted) {
            return Some(likely as u64);
        }
        let place = first + self.starts.get(first..end)?.binary_search(&wanted).ok()?;
        self.off.store(guess.wrapping_sub(place), Relaxed);
        Some(place as u64)
    }
}

/// Packet numbers, ascending.
pub(super) type List<'a> = Box<dyn Iterator<Item = u64> + 'a>;

/// A number that no packet has: behind the end of a list.
pub(super) const NEVER: u64 = u64::MAX;

/// Numbers that are read at once.
const AT_ONCE: usize = 64;

/// Reads on in a list before it has to: what several lists have lies far apart, what one has together.
pub(super) struct Ahead<L> {
    list: L,
    read: Vec<u64>,
    taken: usize,
}

impl<L: Iterator<Item = u64>> Ahead<L> {
    pub(super) fn new(list: L) -> Self {
        Self {
            list,
            read: Vec::new(),
            taken: 0,
        }
    }

    /// The next number; [`NEVER`] at the end.
    pub(super) fn take(&mut self) -> u64 {
        if self.taken == self.read.len() {
            self.read.clear();
            self.read.extend(self.list.by_ref().take(AT_ONCE));
            self.taken = 0;
        }
        let next = self.read.get(self.taken).copied();
        self.taken += usize::from(next.is_some());
        next.unwrap_or(NEVER)
    }
}

/// Bits that tell lists apart: several for each of [`limits::SHARDS`].
const LIST_BITS: u32 = 8;

/// The heads of several ascending lists, the least of them at hand: a tournament, in which one that changes meets only those
/// on its way up.
pub(super) struct Heads {
    /// From 1 on: the least of all, of the halves, of their halves, and so on, the heads themselves at the end. Each has its
    /// list behind it, in bits that no packet number needs.
    least: Vec<u64>,
}

impl Heads {
    /// Those of lists numbered from 0.
    pub(super) fn new(heads: impl Iterator<Item = u64>) -> Self {
        let heads: Vec<u64> = heads.collect();
        let mut all = Self {
            least: vec![NEVER; 2 * heads.len().next_power_of_two()],
        };
        for (list, head) in heads.into_iter().enumerate() {
            all.set(list, head);
        }
        all
    }

    /// The least, and its list; `None` where all are at their end.
    pub(super) fn least(&self) -> Option<(u64, usize)> {
        let least = self.least.get(1).copied().filter(|&least| least != NEVER)?;
        Some((least >> LIST_BITS, (least & !(u64::MAX << LIST_BITS)) as usize))
    }

    /// The head of `list` is another.
    pub(super) fn set(&mut self, list: usize, head: u64) {
        let mut place = self.least.len() / 2 + list;
        let mut least = match head {
            NEVER => NEVER,
            _ => head << LIST_BITS | list as u64,
        };
        self.least[place] = least;
        while place > 1 {
            least = least.min(self.least[place ^ 1]);
            place /= 2;
            self.least[place] = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_all_heads_comes_first() {
        for count in [0, 1, 2, 3, 5, 16, 32, 33] {
            // Each list has every so manieth number.
            let mut next: Vec<u64> = (0..count).collect();
            let mut heads = Heads::new(next.iter().copied());
            for expected in 0..count * 10 {
                let (least, list) = heads.least().unwrap();
                assert_eq!((least, list as u64), (expected, expected % count));
                next[list] += count;
                heads.set(list, if next[list] < count * 10 { next[list] } else { NEVER });
            }
            assert_eq!(heads.least(), None);
        }
    }

    #[test]
    fn numbers_are_places_without_repetition() {
        const FAR: u64 = 3 << 32;
        let lists = [
            vec![1, 5, 9],
            vec![],
            vec![2, 5, FAR + 1],
            vec![1, u64::from(u32::MAX), FAR + 9],
        ];
        let lists = lists.into_iter().map(|list| -> List<'_> { Box::new(list.into_iter()) });
        let streams = Streams::new(3, lists.collect());
        let all = [1, 2, 5, 9, u64::from(u32::MAX), FAR + 1, FAR + 9];
        for (place, start) in all.into_iter().enumerate() {
            for guess in [0, place, 6, 100] {
                assert_eq!(streams.number(start, guess), Some(place as u64), "{start}");
            }
        }
        for other in [0, 3, 1 << 32, FAR, FAR + 5, 9 << 32, u64::MAX] {
            assert_eq!(streams.number(other, 2), None, "{other}");
        }
        assert_eq!(Streams::new(0, Vec::new()).number(1, 0), None);
    }
}
