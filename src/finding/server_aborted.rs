//! A server that takes its SYN-ACK back.

use super::text::{time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "server-aborted",
    severity: Severity::Error,
    title: "the server sent RST after its own SYN-ACK",
    next: "on {server}: ss -ltn 'sport = :{port}' (Recv-Q above Send-Q?); sysctl net.ipv4.tcp_abort_on_overflow",
    page: include_str!("server-aborted.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let reset = case.facts.reset.filter(|_| case.handshake == Handshake::Aborted)?;
    if case.is_from_client(&reset) {
        return None;
    }
    let syn_ack = case.facts.opening.syn_ack.first?;
    let (server, sent) = (case.server(), case.facts.opening.syn_ack.count);
    let until = time(reset.at.stamp - syn_ack.stamp);
    let summary = if sent > 1 {
        format!("{server} sent its SYN-ACK {} without an acknowledgment and gave up with a RST after {until}.", times(sent))
    } else {
        format!("{server} answered with a SYN-ACK and {until} later with a RST, before the handshake was complete.")
    };
    Some(Finding::new(&META, Confidence::Medium, syn_ack, [reset.at.number()], summary).of(Side::Server))
}
