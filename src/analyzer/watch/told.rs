//! What is told of one flow: its verdict when it is news, a note before, a row at its end.

use super::ended::Ended;
use super::{Event, Tell, Watched, due};
use crate::analyzer::rows::{self, Named, Wants};
use crate::capture::CaptureInfo;
use crate::case::Case;
use crate::finding::{Finding, find_all};
use crate::flow::FlowFacts;
use crate::report::{FlowReport, FlowRow};
use crate::verdict::judge;
use crate::verdict::words::Status;
use std::io;

/// So often one flow's verdict is told, whatever becomes of it.
const MOST_TOLD: u8 = 4;

/// What is counted for the status line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections seen.
    pub flows: u64,
    /// Connections that failed, as far as is known by now.
    pub failed: u64,
    /// Connections that are degraded, as far as is known by now.
    pub degraded: u64,
}

/// What was told last of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    status: Status,
    cause: Option<&'static str>,
}

/// The verdict as it is now: told if it is news, and as the flow's row if the flow is over.
pub(super) fn judge_and_tell(
    case: &Case<'_>,
    info: &CaptureInfo,
    watched: &mut Watched,
    (counts, ended): (&mut Counts, &mut Ended),
    is_over: bool,
    tell: Tell<'_>,
) -> io::Result<()> {
    let Judged { row, findings, cause } = judged(case, info, watched);
    let cause = cause.and_then(|place| findings.get(place));
    let now = Told {
        status: row.status,
        cause: row.cause,
    };
    let report = FlowReport {
        row: &row,
        findings: &findings,
        cause,
        kind: None,
    };
    let note = due::note(case, now.status, is_over);
    let is_provisional = note.as_ref().is_some_and(|note| note.instead);
    if !is_provisional && is_news(watched, now) {
        let before = watched.told.replace(now);
        watched.times += 1;
        counts.change(before, Some(now));
        if matches!(now.status, Status::Failed | Status::Degraded) {
            tell(Event::Verdict(&report, before.is_some()))?;
        } else {
            tell(Event::Recovered(&report))?;
        }
    } else if let Some(note) = note.filter(|_| !watched.noted && watched.told.is_none()) {
        watched.noted = true;
        tell(Event::Waiting(&report, note.text))?;
    }
    if is_over {
        ended.on(case, &row, cause);
        counts.change(watched.told, Some(now));
        watched.told = Some(now);
        tell(Event::Ended(&report))?;
    }
    Ok(())
}

/// A flow's row, its findings, and the place of the one that explains its status.
pub(super) struct Judged {
    pub(super) row: FlowRow,
    findings: Vec<Finding>,
    cause: Option<usize>,
}

/// The verdict as it is now.
pub(super) fn judged(case: &Case<'_>, info: &CaptureInfo, watched: &Watched) -> Judged {
    let findings = find_all(case);
    let verdict = judge(case, &findings);
    let named = Named {
        flow: watched.flow,
        capture: info.name.as_str().into(),
        stamp_digits: digits(info, case.facts),
        tcp_stream: None,
        interface: info
            .interfaces
            .get(usize::from(case.facts.interface))
            .and_then(|interface| interface.name.clone()),
        wants: Wants {
            details: true,
            incidents: true,
        },
    };
    Judged {
        cause: verdict.cause,
        row: rows::row(named, case, &findings, verdict),
        findings,
    }
}

/// The verdict of the moment would be too hasty.
pub(super) fn is_hasty(case: &Case<'_>, status: Status) -> bool {
    due::note(case, status, false).is_some_and(|note| note.instead)
}

fn is_news(watched: &Watched, now: Told) -> bool {
    let is_trouble = |status| matches!(status, Status::Failed | Status::Degraded);
    if watched.times >= MOST_TOLD {
        return false;
    }
    match watched.told {
        None => is_trouble(now.status),
        Some(told) => {
            told.status != now.status && (is_trouble(now.status) || is_trouble(told.status))
                || told.cause != now.cause && now.status == Status::Failed
        }
    }
}

fn digits(info: &CaptureInfo, facts: &FlowFacts) -> u8 {
    let interface = info.interfaces.get(usize::from(facts.interface));
    interface.map_or(9, |interface| interface.stamp_digits)
}

impl Counts {
    fn change(&mut self, before: Option<Told>, after: Option<Told>) {
        let is = |told: Option<Told>, status| u64::from(told.is_some_and(|told| told.status == status));
        self.failed = self.failed + is(after, Status::Failed) - is(before, Status::Failed);
        self.degraded = self.degraded + is(after, Status::Degraded) - is(before, Status::Degraded);
    }
}
