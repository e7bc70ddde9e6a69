//! What a person sees while it happens: a line per event on standard output, a status line on standard error.

use super::args::Live as Args;
use crate::analyzer::watch::{Counts, Event};
use crate::base::Stamp;
use crate::capture::CaptureInfo;
use crate::capture::live::Drops;
use crate::cli::{color, complain};
use crate::report::file::Output;
use crate::report::paint::Paint;
use crate::report::probe::ProbeReport;
use crate::report::{FlowReport, text};
use crate::verdict::words::Status;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Lines and status.
pub(super) struct Screen {
    lines: Option<Output>,
    paint: Paint,
    status: Option<ProgressBar>,
    drops: u64,
    /// Interfaces of which the end was told.
    gone: Vec<usize>,
}

/// What the status line says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Now {
    pub(super) packets: u64,
    pub(super) counts: Counts,
    pub(super) drops: u64,
    /// Packets in the last second.
    pub(super) rate: u64,
}

impl Screen {
    /// As the arguments want it.
    pub(super) fn of(args: &Args) -> Self {
        let has_lines = !args.manner.quiet && !super::outputs::to_stdout(args);
        let has_status = !args.manner.quiet && args.manner.progress == crate::cli::args::Progress::Auto;
        Self::new(has_lines, has_status, color::wanted(args.manner.color))
    }

    /// With lines, and with a status line if standard error is a terminal.
    fn new(lines: bool, status: bool, color: bool) -> Self {
        Self {
            lines: lines.then(Output::stdout),
            paint: Paint { on: color },
            status: (status && io::stderr().is_terminal()).then(bar),
            drops: 0,
            gone: Vec::new(),
        }
    }

    /// Nobody reads the lines any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lines.as_ref().is_some_and(Output::is_closed)
    }

    /// One line, now.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        let Some(out) = &mut self.lines else { return Ok(()) };
        let mut write = || writeln!(out, "{text}").and_then(|()| out.flush());
        match &self.status {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Interfaces that ended by themselves: told at once, as an error too.
    pub(super) fn gone(&mut self, info: &CaptureInfo, at: Stamp) -> io::Result<()> {
        let ended = |place: usize| info.interfaces.get(place).and_then(|each| each.ended.as_deref());
        let is_last = (0..info.interfaces.len()).all(|place| ended(place).is_some());
        let rest = if is_last {
            "the report of what was captured until then follows"
        } else {
            "the others go on"
        };
        for place in 0..info.interfaces.len() {
            let Some(why) = ended(place).filter(|_| !self.gone.contains(&place)) else {
                continue;
            };
            self.gone.push(place);
            self.line(&format!("{}  gone       {}; {rest}", clock(at), text::clean(why)))?;
            let tell = || complain(&format!("{why}; {rest}"));
            self.status.as_ref().map_or_else(tell, |bar| bar.suspend(tell));
        }
        Ok(())
    }

    /// The line of an event, if it has one; `host` is what this machine knows of it.
    pub(super) fn event(&mut self, event: &Event<'_>, now: Stamp, host: Option<&str>) -> io::Result<()> {
        let (word, paint, report, said): (_, fn(Paint, &str) -> String, _, _) = match event {
            Event::Waiting(report, said) => ("waiting", Paint::faint, report, said.as_str()),
            Event::Verdict(report, _) if report.row.status == Status::Failed => {
                ("FAILED", Paint::bad, report, report.row.summary.as_str())
            }
            Event::Verdict(report, _) => ("degraded", Paint::doubtful, report, report.row.summary.as_str()),
            Event::Recovered(report) => ("recovered", Paint::good, report, report.row.summary.as_str()),
            Event::Ended(_) | Event::Mark(_) => return Ok(()),
        };
        let word = paint(self.paint, &format!("{word:9}"));
        let line = format!("{}  {word}  {}  {}", clock(now), who(report), text::clean(said));
        let line = match (event, host) {
            (Event::Verdict(..), host) => format!(
                "{line}{}{}",
                verdict(report),
                host.map_or_else(String::new, |host| format!(" {}", text::clean(host)))
            ),
            _ => line,
        };
        self.line(&line)
    }

    /// Both sides of an attempt of the probe.
    pub(super) fn probe(&mut self, report: &ProbeReport) -> io::Result<()> {
        let time = clock(report.attempt.began);
        let mut lines = report.lines(self.paint, width());
        if let Some(first) = lines.first_mut() {
            *first = format!("\n{time}  {first}");
        }
        self.line(&lines.join("\n"))
    }

    /// A heading and what belongs below it.
    pub(super) fn list(&mut self, heading: &str, items: &[String]) -> io::Result<()> {
        let mut lines = vec![format!("\n{}", self.paint.bold(heading))];
        for item in items {
            lines.push(format!(
                "  {}",
                text::wrap(item, width().saturating_sub(4)).join("\n    ")
            ));
        }
        self.line(&lines.join("\n"))
    }

    /// Redraws the status line; a line of its own where packets were lost.
    pub(super) fn status(&mut self, now: &Now, at: Stamp) -> io::Result<()> {
        if now.drops > self.drops {
            let lost = text::count(now.drops - self.drops, "packet");
            self.drops = now.drops;
            let advice = "verdicts that rest on missing packets are in doubt (--buffer, --filter and --snaplen help)";
            self.line(&format!(
                "{}  lost       the capture itself lost {lost}: {advice}",
                clock(at)
            ))?;
        }
        if let Some(bar) = &self.status {
            bar.set_message(format!(
                "{} packets, {}/s   {} connections   {} failed   {} degraded   {} lost",
                HumanCount(now.packets),
                HumanCount(now.rate),
                HumanCount(now.counts.flows),
                HumanCount(now.counts.failed),
                HumanCount(now.counts.degraded),
                HumanCount(now.drops),
            ));
        }
        Ok(())
    }

    /// Takes the status line off the screen.
    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.status.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Columns of the terminal, or of a page.
fn width() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(100, |(width, _)| width.0.into())
}

/// Packets lost by all interfaces.
pub(super) fn lost(drops: &[Drops]) -> u64 {
    drops
        .iter()
        .map(|each| each.kernel.saturating_add(each.interface))
        .sum()
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// `12:34:56.789`, UTC.
pub(super) fn clock(at: Stamp) -> String {
    let mut full = String::new();
    // Writing to a string cannot fail.
    let _ = at.write_rfc3339(&mut full, 3);
    full.get(11..23).unwrap_or_default().to_owned()
}

fn who(report: &FlowReport<'_>) -> String {
    let row = report.row;
    let name = row
        .name
        .as_deref()
        .map_or_else(String::new, |name| format!(" ({})", text::clean(name)));
    format!("{} > {}{name}", row.client, row.server)
}

/// Whose doing, and how sure.
fn verdict(report: &FlowReport<'_>) -> String {
    let row = report.row;
    let cause = row.cause.map_or_else(String::new, |cause| format!("{cause}, "));
    format!(" [{cause}{}, {}]", row.culprit, row.confidence)
}
