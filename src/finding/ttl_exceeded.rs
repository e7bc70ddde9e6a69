//! A SYN whose hop count ran out.

use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;
use crate::case::words::Handshake;
use crate::flow::IcmpMeaning;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "ttl-exceeded",
    severity: Severity::Error,
    title: "SYN answered by ICMP time exceeded: a routing loop or a tiny TTL",
    next: "traceroute -n {server}: the same two routers again and again are a loop",
    page: include_str!("ttl-exceeded.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let icmp = case.facts.icmp.filter(|_| case.handshake == Handshake::IcmpRejected)?;
    if icmp.meaning() != IcmpMeaning::TtlExceeded {
        return None;
    }
    let syn = case.facts.opening.syn.first?;
    let ttl = case.facts.client().ttl.first;
    let summary = format!(
        "The SYN to {} left with TTL {ttl} and died at {} ({}): {}.",
        case.server(),
        icmp.from,
        icmp.text(),
        if ttl < 16 { "it was sent with too small a TTL, as a traceroute does" } else { "most likely a routing loop" },
    );
    Some(Finding::new(&META, Confidence::High, syn, [icmp.at.number()], summary))
}
