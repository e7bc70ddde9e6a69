//! A RST after a FIN: closing, not failing.

use super::reset::is_tls_farewell;
use super::text::when;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::flow::facts::ResetStage;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "reset-after-fin",
    severity: Severity::Note,
    title: "RST after a FIN",
    next: "did the application lose what it said last? Then compare the keep-alive time-outs of {server}:{port} and of its clients; else nothing",
    page: include_str!("reset-after-fin.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let reset = case.facts.reset?;
    if !matches!(reset.stage, ResetStage::AfterOwnFin | ResetStage::AfterPeerFin | ResetStage::AfterBothFins) {
        return None;
    }
    let (client, server) = (case.facts.client(), case.facts.server());
    let unanswered = !case.is_from_client(&reset) && server.bytes == 0 && client.bytes > 0;
    // A client that closes too wants no answer; in TLS its last word is the close_notify alert.
    let wants_none = reset.stage == ResetStage::AfterBothFins || is_tls_farewell(case, reset.peer_unacked);
    let (severity, reading) = if reset.refuses_late_data && !case.is_from_client(&reset) && !wants_none {
        (Severity::Error, "it had closed, and refused what was sent to it afterwards: those bytes are lost")
    } else if unanswered && reset.stage == ResetStage::AfterPeerFin {
        (Severity::Error, "the client had finished its request and was never answered")
    } else {
        (Severity::Note, "it had closed already and wanted nothing more")
    };
    let summary = format!("{} sent a RST {}: {reading}.", case.facts.key.sender(reset.from), when(reset.stage));
    let side = if case.is_from_client(&reset) { Side::Client } else { Side::Server };
    let packets = reset.trigger.map(|seen| seen.number());
    Some(Finding::new(&META, Confidence::High, reset.at, packets, summary).of(side).with_severity(severity))
}
