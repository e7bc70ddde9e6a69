//! The report for a person under pressure: what was read, what is wrong with it, what failed, what to do.

use super::entry::{self, Context};
use super::group::{Group, Groups, Way};
use super::intro::{describe, nothing, stretch};
use super::layout;
use super::maybe::Said;
use super::paint::Paint;
use super::remarks::remarks;
use super::text::{clean, count, date, thousands, wrap};
use super::{CaptureHead, FlowReport, Head, Only, Reporter, Tail, Totals};
use crate::finding::Severity;
use crate::incident::Incident;
use crate::verdict::words::Status;
use std::io::{self, Write};

/// Groups shown of what failed, of what is degraded, and of what is unknown.
const SHOWN: [usize; 3] = [20, 10, 8];
/// Captures named one by one.
const CAPTURES: usize = 4;

/// How the report looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal, if it is one.
    pub width: Option<usize>,
    /// Colours are wanted.
    pub color: bool,
    /// Which flows are listed; totals count all.
    pub only: Only,
    /// Flows were selected by `--port` or `--host`.
    pub selected: bool,
}

/// Writes the terminal report.
#[derive(Debug)]
pub struct Terminal<W: Write> {
    out: W,
    style: Style,
    context: Context,
    totals: Totals,
    groups: Groups,
    incidents: Vec<Incident>,
    nothing: Vec<String>,
    said: Said,
}

impl<W: Write> Terminal<W> {
    /// The report goes to `out`.
    pub fn new(out: W, style: Style) -> Self {
        let context = Context {
            // Narrower, and the entries fall apart; wider, and the eye loses the line.
            width: style.width.unwrap_or(80).clamp(40, 120),
            paint: Paint { on: style.color },
            ..Context::default()
        };
        Self {
            out,
            style,
            context,
            totals: Totals::default(),
            groups: Groups::default(),
            incidents: Vec::new(),
            nothing: Vec::new(),
            said: Said::default(),
        }
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// `text` behind `lead`, its further lines as deep as the lead is wide.
    fn hanging(&mut self, lead: &str, paint: fn(Paint, &str) -> String, text: &str) -> io::Result<()> {
        let room = self.context.width.saturating_sub(lead.len());
        for (index, line) in wrap(text, room).iter().enumerate() {
            if index == 0 {
                writeln!(self.out, "{}{line}", paint(self.context.paint, lead))?;
            } else {
                writeln!(self.out, "{:width$}{line}", "", width = lead.len())?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Reporter for Terminal<W> {
    fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        let named = |capture: &CaptureHead<'_>| (capture.info.name.clone(), capture.packets_before);
        self.context.captures = head.captures.iter().map(named).collect();
        self.nothing = nothing(head, self.style.selected);
        self.captures(head)?;
        let remarks = remarks(head);
        if !remarks.is_empty() {
            self.line("")?;
            let heading = self.context.paint.bold("The capture itself");
            self.line(&heading)?;
        }
        for remark in remarks {
            let text = clean(&remark.text);
            if remark.grave {
                self.hanging("  ! ", Paint::doubtful, &text)?;
            } else {
                self.hanging("  - ", Paint::faint, &text)?;
            }
        }
        Ok(())
    }

    fn wants_details(&self) -> bool {
        false
    }

    fn flow(&mut self, flow: &FlowReport<'_>) -> io::Result<()> {
        self.totals.add(flow);
        self.groups.add(flow);
        Ok(())
    }

    fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        self.incidents.push(incident.clone());
        Ok(())
    }

    fn end(&mut self, tail: &Tail) -> io::Result<()> {
        if !self.context.captures.is_empty() {
            self.line("")?;
        }
        if self.totals.flows == 0 {
            for line in std::mem::take(&mut self.nothing) {
                self.hanging("", Paint::faint, &line)?;
            }
            return self.out.flush();
        }
        self.totals()?;
        for limit in &tail.limits {
            self.hanging("  - ", Paint::faint, limit)?;
        }
        let incident = self.incidents()?;
        let failed = self.section(Status::Failed, "FAILED", SHOWN[0])?;
        let degraded = self.section(Status::Degraded, "WORKED, BUT BADLY", SHOWN[1])?;
        self.unknown()?;
        self.footer(incident.or(failed).or(degraded))?;
        self.out.flush()
    }
}

impl<W: Write> Terminal<W> {
    fn captures(&mut self, head: &Head<'_>) -> io::Result<()> {
        let spans = head.captures.iter().filter_map(|capture| capture.info.span);
        let span = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        for capture in head.captures.iter().take(CAPTURES) {
            let name = self.context.paint.bold(&clean(&capture.info.name));
            self.line(&name)?;
            let described = describe(capture);
            self.hanging("  ", Paint::faint, &described)?;
        }
        if let Some(more) = head.captures.get(CAPTURES..).filter(|more| !more.is_empty()) {
            let packets = more.iter().map(|capture| capture.info.packets).sum();
            let text = format!("and {} more, {}", more.len(), count(packets, "packet"));
            self.line(&text)?;
        }
        if let Some((first, last)) = span {
            self.context.day = date(first);
            let text = stretch(first, last);
            self.hanging("  ", Paint::faint, &text)?;
        }
        Ok(())
    }

    fn totals(&mut self) -> io::Result<()> {
        let of = |status| self.totals.status(status);
        let (failed, degraded, unknown, ok) = (
            of(Status::Failed),
            of(Status::Degraded),
            of(Status::Unknown),
            of(Status::Ok),
        );
        let flows = count(self.totals.flows, "TCP connection");
        if ok == self.totals.flows {
            let all = if ok == 1 { "and it" } else { "all of them" };
            let line = self.context.paint.good(&format!("{flows}, {all} worked."));
            self.line(&line)?;
        } else {
            let paint = self.context.paint;
            let part = |number: u64, word: &str, colour: fn(Paint, &str) -> String| {
                let text = format!("{} {word}", thousands(number));
                if number > 0 { colour(paint, &text) } else { text }
            };
            let line = format!(
                "{}: {}, {}, {}, {}",
                paint.bold(&flows),
                part(failed, "failed", Paint::bad),
                part(degraded, "degraded", Paint::doubtful),
                part(unknown, "unknown", Paint::bold),
                part(ok, "ok", Paint::good),
            );
            self.line(&line)?;
        }
        let handshakes = worded(self.totals.handshakes());
        self.hanging("  handshake  ", Paint::faint, &handshakes)?;
        let endings = worded(self.totals.endings());
        self.hanging("  ending     ", Paint::faint, &endings)?;
        if failed + degraded == 0 && unknown > 0 {
            self.line("")?;
            self.hanging(
                "",
                Paint::faint,
                "Nothing is known to have failed; the capture cannot tell for all.",
            )?;
        }
        Ok(())
    }

    /// The incidents. Returns the id of the first.
    fn incidents(&mut self) -> io::Result<Option<&'static str>> {
        let only = self.style.only;
        let incidents = std::mem::take(&mut self.incidents);
        let wanted = |each: &&Incident| only != Only::Failed || each.severity == Severity::Error;
        let shown: Vec<&Incident> = incidents.iter().filter(wanted).collect();
        if !shown.is_empty() {
            let text = format!("INCIDENTS: {}", thousands(shown.len() as u64));
            let text = self.context.paint.bold(&text);
            self.line("")?;
            self.line(&text)?;
        }
        for (index, incident) in shown.iter().take(SHOWN[0]).enumerate() {
            self.line("")?;
            let lead = format!("{:>2}. ", index + 1);
            let colour = if incident.severity == Severity::Error {
                Paint::bad
            } else {
                Paint::doubtful
            };
            let room = self.context.width - lead.len();
            for (line, text) in wrap(&clean(&incident.summary), room).iter().enumerate() {
                let lead = if line == 0 { &lead } else { "    " };
                let text = colour(self.context.paint, &format!("{lead}{text}"));
                self.line(&text)?;
            }
            let group = self.groups.behind(incident);
            let parts = entry::incident(incident, group.as_ref(), &self.context, Some(&mut self.said));
            for line in layout::lines(&parts, &self.context) {
                self.line(&line)?;
            }
        }
        if let Some(more) = shown.len().checked_sub(SHOWN[0] + 1) {
            self.line("")?;
            let text = format!("{}; --json has them all.", count(more as u64 + 1, "more incident"));
            self.line(&text)?;
        }
        let first = shown.first().map(|incident| incident.meta.id);
        self.incidents = incidents;
        Ok(first)
    }

    /// The entries of one status. Returns the id of its first cause.
    fn section(&mut self, status: Status, heading: &str, shown: usize) -> io::Result<Option<&'static str>> {
        let groups = self.groups.ranked(status, &self.incidents);
        let is_explained = groups.is_empty() && self.groups.overflow(status) == 0;
        if is_explained || !self.style.only.wants_status(status) {
            return Ok(None);
        }
        self.heading(status, heading, &groups)?;
        for (index, group) in groups.iter().take(shown).enumerate() {
            self.entry(index + 1, group, status)?;
        }
        self.left_out(&groups, shown, status)?;
        Ok(groups.iter().find_map(|group| match group.way {
            Way::Cause(id, _) => Some(id),
            Way::Words(..) => None,
        }))
    }

    fn heading(&mut self, status: Status, heading: &str, groups: &[Group]) -> io::Result<()> {
        let listed = groups.iter().map(|group| group.flows).sum::<u64>() + self.groups.overflow(status);
        let more = if listed < self.totals.status(status) {
            "more "
        } else {
            ""
        };
        let flows = count(listed, &format!("{more}connection"));
        let ways = match (listed, groups.len()) {
            (1, _) => String::new(),
            (_, 1) => ", all in the same way".to_owned(),
            (_, ways) => format!(" in {} groups", thousands(ways as u64)),
        };
        let text = format!("{heading}: {flows}{ways}");
        let text = self.coloured(status, &text);
        self.line("")?;
        self.line(&text)
    }

    fn coloured(&self, status: Status, text: &str) -> String {
        match status {
            Status::Failed => self.context.paint.bad(text),
            Status::Degraded => self.context.paint.doubtful(text),
            _ => self.context.paint.bold(text),
        }
    }

    fn entry(&mut self, number: usize, group: &Group, status: Status) -> io::Result<()> {
        self.line("")?;
        let title = format!("{}: {}", entry::place(group), entry::title(group));
        let lead = format!("{number:>2}. ");
        for (index, line) in wrap(&title, self.context.width - lead.len()).iter().enumerate() {
            let lead = if index == 0 { &lead } else { "    " };
            let text = self.coloured(status, &format!("{lead}{line}"));
            self.line(&text)?;
        }
        let contrast = self.groups.contrast(group);
        let parts = entry::parts(group, contrast, &self.context, Some(&mut self.said));
        for line in layout::lines(&parts, &self.context) {
            self.line(&line)?;
        }
        Ok(())
    }

    fn left_out(&mut self, groups: &[Group], shown: usize, status: Status) -> io::Result<()> {
        let hidden = groups.get(shown..).unwrap_or_default();
        let flows = hidden.iter().map(|group| group.flows).sum::<u64>() + self.groups.overflow(status);
        if flows == 0 {
            return Ok(());
        }
        self.line("")?;
        let more = count(flows, "more connection");
        let among = match (hidden.len(), self.groups.overflow(status)) {
            (0, _) => String::new(),
            (groups, 0) => format!(" in {}", count(groups as u64, "group")),
            (groups, _) => format!(" in {} groups or more", thousands(groups as u64)),
        };
        self.hanging(
            "    ",
            Paint::faint,
            &format!("... and {more}{among}: --csv F lists them all."),
        )
    }

    fn unknown(&mut self) -> io::Result<()> {
        let groups = self.groups.ranked(Status::Unknown, &[]);
        if groups.is_empty() || !self.style.only.wants_status(Status::Unknown) {
            return Ok(());
        }
        self.line("")?;
        let flows = count(self.totals.status(Status::Unknown), "connection");
        let heading = self.context.paint.bold(&format!("CANNOT TELL: {flows}"));
        self.line(&heading)?;
        for group in groups.iter().take(SHOWN[2]) {
            let lead = format!("{:>6}  ", thousands(group.flows));
            let text = format!("{}: {}", entry::place(group), entry::why_unknown(group));
            self.hanging(&lead, Paint::bold, &text)?;
        }
        self.left_out(&groups, SHOWN[2], Status::Unknown)
    }

    fn footer(&mut self, cause: Option<&'static str>) -> io::Result<()> {
        let Some(id) = cause else { return Ok(()) };
        self.line("")?;
        let text =
            format!("Filters are for Wireshark, times are UTC. What is behind the first one: whodropped explain {id}");
        self.hanging("", Paint::faint, &text)
    }
}

pub(super) fn worded(counts: impl Iterator<Item = (&'static str, u64)>) -> String {
    let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words: Vec<_> = counts
        .iter()
        .map(|(word, count)| format!("{} {word}", thousands(*count)))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests;
