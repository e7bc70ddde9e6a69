//! A request that was taken and never answered.

use super::text::{self, bytes, time};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Ending;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "no-response",
    severity: Severity::Error,
    title: "request acknowledged, no answer",
    next: "on {server}: what does the process on port {port} wait for (thread dump, its own calls to other services)?",
    page: include_str!("no-response.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.ending != Ending::NoResponse {
        return None;
    }
    let (facts, client) = (case.facts, case.facts.client());
    let (asked, acked) = (client.last_data?, client.last_acked?);
    let fins = facts.sides.iter().filter_map(|side| side.fin);
    let end = fins.chain(facts.reset.map(|reset| reset.at)).min_by_key(|seen| seen.stamp);
    let until = end.map_or_else(|| case.capture_end(), |seen| seen.stamp);
    let summary = format!(
        "{} took {} from the client, and sent no byte in {}: the host is alive, the application did not answer.",
        case.server(),
        bytes(client.bytes),
        time(until - asked.stamp),
    );
    let summary = match text::asked(case) {
        Some(what) => format!("{summary} The request was {what}."),
        None => summary,
    };
    // Many requests without one answer may be a protocol that needs none (logs, metrics).
    let sure = if client.data_segments > 8 { Confidence::Low } else { Confidence::Medium };
    let packets = [Some(acked), end].into_iter().flatten().map(|seen| seen.number());
    Some(Finding::new(&META, sure, asked, packets, summary).of(Side::Server))
}
