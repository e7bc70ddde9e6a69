//! A hash table of numbers by keys, in a row of spots: whether it is there or not, a key takes a line of far memory, or that
//! and the next, and there it is put.

use std::mem;

/// A key in all words but the last, and there its number plus one; zero where there is none.
pub(super) type Spot<const N: usize> = [u32; N];

/// What a table asks of its keys.
pub(super) trait Hashed {
    /// Depends on the words of the key only, and on secrets of this run.
    fn hash(&self, seeds: Seeds) -> u64;
}

/// Other ones in every run: the keys in a capture are chosen by strangers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeds(pub(super) u64, pub(super) u64);

/// Open addressing, spot by spot from that which the hash's upper bits name: so it grows from one end to the other.
#[derive(Debug)]
pub(super) struct Spots<const N: usize> {
    /// None, or a power of two. Never all used.
    places: Vec<Spot<N>>,
    used: usize,
    seeds: Seeds,
}

impl<const N: usize> Spots<N>
where
    Spot<N>: Hashed,
{
    /// Spots that it begins with.
    const FEWEST: usize = 16;
    const NONE: Spot<N> = [0; N];
    /// Words of a key.
    const KEY: usize = N - 1;

    pub(super) fn new(seeds: Seeds) -> Self {
        Self {
            places: Vec::new(),
            used: 0,
            seeds,
        }
    }

    /// Keys that it takes before it grows: of sixteen spots three stay free, so that the next free one is near.
    fn capacity(&self) -> usize {
        self.places.len() / 16 * 13
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Memory that it takes, or will take as soon as it grows.
    pub(super) fn bytes(&self) -> usize {
        let is_full = self.used == self.capacity();
        self.places.len() * size_of::<Spot<N>>() * (1 + usize::from(is_full))
    }

    /// Where a search for `key` begins; anywhere in a table without spots. The product spreads keys in a row, which a hash may
    /// have left in heaps.
    #[inline]
    pub(super) fn home(&self, key: &Spot<N>) -> usize {
        let spread = key.hash(self.seeds).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (spread >> (64 - self.places.len().trailing_zeros())) as usize
    }

    #[inline]
    fn behind(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }

    /// Spots, used and free: when there are others, all keys have moved.
    pub(super) fn size(&self) -> usize {
        self.places.len()
    }

    /// Looks at both ends of the spot at `place`.
    #[inline]
    pub(super) fn touch(&self, place: usize) -> u32 {
        self.places.get(place).map_or(0, |spot| spot[0] ^ spot[Self::KEY])
    }

    /// Is there a free spot at `place`?
    #[inline]
    pub(super) fn is_free(&self, place: usize) -> bool {
        self.places.get(place).is_some_and(is_free)
    }

    /// The number of `key`, whose last word is not looked at, and where it is or would be. The search begins at its `home`.
    #[inline]
    pub(super) fn look(&self, key: &Spot<N>, home: usize) -> (Option<u32>, usize) {
        let mut place = home;
        while let Some(spot) = self.places.get(place).filter(|spot| !is_free(spot)) {
            if is_of(spot, key) {
                return (Some(number_of(spot)), place);
            }
            place = self.behind(place);
        }
        (None, place)
    }

    /// The number of `key`.
    #[inline]
    pub(super) fn get(&self, key: &Spot<N>) -> Option<u32> {
        self.look(key, self.home(key)).0
    }

    /// Says whether `key` was known.
    pub(super) fn set(&mut self, key: Spot<N>, number: u32) -> bool {
        let (known, place) = self.look(&key, self.home(&key));
        if known.is_some() {
            self.places[place][Self::KEY] = number + 1;
        } else {
            self.add(key, number, place);
        }
        known.is_some()
    }

    /// A key that is not there, to where it would be.
    #[inline]
    pub(super) fn add(&mut self, mut key: Spot<N>, number: u32, mut place: usize) {
        if self.used == self.capacity() {
            self.grow();
            place = self.look(&key, self.home(&key)).1;
        }
        key[Self::KEY] = number + 1;
        self.places[place] = key;
        self.used += 1;
    }

    /// To twice as many spots, where they are. A heap, spots in a row that are used, moves to between twice its first place and
    /// twice that behind it, where no other heap moves to: none meets another on its way as long as the last one goes first.
    /// What had gone on from the table's end is part of the heap at its beginning, and so moves when all else is moved.
    #[cold]
    fn grow(&mut self) {
        let before = self.places.len();
        let more = before.max(Self::FEWEST);
        self.places.reserve_exact(more);
        self.places.resize(before + more, Self::NONE);
        let (mut end, mut heap) = (before, Vec::new());
        while end > 0 {
            let free = self.places[..end].iter().rposition(is_free);
            let start = free.map_or(0, |free| free + 1);
            let spots = self.places[start..end].iter_mut();
            heap.extend(spots.map(|spot| mem::replace(spot, Self::NONE)));
            for spot in heap.drain(..) {
                let (_, place) = self.look(&spot, self.home(&spot));
                self.places[place] = spot;
            }
            end = free.unwrap_or(0);
        }
    }

    pub(super) fn forget(&mut self, key: &Spot<N>) {
        let (Some(_), mut hole) = self.look(key, self.home(key)) else {
            return;
        };
        self.used -= 1;
        // Those behind it were put there as it was taken: each that may moves up.
        let mut place = self.behind(hole);
        while !is_free(&self.places[place]) {
            let way = |from: usize| place.wrapping_sub(from) & (self.places.len() - 1);
            if way(self.home(&self.places[place])) >= way(hole) {
                self.places[hole] = self.places[place];
                hole = place;
            }
            place = self.behind(place);
        }
        self.places[hole] = Self::NONE;
    }

    /// Spots that are looked at to find each key once.
    #[cfg(test)]
    pub(super) fn looks(&self) -> usize {
        let places = (0_usize..).zip(&self.places).filter(|(_, spot)| !is_free(spot));
        places
            .map(|(place, spot)| 1 + (place.wrapping_sub(self.home(spot)) & (self.places.len() - 1)))
            .sum()
    }

    /// All of them.
    pub(super) fn into_keys(self) -> impl Iterator<Item = (u32, Spot<N>)> {
        let used = self.places.into_iter().filter(|spot| !is_free(spot));
        used.map(|spot| (number_of(&spot), spot))
    }
}

fn is_free<const N: usize>(spot: &Spot<N>) -> bool {
    spot[N - 1] == 0
}

/// Is it the spot of this key? Compared without a branch for each word.
#[inline]
fn is_of<const N: usize>(spot: &Spot<N>, key: &Spot<N>) -> bool {
    let pairs = spot.iter().zip(key).take(N - 1);
    pairs.fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

fn number_of<const N: usize>(spot: &Spot<N>) -> u32 {
    spot[N - 1].wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Map;

    /// The product of the table undone: places are as told.
    impl Hashed for Spot<2> {
        fn hash(&self, Seeds(factor, offset): Seeds) -> u64 {
            let place = u64::from(self[0]).wrapping_mul(factor).wrapping_add(offset);
            place.wrapping_mul(0xf1de_83e1_9937_733d)
        }
    }

    /// Sets and forgets at random, few keys so that they meet, and asks for all of them each time.
    fn compare(seeds: Seeds, keys: u32, steps: u32) {
        let (mut table, mut model) = (Spots::<2>::new(seeds), Map::<u32, u32>::default());
        let mut state = 7_u64;
        let mut draw = |most: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u32 % most
        };
        for step in 0..steps {
            let key = draw(keys);
            if draw(3) == 0 {
                table.forget(&[key, 0]);
                model.remove(&key);
            } else {
                assert_eq!(table.set([key, 0], step), model.insert(key, step).is_some());
            }
            assert_eq!(table.len(), model.len());
            assert!(
                (0..keys).all(|key| table.get(&[key, 0]) == model.get(&key).copied()),
                "{step}"
            );
        }
        let left: Map<u32, u32> = table.into_keys().map(|(number, [key, _])| (key, number)).collect();
        assert_eq!(left, model);
    }

    #[test]
    fn it_is_a_map() {
        let seeds = Seeds(0x9e37_79b9_7f4a_7c15, 5);
        compare(seeds, 40, 3_000);
        compare(seeds, 300, 2_000);
    }

    /// So it is where all hashes are equal, or lie at the end of the table and go on at its beginning, or in two heaps.
    #[test]
    fn it_is_a_map_where_many_collide() {
        compare(Seeds(0, 0), 40, 2_000);
        compare(Seeds(0, u64::MAX), 40, 2_000);
        compare(Seeds(1 << 58, u64::MAX << 59), 40, 2_000);
        compare(Seeds(1 << 63, 1 << 62), 40, 2_000);
    }
}
