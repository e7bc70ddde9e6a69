//! A client that closes with RST when everything has been said.

use super::reset::{describe, ending_reset, is_abortive_close};
use super::{Finding, Meta, Severity};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "abortive-close",
    severity: Severity::Note,
    title: "the client closed with RST after a complete exchange",
    next: "nothing, unless the server logs errors: some clients close this way (SO_LINGER 0)",
    page: include_str!("abortive-close.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let reset = ending_reset(case)?;
    is_abortive_close(case, &reset).then(|| describe(case, &reset, &META, ", with nothing outstanding"))
}
