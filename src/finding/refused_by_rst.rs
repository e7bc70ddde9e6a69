//! A SYN answered by a RST.

use super::refused_by_nearer_device::nearer_evidence;
use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "refused-by-rst",
    severity: Severity::Error,
    title: "SYN answered by RST: nothing listens, or a rule rejects it",
    next: "on {server}: ss -ltnp 'sport = :{port}' (Windows: Get-NetTCPConnection -State Listen -LocalPort {port})",
    page: include_str!("refused-by-rst.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.handshake != Handshake::Rst || !nearer_evidence(case).is_empty() {
        return None;
    }
    let syn = case.facts.opening.syn.last()?;
    let rst = case.facts.reset.map(|reset| reset.at).or(case.facts.server().first_rst)?;
    let known_ttl = case.facts.reset.is_some_and(|reset| {
        case.context.hosts.get(&case.server().ip).is_some_and(|host| host.ttl.first != 0 && host.ttl.distance(reset.ttl) == 0)
    });
    let sure = match (&case.facts.reset, known_ttl) {
        (None, _) => Confidence::Low,
        (_, true) => Confidence::High,
        _ => Confidence::Medium,
    };
    let summary = format!(
        "{} refused the SYN with a RST after {}: nothing listens there, or a rule on that host rejects it{}.",
        case.server(),
        time(rst.stamp - syn.stamp),
        if known_ttl { " (its TTL is that of the host's other packets)" } else { "" },
    );
    Some(Finding::new(&META, sure, syn, [rst.number()], summary).of(Side::Server))
}
