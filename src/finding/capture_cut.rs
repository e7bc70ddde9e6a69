//! The capture ended before this flow's fate was known.

use super::text::push_time;
use super::{Confidence, Finding, Meta, Severity};
use crate::base::Span;
use crate::case::Case;
use crate::case::words::{Ending, Handshake};

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "capture-cut",
    severity: Severity::Note,
    title: "the capture ended while an answer could still have come",
    next: "capture again and let it run at least 30 s after the application has given up",
    page: include_str!("capture-cut.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let opening = &case.facts.opening;
    let waits = |sent: &crate::flow::facts::Repeats| sent.count > 0 && !case.has_waited(sent);
    let in_handshake = case.handshake == Handshake::Undetermined && (waits(&opening.syn) || waits(&opening.syn_ack));
    let in_data = case.context.cut && matches!(case.ending, Ending::Undetermined | Ending::Open);
    if !in_handshake && !in_data || case.is_one_sided() {
        return None;
    }
    let last = case.facts.last;
    let mut line = Vec::new();
    say(case.capture_end() - last.stamp, case.context.cut, &mut line);
    let summary = String::from_utf8(line).unwrap_or_default();
    Some(Finding::new(&META, Confidence::High, last, [], summary))
}

/// The sentence.
pub fn say(wait: Span, cut: bool, line: &mut Vec<u8>) {
    line.extend_from_slice(b"The capture ends ");
    push_time(wait, line);
    line.extend_from_slice(b" after this flow's last packet, too soon to tell a lost answer from a late one");
    line.extend_from_slice(if cut { b"; the file is cut." } else { b"." });
}
