//! The files that grow while it happens: rows appear as connections end.

use super::args::Live as Args;
use crate::analyzer::Analyzer;
use crate::analyzer::watch::{Event, Watch};
use crate::capture::CaptureInfo;
use crate::cli::color;
use crate::cli::plan::check_outputs;
use crate::report::file::{Output, is_stdout};
use crate::report::probe::ProbeReport;
use crate::report::{FindingsCsv, FlowReport, FlowsCsv, Json, MarksCsv, Only, Reporter, Style, Tail, Terminal, Totals};
use anyhow::Result;
use std::io;
use std::path::Path;

/// All outputs of a live run but its lines.
pub(super) struct Outputs {
    files: Vec<Box<dyn Reporter>>,
    report: Option<Terminal<Output>>,
    totals: Totals,
}

/// Standard output carries one of the files, and nothing else.
pub(super) fn to_stdout(args: &Args) -> bool {
    named(args).iter().any(|(_, path)| is_stdout(path))
}

fn named(args: &Args) -> Vec<(&'static str, &Path)> {
    let recording = args.write.as_deref().map(|path| ("--write", path));
    args.rows.named().chain(recording).collect()
}

impl Outputs {
    pub(super) fn open(args: &Args) -> Result<Self> {
        check_outputs(&named(args), &[])?;
        let only: Only = args.rows.only.into();
        let mut files: Vec<Box<dyn Reporter>> = Vec::new();
        if let Some(path) = &args.rows.csv {
            files.push(Box::new(FlowsCsv::new(Output::growing(path)?, only)));
        }
        if let Some(path) = &args.rows.findings {
            files.push(Box::new(FindingsCsv::new(Output::growing(path)?, only)));
        }
        if let Some(path) = &args.rows.marks {
            files.push(Box::new(MarksCsv::new(Output::growing(path)?, only)));
        }
        if let Some(path) = &args.rows.json {
            files.push(Box::new(Json::new(Output::growing(path)?, only)));
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
            totals: Totals::default(),
        })
    }

    /// Headings, before the first row.
    pub(super) fn begin(&mut self, watch: &Watch, analyzer: &mut Analyzer, info: &CaptureInfo) -> io::Result<()> {
        let mut files: Vec<&mut dyn Reporter> = Vec::new();
        files.extend(self.files.iter_mut().map(|file| &mut **file as &mut dyn Reporter));
        watch.tell_head(analyzer, info, &mut files)
    }

    /// A row, if there is one; `said` is what this machine knows besides.
    pub(super) fn event(&mut self, event: &Event<'_>, said: Option<&str>) -> io::Result<()> {
        match event {
            Event::Ended(report) => {
                let Some(said) = said else { return self.row(report) };
                let mut row = report.row.clone();
                row.summary = format!("{} {said}", row.summary);
                self.row(&FlowReport { row: &row, ..**report })
            }
            Event::Mark(mark) => self.files.iter_mut().try_for_each(|file| file.mark(mark)),
            Event::Waiting(..) | Event::Verdict(..) | Event::Recovered(_) => Ok(()),
        }
    }

    fn row(&mut self, report: &FlowReport<'_>) -> io::Result<()> {
        self.totals.flow(report)?;
        self.files.iter_mut().try_for_each(|file| file.flow(report))?;
        self.report.iter_mut().try_for_each(|terminal| terminal.flow(report))
    }

    /// Both sides of an attempt of the probe.
    pub(super) fn probe(&mut self, report: &ProbeReport) -> io::Result<()> {
        self.files.iter_mut().try_for_each(|file| file.probe(report))
    }

    /// Where no connection was seen, a report has nothing to say that the probe has not said better.
    pub(super) fn leave_out_empty_report(&mut self) {
        self.report = self.report.take().filter(|_| self.totals.flows > 0);
    }

    /// What was told is there to be read.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.files.iter_mut().try_for_each(|file| file.flush())
    }

    /// Totals and the report. The capture objects come again, with what is known of them now.
    pub(super) fn end(
        mut self,
        watch: &Watch,
        analyzer: &mut Analyzer,
        info: &CaptureInfo,
        is_json: bool,
    ) -> io::Result<Totals> {
        let tail = Tail {
            flows: self.totals.flows,
            limits: Vec::new(),
            time: None,
        };
        let mut last: Vec<&mut dyn Reporter> = Vec::new();
        if is_json {
            last.extend(self.files.last_mut().map(|file| &mut **file as &mut dyn Reporter));
        }
        last.extend(self.report.as_mut().map(|terminal| terminal as &mut dyn Reporter));
        watch.tell_head(analyzer, info, &mut last)?;
        self.files.iter_mut().try_for_each(|file| file.end(&tail))?;
        self.report.iter_mut().try_for_each(|terminal| terminal.end(&tail))?;
        Ok(self.totals)
    }
}
