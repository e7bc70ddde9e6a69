//! Ports taken by a new connection while the old one was open.

use super::text::time;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "ports-reused",
    severity: Severity::Note,
    title: "a new SYN took the ports while the flow was open",
    next: "on {client}: did it restart, or does it run short of ports (ss -s; sysctl net.ipv4.ip_local_port_range)?",
    page: include_str!("ports-reused.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let by = case.facts.superseded?;
    let summary = format!(
        "A new SYN on the same ports came {} after this flow's last packet; the flow had not been closed in this capture.",
        time(by.stamp - case.facts.last.stamp),
    );
    Some(Finding::new(&META, Confidence::High, by, [case.facts.last.number()], summary).of(Side::Client))
}
