//! A client that closes with RST when everything has been said.

use super::reset::{describe, ending_reset, is_abortive_close};
use super::{Finding, Meta, Severity};
use crate::base::Span;
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "abortive-close",
    severity: Severity::Note,
    title: "the client closed with RST after a complete exchange",
    next: "nothing, unless the server logs errors: some clients close this way (SO_LINGER 0)",
    page: include_str!("abortive-close.md"),
};

/// Silence before the RST from which the exchange counts as over; sooner, the client may have cut an answer short.
const AT_REST: Span = Span::from_secs(1);

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let reset = ending_reset(case)?;
    if !is_abortive_close(case, &reset) {
        return None;
    }
    let at_rest = reset.since_trigger.is_some_and(|span| span >= AT_REST);
    let severity = if at_rest { Severity::Note } else { Severity::Warn };
    Some(describe(case, &reset, &META, ", with nothing outstanding").with_severity(severity))
}
