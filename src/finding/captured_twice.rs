//! The same packets, captured again.

use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "captured-twice",
    severity: Severity::Note,
    title: "packets captured more than once",
    next: "capture one interface instead of any, or mirror one direction per port; editcap -d removes copies",
    page: include_str!("captured-twice.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let copies: u64 = case.facts.sides.iter().map(|side| side.copies).sum();
    if copies == 0 {
        return None;
    }
    let packets: u64 = case.facts.sides.iter().map(|side| side.packets).sum();
    let summary = format!("{copies} of the flow's {packets} packets are copies of one captured a moment before; they count as no retransmission.");
    Some(Finding::new(&META, Confidence::High, case.facts.first, [], summary))
}
