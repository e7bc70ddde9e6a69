//! A SYN that nothing answered.

use super::text::{beyond, time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "syn-silent",
    severity: Severity::Error,
    title: "SYN sent, nothing came back",
    next: "capture on {server}: tcpdump -ni any 'host {client} and port {port}' (does the SYN arrive?)",
    page: include_str!("syn-silent.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.handshake != Handshake::SilentlyDropped {
        return None;
    }
    let syn = &case.facts.opening.syn;
    let (first, last) = (syn.first?, syn.last?);
    let sure = match syn.count {
        1 => Confidence::Low,
        _ if case.context.has_losses() => Confidence::Low,
        _ if case.context.has_spoken(case.server().ip) || case.context.sees_both_directions() => Confidence::High,
        _ => Confidence::Medium,
    };
    let span = if syn.count > 1 { format!(" within {}", time(last.stamp - first.stamp)) } else { String::new() };
    let summary = format!(
        "SYN to {} sent {}{span}, no answer was seen in {} more of capture: lost or dropped {}.",
        case.server(),
        times(syn.count),
        time(case.capture_end() - last.stamp),
        beyond(case),
    );
    Some(Finding::new(&META, sure, first, syn.packets(), summary).of(Side::Client))
}
