//! Finds the newest flow of a 4-tuple.

mod spots;

use crate::base::FlowKey;
use spots::{Hashed, Seeds, Spot, Spots};
use std::hash::BuildHasher;

/// An IPv4 flow's key without the tag of [`FlowKey`], in 12 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyV4([u32; 3]);

impl KeyV4 {
    pub(super) fn new(low: [u8; 4], high: [u8; 4], low_port: u16, high_port: u16) -> Self {
        Self([
            u32::from_ne_bytes(low),
            u32::from_ne_bytes(high),
            ports(low_port, high_port),
        ])
    }

    /// The key that it was made of.
    pub(super) fn key(self) -> FlowKey {
        let [low, high, ports] = self.0;
        FlowKey::V4(
            low.to_ne_bytes(),
            high.to_ne_bytes(),
            ports as u16,
            (ports >> 16) as u16,
        )
    }

    #[inline]
    fn spot(self) -> Spot<4> {
        let [low, high, ports] = self.0;
        [low, high, ports, 0]
    }
}

fn ports(low: u16, high: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

impl Hashed for Spot<4> {
    #[inline]
    fn hash(&self, seeds: Seeds) -> u64 {
        let [low, high, ports, _] = *self;
        folded(two(low, high) ^ seeds.0, u64::from(ports) ^ seeds.1)
    }
}

impl Hashed for Spot<10> {
    #[inline]
    fn hash(&self, seeds: Seeds) -> u64 {
        let words = |at: usize| two(self[at], self[at + 1]);
        let low = folded(words(0) ^ seeds.0, words(2) ^ seeds.1);
        let high = folded(words(4) ^ seeds.1, words(6) ^ seeds.0);
        folded(low ^ u64::from(self[8]), high ^ seeds.1)
    }
}

fn two(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// A product, folded: every bit of both reaches those that a table looks at.
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// An IPv6 flow's key: four words of either address, and the ports.
fn spot_v6(low: [u8; 16], high: [u8; 16], low_port: u16, high_port: u16) -> Spot<10> {
    let [low, high] = [low, high].map(u128::from_ne_bytes);
    let mut spot = [0; 10];
    for place in 0..4 {
        spot[place] = (low >> (32 * place)) as u32;
        spot[4 + place] = (high >> (32 * place)) as u32;
    }
    spot[8] = ports(low_port, high_port);
    spot
}

/// The key that it was made of.
fn key_v6(spot: Spot<10>) -> FlowKey {
    let ip = |from: usize| {
        let words = (0..4).map(|place| u128::from(spot[from + place]) << (32 * place));
        words.fold(0, |ip, word| ip | word).to_ne_bytes()
    };
    FlowKey::V6(ip(0), ip(4), spot[8] as u16, (spot[8] >> 16) as u16)
}

/// The number of the newest flow of every 4-tuple.
#[derive(Debug)]
pub(super) struct Newest {
    v4: Spots<4>,
    v6: Spots<10>,
    /// 4-tuples whose newest flow is another than it was, or is none.
    changed: u64,
}

impl Default for Newest {
    fn default() -> Self {
        let random = foldhash::fast::RandomState::default();
        Self::new(Seeds(random.hash_one(1_u8), random.hash_one(2_u8)))
    }
}

/// As of when something was looked up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsOf {
    changed: u64,
    size: usize,
}

/// What was found for a 4-tuple.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// Its newest flow.
    pub(super) number: Option<u32>,
    /// Where that is in its table, or would be; before the search, where it begins.
    place: u32,
}

impl Found {
    /// A newest flow that is known anyway.
    pub(super) fn known(number: u32) -> Self {
        Self {
            number: Some(number),
            ..Self::default()
        }
    }
}

impl Newest {
    fn new(seeds: Seeds) -> Self {
        Self {
            v4: Spots::new(seeds),
            v6: Spots::new(seeds),
            changed: 0,
        }
    }

    pub(super) fn get(&self, key: &FlowKey) -> Option<u32> {
        match *key {
            FlowKey::V4(a, b, c, d) => self.v4.get(&KeyV4::new(a, b, c, d).spot()),
            FlowKey::V6(a, b, c, d) => self.v6.get(&spot_v6(a, b, c, d)),
        }
    }

    /// Where the search for `key` begins: not found yet.
    #[inline(always)]
    pub(super) fn home(&self, key: &FlowKey) -> Found {
        let place = match *key {
            FlowKey::V4(a, b, c, d) => self.v4.home(&KeyV4::new(a, b, c, d).spot()),
            FlowKey::V6(a, b, c, d) => self.home_v6(&spot_v6(a, b, c, d)),
        };
        Found {
            number: None,
            place: place as u32,
        }
    }

    /// Is it so large that it lies in far memory, with those of all shards?
    pub(super) fn is_far(&self) -> bool {
        self.v4.size() + self.v6.size() > 1 << 13
    }

    /// Looks at that place, and does nothing that waits for it.
    #[inline]
    pub(super) fn touch(&self, key: &FlowKey, home: Found) -> u32 {
        match key {
            FlowKey::V4(..) => self.v4.touch(home.place as usize),
            FlowKey::V6(..) => self.v6.touch(home.place as usize),
        }
    }

    /// What there is for `key`, whose search begins at its `home`.
    #[inline(always)]
    pub(super) fn look(&self, key: &FlowKey, home: Found) -> Found {
        let from = home.place as usize;
        let (number, place) = match *key {
            FlowKey::V4(a, b, c, d) => self.v4.look(&KeyV4::new(a, b, c, d).spot(), from),
            FlowKey::V6(a, b, c, d) => self.look_v6(&spot_v6(a, b, c, d), from),
        };
        Found {
            number,
            place: place as u32,
        }
    }

    #[inline(never)]
    fn home_v6(&self, key: &Spot<10>) -> usize {
        self.v6.home(key)
    }

    #[inline(never)]
    fn look_v6(&self, key: &Spot<10>, home: usize) -> (Option<u32>, usize) {
        self.v6.look(key, home)
    }

    /// What is looked up now.
    pub(super) fn as_of_now(&self) -> AsOf {
        AsOf {
            changed: self.changed,
            size: self.v4.size() + self.v6.size(),
        }
    }

    /// Does what was `found` for `key` then still hold? As long as nothing was taken out and all is where it was, a key that
    /// was not there can only have come to its place.
    #[inline]
    pub(super) fn holds(&self, key: &FlowKey, found: Found, then: AsOf) -> bool {
        let is_free = || match key {
            FlowKey::V4(..) => self.v4.is_free(found.place as usize),
            FlowKey::V6(..) => self.v6.is_free(found.place as usize),
        };
        self.changed == then.changed
            && (found.number.is_some() || self.v4.size() + self.v6.size() == then.size && is_free())
    }

    /// A 4-tuple that is not there, which would be at this place.
    pub(super) fn add(&mut self, key: FlowKey, number: u32, found: Found) {
        let place = found.place as usize;
        match key {
            FlowKey::V4(a, b, c, d) => self.v4.add(KeyV4::new(a, b, c, d).spot(), number, place),
            FlowKey::V6(a, b, c, d) => self.v6.add(spot_v6(a, b, c, d), number, place),
        }
    }

    pub(super) fn set(&mut self, key: FlowKey, number: u32) {
        let is_known = match key {
            FlowKey::V4(a, b, c, d) => self.v4.set(KeyV4::new(a, b, c, d).spot(), number),
            FlowKey::V6(a, b, c, d) => self.v6.set(spot_v6(a, b, c, d), number),
        };
        self.changed += u64::from(is_known);
    }

    /// There was no room for the newest flow of a 4-tuple: its segments must not be taken for the old one's.
    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.changed += 1;
        match *key {
            FlowKey::V4(a, b, c, d) => self.v4.forget(&KeyV4::new(a, b, c, d).spot()),
            FlowKey::V6(a, b, c, d) => self.v6.forget(&spot_v6(a, b, c, d)),
        }
    }

    /// All of them.
    pub(super) fn into_keys(self) -> impl Iterator<Item = (u32, FlowKey)> {
        let v4 = self.v4.into_keys();
        let v4 = v4.map(|(number, [low, high, ports, _])| (number, KeyV4([low, high, ports]).key()));
        v4.chain(self.v6.into_keys().map(|(number, spot)| (number, key_v6(spot))))
    }

    /// 4-tuples that have one.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> FlowKey {
        let [_, a, b, c] = number.to_be_bytes();
        FlowKey::v4([10, a, b, c], [192, 0, 2, 1], 40_000, 443).0
    }

    #[test]
    fn what_was_set_last_is_found_until_it_is_forgotten() {
        let mut newest = Newest::default();
        (0..1000).for_each(|number| newest.set(key(number), number));
        newest.set(key(7), 2000);
        newest.forget(&key(8));
        assert_eq!(newest.get(&key(7)), Some(2000));
        assert_eq!((newest.get(&key(8)), newest.get(&key(1000))), (None, None));
        assert!((9..1000).all(|number| newest.get(&key(number)) == Some(number)));
        assert_eq!(newest.len(), 999);
        assert!(
            newest
                .into_keys()
                .all(|(number, found)| found == key(number) || number == 2000)
        );
    }

    #[test]
    fn what_was_looked_up_holds_until_a_flow_came_that_it_could_have_been() {
        let mut newest = Newest::default();
        newest.set(key(1), 1);
        let then = newest.as_of_now();
        let look = |newest: &Newest, number| newest.look(&key(number), newest.home(&key(number)));
        let [known, other] = [1, 2].map(|number| look(&newest, number));
        assert_eq!((known.number, other.number), (Some(1), None));
        assert!(newest.holds(&key(1), known, then) && newest.holds(&key(2), other, then));
        newest.add(key(2), 2, other);
        assert!(newest.holds(&key(1), known, then) && !newest.holds(&key(2), other, then));
        assert_eq!(look(&newest, 2).number, Some(2));
        newest.set(key(1), 3);
        assert!(!newest.holds(&key(1), known, then));
        let (then, known) = (newest.as_of_now(), look(&newest, 2));
        newest.forget(&key(2));
        assert!(!newest.holds(&key(2), known, then));
    }

    /// Also where many are looked up before any of them comes, and some are the same.
    #[test]
    fn what_was_added_where_it_was_looked_for_is_found() {
        let mut newest = Newest::default();
        let keys: Vec<FlowKey> = (0..20_000_u32).map(|number| key(number / 7 * 5 + number % 7)).collect();
        for some in keys.chunks(16) {
            let then = newest.as_of_now();
            let looked = some.iter().map(|key| newest.look(key, newest.home(key)));
            let looked: Vec<Found> = looked.collect();
            for (key, found) in some.iter().zip(looked) {
                let now = newest.look(key, newest.home(key));
                if newest.holds(key, found, then) {
                    assert_eq!(found.number, now.number);
                }
                if now.number.is_none() {
                    let place = if newest.holds(key, found, then) { found } else { now };
                    newest.add(*key, newest.len() as u32, place);
                }
            }
        }
        let different: std::collections::HashSet<&FlowKey> = keys.iter().collect();
        assert_eq!(newest.len(), different.len());
        assert!(keys.iter().all(|key| newest.get(key).is_some()));
    }

    #[test]
    fn a_key_comes_back_as_it_was() {
        let ip = |last| [0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, last];
        let keys = [
            FlowKey::v4([10, 1, 2, 3], [192, 0, 2, 1], 40_000, 443).0,
            FlowKey::v6(ip(1), ip(2), 40_000, 443).0,
            FlowKey::v6(ip(2), ip(1), 443, 65_535).0,
        ];
        let mut newest = Newest::default();
        (0_u32..).zip(keys).for_each(|(number, key)| newest.set(key, number));
        assert_eq!(keys.map(|key| newest.get(&key)), [Some(0), Some(1), Some(2)]);
        let mut back: Vec<_> = newest.into_keys().collect();
        back.sort_unstable_by_key(|&(number, _)| number);
        assert_eq!(back, [0, 1, 2].map(|number| (number as u32, keys[number])));
    }

    /// Keys that differ in as little as a scanner's do, with whatever seeds: a few spots are looked at for each.
    #[test]
    fn keys_in_a_row_are_spread() {
        let ip = |last: u16| {
            let [a, b] = last.to_be_bytes();
            [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b]
        };
        let v4 = |source: u16, port: u16| {
            let [a, b] = source.to_be_bytes();
            FlowKey::v4([10, 0, a, b], [10, 1, 0, 1], port, 443).0
        };
        let scans: [&dyn Fn(u16) -> FlowKey; 6] = [
            &|number| v4(1, number),
            &|number| v4(number, 40_000),
            &|number| v4(number % 128, 40_000 + number / 128),
            &|number| FlowKey::v6(ip(1), ip(2), number, 443).0,
            &|number| FlowKey::v6(ip(number), ip(1), 40_000, 443).0,
            &|number| FlowKey::v6(ip(1), ip(number), 40_000, 443).0,
        ];
        for seed in 0..200_u64 {
            let [one, other] = [seed, !seed].map(|seed| folded(seed ^ 0x2545_f491_4f6c_dd1d, 0x9e37_79b9_7f4a_7c15));
            for (place, scan) in scans.iter().enumerate() {
                let mut newest = Newest::new(Seeds(one, other));
                // As full as it gets.
                (0..11 * 256).for_each(|number| newest.set(scan(number), 1));
                let looks = newest.v4.looks() + newest.v6.looks();
                assert!(looks < 4 * newest.len(), "{looks}: scan {place}, seed {seed}");
            }
        }
    }
}
