//! The marks CSV: what Wireshark says of single packets, one row per mark, in order of packets.

use super::csv::Table;
use super::row::Value;
use super::{FlowReport, Head, MarkRow, Only, Reporter, Tail};
use crate::base::Endpoint;
use crate::flow::mark::Mark;
use std::io;

/// Names of the columns, in order.
const COLUMNS: [&str; 10] = [
    "packet",
    "flow",
    "tcp_stream",
    "time",
    "src",
    "src_port",
    "dst",
    "dst_port",
    "mark",
    "detail",
];

/// What Wireshark means by `mark`, when that misleads, and what knows better: Markdown.
#[must_use]
pub fn page(mark: Mark) -> &'static str {
    match mark {
        Mark::Retransmission => include_str!("marks/retransmission.md"),
        Mark::FastRetransmission => include_str!("marks/fast-retransmission.md"),
        Mark::SpuriousRetransmission => include_str!("marks/spurious-retransmission.md"),
        Mark::OutOfOrder => include_str!("marks/out-of-order.md"),
        Mark::DuplicateAck => include_str!("marks/duplicate-ack.md"),
        Mark::LostSegment => include_str!("marks/lost-segment.md"),
        Mark::AckLostSegment => include_str!("marks/ack-lost-segment.md"),
        Mark::KeepAlive => include_str!("marks/keep-alive.md"),
        Mark::KeepAliveAck => include_str!("marks/keep-alive-ack.md"),
        Mark::ZeroWindow => include_str!("marks/zero-window.md"),
        Mark::ZeroWindowProbe => include_str!("marks/zero-window-probe.md"),
        Mark::ZeroWindowProbeAck => include_str!("marks/zero-window-probe-ack.md"),
        Mark::WindowFull => include_str!("marks/window-full.md"),
        Mark::WindowUpdate => include_str!("marks/window-update.md"),
        Mark::ReusedPorts => include_str!("marks/reused-ports.md"),
    }
}

/// Writes the marks CSV.
#[derive(Debug)]
pub struct MarksCsv<W: io::Write> {
    out: Table<W>,
    only: Only,
    /// Flows that are wanted, by number; numbers begin with 1 and have no gaps.
    wanted: Vec<bool>,
}

impl<W: io::Write> MarksCsv<W> {
    /// Marks go to `out`, those of flows that `only` wants.
    pub fn new(out: W, only: Only) -> Self {
        Self {
            out: Table::new(out),
            only,
            wanted: vec![false],
        }
    }

    fn row(&mut self, row: &MarkRow, mark: Mark) -> io::Result<()> {
        let out = &mut self.out.pen;
        out.put(Value::Count(row.packet));
        out.put(Value::Count(row.flow));
        out.put(row.tcp_stream.map_or(Value::Empty, Value::Count));
        out.put(Value::Time(row.stamp, row.stamp_digits));
        for Endpoint { ip, port } in [row.source, row.target] {
            out.put(Value::Ip(ip));
            out.put(Value::Count(port.into()));
        }
        out.put(Value::Word(mark.word()));
        let detail = (mark == Mark::DuplicateAck).then_some(u64::from(row.marks.number));
        out.put(detail.map_or(Value::Empty, Value::Count));
        out.end_row();
        self.out.hand_on_block()
    }
}

impl<W: io::Write> Reporter for MarksCsv<W> {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        self.out.header(&COLUMNS)
    }

    fn wants_details(&self) -> bool {
        false
    }

    fn wants_incidents(&self) -> bool {
        false
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.wanted.push(self.only.wants(flow.row));
        Ok(())
    }

    fn mark(&mut self, row: &MarkRow) -> io::Result<()> {
        if self.wanted.get(row.flow as usize) != Some(&true) {
            return Ok(());
        }
        row.marks.iter().try_for_each(|mark| self.row(row, mark))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::catalogue;
    use crate::report::row;

    /// Names in backquotes are marks, columns, findings or words of Wireshark's.
    #[test]
    fn pages_have_three_parts_and_name_only_what_there_is() {
        for &mark in Mark::ALL {
            let page = page(mark);
            for part in ["What it means: ", "When it misleads: ", "What knows better: "] {
                assert_eq!(page.matches(part).count(), 1, "{mark}: {part}");
            }
            for name in page.split('`').skip(1).step_by(2) {
                let is_mark = Mark::ALL.iter().any(|other| other.word() == name);
                let is_finding = catalogue().iter().any(|meta| meta.id == name);
                assert!(
                    is_mark || is_finding || row::COLUMNS.contains(&name) || name == "any",
                    "{mark}: {name}"
                );
            }
        }
    }
}
