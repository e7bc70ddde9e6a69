//! The flows CSV: RFC 4180, one row per flow, the columns of `row.rs`.

mod kinds;

use super::row::{COLUMNS, Cells, Value, Words, visit};
use super::{FlowReport, Head, Only, Reporter, Tail};
use crate::base::digits::{Clock, push_cell, push_decimal, push_ip, push_number};
use crate::verdict::words::Doubt;
use kinds::Kinds;
use memchr::{memchr, memchr3};
use std::convert::Infallible;
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
        self.out.kinds.clear();
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
        match flow.kind {
            Some(kind) => self.out.row_of_kind(kind, flow.row),
            None => {
                let Ok(()) = visit(flow.row, &mut self.out);
            }
        }
        self.out.end_row()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self, _: &Tail) -> io::Result<()> {
        self.out.flush()
    }
}

/// Bytes collected before they are handed on: no less than an output's own buffer, which they then need not pass.
const BLOCK: usize = 128 << 10;

/// A CSV file: RFC 4180 with its CRLF between rows. Formulas are defused here; text with quotes in it is the library's.
#[derive(Debug)]
pub(super) struct Table<W: io::Write> {
    out: W,
    /// Rows that are not handed on yet; behind every cell stands a comma, until its row ends.
    rows: Vec<u8>,
    clock: Clock,
    steady: Steady,
    said: Said,
    kinds: Kinds,
}

impl<W: io::Write> Table<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            rows: Vec::with_capacity(BLOCK + BLOCK / 16),
            clock: Clock::default(),
            steady: Steady::default(),
            said: Said::default(),
            kinds: Kinds::default(),
        }
    }

    pub(super) fn header(&mut self, columns: &[&str]) -> io::Result<()> {
        for column in columns {
            self.put(Value::Word(column));
        }
        self.end_row()
    }

    pub(super) fn end_row(&mut self) -> io::Result<()> {
        self.rows.pop();
        self.rows.extend_from_slice(b"\r\n");
        if self.rows.len() >= BLOCK {
            self.hand_on()?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.rows)?;
        self.rows.clear();
        Ok(())
    }

    /// The next cell of a row.
    #[expect(
        clippy::inline_always,
        reason = "inlined, the kind of each column is known where it is written"
    )]
    #[inline(always)]
    pub(super) fn put(&mut self, value: Value<'_>) {
        let rows = &mut self.rows;
        match value {
            Value::Empty => {}
            Value::Text(text) => push_text(text, rows),
            Value::Steady(text) => self.steady.push(text, rows),
            Value::History(history) => rows.extend_from_slice(history.letters()),
            Value::Community(id) => rows.extend_from_slice(id.bytes()),
            Value::Word(word) => rows.extend_from_slice(word.as_bytes()),
            // The most frequent of all.
            Value::Count(count @ 0..10) => return rows.extend_from_slice(&[b'0' + count as u8, b',']),
            Value::Count(count) => return push_cell(count, rows),
            Value::Decimal(units, places) => push_decimal(units, places, rows),
            Value::Time(stamp, digits) => self.clock.push(stamp, digits, rows),
            Value::Ip(ip) => push_ip(ip, rows),
            Value::Ids(ids) => push_list(ids, rows, |id, line| line.extend_from_slice(id.as_bytes())),
            Value::Doubts(doubts) => push_list(doubts, rows, |doubt, line| {
                line.extend_from_slice(doubt.word().as_bytes());
            }),
            Value::Packets(&[packet]) => return push_cell(packet, rows),
            Value::Packets(packets) => push_list(packets, rows, |packet, line| push_number(*packet, line)),
        }
        self.rows.push(b',');
    }
}

impl<W: io::Write> Cells for Table<W> {
    type Error = Infallible;

    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn cell(&mut self, _: &'static str, value: Value<'_>) -> Result<(), Infallible> {
        self.put(value);
        Ok(())
    }

    fn words(&mut self, words: &Words<'_>) -> Result<(), Infallible> {
        if let Some(text) = self.said.find(words) {
            self.rows.extend_from_slice(text);
            return Ok(());
        }
        let start = self.rows.len();
        let Ok(()) = words.visit(self);
        self.said.keep(words, self.rows.get(start..).unwrap_or_default());
        Ok(())
    }

    fn counts<const N: usize>(&mut self, _: &[&'static str; N], counts: &[u64; N]) -> Result<(), Infallible> {
        // All at once, where a comparison of arrays is a call.
        if counts.iter().fold(0, |any, count| any | count) == 0 {
            self.rows.extend_from_slice([*b"0,"; N].as_flattened());
        } else {
            for count in counts {
                self.put(Value::Count(*count));
            }
        }
        Ok(())
    }
}

/// A text and its cell: where one row's is that of the row before, it need not be searched for what must be quoted.
#[derive(Debug, Default)]
struct Steady {
    text: String,
    cell: Vec<u8>,
}

impl Steady {
    fn push(&mut self, text: &str, line: &mut Vec<u8>) {
        if self.text != text {
            text.clone_into(&mut self.text);
            self.cell.clear();
            push_text(text, &mut self.cell);
        }
        line.extend_from_slice(&self.cell);
    }
}

/// Combinations of words that are remembered at once.
const COMBINATIONS: usize = 64;

/// Words of rows before with their cells: few combinations are frequent.
#[derive(Debug)]
struct Said([Option<Kept>; COMBINATIONS]);

impl Default for Said {
    fn default() -> Self {
        Self([const { None }; COMBINATIONS])
    }
}

#[derive(Debug)]
struct Kept {
    /// Without the lists.
    words: Words<'static>,
    doubts: Vec<Doubt>,
    findings: Vec<&'static str>,
    cells: Vec<u8>,
}

impl Said {
    /// Where a combination is kept: those that occur together in different places, most often.
    fn place(words: &Words<'_>) -> usize {
        let outcome = words.handshake as usize + 11 * words.ending as usize;
        let lists = words.findings.len() + 5 * words.doubts.len();
        (outcome + 3 * words.stage as usize + 7 * lists + words.cause.map_or(0, str::len)) % COMBINATIONS
    }

    fn find(&self, words: &Words<'_>) -> Option<&[u8]> {
        let kept = self.0.get(Self::place(words))?.as_ref()?;
        let before = Words {
            doubts: &kept.doubts,
            findings: &kept.findings,
            ..kept.words
        };
        (before == *words).then_some(&kept.cells)
    }

    fn keep(&mut self, words: &Words<'_>, cells: &[u8]) {
        if let Some(place) = self.0.get_mut(Self::place(words)) {
            *place = Some(Kept {
                words: Words {
                    doubts: &[],
                    findings: &[],
                    ..*words
                },
                doubts: words.doubts.to_vec(),
                findings: words.findings.to_vec(),
                cells: cells.to_vec(),
            });
        }
    }
}

/// Text from outside as one cell: no spreadsheet must run it as a formula.
fn push_text(text: &str, line: &mut Vec<u8>) {
    // A lone sign is no formula, and `-` is how standard input is called.
    if text.len() > 1 && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return push_quoted(&format!("'{text}"), line);
    }
    push_quoted(text, line);
}

/// `text` as one cell, between quotes where it needs them.
fn push_quoted(text: &str, line: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if memchr(b'"', bytes).is_some() {
        push_by_library(text, line);
    } else if memchr3(b',', b'\r', b'\n', bytes).is_some() {
        line.push(b'"');
        line.extend_from_slice(bytes);
        line.push(b'"');
    } else {
        line.extend_from_slice(bytes);
    }
}

fn push_by_library(text: &str, line: &mut Vec<u8>) {
    let mut cell = ::csv::WriterBuilder::new()
        .buffer_capacity(2 * text.len() + 4)
        .from_writer(Vec::new());
    // Memory takes everything.
    let _ = cell.write_field(text);
    let _ = cell.write_record(None::<&[u8]>);
    let mut cell = cell.into_inner().unwrap_or_default();
    cell.pop();
    line.append(&mut cell);
}

fn push_list<T>(items: &[T], line: &mut Vec<u8>, push: impl Fn(&T, &mut Vec<u8>)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            line.push(b';');
        }
        push(item, line);
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

    #[test]
    fn a_cell_is_quoted_as_the_library_does() {
        let parts = ["", "a", ",", "\"", "\r", "\n", "\u{e9}", " ", "=", ";"];
        for first in parts {
            for second in parts {
                for third in parts {
                    let text = [first, second, third, "end"].concat();
                    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                    push_quoted(&text, &mut ours);
                    push_by_library(&text, &mut theirs);
                    assert_eq!(ours, theirs, "{text:?}");
                }
            }
        }
    }
}
