//! Packets of one side that different systems must have sent.

use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "two-senders",
    severity: Severity::Note,
    title: "packets in the name of one side came from more than one system",
    next: "tcptraceroute -n {server} {port}: which device answers first? The same request from another network: does it get the same answer?",
    page: include_str!("two-senders.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    let (place, side) = [Side::Server, Side::Client]
        .into_iter()
        .zip([facts.server(), facts.client()])
        .find(|(_, side)| side.ttl.has_other_system(side.ttl.min) || side.ttl.has_other_system(side.ttl.max))?;
    let end = if place == Side::Server { case.server() } else { case.client() };
    let summary = format!(
        "Packets in the name of {end} came with TTLs from {} to {}, which one system would not send: a device on the path \
         answers in its name (proxy, load balancer, filter). This alone proves no trouble.",
        side.ttl.min, side.ttl.max,
    );
    Some(Finding::new(&META, Confidence::Medium, side.first?, [], summary).of(place))
}
