//! What the connections that ended have in common: told at the end, for only then are they known in the order in which
//! they began.

use super::Watch;
use crate::analyzer::Analyzer;
use crate::analyzer::observe::{Beside, observation};
use crate::base::{Stamp, limits};
use crate::case::Case;
use crate::finding::Finding;
use crate::incident::{Incident, Incidents, Observation};
use crate::report::{FlowRow, Tail};
use std::collections::VecDeque;

/// The connections that ended last, as incidents see them.
#[derive(Debug, Default)]
pub(super) struct Ended {
    last: VecDeque<Remembered>,
    /// Others that ended before them.
    forgotten: u64,
}

/// A connection that ended.
#[derive(Debug)]
struct Remembered {
    /// Without what stands below.
    seen: Observation<'static>,
    name: Option<Box<str>>,
    packets: Box<[u64]>,
    lost: Box<[Stamp]>,
}

impl Remembered {
    fn observation(&self) -> Observation<'_> {
        Observation {
            name: self.name.as_deref(),
            packets: &self.packets,
            lost: &self.lost,
            ..self.seen
        }
    }
}

impl Ended {
    /// This connection is over.
    pub(super) fn on(&mut self, case: &Case<'_>, row: &FlowRow, cause: Option<&Finding>) {
        if self.last.len() >= limits::MAX_ENDED {
            self.last.pop_front();
            self.forgotten += 1;
        }
        let beside = Beside::of(case, row.status, cause);
        let seen = observation(row, cause.map(|finding| finding.meta), &beside);
        self.last.push_back(Remembered {
            seen: seen.bare(),
            name: seen.name.map(Box::from),
            packets: seen.packets.into(),
            lost: seen.lost.into(),
        });
    }
}

impl Watch {
    /// What the connections that ended have in common, the gravest first, and what else is known only at the end. `flows`:
    /// how many were told. After [`Watch::finish`].
    pub fn take_incidents(&mut self, analyzer: &mut Analyzer, flows: u64) -> (Vec<Incident>, Tail) {
        let Ended { last, forgotten } = std::mem::take(&mut self.ended);
        let mut ended = Vec::from(last);
        ended.sort_by_key(|one| (one.seen.start, one.seen.flow));
        let first = ended.first().map(|one| one.seen.start);
        let mut incidents = Incidents::new(first.map(|first| (first, self.now.max(first))));
        let tally = &mut analyzer.front.dealer.tally;
        let end = |interface| self.context.end_of(interface);
        let unanswered = tally.neighbors.unanswered(end);
        let (lookups, answered) = std::mem::take(&mut tally.lookups).finish(end);
        incidents.on_lookups(&lookups, &answered, &unanswered);
        for one in &ended {
            incidents.on_flow(&one.observation());
        }
        let mut limits = incidents.limits();
        if forgotten > 0 {
            limits.push(format!(
                "incidents leave out the {forgotten} connections that ended first: {} were the most there is room for",
                limits::MAX_ENDED
            ));
        }
        let tail = Tail {
            flows,
            limits,
            time: incidents.take_timeline(),
        };
        (incidents.finish(), tail)
    }
}
