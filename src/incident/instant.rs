//! Connections that broke at the same moment although they began at different ones: a restart, a link, a failover.

use super::group::Mark;
use super::say::{count, list, span, time};
use super::{Command, Cover, Example, Failure, Incident, Incidents, Observation, PATH_OUTAGE, PEER_RESTARTED, Sources};
use crate::base::{Endpoint, Span, Stamp, limits};
use crate::finding::Confidence;
use crate::finding::causes::numbered;
use crate::verdict::words::Culprit;
use std::net::IpAddr;

/// They broke within this time.
const TOGETHER: Span = Span::from_secs(2);
/// At least so many.
const LEAST: usize = 3;

/// A connection that broke.
#[derive(Clone, Copy, Debug)]
struct End {
    at: Stamp,
    start: Stamp,
    client: IpAddr,
    service: Endpoint,
    way: Failure,
    mark: Mark,
    culprit: Culprit,
    cause: Option<&'static str>,
}

/// Connections that broke after they had been established.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    all: Vec<End>,
    /// Connections that broke, and that there was no room for.
    pub left_out: u64,
}

impl Ends {
    /// Takes in a connection that failed.
    pub fn on(&mut self, seen: &Observation<'_>, way: Failure) {
        let at = match way {
            Failure::Reset | Failure::Injected | Failure::Icmp => Some(seen.failed_at),
            // Broken since the other side was last heard, not since that was noticed.
            Failure::Stalled => seen.last_heard,
            _ => None,
        };
        let room = self.all.len() < limits::MAX_ENDS;
        self.left_out += u64::from(at.is_some() && !room);
        if let Some(at) = at.filter(|_| room) {
            self.all.push(End {
                at,
                start: seen.start,
                client: seen.client.ip,
                service: seen.server,
                way,
                mark: Mark::new(seen, (0, 0)),
                culprit: seen.culprit,
                cause: seen.cause.map(|meta| meta.id),
            });
        }
    }
}

/// Finds what broke together, and takes away the groups that it explains.
pub(super) fn find(all: &mut Incidents, found: &mut Vec<Incident>) {
    let mut ends = std::mem::take(&mut all.ends.all);
    ends.sort_by_key(|end| (end.at, end.start));
    let (mut from, mut number) = (0, 0_usize);
    while from < ends.len() {
        // All of those near the one before are near this one, too.
        let near = |end: &&End| end.at - ends[from].at <= TOGETHER;
        number += ends[from + number..].iter().take_while(near).count();
        let cluster = &ends[from..from + number];
        if is_telling(cluster, &ends) && explains(all, cluster) {
            found.push(describe(all, cluster));
            (from, number) = (from + number, 0);
        } else {
            (from, number) = (from + 1, number - 1);
        }
    }
}

/// They began at different times, and such moments are rare.
fn is_telling(cluster: &[End], all: &[End]) -> bool {
    let (Some(first), Some(last)) = (cluster.first(), cluster.last()) else {
        return false;
    };
    // By chance, so many would fall into one stretch of this length.
    let whole = all
        .first()
        .zip(all.last())
        .map_or(Span::ZERO, |(first, last)| last.at - first.at);
    let share = TOGETHER.as_secs() / whole.as_secs().max(TOGETHER.as_secs());
    let expected = all.len() as f64 * share;
    let is_rare = cluster.len() == all.len() || cluster.len() as f64 > expected * 4.0 + 2.0;
    if cluster.len() < LEAST || !is_rare {
        return false;
    }
    let starts = cluster.iter().map(|end| end.start);
    let spread = starts
        .clone()
        .max()
        .zip(starts.min())
        .map_or(Span::ZERO, |(last, first)| last - first);
    let lasted = last.at - first.at;
    // What breaks soon after it began breaks one after the other, at its own time.
    spread >= Span(lasted.0.saturating_mul(5)).max(Span::from_secs(2))
}

/// Most failures of these services in these ways are in it.
fn explains(all: &Incidents, cluster: &[End]) -> bool {
    let mut keys: Vec<(Endpoint, Failure)> = cluster.iter().map(|end| (end.service, end.way)).collect();
    keys.sort_unstable();
    keys.dedup();
    let failed: u64 = keys
        .iter()
        .filter_map(|key| all.groups.get(key))
        .map(|group| group.failed)
        .sum();
    cluster.len() as u64 * 2 >= failed
}

fn describe(all: &mut Incidents, cluster: &[End]) -> Incident {
    let (first, last) = (cluster[0], cluster[cluster.len() - 1]);
    let mut hosts: Vec<IpAddr> = cluster.iter().map(|end| end.service.ip).collect();
    let mut clients: Vec<IpAddr> = cluster.iter().map(|end| end.client).collect();
    let mut services: Vec<Endpoint> = cluster.iter().map(|end| end.service).collect();
    for list in [&mut hosts, &mut clients] {
        list.sort_unstable();
        list.dedup();
    }
    services.sort_unstable();
    services.dedup();
    let (what, later) = explained(all, cluster, &services);
    let is_one = hosts.len() == 1;
    let ways = cluster.iter().filter(|end| end.way == first.way).count();
    let done = if ways * 2 >= cluster.len() {
        first.way.done()
    } else {
        "broken"
    };
    let within = if last.at - first.at < Span::from_millis(10) {
        "at once".to_owned()
    } else {
        format!("within {}", span(last.at - first.at))
    };
    let and = if later > 0 {
        format!("; {} after that failed, too", count(later, "new connection"))
    } else {
        String::new()
    };
    let number = cluster.len() as u64;
    let to = if is_one {
        hosts[0].to_string()
    } else {
        count(hosts.len() as u64, "host")
    };
    let summary = format!(
        "At {} {} to {to} {} {done} {within}, whenever they had begun{and}.",
        time(first.at),
        count(number, "connection"),
        if number == 1 { "was" } else { "were" },
    );
    let meta = if is_one { &PEER_RESTARTED } else { &PATH_OUTAGE };
    let sure = number >= 6;
    let candidates: &[&str] = match (is_one, first.way) {
        (true, Failure::Reset) => &[
            "the host or the service restarted (D30): uptime, journalctl -b, the service's start time",
            "a load balancer or firewall lost its table (failover): its log at that second",
        ],
        (true, _) => &[
            "the host went away or its link broke (D33): uptime, link state, switch log at that second",
            "a policy change on the path: firewall log at that second",
        ],
        (false, _) => &[
            "a link, a router or a firewall on the common path failed over or changed its rules (D33): its log at that second",
        ],
    };
    Incident {
        confidence: if sure { Confidence::High } else { Confidence::Medium },
        failed: number + later,
        attempts: number + later,
        sources: Sources {
            listed: clients.iter().copied().take(Sources::LISTED).collect(),
            count: clients.len() as u64,
            more: false,
        },
        examples: [first, last]
            .iter()
            .map(|end| end.mark.example())
            .collect::<Vec<Example>>(),
        contrast: untouched(all, &services, last.at),
        culprit: if cluster.iter().all(|end| end.culprit == first.culprit) {
            first.culprit
        } else {
            Culprit::Unknown
        },
        cause: first.cause,
        candidates: candidates.iter().map(|text| (*text).to_owned()).collect(),
        commands: Command::of(&numbered(if is_one { &["D30", "D33"] } else { &["D33"] }), |text| {
            text.replace("{server}", &first.service.ip.to_string())
                .replace("{port}", &first.service.port.to_string())
        }),
        next: format!(
            "look at the logs of {to} and of the devices before it at {}",
            time(first.at)
        ),
        covers: Cover::new(what, None),
        ..Incident::new(meta, to.clone(), (first.at, last.at), summary)
    }
}

/// What the moment explains, taken from the groups, and how many later attempts are among it.
fn explained(all: &mut Incidents, cluster: &[End], services: &[Endpoint]) -> (Vec<(Endpoint, Failure)>, u64) {
    let (first, last) = (cluster[0], cluster[cluster.len() - 1]);
    let mut what: Vec<(Endpoint, Failure)> = cluster.iter().map(|end| (end.service, end.way)).collect();
    // New connections that failed at the same services from then on belong to it.
    let until = last.at + Span::from_secs(10);
    let also: Vec<(Endpoint, Failure)> = all
        .groups
        .iter()
        .filter(|((service, way), group)| {
            let starts = group.bursts.first().map(|burst| burst.first.at);
            services.contains(service)
                && way.is_opening()
                && starts.is_some_and(|at| at - first.at >= Span::from_secs(-2) && at <= until)
        })
        .map(|(key, _)| *key)
        .collect();
    let later: u64 = also
        .iter()
        .filter_map(|key| all.groups.get(key))
        .map(|group| group.failed)
        .sum();
    what.extend(&also);
    for key in &what {
        all.groups.remove(key);
    }
    (what, later)
}

/// Other services that went on.
fn untouched(all: &Incidents, services: &[Endpoint], at: Stamp) -> Vec<String> {
    let mut well: Vec<String> = all
        .services
        .iter()
        .filter(|(place, service)| service.last_ok.is_some_and(|last| last > at) && !services.contains(place))
        .map(|(place, _)| place.to_string())
        .collect();
    well.sort_unstable();
    if well.is_empty() {
        Vec::new()
    } else {
        vec![format!("New connections after that worked to {}.", list(&well, 4))]
    }
}
