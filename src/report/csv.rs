//! The flows CSV: RFC 4180, one row per flow, the columns of `row.rs`.

use super::row::{COLUMNS, Cells, Value, visit};
use super::{FlowReport, Head, Only, Reporter, Tail};
use csv::{ByteRecord, Terminator, Writer, WriterBuilder};
use std::fmt::Write as _;
use std::io;

/// Writes the flows CSV.
#[derive(Debug)]
pub struct FlowsCsv<W: io::Write> {
    out: Writer<W>,
    only: Only,
    row: Row,
}

impl<W: io::Write> FlowsCsv<W> {
    /// Rows go to `out`, those that `only` wants.
    pub fn new(out: W, only: Only) -> Self {
        Self {
            out: writer(out),
            only,
            row: Row::default(),
        }
    }
}

/// RFC 4180 wants CRLF between rows.
pub(super) fn writer<W: io::Write>(out: W) -> Writer<W> {
    WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .buffer_capacity(64 << 10)
        .from_writer(out)
}

impl<W: io::Write> Reporter for FlowsCsv<W> {
    fn head(&mut self, _: &Head<'_>) -> io::Result<()> {
        self.out.write_record(COLUMNS).map_err(io::Error::from)
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        if !self.only.wants(flow.row) {
            return Ok(());
        }
        self.row.record.clear();
        visit(flow.row, &mut self.row)?;
        self.out.write_byte_record(&self.row.record).map_err(io::Error::from)
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        self.out.flush()
    }
}

/// One row being built; its memory is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The cells so far.
    pub(super) record: ByteRecord,
    scratch: String,
}

impl Cells for Row {
    type Error = io::Error;

    fn cell(&mut self, _: &'static str, value: Value<'_>) -> io::Result<()> {
        match value {
            Value::Empty => self.record.push_field(b""),
            Value::Text(text) => self.text(text),
            Value::Word(word) => self.record.push_field(word.as_bytes()),
            Value::Count(count) => self.record.push_field(itoa::Buffer::new().format(count).as_bytes()),
            value => {
                self.scratch.clear();
                write_long(value, &mut self.scratch);
                self.record.push_field(self.scratch.as_bytes());
            }
        }
        Ok(())
    }
}

impl Row {
    /// Text from outside: a spreadsheet must not run it as a formula.
    fn text(&mut self, text: &str) {
        // A lone sign is no formula, and `-` is how standard input is called.
        if text.len() > 1 && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            self.scratch.clear();
            self.scratch.push('\'');
            self.scratch.push_str(text);
            self.record.push_field(self.scratch.as_bytes());
        } else {
            self.record.push_field(text.as_bytes());
        }
    }
}

/// The cells that take some building. Writing to a string cannot fail.
fn write_long(value: Value<'_>, out: &mut String) {
    match value {
        Value::Decimal(units, places) => write_decimal(units, places, out),
        Value::Time(stamp, digits) => {
            let _ = stamp.write_rfc3339(out, digits.into());
        }
        Value::Ip(ip) => {
            let _ = write!(out, "{ip}");
        }
        Value::Ids(ids) => join(ids.iter().copied(), out),
        Value::Doubts(doubts) => join(doubts.iter().map(|doubt| doubt.word()), out),
        Value::Packets(packets) => {
            for (index, packet) in packets.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ";" });
                out.push_str(itoa::Buffer::new().format(*packet));
            }
        }
        Value::Empty | Value::Text(_) | Value::Word(_) | Value::Count(_) => {}
    }
}

fn join<'a>(words: impl Iterator<Item = &'a str>, out: &mut String) {
    for (index, word) in words.enumerate() {
        out.push_str(if index == 0 { "" } else { ";" });
        out.push_str(word);
    }
}

/// `1500000` with 6 places is `1.5`.
fn write_decimal(units: i64, places: u8, out: &mut String) {
    let one = 10_u64.pow(places.min(18).into());
    let (whole, fraction) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    out.push_str(if units < 0 { "-" } else { "" });
    out.push_str(itoa::Buffer::new().format(whole));
    if fraction > 0 {
        let mut digits = itoa::Buffer::new();
        // `one + fraction` has a leading 1 that keeps the zeros after the point.
        let digits = digits.format(one + fraction);
        out.push('.');
        out.push_str(digits.get(1..).unwrap_or_default().trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().nth(row).unwrap().unwrap()
    }

    #[test]
    fn a_row_reads_back() {
        let mut row = sample::row(7);
        row.name = Some("a,\"b\"".to_owned());
        row.duration_s = 63.000_25;
        row.handshake_rtt_ms = Some(0.0415);
        row.evidence_packets = vec![12, 15];
        let cells = cells(&write(Only::All, &[row]), 0);
        assert_eq!(cells.len(), COLUMNS.len());
        let get = |column: &str| cells[column].as_str();
        assert_eq!(get("flow"), "7");
        assert_eq!(get("start"), "2024-02-29T12:34:57.000000Z");
        assert_eq!(get("name"), "a,\"b\"");
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
        row.capture = "-".to_owned();
        row.duration_s = -0.5;
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

    #[test]
    fn decimals_have_no_exponent_and_no_idle_zeros() {
        let show = |units, places| {
            let mut out = String::new();
            write_decimal(units, places, &mut out);
            out
        };
        assert_eq!(show(1, 9), "0.000000001");
        assert_eq!(show(0, 9), "0");
        assert_eq!(show(-1_500_000, 6), "-1.5");
        assert_eq!(show(i64::MIN, 9), "-9223372036.854775808");
    }
}
