//! Of many things in order, those that were last seen since a moment: how many there are, and the first of them.

use crate::base::Stamp;

/// Things in order, each with the time when it was last seen. Asked for some of them, it does not go through all.
#[derive(Clone, Debug)]
pub(super) struct Since<T> {
    all: Vec<T>,
    /// When they were last seen, ascending.
    lasts: Vec<Stamp>,
    /// The latest of all, of either half, of the quarters, and so on down to single ones: the two of node n are at 2n and
    /// 2n + 1.
    latest: Vec<Stamp>,
}

impl<T> Since<T> {
    pub fn new(all: impl IntoIterator<Item = (T, Stamp)>) -> Self {
        let (all, mut lasts): (Vec<T>, Vec<Stamp>) = all.into_iter().unzip();
        let leaves = all.len().next_power_of_two();
        let mut latest = vec![Stamp(i64::MIN); leaves];
        latest.extend(&lasts);
        latest.resize(2 * leaves, Stamp(i64::MIN));
        for node in (1..leaves).rev() {
            latest[node] = latest[2 * node].max(latest[2 * node + 1]);
        }
        lasts.sort_unstable();
        Self { all, lasts, latest }
    }

    /// How many were seen since then.
    pub fn count(&self, from: Stamp) -> usize {
        self.lasts.len() - self.lasts.partition_point(|last| *last < from)
    }

    /// Those that were seen since then, in order.
    pub fn iter(&self, from: Stamp) -> impl Iterator<Item = &T> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let place = self.first(next, from)?;
            next = place + 1;
            self.all.get(place)
        })
    }

    /// The first of those from `place` on.
    fn first(&self, place: usize, from: Stamp) -> Option<usize> {
        let leaves = self.latest.len() / 2;
        if place >= self.all.len() {
            return None;
        }
        let mut node = leaves + place;
        while self.latest[node] < from {
            // On to what lies right of it, as much at once as begins there.
            node += 1;
            if node.is_power_of_two() {
                return None;
            }
            node >>= node.trailing_zeros();
        }
        while node < leaves {
            node *= 2;
            node += usize::from(self.latest[node] < from);
        }
        Some(node - leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_going_through_all_would() {
        for number in [0, 1, 2, 3, 7, 8, 9, 100_i64] {
            let all: Vec<(i64, Stamp)> = (0..number).map(|each| (each, Stamp(each * 37 % 11))).collect();
            let since = Since::new(all.iter().copied());
            for from in (-1..12).map(Stamp) {
                let seen: Vec<i64> = all
                    .iter()
                    .filter(|(_, last)| *last >= from)
                    .map(|(each, _)| *each)
                    .collect();
                assert_eq!(since.count(from), seen.len());
                assert_eq!(
                    since.iter(from).copied().collect::<Vec<_>>(),
                    seen,
                    "{number} since {from:?}"
                );
            }
        }
    }

    #[test]
    fn the_first_of_many_is_found_in_few_steps() {
        // Only the last one was seen: each step takes half of what is left.
        let since = Since::new((0..1_000_000).map(|each| (each, Stamp(i64::from(each == 999_999)))));
        assert!((0..10_000).all(|_| since.iter(Stamp(1)).next() == Some(&999_999)));
    }
}
