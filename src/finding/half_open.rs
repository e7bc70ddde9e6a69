//! A SYN-ACK that the client never answered.

use super::text::{time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "half-open",
    severity: Severity::Error,
    title: "SYN-ACK sent, never acknowledged",
    next: "capture on {client}: does the SYN-ACK from {server}:{port} arrive there?",
    page: include_str!("half-open.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let opening = &case.facts.opening;
    if case.handshake != Handshake::HalfOpen || opening.syns_after_syn_ack > 0 {
        return None;
    }
    let (first, last) = (opening.syn_ack.first?, opening.syn_ack.last()?);
    let summary = format!(
        "{} sent its SYN-ACK {}; in {} after the last one the client neither acknowledged nor repeated its SYN.",
        case.server(),
        times(opening.syn_ack.count),
        time(case.capture_end() - last.stamp),
    );
    Some(Finding::new(&META, Confidence::Medium, first, opening.syn_ack.packets(), summary).of(Side::Client))
}
