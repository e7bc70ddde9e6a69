//! Keep-alives that nobody answers.

use super::text::{time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::flow::facts::SideFacts;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "keep-alive-failure",
    severity: Severity::Error,
    title: "keep-alives unanswered",
    next: "is the path alive for new connections (nc -vz {server} {port})? Then something on it forgot this one: compare idle timeouts",
    page: include_str!("keep-alive-failure.md"),
};

/// Keep-alives in a row without an answer that count as a failure.
const ENOUGH: u32 = 3;

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    let failing = |side: &SideFacts, peer: &SideFacts| {
        side.unanswered_keep_alives.count >= ENOUGH && peer.packets > 0 && !peer.window_is_zero && peer.fin.is_none()
    };
    let (side, who) = if failing(facts.client(), facts.server()) {
        (facts.client(), Side::Client)
    } else if failing(facts.server(), facts.client()) {
        (facts.server(), Side::Server)
    } else {
        return None;
    };
    let (first, last) = (side.unanswered_keep_alives.first?, side.unanswered_keep_alives.last()?);
    let summary = format!(
        "The {who} sent keep-alives {} within {} and got no answer: the other side, or the way there, is gone.",
        times(side.unanswered_keep_alives.count),
        time(last.stamp - first.stamp),
    );
    Some(Finding::new(&META, Confidence::High, first, side.unanswered_keep_alives.packets(), summary).of(who))
}
