//! One judged flow as incidents see it.

use crate::base::{Span, Stamp};
use crate::case::Case;
use crate::finding::Finding;
use crate::flow::facts::SideFacts;
use crate::incident::Observation;
use crate::verdict::Verdict;
use crate::verdict::words::{Ending, Status};

/// What incidents need to know of flow number `flow`.
pub(super) fn observe<'a>(
    case: &Case<'a>,
    flow: u64,
    verdict: &'a Verdict,
    cause: Option<&'a Finding>,
) -> Observation<'a> {
    let facts = case.facts;
    let (client, server) = (facts.client(), facts.server());
    let is_bad = verdict.status != Status::Ok;
    let ended = facts
        .reset
        .map(|reset| reset.at.stamp)
        .or(facts.icmp.map(|icmp| icmp.at.stamp));
    let failed_at = match (is_bad, cause) {
        (true, Some(finding)) => finding.stamp,
        (true, None) => ended.unwrap_or(facts.first.stamp),
        (false, _) => facts.first.stamp,
    };
    Observation {
        flow,
        client: case.client(),
        server: case.server(),
        start: facts.first.stamp,
        end: facts.last.stamp,
        failed_at,
        status: verdict.status,
        handshake: verdict.handshake,
        ending: verdict.ending,
        culprit: verdict.culprit,
        confidence: verdict.confidence,
        cause: cause.map(|finding| finding.meta),
        name: name_of(case),
        packets: &verdict.evidence,
        syns: facts.opening.syn.count,
        bytes: client.bytes + server.bytes,
        last_heard: client.last_acked.max_by_stamp(server.last_acked),
        idle: idle_of(case),
        too_large: too_large(case, [client, server]),
    }
}

/// The name it asked for, or that DNS gave to the address.
fn name_of<'a>(case: &Case<'a>) -> Option<&'a str> {
    let asked = case.facts.name.as_deref();
    asked.or_else(|| {
        let (client, server) = (case.client().ip, case.server().ip);
        case.context.name_of(client, server, case.facts.first.stamp)
    })
}

/// The longest silence that it survived, or the one before it failed.
fn idle_of(case: &Case<'_>) -> Span {
    let facts = case.facts;
    if let Some(reset) = facts.reset {
        return reset.idle_before;
    }
    if !matches!(case.ending, Ending::Stalled | Ending::RstClient) {
        return facts.max_silence;
    }
    // Silent since something was last acknowledged, until the data that never was.
    let idle = |side: &SideFacts| match (side.resends.first, side.last_acked) {
        (Some(again), Some(heard)) if side.unacked > 0 => Some(again.stamp - heard.stamp),
        _ => None,
    };
    idle(facts.client()).max(idle(facts.server())).unwrap_or(Span::ZERO)
}

/// Only larger segments were lost: the smallest of them.
fn too_large(case: &Case<'_>, sides: [&SideFacts; 2]) -> u32 {
    let large = |side: &&SideFacts| side.resends.count >= 2 && side.sacked_beyond && side.smallest_resent > 500;
    if case.ending != Ending::Stalled {
        return 0;
    }
    sides
        .iter()
        .find(|side| large(side))
        .map_or(0, |side| side.smallest_resent)
}

/// The later of two sightings.
trait Later {
    fn max_by_stamp(self, other: Self) -> Option<Stamp>;
}

impl Later for Option<crate::flow::facts::Sighting> {
    fn max_by_stamp(self, other: Self) -> Option<Stamp> {
        let stamp = |seen: Self| seen.map(|seen| seen.stamp);
        stamp(self).max(stamp(other))
    }
}
