//! All flows of all shards in order of first packet: within a shard they are in this order already.

use super::streams::least;
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
#[derive(Debug)]
pub(super) struct Order<'a> {
    shards: &'a [Finished],
    /// First packet of the next flow of every shard; a number that no packet has where there is none.
    firsts: Vec<u64>,
    numbers: Vec<u32>,
    index: usize,
}

impl<'a> Order<'a> {
    pub(super) fn new(shards: &'a [Finished]) -> Self {
        Self {
            shards,
            firsts: shards.iter().map(|shard| first(shard, 0)).collect(),
            numbers: vec![0; shards.len()],
            index: 0,
        }
    }
}

fn first(shard: &Finished, number: u32) -> u64 {
    shard.first_packet(number).unwrap_or(u64::MAX)
}

impl Iterator for Order<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let (_, shard) = least(&self.firsts)?;
        let (number, index) = (self.numbers[shard], self.index);
        self.numbers[shard] += 1;
        self.firsts[shard] = first(&self.shards[shard], number + 1);
        self.index += 1;
        Some(Place { index, shard, number })
    }
}
