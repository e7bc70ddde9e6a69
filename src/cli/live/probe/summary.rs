//! What came of all attempts, a line for each place.

use super::Probe;
use crate::base::Span;
use crate::report::FlowRow;
use crate::report::probe::{ProbeReport, StepKind, Wire, millis};
use crate::report::text::clean;
use crate::verdict::words::Status;

/// Different troubles told of one place.
const MOST_TROUBLES: usize = 20;

/// All attempts, in the order in which they were told.
#[derive(Debug, Default)]
pub(super) struct Summary {
    attempts: Vec<Brief>,
}

/// What is kept of an attempt.
#[derive(Debug)]
struct Brief {
    place: String,
    worked: bool,
    /// Time to connect.
    connect: Option<Span>,
    /// The step that did not work, and what it said.
    trouble: Option<String>,
    /// Its connection, and what the wire says is wrong with it.
    flow: Option<u64>,
    cause: Option<&'static str>,
    /// Said of both sides together: the wire alone has no verdict.
    is_together: bool,
    is_bad: bool,
}

impl Summary {
    pub(super) fn add(&mut self, report: &ProbeReport) {
        let attempt = &report.attempt;
        let row = match &report.wire {
            Wire::Flow(row) => Some(row),
            Wire::Silent(_) | Wire::Unwatched => None,
        };
        let connected = attempt
            .steps
            .iter()
            .find(|step| step.kind == StepKind::Connect && step.worked);
        self.attempts.push(Brief {
            place: attempt.place(),
            worked: attempt.worked(),
            connect: connected.map(|step| step.took),
            trouble: attempt.trouble().map(|step| format!("{}: {}", step.kind, step.said)),
            flow: row.map(|row| row.flow),
            cause: row.and_then(|row| cause_of(row)),
            is_together: report.together.is_some(),
            is_bad: report.is_bad(),
        });
    }

    /// What is told of a flow once more; `None` if its attempt was not told yet, otherwise whether the cause is another one.
    pub(super) fn update(&mut self, row: &FlowRow) -> Option<bool> {
        let told = self
            .attempts
            .iter_mut()
            .rev()
            .find(|each| each.flow == Some(row.flow))?;
        let cause = cause_of(row);
        let is_new = told.cause != cause;
        told.cause = cause;
        told.is_bad = !told.worked || row.status == Status::Failed;
        Some(is_new)
    }

    /// Attempts that failed, by the application or by the wire.
    pub(super) fn failed(&self) -> u64 {
        self.attempts.iter().filter(|each| each.is_bad).count() as u64
    }

    /// A line for each place, in the order in which they came.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut places: Vec<&str> = Vec::new();
        for each in &self.attempts {
            if !places.contains(&&*each.place) {
                places.push(&each.place);
            }
        }
        places.iter().map(|place| self.line(place)).collect()
    }

    fn line(&self, place: &str) -> String {
        let here = || self.attempts.iter().filter(|each| each.place == place);
        let times = here().filter_map(|each| each.connect);
        let range = times.clone().min().zip(times.max());
        let connect = range.map_or_else(String::new, |(least, most)| {
            let (least, most) = (millis(least), millis(most));
            if least == most {
                format!(", connected in {least}")
            } else {
                format!(", connected in {least} to {most}")
            }
        });
        let mut troubles: Vec<(String, u64)> = Vec::new();
        for trouble in here().filter_map(Brief::trouble) {
            match troubles.iter().position(|(known, _)| *known == trouble) {
                Some(place) => troubles[place].1 += 1,
                // What a server says may differ each time.
                None if troubles.len() < MOST_TROUBLES => troubles.push((trouble, 1)),
                None => {}
            }
        }
        let worked = here().filter(|each| each.worked).count();
        let mut line = format!("{place}: {worked} of {} worked{connect}", here().count());
        for (trouble, times) in &troubles {
            line = format!("{line}; {times} × {trouble}");
        }
        clean(&line).into_owned()
    }
}

/// What is wrong with a connection, as far as is known.
fn cause_of(row: &FlowRow) -> Option<&'static str> {
    row.cause
        .filter(|_| matches!(row.status, Status::Failed | Status::Degraded))
}

impl Brief {
    fn trouble(&self) -> Option<String> {
        match (&self.trouble, self.cause) {
            (Some(step), _) if self.is_together => Some(format!("{step} (on this machine itself)")),
            (Some(step), Some(cause)) => Some(format!("{step} (on the wire: {cause})")),
            (Some(step), None) => Some(step.clone()),
            (None, Some(cause)) => Some(format!("worked (on the wire: {cause})")),
            (None, None) => None,
        }
    }
}

impl Probe {
    /// What came of it, a line for each place.
    pub(in crate::cli::live) fn summary(&self) -> Vec<String> {
        let mut lines = self.summary.lines();
        if self.is_cut() {
            lines.push("Stopped before all attempts were made.".to_owned());
        }
        lines
    }

    /// Attempts that failed.
    pub(in crate::cli::live) fn failed(&self) -> u64 {
        self.summary.failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stamp;
    use crate::report::probe::{Attempt, Step};
    use crate::report::sample;
    use crate::verdict::words::AppError;

    fn report(number: u32, trouble: Option<AppError>) -> ProbeReport {
        let step = Step {
            kind: StepKind::Connect,
            worked: trouble.is_none(),
            took: Span::from_millis(i64::from(number)),
            said: if trouble.is_none() { "connected" } else { "timed out" }.to_owned(),
            error: trouble,
        };
        ProbeReport {
            attempt: Attempt {
                number,
                of: 3,
                target: "db.example:5432".to_owned(),
                server: None,
                client_port: Some(40_000),
                began: Stamp(0),
                ended: Stamp(0),
                steps: vec![step],
            },
            wire: Wire::Unwatched,
            names: None,
            host: None,
            together: None,
        }
    }

    #[test]
    fn attempts_are_counted_and_troubles_named_once() {
        let mut summary = Summary::default();
        for (number, trouble) in [
            (1, None),
            (2, Some(AppError::TimedOut)),
            (3, Some(AppError::TimedOut)),
            (4, None),
        ] {
            summary.add(&report(number, trouble));
        }
        assert_eq!(summary.failed(), 2);
        let line = "db.example:5432: 2 of 4 worked, connected in 1.0 ms to 4.0 ms; 2 × connect: timed out";
        assert_eq!(summary.lines(), [line]);
    }

    #[test]
    fn what_the_wire_says_later_counts() {
        let mut summary = Summary::default();
        let mut row = sample::row(1);
        assert_eq!(summary.update(&row), None, "not told yet");
        let mut told = report(1, None);
        told.wire = Wire::Flow(Box::new(row.clone()));
        summary.add(&told);
        assert_eq!((summary.update(&row), summary.failed()), (Some(false), 1));
        (row.cause, row.status) = (None, Status::Ok);
        assert_eq!((summary.update(&row), summary.failed()), (Some(true), 0));
    }
}
