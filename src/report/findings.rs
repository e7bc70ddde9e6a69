//! The findings CSV: one row per finding of a flow.

use super::csv::{Pen, Table};
use super::row::Value;
use super::{Draft, FlowReport, FlowRow, Head, Only, Reporter, Sheet, Tail};
use crate::finding::{Finding, Severity};
use crate::incident::Incident;
use std::io;

/// Names of the columns, in order.
const COLUMNS: [&str; 9] = [
    "flow",
    "capture",
    "time",
    "id",
    "severity",
    "confidence",
    "side",
    "packets",
    "summary",
];

/// Writes the findings CSV.
#[derive(Debug)]
pub struct FindingsCsv<W: io::Write> {
    out: Table<W>,
    only: Only,
}

impl<W: io::Write> FindingsCsv<W> {
    /// Findings go to `out`, those of flows that `only` wants.
    pub fn new(out: W, only: Only) -> Self {
        Self {
            out: Table::new(out),
            only,
        }
    }
}

impl<W: io::Write> Reporter for FindingsCsv<W> {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        self.out.header(&COLUMNS)
    }

    fn wants_details(&self) -> bool {
        false
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        put_flow(flow, self.only, &mut self.out.pen);
        self.out.hand_on_block()
    }

    fn draft(&self) -> Option<Box<dyn Draft>> {
        let pen = Pen::default();
        Some(Box::new(FindingsDraft { pen, only: self.only }))
    }

    fn take(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        self.out.take(sheet)
    }

    fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        if self.only == Only::Failed && incident.severity != Severity::Error {
            return Ok(());
        }
        put_incident(incident, &mut self.out.pen);
        self.out.hand_on_block()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes rows beside others.
struct FindingsDraft {
    pen: Pen,
    only: Only,
}

impl Draft for FindingsDraft {
    fn flow(&mut self, flow: &FlowReport<'_>) {
        put_flow(flow, self.only, &mut self.pen);
    }

    fn end(&mut self, sheet: &mut Sheet) {
        self.pen.end(sheet);
    }
}

/// The rows of one flow, if `only` wants it.
fn put_flow(flow: &FlowReport<'_>, only: Only, to: &mut Pen) {
    if only.wants(flow.row) {
        flow.findings.iter().for_each(|finding| put(flow.row, finding, to));
    }
}

/// One row, in the order of [`COLUMNS`].
fn put(row: &FlowRow, finding: &Finding, to: &mut Pen) {
    to.put(Value::Count(row.flow));
    to.put(Value::Text(&row.capture));
    to.put(Value::Time(finding.stamp, row.stamp_digits));
    to.put(Value::Word(finding.meta.id));
    to.put(Value::Word(finding.severity.word()));
    to.put(Value::Word(finding.confidence.word()));
    to.put(finding.side.map_or(Value::Empty, |side| Value::Word(side.word())));
    to.put(Value::Packets(&finding.packets));
    to.put(Value::Text(&finding.summary));
    to.end_row();
}

/// A finding over many flows: `flow` is empty, and the summary names the service.
fn put_incident(incident: &Incident, to: &mut Pen) {
    let packets: Vec<u64> = incident
        .examples
        .iter()
        .flat_map(|each| each.packets.iter().copied())
        .collect();
    to.put(Value::Empty);
    to.put(Value::Empty);
    to.put(Value::Time(incident.first, 6));
    to.put(Value::Word(incident.meta.id));
    to.put(Value::Word(incident.severity.word()));
    to.put(Value::Word(incident.confidence.word()));
    to.put(Value::Empty);
    to.put(Value::Packets(&packets));
    to.put(Value::Text(&incident.summary));
    to.end_row();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_finding_is_a_row() {
        let mut out = Vec::new();
        let mut csv = FindingsCsv::new(&mut out, Only::All);
        sample::play(&mut csv, &[sample::row(1), sample::row(2)]);
        drop(csv);
        let text = String::from_utf8(out).unwrap();
        let mut lines = text.split("\r\n");
        assert_eq!(
            lines.next(),
            Some("flow,capture,time,id,severity,confidence,side,packets,summary")
        );
        assert_eq!(
            lines.next(),
            Some(
                "1,client.pcap,2024-02-29T12:34:57.000000Z,syn-silent,error,medium,server,12;15;19,\
                 7 SYNs in 63 s and not one packet came back."
            )
        );
        assert_eq!(lines.count(), 2);
    }
}
