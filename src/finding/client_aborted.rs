//! A client that gave up before the handshake completed.

use super::text::{stranger, time};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::case::Case;
use crate::case::words::Handshake;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "client-aborted",
    severity: Severity::Warn,
    title: "the client gave up before the handshake completed",
    next: "on {client}: which process connects to {server}:{port}, and with what timeout (ss -tanp; strace -e connect)?",
    page: include_str!("client-aborted.md"),
};

/// Looks for it.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    if case.handshake != Handshake::Aborted {
        return None;
    }
    let facts = case.facts;
    let (end, how) = match (&facts.reset, facts.client().fin) {
        (Some(reset), _) if case.is_from_client(reset) => (reset.at, "RST"),
        (None, Some(fin)) => (fin, "FIN"),
        _ => return None,
    };
    let syn = facts.opening.syn.first.or(facts.opening.syn_ack.first)?;
    let answered = if facts.opening.syn_ack.count > 0 { "although a SYN-ACK had come" } else { "without any answer" };
    let summary = format!(
        "{} gave up with {how} {} after its SYN, {answered}: a cancelled connect, a scan, or a host that wanted no such answer.{}",
        case.client().ip,
        time(end.stamp - syn.stamp),
        stranger(case, case.client().ip),
    );
    let packets = [Some(end.number()), facts.opening.syn_ack.first.map(|seen| seen.number())].into_iter().flatten();
    Some(Finding::new(&META, Confidence::Medium, syn, packets, summary).of(Side::Client))
}
