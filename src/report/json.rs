//! JSON Lines: a capture object per capture, a flow object per flow, an incident object per incident, a probe object per
//! attempt of `live --probe`, one summary. Every object carries `type` and `v`.
//! Of a live capture the first says what is captured on; its final numbers come before the summary, as `capture-end`.
//!
//! A flow object has every column of the flows CSV under the same name, with `null` where unknown;
//! `client_rtt_ms` and `server_rtt_ms`, the times from that side's segments to the peer's acknowledgments; `client_losses`
//! and `server_losses`, where that side's data was lost and how it was repaired (`null` if none was sent again); `zeek`,
//! the bytes that its `conn.log` counts (`null` where Zeek would have written more than one record); `app`, what the two ends said to each other as far as it is in the clear (`null` where that is not known; see `app.rs`); `candidates`, what
//! its cause may come from, likeliest first, with what would settle it and commands for Linux and Windows; and
//! `finding_details`: the findings themselves, in the order of the ids in `findings`.

mod flow;

use super::probe::ProbeReport;
use super::{CaptureHead, Draft, FlowReport, Head, Only, Reporter, Sheet, Tail, Totals, text};
use crate::base::Stamp;
use crate::incident::{Bin, Example, Incident, Timeline};
use flow::{FlowObject, FlowsDraft};
use serde::Serialize;
use serde_json::json;
use std::io;

/// Version of the objects.
const VERSION: u8 = 1;

/// Writes JSON Lines.
#[derive(Debug)]
pub struct Json<W: io::Write> {
    out: W,
    only: Only,
    totals: Totals,
    written: u64,
    incidents: u64,
    read: serde_json::Value,
}

impl<W: io::Write> Json<W> {
    /// Objects go to `out`; of the flows, those that `only` wants.
    pub fn new(out: W, only: Only) -> Self {
        Self {
            out,
            only,
            totals: Totals::default(),
            written: 0,
            incidents: 0,
            read: serde_json::Value::Null,
        }
    }

    fn line(&mut self, object: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, object).map_err(io::Error::from)?;
        self.out.write_all(b"\n")
    }
}

impl<W: io::Write> Reporter for Json<W> {
    fn wants_head_again(&self) -> bool {
        true
    }

    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        // Told again at the end of a live capture, with the numbers that were not known at its beginning.
        let kind = if self.read.is_null() { "capture" } else { "capture-end" };
        self.read = json!({
            "tcp_packets": head.tcp_packets,
            "duplicate_packets": head.duplicates,
            "one_sided_flows": head.one_sided.0,
            "two_sided_candidates": head.one_sided.1,
            "limits_reached": head.limits,
            "interrupted": head.interrupted,
        });
        for capture in head.captures {
            self.line(&capture_object(kind, capture))?;
        }
        Ok(())
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.totals.add(flow);
        if !self.only.wants(flow.row) {
            return Ok(());
        }
        self.written += 1;
        self.line(&FlowObject(flow))
    }

    fn draft(&self) -> Option<Box<dyn Draft>> {
        Some(Box::new(FlowsDraft::new(self.only)))
    }

    fn take(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        self.totals.take(&mut sheet.totals);
        self.written += std::mem::take(&mut sheet.written);
        self.out.write_all(&sheet.text)?;
        sheet.text.clear();
        Ok(())
    }

    fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        self.incidents += 1;
        self.line(&incident_object(incident))
    }

    fn probe(&mut self, report: &ProbeReport) -> io::Result<()> {
        self.line(&report.object(VERSION))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, tail: &Tail) -> io::Result<()> {
        let summary = self.summary(tail);
        self.line(&summary)?;
        self.out.flush()
    }
}

impl<W: io::Write> Json<W> {
    fn summary(&self, tail: &Tail) -> serde_json::Value {
        let totals = &self.totals;
        json!({
            "type": "summary",
            "v": VERSION,
            "tool": concat!("whodropped ", env!("CARGO_PKG_VERSION")),
            "flows": totals.flows,
            "flows_written": self.written,
            "incidents": self.incidents,
            "status": map(totals.statuses()),
            "handshake": map(totals.handshakes()),
            "ending": map(totals.endings()),
            "culprit": map(totals.culprits()),
            "cause": map(totals.causes()),
            "read": self.read,
            "limits_reached": tail.limits,
            "time": tail.time.as_ref().map(time_object),
        })
    }
}

fn map(counts: impl Iterator<Item = (&'static str, u64)>) -> serde_json::Map<String, serde_json::Value> {
    counts.map(|(word, count)| (word.to_owned(), count.into())).collect()
}

/// A list a kind, all of the same length: one number a bin.
fn time_object(time: &Timeline) -> serde_json::Value {
    let list = |of: fn(&Bin) -> u64| time.bins.iter().map(of).collect::<Vec<u64>>();
    let rtts: Vec<Option<f64>> = time
        .bins
        .iter()
        .map(|bin| bin.rtt_ms().map(|rtt| (rtt * 1000.0).round() / 1000.0))
        .collect();
    json!({
        "start": rfc3339(time.start, 6),
        "bin_s": time.width.as_secs(),
        "attempts": list(|bin| bin.attempts),
        "failed_handshakes": list(|bin| bin.failed_handshakes),
        "resets": list(|bin| bin.resets),
        "losses": list(|bin| bin.losses),
        "rtt_ms": rtts,
    })
}

fn incident_object(incident: &Incident) -> serde_json::Value {
    let example = |each: &Example| {
        json!({
            "flow": each.flow,
            "time": rfc3339(each.stamp, 6),
            "packets": each.packets,
        })
    };
    json!({
        "type": "incident",
        "v": VERSION,
        "id": incident.meta.id,
        "title": incident.meta.title,
        "severity": incident.severity,
        "confidence": incident.confidence,
        "service": incident.service,
        "first": rfc3339(incident.first, 6),
        "last": rfc3339(incident.last, 6),
        "failed": incident.failed,
        "attempts": incident.attempts,
        "sources": incident.sources.listed,
        "source_count": incident.sources.count,
        "source_count_is_minimum": incident.sources.more,
        "cause": incident.cause,
        "culprit": incident.culprit,
        "summary": incident.summary,
        "contrast": incident.contrast,
        "candidates": incident.candidates,
        "commands": incident.commands,
        "next": incident.next,
        "examples": incident.examples.iter().map(example).collect::<Vec<_>>(),
    })
}

fn capture_object(kind: &str, capture: &CaptureHead<'_>) -> serde_json::Value {
    let (info, health) = (capture.info, &capture.info.health);
    let digits = info.interfaces.iter().map(|each| each.stamp_digits).max().unwrap_or(9);
    let time = |stamp: Option<Stamp>| stamp.map(|stamp| rfc3339(stamp, digits));
    let dropped: Vec<u64> = info.interfaces.iter().filter_map(|each| each.dropped).collect();
    json!({
        "type": kind,
        "v": VERSION,
        "name": info.name,
        "format": info.format,
        "link_types": link_types(capture),
        "interfaces": interfaces(capture),
        "packets": info.packets,
        "packets_before": capture.packets_before,
        "bytes": info.bytes,
        "first": time(info.span.map(|span| span.0)),
        "last": time(info.span.map(|span| span.1)),
        "span_s": info.span.map(|(first, last)| (last - first).as_secs()),
        "cut": health.cut.is_some(),
        "cut_at_byte": health.cut,
        "broken_compression": health.broken_compression,
        "dropped": if dropped.is_empty() { None } else { Some(dropped.iter().sum::<u64>()) },
        "clock_steps": health.steps_back,
        "truncated_packets": health.truncated,
        "damaged_records": health.skipped,
        "first_damage": health.first_damage.as_ref().map(|(at, what)| json!({"at_byte": at, "what": what})),
        "decode_failures": capture.skipped.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    })
}

fn interfaces(capture: &CaptureHead<'_>) -> Vec<serde_json::Value> {
    let object = |each: &crate::capture::Interface| {
        json!({
            "name": each.name,
            "link_type": each.link.0,
            "link_name": text::link_name(each.link),
            "snaplen": each.snaplen,
            "stamp_digits": each.stamp_digits,
            "packets": each.packets,
            "dropped": each.dropped,
            "ended_early": each.ended,
        })
    };
    capture.info.interfaces.iter().map(object).collect()
}

fn link_types(capture: &CaptureHead<'_>) -> Vec<u16> {
    let mut types: Vec<u16> = capture.info.interfaces.iter().map(|each| each.link.0).collect();
    types.sort_unstable();
    types.dedup();
    types
}

fn rfc3339(stamp: Stamp, digits: u8) -> String {
    let mut text = String::with_capacity(30);
    // Writing to a string cannot fail.
    let _ = stamp.write_rfc3339(&mut text, digits.into());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::FlowRow;
    use crate::report::row::COLUMNS;
    use crate::report::sample;

    fn objects(only: Only, rows: &[FlowRow]) -> Vec<serde_json::Value> {
        let mut out = Vec::new();
        sample::play(&mut Json::new(&mut out, only), rows);
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_object_has_its_type_and_version() {
        let objects = objects(Only::All, &[sample::row(1)]);
        let types: Vec<_> = objects.iter().map(|each| each["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["capture", "flow", "summary"]);
        assert!(objects.iter().all(|each| each["v"] == 1));
    }

    #[test]
    fn a_flow_has_every_column_with_its_kind() {
        let flow = &objects(Only::All, &[sample::row(1)])[1];
        assert!(COLUMNS.iter().all(|column| flow.get(column).is_some()));
        assert_eq!(flow["duration_s"], 63.0);
        assert_eq!(flow["name"], serde_json::Value::Null);
        assert_eq!(flow["doubts"], json!(["single-vantage"]));
        assert_eq!(flow["evidence_packets"], json!([12, 15, 19]));
        assert_eq!(flow["findings"], json!(["syn-silent"]));
        let detail = &flow["finding_details"][0];
        assert_eq!(detail["packets"], json!([12, 15, 19]));
        assert!(detail["next"].as_str().unwrap().contains("-n 10.0.0.5 8080"));
    }

    #[test]
    fn hostile_names_stay_one_line() {
        let mut row = sample::row(1);
        row.name = Some("a\n\u{1b}[2J\"".to_owned());
        let objects = objects(Only::All, &[row]);
        assert_eq!(objects.len(), 3);
        assert_eq!(objects[1]["name"], "a\n\u{1b}[2J\"");
    }

    #[test]
    fn the_summary_counts_all_and_says_how_many_were_written() {
        let objects = objects(Only::Failed, &[sample::row(1), sample::fine(2)]);
        let summary = &objects[2];
        assert_eq!((&summary["flows"], &summary["flows_written"]), (&json!(2), &json!(1)));
        assert_eq!(summary["status"]["failed"], 1);
        assert_eq!(summary["status"]["unknown"], 0);
        assert_eq!(summary["cause"], json!({"syn-silent": 1}));
    }
}
