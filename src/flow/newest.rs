//! Finds the newest flow of a 4-tuple.

use crate::base::{FlowKey, Map};
use std::hash::{Hash, Hasher};

/// An IPv4 flow's key without the tag of [`FlowKey`]: most flows there are, and 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyV4(u32, u32, u32);

/// In one word.
impl Hash for KeyV4 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ips = u64::from(self.0) << 32 | u64::from(self.1);
        state.write_u128(u128::from(ips) << 64 | u128::from(self.2));
    }
}

impl KeyV4 {
    pub(super) fn new(low: [u8; 4], high: [u8; 4], low_port: u16, high_port: u16) -> Self {
        let ports = u32::from(low_port) << 16 | u32::from(high_port);
        Self(u32::from_be_bytes(low), u32::from_be_bytes(high), ports)
    }

    /// The key that it was made of.
    pub(super) fn key(self) -> FlowKey {
        let (low, high) = (self.0.to_be_bytes(), self.1.to_be_bytes());
        FlowKey::V4(low, high, (self.2 >> 16) as u16, self.2 as u16)
    }
}

/// The same for IPv6, as it is.
type KeyV6 = ([u8; 16], [u8; 16], u16, u16);

/// The number of the newest flow of every 4-tuple.
#[derive(Debug, Default)]
pub(super) struct Newest {
    v4: Map<KeyV4, u32>,
    v6: Map<KeyV6, u32>,
    /// Changes so far: what was looked up holds until the next one.
    changes: u64,
}

impl Newest {
    pub(super) fn get(&self, key: &FlowKey) -> Option<u32> {
        match *key {
            FlowKey::V4(a, b, c, d) => self.v4.get(&KeyV4::new(a, b, c, d)).copied(),
            FlowKey::V6(a, b, c, d) => self.v6.get(&(a, b, c, d)).copied(),
        }
    }

    /// Changes so far: what was looked up holds until the next one.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    pub(super) fn set(&mut self, key: FlowKey, number: u32) {
        self.changes += 1;
        match key {
            FlowKey::V4(a, b, c, d) => self.v4.insert(KeyV4::new(a, b, c, d), number),
            FlowKey::V6(a, b, c, d) => self.v6.insert((a, b, c, d), number),
        };
    }

    /// There was no room for the newest flow of a 4-tuple: its segments must not be taken for the old one's.
    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.changes += 1;
        match *key {
            FlowKey::V4(a, b, c, d) => self.v4.remove(&KeyV4::new(a, b, c, d)),
            FlowKey::V6(a, b, c, d) => self.v6.remove(&(a, b, c, d)),
        };
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
        bytes_of(&self.v4) + bytes_of(&self.v6)
    }
}

/// What a map takes, or will take as soon as it grows: it has eight places for seven entries, and grows to twice as many.
fn bytes_of<K, V>(map: &Map<K, V>) -> usize {
    let places = map.capacity() / 7 * 8;
    let places = if map.len() == map.capacity() {
        places * 2
    } else {
        places
    };
    places * (size_of::<(K, V)>() + 1)
}
