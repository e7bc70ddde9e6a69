//! Rows as text: RFC 4180 with its CRLF between rows. Formulas are defused here; text with quotes in it is the library's.

use super::kinds::Kinds;
use crate::base::digits::{Clock, push_cell, push_decimal, push_ip, push_number};
use crate::report::row::{Cells, Value, Words, visit};
use crate::report::{FlowReport, Sheet};
use crate::verdict::words::Doubt;
use memchr::{memchr, memchr3};
use std::convert::Infallible;

/// Writes rows to memory.
#[derive(Debug, Default)]
pub(in crate::report) struct Pen {
    /// What it wrote; behind every cell stands a comma, until its row ends.
    pub(super) rows: Vec<u8>,
    clock: Clock,
    steady: Steady,
    said: Said,
    pub(super) kinds: Kinds,
}

impl Pen {
    /// The row of a flow.
    pub(super) fn flow(&mut self, flow: &FlowReport<'_>) {
        match flow.kind {
            Some(kind) => self.row_of_kind(kind, flow.row),
            None => {
                let Ok(()) = visit(flow.row, self);
            }
        }
        self.end_row();
    }

    /// The row that was begun is whole.
    pub(in crate::report) fn end_row(&mut self) {
        self.rows.pop();
        self.rows.extend_from_slice(b"\r\n");
    }

    /// The rows so far go to `sheet`, which has none.
    pub(in crate::report) fn end(&mut self, sheet: &mut Sheet) {
        std::mem::swap(&mut self.rows, &mut sheet.text);
    }

    /// The next cell of a row.
    #[expect(
        clippy::inline_always,
        reason = "inlined, the kind of each column is known where it is written"
    )]
    #[inline(always)]
    pub(in crate::report) fn put(&mut self, value: Value<'_>) {
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

impl Cells for Pen {
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
pub(super) fn push_text(text: &str, line: &mut Vec<u8>) {
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
