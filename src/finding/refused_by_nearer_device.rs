//! A SYN answered by a RST that did not come from as far as the server.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity};
use crate::base::Span;
use crate::case::Case;
use crate::case::context::hops;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "refused-by-nearer-device",
    severity: Severity::Error,
    title: "SYN answered by RST from a device nearer than the server",
    next: "tcptraceroute -n {server} {port}: the device that answers last is the one that refuses",
    page: include_str!("refused-by-nearer-device.md"),
};

/// Routing protocols send with a TTL of 1 or 2 and answer for closed ports, like everybody, with the system's own.
const SET_BY_HAND: u8 = 2;

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let evidence = nearer_evidence(case);
    if evidence.is_empty() {
        return None;
    }
    let (reset, syn) = (case.facts.reset?, case.facts.opening.syn.last()?);
    let sure = if evidence.len() > 1 { Confidence::High } else { Confidence::Medium };
    let summary = format!(
        "The SYN to {} was refused with a RST that the server did not send: {}.",
        case.server(),
        evidence.join("; "),
    );
    Some(Finding::new(&META, sure, syn, [reset.at.number()], summary))
}

/// What tells the RST from one of the server's own: its TTL against the server's other packets, its time against the
/// server's fastest answer (SEMANTICS 5.3 c, d).
pub fn nearer_evidence(case: &Case<'_>) -> Vec<String> {
    let mut evidence = Vec::new();
    if case.handshake != Handshake::Rst {
        return evidence;
    }
    let (Some(reset), Some(host)) = (&case.facts.reset, case.context.hosts.get(&case.server().ip)) else {
        return evidence;
    };
    let usual = host.ttl;
    if usual.min > SET_BY_HAND && usual.distance(reset.ttl) > 0 && hops(reset.ttl) != hops(usual.first) {
        evidence.push(format!("it arrived with TTL {}, the server's other packets with {}", reset.ttl, usual.first));
    }
    if let (Some(after), Some(rtt)) = (reset.since_trigger, host.rtt) {
        if rtt > Span::from_millis(2) && after < rtt.times_tenths(7) {
            evidence.push(format!("it came after {}, the server needs at least {}", time(after), time(rtt)));
        }
    }
    evidence
}
