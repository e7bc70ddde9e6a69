//! Reset instead of an answer.

use super::reset::at_stage;
use super::text::asked;
use super::{Finding, Meta, Severity};
use crate::case::Case;
use crate::flow::facts::ResetStage;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-after-request",
    severity: Severity::Error,
    title: "reset after the request, before any answer",
    next: "repeat the request from another network and with another name (openssl s_client -connect {server}:{port} -servername NAME)",
    page: include_str!("reset-after-request.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let mut finding = at_stage(case, ResetStage::AfterRequest, &META)?;
    if let Some(asked) = asked(case) {
        finding.summary = format!("{} The request was {asked}.", finding.summary);
    }
    Some(finding)
}
