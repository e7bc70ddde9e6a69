//! One judged flow as the frozen row that CSV and JSON share.

use super::Analysis;
use crate::base::{Dir, Span};
use crate::case::Case;
use crate::finding::Finding;
use crate::flow::FlowFacts;
use crate::flow::facts::SideFacts;
use crate::flow::recovery::Lost;
use crate::report::{FlowRow, LossRow, RttRow, SideRow};
use crate::verdict::Verdict;

/// The row of flow number `flow`.
pub(super) fn row_of(
    analysis: &Analysis,
    case: &Case<'_>,
    flow: u64,
    findings: &[Finding],
    verdict: Verdict,
) -> FlowRow {
    let (capture, stamp_digits) = analysis.capture_of(case.facts);
    let tcp_stream = analysis.stream_of(case.facts);
    let named = Named {
        flow,
        capture,
        stamp_digits,
        tcp_stream,
    };
    row(&named, case, findings, verdict)
}

/// What a row says that neither the flow nor its verdict knows.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) flow: u64,
    pub(super) capture: &'a str,
    pub(super) stamp_digits: u8,
    pub(super) tcp_stream: Option<u64>,
}

/// The row of a judged flow.
pub(super) fn row(named: &Named<'_>, case: &Case<'_>, findings: &[Finding], verdict: Verdict) -> FlowRow {
    let facts = case.facts;
    FlowRow {
        flow: named.flow,
        capture: named.capture.to_string(),
        tcp_stream: named.tcp_stream,
        start: facts.first.stamp,
        stamp_digits: named.stamp_digits,
        duration_s: (facts.last.stamp - facts.first.stamp).as_secs(),
        client: case.client(),
        server: case.server(),
        roles_seen: facts.roles_seen,
        name: name_of(case),
        status: verdict.status,
        handshake: verdict.handshake,
        ending: verdict.ending,
        stage: verdict.stage,
        cause: verdict
            .cause
            .and_then(|place| findings.get(place))
            .map(|finding| finding.meta.id),
        culprit: verdict.culprit,
        confidence: verdict.confidence,
        doubts: verdict.doubts,
        app_error: verdict.app_error,
        findings: findings.iter().map(|finding| finding.meta.id).collect(),
        summary: verdict.summary,
        syns: facts.sides.iter().map(|side| side.syns).sum(),
        syn_acks: facts.sides.iter().map(|side| side.syn_acks).sum(),
        handshake_rtt_ms: facts.opening.rtt.map(Span::as_millis),
        min_rtt_ms: min_rtt(facts).map(Span::as_millis),
        client_side: side_row(facts, facts.client),
        server_side: side_row(facts, facts.client.flip()),
        max_silence_s: facts.max_silence.as_secs(),
        conn_state: facts.conn_state.word().to_string(),
        history: facts.history.text().to_string(),
        community_id: crate::report::community::community_id(case.client(), case.server()),
        first_packet: facts.first.number(),
        last_packet: facts.last.number(),
        evidence_packets: verdict.evidence,
    }
}

fn name_of(case: &Case<'_>) -> Option<String> {
    let asked = case.facts.name.as_deref().map(String::from);
    asked.or_else(|| case.context.names.get(&case.server().ip).cloned())
}

/// Both legs' smallest times add up to the way there and back; a handshake may have been faster.
fn min_rtt(facts: &FlowFacts) -> Option<Span> {
    let [up, down] = [facts.sides[0].min_rtt, facts.sides[1].min_rtt];
    let legs = up.zip(down).map(|(up, down)| Span(up.0.saturating_add(down.0)));
    let handshake = facts
        .opening
        .rtt
        .filter(|_| facts.opening.syn.count == 1 && facts.opening.syn_ack.count <= 1);
    match (legs, handshake) {
        (Some(legs), Some(handshake)) => Some(legs.min(handshake)),
        (legs, handshake) => legs.or(handshake),
    }
}

fn side_row(facts: &FlowFacts, dir: Dir) -> SideRow {
    let side: &SideFacts = &facts.sides[dir.index()];
    SideRow {
        packets: side.packets,
        bytes: side.bytes,
        retransmissions: side.retransmissions().into(),
        fast_retransmissions: side.fast.into(),
        spurious_retransmissions: side.spurious.into(),
        out_of_order: side.out_of_order.into(),
        duplicate_acks: side.duplicate_acks.into(),
        lost_segments: side.holes.into(),
        zero_windows: side.zero_windows.into(),
        keep_alives: side.keep_alives.into(),
        missed_bytes: side.missed_bytes,
        rtt: rtt_row(facts, dir),
        losses: loss_row(facts, dir),
    }
}

fn rtt_row(facts: &FlowFacts, dir: Dir) -> Option<RttRow> {
    // No more digits than an estimate has.
    let estimate = |rtt: Span| (rtt.as_millis() * 1000.0).round() / 1000.0;
    let side = &facts.sides[dir.index()];
    let handshake = facts.handshake_rtt(dir);
    (side.min_rtt.is_some() || handshake.is_some()).then(|| RttRow {
        handshake: handshake.map(Span::as_millis),
        min: side.min_rtt.map(Span::as_millis),
        median: side.median_rtt().map(estimate),
        p95: side.slow_rtt().map(estimate),
        samples: side.rtts.samples(),
    })
}

fn loss_row(facts: &FlowFacts, dir: Dir) -> Option<LossRow> {
    let side = &facts.sides[dir.index()];
    let (lost, losses) = (side.lost(), side.losses);
    let mean = facts.mean_recovery(dir);
    (lost != Lost::default()).then(|| LossRow {
        behind: lost.behind,
        before: lost.before,
        needless: lost.needless,
        dsacks: side.dsacks,
        fast: losses.fast,
        tail: losses.tail,
        timeout: losses.timeout,
        unclear: losses.unclear,
        recovered: losses.recovered,
        recovery_ms: mean.map(|(took, _)| took.as_millis()),
        recovery_rtts: mean
            .and_then(|(_, trips)| trips)
            .map(|trips| (trips * 100.0).round() / 100.0),
    })
}
