//! One flow as a ladder: a line a packet, with what it means, as a colleague would say it who has seen many.

mod teller;

use super::FlowRow;
use super::text::{clean, thousands, wrap};
use crate::base::{Dir, FlowKey};
use crate::flow::mark::Marks;
use crate::flow::table::Table;
use crate::verdict::words::Status;
use crate::wire::{Heard, IcmpError, Segment};
use teller::Teller;

/// Packets of one flow that are kept; of the others only the number is told.
const KEPT: usize = 200_000;

/// One packet of the flow.
#[derive(Clone, Debug)]
enum Step {
    Segment(Box<Segment>),
    Icmp(Box<IcmpError>),
}

/// The packets of one flow, to be told.
#[derive(Debug)]
pub struct Ladder {
    row: FlowRow,
    client: Dir,
    steps: Vec<Step>,
    left_out: u64,
}

impl Ladder {
    /// For the flow of `row`.
    #[must_use]
    pub fn new(row: FlowRow) -> Self {
        let client = FlowKey::between(row.client, row.server).map_or(Dir::Up, |(_, dir)| dir);
        Self {
            row,
            client,
            steps: Vec::new(),
            left_out: 0,
        }
    }

    /// Its number in the report.
    #[must_use]
    pub fn flow(&self) -> u64 {
        self.row.flow
    }

    /// One more packet of it.
    pub fn on(&mut self, heard: &Heard) {
        if self.steps.len() >= KEPT {
            self.left_out += 1;
            return;
        }
        match heard {
            Heard::Segment(segment) => self.steps.push(Step::Segment(Box::new(segment.clone()))),
            Heard::IcmpError(error) => self.steps.push(Step::Icmp(Box::new(error.clone()))),
            _ => {}
        }
    }

    /// All of it, in lines of at most `width` columns.
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let row = &self.row;
        let name = row
            .name
            .as_deref()
            .map_or_else(String::new, |name| format!(" ({})", clean(name)));
        let mut lines = vec![
            format!("Flow {}: {} > {}{name}", row.flow, row.client, row.server),
            format!(
                "  {}, handshake {}, ending {}, culprit {}, {} confidence",
                row.status, row.handshake, row.ending, row.culprit, row.confidence
            ),
        ];
        let summary = clean(&row.summary);
        lines.extend(
            wrap(&summary, width.saturating_sub(2))
                .into_iter()
                .map(|line| format!("  {line}")),
        );
        lines.push(String::new());
        lines.push(format!(
            "{:>9} {:>11}     {:5} {:>7} {:>7}",
            "packet", "time", "flags", "seq", "len"
        ));
        let mut told = Teller::new(self, width);
        told.tell(&self.marks());
        lines.extend(told.lines);
        if self.left_out > 0 {
            lines.push(format!("... and {} more packets", thousands(self.left_out)));
        }
        lines
    }

    /// What Wireshark says of its packets.
    fn marks(&self) -> Vec<Marks> {
        let mut table = Table::default();
        table.want_marks(true);
        for step in &self.steps {
            match step {
                Step::Segment(segment) => table.on_segment(segment, 0),
                Step::Icmp(error) => table.on_icmp(error),
            }
        }
        let marked = table.finish().marked;
        let mut next = marked.iter().peekable();
        let of = |step: &Step| {
            let Step::Segment(segment) = step else {
                return Marks::default();
            };
            while next.next_if(|mark| mark.packet < segment.packet).is_some() {}
            next.next_if(|mark| mark.packet == segment.packet)
                .map(|mark| mark.marks)
                .unwrap_or_default()
        };
        self.steps.iter().map(of).collect()
    }
}

/// A flow that a ladder can be asked for.
#[must_use]
pub fn is_bad(row: &FlowRow) -> bool {
    row.status != Status::Ok
}
