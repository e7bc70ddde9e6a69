//! A SYN answered by an ICMP error that says no.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;
use crate::case::words::Handshake;
use crate::flow::IcmpMeaning;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "icmp-rejected",
    severity: Severity::Error,
    title: "SYN answered by an ICMP error: a rule rejects it",
    next: "look at the rules of the ICMP sender (Linux: nft list ruleset; iptables -nvL)",
    page: include_str!("icmp-rejected.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let icmp = case.facts.icmp.filter(|_| case.handshake == Handshake::IcmpRejected)?;
    let is_ours = matches!(
        icmp.meaning(),
        IcmpMeaning::Prohibited | IcmpMeaning::PortUnreachable | IcmpMeaning::ProtocolUnreachable
    );
    if !is_ours {
        return None;
    }
    let syn = case.facts.opening.syn.first?;
    let who = if icmp.from == case.server().ip { "the server itself" } else { "a device that is not the server" };
    let summary = format!(
        "The SYN to {} was answered after {} with {} by {}, {who}.",
        case.server(),
        time(icmp.at.stamp - syn.stamp),
        icmp.text(),
        icmp.from,
    );
    Some(Finding::new(&META, Confidence::High, syn, [icmp.at.number()], summary))
}
