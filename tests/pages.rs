//! Every finding's page: its examples go through the tracker, and what they expect is what comes out.

use crate::common::situation::{flow_of, play};
use whodropped::finding::{Meta, catalogue};
use whodropped::flow::table::Table;
use whodropped::script::{Event, MARKS, Mark, Script, What, examples};

/// Examples whose expectations do not hold yet: page, number of the example on it, what fails, and why it may.
/// FIXME: the list only ever gets shorter; an entry that holds fails the test.
const KNOWN: &[(&str, usize, &str, &str)] = &[
    (
        "keep-alive-failure",
        3,
        "no reset-after-idle",
        "the RST answers a keep-alive, but `is_after_idle` asks who sent the last payload, not who broke the silence",
    ),
    (
        "syn-after-rst",
        1,
        "no syn-after-rst",
        "the repeated SYN is a flow of its own, so the page must say flow=2",
    ),
];

/// What fails in one example.
struct Failing {
    id: &'static str,
    number: usize,
    line: usize,
    what: String,
}

#[test]
fn every_example_raises_what_it_says_and_nothing_that_it_denies() {
    let failing: Vec<Failing> = catalogue().iter().flat_map(|meta| failing_of(meta)).collect();
    let known = |one: &&Failing| {
        KNOWN
            .iter()
            .any(|entry| (entry.0, entry.1, entry.2) == (one.id, one.number, &*one.what))
    };
    let new: Vec<String> = failing
        .iter()
        .filter(|one| !known(one))
        .map(|one| format!("{}.md:{} (example {}): {}", one.id, one.line, one.number, one.what))
        .collect();
    assert!(new.is_empty(), "{} examples fail:\n{}", new.len(), new.join("\n"));
    for (id, number, what, _) in KNOWN {
        let still = failing
            .iter()
            .any(|one| (one.id, one.number, &*one.what) == (id, *number, *what));
        assert!(
            still,
            "{id}, example {number}: `{what}` does not fail any more; take it off the list"
        );
    }
}

#[test]
fn every_page_has_an_example_that_raises_its_finding_and_a_near_miss_that_does_not() {
    for meta in catalogue() {
        let (mut raised, mut missed) = (0, 0);
        for (_, text) in examples(meta.page) {
            let script = Script::parse(&text).expect("the page can be read");
            let flows = play(&script);
            for expected in &script.expectations {
                let Some(flow) = flows.get(flow_of(expected)) else {
                    continue;
                };
                let is_there = flow.ids().contains(&meta.id);
                raised += usize::from(is_there && expected.present.iter().any(|id| id == meta.id));
                missed += usize::from(!is_there && expected.absent.iter().any(|id| id == meta.id));
            }
        }
        let known = KNOWN
            .iter()
            .any(|entry| entry.0 == meta.id && entry.2 == format!("no {}", meta.id));
        assert!(
            missed > 0 && (raised > 0 || known),
            "{}: {raised} raise it, {missed} just miss it",
            meta.id
        );
    }
}

fn failing_of(meta: &Meta) -> Vec<Failing> {
    let mut failing = Vec::new();
    for (place, (line, text)) in examples(meta.page).into_iter().enumerate() {
        let script = Script::parse(&text).unwrap_or_else(|error| panic!("{}.md:{line}: {error}", meta.id));
        for (line_of, what) in failings(&script) {
            failing.push(Failing {
                id: meta.id,
                number: place + 1,
                line: line + line_of - 1,
                what,
            });
        }
    }
    failing
}

/// What of a script's expectations does not hold, with its line in the script.
fn failings(script: &Script) -> Vec<(usize, String)> {
    let flows = play(script);
    let mut failings = Vec::new();
    for expected in &script.expectations {
        match flows.get(flow_of(expected)) {
            Some(flow) => failings.extend(flow.failings(expected).into_iter().map(|what| (expected.line, what))),
            None => failings.push((expected.line, format!("no flow {}", flow_of(expected) + 1))),
        }
    }
    for (event, found) in script.events.iter().zip(marks_of(script)) {
        if !agree(&event.marks, &found) {
            failings.push((event.line, format!("marks {found:?}, not {:?}", event.marks)));
        }
    }
    failings
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
