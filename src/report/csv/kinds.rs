//! Rows of lone SYNs: what all of a kind have in common is written once, and then copied. Of a flood, these are nearly all.

use super::pen::{Pen, push_text};
use crate::report::FlowRow;
use crate::report::row::{Cells, Words, visit_figures, visit_identity, visit_proof};

/// Kinds that are remembered at once, each in its place by number.
const MOST: usize = 8;

/// Kinds of rows before.
#[derive(Debug, Default)]
pub(super) struct Kinds([Option<Kind>; MOST]);

/// Cells that the rows of one kind have in common.
#[derive(Debug)]
struct Kind {
    number: u64,
    words: Vec<u8>,
    /// The summary stands between quotes, and needs nothing else. What differs from row to row, ends and times, changes
    /// nothing in that.
    is_between_quotes: bool,
    figures: Vec<u8>,
}

impl Kinds {
    /// Another report begins, which has its own numbers.
    pub(super) fn clear(&mut self) {
        self.0 = Default::default();
    }
}

impl Pen {
    /// The cells of `row`, which is of the kind with this number.
    pub(super) fn row_of_kind(&mut self, number: u64, row: &FlowRow) {
        let Ok(()) = visit_identity(row, self);
        let place = (number % MOST as u64) as usize;
        match &self.kinds.0[place] {
            Some(kind) if kind.number == number => kind.push(row, &mut self.rows),
            _ => self.kinds.0[place] = Some(self.first_of_kind(number, row)),
        }
        let Ok(()) = visit_proof(row, self);
    }

    fn first_of_kind(&mut self, number: u64, row: &FlowRow) -> Kind {
        let start = self.rows.len();
        let Ok(()) = self.words(&Words::of(row));
        let words = self.rows.get(start..).unwrap_or_default().to_vec();
        push_text(&row.summary, &mut self.rows);
        self.rows.push(b',');
        let start = self.rows.len();
        let Ok(()) = visit_figures(row, self);
        Kind {
            number,
            words,
            is_between_quotes: is_between_quotes(&row.summary),
            figures: self.rows.get(start..).unwrap_or_default().to_vec(),
        }
    }
}

impl Kind {
    fn push(&self, row: &FlowRow, line: &mut Vec<u8>) {
        debug_assert_eq!(
            self.is_between_quotes,
            is_between_quotes(&row.summary),
            "{}",
            row.summary
        );
        line.extend_from_slice(&self.words);
        if self.is_between_quotes {
            line.push(b'"');
            line.extend_from_slice(row.summary.as_bytes());
            line.extend_from_slice(b"\",");
        } else {
            push_text(&row.summary, line);
            line.push(b',');
        }
        line.extend_from_slice(&self.figures);
    }
}

fn is_between_quotes(text: &str) -> bool {
    let mut cell = Vec::new();
    push_text(text, &mut cell);
    cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")) == Some(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::FlowsCsv;
    use super::MOST;
    use crate::report::{FlowReport, FlowRow, Only, Reporter, sample};
    use crate::verdict::words::Status;

    /// The rows of two reports, one after the other, each of a kind of its own or of none.
    fn written(rows: &[FlowRow], with_kinds: bool) -> String {
        let mut out = Vec::new();
        let mut csv = FlowsCsv::new(&mut out, Only::All);
        // The kind that the first ends with has another's number in the second.
        for (rows, first) in [(rows, 0), (&rows[1..], rows.len() as u64 - 1)] {
            sample::play(&mut csv, &[]);
            for (number, row) in (first..).zip(rows) {
                // All of these share a place.
                let kind = with_kinds.then_some(number * MOST as u64);
                let (findings, cause) = (&[], None);
                csv.flow(&FlowReport {
                    row,
                    findings,
                    cause,
                    kind,
                })
                .unwrap();
            }
        }
        csv.flush().unwrap();
        drop(csv);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_has_the_cells_of_its_own_kind_whatever_stood_in_its_place() {
        let mut other = sample::row(2);
        (other.status, other.client_side.packets) = (Status::Degraded, 77);
        let rows = [sample::row(1), other, sample::row(3), sample::row(4)];
        assert_eq!(written(&rows, true), written(&rows, false));
    }
}
