//! Flows that went the same way at the same service, folded into one entry; memory stays bounded whatever comes.

use super::FlowReport;
use super::explained::Explained;
use crate::base::{Endpoint, Span, Stamp};
use crate::finding::Confidence;
use crate::finding::candidates::{Leaning, candidates};
use crate::finding::causes::Cause;
use crate::incident::{Failure, Incident};
use crate::verdict::words::{Culprit, Doubt, Ending, Handshake, Status};
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

/// The addresses in a capture are chosen by strangers: seeded anew in each run.
type HashMap<K, V> = hashbrown::HashMap<K, V, foldhash::fast::RandomState>;

/// Groups told apart; flows beyond are only counted. About 1 kB each.
const MAX_GROUPS: usize = 10_000;
/// Services whose successes are counted, for the contrast; 48 bytes each.
const MAX_SERVICES: usize = 100_000;
/// Clients of one group told apart.
pub(super) const MAX_CLIENTS: usize = 256;
/// From so many groups that differ only in port, or only in host, one is made.
const FOLD: usize = 4;

/// How a flow went, as far as grouping goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// A finding explains it.
    Cause(&'static str, Culprit),
    /// Only its words are known.
    Words(Handshake, Ending, Option<Doubt>),
}

/// Where it went that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// One service.
    Service(Endpoint),
    /// Several ports of one host.
    Host(IpAddr),
    /// One port of several hosts.
    Port(u16),
}

/// The flow that stands for its group: the surest, of these the first.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its number in the report.
    pub flow: u64,
    /// Wireshark's number.
    pub tcp_stream: Option<u64>,
    /// First packet's time.
    pub start: Stamp,
    /// Client.
    pub client: Endpoint,
    /// Server.
    pub server: Endpoint,
    /// Server name, if any.
    pub name: Option<String>,
    /// One plain sentence.
    pub summary: String,
    /// How sure.
    pub confidence: Confidence,
    /// Packets that prove it.
    pub packets: Vec<u64>,
    /// The cause's title, if there is a cause.
    pub title: Option<&'static str>,
    /// The cause's next step, if there is a cause.
    pub next: Option<&'static str>,
    /// The cause's id, if there is a cause.
    pub cause: Option<&'static str>,
    /// What speaks for one candidate of it or the other.
    pub leaning: Leaning,
    /// Interface of its first packet; only where [`super::Reporter::wants_details`].
    pub interface: Option<String>,
    /// The cause's page, if there is a cause.
    pub page: Option<&'static str>,
}

/// Flows that went the same way at the same place.
#[derive(Clone, Debug)]
pub struct Group {
    /// See the word.
    pub status: Status,
    /// How.
    pub way: Way,
    /// The same as incidents see it.
    pub failure: Option<Failure>,
    /// Where.
    pub place: Place,
    /// The services, where `place` is more than one: in order, all of them.
    pub services: Vec<Endpoint>,
    /// How many.
    pub flows: u64,
    /// From which clients, up to `MAX_CLIENTS`.
    pub clients: HashSet<IpAddr>,
    /// First packet of the first.
    pub first: Stamp,
    /// Last packet of the last.
    pub last: Stamp,
    /// How many flows with each confidence: low, medium, high.
    pub confidence: [u64; 3],
    /// How many flows with each doubt.
    pub doubts: BTreeMap<Doubt, u64>,
    /// Who.
    pub culprit: Culprit,
    /// All summaries are the same.
    pub same_summary: bool,
    /// The flow to look at first.
    pub example: Example,
}

/// Groups flows by status, service and way.
#[derive(Debug, Default)]
pub struct Groups {
    by_way: HashMap<(Status, Endpoint, Way, Option<Failure>), Group>,
    services: HashMap<Endpoint, (u64, u64)>,
    overflow: [u64; Status::ALL.len()],
}

impl Groups {
    /// Takes one flow in.
    pub fn add(&mut self, flow: &FlowReport<'_>) {
        let row = flow.row;
        let room = self.services.len() < MAX_SERVICES;
        if room || self.services.contains_key(&row.server) {
            let (all, ok) = self.services.entry(row.server).or_default();
            *all += 1;
            *ok += u64::from(matches!(row.status, Status::Ok | Status::Degraded));
        }
        if row.status == Status::Ok {
            return;
        }
        let failure = Failure::of_words(row.status, row.handshake, row.ending, row.cause);
        let key = (row.status, row.server, way(flow), failure);
        if let Some(group) = self.by_way.get_mut(&key) {
            group.add(flow);
        } else if self.by_way.len() < MAX_GROUPS {
            self.by_way.insert(key, Group::new((key.2, failure), flow));
        } else {
            self.overflow[row.status as usize] += 1;
        }
    }

    /// Flows of `status` that found no group.
    #[must_use]
    pub fn overflow(&self, status: Status) -> u64 {
        self.overflow[status as usize]
    }

    /// Flows to these services, and how many of them worked; `None` where not all were counted.
    #[must_use]
    pub fn contrast(&self, group: &Group) -> Option<(u64, u64)> {
        group.services.iter().try_fold((0, 0), |(all, ok), service| {
            let (more, worked) = self.services.get(service)?;
            Some((all + more, ok + worked))
        })
    }

    /// The flows that `incident` explains, as one group.
    #[must_use]
    pub fn behind(&self, incident: &Incident) -> Option<Group> {
        let groups = self.by_way.values().filter(|group| group.is_in(incident));
        let mut groups: Vec<Group> = groups.cloned().collect();
        groups.sort_by_key(|group| {
            let example = &group.example;
            (
                std::cmp::Reverse(group.flows),
                group.failure,
                example.start,
                example.server,
                example.client,
            )
        });
        let first = groups.first()?.example.server;
        let mut whole = groups.into_iter().reduce(Group::join)?;
        whole.services.sort_unstable();
        whole.services.dedup();
        whole.place = match (incident.covers.client, whole.services.len()) {
            (Some(client), _) => Place::Host(client),
            (None, 1) => Place::Service(first),
            (None, _) if whole.services.iter().all(|service| service.ip == first.ip) => Place::Host(first.ip),
            (None, _) if whole.services.iter().all(|service| service.port == first.port) => Place::Port(first.port),
            // No filter finds them all.
            (None, _) => Place::Service(first),
        };
        Some(whole)
    }

    /// The groups of `status` that none of `incidents` explains, largest first.
    #[must_use]
    pub fn ranked(&self, status: Status, incidents: &[Incident]) -> Vec<Group> {
        let explained = Explained::by(incidents);
        let groups = self.by_way.values().filter(|group| group.status == status);
        let groups: Vec<Group> = groups.filter(|group| !explained.has(group)).cloned().collect();
        let groups = fold(groups, |service| Place::Host(service.ip));
        let mut groups = fold(groups, |service| Place::Port(service.port));
        groups.sort_by_cached_key(|group| (std::cmp::Reverse(group.flows), group.first, group.example.server));
        groups
    }
}

fn way(flow: &FlowReport<'_>) -> Way {
    let row = flow.row;
    match row.cause {
        Some(cause) => Way::Cause(cause, row.culprit),
        None => Way::Words(row.handshake, row.ending, row.doubts.first().copied()),
    }
}

/// Makes one group of those that went the same way and share `wider` of their service, where they are many.
fn fold(groups: Vec<Group>, wider: impl Fn(Endpoint) -> Place) -> Vec<Group> {
    let mut alike: HashMap<(Way, Place), Vec<Group>> = HashMap::default();
    let mut out = Vec::new();
    for group in groups {
        match group.place {
            Place::Service(service) => alike.entry((group.way, wider(service))).or_default().push(group),
            _ => out.push(group),
        }
    }
    for ((_, place), mut groups) in alike {
        if groups.len() < FOLD {
            out.append(&mut groups);
            continue;
        }
        groups.sort_by_cached_key(|group| group.example.server);
        if let Some(mut whole) = groups.into_iter().reduce(Group::join) {
            whole.place = place;
            out.push(whole);
        }
    }
    out
}

impl Group {
    /// `incident` explains it.
    fn is_in(&self, incident: &Incident) -> bool {
        let Some(failure) = self.failure else { return false };
        let cover = &incident.covers;
        let is_source = cover
            .client
            .is_none_or(|client| self.clients.len() == 1 && self.clients.contains(&client));
        is_source && self.services.iter().all(|service| cover.has(*service, failure))
    }

    fn new((way, failure): (Way, Option<Failure>), flow: &FlowReport<'_>) -> Self {
        let row = flow.row;
        let mut group = Self {
            status: row.status,
            way,
            failure,
            place: Place::Service(row.server),
            services: vec![row.server],
            flows: 0,
            clients: HashSet::new(),
            first: row.start,
            last: row.start,
            confidence: [0; 3],
            doubts: BTreeMap::new(),
            culprit: row.culprit,
            same_summary: true,
            example: Example::new(flow),
        };
        group.add(flow);
        group
    }
    fn add(&mut self, flow: &FlowReport<'_>) {
        let row = flow.row;
        self.flows += 1;
        if self.clients.len() < MAX_CLIENTS {
            self.clients.insert(row.client.ip);
        }
        self.first = self.first.min(row.start);
        self.last = self.last.max(row.start + row.duration.max(Span::ZERO));
        self.confidence[row.confidence as usize] += 1;
        for doubt in &row.doubts {
            *self.doubts.entry(*doubt).or_default() += 1;
        }
        self.same_summary &= row.summary == self.example.summary;
        if row.confidence > self.example.confidence {
            self.example = Example::new(flow);
        }
    }
    fn join(mut self, other: Self) -> Self {
        self.services.extend(other.services);
        self.flows += other.flows;
        let room = MAX_CLIENTS.saturating_sub(self.clients.len());
        self.clients.extend(other.clients.into_iter().take(room));
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (mine, more) in self.confidence.iter_mut().zip(other.confidence) {
            *mine += more;
        }
        for (doubt, more) in other.doubts {
            *self.doubts.entry(doubt).or_default() += more;
        }
        self.same_summary &= other.same_summary && self.example.summary == other.example.summary;
        let rank = |example: &Example| (std::cmp::Reverse(example.confidence), example.start);
        if rank(&other.example) < rank(&self.example) {
            self.example = other.example;
        }
        self
    }
}

impl Example {
    fn new(flow: &FlowReport<'_>) -> Self {
        let row = flow.row;
        let details = row.details.as_deref();
        Self {
            flow: row.flow,
            tcp_stream: row.tcp_stream,
            start: row.start,
            client: row.client,
            server: row.server,
            name: row.name.clone(),
            summary: row.summary.clone(),
            confidence: row.confidence,
            packets: row.evidence_packets.clone(),
            title: flow.cause.map(|cause| cause.meta.title),
            next: flow.cause.map(|cause| cause.meta.next),
            cause: flow.cause.map(|cause| cause.meta.id),
            leaning: row.leaning,
            interface: details.and_then(|details| details.interface.clone()),
            page: flow.cause.map(|cause| cause.meta.page),
        }
    }

    /// What the cause may come from, likeliest first.
    #[must_use]
    pub fn candidates(&self) -> Vec<&'static Cause> {
        self.cause
            .map_or_else(Vec::new, |cause| candidates(cause, self.leaning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::FlowRow;
    use crate::report::sample::{self, end};

    fn groups(rows: &[FlowRow]) -> Groups {
        let mut groups = Groups::default();
        for row in rows {
            groups.add(&sample::report(row));
        }
        groups
    }

    #[test]
    fn the_same_failure_of_one_service_is_one_group_with_its_contrast() {
        let mut rows: Vec<_> = (1..=5).map(sample::row).collect();
        rows[4].client = end("192.168.1.21", 40_000);
        rows[3].confidence = Confidence::High;
        let mut worked = sample::fine(6);
        worked.server = rows[0].server;
        rows.push(worked);
        let groups = groups(&rows);
        let [group] = &groups.ranked(Status::Failed, &[])[..] else {
            panic!("one group")
        };
        assert_eq!((group.flows, group.clients.len()), (5, 2));
        assert_eq!(group.confidence, [0, 4, 1]);
        assert_eq!(group.example.tcp_stream, Some(3));
        assert_eq!(groups.contrast(group), Some((6, 1)));
        assert_eq!(group.doubts[&Doubt::SingleVantage], 5);
    }

    #[test]
    fn a_dead_host_and_a_swept_port_are_one_group_each() {
        let mut rows: Vec<_> = (1..=9).map(sample::row).collect();
        for (index, row) in rows.iter_mut().enumerate() {
            row.server = match index {
                0..=3 => end("10.0.0.9", 80 + index as u16),
                4 => end("10.0.0.5", 8080),
                _ => end(&format!("10.0.1.{index}"), 22),
            };
        }
        let ranked = groups(&rows).ranked(Status::Failed, &[]);
        let places: Vec<_> = ranked.iter().map(|group| (group.place, group.flows)).collect();
        let host = Place::Host(end("10.0.0.9", 0).ip);
        let single = Place::Service(end("10.0.0.5", 8080));
        assert_eq!(places, [(host, 4), (Place::Port(22), 4), (single, 1)]);
    }

    #[test]
    fn groups_are_bounded() {
        let mut groups = Groups::default();
        for number in 1..=(MAX_GROUPS as u64 + 5) {
            let mut row = sample::row(number);
            row.server = end(&format!("10.{}.{}.1", number / 256 % 256, number % 256), number as u16);
            groups.add(&sample::report(&row));
        }
        assert_eq!(groups.overflow(Status::Failed), 5);
    }
}
