//! Connections between two hosts that work in one direction only.

use super::plain::Worked;
use super::say::{list, thousands, when};
use super::scene::Scene;
use super::{Failure, Incident, ONE_DIRECTION};
use crate::base::Endpoint;
use crate::finding::causes::numbered;
use std::net::IpAddr;

/// At least so many attempts.
const LEAST: u64 = 3;

/// None of the clients gets through to the host, while the host gets through to each of them.
pub(super) fn find(scene: &Scene, all: &Worked<'_>) -> Option<Incident> {
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
        if all.between(*client, host, from).next().is_some() {
            return None;
        }
        let before = back.len();
        back.extend(all.between(host, *client, from));
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
