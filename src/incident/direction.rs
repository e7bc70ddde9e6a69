//! Connections between two hosts that work in one direction only.

use super::plain::Worked;
use super::say::{list, thousands, when};
use super::scene::Scene;
use super::{Failure, Incident, ONE_DIRECTION};
use crate::base::{Endpoint, Set};
use crate::finding::causes::numbered;
use std::net::IpAddr;

/// At least so many attempts.
const LEAST: u64 = 3;

/// The host that it may be about: no SYN gets through to it, and all who sent some are known.
pub(super) fn host(scene: &Scene) -> Option<IpAddr> {
    let host = scene.services.first()?.ip;
    let can = matches!(scene.way, Failure::Silent | Failure::Rejected | Failure::HalfOpen);
    let is_one = scene.services.iter().all(|service| service.ip == host);
    let is_all = scene.failed >= LEAST && scene.failed == scene.attempts && !scene.more;
    (can && is_one && is_all).then_some(host)
}

/// None of the clients gets through to the host, while the host gets through to each of them.
pub(super) fn find(scene: &Scene, all: &Worked<'_>) -> Option<Incident> {
    let host = host(scene)?;
    let from = scene.first.at;
    let is_source = |ip: &IpAddr| scene.sources.contains_key(ip);
    let mut back: Vec<Endpoint> = all
        .used_by(host, from)
        .filter(|service| is_source(&service.ip))
        .collect();
    back.sort_unstable();
    let reached: Set<IpAddr> = back.iter().map(|service| service.ip).collect();
    // If one reaches the host elsewhere, the direction is not what matters.
    if reached.is_empty() || reached.len() < scene.sources.len() || all.clients_of(host, from).any(|ip| is_source(&ip))
    {
        return None;
    }
    let mut clients: Vec<&IpAddr> = scene.sources.keys().collect();
    clients.sort_unstable();
    let summary = format!(
        "No connection from {} to {host} gets through, all {} were {} {}; those the other way, from {host}, worked in the \
         same time.",
        list(&clients, 2),
        thousands(scene.failed),
        scene.way.done(),
        when(from, scene.last.at),
    );
    let mut incident = scene.incident(&ONE_DIRECTION, host.to_string(), summary);
    incident.contrast = vec![format!("{host} reached {}.", list(&back, 4))];
    incident.candidates = vec![
        "a stateful firewall or access list that lets only the other side open connections (D1): its rules for this direction"
            .to_owned(),
        "the host's own firewall: what it opens itself may pass, what others open may not (D2)".to_owned(),
        "routes that differ by direction (D8): a capture at both ends".to_owned(),
    ];
    incident.commands = scene.commands(&numbered(&["D1", "D2", "D8"]));
    Some(incident)
}
