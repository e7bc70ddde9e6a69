//! A handful of keys with their counts: the latest ones, in little memory.

use crate::base::Stamp;
use std::net::IpAddr;

/// Keys kept.
const KEPT: usize = 16;

/// The keys that came last, with their counts. What a look-up reads lies together: most services have many clients.
#[derive(Clone, Debug)]
pub struct Few<K> {
    keys: Vec<K>,
    /// A short hash of each.
    prints: [u32; KEPT],
    /// When each came last.
    lasts: [Stamp; KEPT],
    counts: [u64; KEPT],
    /// There were others.
    pub more: bool,
}

impl<K> Default for Few<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            prints: [0; KEPT],
            lasts: [Stamp::default(); KEPT],
            counts: [0; KEPT],
            more: false,
        }
    }
}

impl<K> Few<K> {
    /// Counts the key with this short hash that `is_it` knows, or else takes in a new one in the place of the one not seen
    /// for longest.
    pub fn on(&mut self, print: u32, is_it: impl Fn(&K) -> bool, new: impl FnOnce() -> K, at: Stamp) {
        let mut known = (0..).zip(self.prints).zip(&self.keys);
        let known = known.find(|((_, known), key)| *known == print && is_it(key));
        let place = match known {
            Some(((place, _), _)) => place,
            None if self.keys.len() < KEPT => {
                self.keys.push(new());
                self.keys.len() - 1
            }
            None => {
                self.more = true;
                let oldest = (0..KEPT).min_by_key(|&place| self.lasts[place]).unwrap_or(0);
                if let Some(key) = self.keys.get_mut(oldest) {
                    *key = new();
                }
                self.counts[oldest] = 0;
                oldest
            }
        };
        self.prints[place] = print;
        self.lasts[place] = at;
        self.counts[place] += 1;
    }

    /// Key, count and last time, the first come first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u64, Stamp)> {
        let keys = self.keys.iter().zip(self.counts).zip(self.lasts);
        keys.map(|((key, count), last)| (key, count, last))
    }
}

/// A short hash of a name.
pub fn print_of(text: &str) -> u32 {
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    text.as_bytes().iter().rev().take(16).fold(text.len() as u32, mix)
}

/// A short hash of an address.
pub fn print_of_ip(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits(),
        IpAddr::V6(ip) => ip
            .segments()
            .into_iter()
            .fold(0, |hash, part| hash.rotate_left(5) ^ u32::from(part)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_keys_are_kept_with_their_counts() {
        let mut few = Few::default();
        let mut on = |name: &str, at| {
            few.on(
                print_of(name),
                |known: &String| known == name,
                || name.into(),
                Stamp(at),
            );
        };
        let names: Vec<String> = (0..20).map(|number| format!("host{number}")).collect();
        for (at, name) in (0..).zip(&names[..KEPT]) {
            on(name, at);
        }
        on("host0", 50);
        on("host16", 51);
        on("host0", 52);
        assert!(few.more);
        let of = |name: &str| {
            few.iter()
                .find(|(key, ..)| *key == name)
                .map(|(_, count, last)| (count, last.0))
        };
        assert_eq!(
            (of("host0"), of("host1"), of("host16")),
            (Some((3, 52)), None, Some((1, 51)))
        );
    }
}
