//! A handful of keys with their counts: the latest ones, in little memory.

use crate::base::Stamp;

/// Keys kept.
const KEPT: usize = 16;

/// The keys that came last, with their counts.
#[derive(Clone, Debug)]
pub struct Few<K> {
    kept: Vec<(K, u64, Stamp)>,
    /// There were others.
    pub more: bool,
}

impl<K> Default for Few<K> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            more: false,
        }
    }
}

impl<K> Few<K> {
    /// Counts the key that `is_it` knows, or else takes in a new one in the place of the one not seen for longest.
    pub fn on(&mut self, is_it: impl Fn(&K) -> bool, new: impl FnOnce() -> K, at: Stamp) {
        if let Some((_, count, last)) = self.kept.iter_mut().find(|(key, ..)| is_it(key)) {
            *count += 1;
            *last = at;
        } else if self.kept.len() < KEPT {
            self.kept.push((new(), 1, at));
        } else if let Some(oldest) = self.kept.iter_mut().min_by_key(|(.., last)| *last) {
            self.more = true;
            *oldest = (new(), 1, at);
        }
    }

    /// Key, count and last time, the first come first.
    pub fn iter(&self) -> impl Iterator<Item = &(K, u64, Stamp)> {
        self.kept.iter()
    }
}
