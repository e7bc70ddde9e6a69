//! Only one direction was captured.

use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "one-sided-capture",
    severity: Severity::Note,
    title: "only one direction of the flow was captured",
    next: "capture both directions: both ports of the mirror, no src or dst in the filter, both paths of asymmetric routing",
    page: include_str!("one-sided-capture.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if !case.is_one_sided() {
        return None;
    }
    let (who, seen) = if case.facts.client().packets > 0 { (Side::Client, Side::Server) } else { (Side::Server, Side::Client) };
    let summary = format!("Only the {who}'s packets are in the capture; what they acknowledge proves that the {seen} answered.");
    Some(Finding::new(&META, Confidence::High, case.facts.first, [], summary))
}
