//! A server that takes its SYN-ACK back.

use super::text::time;
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
    let summary = format!(
        "{} answered with a SYN-ACK and {} later with a RST, before the handshake was complete.",
        case.server(),
        time(reset.at.stamp - syn_ack.stamp),
    );
    Some(Finding::new(&META, Confidence::Medium, syn_ack, vec![reset.at.number()], summary).of(Side::Server))
}
