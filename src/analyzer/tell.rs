//! The way to a report: flows are judged in order, on several threads ahead of those that the reporters are told of.

use super::analysis::{Analysis, Selected};
use super::lone::Slot;
use super::marks::Listed;
use super::order::{Order, Place};
use super::rows::Wants;
use crate::base::Map;
use crate::case::Case;
use crate::incident::Incidents;
use crate::report::{FlowReport, Reporter, Tail};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::io;

/// Flows that are judged while those before them are written. About 1 kB each, and at most 9 kB.
const AHEAD: usize = 256;
/// Flows that one thread judges in a row.
const RUN: usize = 32;

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
        let mut order = Order::new(&self.analysis.shards);
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

    /// The threads of `pool` judge some flows while this one tells of those before them. Lone SYNs it judges itself: most
    /// are like one before, and then a slot that stays near is all that it takes.
    pub(super) fn ahead(self, pool: &ThreadPool, teller: &mut Teller<'_, '_, '_>) -> io::Result<()> {
        let mut order = Order::new(&self.analysis.shards);
        let mut before: Vec<Place> = Vec::new();
        let (mut ready, mut next): (Vec<Slot>, Vec<Slot>) = (Vec::new(), Vec::new());
        let mut lone = Slot::default();
        loop {
            let places: Vec<Place> = order.by_ref().take(AHEAD).collect();
            next.resize_with(places.len(), Slot::default);
            let pairs = places.par_iter().zip(&mut next).with_min_len(RUN);
            let others = pairs.filter(|(place, _)| !self.is_lone(**place));
            pool.in_place_scope(|scope| {
                scope.spawn(|_| others.for_each(|(&place, slot)| self.judge(place, slot)));
                self.tell(&before, &mut ready, &mut lone, teller)
            })?;
            if places.is_empty() {
                return Ok(());
            }
            std::mem::swap(&mut ready, &mut next);
            before = places;
        }
    }

    /// Tells of these flows. Lone SYNs are judged now, in a slot of their own.
    fn tell(
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

    fn is_lone(self, place: Place) -> bool {
        let shard = self.analysis.shards.get(place.shard);
        shard.is_some_and(|shard| shard.is_lone(place.number))
    }

    /// Puts the judgement of a flow into `slot`, if it is selected.
    fn judge(self, place: Place, slot: &mut Slot) {
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
    pub(super) analysis: &'a Analysis,
    pub(super) reporters: &'r mut [&'d mut dyn Reporter],
    /// Told so far.
    pub(super) flows: u64,
    /// What they have in common, if somebody wants to know.
    pub(super) incidents: Option<Incidents>,
    /// What their marks need, by shard and number there; if there are marks.
    pub(super) listed: Map<(u8, u32), Listed>,
}

impl Teller<'_, '_, '_> {
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
        let report = FlowReport {
            row: &judged.row,
            findings: &judged.findings,
            cause: judged.cause.and_then(|place| judged.findings.get(place)),
            kind,
        };
        self.reporters
            .iter_mut()
            .try_for_each(|reporter| reporter.flow(&report))
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
