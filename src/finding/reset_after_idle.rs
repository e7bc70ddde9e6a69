//! Reset upon the first packet after a long silence.

use super::reset::{describe, ending_reset, is_abortive_close, is_after_idle};
use super::text::time;
use super::{Finding, Meta, Severity};
use crate::case::Case;
use crate::flow::facts::ResetStage;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-after-idle",
    severity: Severity::Error,
    title: "reset upon the first packet after a long silence",
    next: "compare the silence with the idle timeouts on the way (NAT, firewall, load balancer, keep-alive of {server}); send keep-alives sooner",
    page: include_str!("reset-after-idle.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let reset = ending_reset(case)?;
    let in_use = matches!(reset.stage, ResetStage::BeforeData | ResetStage::AfterRequest | ResetStage::MidTransfer);
    if !in_use || !is_after_idle(&reset) || is_abortive_close(case, &reset) {
        return None;
    }
    Some(describe(case, &reset, &META, &format!(" after {} of silence", time(reset.idle_before))))
}
