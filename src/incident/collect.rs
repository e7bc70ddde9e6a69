//! Takes in judged flows one at a time, in order, and says at the end what incidents they make.

use super::caller::{self, Caller};
use super::family::{self, Recent};
use super::group::{Group, Mark};
use super::instant::{self, Ends};
use super::lookup::Before;
use super::losses::{self, Losses};
use super::rhythm::Moments;
use super::service::Service;
use super::timeline::Timeline;
use super::{Failure, Incident, Observation, flood, plain};
use crate::base::{Endpoint, Map, Stamp, limits};
use crate::lookup::{Lookup, Unanswered};
use crate::verdict::words::Status;
use std::net::IpAddr;

/// Takes in judged flows and says what incidents they make. Memory stays bounded, whatever comes.
#[derive(Debug, Default)]
pub struct Incidents {
    /// Each in its own place, here and in the next: they are large, and the maps grow.
    pub(super) services: Map<Endpoint, Box<Service>>,
    pub(super) groups: Map<(Endpoint, Failure), Box<Group>>,
    pub(super) callers: Map<IpAddr, Caller>,
    pub(super) ends: Ends,
    recent: Recent,
    before: Before,
    moments: Moments,
    pub(super) losses: Losses,
    timeline: Option<Timeline>,
    sources: usize,
    pub(super) left_out: LeftOut,
}

/// What there was no room for.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Flows to services.
    flows: u64,
    /// Failed flows.
    failures: u64,
    /// Failed flows of clients whose targets are not counted.
    pub callers: u64,
    /// Failed flows of sources that are not told apart.
    sources: u64,
}

impl Incidents {
    /// For a recording of this span, if it is known.
    #[must_use]
    pub fn new(span: Option<(Stamp, Stamp)>) -> Self {
        Self {
            timeline: span.map(|(first, last)| Timeline::new(first, last)),
            ..Self::default()
        }
    }

    /// What happened when.
    pub fn take_timeline(&mut self) -> Option<Timeline> {
        self.timeline.take()
    }

    /// Takes in one flow; flows come in order of their first packet.
    pub fn on_flow(&mut self, seen: &Observation<'_>) {
        self.before.on_flow(seen);
        let way = Failure::of(seen);
        if let Some(timeline) = &mut self.timeline {
            timeline.on(seen, way);
        }
        if seen.status == Status::Unknown {
            return;
        }
        self.moments.on(seen, way);
        if self.services.len() >= limits::MAX_SERVICES && !self.services.contains_key(&seen.server) {
            self.left_out.flows += 1;
            return;
        }
        let service = self.services.entry(seen.server).or_default();
        if way.is_some_and(|way| service.is_retry(seen, way)) {
            return;
        }
        service.attempts += 1;
        service
            .rate
            .on(seen.start, way.is_some_and(|way| way != Failure::Lossy));
        if way.is_none_or(Failure::is_mild) {
            service.on_ok(seen);
        }
        let counts = (service.attempts, service.ok);
        self.losses.on(seen, counts);
        if let Some(way) = way {
            service.fails(way);
            self.on_failed(seen, way, counts);
            caller::on_failed(self, seen, way, counts);
            self.ends.on(seen, way);
        } else {
            let ways = service.ways;
            if ways != 0 {
                self.on_ok(seen, ways);
            }
            if let Some(caller) = self.callers.get_mut(&seen.client.ip) {
                caller.ok += 1;
            }
        }
        if let Some(pair) = self.recent.on(seen, way) {
            if let Some(group) = self.groups.get_mut(&(pair.service, pair.way)) {
                group.siblings.on(pair.ends);
            }
        }
    }

    /// Look-ups in trouble, which connections may yet show to be harmless. `answered`: questions that each name server did
    /// answer.
    pub fn on_lookups(&mut self, lookups: &[Lookup], answered: &Map<IpAddr, u64>, unanswered: &[Unanswered]) {
        self.before = Before::new(lookups, answered, unanswered);
    }

    fn on_failed(&mut self, seen: &Observation<'_>, way: Failure, counts: (u64, u64)) {
        let room = self.groups.len() < limits::MAX_FAILURES;
        if !room && !self.groups.contains_key(&(seen.server, way)) {
            self.left_out.failures += 1;
            return;
        }
        let group = self
            .groups
            .entry((seen.server, way))
            .or_insert_with(|| Box::new(Group::new(seen, way)));
        let room = self.sources < limits::MAX_SOURCES;
        self.left_out.sources += u64::from(!room && !group.sources.contains_key(&seen.client.ip));
        self.sources += usize::from(group.on_failed(seen, Mark::new(seen, counts), room));
    }

    /// A flow to a failing service worked: who, under what name?
    fn on_ok(&mut self, seen: &Observation<'_>, ways: u32) {
        for way in Failure::ALL.iter().filter(|way| ways & 1 << **way as u32 != 0) {
            if let Some(group) = self.groups.get_mut(&(seen.server, *way)) {
                group.on_ok(seen);
            }
        }
    }

    /// All incidents, the gravest first.
    #[must_use]
    pub fn finish(mut self) -> Vec<Incident> {
        self.services.values_mut().for_each(|service| service.rate.close());
        let mut found = Vec::new();
        caller::find(&mut self, &mut found);
        flood::find(&mut self, &mut found);
        family::find(&mut self, &mut found);
        instant::find(&mut self, &mut found);
        losses::find(&mut self, &mut found);
        plain::find(&mut self, &mut found);
        self.before.find(&mut found);
        std::mem::take(&mut self.moments).find(&mut found);
        rank(&mut found);
        found
    }

    /// What had to be given up, one sentence each.
    #[must_use]
    pub fn limits(&self) -> Vec<String> {
        let LeftOut {
            flows,
            failures,
            callers,
            sources,
        } = self.left_out;
        let each = [
            (
                flows,
                format!(
                    "incidents leave out {flows} connections: {} services were the most there is room for",
                    limits::MAX_SERVICES
                ),
            ),
            (
                failures,
                format!(
                    "incidents leave out {failures} failed connections: {} failing services were the most there is room for",
                    limits::MAX_FAILURES
                ),
            ),
            (
                callers,
                format!(
                    "{callers} failed connections were not searched for scans: {} clients were the most there is room for",
                    limits::MAX_CALLERS
                ),
            ),
            (
                sources,
                format!(
                    "incidents do not tell apart the senders of {sources} failed connections: {} were the most there is room for",
                    limits::MAX_SOURCES
                ),
            ),
            (
                self.ends.left_out,
                format!(
                    "{} broken connections were not searched for a common moment: {} were the most there is room for",
                    self.ends.left_out,
                    limits::MAX_ENDS
                ),
            ),
            (
                self.losses.left_out,
                format!(
                    "{} connections that lost data were not compared with others: {} pairs of hosts were the most there is room for",
                    self.losses.left_out,
                    limits::MAX_LOSSY
                ),
            ),
            (
                u64::from(self.moments.full),
                format!(
                    "only the first {} losses were searched for a rhythm",
                    limits::MAX_MOMENTS
                ),
            ),
            (
                self.moments.cut,
                format!(
                    "of {} connections only the first {} losses of a direction were searched for a rhythm",
                    self.moments.cut,
                    limits::MAX_LOSS_TIMES
                ),
            ),
        ];
        let reached = each.into_iter().filter(|(number, _)| *number > 0);
        reached.map(|(_, text)| text).collect()
    }
}

/// The gravest first: by severity, then by number, then by time.
pub(super) fn rank(found: &mut [Incident]) {
    found.sort_by(|a, b| {
        let key = |each: &Incident| {
            (
                std::cmp::Reverse(each.severity),
                std::cmp::Reverse(each.failed),
                each.first,
            )
        };
        key(a).cmp(&key(b)).then_with(|| a.service.cmp(&b.service))
    });
}
