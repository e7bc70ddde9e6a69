//! Facts and findings to one verdict per flow: pure and total.

mod culprit;
mod doubt;
mod stage;

pub use crate::case::words;
pub use doubt::is_near_end;

use crate::base::digits::push_number;
use crate::case::Case;
use crate::finding::{Confidence, Finding, Severity};
use words::{AppError, Culprit, Doubt, Ending, Handshake, Stage, Status};

/// What is said of one flow.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How the handshake went.
    pub handshake: Handshake,
    /// How the flow ended.
    pub ending: Ending,
    /// Did it work?
    pub status: Status,
    /// How far it got.
    pub stage: Stage,
    /// Place in the findings of the one that explains the status.
    pub cause: Option<usize>,
    /// Who is at fault.
    pub culprit: Culprit,
    /// How sure all this is.
    pub confidence: Confidence,
    /// Why it is not surer.
    pub doubts: Vec<Doubt>,
    /// What the client's application saw.
    pub app_error: Option<AppError>,
    /// One plain sentence.
    pub summary: String,
    /// Packets that prove it.
    pub evidence: Vec<u64>,
}

/// What an earlier verdict needs no more, for the next one to use again.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// For the summary.
    pub summary: String,
    /// For the packets that prove it.
    pub evidence: Vec<u64>,
}

/// Judges one case. `findings` are its own, worst first.
#[must_use]
pub fn judge(case: &Case<'_>, findings: &[Finding]) -> Verdict {
    judge_in(Room::default(), case, findings)
}

/// [`judge`], in the room of an earlier verdict.
#[must_use]
pub fn judge_in(room: Room, case: &Case<'_>, findings: &[Finding]) -> Verdict {
    let Room { summary, mut evidence } = room;
    let status = status_of(case, findings);
    let cause = cause_of(status, findings);
    let found = cause.and_then(|place| findings.get(place));
    let doubts = doubt::doubts_of(case, status);
    evidence.clear();
    match found {
        Some(finding) => evidence.extend_from_slice(&finding.packets),
        None => evidence.push(case.facts.first.number()),
    }
    Verdict {
        handshake: case.handshake,
        ending: case.ending,
        status,
        stage: stage::stage_of(case),
        cause,
        culprit: culprit::culprit_of(case, status, found),
        confidence: doubt::confidence_of(status, found, &doubts),
        app_error: culprit::app_error_of(case, status, found.map(|finding| finding.meta.id)),
        summary: summary_of(case, found, summary),
        evidence,
        doubts,
    }
}

fn status_of(case: &Case<'_>, findings: &[Finding]) -> Status {
    let worst = findings.first().map_or(Severity::Note, |finding| finding.severity);
    let server_spoke = case.facts.server().bytes > 0;
    match (case.handshake, case.ending) {
        (
            Handshake::Rst
            | Handshake::IcmpRejected
            | Handshake::SilentlyDropped
            | Handshake::HalfOpen
            | Handshake::Aborted
            | Handshake::StalePeer,
            _,
        ) => Status::Failed,
        (Handshake::Undetermined, _) => Status::Unknown,
        _ if worst == Severity::Error => Status::Failed,
        (_, Ending::Undetermined) => Status::Unknown,
        _ if case.facts.sides.iter().all(|side| side.last.is_none()) => Status::Unknown,
        (_, Ending::HalfClosed | Ending::Superseded) if !server_spoke => Status::Unknown,
        _ if worst == Severity::Warn => Status::Degraded,
        _ => Status::Ok,
    }
}

/// The finding that explains the status: the worst, in the catalogue's order; for an unknown one, what the capture lacks.
fn cause_of(status: Status, findings: &[Finding]) -> Option<usize> {
    match status {
        Status::Ok => None,
        Status::Failed | Status::Degraded => findings.iter().position(|finding| finding.severity > Severity::Note),
        Status::Unknown => findings.iter().position(|finding| {
            matches!(
                finding.meta.id,
                "one-sided-capture"
                    | "capture-loss"
                    | "capture-cut"
                    | "mid-stream-start"
                    | "ports-reused"
                    | "half-closed"
            )
        }),
    }
}

fn summary_of(case: &Case<'_>, cause: Option<&Finding>, room: String) -> String {
    let mut line = room.into_bytes();
    line.clear();
    match cause {
        Some(finding) => line.extend_from_slice(finding.summary.as_bytes()),
        None => say_plainly(case, &mut line),
    }
    String::from_utf8(line).unwrap_or_default()
}

fn say_plainly(case: &Case<'_>, line: &mut Vec<u8>) {
    let facts = case.facts;
    let (sent, received) = (facts.client().bytes, facts.server().bytes);
    let close = match case.ending {
        Ending::Fin => "closed by FIN",
        Ending::RstClient | Ending::RstServer => "closed by RST after all was said",
        Ending::Open => "open at the end of the capture",
        Ending::HalfClosed => "closed by one side",
        Ending::Superseded => "its ports were taken by a new connection",
        _ => "its end is not in the capture",
    };
    let opened = match case.handshake {
        Handshake::Undetermined if facts.only_odd_flags => {
            return line.extend_from_slice(b"Only packets with flags that no TCP sends: a scan.");
        }
        Handshake::Undetermined => {
            return line.extend_from_slice(b"The capture does not show what became of this attempt.");
        }
        Handshake::NotCaptured => "Began before the capture; ",
        _ => "Opened, ",
    };
    // Every flow that worked is summed up so: by hand, this takes a tenth of what `format!` takes.
    line.extend_from_slice(opened.as_bytes());
    push_number(sent, line);
    line.extend_from_slice(b" bytes to the server and ");
    push_number(received, line);
    line.extend_from_slice(b" back; ");
    line.extend_from_slice(close.as_bytes());
    line.push(b'.');
}
