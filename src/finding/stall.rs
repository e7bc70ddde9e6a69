//! Data sent again and again, never acknowledged.

use super::text::{bytes, time, times};
use super::{Confidence, Finding, Meta, Severity, Side};
use crate::base::Dir;
use crate::case::Case;
use crate::case::words::Ending;
use crate::flow::facts::SideFacts;

/// The catalogue's entry.
pub static META: Meta = Meta {
    id: "stall",
    severity: Severity::Error,
    title: "data sent again and again, never acknowledged",
    next: "capture at the other end: does the data arrive? If only big segments stall: tracepath -n {server} (MTU)",
    page: include_str!("stall.md"),
};

/// Looks for it. A stall that ended in RST or FIN is one too.
pub fn find(case: &Case<'_>) -> Option<Finding> {
    let facts = case.facts;
    let deaf = (case.ending == Ending::Stalled).then(|| find_deaf(case));
    if let Some(finding) = deaf.flatten() {
        return Some(finding);
    }
    if !facts.is_established() || case.is_one_sided() || facts.opening.stale_answer.is_some() {
        return None;
    }
    let stalled = |side: &SideFacts, peer: &SideFacts, dir: Dir| {
        let answered = peer.window_is_zero || peer.fin.is_some() && side.fin.is_some() && side.unacked <= 1;
        side.unacked > 0 && side.resends.count >= 2 && !answered && is_over_or_waited(case, side, dir)
    };
    let (side, who, to) = if stalled(facts.client(), facts.server(), facts.client) {
        (facts.client(), Side::Client, case.server())
    } else if stalled(facts.server(), facts.client(), facts.client.flip()) {
        (facts.server(), Side::Server, case.client())
    } else {
        return None;
    };
    let (first, last) = (side.resends.first?, side.resends.last()?);
    let mut size = String::new();
    if side.sacked_beyond {
        size = format!(" Later, smaller segments arrived (SACK), those of {} and more did not: a path MTU hole.", bytes(side.smallest_resent.into()));
    }
    if let Some(limit) = facts.too_big {
        let (from, packet, mtu) = (limit.from, limit.at.number(), limit.mtu);
        size = format!("{size} {from} had asked for smaller packets (packet {packet}, MTU {mtu}).");
    }
    let last_heard = side.last_acked.map_or_else(String::new, |seen| format!(", last acknowledgment {} before", time(first.stamp - seen.stamp)));
    let summary = format!(
        "The {who}'s last {} were sent again {} over {} without an acknowledgment from {to}{last_heard}.{size}",
        bytes(side.unacked.into()),
        times(side.resends.count),
        time(last.stamp - first.stamp),
    );
    let sure = if case.context.has_losses() { Confidence::Low } else { Confidence::High };
    Some(Finding::new(&META, sure, first, side.resends.packets(), summary).of(who))
}

/// The capture went on long enough to say that it stayed so, or the sender gave up with a RST of its own. A RST of the
/// other side is an answer, and has findings of its own.
fn is_over_or_waited(case: &Case<'_>, side: &SideFacts, dir: Dir) -> bool {
    case.facts.reset.map_or_else(|| case.has_waited(&side.resends), |reset| reset.from == dir)
}

/// The acknowledgments were seen here, but not by the side that waits for them.
fn find_deaf(case: &Case<'_>) -> Option<Finding> {
    let (client, server) = (case.facts.client(), case.facts.server());
    let (side, who, other) = if case.is_deaf(client) {
        (client, Side::Client, Side::Server)
    } else if case.is_deaf(server) {
        (server, Side::Server, Side::Client)
    } else {
        return None;
    };
    let first = side.deaf_resends.first?;
    let summary = format!(
        "The {who} sent the same bytes again {} although the {other} had acknowledged them: the acknowledgments are lost between this capture and the {who}.",
        times(side.deaf_resends.count),
    );
    Some(Finding::new(&META, Confidence::High, first, side.deaf_resends.packets(), summary).of(who))
}
