//! A RST that ended nothing.

use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-ignored",
    severity: Severity::Note,
    title: "a RST outside the window ended nothing",
    next: "if it happens often: who sends it (TTL, IP ID)? A forger, or a NAT that answers for an old connection",
    page: include_str!("reset-ignored.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    let survived = facts.reset.filter(|_| facts.after_reset.survived).map(|reset| reset.at);
    let at = facts.invalid_resets.first.or(survived)?;
    let went_on = facts.last.stamp > at.stamp && facts.reset.is_none_or(|reset| reset.at.stamp > at.stamp || survived.is_some());
    if !went_on || !facts.is_established() {
        return None;
    }
    let count = facts.invalid_resets.count.max(1);
    let plural = if count == 1 { "" } else { "s" };
    let summary = if survived.is_some() {
        "A RST that fits the connection was not believed: both sides went on, and what was sent after it was acknowledged.".into()
    } else {
        format!("{count} RST{plural} fell outside of what the receiver accepts (RFC 9293 3.10.7.4), and the connection went on.")
    };
    Some(Finding::new(&META, Confidence::High, at, facts.invalid_resets.packets(), summary))
}
