//! All flows of all shards in order of first packet: within a shard they are in this order already.

use super::ascending::Ascending;
use super::merge::Merge;
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
    firsts: Merge<Firsts<'a>>,
    /// The number of the next flow of every shard there.
    numbers: Vec<u32>,
    index: usize,
}

impl<'a> Order<'a> {
    /// Of these shards; `others`: first packets of the flows in each that are no lone SYNs.
    pub(super) fn new(shards: &'a [Finished], others: &'a [Ascending]) -> Self {
        let firsts = shards.iter().zip(others).map(|(shard, others)| Firsts {
            shard,
            number: 0,
            others: Box::new(others.iter()),
        });
        Self {
            firsts: Merge::new(firsts),
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
    /// Of those that are no lone SYNs.
    others: Box<dyn Iterator<Item = u64> + Send + 'a>,
}

impl Iterator for Firsts<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.number as usize >= self.shard.len() {
            return None;
        }
        let lone = self.shard.lone_packet(self.number);
        self.number += 1;
        lone.or_else(|| self.others.next())
    }
}

impl Iterator for Order<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let (_, shard) = self.firsts.next()?;
        let (number, index) = (self.numbers[shard], self.index);
        self.numbers[shard] += 1;
        self.index += 1;
        Some(Place { index, shard, number })
    }
}
