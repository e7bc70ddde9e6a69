//! SYNs from very many sources that nobody follows up.

use super::group::{Burst, Group};
use super::say::{count, thousands, when};
use super::scene::first;
use super::{Cover, Failure, Incident, Incidents, SYN_FLOOD, Sources};
use crate::base::{Endpoint, Map, Set};
use crate::finding::Confidence;
use crate::verdict::words::Culprit;
use std::net::IpAddr;

/// From so many sources on.
const SOURCES: usize = 100;
/// So many a second, at least.
const RATE: f64 = 20.0;
/// The ways in which SYNs with forged senders end.
const WAYS: [Failure; 3] = [Failure::Silent, Failure::HalfOpen, Failure::Aborted];

/// Finds floods of SYNs, and takes away the groups that they explain.
pub(super) fn find(all: &mut Incidents, found: &mut Vec<Incident>) {
    let hit = all.groups.values().filter(|group| is_aimless(group) && is_large(group));
    let hit: Set<IpAddr> = hit.map(|group| group.service.ip).collect();
    if hit.is_empty() {
        return;
    }
    // Other ports get their share of it.
    let mut by_host: Map<IpAddr, Vec<(Endpoint, Failure)>> = Map::default();
    for (key, group) in &all.groups {
        if hit.contains(&key.0.ip) && is_aimless(group) {
            by_host.entry(key.0.ip).or_default().push(*key);
        }
    }
    let mut hosts: Vec<Vec<(Endpoint, Failure)>> = by_host.into_values().collect();
    hosts.sort_unstable_by_key(|keys| keys.first().map(|(service, _)| service.ip));
    for mut keys in hosts {
        keys.sort_unstable();
        let removed = keys.iter().filter_map(|key| all.groups.remove(key));
        let groups: Vec<Group> = removed.map(|group| *group).collect();
        let mut services: Vec<Endpoint> = groups.iter().map(|group| group.service).collect();
        services.dedup();
        let ok = services
            .iter()
            .filter_map(|service| all.services.get(service))
            .map(|service| service.ok)
            .sum();
        found.extend(describe(&services, &groups, ok));
    }
}

/// Hardly any source came again, or came through.
fn is_aimless(group: &Group) -> bool {
    let known: u64 = group.sources.values().map(|source| u64::from(source.failed)).sum();
    let came_once = known <= 2 * group.sources.len() as u64;
    let worked = group.sources.values().filter(|source| source.ok > 0).count();
    WAYS.contains(&group.way)
        && came_once
        && group.sources.len() * 10 >= SOURCES
        && worked * 10 <= group.sources.len()
        && (group.way != Failure::Silent || group.single_syns * 10 >= group.failed * 8)
}

fn is_large(group: &Group) -> bool {
    let Some(whole) = group.bursts.iter().copied().reduce(Burst::join) else {
        return false;
    };
    let seconds = (whole.last.at - whole.first.at).as_secs().max(0.1);
    group.sources.len() >= SOURCES && group.failed as f64 / seconds >= RATE
}

fn describe(services: &[Endpoint], groups: &[Group], ok: u64) -> Option<Incident> {
    let whole = groups
        .iter()
        .flat_map(|group| group.bursts.iter().copied())
        .reduce(Burst::join)?;
    let failed: u64 = groups.iter().map(|group| group.failed).sum();
    let sources: u64 = groups.iter().map(|group| group.sources.len() as u64).sum();
    let more = groups.iter().any(|group| group.more);
    let at_least = if more { "more than " } else { "" };
    let (from, to) = (whole.first.at, whole.last.at);
    let seconds = (to - from).as_secs().max(1.0);
    let first_service = *services.first()?;
    let service = if services.len() == 1 {
        first_service.to_string()
    } else {
        format!("{} ({})", first_service.ip, count(services.len() as u64, "port"))
    };
    let summary = format!(
        "{} to {service} from {at_least}{} {}, {} a second at most on average, and hardly any of them came again: a flood of SYNs, probably with forged senders.",
        count(failed, "SYN"),
        count(sources, "source"),
        when(from, to),
        thousands((failed as f64 / seconds).ceil() as u64),
    );
    let answered = groups.iter().any(|group| group.way != Failure::Silent);
    let contrast = if ok > 0 {
        format!("{} to it worked all the same.", count(ok, "other connection"))
    } else {
        "Not one connection to it worked.".to_owned()
    };
    let listed = groups.iter().flat_map(|group| group.sources.keys().copied());
    let listed = first(listed, Sources::LISTED);
    Some(Incident {
        confidence: if ok > 0 || answered {
            Confidence::High
        } else {
            Confidence::Medium
        },
        failed,
        attempts: failed + ok,
        sources: Sources {
            listed,
            count: sources,
            more,
        },
        examples: vec![whole.first.example(), whole.last.example()],
        contrast: vec![contrast],
        culprit: Culprit::Unknown,
        candidates: vec![
            "a SYN flood with forged senders (D23, D6): no sender ever acknowledges a SYN-ACK".to_owned(),
            "many real clients whose answers are lost (D10): then they repeat their SYNs".to_owned(),
        ],
        next: format!(
            "on {}: nstat -az | grep -i -e cookie -e ListenDrops; sysctl net.ipv4.tcp_syncookies (should be 1)",
            first_service.ip
        ),
        covers: Cover::new(groups.iter().map(|group| (group.service, group.way)), None),
        ..Incident::new(&SYN_FLOOD, service.clone(), (from, to), summary)
    })
}
