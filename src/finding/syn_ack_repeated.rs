//! A server that does not take the client's ACK.

use super::text::times;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::{Case, Vantage};

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "syn-ack-repeated",
    severity: Severity::Warn,
    title: "the server repeats its SYN-ACK although it was acknowledged",
    next: "capture on {server}: does the client's ACK arrive? Then ss -ltn 'sport = :{port}' (accept queue full?)",
    page: include_str!("syn-ack-repeated.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let opening = &case.facts.opening;
    if opening.syn_acks_after_ack == 0 {
        return None;
    }
    let (ack, last) = (opening.completed?, opening.syn_ack.last()?);
    let place = match case.vantage() {
        Vantage::NearServer => "the server sees that ACK and does not take it: full accept queue, or TCP_DEFER_ACCEPT",
        _ => "that ACK does not reach the server, or the server does not take it (full accept queue)",
    };
    let summary = format!(
        "The client acknowledged, but the SYN-ACK came {} more: {place}.",
        times(opening.syn_acks_after_ack),
    );
    Some(Finding::new(&META, Confidence::Medium, ack, [last.number()], summary).of(Side::Server))
}
