//! The numbers of Wireshark's streams, by the packets that start them.

use super::ascending::Ascending;
use super::merge::Merge;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// First packets of streams: a stream's number is its place.
#[derive(Debug, Default)]
pub(super) struct Streams {
    starts: Ascending,
    /// By how much the last guess was too high. Wrong ones cost time and nothing else, so threads need not agree.
    off: AtomicUsize,
}

impl Streams {
    /// Makes one of several ascending lists of about `count` packets in all, without repetition.
    pub(super) fn new(count: usize, lists: Vec<List<'_>>) -> Self {
        let mut starts = Ascending::with_capacity(count);
        Merge::new(lists.into_iter()).for_each(|(start, _)| starts.push(start));
        let off = AtomicUsize::new(0);
        Self { starts, off }
    }

    /// The number of the stream that starts with packet `start`; quickest where it is about `guess`.
    pub(super) fn number(&self, start: u64, guess: usize) -> Option<u64> {
        let likely = guess.wrapping_sub(self.off.load(Relaxed));
        if self.starts.is_at(likely, start) {
            return Some(likely as u64);
        }
        let place = self.starts.place_of(start)?;
        self.off.store(guess.wrapping_sub(place), Relaxed);
        Some(place as u64)
    }
}

/// Packet numbers, ascending.
pub(super) type List<'a> = Box<dyn Iterator<Item = u64> + 'a>;

#[cfg(test)]
mod tests {
    use super::*;

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
