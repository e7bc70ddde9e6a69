//! Packets with marks, from all shards: put in order, and told to the reporters once the flows have their numbers.

use super::Analysis;
use crate::base::{FlowKey, Map};
use crate::flow::mark::Marked;
use crate::report::{MarkRow, Reporter};
use std::io;

/// All marked packets, in order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// With their shards.
    marked: Vec<(u8, Marked)>,
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
    /// The marked packets of all shards, up to `most` of them.
    pub(super) fn new(shards: impl Iterator<Item = Vec<Marked>>, most: usize) -> Self {
        let mut marked: Vec<(u8, Marked)> = Vec::new();
        for (shard, part) in shards.enumerate() {
            marked.extend(part.into_iter().map(|mark| (shard as u8, mark)));
        }
        marked.sort_unstable_by_key(|(_, mark)| mark.packet);
        let is_full = marked.len() > most;
        marked.truncate(most);
        Self { marked, is_full }
    }

    /// Tells the marks of all flows in `listed` (by shard and number there).
    pub(super) fn tell(
        &self,
        analysis: &Analysis,
        listed: &Map<(u8, u32), Listed>,
        reporters: &mut [&mut dyn Reporter],
    ) -> io::Result<()> {
        for (shard, mark) in &self.marked {
            let Some(flow) = listed.get(&(*shard, mark.flow)) else {
                continue;
            };
            let row = MarkRow {
                packet: mark.packet,
                flow: flow.flow,
                tcp_stream: analysis.stream_at(mark.stream_start, 0),
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

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.marked.len()
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.marked.is_empty()
    }
}

impl Listed {
    pub(super) fn new(key: FlowKey, flow: u64, stamp_digits: u8) -> Self {
        Self {
            flow,
            key,
            stamp_digits,
        }
    }
}
