//! Reset in the middle of an exchange.

use super::reset::at_stage;
use super::{Finding, Meta, Severity};
use crate::case::Case;
use crate::flow::facts::ResetStage;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-mid-transfer",
    severity: Severity::Error,
    title: "reset in the middle of the exchange",
    next: "look in the log of the side that sent the RST at that second; capture there too: did it really send it?",
    page: include_str!("reset-mid-transfer.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    at_stage(case, ResetStage::MidTransfer, &META)
}
