//! A SYN answered by an ICMP error that says: no way there, or nobody home.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;
use crate::case::words::Handshake;
use crate::flow::IcmpMeaning;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "host-unreachable",
    severity: Severity::Error,
    title: "SYN answered by ICMP host or network unreachable",
    next: "on the ICMP sender: is {server} up and answering ARP (ip neigh), is there a route (ip route get {server})?",
    page: include_str!("host-unreachable.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let icmp = case.facts.icmp.filter(|_| case.handshake == Handshake::IcmpRejected)?;
    let reading = match icmp.meaning() {
        IcmpMeaning::HostUnreachable => "it cannot deliver to that host: down, not answering ARP, or a rule that says so",
        IcmpMeaning::NetworkUnreachable => "it has no route there",
        _ => return None,
    };
    let syn = case.facts.opening.syn.first?;
    let summary = format!(
        "{} answered the SYN to {} after {} with {}: {reading}.",
        icmp.from,
        case.server(),
        time(icmp.at.stamp - syn.stamp),
        icmp.text(),
    );
    Some(Finding::new(&META, Confidence::High, syn, [icmp.at.number()], summary))
}
