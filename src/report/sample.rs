//! Made-up data for the tests of this room.

use super::{CaptureHead, FlowReport, FlowRow, Head, Reporter, SideRow, Tail};
use crate::base::{Endpoint, Span, Stamp};
use crate::capture::{CaptureInfo, Interface, LinkType};
use crate::finding::{Confidence, Finding, Meta, Severity, Side};
use crate::flow::{ConnState, History};
use crate::verdict::words::{AppError, Culprit, Doubt, Ending, Handshake, Stage, Status};

pub(crate) static SYN_SILENT: Meta = Meta {
    id: "syn-silent",
    severity: Severity::Error,
    title: "SYN never answered",
    next: "tcptraceroute -n {server} {port}, and capture at the server: does the SYN arrive?",
    page: "",
};

pub(crate) const NOON: Stamp = Stamp(1_709_210_096_000_000_000);

pub(crate) fn end(ip: &str, port: u16) -> Endpoint {
    Endpoint {
        ip: ip.parse().unwrap(),
        port,
    }
}

/// A silently dropped connection, the `number`th, a second after the one before.
pub(crate) fn row(number: u64) -> FlowRow {
    let client = end("192.168.1.20", 40_000 + number as u16 % 20_000);
    let server = end("10.0.0.5", 8080);
    FlowRow {
        flow: number,
        capture: "client.pcap".into(),
        tcp_stream: Some(number - 1),
        start: NOON + Span::from_secs(if number == 7 { 1 } else { number as i64 }),
        stamp_digits: 6,
        duration: Span::from_secs(63),
        client,
        server,
        roles_seen: true,
        name: None,
        status: Status::Failed,
        handshake: Handshake::SilentlyDropped,
        ending: Ending::None,
        stage: Stage::Syn,
        cause: Some("syn-silent"),
        culprit: Culprit::Path,
        confidence: Confidence::Medium,
        doubts: vec![Doubt::SingleVantage],
        app_error: Some(AppError::TimedOut),
        findings: vec!["syn-silent"],
        summary: "7 SYNs in 63 s and not one packet came back.".to_owned(),
        syns: 7,
        syn_acks: 0,
        handshake_rtt: None,
        min_rtt: None,
        client_side: SideRow {
            packets: 7,
            ..SideRow::default()
        },
        server_side: SideRow::default(),
        max_silence: Span::from_secs(32),
        conn_state: ConnState::S0,
        history: History::default(),
        first_packet: number * 12,
        last_packet: number * 12 + 7,
        evidence_packets: vec![number * 12, number * 12 + 3, number * 12 + 7],
        leaning: crate::finding::candidates::Leaning::default(),
        details: None,
    }
}

/// A connection that worked.
pub(crate) fn fine(number: u64) -> FlowRow {
    FlowRow {
        status: Status::Ok,
        handshake: Handshake::Completed,
        ending: Ending::Fin,
        stage: Stage::Closed,
        cause: None,
        culprit: Culprit::Unknown,
        confidence: Confidence::High,
        doubts: Vec::new(),
        app_error: None,
        findings: Vec::new(),
        summary: "It worked.".to_owned(),
        server: end("10.0.0.7", 443),
        ..row(number)
    }
}

pub(crate) fn finding(row: &FlowRow, meta: &'static Meta) -> Finding {
    Finding {
        meta,
        severity: meta.severity,
        confidence: row.confidence,
        side: Some(Side::Server),
        stamp: NOON + Span::from_secs(1),
        packets: vec![12, 15, 19],
        summary: row.summary.clone(),
    }
}

pub(crate) fn info(name: &str) -> CaptureInfo {
    CaptureInfo {
        name: name.to_owned(),
        format: "pcapng".to_owned(),
        interfaces: vec![Interface {
            name: Some("eth0".to_owned()),
            link: LinkType(1),
            snaplen: 262_144,
            stamp_digits: 6,
            packets: 48_210,
            last: None,
            dropped: None,
            addresses: Vec::new(),
            ended: None,
            fcs_bytes: 0,
        }],
        packets: 48_210,
        bytes: 31_337_000,
        span: Some((NOON, NOON + Span::from_secs(133))),
        ..CaptureInfo::default()
    }
}

pub(crate) fn head<'a>(captures: &'a [CaptureHead<'a>]) -> Head<'a> {
    Head {
        captures,
        tcp_packets: 45_000,
        duplicates: 0,
        one_sided: (0, 100),
        limits: &[],
        interrupted: false,
        near: (0, 0),
    }
}

/// That of a row without findings.
pub(crate) fn report(row: &FlowRow) -> FlowReport<'_> {
    FlowReport {
        row,
        findings: &[],
        cause: None,
        kind: None,
    }
}

/// Plays `rows` through `reporter` as the analyzer would; a row with a cause has the finding `syn-silent`.
pub(crate) fn play(reporter: &mut dyn Reporter, rows: &[FlowRow]) {
    let info = info("client.pcap");
    let captures = [CaptureHead {
        info: &info,
        packets_before: 0,
        skipped: &[],
    }];
    play_with(reporter, &head(&captures), rows, &[&SYN_SILENT]);
}

/// As [`play`], with a head and a catalogue.
pub(crate) fn play_with(reporter: &mut dyn Reporter, head: &Head<'_>, rows: &[FlowRow], catalogue: &[&'static Meta]) {
    reporter.head(head).unwrap();
    for row in rows {
        let meta = catalogue.iter().copied().find(|meta| Some(meta.id) == row.cause);
        let findings: Vec<_> = meta.map(|meta| finding(row, meta)).into_iter().collect();
        let flow = FlowReport {
            row,
            findings: &findings,
            cause: findings.first(),
            kind: None,
        };
        reporter.flow(&flow).unwrap();
    }
    let flows = rows.len() as u64;
    reporter
        .end(&Tail {
            flows,
            ..Tail::default()
        })
        .unwrap();
}
