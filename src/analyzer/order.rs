//! All flows of all shards in order of first packet: within a shard they are in this order already.

use super::streams::{Ahead, Heads};
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
    lists: Vec<Ahead<Firsts<'a>>>,
    /// First packet of the next flow of every shard.
    firsts: Heads,
    /// Its number there.
    numbers: Vec<u32>,
    index: usize,
}

impl<'a> Order<'a> {
    pub(super) fn new(shards: &'a [Finished]) -> Self {
        let mut lists: Vec<_> = shards
            .iter()
            .map(|shard| Ahead::new(Firsts { shard, number: 0 }))
            .collect();
        Self {
            firsts: Heads::new(lists.iter_mut().map(Ahead::take)),
            lists,
            numbers: vec![0; shards.len()],
            index: 0,
        }
    }
}

/// First packets of a shard's flows.
struct Firsts<'a> {
    shard: &'a Finished,
    /// Of the next one.
    number: u32,
}

impl Iterator for Firsts<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let packet = self.shard.first_packet(self.number)?;
        self.number += 1;
        Some(packet)
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
