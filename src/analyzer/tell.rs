//! The way to a report: flows are judged in order, and reporters are told of them.

use super::analysis::{Analysis, Selected};
use super::lone::Slot;
use super::marks::Listed;
use super::order::Place;
use super::rows::Wants;
use crate::base::Map;
use crate::case::Case;
use crate::incident::Incidents;
use crate::report::{Draft, Reporter, Sheet, Tail};
use std::io;

/// Flows that are judged in a row. About 1 kB each, and at most 9 kB.
pub(super) const RUN: usize = 32;

/// Judges the flows of a report.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) selected: &'a Selected<'a>,
    pub(super) wants: Wants,
}

impl Judge<'_> {
    /// Some are judged, and then told of: the code of either stays near for more than one flow.
    pub(super) fn in_turn(self, teller: &mut Teller<'_, '_, '_>) -> io::Result<()> {
        let mut order = self.analysis.order();
        let (mut places, mut slots, mut lone): (Vec<Place>, Vec<Slot>, Slot) = Default::default();
        loop {
            places.clear();
            places.extend(order.by_ref().take(RUN));
            if places.is_empty() {
                return Ok(());
            }
            slots.resize_with(places.len(), Slot::default);
            let pairs = places.iter().zip(&mut slots);
            let others = pairs.filter(|(place, _)| !self.is_lone(**place));
            others.for_each(|(&place, slot)| self.judge(place, slot));
            self.tell(&places, &mut slots, &mut lone, teller)?;
        }
    }

    /// Tells of these flows. Lone SYNs are judged now, in a slot of their own: most are like one before, and then a slot that
    /// stays near is all that it takes.
    pub(super) fn tell(
        self,
        places: &[Place],
        slots: &mut [Slot],
        lone: &mut Slot,
        teller: &mut Teller<'_, '_, '_>,
    ) -> io::Result<()> {
        places.iter().zip(slots).try_for_each(|(&place, slot)| {
            let is_lone = self.is_lone(place);
            if is_lone {
                self.judge(place, lone);
            }
            teller.tell(place, if is_lone { lone } else { slot })
        })
    }

    pub(super) fn is_lone(self, place: Place) -> bool {
        let shard = self.analysis.shards.get(place.shard);
        shard.is_some_and(|shard| shard.is_lone(place.number))
    }

    /// Is this lone SYN selected?
    pub(super) fn wants_lone(self, place: Place) -> bool {
        let shard = self.analysis.shards.get(place.shard);
        let lone = shard.and_then(|shard| shard.lone(place.number));
        lone.is_some_and(|lone| (self.selected)(lone.client, lone.server))
    }

    /// Puts the judgement of a flow into `slot`, if it is selected.
    pub(super) fn judge(self, place: Place, slot: &mut Slot) {
        let Some(shard) = self.analysis.shards.get(place.shard) else {
            return slot.clear();
        };
        let facts = || shard.facts(place.number);
        if let Some(lone) = shard.lone(place.number) {
            if (self.selected)(lone.client, lone.server) {
                slot.put_lone(self.analysis, &lone, place.index, self.wants, facts);
            } else {
                slot.clear();
            }
            return;
        }
        // They stay where they were unpacked to: a kilobyte and a half need not be moved.
        let found = facts();
        let Some(facts) = found.as_deref() else {
            return slot.clear();
        };
        let case = Case::new(facts, &self.analysis.context);
        if (self.selected)(case.client(), case.server()) {
            slot.put(self.analysis, &case, place.index, self.wants);
        } else {
            slot.clear();
        }
    }
}

/// Tells reporters about judged flows, one after the other.
pub(super) struct Teller<'a, 'r, 'd> {
    analysis: &'a Analysis,
    reporters: &'r mut [&'d mut dyn Reporter],
    /// How each of these learns of flows.
    ways: Vec<Way>,
    /// Flows so far.
    flows: u64,
    /// What they have in common, if somebody wants to know.
    incidents: Option<Incidents>,
    /// What their marks need, by shard and number there; if there are marks.
    listed: Map<(u8, u32), Listed>,
}

/// How a reporter learns of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is told of one after the other.
    Told,
    /// Drafts take them in its place.
    Drafted,
    /// It has no use for them.
    Ignored,
}

impl<'a, 'r, 'd> Teller<'a, 'r, 'd> {
    /// Tells these reporters.
    pub(super) fn new(
        analysis: &'a Analysis,
        reporters: &'r mut [&'d mut dyn Reporter],
        incidents: Option<Incidents>,
    ) -> Self {
        let way = |ignores| if ignores { Way::Ignored } else { Way::Told };
        Self {
            ways: reporters.iter().map(|reporter| way(reporter.ignores_flows())).collect(),
            analysis,
            reporters,
            flows: 0,
            incidents,
            listed: Map::default(),
        }
    }

    /// One draft of each reporter that has such, which is told of no flow from now on.
    pub(super) fn drafts(&mut self) -> Vec<Box<dyn Draft>> {
        let mut drafts = Vec::new();
        for (reporter, way) in self.reporters.iter().zip(&mut self.ways) {
            if *way != Way::Ignored {
                drafts.extend(reporter.draft().inspect(|_| *way = Way::Drafted));
            }
        }
        drafts
    }

    /// Somebody has to be told of one flow after the other.
    pub(super) fn has_listeners(&self) -> bool {
        self.incidents.is_some() || !self.analysis.marks.is_empty() || self.ways.contains(&Way::Told)
    }

    /// So many flows that nobody is told of.
    pub(super) fn skip(&mut self, flows: u64) {
        self.flows += flows;
    }

    /// What drafts made of the next flows, each in its place.
    pub(super) fn take(&mut self, sheets: &mut [Sheet]) -> io::Result<()> {
        let reporters = self.reporters.iter_mut().zip(&self.ways);
        let drafted = reporters.filter(|(_, way)| **way == Way::Drafted);
        drafted
            .zip(sheets)
            .try_for_each(|((reporter, _), sheet)| reporter.take(sheet))
    }

    fn tell(&mut self, place: Place, slot: &mut Slot) -> io::Result<()> {
        let kind = slot.kind();
        let Some(judged) = slot.judged() else {
            return Ok(());
        };
        self.flows += 1;
        judged.row.flow = self.flows;
        if !self.analysis.marks.is_empty() {
            let listed = Listed::new(judged.key, self.flows, judged.row.stamp_digits);
            self.listed.insert((place.shard as u8, place.number), listed);
        }
        if let Some((incidents, seen)) = self.incidents.as_mut().zip(judged.observation()) {
            incidents.on_flow(&seen);
        }
        let report = judged.report(kind);
        let reporters = self.reporters.iter_mut().zip(&self.ways);
        let mut told = reporters.filter(|(_, way)| **way == Way::Told);
        told.try_for_each(|(reporter, _)| reporter.flow(&report))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let mut incidents = self.incidents;
        let tail = Tail {
            flows: self.flows,
            limits: incidents.as_ref().map_or_else(Vec::new, Incidents::limits),
            time: incidents.as_mut().and_then(Incidents::take_timeline),
        };
        for incident in incidents.map_or_else(Vec::new, Incidents::finish) {
            let reporters = &mut self.reporters.iter_mut();
            reporters.try_for_each(|reporter| reporter.incident(&incident))?;
        }
        self.analysis.marks.tell(self.analysis, &self.listed, self.reporters)?;
        self.reporters.iter_mut().try_for_each(|reporter| reporter.end(&tail))
    }
}
