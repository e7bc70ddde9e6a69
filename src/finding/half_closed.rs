//! One side closed, the other did not.

use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Ending;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "half-closed",
    severity: Severity::Note,
    title: "one side closed, the other stayed open",
    next: "on the side that did not close: ss -tanp state close-wait (a process that forgot to close its socket?)",
    page: include_str!("half-closed.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.ending != Ending::HalfClosed {
        return None;
    }
    let (fin, who, other) = match (case.facts.client().fin, case.facts.server().fin) {
        (Some(fin), _) => (fin, Side::Client, Side::Server),
        (None, Some(fin)) => (fin, Side::Server, Side::Client),
        (None, None) => return None,
    };
    let summary = format!("The {who} sent its FIN and had it acknowledged; the {other} had not closed when the capture ended.");
    Some(Finding::new(&META, Confidence::High, fin, [], summary).of(other))
}
