//! The marks CSV: what Wireshark says of single packets, one row per mark, in order of packets.

use super::csv::Table;
use super::row::{Cells, Value};
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
        let out = &mut self.out;
        out.cell("packet", Value::Count(row.packet))?;
        out.cell("flow", Value::Count(row.flow))?;
        out.cell("tcp_stream", row.tcp_stream.map_or(Value::Empty, Value::Count))?;
        out.cell("time", Value::Time(row.stamp, row.stamp_digits))?;
        for Endpoint { ip, port } in [row.source, row.target] {
            out.cell("ip", Value::Ip(ip))?;
            out.cell("port", Value::Count(port.into()))?;
        }
        out.cell("mark", Value::Word(mark.word()))?;
        let detail = (mark == Mark::DuplicateAck).then_some(u64::from(row.marks.number));
        out.cell("detail", detail.map_or(Value::Empty, Value::Count))?;
        out.end_row()
    }
}

impl<W: io::Write> Reporter for MarksCsv<W> {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        self.out.header(&COLUMNS)
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

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        self.out.flush()
    }
}
