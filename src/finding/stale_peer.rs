//! A SYN answered for an old connection.

use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "stale-peer",
    severity: Severity::Error,
    title: "SYN answered by a bare ACK: the peer holds an old connection on these ports",
    next: "on {server}: ss -tan 'sport = :{port}' (an old connection from {client}:{client_port}?)",
    page: include_str!("stale-peer.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.handshake != Handshake::StalePeer {
        return None;
    }
    let (syn, answer) = (case.facts.opening.syn.first?, case.facts.opening.stale_answer?);
    let rst = case.facts.reset.map(|reset| reset.at.number());
    let cleared = rst.map_or("", |_| ", which the client's RST then cleared");
    let refused = rst.map_or("", |_| ", and the client refused it");
    let is_syn_ack = case.facts.server().syn_acks > 0;
    let summary = if is_syn_ack {
        format!(
            "{} answered the SYN with a SYN-ACK for another SYN{refused}: an older attempt on these ports, or a device that changes numbers one way.",
            case.server(),
        )
    } else {
        format!("{} answered the SYN with an ACK of something else: it still has an older connection on these ports{cleared}.", case.server())
    };
    let sure = if is_syn_ack { Confidence::Medium } else { Confidence::High };
    let packets = [Some(answer.number()), rst].into_iter().flatten();
    Some(Finding::new(&META, sure, syn, packets, summary).of(Side::Server))
}
