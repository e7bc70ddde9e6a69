//! Finds the newest flow of a 4-tuple.

use crate::base::FlowKey;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// An IPv4 flow's key without the tag of [`FlowKey`]: most flows there are, and 12 bytes.
#[derive(Clone, Copy, Debug, Eq)]
pub(super) struct KeyV4(u32, u32, u32);

/// In two steps.
impl PartialEq for KeyV4 {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.ips() == other.ips() && self.2 == other.2
    }
}

impl KeyV4 {
    pub(super) fn new(low: [u8; 4], high: [u8; 4], low_port: u16, high_port: u16) -> Self {
        let ports = u32::from(high_port) << 16 | u32::from(low_port);
        Self(u32::from_ne_bytes(low), u32::from_ne_bytes(high), ports)
    }

    /// The key that it was made of.
    pub(super) fn key(self) -> FlowKey {
        let (low, high) = (self.0.to_ne_bytes(), self.1.to_ne_bytes());
        FlowKey::V4(low, high, self.2 as u16, (self.2 >> 16) as u16)
    }

    /// Both addresses.
    fn ips(self) -> u64 {
        u64::from(self.1) << 32 | u64::from(self.0)
    }
}

/// The same for IPv6, as it is.
type KeyV6 = ([u8; 16], [u8; 16], u16, u16);

/// Hashes of keys, other ones in every run: the 4-tuples in a capture are chosen by strangers.
#[derive(Debug)]
struct Seeds(u64, u64);

impl Default for Seeds {
    fn default() -> Self {
        let random = foldhash::fast::RandomState::default();
        Self(random.hash_one(1_u8), random.hash_one(2_u8))
    }
}

impl Seeds {
    #[inline]
    fn hash(&self, key: KeyV4) -> u64 {
        folded(key.ips() ^ self.0, u64::from(key.2) ^ self.1)
    }

    fn hash_v6(&self, &(low, high, low_port, high_port): &KeyV6) -> u64 {
        let [low, high] = [low, high].map(u128::from_be_bytes);
        let ports = u64::from(low_port) << 16 | u64::from(high_port);
        let one = folded(low as u64 ^ self.0, (low >> 64) as u64 ^ self.1);
        let other = folded(high as u64 ^ self.1, (high >> 64) as u64 ^ self.0);
        folded(one ^ ports, other ^ self.1)
    }
}

/// A product, folded: every bit of both reaches those that a table looks at.
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// The number of the newest flow of every 4-tuple.
#[derive(Debug, Default)]
pub(super) struct Newest {
    v4: HashTable<(KeyV4, u32)>,
    seeds: Seeds,
    v6: HashTable<(KeyV6, u32)>,
    /// 4-tuples that came: those looked up before and not found may be here now.
    added: u64,
    /// 4-tuples whose newest flow is another than it was, or is none.
    changed: u64,
}

/// What was looked up, and as of when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsOf {
    added: u64,
    changed: u64,
}

impl Newest {
    #[inline]
    pub(super) fn get(&self, key: &FlowKey) -> Option<u32> {
        match *key {
            FlowKey::V4(a, b, c, d) => self.get_v4(KeyV4::new(a, b, c, d)),
            FlowKey::V6(a, b, c, d) => self.get_v6(&(a, b, c, d)),
        }
    }

    #[inline]
    fn get_v4(&self, key: KeyV4) -> Option<u32> {
        let found = self.v4.find(self.seeds.hash(key), |(other, _)| *other == key);
        found.map(|&(_, number)| number)
    }

    #[inline(never)]
    fn get_v6(&self, key: &KeyV6) -> Option<u32> {
        let found = self.v6.find(self.seeds.hash_v6(key), |(other, _)| other == key);
        found.map(|&(_, number)| number)
    }

    /// What is looked up now.
    pub(super) fn as_of_now(&self) -> AsOf {
        AsOf {
            added: self.added,
            changed: self.changed,
        }
    }

    /// Does `found`, which was looked up then, still hold?
    #[inline]
    pub(super) fn holds(&self, found: Option<u32>, then: AsOf) -> bool {
        self.changed == then.changed && (found.is_some() || self.added == then.added)
    }

    pub(super) fn set(&mut self, key: FlowKey, number: u32) {
        let seeds = &self.seeds;
        let is_known = match key {
            FlowKey::V4(a, b, c, d) => {
                let key = KeyV4::new(a, b, c, d);
                set(&mut self.v4, key, number, |key| seeds.hash(*key))
            }
            FlowKey::V6(a, b, c, d) => set(&mut self.v6, (a, b, c, d), number, |key| seeds.hash_v6(key)),
        };
        self.added += u64::from(!is_known);
        self.changed += u64::from(is_known);
    }

    /// There was no room for the newest flow of a 4-tuple: its segments must not be taken for the old one's.
    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.changed += 1;
        let seeds = &self.seeds;
        match *key {
            FlowKey::V4(a, b, c, d) => forget(&mut self.v4, &KeyV4::new(a, b, c, d), |key| seeds.hash(*key)),
            FlowKey::V6(a, b, c, d) => forget(&mut self.v6, &(a, b, c, d), |key| seeds.hash_v6(key)),
        }
    }

    /// All of them.
    pub(super) fn into_keys(self) -> impl Iterator<Item = (u32, FlowKey)> {
        let v4 = self.v4.into_iter().map(|(key, number)| (number, key.key()));
        let v6 = self.v6.into_iter();
        v4.chain(v6.map(|((a, b, c, d), number)| (number, FlowKey::V6(a, b, c, d))))
    }

    /// 4-tuples that have one.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        bytes_of(self.v4.len(), self.v4.capacity(), size_of::<(KeyV4, u32)>())
            + bytes_of(self.v6.len(), self.v6.capacity(), size_of::<(KeyV6, u32)>())
    }
}

/// Says whether the key was known.
fn set<K: PartialEq>(map: &mut HashTable<(K, u32)>, key: K, number: u32, hash: impl Fn(&K) -> u64) -> bool {
    match map.entry(hash(&key), |(other, _)| *other == key, |(other, _)| hash(other)) {
        Entry::Occupied(mut known) => {
            known.get_mut().1 = number;
            true
        }
        Entry::Vacant(place) => {
            place.insert((key, number));
            false
        }
    }
}

fn forget<K: PartialEq>(map: &mut HashTable<(K, u32)>, key: &K, hash: impl Fn(&K) -> u64) {
    if let Ok(found) = map.find_entry(hash(key), |(other, _)| other == key) {
        found.remove();
    }
}

/// What a map takes, or will take as soon as it grows: it has eight places for seven entries, and grows to twice as many.
fn bytes_of(used: usize, capacity: usize, size: usize) -> usize {
    let places = capacity / 7 * 8;
    let places = if used == capacity { places * 2 } else { places };
    places * (size + 1)
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
        assert!(newest.holds(Some(1), then) && newest.holds(None, then));
        newest.set(key(2), 2);
        assert!(newest.holds(Some(1), then) && !newest.holds(None, then));
        newest.set(key(1), 3);
        assert!(!newest.holds(Some(1), then));
        let then = newest.as_of_now();
        newest.forget(&key(2));
        assert!(!newest.holds(Some(2), then));
    }

    /// Keys that differ in as little as a scanner's do: each of 256 groups gets its share, by the low bits and by the high ones.
    #[test]
    fn keys_in_a_row_are_spread() {
        let seeds = Seeds::default();
        let hash = |port: u16| seeds.hash(KeyV4::new([10, 0, 0, 1], [10, 0, 0, 2], 1000, port));
        for shift in [0, 56] {
            let mut groups = [0_u32; 256];
            (0..u16::MAX).for_each(|port| groups[(hash(port) >> shift) as usize % 256] += 1);
            assert!(groups.iter().all(|&count| count < 1024), "{groups:?}");
        }
    }
}
