//! Reset right after the handshake.

use super::reset::at_stage;
use super::{Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::flow::facts::ResetStage;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-before-data",
    severity: Severity::Error,
    title: "reset after the handshake, before any data",
    next: "on {server}: the log of what listens on port {port} at that second (limits, TLS or proxy settings, health checks)",
    page: include_str!("reset-before-data.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let finding = at_stage(case, ResetStage::BeforeData, &META)?;
    // Port scanners and load balancers check a port this way.
    let severity = if finding.side == Some(Side::Client) { Severity::Warn } else { Severity::Error };
    Some(finding.with_severity(severity))
}
