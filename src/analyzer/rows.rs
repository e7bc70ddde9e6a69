//! One judged flow as the frozen row that CSV and JSON share.

use super::Analysis;
use super::observe::Beside;
use crate::base::{Dir, FlowKey, Span};
use crate::case::Case;
use crate::finding::candidates::Leaning;
use crate::finding::{Finding, find_all, find_all_in};
use crate::flow::FlowFacts;
use crate::flow::facts::SideFacts;
use crate::flow::finished::Lone;
use crate::flow::recovery::Lost;
use crate::report::app::{App, object};
use crate::report::{Details, FlowReport, FlowRow, LossRow, Reporter, RttRow, SideRow, ZeekCounts};
use crate::verdict::{self, Room, Verdict};
use std::sync::Arc;

/// A flow as reporters want it.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) key: FlowKey,
    pub(super) row: FlowRow,
    pub(super) findings: Vec<Finding>,
    /// Place, in these, of the one that explains the status.
    pub(super) cause: Option<usize>,
    /// What incidents want besides.
    pub(super) beside: Option<Beside>,
}

impl Judged {
    /// As reporters are told of it; `kind`: see there.
    pub(super) fn report(&self, kind: Option<u64>) -> FlowReport<'_> {
        FlowReport {
            row: &self.row,
            findings: &self.findings,
            cause: self.cause.and_then(|place| self.findings.get(place)),
            kind,
        }
    }
}

/// What reporters want of a flow beside its columns and its findings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wants {
    /// What no table shows.
    pub(super) details: bool,
    /// What incidents and lists of candidates are made from.
    pub(super) incidents: bool,
}

impl Wants {
    /// What any of them wants.
    pub(super) fn of(reporters: &[&mut dyn Reporter]) -> Self {
        Self {
            details: reporters.iter().any(|reporter| reporter.wants_details()),
            incidents: reporters.iter().any(|reporter| reporter.wants_incidents()),
        }
    }
}

/// Judges a flow, the `index`th of all. It has no number yet.
pub(super) fn judge(analysis: &Analysis, case: &Case<'_>, index: usize, wants: Wants) -> Judged {
    let findings = find_all(case);
    let verdict = verdict::judge(case, &findings);
    let cause = verdict.cause.and_then(|place| findings.get(place));
    Judged {
        key: case.facts.key,
        cause: verdict.cause,
        beside: wants.incidents.then(|| Beside::of(case, verdict.status, cause)),
        row: row_of(analysis, case, index, &findings, verdict, wants),
        findings,
    }
}

/// [`judge`], in the place of a flow that was told.
pub(super) fn judge_in(judged: &mut Judged, analysis: &Analysis, case: &Case<'_>, index: usize, wants: Wants) {
    let findings = find_all_in(std::mem::take(&mut judged.findings), case);
    let room = Room {
        summary: std::mem::take(&mut judged.row.summary),
        evidence: std::mem::take(&mut judged.row.evidence_packets),
    };
    let verdict = verdict::judge_in(room, case, &findings);
    let cause = verdict.cause.and_then(|place| findings.get(place));
    judged.key = case.facts.key;
    judged.cause = verdict.cause;
    judged.beside = wants.incidents.then(|| Beside::of(case, verdict.status, cause));
    judged.row = row_of(analysis, case, index, &findings, verdict, wants);
    judged.findings = findings;
}

/// Makes what was judged of a lone SYN, its findings apart, that of `lone`, which is like it, the `index`th flow of all.
/// `said_anew`: its findings have other words now.
pub(super) fn readdress(analysis: &Analysis, judged: &mut Judged, lone: &Lone, index: usize, said_anew: bool) {
    let (row, number) = (&mut judged.row, lone.at.number());
    judged.key = lone.key;
    if let Some(beside) = &mut judged.beside {
        beside.move_to(lone.at.stamp);
    }
    (row.client, row.server) = (lone.client, lone.server);
    row.start = lone.at.stamp;
    (row.first_packet, row.last_packet) = (number, number);
    // It starts a stream of its own.
    row.tcp_stream = analysis.stream_at(number, index);
    let name = analysis.context.name_of(lone.client.ip, lone.server.ip, lone.at.stamp);
    row.name = name.map(String::from);
    row.evidence_packets.clear();
    row.evidence_packets.push(number);
    if !said_anew {
        return;
    }
    if let Some(cause) = judged.cause.and_then(|place| judged.findings.get(place)) {
        row.summary.clone_from(&cause.summary);
    }
}

fn row_of(
    analysis: &Analysis,
    case: &Case<'_>,
    index: usize,
    findings: &[Finding],
    verdict: Verdict,
    wants: Wants,
) -> FlowRow {
    let (capture, stamp_digits) = analysis.capture_of(case.facts);
    let named = Named {
        flow: 0,
        capture,
        stamp_digits,
        tcp_stream: analysis.stream_at(case.facts.stream_start, index),
        interface: wants.details.then(|| analysis.interface_of(case.facts)).flatten(),
        wants,
    };
    row(named, case, findings, verdict)
}

/// What a row says that neither the flow nor its verdict knows.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) flow: u64,
    pub(super) capture: Arc<str>,
    pub(super) stamp_digits: u8,
    pub(super) tcp_stream: Option<u64>,
    /// Name of the interface, where that is asked for.
    pub(super) interface: Option<String>,
    pub(super) wants: Wants,
}

/// The row of a judged flow.
pub(super) fn row(named: Named, case: &Case<'_>, findings: &[Finding], verdict: Verdict) -> FlowRow {
    let (facts, detailed) = (case.facts, named.wants.details);
    let cause = verdict.cause.and_then(|place| findings.get(place));
    let leaning = cause.filter(|_| named.wants.incidents);
    FlowRow {
        flow: named.flow,
        capture: named.capture,
        tcp_stream: named.tcp_stream,
        start: facts.first.stamp,
        stamp_digits: named.stamp_digits,
        duration: facts.last.stamp - facts.first.stamp,
        client: case.client(),
        server: case.server(),
        roles_seen: facts.roles_seen,
        name: name_of(case),
        status: verdict.status,
        handshake: verdict.handshake,
        ending: verdict.ending,
        stage: verdict.stage,
        cause: cause.map(|finding| finding.meta.id),
        culprit: verdict.culprit,
        confidence: verdict.confidence,
        doubts: verdict.doubts,
        app_error: verdict.app_error,
        findings: findings.iter().map(|finding| finding.meta.id).collect(),
        summary: verdict.summary,
        syns: facts.sides.iter().map(|side| u64::from(side.syns)).sum(),
        syn_acks: facts.sides.iter().map(|side| u64::from(side.syn_acks)).sum(),
        handshake_rtt: facts.opening.rtt,
        min_rtt: min_rtt(facts),
        client_side: side_row(facts.client()),
        server_side: side_row(facts.server()),
        max_silence: facts.max_silence,
        conn_state: facts.conn_state,
        history: facts.history.clone(),
        first_packet: facts.first.number(),
        last_packet: facts.last.number(),
        evidence_packets: verdict.evidence,
        leaning: leaning.map_or_else(Leaning::default, |_| Leaning::of(case)),
        details: detailed.then(|| Box::new(details_of(named.interface, case))),
    }
}

/// What no table shows.
fn details_of(interface: Option<String>, case: &Case<'_>) -> Details {
    let facts = case.facts;
    let client = facts.client;
    let talk = facts.talk.as_deref();
    let sides = [client, client.flip()];
    Details {
        app: talk.map(|talk| object(&App { talk, client })),
        interface,
        rtts: sides.map(|dir| rtt_row(facts, dir)),
        losses: sides.map(|dir| loss_row(facts, dir)),
        zeek: facts.originator.map(|originator| zeek_counts(facts, originator)),
    }
}

/// Zeek counts what is missing only in connections whose beginning it has seen: then its history has a `G`.
fn zeek_counts(facts: &FlowFacts, originator: Dir) -> ZeekCounts {
    let sides = [originator, originator.flip()].map(|dir| &facts.sides[dir.index()]);
    let [orig_bytes, resp_bytes] = sides.map(|side| if side.packets == 0 { 0 } else { side.bytes });
    let has_gap = facts
        .history
        .letters()
        .iter()
        .any(|letter| matches!(letter, b'G' | b'g'));
    ZeekCounts {
        orig_bytes,
        resp_bytes,
        missed_bytes: if has_gap {
            sides.iter().map(|side| side.missed_bytes).sum()
        } else {
            0
        },
    }
}

fn name_of(case: &Case<'_>) -> Option<String> {
    let asked = case.facts.name.as_deref().map(String::from);
    asked.or_else(|| {
        let (client, server) = (case.client().ip, case.server().ip);
        let name = case.context.name_of(client, server, case.facts.first.stamp);
        name.map(String::from)
    })
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

fn side_row(side: &SideFacts) -> SideRow {
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
