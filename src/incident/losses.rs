//! Losses of data in many connections: all in one direction between two hosts, or all above the same rate.

use super::group::Mark;
use super::say::{count, list, thousands, when};
use super::{
    Command, Cover, Example, Failure, Incident, Incidents, ONE_WAY_LOSS, Observation, Sources, THROUGHPUT_POLICED,
};
use crate::base::{Endpoint, Map, Stamp, limits};
use crate::finding::causes::numbered;
use crate::finding::{Confidence, bits};
use crate::verdict::words::Culprit;
use std::net::IpAddr;

/// At least so many connections.
const LEAST: usize = 3;
/// At least so many segments lost in one direction, and such a share.
const LOST: u64 = 10;
const SHARE: f64 = 0.01;
/// As many segments as that share would have cost the other direction: with 7 expected, none lost is one chance in a thousand.
const EXPECTED: f64 = 7.0;
/// It may have lost such a part of them all the same.
const SPARED: f64 = 0.1;

/// Connections that lost data, by their two hosts, and those that are cut off above a rate.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pairs: Map<(IpAddr, IpAddr), Pair>,
    policed: Vec<Seen>,
    /// Connections that there was no room for.
    pub left_out: u64,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
struct Seen {
    client: IpAddr,
    service: Endpoint,
    mark: Mark,
    end: Stamp,
    /// Payload bytes a second.
    rate: f64,
}

/// What two hosts sent to each other, in connections that lost something.
#[derive(Debug, Default)]
struct Pair {
    /// From the lower address to the higher, and back.
    ways: [Way; 2],
    flows: Vec<Seen>,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    segments: u64,
    /// Lost after they had passed the capture point, and before they came there.
    behind: u64,
    before: u64,
    /// Connections that lost something.
    flows: usize,
}

impl Way {
    fn lost(&self) -> u64 {
        self.behind + self.before
    }

    fn share(&self) -> f64 {
        self.lost() as f64 / self.segments.max(1) as f64
    }

    fn join(self, other: Self) -> Self {
        Self {
            segments: self.segments + other.segments,
            behind: self.behind + other.behind,
            before: self.before + other.before,
            flows: self.flows + other.flows,
        }
    }

    /// It loses, and the other way as good as nothing although it had occasion to.
    fn is_alone(&self, other: &Self) -> bool {
        let expected = self.share() * other.segments as f64;
        self.flows >= LEAST
            && self.lost() >= LOST
            && self.share() >= SHARE
            && expected >= EXPECTED
            && other.lost() as f64 <= expected * SPARED
    }
}

impl Losses {
    /// Takes in a flow, if it lost data.
    pub fn on(&mut self, seen: &Observation<'_>, counts: (u64, u64)) {
        let [client, server] = seen.losses;
        if client.lost() + server.lost() == 0 {
            return;
        }
        let one = Seen {
            client: seen.client.ip,
            service: seen.server,
            mark: Mark::new(seen, counts),
            end: seen.end,
            rate: seen.policed,
        };
        if seen.policed > 0.0 && self.policed.len() < limits::MAX_LOSSY {
            self.policed.push(one);
        }
        let (from, to) = (seen.client.ip, seen.server.ip);
        // Within one host there is no way with two directions.
        if from == to {
            return;
        }
        let key = (from.min(to), from.max(to));
        if self.pairs.len() >= limits::MAX_LOSSY && !self.pairs.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let pair = self.pairs.entry(key).or_default();
        let sides = if from <= to { [client, server] } else { [server, client] };
        for (way, side) in pair.ways.iter_mut().zip(sides) {
            *way = way.join(Way {
                segments: side.segments,
                behind: side.behind.into(),
                before: side.before.into(),
                flows: usize::from(side.lost() > 0),
            });
        }
        // Enough to name services and to show examples.
        if pair.flows.len() < limits::MAX_LOSSY_OF_PAIR {
            pair.flows.push(one);
        }
    }
}

/// Finds both, and takes away the groups that they explain.
pub(super) fn find(all: &mut Incidents, found: &mut Vec<Incident>) {
    let Losses { pairs, policed, .. } = std::mem::take(&mut all.losses);
    find_policed(all, policed, found);
    find_one_way(all, pairs, found);
}

/// The same service, else the same client, else the same server's host.
fn find_policed(all: &mut Incidents, mut left: Vec<Seen>, found: &mut Vec<Incident>) {
    let same: [(&str, By); 3] = [
        ("to", |one| Place(Some(one.service.ip), Some(one.service.port))),
        ("of", |one| Place(Some(one.client), None)),
        ("to", |one| Place(Some(one.service.ip), None)),
    ];
    for (word, place) in same {
        let mut by: Map<Place, Vec<Seen>> = Map::default();
        for one in left.drain(..) {
            by.entry(place(&one)).or_default().push(one);
        }
        let mut sorted: Vec<(Place, Vec<Seen>)> = by.into_iter().collect();
        sorted.sort_by_key(|(place, _)| *place);
        for (place, flows) in sorted {
            if flows.len() < LEAST {
                left.extend(flows);
            } else {
                found.extend(policed(all, word, place, &flows));
            }
        }
    }
}

/// What connections have in common.
type By = fn(&Seen) -> Place;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place(Option<IpAddr>, Option<u16>);

impl std::fmt::Display for Place {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self(Some(ip), Some(port)) => Endpoint { ip: *ip, port: *port }.fmt(to),
            Self(Some(ip), None) => ip.fmt(to),
            Self(None, _) => Ok(()),
        }
    }
}

fn policed(all: &mut Incidents, word: &str, place: Place, flows: &[Seen]) -> Option<Incident> {
    let mut rates: Vec<f64> = flows.iter().map(|one| one.rate).collect();
    rates.sort_by(f64::total_cmp);
    let (slowest, fastest) = (*rates.first()?, *rates.last()?);
    let middle = *rates.get(rates.len() / 2)?;
    let at = if fastest <= slowest * 1.2 {
        format!("each above about {}", bits(middle))
    } else {
        format!(
            "each above a rate of its own, from {} to {}",
            bits(slowest),
            bits(fastest)
        )
    };
    let frame = Frame::of(all, flows)?;
    let summary = format!(
        "{} {word} {place} are cut off {at}, {}: their losses begin at that rate, without a queue that grows before them.",
        count(flows.len() as u64, "connection"),
        when(frame.first, frame.last),
    );
    let mut incident = frame.incident(Incident::new(
        &THROUGHPUT_POLICED,
        place.to_string(),
        (frame.first, frame.last),
        summary,
    ));
    incident.cause = Some("rate-policed");
    incident.candidates = vec![
        "a policer on the path: of the provider, a firewall, a cloud's limit for a machine or an address (D49): nothing is lost below that rate".to_owned(),
        "a queue with next to no room before a slower link (D47): drop counters of the devices on the path".to_owned(),
    ];
    frame.commands(&mut incident, &["D49", "D47"]);
    "send at a steady rate just below and just above it (iperf3 -u -b): a policer loses nothing below; then ask who limits this path".clone_into(&mut incident.next);
    Some(incident)
}

fn find_one_way(all: &mut Incidents, pairs: Map<(IpAddr, IpAddr), Pair>, found: &mut Vec<Incident>) {
    let mut alone: Vec<(IpAddr, IpAddr, Way, Way, Vec<Seen>)> = Vec::new();
    for ((low, high), pair) in pairs {
        let [up, down] = pair.ways;
        if up.is_alone(&down) {
            alone.push((low, high, up, down, pair.flows));
        } else if down.is_alone(&up) {
            alone.push((high, low, down, up, pair.flows));
        }
    }
    alone.sort_by_key(|(from, to, ..)| (*to, *from));
    // Toward one host from several, then from one host to several: one trouble.
    let mut by_receiver: Map<IpAddr, Vec<_>> = Map::default();
    for each in alone {
        by_receiver.entry(each.1).or_default().push(each);
    }
    let mut by_sender: Map<IpAddr, Vec<_>> = Map::default();
    let mut groups: Vec<Vec<_>> = Vec::new();
    for (_, group) in by_receiver {
        if group.len() > 1 {
            groups.push(group);
        } else {
            for each in group {
                by_sender.entry(each.0).or_default().push(each);
            }
        }
    }
    groups.extend(by_sender.into_values());
    groups.sort_by_key(|group| group.first().map(|each| (each.1, each.0)));
    for group in groups {
        found.extend(one_way(all, &group));
    }
}

fn one_way(all: &mut Incidents, group: &[(IpAddr, IpAddr, Way, Way, Vec<Seen>)]) -> Option<Incident> {
    let (way, back) = group
        .iter()
        .fold((Way::default(), Way::default()), |(way, back), each| {
            (way.join(each.2), back.join(each.3))
        });
    let mut from: Vec<IpAddr> = group.iter().map(|each| each.0).collect();
    let mut to: Vec<IpAddr> = group.iter().map(|each| each.1).collect();
    for hosts in [&mut from, &mut to] {
        hosts.sort_unstable();
        hosts.dedup();
    }
    let (from, to) = (list(&from, 3), list(&to, 3));
    let flows: Vec<Seen> = group.iter().flat_map(|each| each.4.iter().copied()).collect();
    let frame = Frame::of(all, &flows)?;
    let place = match (way.behind, way.before) {
        (_, 0) => format!("between this capture point and {to}"),
        (0, _) => format!("between {from} and this capture point"),
        (behind, before) => format!(
            "on both sides of this capture point ({} before it, {} behind it)",
            thousands(before),
            thousands(behind)
        ),
    };
    let summary = format!(
        "Data from {from} to {to} gets lost, {place}: {} of {} segments ({:.1} %) of {} {}.",
        thousands(way.lost()),
        thousands(way.segments),
        way.share() * 100.0,
        count(way.flows as u64, "connection"),
        when(frame.first, frame.last),
    );
    let service = format!("{from} to {to}");
    let mut incident = frame.incident(Incident::new(
        &ONE_WAY_LOSS,
        service,
        (frame.first, frame.last),
        summary,
    ));
    (incident.failed, incident.attempts) = (way.flows as u64, way.flows.max(flows.len()) as u64);
    let other = if back.lost() == 0 {
        "none".to_owned()
    } else {
        thousands(back.lost())
    };
    incident.contrast = vec![format!(
        "The other way, from {to} to {from}, {other} of {} segments {} lost.",
        thousands(back.segments),
        if back.lost() == 1 { "was" } else { "were" },
    )];
    incident.cause = Some("heavy-retransmission");
    incident.candidates = vec![
        "a queue overflows in that direction only, because more is sent that way (D47): queue drops of the devices' outgoing interfaces".to_owned(),
        "a link that is bad in one direction: optics, cable, duplex (D48): error counters at its receiving end".to_owned(),
        "that direction takes another way than the other (D8): traces from both ends".to_owned(),
        "a policer for that direction (D49)".to_owned(),
    ];
    frame.commands(&mut incident, &["D47", "D48", "D8", "D49"]);
    incident.next = format!(
        "trace the path from {from} to {to}, not the other way; look at the counters of that direction on each device"
    );
    Some(incident)
}

/// What both kinds have in common.
struct Frame {
    first: Stamp,
    last: Stamp,
    services: Vec<(Endpoint, u64)>,
    sources: Vec<IpAddr>,
    examples: Vec<Example>,
    flows: u64,
}

impl Frame {
    /// Takes away the groups of lossy connections that are mostly these.
    fn of(all: &mut Incidents, flows: &[Seen]) -> Option<Self> {
        let (first, last) = (
            flows.iter().map(|one| one.mark.at).min()?,
            flows.iter().map(|one| one.end).max()?,
        );
        let mut sources: Vec<IpAddr> = flows.iter().map(|one| one.client).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut by: Map<Endpoint, u64> = Map::default();
        for one in flows {
            *by.entry(one.service).or_default() += 1;
        }
        let mut services: Vec<(Endpoint, u64)> = by.into_iter().collect();
        services.sort_unstable();
        for (service, number) in &services {
            let key = (*service, Failure::Lossy);
            if all.groups.get(&key).is_some_and(|group| group.failed <= number * 2) {
                all.groups.remove(&key);
            }
        }
        let examples = [flows.first(), flows.last().filter(|_| flows.len() > 1)];
        Some(Self {
            first,
            last,
            services,
            sources,
            examples: examples.into_iter().flatten().map(|one| one.mark.example()).collect(),
            flows: flows.len() as u64,
        })
    }

    fn incident(&self, incident: Incident) -> Incident {
        Incident {
            confidence: if self.flows >= 6 {
                Confidence::High
            } else {
                Confidence::Medium
            },
            failed: self.flows,
            attempts: self.flows,
            sources: Sources {
                listed: self.sources.iter().copied().take(Sources::LISTED).collect(),
                count: self.sources.len() as u64,
                more: false,
            },
            examples: self.examples.clone(),
            culprit: Culprit::Path,
            covers: Cover::new(
                self.services.iter().map(|(service, _)| (*service, Failure::Lossy)),
                None,
            ),
            ..incident
        }
    }

    fn commands(&self, incident: &mut Incident, causes: &[&str]) {
        let Some(((service, _), client)) = self.services.first().zip(self.sources.first()) else {
            return;
        };
        incident.commands = Command::of(&numbered(causes), |text| {
            text.replace("{server}", &service.ip.to_string())
                .replace("{port}", &service.port.to_string())
                .replace("{client}", &client.to_string())
                .replace("{interface}", "any")
        });
    }
}
