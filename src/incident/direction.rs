//! Connections between two hosts that work in one direction only.

use super::collect::Incidents;
use super::say::{list, thousands, when};
use super::scene::Scene;
use super::{Failure, Incident, ONE_DIRECTION};
use crate::base::{Endpoint, Stamp};
use crate::finding::causes::numbered;
use std::net::IpAddr;

/// At least so many attempts.
const LEAST: u64 = 3;

/// None of the clients gets through to the host, while the host gets through to each of them.
pub(super) fn find(scene: &Scene, all: &Incidents) -> Option<Incident> {
    let host = scene.services.first()?.ip;
    let can = matches!(scene.way, Failure::Silent | Failure::Rejected | Failure::HalfOpen);
    let is_one = scene.services.iter().all(|service| service.ip == host);
    if !can || !is_one || scene.failed < LEAST || scene.failed != scene.attempts || scene.more {
        return None;
    }
    let from = scene.first.at;
    let mut back: Vec<Endpoint> = Vec::new();
    for client in scene.sources.keys() {
        // If it reaches the host elsewhere, the direction is not what matters.
        if worked(all, *client, host, from).next().is_some() {
            return None;
        }
        let before = back.len();
        back.extend(worked(all, host, *client, from));
        if back.len() == before {
            return None;
        }
    }
    back.sort_unstable();
    let clients: Vec<&IpAddr> = scene.sources.keys().collect();
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

/// Services of `to` that `from` used with success since `at`.
fn worked(all: &Incidents, from: IpAddr, to: IpAddr, at: Stamp) -> impl Iterator<Item = Endpoint> {
    let services = all.services.iter().filter(move |(place, _)| place.ip == to);
    services
        .filter(move |(_, service)| service.clients.iter().any(|(ip, _, last)| *ip == from && last >= at))
        .map(|(place, _)| *place)
}
