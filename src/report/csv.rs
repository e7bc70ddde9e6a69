//! The flows CSV: RFC 4180, one row per flow, the columns of `row.rs`.

use super::row::{COLUMNS, Cells, Value, visit};
use super::{FlowReport, Head, Only, Reporter, Tail};
use crate::base::Stamp;
use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;

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
        self.out.header(&COLUMNS)
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        if !self.only.wants(flow.row) {
            return Ok(());
        }
        visit(flow.row, &mut self.out)?;
        self.out.end_row()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        self.out.flush()
    }
}

/// A CSV file: RFC 4180 with its CRLF between rows. Quoting is the library's, formulas are defused here.
#[derive(Debug)]
pub(super) struct Table<W: io::Write> {
    writer: ::csv::Writer<W>,
    /// The cell being built; its memory is used again for the next.
    cell: String,
    /// The second of the last time written, and its text: rows come in order of time.
    second: Option<(i64, String)>,
}

impl<W: io::Write> Table<W> {
    pub(super) fn new(out: W) -> Self {
        let writer = ::csv::WriterBuilder::new()
            .terminator(::csv::Terminator::CRLF)
            .from_writer(out);
        Self {
            writer,
            cell: String::new(),
            second: None,
        }
    }

    pub(super) fn header(&mut self, columns: &[&str]) -> io::Result<()> {
        Ok(self.writer.write_record(columns)?)
    }

    pub(super) fn end_row(&mut self) -> io::Result<()> {
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    /// Text from outside: no spreadsheet must run it as a formula.
    fn text(&mut self, text: &str) {
        // A lone sign is no formula, and `-` is how standard input is called.
        let formula = text.len() > 1 && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        self.cell.extend([if formula { "'" } else { "" }, text]);
    }

    fn time(&mut self, stamp: Stamp, digits: u8) {
        let second = stamp.0.div_euclid(1_000_000_000);
        if self.second.as_ref().is_none_or(|(last, _)| *last != second) {
            let mut text = String::with_capacity(20);
            // Writing to a string cannot fail.
            let _ = stamp.write_rfc3339(&mut text, 0);
            text.pop();
            self.second = Some((second, text));
        }
        self.cell.extend(self.second.iter().map(|(_, text)| text.as_str()));
        if digits > 0 {
            let digits = u32::from(digits.min(9));
            let fraction = stamp.0.rem_euclid(1_000_000_000).unsigned_abs() / 10_u64.pow(9 - digits);
            self.cell.push('.');
            push_padded(fraction, digits, &mut self.cell);
        }
        self.cell.push('Z');
    }
}

impl<W: io::Write> Cells for Table<W> {
    type Error = io::Error;

    // Inlined, the kind of each column is known where it is written.
    #[inline]
    fn cell(&mut self, _: &'static str, value: Value<'_>) -> io::Result<()> {
        self.cell.clear();
        match value {
            Value::Empty => {}
            Value::Text(text) => self.text(text),
            Value::Word(word) => self.cell.push_str(word),
            Value::Count(count) => push_number(count, &mut self.cell),
            Value::Decimal(units, places) => push_decimal(units, places, &mut self.cell),
            Value::Time(stamp, digits) => self.time(stamp, digits),
            Value::Ip(ip) => push_ip(ip, &mut self.cell),
            Value::Ids(ids) => push_list(ids, &mut self.cell, |id, line| line.push_str(id)),
            Value::Doubts(doubts) => push_list(doubts, &mut self.cell, |doubt, line| line.push_str(doubt.word())),
            Value::Packets(packets) => push_list(packets, &mut self.cell, |packet, line| push_number(*packet, line)),
        }
        Ok(self.writer.write_field(&self.cell)?)
    }
}

fn push_number(number: u64, line: &mut String) {
    line.push_str(itoa::Buffer::new().format(number));
}

/// `number` with zeros before it, `digits` long.
fn push_padded(number: u64, digits: u32, line: &mut String) {
    let mut buffer = itoa::Buffer::new();
    // The leading 1 keeps the zeros; it is left out.
    let text = buffer.format(10_u64.pow(digits) + number);
    line.push_str(text.get(1..).unwrap_or_default());
}

/// `1500000` with 6 places is `1.5`.
fn push_decimal(units: i64, places: u8, line: &mut String) {
    let places = u32::from(places.min(18));
    let one = 10_u64.pow(places);
    let (whole, fraction) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    if units < 0 {
        line.push('-');
    }
    push_number(whole, line);
    if fraction > 0 {
        line.push('.');
        push_padded(fraction, places, line);
        line.truncate(line.trim_end_matches('0').len());
    }
}

fn push_ip(ip: IpAddr, line: &mut String) {
    match ip {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                line.push_str(if index == 0 { "" } else { "." });
                push_number(octet.into(), line);
            }
        }
        IpAddr::V6(ip) => {
            // Writing to a string cannot fail.
            let _ = write!(line, "{ip}");
        }
    }
}

fn push_list<T>(items: &[T], line: &mut String, push: impl Fn(&T, &mut String)) {
    for (index, item) in items.iter().enumerate() {
        line.push_str(if index == 0 { "" } else { ";" });
        push(item, line);
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
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().nth(row).unwrap().unwrap()
    }

    #[test]
    fn a_row_reads_back() {
        let mut row = sample::row(7);
        row.name = Some("a,\"b\"\r\nc".to_owned());
        row.duration_s = 63.000_25;
        row.handshake_rtt_ms = Some(0.0415);
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
            push_decimal(units, places, &mut out);
            out
        };
        assert_eq!(show(1, 9), "0.000000001");
        assert_eq!(show(0, 9), "0");
        assert_eq!(show(-1_500_000, 6), "-1.5");
        assert_eq!(show(i64::MIN, 9), "-9223372036.854775808");
    }
}
