//! All flows of all shards in order of first packet: within a shard they are in this order already.

use super::streams::{Ahead, Heads, List};
use crate::flow::finished::Finished;

/// A flow's place, and its first packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Flows before it.
    pub(super) index: usize,
    pub(super) shard: usize,
    pub(super) number: u32,
}

/// Goes through the flows of all shards.
pub(super) struct Order<'a> {
    lists: Vec<Ahead<'a>>,
    /// First packet of the next flow of every shard.
    firsts: Heads,
    /// Its number there.
    numbers: Vec<u32>,
    index: usize,
}

impl<'a> Order<'a> {
    pub(super) fn new(shards: &'a [Finished]) -> Self {
        let list = |shard: &'a Finished| -> List<'a> { Box::new((0..).map_while(|number| shard.first_packet(number))) };
        let mut lists: Vec<Ahead<'a>> = shards.iter().map(|shard| Ahead::new(list(shard))).collect();
        Self {
            firsts: Heads::new(lists.iter_mut().map(Ahead::take)),
            lists,
            numbers: vec![0; shards.len()],
            index: 0,
        }
    }
}

impl Iterator for Order<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let (_, shard) = self.firsts.least()?;
        let (number, index) = (self.numbers[shard], self.index);
        self.numbers[shard] += 1;
        self.firsts.set(shard, self.lists[shard].take());
        self.index += 1;
        Some(Place { index, shard, number })
    }
}
