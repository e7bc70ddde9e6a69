//! Bytes that arrived, but not here.

use super::text::bytes;
use super::{Confidence, Finding, Meta, Severity};
use crate::case::Case;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "capture-loss",
    severity: Severity::Note,
    title: "the capture missed packets that arrived",
    next: "capture again with a larger buffer and a narrower filter: tcpdump -B 65536 -s 128 host {server} and port {port}",
    page: include_str!("capture-loss.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let missed: u64 = case.facts.sides.iter().map(|side| side.missed_bytes).sum();
    // A single byte may be a FIN or a keep-alive.
    if missed < 2 || case.is_one_sided() {
        return None;
    }
    let summary = format!("{} were acknowledged that this capture never saw: it lost packets, or they took another way.", bytes(missed));
    Some(Finding::new(&META, Confidence::High, case.facts.first, [], summary))
}
