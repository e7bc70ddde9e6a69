//! Reset instead of an answer.

use super::reset::at_stage;
use super::{Finding, Meta, Severity};
use crate::case::Case;
use crate::flow::facts::ResetStage;
use crate::wire::PayloadKind;

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
    if case.facts.client().kinds.has(PayloadKind::TlsClientHello) {
        let name = case.facts.name.as_deref().unwrap_or("no server name");
        finding.summary = format!("{} The request was a TLS ClientHello ({name}).", finding.summary);
    }
    Some(finding)
}
