//! A RST after a FIN: closing, not failing.

use super::text::when;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::flow::facts::ResetStage;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-after-fin",
    severity: Severity::Note,
    title: "RST after a FIN: a benign way to close",
    next: "nothing; look further only if the application lost data at the end",
    page: include_str!("reset-after-fin.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let reset = case.facts.reset?;
    if !matches!(reset.stage, ResetStage::AfterOwnFin | ResetStage::AfterPeerFin | ResetStage::AfterBothFins) {
        return None;
    }
    let summary = format!(
        "{} sent a RST {}: it had closed already and wanted nothing more.",
        case.facts.key.sender(reset.from),
        when(reset.stage),
    );
    let side = if case.is_from_client(&reset) { Side::Client } else { Side::Server };
    Some(Finding::new(&META, Confidence::High, reset.at, Vec::new(), summary).of(side))
}
