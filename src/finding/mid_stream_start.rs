//! The capture starts after the handshake.

use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "mid-stream-start",
    severity: Severity::Note,
    title: "the capture starts in the middle of the connection",
    next: "to judge the handshake, start the capture first and then the application",
    page: include_str!("mid-stream-start.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.handshake != Handshake::NotCaptured {
        return None;
    }
    let summary = "No handshake was captured: window scale, round trip and who is client are unknown or guessed.";
    Some(Finding::new(&META, Confidence::High, case.facts.first, [], summary.into()))
}
