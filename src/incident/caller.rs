//! One client that fails at many places: a scan, or a client that is cut off.

use super::group::{Group, Mark};
use super::say::{count, list, thousands, when};
use super::{Cover, Example, Failure, Incident, Incidents, Observation, PORT_SCAN, Sources};
use crate::base::{Endpoint, Map, Set, Stamp, limits};
use crate::finding::Confidence;
use crate::verdict::words::Culprit;
use std::hash::Hash;
use std::net::IpAddr;

type Groups = Map<(Endpoint, Failure), Box<Group>>;

/// Targets of one client that are told apart.
const TARGETS: usize = 64;
/// From so many ports of one host on, nobody just looks for a service.
const PORTS: usize = 8;
/// From so many neighbouring hosts on, the same.
const HOSTS: usize = 16;

/// A client some of whose attempts failed in the handshake.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub failed: u64,
    /// What worked, after its first failure.
    pub ok: u64,
    targets: Set<Endpoint>,
    more: bool,
    first: Mark,
    last: Mark,
}

impl Caller {
    pub fn new(mark: Mark) -> Self {
        Self {
            failed: 0,
            ok: 0,
            targets: Set::default(),
            more: false,
            first: mark,
            last: mark,
        }
    }

    pub fn on_failed(&mut self, seen: &Observation<'_>, mark: Mark) {
        self.failed += 1;
        self.last = mark;
        if self.targets.len() < TARGETS {
            self.targets.insert(seen.server);
        } else {
            self.more |= !self.targets.contains(&seen.server);
        }
    }

    /// Does it look for what is there, and not for something it needs?
    fn is_scan(&self) -> bool {
        let tries = self.failed / self.targets.len().max(1) as u64;
        let is_wide = self.most_ports() >= PORTS || self.most_neighbours() >= HOSTS;
        is_wide && (tries <= 3 || self.more) && self.ok < self.failed
    }

    fn most_ports(&self) -> usize {
        most(self.targets.iter().map(|target| target.ip))
    }

    /// Hosts of one network with the same port.
    fn most_neighbours(&self) -> usize {
        most(self.targets.iter().map(|target| (network(target.ip), target.port)))
    }
}

/// How often the commonest of them comes.
fn most<T: Eq + Hash>(all: impl Iterator<Item = T>) -> usize {
    let mut counts: Map<T, usize> = Map::default();
    for each in all {
        *counts.entry(each).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

/// The /24, or /64, that an address is in.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::from((u32::from(ip) & !0xff).to_be_bytes()),
        IpAddr::V6(ip) => IpAddr::from((u128::from(ip) >> 64 << 64).to_be_bytes()),
    }
}

/// Takes one more failed handshake into the books of its client.
pub(super) fn on_failed(all: &mut Incidents, seen: &Observation<'_>, way: Failure, counts: (u64, u64)) {
    if !way.is_opening() {
        return;
    }
    let room = all.callers.len() < limits::MAX_CALLERS;
    if !room && !all.callers.contains_key(&seen.client.ip) {
        all.left_out.callers += 1;
        return;
    }
    let mark = Mark::new(seen, counts);
    let caller = all.callers.entry(seen.client.ip).or_insert_with(|| Caller::new(mark));
    caller.on_failed(seen, mark);
}

/// Finds the scans, and takes what they explain from the groups.
pub(super) fn find(all: &mut Incidents, found: &mut Vec<Incident>) {
    let mut scanners: Vec<(IpAddr, Caller)> = all.callers.drain().filter(|(_, caller)| caller.is_scan()).collect();
    scanners.sort_by_key(|(ip, _)| *ip);
    let mut places = places_of(&scanners, &all.groups);
    for (ip, caller) in scanners {
        let what = places.remove(&ip).unwrap_or_default();
        let mut ways: Vec<(Failure, u64)> = Vec::new();
        for key in &what {
            let number = take_away(ip, key, &mut all.groups);
            match ways.iter_mut().find(|(known, _)| *known == key.1) {
                Some((_, all)) => *all += number,
                None => ways.push((key.1, number)),
            }
        }
        ways.sort_by_key(|(way, number)| (std::cmp::Reverse(*number), *way));
        found.push(describe(ip, &caller, &ways, what));
    }
}

/// The groups that each scanner is a source of. Found in one pass: there may be thousands of either.
fn places_of(scanners: &[(IpAddr, Caller)], groups: &Groups) -> Map<IpAddr, Vec<(Endpoint, Failure)>> {
    let mut places: Map<IpAddr, Vec<(Endpoint, Failure)>> = scanners.iter().map(|(ip, _)| (*ip, Vec::new())).collect();
    if places.is_empty() {
        return places;
    }
    for (key, group) in groups.iter().filter(|((_, way), _)| way.is_opening()) {
        for ip in group.sources.keys() {
            if let Some(places) = places.get_mut(ip) {
                places.push(*key);
            }
        }
    }
    places
}

/// Takes from a group what a scanner did there: so many attempts.
fn take_away(ip: IpAddr, key: &(Endpoint, Failure), groups: &mut Groups) -> u64 {
    let Some(group) = groups.get_mut(key) else { return 0 };
    let number = group.sources.get(&ip).map_or(0, |source| u64::from(source.failed));
    if group.without(ip) {
        groups.remove(key);
    }
    number
}

fn describe(ip: IpAddr, caller: &Caller, ways: &[(Failure, u64)], what: Vec<(Endpoint, Failure)>) -> Incident {
    let mut hosts: Vec<IpAddr> = caller.targets.iter().map(|target| target.ip).collect();
    let mut ports: Vec<u16> = caller.targets.iter().map(|target| target.port).collect();
    hosts.sort_unstable();
    hosts.dedup();
    ports.sort_unstable();
    ports.dedup();
    let at_least = if caller.more { "at least " } else { "" };
    let targets = match (&hosts[..], &ports[..]) {
        ([host], ports) => format!("{at_least}{} of {host}", count(ports.len() as u64, "port")),
        (hosts, [port]) => format!("port {port} of {at_least}{}", count(hosts.len() as u64, "host")),
        (hosts, ports) => format!(
            "{at_least}{} of {}",
            count(ports.len() as u64, "port"),
            count(hosts.len() as u64, "host")
        ),
    };
    let (first, last): (Stamp, Stamp) = (caller.first.at, caller.last.at);
    let said: Vec<String> = ways
        .iter()
        .map(|(way, number)| format!("{} {}", thousands(*number), way.done()))
        .collect();
    let summary = format!(
        "{ip} tried {targets} {}, {}: a scan. {}.",
        when(first, last),
        count(caller.failed, "attempt"),
        list(&said, 5)
    );
    let place = hosts.first().map_or_else(String::new, IpAddr::to_string);
    let examples: Vec<Example> = vec![caller.first.example(), caller.last.example()];
    Incident {
        confidence: if caller.targets.len() >= 2 * PORTS {
            Confidence::High
        } else {
            Confidence::Medium
        },
        failed: caller.failed,
        attempts: caller.failed + caller.ok,
        sources: Sources {
            listed: vec![ip],
            count: 1,
            more: false,
        },
        examples,
        culprit: Culprit::ClientApp,
        candidates: vec![
            "a scanner, monitoring or inventory software on that host (D22): which process sends them? ss -tanp there"
                .to_owned(),
            "an attacker, if nobody knows of it".to_owned(),
        ],
        next: format!(
            "on {ip}: which process does it? Linux: ss -tanp; Windows: netstat -abno. If nobody knows: isolate it"
        ),
        covers: Cover::new(what, Some(ip)),
        ..Incident::new(&PORT_SCAN, place, (first, last), summary)
    }
}
