//! A RST that neither end seems to have sent.

use super::text::{packets, when};
use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;
use crate::case::words::Ending;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-injected",
    severity: Severity::Error,
    title: "reset by something between the two ends",
    next: "capture at both ends at once: a RST that arrives here and was never sent there proves it",
    page: include_str!("reset-injected.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let reset = case.facts.reset.filter(|_| case.ending == Ending::RstInjected)?;
    let after = &case.facts.after_reset;
    let mut evidence: Vec<String> = case.forgery_indicators().into_iter().map(String::from).collect();
    if after.sender_went_on > 0 {
        evidence.insert(0, format!("its \"sender\" went on speaking ({} more)", packets(after.sender_went_on)));
    }
    let sure = if after.sender_went_on > 0 && evidence.len() > 1 || evidence.len() > 2 {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let summary = format!(
        "A RST in the name of {}, {}, was sent by neither end: {}.",
        case.facts.key.sender(reset.from),
        when(reset.stage),
        evidence.join("; "),
    );
    let proof = [after.first, reset.trigger].into_iter().flatten().map(|seen| seen.number());
    Some(Finding::new(&META, sure, reset.at, proof, summary))
}
