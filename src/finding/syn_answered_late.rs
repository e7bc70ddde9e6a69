//! A handshake that completed only after a repetition.

use super::text::{time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "syn-answered-late",
    severity: Severity::Warn,
    title: "handshake completed only after a SYN or SYN-ACK was repeated",
    next: "on {server}: nstat -az TcpExtListenOverflows TcpExtListenDrops (accept queue full?), else look for loss on the path",
    page: include_str!("syn-answered-late.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let opening = &case.facts.opening;
    let (syn, syn_ack) = (&opening.syn, &opening.syn_ack);
    let before_ack = syn_ack.count.saturating_sub(opening.syn_acks_after_ack);
    if case.handshake != Handshake::Retransmitted || syn.count < 2 && before_ack < 2 {
        return None;
    }
    let first = syn.first.or(syn_ack.first)?;
    let done = opening.completed.or(opening.inferred)?;
    // A SYN repeated although a SYN-ACK had passed here: that SYN-ACK did not reach the client.
    let (side, lost) = if before_ack >= 2 || opening.syns_after_syn_ack > 0 {
        (Side::Server, "the SYN-ACK was lost between this capture and the client, or the client's ACK on its way")
    } else {
        (Side::Client, "the first SYNs, or their answers, were lost beyond this capture")
    };
    let hint = if opening.ecn_given_up {
        " It was answered once it no longer asked for ECN."
    } else if opening.fast_open_given_up {
        " It was answered once it no longer asked for TCP Fast Open."
    } else {
        ""
    };
    let summary = format!(
        "The handshake took {}: SYN sent {}, SYN-ACK {}; {lost}.{hint}",
        time(done.stamp - first.stamp),
        times(syn.count),
        times(syn_ack.count),
    );
    let packets = [syn.packets(), syn_ack.packets()].concat();
    Some(Finding::new(&META, Confidence::High, first, packets, summary).of(side))
}
