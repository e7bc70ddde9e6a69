//! The report for a ticket: one HTML file that needs nothing but a browser, and that tells what the terminal tells, and more.

mod clock;
mod entries;
mod flows;
mod page;
mod prose;
mod timeline;

use super::entry::Context;
use super::group::Groups;
use super::intro::{describe, nothing, stretch};
use super::paint::Paint;
use super::probe::ProbeReport;
use super::remarks::{Remark, remarks};
use super::text::date;
use super::{CaptureHead, FlowReport, FlowRow, Head, Ladder, Only, Reporter, Tail, Totals};
use crate::incident::Incident;
use crate::verdict::words::Status;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

/// Connections listed one by one; 1 kB each, and as many more while they are gathered.
const LISTED: usize = 1000;
/// Captures named one by one.
const CAPTURES: usize = 50;
/// Attempts of a probe that are told.
const PROBES: usize = 200;
/// Columns of one.
const PROBE_WIDTH: usize = 100;
/// A connection with more packets makes no good example to read packet by packet.
const SHORT: u64 = 400;

/// What a page needs to be told besides.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Which flows are listed; totals count all.
    pub only: Only,
    /// Flows were selected by `--port` or `--host`.
    pub selected: bool,
    /// The command line, as far as the result depends on it.
    pub command: String,
    /// The command that shows connection N packet by packet when ` --flow N` is put behind it, if there is one.
    pub again: Option<String>,
}

/// Gathers what the page tells, and writes it in the end.
#[derive(Debug)]
pub struct Html<W: io::Write> {
    out: W,
    story: Story,
}

/// All that the page tells. Bounded, whatever comes.
#[derive(Debug, Default)]
struct Story {
    look: Look,
    context: Context,
    captures: Vec<(String, String)>,
    more_captures: usize,
    /// When it was captured.
    stretch: Option<String>,
    near: (u64, u64),
    remarks: Vec<Remark>,
    /// What to say where there are no flows.
    nothing: Vec<String>,
    totals: Totals,
    groups: Groups,
    incidents: Vec<Incident>,
    /// The attempts of `live --probe` in words, and how many more there were.
    probes: Vec<String>,
    more_probes: u64,
    /// Those that failed, and those that are degraded: the first of each.
    troubled: [Vec<FlowRow>; 2],
    /// The connection to look at for each cause.
    examples: BTreeMap<&'static str, FlowRow>,
    tail: Tail,
}

impl<W: io::Write> Html<W> {
    /// The page goes to `out`.
    pub fn new(out: W, look: Look) -> Self {
        let story = Story {
            look,
            ..Story::default()
        };
        Self { out, story }
    }

    /// The connections worth to be shown packet by packet, one for each cause, those of most connections first.
    #[must_use]
    pub fn examples(&self) -> Vec<&FlowRow> {
        let mut flows: BTreeMap<&str, u64> = self.story.totals.causes().collect();
        let mut examples: Vec<(u64, &FlowRow)> = self
            .story
            .examples
            .iter()
            .map(|(id, row)| (flows.remove(id).unwrap_or_default(), row))
            .collect();
        examples.sort_by_key(|(flows, row)| (row.status != Status::Failed, Reverse(*flows), row.flow));
        examples.into_iter().map(|(_, row)| row).collect()
    }

    /// Writes the page, with `ladders` of some of the examples, and gives back where it went.
    ///
    /// # Errors
    /// What the output reports.
    pub fn write(mut self, ladders: &[Ladder]) -> io::Result<W> {
        let examples: Vec<FlowRow> = self.examples().into_iter().cloned().collect();
        let page = page::page(&self.story, &examples, ladders);
        self.out.write_all(page.into_string().as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: io::Write> Reporter for Html<W> {
    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        let story = &mut self.story;
        let named = |capture: &CaptureHead<'_>| (capture.info.name.clone(), capture.packets_before);
        story.context.captures = head.captures.iter().map(named).collect();
        let described = |capture: &CaptureHead<'_>| (capture.info.name.clone(), describe(capture));
        story.captures = head.captures.iter().take(CAPTURES).map(described).collect();
        story.more_captures = head.captures.len().saturating_sub(CAPTURES);
        let spans = head.captures.iter().filter_map(|capture| capture.info.span);
        if let Some((first, last)) = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) {
            story.context.day = date(first);
            story.stretch = Some(stretch(first, last));
        }
        story.near = head.near;
        story.remarks = remarks(head);
        story.nothing = nothing(head, story.look.selected);
        Ok(())
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.story.totals.add(flow);
        self.story.groups.add(flow);
        self.story.list(flow.row);
        Ok(())
    }

    fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        self.story.incidents.push(incident.clone());
        Ok(())
    }

    fn probe(&mut self, report: &ProbeReport) -> io::Result<()> {
        if self.story.probes.len() < PROBES {
            let lines = report.lines(Paint::default(), PROBE_WIDTH);
            self.story.probes.push(lines.join("\n"));
        } else {
            self.story.more_probes += 1;
        }
        Ok(())
    }

    /// Keeps the tail: the page is written by [`Html::write`].
    fn end(&mut self, tail: &Tail) -> io::Result<()> {
        self.story.tail = tail.clone();
        Ok(())
    }
}

impl Story {
    fn list(&mut self, row: &FlowRow) {
        let place = match row.status {
            Status::Failed => 0,
            Status::Degraded => 1,
            Status::Ok | Status::Unknown => return,
        };
        if !self.look.only.wants_status(row.status) {
            return;
        }
        if let Some(list) = self.troubled.get_mut(place).filter(|list| list.len() < LISTED) {
            list.push(row.clone());
        }
        let Some(cause) = row.cause else { return };
        if self.examples.get(cause).is_none_or(|best| rank(row) < rank(best)) {
            self.examples.insert(cause, row.clone());
        }
    }
}

/// The smaller, the better a connection shows its cause.
fn rank(row: &FlowRow) -> (bool, bool, Reverse<crate::finding::Confidence>) {
    let packets = row.client_side.packets + row.server_side.packets;
    (row.status != Status::Failed, packets > SHORT, Reverse(row.confidence))
}

#[cfg(test)]
mod tests;
