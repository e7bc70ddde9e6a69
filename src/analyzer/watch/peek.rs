//! One flow, judged as it is now: for who has made the connection and wants to know.

use super::told::{is_hasty, judged};
use super::{Watch, due};
use crate::analyzer::Analyzer;
use crate::base::{Dir, Endpoint, Stamp};
use crate::capture::CaptureInfo;
use crate::case::Case;
use crate::report::FlowRow;

/// What is known of a flow now.
#[derive(Clone, Debug)]
pub struct Peek {
    /// Its row.
    pub row: FlowRow,
    /// A moment later more will be known.
    pub is_settling: bool,
}

impl Watch {
    /// The selected flow whose two ends `is_it` recognises (in any order), and whose first packet came at `since` or later;
    /// the latest of several.
    #[must_use]
    pub fn peek(
        &self,
        analyzer: &Analyzer,
        info: &CaptureInfo,
        is_it: &dyn Fn(Endpoint, Endpoint) -> bool,
        since: Stamp,
    ) -> Option<Peek> {
        let ends = |key: crate::base::FlowKey| (key.sender(Dir::Up), key.sender(Dir::Down));
        let found = self.all().filter(|(watched, ..)| {
            let (a, b) = ends(watched.key);
            watched.flow > 0 && is_it(a, b)
        });
        let facts = found.filter_map(|(watched, shard, number)| {
            let facts = analyzer.shards.get(usize::from(shard))?.snapshot(number, watched.key)?;
            (facts.first.stamp >= since).then_some((watched, facts))
        });
        let (watched, facts) = facts.max_by_key(|(watched, _)| watched.flow)?;
        let case = Case::new(&facts, &self.context);
        let judged = judged(&case, info, &watched);
        Some(Peek {
            is_settling: is_hasty(&case, judged.row.status) || due::is_settling(&facts, self.now),
            row: judged.row,
        })
    }
}
