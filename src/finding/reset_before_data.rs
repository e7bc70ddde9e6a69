//! Reset right after the handshake.

use super::reset::at_stage;
use super::{Finding, Meta, Severity};
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
    at_stage(case, ResetStage::BeforeData, &META)
}
