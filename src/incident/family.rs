//! Attempts in both address families at once (RFC 8305): the loser of a race is no failure, a family that always loses is.

use super::plain::{from_whom, place};
use super::say::{thousands, when};
use super::scene::Scene;
use super::{FAMILY_BROKEN, Failure, Incident, Incidents, Observation};
use crate::base::{Endpoint, Span, Stamp};
use crate::finding::Severity;
use std::net::IpAddr;

/// An application tries the other family within this time.
const SOON: Span = Span::from_secs(2);
/// Attempts remembered.
const KEPT: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Attempt {
    start: Stamp,
    client: IpAddr,
    server: Endpoint,
    /// How it failed; `None` where it worked.
    way: Option<Failure>,
    /// Its sibling was found.
    matched: bool,
}

/// A failed attempt and the other one beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub service: Endpoint,
    pub way: Failure,
    /// The client of the failed one, and the client and the server of the other.
    pub ends: (IpAddr, IpAddr, Endpoint),
}

/// The latest attempts.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    kept: Vec<Attempt>,
    next: usize,
    /// How many of them are to IPv4 addresses, and to IPv6 addresses: most recordings have only either.
    families: [usize; 2],
    /// When the last one failed.
    failed: Option<Stamp>,
}

impl Recent {
    /// Takes in an attempt. Returns the failed one that it, or that one before it, is the sibling of.
    pub fn on(&mut self, seen: &Observation<'_>, way: Option<Failure>) -> Option<Pair> {
        let failed = way.filter(|way| way.is_opening());
        let mut found = None;
        let has_other = self.families[usize::from(seen.server.ip.is_ipv4())] > 0;
        if has_other && (failed.is_some() || self.failed.is_some_and(|at| seen.start - at <= SOON)) {
            let server = seen.server;
            let is_sibling = |other: &&mut Attempt| {
                other.server.port == server.port
                    && other.server.ip.is_ipv4() != server.ip.is_ipv4()
                    && other.way.is_some() != failed.is_some()
                    && !other.matched
                    && seen.start - other.start <= SOON
            };
            if let Some(other) = self.kept.iter_mut().find(is_sibling) {
                other.matched = true;
                let (mine, theirs) = (seen.client.ip, other.client);
                found = match (other.way, failed) {
                    (Some(way), _) => Some(Pair {
                        service: other.server,
                        way,
                        ends: (theirs, mine, server),
                    }),
                    (None, Some(way)) => Some(Pair {
                        service: server,
                        way,
                        ends: (mine, theirs, other.server),
                    }),
                    (None, None) => None,
                };
            }
        }
        if failed.is_some() {
            self.failed = Some(seen.start);
        }
        let attempt = Attempt {
            start: seen.start,
            client: seen.client.ip,
            server: seen.server,
            way: failed,
            matched: found.is_some(),
        };
        self.families[usize::from(attempt.server.ip.is_ipv6())] += 1;
        if self.kept.len() < KEPT {
            self.kept.push(attempt);
        } else if let Some(place) = self.kept.get_mut(self.next) {
            self.families[usize::from(place.server.ip.is_ipv6())] -= 1;
            *place = attempt;
            self.next = (self.next + 1) % KEPT;
        }
        found
    }
}

/// The attempts in the other family beside the failures of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Siblings {
    pairs: Vec<((IpAddr, IpAddr, Endpoint), u64)>,
    count: u64,
}

impl Siblings {
    pub fn on(&mut self, ends: (IpAddr, IpAddr, Endpoint)) {
        self.count += 1;
        if let Some((_, number)) = self.pairs.iter_mut().find(|(known, _)| *known == ends) {
            *number += 1;
        } else if self.pairs.len() < KEPT {
            self.pairs.push((ends, 1));
        }
    }

    /// Nearly all of so many failures have one, and for each client it is the same: not just any flow of those days.
    pub fn are_rule(&self, failed: u64) -> bool {
        let best = |client: IpAddr| {
            let own = self.pairs.iter().filter(|((own, ..), _)| *own == client);
            own.map(|(_, number)| *number).max().unwrap_or(0)
        };
        let mut clients: Vec<IpAddr> = self.pairs.iter().map(|((client, ..), _)| *client).collect();
        clients.sort_unstable();
        clients.dedup();
        let steady: u64 = clients.into_iter().map(best).sum();
        self.count * 10 >= failed * 8 && steady * 10 >= self.count * 7
    }
}

/// Takes away the losers of races, and finds the family that is broken.
pub(super) fn find(all: &mut Incidents, found: &mut Vec<Incident>) {
    // Given up although it had been answered: the other was faster.
    all.groups
        .retain(|(_, way), group| *way != Failure::Aborted || !group.siblings.are_rule(group.failed));
    let broken: Vec<(Endpoint, Failure)> = all
        .groups
        .iter()
        .filter(|((_, way), group)| way.is_opening() && group.failed >= 3 && group.siblings.are_rule(group.failed))
        .map(|(key, _)| *key)
        .collect();
    for is_v6 in [true, false] {
        let mut scenes: Vec<Scene> = Vec::new();
        let mut keys: Vec<(Endpoint, Failure)> = broken
            .iter()
            .filter(|(service, _)| service.ip.is_ipv6() == is_v6)
            .copied()
            .collect();
        keys.sort_unstable();
        for key in &keys {
            let (group, service) = (all.groups.get(key), all.services.get(&key.0));
            scenes.extend(
                group
                    .zip(service)
                    .and_then(|(group, service)| Scene::of(group, service)),
            );
        }
        let Some(scene) = scenes.into_iter().reduce(Scene::join_service) else {
            continue;
        };
        if scene.failed < 3 || scene.share() < 0.8 {
            continue;
        }
        for key in keys {
            all.groups.remove(&key);
        }
        found.push(describe(&scene, is_v6));
    }
}

fn describe(scene: &Scene, is_v6: bool) -> Incident {
    let (broken, well) = if is_v6 { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
    let place = place(scene);
    let summary = format!(
        "{broken} does not work: {} of {} connections to {place} from {} were {} {}; each time the client went on with {well}.",
        thousands(scene.failed),
        thousands(scene.attempts),
        from_whom(scene),
        scene.way.done(),
        when(scene.first.at, scene.last.at),
    );
    let mut incident = scene.incident(&FAMILY_BROKEN, place, summary);
    // Applications notice only a delay.
    incident.severity = Severity::Warn;
    incident.contrast = vec![format!("The same port over {well} worked at the same time.")];
    incident.candidates = vec![format!(
        "{broken} is routed or filtered differently on the path or at the server: traceroute both ways"
    )];
    incident
}
