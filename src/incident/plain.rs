//! A service, a host or a port that fails: always, since a moment, for a while, or now and then.

use super::collect::Incidents;
use super::say::{count, list, list_of, thousands, time, when};
use super::scene::Scene;
use super::service::Service;
use super::since::Since;
use super::{Failure, Incident, SERVICE_DOWN, SERVICE_FAILING, direction, pattern, ports};
use crate::base::{Endpoint, Map, Set, Stamp};
use std::net::IpAddr;

/// From so many ports of one host, or hosts with one port, one incident is made.
const FOLD: usize = 3;
/// Ports, hosts, clients that are named.
const NAMED: usize = 4;

/// Makes incidents of all groups that are left.
pub(super) fn find(all: &mut Incidents, found: &mut Vec<Incident>) {
    let scenes = scenes(all);
    let scenes = fold(scenes, all, |service| (Some(service.ip), None));
    let scenes = fold(scenes, all, |service| (None, Some(service.port)));
    let hosts = scenes.iter().filter_map(direction::host).collect();
    let worked = Worked::new(all, &hosts);
    found.extend(
        scenes
            .iter()
            .filter(|scene| is_telling(scene))
            .map(|scene| common(scene, all, &worked).unwrap_or_else(|| describe(scene, &worked))),
    );
}

/// One scene a service, or more where it failed in different ways at different times.
fn scenes(all: &mut Incidents) -> Vec<Scene> {
    let mut by_service: Map<Endpoint, Vec<Scene>> = Map::default();
    for (_, group) in all.groups.drain() {
        let Some(service) = all.services.get(&group.service) else {
            continue;
        };
        by_service
            .entry(group.service)
            .or_default()
            .extend(Scene::of(&group, service));
    }
    let mut out = Vec::new();
    for (place, mut scenes) in by_service {
        let Some(service) = all.services.get(&place) else {
            continue;
        };
        scenes.sort_by_cached_key(|scene| (scene.way.is_mild(), std::cmp::Reverse(scene.failed), scene.way));
        let mut merged: Vec<Scene> = Vec::new();
        for scene in scenes {
            match merged.iter().position(|other| other.overlaps(&scene)) {
                Some(at) => {
                    let other = merged.swap_remove(at);
                    merged.push(other.join_way(scene, service));
                }
                None => merged.push(scene),
            }
        }
        out.extend(merged);
    }
    out.sort_by_cached_key(|scene| (scene.services.first().copied(), scene.first.at));
    out
}

/// What its failures have in common, where it is one service.
fn common(scene: &Scene, all: &Incidents, worked: &Worked<'_>) -> Option<Incident> {
    let own = match scene.services[..] {
        [service] => ports::find(scene).or_else(|| pattern::find(scene, all.services.get(&service)?)),
        _ => None,
    };
    own.or_else(|| direction::find(scene, worked))
}

/// Hosts or ports, and how many of them there are in all.
type Place = (Option<IpAddr>, Option<u16>);

/// Makes one of many scenes that share a host or a port and fail in the same way, where most of what is there does.
fn fold(scenes: Vec<Scene>, all: &Incidents, place: impl Fn(Endpoint) -> Place) -> Vec<Scene> {
    let mut alike: Map<(Failure, Place), Vec<Scene>> = Map::default();
    let mut out = Vec::new();
    for scene in scenes {
        match scene.services[..] {
            [one] if is_dead(&scene) => alike.entry((scene.way, place(one))).or_default().push(scene),
            _ => out.push(scene),
        }
    }
    alike.retain(|_, scenes| {
        let is_one = scenes.len() < FOLD;
        if is_one {
            out.append(scenes);
        }
        !is_one
    });
    let mut there: Map<Place, usize> = Map::default();
    for service in all.services.keys() {
        *there.entry(place(*service)).or_default() += 1;
    }
    for ((_, place), mut scenes) in alike {
        let is_port = place.1.is_some();
        if is_port && scenes.len() * 2 < there.get(&place).copied().unwrap_or(0) {
            out.append(&mut scenes);
            continue;
        }
        scenes.sort_by_cached_key(|scene| scene.services.first().copied());
        out.extend(scenes.into_iter().reduce(Scene::join_service));
    }
    out.sort_by_cached_key(|scene| (scene.services.first().copied(), scene.first.at));
    out
}

/// It never worked, or it fails long enough that it is no accident.
fn is_dead(scene: &Scene) -> bool {
    scene.ok == [0; 3] || scene.failed >= 3 && scene.share() >= 0.5
}

/// Many enough, and a share large enough, that it is no accident.
pub(super) fn is_telling(scene: &Scene) -> bool {
    let is_own = |way: Failure| way.is_mild() || matches!(way, Failure::Aborted | Failure::ResetByClient);
    let (few, some, many) = if is_own(scene.way) { (5, 10, 50) } else { (3, 5, 20) };
    let number = |way: Failure| {
        scene
            .ways
            .iter()
            .filter(|(each, _)| *each == way)
            .map(|(_, number)| *number)
            .sum::<u64>()
    };
    // What only came late is no failure beside those that never came.
    let late: u64 = if scene.way.is_mild() {
        0
    } else {
        scene
            .ways
            .iter()
            .filter(|(way, _)| way.is_mild())
            .map(|(_, number)| *number)
            .sum()
    };
    let (main, failed) = (number(scene.way), scene.failed - late.min(scene.failed));
    let share = failed as f64 / scene.attempts.max(1) as f64;
    main >= few && (share >= 0.5 || failed >= some && share >= 0.1) || failed >= many && share >= 0.02
}

/// Which services worked, and when last.
pub(super) struct Worked<'a> {
    services: &'a Map<Endpoint, Box<Service>>,
    /// The ports of each address.
    ports: Map<IpAddr, Since<u16>>,
    /// What some hosts used themselves.
    used: Map<IpAddr, Vec<(Endpoint, Stamp)>>,
}

impl<'a> Worked<'a> {
    /// `hosts`: those that [`Worked::used_by`] will be asked for.
    pub fn new(all: &'a Incidents, hosts: &Set<IpAddr>) -> Self {
        let mut ports: Map<IpAddr, Vec<(u16, Stamp)>> = Map::default();
        let mut used: Map<IpAddr, Vec<(Endpoint, Stamp)>> = Map::default();
        for (place, service) in &all.services {
            if let Some(last) = service.last_ok {
                ports.entry(place.ip).or_default().push((place.port, last));
            }
            if !hosts.is_empty() {
                let clients = service.clients.iter().filter(|(ip, ..)| hosts.contains(*ip));
                clients.for_each(|(ip, _, last)| used.entry(*ip).or_default().push((*place, last)));
            }
        }
        ports.values_mut().for_each(|ports| ports.sort_unstable());
        Self {
            services: &all.services,
            ports: ports.into_iter().map(|(ip, ports)| (ip, Since::new(ports))).collect(),
            used,
        }
    }

    /// Services that `host` used with success since `at`.
    pub fn used_by(&self, host: IpAddr, at: Stamp) -> impl Iterator<Item = Endpoint> {
        let used = self.used.get(&host).into_iter().flatten();
        used.filter(move |(_, last)| *last >= at).map(|(service, _)| *service)
    }

    /// Who used a service of `host` with success since `at`, as far as the service remembers.
    pub fn clients_of(&self, host: IpAddr, at: Stamp) -> impl Iterator<Item = IpAddr> {
        let ports = self.ports.get(&host).map(|ports| ports.iter(at));
        let services = ports
            .into_iter()
            .flatten()
            .filter_map(move |port| self.services.get(&Endpoint { ip: host, port: *port }));
        let clients = services.flat_map(|service| service.clients.iter());
        clients.filter(move |(_, _, last)| *last >= at).map(|(ip, ..)| *ip)
    }

    /// What still worked in the stretch of `scene`, one sentence each.
    pub fn contrast(&self, scene: &Scene) -> Vec<String> {
        let from = scene.first.at;
        let mut said = Vec::new();
        said.extend(self.clients(scene, from));
        said.extend(self.names(scene, from));
        said.extend(self.ports(scene, from));
        said
    }

    /// Other clients of the same services.
    fn clients(&self, scene: &Scene, from: Stamp) -> Option<String> {
        let mut well: Vec<IpAddr> = Vec::new();
        let mut more = false;
        for service in scene.services.iter().filter_map(|place| self.services.get(place)) {
            let others = service
                .clients
                .iter()
                .filter(|(ip, _, last)| *last >= from && !scene.sources.contains_key(*ip));
            well.extend(others.map(|(ip, ..)| *ip));
            more |= service.clients.more;
        }
        well.sort_unstable();
        well.dedup();
        if well.is_empty() || scene.more {
            return None;
        }
        let at_least = if more { "at least " } else { "" };
        let who = list(&well, NAMED);
        Some(format!(
            "It worked for {at_least}{} at the same time: {who}.",
            count(well.len() as u64, "other client")
        ))
    }

    fn names(&self, scene: &Scene, from: Stamp) -> Option<String> {
        if scene.names.is_empty() {
            return None;
        }
        let hit: Set<&str> = scene.names.iter().map(|named| &*named.name).collect();
        let mut well: Vec<String> = Vec::new();
        for service in scene.services.iter().filter_map(|place| self.services.get(place)) {
            let others = service
                .names
                .iter()
                .filter(|(name, _, last)| *last >= from && !hit.contains(&***name));
            well.extend(others.map(|(name, ..)| name.to_string()));
        }
        well.sort_unstable();
        well.dedup();
        (!well.is_empty()).then(|| format!("Other names at the same place worked: {}.", list(&well, NAMED)))
    }

    /// Other ports of the same hosts.
    fn ports(&self, scene: &Scene, from: Stamp) -> Option<String> {
        let ip = scene.services.first()?.ip;
        if scene.services.iter().any(|service| service.ip != ip) {
            return None;
        }
        let failing: Set<u16> = scene.services.iter().map(|service| service.port).collect();
        let ports = self.ports.get(&ip)?;
        let service = |port: &u16| self.services.get(&Endpoint { ip, port: *port });
        let is_well =
            |port: &&u16| service(port).is_some_and(|service| service.last_ok.is_some_and(|last| last >= from));
        let number = ports.count(from) - failing.iter().filter(is_well).count();
        if number == 0 {
            return None;
        }
        let well = ports.iter(from).filter(|port| !failing.contains(*port)).take(NAMED);
        let (ports, verb) = if number == 1 {
            ("Port", "answers")
        } else {
            ("Ports", "answer")
        };
        Some(format!("{ports} {} of {ip} still {verb}.", list_of(well, number)))
    }
}

/// `10.0.0.5:443`, `10.0.0.5 (7 ports)`, `port 445 of 30 hosts`.
pub(super) fn place(scene: &Scene) -> String {
    let Some(first) = scene.services.first() else {
        return String::new();
    };
    let number = scene.services.len() as u64;
    if number == 1 {
        match &scene.names[..] {
            [one] if scene.unnamed == 0 => format!("{first} ({})", one.name),
            _ => first.to_string(),
        }
    } else if scene.services.iter().all(|service| service.ip == first.ip) {
        format!("{} ({})", first.ip, count(number, "port"))
    } else if scene.services.iter().all(|service| service.port == first.port) {
        format!("port {} of {}", first.port, count(number, "host"))
    } else {
        count(number, "service")
    }
}

/// `3 clients`, `10.0.0.1`.
pub(super) fn from_whom(scene: &Scene) -> String {
    let mut sources = scene.sources.keys();
    let number = count(sources.len() as u64, "client");
    match (sources.next(), sources.len(), scene.more) {
        (Some(one), 0, false) => one.to_string(),
        (.., false) => number,
        (.., true) => format!("more than {number}"),
    }
}

fn describe(scene: &Scene, worked: &Worked<'_>) -> Incident {
    let place = place(scene);
    let is_down = scene.ok[1] == 0 && scene.failed == scene.attempts && !scene.way.is_mild();
    let numbers = format!(
        "{} of {} from {}",
        thousands(scene.failed),
        thousands(scene.attempts),
        from_whom(scene)
    );
    let [before, _, after] = scene.ok;
    let verb = scene.way.verb();
    let (from, to) = (time(scene.first.at), time(scene.last.at));
    let sentence = match (is_down, before, after) {
        (true, 0, 0) => format!("Every connection to {place} {verb}: {numbers}"),
        (true, _, 0) => {
            format!("Since {from} every connection to {place} {verb}: {numbers}; {before} before that worked")
        }
        (true, 0, _) => format!("Until {to} every connection to {place} {verb}: {numbers}; {after} after that worked"),
        (true, ..) => format!(
            "{} every connection to {place} {verb}: {numbers}; {} before and {} after that worked",
            capital(&when(scene.first.at, scene.last.at)),
            thousands(before),
            thousands(after)
        ),
        (false, ..) => format!(
            "{numbers} connections to {place} were {} {}",
            scene.way.done(),
            when(scene.first.at, scene.last.at)
        )
        .replace(
            &format!(" from {} connections", from_whom(scene)),
            &format!(" connections from {}", from_whom(scene)),
        ),
    };
    let also: Vec<String> = scene
        .ways
        .iter()
        .filter(|(way, _)| *way != scene.way)
        .map(|(way, number)| format!("{} {}", thousands(*number), way.done()))
        .collect();
    let also = if also.is_empty() {
        String::new()
    } else {
        format!(" (among them {})", also.join(", "))
    };
    let meta = if is_down { &SERVICE_DOWN } else { &SERVICE_FAILING };
    let mut incident = scene.incident(meta, place, format!("{sentence}{also}."));
    incident.contrast = worked.contrast(scene);
    incident
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_uppercase(), letters.as_str())
    })
}
