//! The same SYN once more, after a refusal.

use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "syn-after-rst",
    severity: Severity::Note,
    title: "the client repeated its SYN after a RST",
    next: "nothing: Windows tries a refused connection two or three times; count the attempts as one",
    page: include_str!("syn-after-rst.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let opening = &case.facts.opening;
    let syn = opening.syn.first.filter(|_| opening.repeats_attempt)?;
    let summary = "The same SYN (same ports, same ISN) as in the flow before, which ended in a RST: one attempt, tried again.";
    Some(Finding::new(&META, Confidence::High, syn, [], summary.into()).of(Side::Client))
}
