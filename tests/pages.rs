//! Every finding's page: its examples go through the tracker, and what they expect is what comes out.

use crate::common::situation::{flow_of, play, wrong_marks};
use whodropped::finding::{Meta, catalogue};
use whodropped::script::{Script, examples};

/// Examples whose expectations do not hold yet: page, number of the example on it, what fails, and why it may.
/// The list only ever gets shorter; an entry that holds fails the test.
const KNOWN: &[(&str, usize, &str, &str)] = &[];

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
    failings.extend(wrong_marks(script));
    failings
}
