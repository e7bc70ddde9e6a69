//! An attempt of `live --probe`: what the application saw, next to what the wire showed of it.

use super::FlowRow;
use super::paint::Paint;
use super::text::{clean, count, wrap};
use crate::base::{Endpoint, Span, Stamp, words};
use crate::verdict::words::{AppError, Status};
use serde_json::{Value, json};

words! {
    /// What an application does, in this order.
    StepKind {
        LookUp "look-up" "It looks the name up.",
        Connect "connect" "It connects.",
        Greeting "greeting" "It waits a moment for what the server says by itself.",
        Tls "tls" "It begins a TLS handshake.",
        Http "http" "It asks for a page.",
    }
}

/// One thing that the application did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub kind: StepKind,
    /// It worked.
    pub worked: bool,
    /// How long it took.
    pub took: Span,
    /// What came of it, in words; possibly a stranger's.
    pub said: String,
    /// The error that an application gets.
    pub error: Option<AppError>,
}

/// One attempt, as the application saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1-based.
    pub number: u32,
    /// How many there will be.
    pub of: u32,
    /// What was asked for: host and port.
    pub target: String,
    /// Where it led, if the name was found.
    pub server: Option<Endpoint>,
    /// The port that it came from, if it got so far.
    pub client_port: Option<u16>,
    /// When it began, by the clock that stamps packets.
    pub began: Stamp,
    /// When it was over.
    pub ended: Stamp,
    /// What was done.
    pub steps: Vec<Step>,
}

/// What the wire showed of an attempt.
#[derive(Clone, Debug)]
pub enum Wire {
    /// Nobody watched it.
    Unwatched,
    /// No packet of it: what that means.
    Silent(String),
    /// Its connection, judged.
    Flow(Box<FlowRow>),
}

/// Both sides of one attempt.
#[derive(Clone, Debug)]
pub struct ProbeReport {
    /// What the application saw.
    pub attempt: Attempt,
    /// What the wire showed.
    pub wire: Wire,
    /// What the wire showed of the look-up, if there was one.
    pub names: Option<String>,
    /// What this machine knows besides.
    pub host: Option<String>,
    /// What neither side shows alone.
    pub together: Option<String>,
}

impl Attempt {
    /// Every step worked.
    #[must_use]
    pub fn worked(&self) -> bool {
        self.steps.iter().all(|step| step.worked)
    }

    /// The step that did not work.
    #[must_use]
    pub fn trouble(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.worked)
    }

    /// Where it led; where it was to lead, if that differs.
    #[must_use]
    pub fn place(&self) -> String {
        match self.server {
            Some(server) if server.to_string() == self.target => self.target.clone(),
            Some(server) => format!("{server} ({})", self.target),
            None => self.target.clone(),
        }
    }
}

/// Columns in front of what is said.
const INDENT: usize = 15;

impl ProbeReport {
    /// The wire or the application says that it failed.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.attempt.worked() || matches!(&self.wire, Wire::Flow(row) if row.status == Status::Failed)
    }

    /// It as lines of at most `width` columns, but for long words.
    #[must_use]
    pub fn lines(&self, paint: Paint, width: usize) -> Vec<String> {
        let attempt = &self.attempt;
        let from = attempt
            .client_port
            .map_or_else(String::new, |port| format!(", from port {port}"));
        let outcome = if attempt.worked() {
            paint.good("worked")
        } else {
            paint.bad("failed")
        };
        let place = clean(&attempt.place()).into_owned();
        let mut lines = vec![format!(
            "probe {} of {}  {place}{from}: {outcome}",
            attempt.number, attempt.of
        )];
        let mut label = "application";
        for step in &attempt.steps {
            let error = step.error.map_or_else(String::new, |error| format!(" ({error})"));
            let lead = format!("{:8}  {:>7}  ", step.kind, millis(step.took));
            hang(
                &mut lines,
                (label, &lead),
                paint,
                &format!("{}{error}", clean(&step.said)),
                width,
            );
            label = "";
        }
        label = "wire";
        for said in self.wire_says(paint) {
            hang(&mut lines, (label, ""), paint, &said, width);
            label = "";
        }
        for (label, said) in [("machine", &self.host), ("together", &self.together)] {
            if let Some(said) = said {
                hang(&mut lines, (label, ""), paint, &clean(said), width);
            }
        }
        lines
    }

    fn wire_says(&self, paint: Paint) -> Vec<String> {
        let mut said: Vec<String> = self.names.iter().map(|names| clean(names).into_owned()).collect();
        match &self.wire {
            Wire::Unwatched => said.push("was not watched".to_owned()),
            Wire::Silent(why) => said.push(clean(why).into_owned()),
            // The verdict would be that it is too early for one.
            Wire::Flow(row) if row.status == Status::Unknown && self.together.is_some() => said.push(format!(
                "no verdict yet: {} and {} so far",
                count(row.syns, "SYN"),
                count(row.syn_acks, "SYN-ACK")
            )),
            Wire::Flow(row) => {
                said.push(verdict(row, paint));
                said.push(clean(&row.summary).into_owned());
            }
        }
        said.retain(|line| !line.is_empty());
        said
    }

    /// It as an object of JSON Lines.
    #[must_use]
    pub fn object(&self, version: u8) -> Value {
        let attempt = &self.attempt;
        let steps: Vec<Value> = attempt.steps.iter().map(step_object).collect();
        let mut start = String::new();
        // Writing to a string cannot fail.
        let _ = attempt.began.write_rfc3339(&mut start, 6);
        let (wire, silence) = match &self.wire {
            Wire::Flow(row) => (wire_object(row), None),
            Wire::Silent(why) => (Value::Null, Some(why)),
            Wire::Unwatched => (Value::Null, None),
        };
        json!({
            "type": "probe",
            "v": version,
            "attempt": attempt.number,
            "attempts": attempt.of,
            "target": attempt.target,
            "server_ip": attempt.server.map(|server| server.ip),
            "server_port": attempt.server.map(|server| server.port),
            "client_port": attempt.client_port,
            "start": start,
            "duration_s": (attempt.ended - attempt.began).as_secs(),
            "worked": attempt.worked(),
            "app_error": attempt.trouble().and_then(|step| step.error),
            "steps": steps,
            "watched": !matches!(self.wire, Wire::Unwatched),
            "wire": wire,
            "no_packets": silence,
            "names": self.names,
            "host": self.host,
            "together": self.together,
        })
    }
}

fn step_object(step: &Step) -> Value {
    json!({
        "step": step.kind,
        "worked": step.worked,
        "ms": (step.took.as_millis() * 1000.0).round() / 1000.0,
        "said": step.said,
        "app_error": step.error,
    })
}

fn wire_object(row: &FlowRow) -> Value {
    json!({
        "flow": row.flow,
        "client_ip": row.client.ip,
        "client_port": row.client.port,
        "status": row.status,
        "handshake": row.handshake,
        "ending": row.ending,
        "stage": row.stage,
        "cause": row.cause,
        "culprit": row.culprit,
        "confidence": row.confidence,
        "doubts": row.doubts,
        "app_error": row.app_error,
        "summary": row.summary,
    })
}

/// Status, and its cause with culprit and confidence.
fn verdict(row: &FlowRow, paint: Paint) -> String {
    let status = match row.status {
        Status::Ok => paint.good("ok"),
        Status::Degraded => paint.doubtful("degraded"),
        Status::Failed => paint.bad("failed"),
        Status::Unknown => paint.faint("unknown"),
    };
    match row.cause {
        Some(cause) => format!("{status}: {cause} [{}, {} confidence]", row.culprit, row.confidence),
        None => format!("{status}: handshake {}, ending {}", row.handshake, row.ending),
    }
}

/// `label` and `lead`, and behind them what is said, its further lines as deep.
fn hang(lines: &mut Vec<String>, (label, lead): (&str, &str), paint: Paint, said: &str, width: usize) {
    let deep = INDENT + lead.chars().count();
    for (index, line) in wrap(said, width.saturating_sub(deep).max(30)).iter().enumerate() {
        if index == 0 {
            let label = paint.faint(&format!("  {label:11}  "));
            lines.push(format!("{label}{lead}{line}").trim_end().to_owned());
        } else {
            lines.push(format!("{:deep$}{line}", ""));
        }
    }
}

/// A short time with the precision that a person wants.
#[must_use]
pub fn millis(span: Span) -> String {
    let millis = span.as_millis();
    if millis < 1.0 {
        format!("{:.0} µs", millis * 1000.0)
    } else if millis < 10.0 {
        format!("{millis:.1} ms")
    } else if millis < 1000.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.1} s", span.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn step(kind: StepKind, millis: i64, said: &str, error: Option<AppError>) -> Step {
        Step {
            kind,
            worked: error.is_none(),
            took: Span::from_millis(millis),
            said: said.to_owned(),
            error,
        }
    }

    fn report(wire: Wire) -> ProbeReport {
        let row = sample::row(1);
        ProbeReport {
            attempt: Attempt {
                number: 1,
                of: 3,
                target: "db.example:8080".to_owned(),
                server: Some(row.server),
                client_port: Some(row.client.port),
                began: row.start,
                ended: row.start + Span::from_secs(6),
                steps: vec![
                    step(StepKind::LookUp, 2, "10.0.0.5", None),
                    step(StepKind::Connect, 6500, "timed out", Some(AppError::TimedOut)),
                ],
            },
            wire,
            names: Some("10.0.0.53 answered without error after 2.0 ms".to_owned()),
            host: None,
            together: None,
        }
    }

    #[test]
    fn both_sides_stand_below_each_other() {
        let report = report(Wire::Flow(Box::new(sample::row(1))));
        assert_eq!(
            report.lines(Paint::default(), 80),
            [
                "probe 1 of 3  10.0.0.5:8080 (db.example:8080), from port 40001: failed",
                "  application  look-up    2.0 ms  10.0.0.5",
                "               connect     6.5 s  timed out (ETIMEDOUT)",
                "  wire         10.0.0.53 answered without error after 2.0 ms",
                "               failed: syn-silent [path, medium confidence]",
                "               7 SYNs in 63 s and not one packet came back.",
            ]
        );
    }

    #[test]
    fn a_long_sentence_hangs_below_itself() {
        let mut report = report(Wire::Silent("no packet of it was seen on eth0".to_owned()));
        report.attempt.steps[1].said = "one two three four five six seven".to_owned();
        let lines = report.lines(Paint::default(), 64);
        let hung = " ".repeat(34) + "seven (ETIMEDOUT)";
        assert_eq!(
            lines[2],
            "               connect     6.5 s  one two three four five six"
        );
        assert_eq!(lines[3], hung);
    }

    #[test]
    fn what_a_stranger_says_moves_no_cursor() {
        let mut report = report(Wire::Unwatched);
        report.attempt.steps[0].said = "\u{1b}[2Jhello".to_owned();
        assert!(
            report
                .lines(Paint::default(), 80)
                .iter()
                .all(|line| !line.contains('\u{1b}'))
        );
    }

    #[test]
    fn an_object_says_as_much_as_the_lines() {
        let object = report(Wire::Flow(Box::new(sample::row(1)))).object(1);
        assert_eq!((&object["type"], &object["v"]), (&json!("probe"), &json!(1)));
        assert_eq!(object["steps"][1]["app_error"], "ETIMEDOUT");
        assert_eq!(
            (&object["worked"], &object["app_error"]),
            (&json!(false), &json!("ETIMEDOUT"))
        );
        assert_eq!(
            (&object["wire"]["flow"], &object["wire"]["cause"]),
            (&json!(1), &json!("syn-silent"))
        );
        let object = report(Wire::Unwatched).object(1);
        assert_eq!((&object["watched"], &object["wire"]), (&json!(false), &Value::Null));
    }

    #[test]
    fn an_attempt_is_bad_if_either_side_says_so() {
        let mut both = report(Wire::Unwatched);
        assert!(both.is_bad());
        both.attempt.steps.truncate(1);
        assert!(!both.is_bad());
        both.wire = Wire::Flow(Box::new(sample::row(1)));
        assert!(both.is_bad(), "{:?}", both.wire);
    }
}
