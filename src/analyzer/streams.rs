//! The numbers of Wireshark's streams, by the packets that start them: four bytes each, for there may be millions.

/// First packets of streams, ascending: a stream's number is its place.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Packet numbers without their upper halves.
    starts: Vec<u32>,
    /// For each upper half, from 0, the place behind its last stream.
    ends: Vec<usize>,
}

impl Streams {
    /// Makes one of several ascending lists of about `count` packets in all, without repetition.
    pub(super) fn new(count: usize, lists: Vec<List<'_>>) -> Self {
        let mut streams = Self {
            starts: Vec::with_capacity(count),
            ends: Vec::new(),
        };
        let mut lists: Vec<Ahead<'_>> = lists.into_iter().map(Ahead::new).collect();
        let mut heads: Vec<u64> = lists.iter_mut().map(Ahead::take).collect();
        // For every stream, all that are left are looked at.
        let mut left = heads.iter().map(|&head| head != NEVER);
        lists.retain(|_| left.next() == Some(true));
        heads.retain(|&head| head != NEVER);
        let mut before = None;
        while let Some((start, list)) = least(&heads) {
            heads[list] = lists[list].take();
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
        if (first..end).contains(&guess) && self.starts.get(guess) == Some(&wanted) {
            return Some(guess as u64);
        }
        let place = self.starts.get(first..end)?.binary_search(&wanted).ok()?;
        Some((first + place) as u64)
    }
}

/// Packet numbers, ascending.
pub(super) type List<'a> = Box<dyn Iterator<Item = u64> + 'a>;

/// A number that no packet has: behind the end of a list.
pub(super) const NEVER: u64 = u64::MAX;

/// Numbers that are read at once.
const AT_ONCE: usize = 64;

/// Reads on in a list before it has to: what several lists have lies far apart, what one has together.
pub(super) struct Ahead<'a> {
    list: List<'a>,
    read: Vec<u64>,
    taken: usize,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(list: List<'a>) -> Self {
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

/// The least of a few, and its place; `None` where all are at their end. Few enough to look at every one.
pub(super) fn least(heads: &[u64]) -> Option<(u64, usize)> {
    let least = heads.iter().copied().min().filter(|&least| least != NEVER)?;
    let place = heads.iter().position(|&head| head == least)?;
    Some((least, place))
}

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
