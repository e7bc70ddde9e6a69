//! Ports that come round again before the server has forgotten their last connection (D28, D55).

use super::plain::{from_whom, place};
use super::say::{count, thousands, when};
use super::scene::Scene;
use super::{Failure, Incident, PORTS_EXHAUSTED};
use crate::finding::Confidence;
use crate::finding::causes::numbered;

/// A range of ports that a system gives to its connections, and for how many seconds it keeps a closed one.
struct Range {
    first: u16,
    last: u16,
    held: f64,
    whose: &'static str,
}

/// Windows' range (`netsh int ipv4 show dynamicport tcp`; TcpTimedWaitDelay), Linux' (`ip_local_port_range`; TIME_WAIT), and
/// what a NAT may use.
const RANGES: [Range; 3] = [
    Range {
        first: 49_152,
        last: 65_535,
        held: 120.0,
        whose: "Windows' dynamic range",
    },
    Range {
        first: 32_768,
        last: 60_999,
        held: 60.0,
        whose: "Linux' default range",
    },
    Range {
        first: 1_024,
        last: 65_535,
        held: 60.0,
        whose: "a NAT's range, or one set by hand",
    },
];

/// Old connections on so many ports, or it is one of its own.
const LEAST: usize = 3;
/// A client that restarts meets its old connections at one moment, not for so many seconds.
const LASTS: f64 = 60.0;
/// Part of what the range can carry from which on it is short.
const SHORT: f64 = 0.25;

/// Whether the failures of a service show it.
pub(super) fn find(scene: &Scene) -> Option<Incident> {
    let ports = &scene.ports;
    if scene.way != Failure::StalePeer || ports.len() < LEAST || scene.sources.len() != 1 || scene.more {
        return None;
    }
    let range = RANGES
        .iter()
        .find(|range| ports.iter().all(|port| (range.first..=range.last).contains(port)))?;
    let size = f64::from(range.last - range.first) + 1.0;
    let seconds = (scene.last.at - scene.first.at).as_secs();
    let rate = scene.attempts as f64 / seconds.max(1.0);
    let is_fast = rate * range.held >= size * SHORT;
    if !is_fast && seconds < LASTS {
        return None;
    }
    let place = place(scene);
    let summary = format!(
        "{} from {} to {place} met an old connection on their ports {}: the ports come round again before the server has \
         forgotten them, at about {rate:.1} new connections a second ({} to {}, {}: {} ports, held {:.0} s after closing).",
        count(scene.failed, "new connection"),
        from_whom(scene),
        when(scene.first.at, scene.last.at),
        range.first,
        range.last,
        range.whose,
        thousands(size as u64),
        range.held,
    );
    let mut incident = scene.incident(&PORTS_EXHAUSTED, place, summary);
    incident.confidence = incident
        .confidence
        .min(if is_fast { Confidence::High } else { Confidence::Medium });
    if scene.ok[1] > 0 {
        incident.contrast = vec![format!(
            "In the same time {} worked, on other ports.",
            count(scene.ok[1], "connection")
        )];
    }
    incident.candidates = vec![
        "ports of the client, or of a NAT before it, run out (D55): how many connections does it open and close?"
            .to_owned(),
        "the server keeps closed connections for longer than the client's ports last (D28)".to_owned(),
    ];
    if !is_fast {
        incident
            .candidates
            .push("the client was restarted again and again (D29): its uptime".to_owned());
    }
    incident.commands = scene.commands(&numbered(&["D55", "D28"]));
    "keep connections open and use them again (pool, HTTP keep-alive); else a wider range, more addresses, or tcp_tw_reuse on the client"
        .clone_into(&mut incident.next);
    Some(incident)
}
