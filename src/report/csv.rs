//! The flows CSV: RFC 4180, one row per flow, the columns of `row.rs`.

mod kinds;
mod pen;

use super::row::{COLUMNS, Value};
use super::{Draft, FlowReport, Head, Only, Reporter, Sheet, Tail};
pub(super) use pen::Pen;
use std::io;

/// Writes the flows CSV.
#[derive(Debug)]
pub struct FlowsCsv<W: io::Write> {
    out: Table<W>,
    only: Only,
}

impl<W: io::Write> FlowsCsv<W> {
    /// Rows go to `out`, those that `only` wants.
    pub fn new(out: W, only: Only) -> Self {
        Self {
            out: Table::new(out),
            only,
        }
    }
}

impl<W: io::Write> Reporter for FlowsCsv<W> {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        self.out.pen.kinds.clear();
        self.out.header(&COLUMNS)
    }

    fn wants_details(&self) -> bool {
        false
    }

    fn wants_incidents(&self) -> bool {
        false
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        if !self.only.wants(flow.row) {
            return Ok(());
        }
        self.out.pen.flow(flow);
        self.out.hand_on_block()
    }

    fn draft(&self) -> Option<Box<dyn Draft>> {
        let pen = Pen::default();
        Some(Box::new(FlowsDraft { pen, only: self.only }))
    }

    fn take(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        self.out.take(sheet)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes rows beside others.
struct FlowsDraft {
    pen: Pen,
    only: Only,
}

impl Draft for FlowsDraft {
    fn flow(&mut self, flow: &FlowReport<'_>) {
        if self.only.wants(flow.row) {
            self.pen.flow(flow);
        }
    }

    fn end(&mut self, sheet: &mut Sheet) {
        self.pen.end(sheet);
    }
}

/// Bytes collected before they are handed on: no less than an output's own buffer, which they then need not pass.
const BLOCK: usize = 128 << 10;

/// A CSV file.
#[derive(Debug)]
pub(super) struct Table<W: io::Write> {
    out: W,
    /// Its rows are not handed on yet.
    pub(super) pen: Pen,
}

impl<W: io::Write> Table<W> {
    pub(super) fn new(out: W) -> Self {
        let mut pen = Pen::default();
        pen.rows.reserve(BLOCK + BLOCK / 16);
        Self { out, pen }
    }

    pub(super) fn header(&mut self, columns: &[&str]) -> io::Result<()> {
        for column in columns {
            self.pen.put(Value::Word(column));
        }
        self.pen.end_row();
        self.hand_on_block()
    }

    /// Rows that were written elsewhere come behind those that are here.
    pub(super) fn take(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        self.pen.rows.append(&mut sheet.text);
        self.hand_on_block()
    }

    /// Hands the rows on once they are enough.
    pub(super) fn hand_on_block(&mut self) -> io::Result<()> {
        if self.pen.rows.len() >= BLOCK {
            self.hand_on()?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.pen.rows)?;
        self.pen.rows.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::report::sample;
    use crate::verdict::words::Status;

    fn write(only: Only, rows: &[crate::report::FlowRow]) -> String {
        let mut out = Vec::new();
        let mut csv = FlowsCsv::new(&mut out, only);
        sample::play(&mut csv, rows);
        drop(csv);
        String::from_utf8(out).unwrap()
    }

    fn cells(text: &str, row: usize) -> std::collections::HashMap<String, String> {
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().nth(row).unwrap().unwrap()
    }

    #[test]
    fn a_row_reads_back() {
        let mut row = sample::row(7);
        row.name = Some("a,\"b\"\r\nc".to_owned());
        row.duration = Span::from_micros(63_000_250);
        row.handshake_rtt = Some(Span(41_500));
        row.evidence_packets = vec![12, 15];
        let cells = cells(&write(Only::All, &[row]), 0);
        assert_eq!(cells.len(), COLUMNS.len());
        let get = |column: &str| cells[column].as_str();
        assert_eq!(get("flow"), "7");
        assert_eq!(get("start"), "2024-02-29T12:34:57.000000Z");
        assert_eq!(get("name"), "a,\"b\"\r\nc");
        assert_eq!(get("duration_s"), "63.00025");
        assert_eq!(get("handshake_rtt_ms"), "0.0415");
        assert_eq!(get("min_rtt_ms"), "");
        assert_eq!(get("evidence_packets"), "12;15");
        assert_eq!(get("server_port"), "8080");
    }

    #[test]
    fn header_and_line_ends_are_as_the_contract_says() {
        let text = write(Only::All, &[]);
        assert_eq!(text, format!("{}\r\n", COLUMNS.join(",")));
    }

    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        let mut row = sample::row(1);
        row.name = Some("=cmd|'/c calc'!A1".to_owned());
        row.summary = "@SUM(A1)".to_owned();
        row.capture = "-".into();
        row.duration = Span::from_millis(-500);
        let cells = cells(&write(Only::All, &[row]), 0);
        assert_eq!(cells["name"], "'=cmd|'/c calc'!A1");
        assert_eq!(cells["summary"], "'@SUM(A1)");
        assert_eq!(cells["capture"], "-");
        assert_eq!(cells["duration_s"], "-0.5");
    }

    #[test]
    fn only_drops_rows() {
        let mut ok = sample::row(1);
        ok.status = Status::Ok;
        assert_eq!(write(Only::Failed, &[ok, sample::row(2)]).lines().count(), 2);
    }
}
