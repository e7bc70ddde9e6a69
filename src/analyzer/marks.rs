//! Packets with marks, from all shards: put in order, and told to the reporters once the flows have their numbers.

use super::Analysis;
use crate::base::{FlowKey, limits};
use crate::flow::FlowFacts;
use crate::flow::mark::Marked;
use crate::flow::table::Finished;
use crate::report::{MarkRow, Reporter};
use std::io;

/// All marked packets, in order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    marked: Vec<Marked>,
    /// A limit was reached.
    pub(super) is_full: bool,
}

/// What a marked packet needs to know of its flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    /// The flow's number in the report.
    flow: u64,
    key: FlowKey,
    stamp_digits: u8,
}

impl Ledger {
    /// Takes the marked packets out of `finished`. `flows` are all its flows in the order of the report.
    pub(super) fn new(shards: Vec<(Vec<Marked>, Vec<u64>)>, flows: &[FlowFacts]) -> Self {
        let mut marked = Vec::with_capacity(shards.iter().map(|(marked, _)| marked.len()).sum());
        for (part, firsts) in shards {
            if part.is_empty() {
                continue;
            }
            let places: Vec<u32> = firsts.iter().map(|&first| place_of(first, flows)).collect();
            marked.extend(part.into_iter().map(|mark| Marked {
                flow: places.get(mark.flow as usize).copied().unwrap_or(u32::MAX),
                ..mark
            }));
        }
        marked.sort_unstable_by_key(|mark| mark.packet);
        let is_full = marked.len() > limits::MAX_MARKED;
        marked.truncate(limits::MAX_MARKED);
        Self { marked, is_full }
    }

    /// Tells the marks of all flows in `listed` (by place).
    pub(super) fn tell(
        &self,
        analysis: &Analysis,
        listed: &[Option<Listed>],
        reporters: &mut [&mut dyn Reporter],
    ) -> io::Result<()> {
        for mark in &self.marked {
            let Some(Some(flow)) = listed.get(mark.flow as usize) else {
                continue;
            };
            let row = MarkRow {
                packet: mark.packet,
                flow: flow.flow,
                tcp_stream: analysis.stream_at(mark.stream_start),
                stamp: mark.stamp,
                stamp_digits: flow.stamp_digits,
                source: flow.key.sender(mark.dir),
                target: flow.key.sender(mark.dir.flip()),
                marks: mark.marks,
            };
            for reporter in reporters.iter_mut() {
                reporter.mark(&row)?;
            }
        }
        Ok(())
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.marked.is_empty()
    }
}

impl Listed {
    pub(super) fn new(facts: &FlowFacts, flow: u64, stamp_digits: u8) -> Self {
        Self {
            flow,
            key: facts.key,
            stamp_digits,
        }
    }
}

/// Marked packets of a shard, and the first packet of each of its flows: what [`Ledger::new`] needs.
pub(super) fn take(shard: &mut Finished) -> (Vec<Marked>, Vec<u64>) {
    let marked = std::mem::take(&mut shard.marked);
    let firsts = if marked.is_empty() {
        Vec::new()
    } else {
        shard.flows.iter().map(|facts| facts.first.number()).collect()
    };
    (marked, firsts)
}

/// A packet starts at most one flow.
fn place_of(first: u64, flows: &[FlowFacts]) -> u32 {
    flows
        .binary_search_by_key(&first, |facts| facts.first.number())
        .map_or(u32::MAX, |place| place as u32)
}
