//! The files that grow while it happens: rows appear as connections end.

use super::args::Live as Args;
use crate::analyzer::Analyzer;
use crate::analyzer::watch::{Event, Watch};
use crate::capture::CaptureInfo;
use crate::cli::evidence::Failed;
use crate::cli::pieces::Pieces;
use crate::cli::plan::check_outputs;
use crate::cli::{color, complain, html};
use crate::finding::Finding;
use crate::incident::Incident;
use crate::report::file::{Output, is_stdout};
use crate::report::probe::ProbeReport;
use crate::report::{
    FindingsCsv, FlowReport, FlowRow, FlowsCsv, Html, Json, MarksCsv, Only, Reporter, Style, Tail, Terminal, Totals,
};
use anyhow::Result;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// All outputs of a live run but its lines.
pub(super) struct Outputs {
    /// `None`: it could not be written any longer, which was said.
    files: Vec<Option<Box<dyn Reporter>>>,
    report: Option<Terminal<Output>>,
    html: Option<Html<Output>>,
    /// The page could not be written, which was said.
    is_pageless: bool,
    totals: Totals,
    /// Connections whose packets are wanted of the recording.
    failed: Failed,
}

/// Standard output carries one of the files, and nothing else.
pub(super) fn to_stdout(args: &Args) -> bool {
    named(args).iter().any(|(_, path)| is_stdout(path))
}

fn named(args: &Args) -> Vec<(&'static str, &Path)> {
    let others = [("--write", &args.write), ("--evidence", &args.evidence)];
    let others = others
        .into_iter()
        .filter_map(|(option, path)| Some((option, path.as_deref()?)));
    args.rows.named().chain(others).collect()
}

impl Outputs {
    pub(super) fn open(args: &Args) -> Result<Self> {
        check_outputs(&named(args), &[])?;
        let only: Only = args.rows.only.into();
        let mut files: Vec<Option<Box<dyn Reporter>>> = Vec::new();
        if let Some(path) = &args.rows.csv {
            files.push(Some(Box::new(FlowsCsv::new(Output::growing(path)?, only))));
        }
        if let Some(path) = &args.rows.findings {
            files.push(Some(Box::new(FindingsCsv::new(Output::growing(path)?, only))));
        }
        if let Some(path) = &args.rows.marks {
            files.push(Some(Box::new(MarksCsv::new(Output::growing(path)?, only))));
        }
        if let Some(path) = &args.rows.json {
            files.push(Some(Box::new(Json::new(Output::growing(path)?, only))));
        }
        let is_report = !args.manner.quiet && !to_stdout(args);
        let style = Style {
            width: terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into()),
            color: color::wanted(args.manner.color),
            only,
            selected: !(args.ports.is_empty() && args.hosts.is_empty() && args.probing.probe.is_empty()),
        };
        Ok(Self {
            files,
            report: is_report.then(|| Terminal::new(Output::stdout(), style)),
            html: None,
            is_pageless: false,
            totals: Totals::default(),
            failed: Failed::new(args.evidence.as_deref().map(Output::growing).transpose()?),
        })
    }

    /// The page takes its name at the end: whoever writes it then must be able to make it now.
    pub(super) fn open_page(&mut self, args: &Args) -> Result<()> {
        if let Some(path) = &args.rows.html {
            self.html = Some(Html::new(Output::create(path)?, html::look_live(args)));
        }
        Ok(())
    }

    /// The page, all at once.
    fn write_page(
        &mut self,
        mut page: Html<Output>,
        watch: &Watch,
        analyzer: &mut Analyzer,
        info: &CaptureInfo,
        (incidents, tail): (&[Incident], &Tail),
        pieces: Option<&Pieces>,
    ) {
        let stop = AtomicBool::new(false);
        let ladders = pieces.map(|pieces| html::ladders(&page, pieces, None, &stop));
        let told = watch.tell_head(analyzer, info, &mut [&mut page]);
        let written = told
            .and_then(|()| incidents.iter().try_for_each(|incident| page.incident(incident)))
            .and_then(|()| page.end(tail))
            .and_then(|()| page.write(&ladders.unwrap_or_default())?.commit());
        if let Err(error) = written {
            complain(&error.to_string());
            self.is_pageless = true;
        }
    }

    /// Headings, before the first row.
    pub(super) fn begin(&mut self, watch: &Watch, analyzer: &mut Analyzer, info: &CaptureInfo) {
        self.each(|file| watch.tell_head(analyzer, info, &mut [file]));
    }

    /// Tells all files. One that cannot be written (a full disk) is given up with a sentence, and the rest goes on.
    fn each(&mut self, mut tell: impl FnMut(&mut dyn Reporter) -> io::Result<()>) {
        for place in &mut self.files {
            let told = place.as_mut().map_or(Ok(()), |file| tell(&mut **file));
            if let Err(error) = told {
                complain(&format!("{error}; the capture goes on without it"));
                *place = None;
            }
        }
    }

    /// Something could not be written to the end.
    pub(super) fn is_incomplete(&self) -> bool {
        self.is_pageless || self.files.iter().any(Option::is_none)
    }

    /// A row, if there is one; `said` is what this machine knows besides.
    pub(super) fn event(&mut self, event: &Event<'_>, said: Option<&str>) -> io::Result<()> {
        match event {
            Event::Ended(report) => match said {
                Some(said) => self.row(&added(said, report).report()),
                None => self.row(report),
            },
            Event::Mark(mark) => {
                self.each(|file| file.mark(mark));
                Ok(())
            }
            Event::Waiting(..) | Event::Verdict(..) | Event::Recovered(_) => Ok(()),
        }
    }

    fn row(&mut self, report: &FlowReport<'_>) -> io::Result<()> {
        self.totals.flow(report)?;
        if let Some(page) = &mut self.html {
            page.flow(report)?;
        }
        self.failed.flow(report)?;
        self.each(|file| file.flow(report));
        self.report.iter_mut().try_for_each(|terminal| terminal.flow(report))
    }

    /// Both sides of an attempt of the probe.
    pub(super) fn probe(&mut self, report: &ProbeReport) {
        if let Some(page) = &mut self.html {
            // It only gathers.
            let _ = page.probe(report);
        }
        self.each(|file| file.probe(report));
    }

    /// Where no connection was seen, a report has nothing to say that the probe has not said better.
    pub(super) fn leave_out_empty_report(&mut self) {
        self.report = self.report.take().filter(|_| self.totals.flows > 0);
    }

    /// What was told is there to be read.
    pub(super) fn flush(&mut self) {
        self.each(|file| file.flush());
    }

    /// Totals and the report; the capture as it is known now stands in the JSON, too. Packets are looked at again in `pieces`.
    pub(super) fn end(
        &mut self,
        watch: &mut Watch,
        analyzer: &mut Analyzer,
        info: &CaptureInfo,
        pieces: Option<&Pieces>,
    ) -> io::Result<Totals> {
        let (incidents, tail) = watch.take_incidents(analyzer, self.totals.flows);
        self.each(|file| {
            incidents.iter().try_for_each(|incident| file.incident(incident))?;
            if file.wants_head_again() {
                watch.tell_head(analyzer, info, &mut [&mut *file])?;
            }
            file.end(&tail)
        });
        if let Some(terminal) = &mut self.report {
            watch.tell_head(analyzer, info, &mut [terminal])?;
            incidents.iter().try_for_each(|incident| terminal.incident(incident))?;
            terminal.end(&tail)?;
        }
        if let Some(page) = self.html.take() {
            self.write_page(page, watch, analyzer, info, (&incidents, &tail), pieces);
        }
        watch.tell_head(analyzer, info, &mut [&mut self.failed])?;
        Ok(std::mem::take(&mut self.totals))
    }

    /// The packets of the connections that failed, from what was recorded.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn write_evidence(self, pieces: &Pieces) -> Result<()> {
        // Whoever has asked for the end waits for this, or asks again.
        self.failed.write(pieces, None, &AtomicBool::new(false))
    }
}

/// A flow with what this machine knows of it: in the summary, and in the finding that explains it.
struct Added {
    row: FlowRow,
    findings: Vec<Finding>,
    cause: Option<usize>,
}

fn added(said: &str, report: &FlowReport<'_>) -> Added {
    let mut row = report.row.clone();
    row.summary = format!("{} {said}", row.summary);
    let mut findings = report.findings.to_vec();
    let is_cause = |finding: &Finding| report.cause.is_some_and(|cause| cause.meta.id == finding.meta.id);
    let cause = findings.iter().position(is_cause);
    if let Some(finding) = cause.and_then(|place| findings.get_mut(place)) {
        finding.summary = format!("{} {said}", finding.summary);
    }
    Added { row, findings, cause }
}

impl Added {
    fn report(&self) -> FlowReport<'_> {
        FlowReport {
            row: &self.row,
            findings: &self.findings,
            cause: self.cause.and_then(|place| self.findings.get(place)),
            kind: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::catalogue;
    use crate::report::sample;

    #[test]
    fn what_the_machine_knows_stands_in_the_row_and_in_the_finding_that_explains_it() {
        let row = sample::row(1);
        let other = catalogue()[0];
        let findings = [sample::finding(&row, &sample::SYN_SILENT), sample::finding(&row, other)];
        let report = FlowReport {
            row: &row,
            findings: &findings,
            cause: findings.first(),
            kind: None,
        };
        let added = added("On this machine: nobody listens.", &report);
        let report = added.report();
        let said = format!("{} On this machine: nobody listens.", row.summary);
        assert_eq!(report.row.summary, said);
        assert_eq!(report.cause.map(|cause| cause.summary.as_str()), Some(said.as_str()));
        assert_eq!(report.findings[1].summary, row.summary);
    }
}
