//! SYN-ACKs that pass here and leave no mark on the client.

use super::text::times;
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::words::Handshake;
use crate::case::{Case, Vantage};

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "syn-ack-ignored",
    severity: Severity::Error,
    title: "SYN-ACKs pass this point, the client goes on sending SYNs",
    next: "on {client}: does its own firewall drop the answers (nft monitor trace; Windows: pktmon start -c)?",
    page: include_str!("syn-ack-ignored.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let opening = &case.facts.opening;
    if case.handshake != Handshake::HalfOpen || opening.syns_after_syn_ack == 0 {
        return None;
    }
    let first = opening.syn_ack.first?;
    let (sure, place) = match case.vantage() {
        Vantage::NearClient => (Confidence::High, "they reach the client's network and are dropped there, most likely by its own firewall"),
        _ => (Confidence::Medium, "they are lost or dropped between this capture and the client's socket"),
    };
    let summary = format!(
        "The SYN-ACK was seen {}, yet the client sent its SYN {} and never acknowledged: {place}.",
        times(opening.syn_ack.count),
        times(opening.syn.count),
    );
    let packets = [opening.syn.packets(), opening.syn_ack.packets()].concat();
    Some(Finding::new(&META, sure, first, packets, summary).of(Side::Client))
}
