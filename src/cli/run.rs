//! `analyze`: opens the outputs, reads, reports.

use super::args::FailOn;
use super::evidence::Failed;
use super::html;
use super::ladder::Asked;
use super::plan::Plan;
use super::progress::Progress;
use super::read::analyse;
use super::{color, stop};
use crate::analyzer::Analysis;
use crate::report::file::Output;
use crate::report::{FindingsCsv, FlowsCsv, Html, Json, MarksCsv, Reporter, Style, Terminal, Totals};
use crate::verdict::words::Status;
use anyhow::Result;
use std::io;
use std::mem::ManuallyDrop;
use std::path::PathBuf;

/// Does what `plan` says. Returns whether `--fail-on` found what it asks for.
///
/// # Errors
/// One sentence with what cannot be done.
pub fn run(plan: &Plan) -> Result<bool> {
    // First, so that Ctrl-C never leaves an unfinished file behind.
    let stop = stop::on_signal();
    let outputs = Outputs::open(plan)?;
    let mut progress = Progress::new(plan.progress, total_bytes(&plan.captures));
    let (analysis, pieces) = analyse(plan, &mut progress, &stop)?;
    // The program ends with it: the system takes memory and temporary files back faster than we could, flow by flow.
    let analysis = ManuallyDrop::new(analysis);
    progress.finish();
    let mut asked = Asked::new(&plan.flows);
    let Told { totals, failed, html } = outputs.write(&analysis, plan, &mut asked)?;
    failed.write(&pieces, plan.filter.as_deref(), &stop)?;
    if let Some(html) = html {
        html::write(html, analysis.packets(), &pieces, plan, &stop)?;
    }
    asked.show(&pieces, plan, &stop)?;
    Ok(is_bad(&totals, plan.fail_on))
}

pub(super) fn is_bad(totals: &Totals, fail_on: FailOn) -> bool {
    let (failed, degraded) = (totals.status(Status::Failed), totals.status(Status::Degraded));
    match fail_on {
        FailOn::Never => false,
        FailOn::Failed => failed > 0,
        FailOn::Degraded => failed + degraded > 0,
    }
}

/// Bytes of all captures, where all are files.
fn total_bytes(captures: &[PathBuf]) -> Option<u64> {
    captures.iter().try_fold(0, |sum, path| {
        let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        Some(sum + meta.len())
    })
}

/// The outputs, opened before the first packet is read: what cannot be written is said at once.
struct Outputs {
    csv: Option<Output>,
    findings: Option<Output>,
    marks: Option<Output>,
    json: Option<Output>,
    html: Option<Output>,
    evidence: Option<Output>,
}

/// What the pass over the flows leaves for later.
struct Told {
    totals: Totals,
    failed: Failed,
    html: Option<Html<Output>>,
}

impl Outputs {
    fn open(plan: &Plan) -> Result<Self> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(Output::create).transpose();
        Ok(Self {
            csv: open(&plan.csv)?,
            findings: open(&plan.findings)?,
            marks: open(&plan.marks)?,
            json: open(&plan.json)?,
            html: open(&plan.html)?,
            evidence: open(&plan.evidence)?,
        })
    }

    /// Writes everything in one pass over the flows; the files take their names only when all went well.
    fn write(mut self, analysis: &Analysis, plan: &Plan, asked: &mut Asked) -> Result<Told> {
        let mut totals = Totals::default();
        let mut failed = Failed::new(self.evidence.take());
        let mut html = self.html.take().map(|out| Html::new(out, html::look(plan)));
        // Ladders take the report's place.
        let mut screen = (plan.report && plan.flows.is_empty()).then(Output::stdout);
        {
            let mut csv = self.csv.as_mut().map(|out| FlowsCsv::new(out, plan.only));
            let mut findings = self.findings.as_mut().map(|out| FindingsCsv::new(out, plan.only));
            let mut marks = self.marks.as_mut().map(|out| MarksCsv::new(out, plan.only));
            let mut json = self.json.as_mut().map(|out| Json::new(out, plan.only));
            let mut terminal = screen.as_mut().map(|out| Terminal::new(out, style(plan)));
            let mut reporters: Vec<&mut dyn Reporter> = vec![&mut totals, asked, &mut failed];
            push(&mut reporters, &mut csv);
            push(&mut reporters, &mut findings);
            push(&mut reporters, &mut marks);
            push(&mut reporters, &mut json);
            push(&mut reporters, &mut html);
            push(&mut reporters, &mut terminal);
            analysis.report(&|a, b| plan.selection.matches(a, b), &mut reporters)?;
        }
        for output in [self.csv, self.findings, self.marks, self.json, screen]
            .into_iter()
            .flatten()
        {
            output.commit()?;
        }
        Ok(Told { totals, failed, html })
    }
}

pub(super) fn push<'a, R: Reporter>(reporters: &mut Vec<&'a mut dyn Reporter>, reporter: &'a mut Option<R>) {
    if let Some(reporter) = reporter {
        reporters.push(reporter);
    }
}

fn style(plan: &Plan) -> Style {
    Style {
        width: terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into()),
        color: color::wanted(plan.color),
        only: plan.only,
        selected: !plan.selection.is_everything(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn fail_on_asks_for_at_least_so_bad() {
        let mut degraded = sample::row(1);
        degraded.status = Status::Degraded;
        let mut totals = Totals::default();
        sample::play(&mut totals, &[degraded]);
        assert!(!is_bad(&totals, FailOn::Never) && !is_bad(&totals, FailOn::Failed));
        assert!(is_bad(&totals, FailOn::Degraded));
        sample::play(&mut totals, &[sample::row(2)]);
        assert!(is_bad(&totals, FailOn::Failed));
    }

    #[test]
    fn a_pipe_has_no_known_length() {
        let file = PathBuf::from("Cargo.toml");
        assert!(total_bytes(std::slice::from_ref(&file)).unwrap() > 100);
        assert_eq!(total_bytes(&[file, "-".into()]), None);
    }
}
