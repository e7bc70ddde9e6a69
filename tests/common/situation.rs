//! A situation told as a script, tracked and judged.

use whodropped::case::{Case, Context};
use whodropped::finding::{Finding, find_all};
use whodropped::flow::FlowFacts;
use whodropped::flow::table::Table;
use whodropped::script::{Event, Expectation, MARKS, Mark, Script, What};
use whodropped::verdict::{Verdict, judge};

/// One flow of a situation.
#[derive(Debug)]
pub struct Told {
    /// What it showed.
    pub facts: FlowFacts,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What is said of it.
    pub verdict: Verdict,
}

/// Tracks and judges what a capture with everything in `script` would show.
pub fn play(script: &Script) -> Vec<Told> {
    let (mut table, mut context) = (Table::default(), Context::default());
    for event in &script.events {
        context.end = context.end.max(event.stamp);
        match &event.what {
            What::Segment(segment) => {
                table.on_segment(segment, 0);
                if !event.payload.is_empty() {
                    table.on_payload(segment, &event.payload);
                }
            }
            What::Icmp(error) => {
                context.on_heard(error.from);
                table.on_icmp(error);
            }
            What::End => {}
            What::Other(ip) => context.on_heard(*ip),
            What::Loss => context.dropped += 1,
            What::Cut => context.cut = true,
        }
    }
    let mut flows = table.finish().flows().collect::<Vec<_>>();
    flows.sort_by_key(|facts| facts.first.number());
    for facts in &flows {
        context.on_flow(facts);
    }
    flows.into_iter().map(|facts| judged(facts, &context)).collect()
}

fn judged(facts: FlowFacts, context: &Context) -> Told {
    let case = Case::new(&facts, context);
    let findings = find_all(&case);
    let verdict = judge(&case, &findings);
    Told {
        facts,
        findings,
        verdict,
    }
}

impl Told {
    /// Ids of the findings, worst first.
    pub fn ids(&self) -> Vec<&'static str> {
        self.findings.iter().map(|finding| finding.meta.id).collect()
    }

    /// `handshake ending status`.
    pub fn words(&self) -> String {
        let verdict = &self.verdict;
        format!("{} {} {}", verdict.handshake, verdict.ending, verdict.status)
    }

    /// What stands in the column that an expectation calls `key`; lists as `;a;b;`.
    pub fn column(&self, key: &str) -> String {
        let verdict = &self.verdict;
        let optional = |word: Option<&'static str>| word.unwrap_or("-").to_string();
        match key {
            "handshake" => verdict.handshake.to_string(),
            "ending" => verdict.ending.to_string(),
            "status" => verdict.status.to_string(),
            "stage" => verdict.stage.to_string(),
            "culprit" => verdict.culprit.to_string(),
            "confidence" => verdict.confidence.to_string(),
            "cause" => optional(verdict.cause.map(|place| self.findings[place].meta.id)),
            "app_error" => optional(verdict.app_error.map(whodropped::verdict::words::AppError::word)),
            "doubt" => {
                let doubts: Vec<_> = verdict.doubts.iter().map(|doubt| doubt.word()).collect();
                format!(";{};", doubts.join(";"))
            }
            _ => panic!("`{key}` is no column"),
        }
    }

    /// What of `expected` does not hold, in words.
    pub fn failings(&self, expected: &Expectation) -> Vec<String> {
        let ids = self.ids();
        let has = |id: &String| ids.contains(&id.as_str());
        let mut failings = Vec::new();
        failings.extend(
            expected
                .present
                .iter()
                .filter(|id| !has(id))
                .map(|id| format!("no {id}")),
        );
        failings.extend(
            expected
                .absent
                .iter()
                .filter(|id| has(id))
                .map(|id| format!("unwanted {id}")),
        );
        for (key, word) in expected.words.iter().filter(|(key, _)| key != "flow") {
            let found = self.column(key);
            let holds = if key == "doubt" {
                found.contains(&format!(";{word};"))
            } else {
                found == *word
            };
            if !holds {
                failings.push(format!("{key}={found}, not {word}"));
            }
        }
        failings
    }
}

/// Which flow an expectation is about, from 0.
pub fn flow_of(expected: &Expectation) -> usize {
    let flow = expected.words.iter().find(|(key, _)| key == "flow");
    flow.map_or(0, |(_, number)| {
        number.parse::<usize>().expect("flow= takes a number from 1") - 1
    })
}

/// The events of a script that get other marks than it says, by line.
pub fn wrong_marks(script: &Script) -> Vec<(usize, String)> {
    let pairs = script.events.iter().zip(marks_of(script));
    let wrong = pairs.filter(|(event, found)| !agree(&event.marks, found));
    wrong
        .map(|(event, found)| (event.line, format!("marks {found:?}, not {:?}", event.marks)))
        .collect()
}

/// The marks that the tracker gives to each event of a script, in the order of the contract.
fn marks_of(script: &Script) -> Vec<Vec<Mark>> {
    let mut table = Table::default();
    table.want_marks(true);
    for event in &script.events {
        match &event.what {
            What::Segment(segment) => table.on_segment(segment, 0),
            What::Icmp(error) => table.on_icmp(error),
            _ => {}
        }
    }
    let marked = table.finish().marked;
    let of = |event: &Event| {
        let What::Segment(segment) = &event.what else {
            return Vec::new();
        };
        let marks = marked.iter().find(|marked| marked.packet == segment.packet);
        let marks = marks.map(|marked| marked.marks).unwrap_or_default();
        let number = |id: &str| (id == "duplicate-ack").then_some(marks.number);
        let named = MARKS.iter().filter(|id| marks.iter().any(|mark| mark.word() == **id));
        named.map(|id| Mark { id, number: number(id) }).collect()
    };
    script.events.iter().map(of).collect()
}

/// The same marks, whatever their order; a number counts where the page states it.
fn agree(expected: &[Mark], found: &[Mark]) -> bool {
    let is_in = |mark: &Mark| {
        found
            .iter()
            .any(|other| other.id == mark.id && (mark.number.is_none() || mark.number == other.number))
    };
    expected.len() == found.len() && expected.iter().all(is_in)
}
