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
    /// Makes one of several ascending lists, without repetition.
    pub(super) fn new(lists: &[Vec<u64>]) -> Self {
        let mut streams = Self {
            starts: Vec::with_capacity(lists.iter().map(Vec::len).sum()),
            ends: Vec::new(),
        };
        let mut rests: Vec<&[u64]> = lists.iter().map(Vec::as_slice).collect();
        let mut heads: Vec<u64> = rests.iter_mut().map(take).collect();
        let mut before = None;
        while let Some((start, list)) = least(&heads) {
            heads[list] = take(&mut rests[list]);
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

/// The first of a list, which goes on behind it; a number that no packet has at its end.
fn take(list: &mut &[u64]) -> u64 {
    let Some((&first, rest)) = list.split_first() else {
        return u64::MAX;
    };
    *list = rest;
    first
}

/// The least of a few, and its place; `None` where all are at their end. Few enough to look at every one.
pub(super) fn least(heads: &[u64]) -> Option<(u64, usize)> {
    let least = heads.iter().copied().min().filter(|&least| least != u64::MAX)?;
    let place = heads.iter().position(|&head| head == least)?;
    Some((least, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_without_repetition() {
        const FAR: u64 = 3 << 32;
        let streams = Streams::new(&[
            vec![1, 5, 9],
            vec![],
            vec![2, 5, FAR + 1],
            vec![1, u64::from(u32::MAX), FAR + 9],
        ]);
        let all = [1, 2, 5, 9, u64::from(u32::MAX), FAR + 1, FAR + 9];
        for (place, start) in all.into_iter().enumerate() {
            for guess in [0, place, 6, 100] {
                assert_eq!(streams.number(start, guess), Some(place as u64), "{start}");
            }
        }
        for other in [0, 3, 1 << 32, FAR, FAR + 5, 9 << 32, u64::MAX] {
            assert_eq!(streams.number(other, 2), None, "{other}");
        }
        assert_eq!(Streams::new(&[]).number(1, 0), None);
    }
}
