//! Connections that broke at the same moment although they began at different ones: a restart, a link, a failover.

use super::group::Mark;
use super::say::{count, list_of, span, time};
use super::since::Since;
use super::window::Window;
use super::{Command, Cover, Example, Failure, Incident, Incidents, Observation, PATH_OUTAGE, PEER_RESTARTED, Sources};
use crate::base::{Endpoint, Span, Stamp, limits};
use crate::finding::Confidence;
use crate::finding::causes::numbered;
use crate::verdict::words::Culprit;
use std::net::IpAddr;

/// Services that are named.
const NAMED: usize = 4;

/// A connection that broke.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub at: Stamp,
    pub start: Stamp,
    pub client: IpAddr,
    pub service: Endpoint,
    pub way: Failure,
    pub mark: Mark,
    pub culprit: Culprit,
    pub cause: Option<&'static str>,
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
    let mut others: Option<Since<(String, Endpoint)>> = None;
    let mut window = Window::new(&ends, 0);
    while window.from < ends.len() {
        window.widen(|end| failed(all, end));
        if window.is_telling() && window.explains() {
            let others = others.get_or_insert_with(|| by_name(all));
            found.push(describe(all, window.ends(), others));
            window = Window::new(&ends, window.to);
        } else {
            window.leave_first(|end| failed(all, end));
        }
    }
}

/// How often its service failed in its way.
fn failed(all: &Incidents, end: &End) -> u64 {
    all.groups.get(&(end.service, end.way)).map_or(0, |group| group.failed)
}

fn describe(all: &mut Incidents, cluster: &[End], others: &Since<(String, Endpoint)>) -> Incident {
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
        contrast: untouched(all, others, &services, last.at),
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
    let is_soon = |key: &(Endpoint, Failure)| {
        let bursts = all.groups.get(key).and_then(|group| group.bursts.first());
        bursts.is_some_and(|burst| burst.first.at - first.at >= Span::from_secs(-2) && burst.first.at <= until)
    };
    let openings = Failure::ALL.into_iter().filter(|way| way.is_opening());
    let keys = openings.flat_map(|way| services.iter().map(move |service| (*service, way)));
    let also: Vec<(Endpoint, Failure)> = keys.filter(is_soon).collect();
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

/// All services that worked, in order of their names.
fn by_name(all: &Incidents) -> Since<(String, Endpoint)> {
    let worked = all
        .services
        .iter()
        .filter_map(|(place, service)| Some((*place, service.last_ok?)));
    let mut worked: Vec<_> = worked.map(|(place, last)| ((place.to_string(), place), last)).collect();
    worked.sort_unstable();
    Since::new(worked)
}

/// Other services that went on; `services` are in order.
fn untouched(all: &Incidents, others: &Since<(String, Endpoint)>, services: &[Endpoint], at: Stamp) -> Vec<String> {
    let after = Stamp(at.0.saturating_add(1));
    let worked = |place: &&Endpoint| {
        all.services
            .get(*place)
            .is_some_and(|service| service.last_ok >= Some(after))
    };
    let number = others.count(after) - services.iter().filter(worked).count();
    let well = others
        .iter(after)
        .filter(|(_, place)| services.binary_search(place).is_err());
    let well = well.map(|(name, _)| name).take(NAMED);
    if number == 0 {
        Vec::new()
    } else {
        vec![format!(
            "New connections after that worked to {}.",
            list_of(well, number)
        )]
    }
}
