//! One judged flow as incidents see it.

use super::rows::Judged;
use crate::base::{Span, Stamp};
use crate::case::Case;
use crate::finding::{Finding, Meta, policed_rate};
use crate::flow::facts::{SideFacts, Sighting};
use crate::incident::{Observation, SideLoss};
use crate::report::FlowRow;
use crate::verdict::words::{Ending, Status};

/// What incidents want to know of a flow besides its row.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    pub(super) failed_at: Stamp,
    last_heard: Option<Stamp>,
    idle: Span,
    too_large: u32,
    lost: Vec<Stamp>,
    losses: [SideLoss; 2],
    policed: f64,
}

impl Beside {
    /// The same of another flow of one packet, captured at `stamp`.
    pub(super) fn move_to(&mut self, stamp: Stamp) {
        self.failed_at = stamp;
    }

    pub(super) fn of(case: &Case<'_>, status: Status, cause: Option<&Finding>) -> Self {
        let facts = case.facts;
        let (client, server) = (facts.client(), facts.server());
        let ended = facts
            .reset
            .map(|reset| reset.at.stamp)
            .or(facts.icmp.map(|icmp| icmp.at.stamp));
        let failed_at = match (status, cause) {
            (Status::Ok, _) => facts.first.stamp,
            (_, Some(finding)) => finding.stamp,
            (_, None) => ended.unwrap_or(facts.first.stamp),
        };
        let stamp = |seen: Option<Sighting>| seen.map(|seen| seen.stamp);
        Self {
            failed_at,
            last_heard: stamp(client.last_acked).max(stamp(server.last_acked)),
            idle: idle_of(case),
            too_large: too_large(case, [client, server]),
            lost: lost_of([client, server]),
            losses: [client, server].map(side_loss),
            policed: match cause {
                Some(finding) if finding.meta.id == "rate-policed" => policed_rate(facts).unwrap_or(0.0),
                _ => 0.0,
            },
        }
    }
}

impl Judged {
    /// As incidents see it, if it was judged for them.
    pub(super) fn observation(&self) -> Option<Observation<'_>> {
        let cause = self.cause.and_then(|place| self.findings.get(place));
        let beside = self.beside.as_ref()?;
        Some(observation(&self.row, cause.map(|finding| finding.meta), beside))
    }
}

/// A judged flow as incidents see it.
pub(super) fn observation<'a>(row: &'a FlowRow, cause: Option<&'static Meta>, beside: &'a Beside) -> Observation<'a> {
    Observation {
        flow: row.flow,
        client: row.client,
        server: row.server,
        start: row.start,
        end: row.start + row.duration,
        failed_at: beside.failed_at,
        status: row.status,
        handshake: row.handshake,
        ending: row.ending,
        culprit: row.culprit,
        confidence: row.confidence,
        cause,
        leaning: row.leaning,
        name: row.name.as_deref(),
        packets: &row.evidence_packets,
        syns: u32::try_from(row.syns).unwrap_or(u32::MAX),
        bytes: row.client_side.bytes + row.server_side.bytes,
        last_heard: beside.last_heard,
        idle: beside.idle,
        too_large: beside.too_large,
        rtt: row.handshake_rtt.or(row.min_rtt),
        lost: &beside.lost,
        losses: beside.losses,
        policed: beside.policed,
    }
}

/// What its data lost; nothing where the capture lacks some of it itself.
fn side_loss(side: &SideFacts) -> SideLoss {
    let lost = side.lost();
    let (behind, before) = if side.missed_bytes > 0 {
        (0, 0)
    } else {
        (lost.behind, lost.before)
    };
    SideLoss {
        segments: side.data_segments,
        behind,
        before,
    }
}

/// When data of either side that was lost had been sent.
fn lost_of(sides: [&SideFacts; 2]) -> Vec<Stamp> {
    let sides = sides.map(|side| &side.lost_at[..]);
    // Most flows lose nothing.
    if sides.iter().all(|lost| lost.is_empty()) {
        return Vec::new();
    }
    sides.concat()
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
