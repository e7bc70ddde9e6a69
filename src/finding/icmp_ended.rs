//! An ICMP error that ended an established flow.

use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;
use crate::case::words::Ending;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "icmp-ended",
    severity: Severity::Error,
    title: "an ICMP error ended an established connection",
    next: "look at the ICMP sender: a rule or a route changed there while the connection was open",
    page: include_str!("icmp-ended.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let icmp = case.facts.icmp.filter(|_| case.ending == Ending::Icmp)?;
    let summary = format!("{} answered with {}, and nothing got through afterwards.", icmp.from, icmp.text());
    Some(Finding::new(&META, Confidence::High, icmp.at, [case.facts.last.number()], summary))
}
