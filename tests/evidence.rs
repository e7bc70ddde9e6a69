//! `--evidence`: the packets of failed connections, and the same verdicts when they are read alone.

use crate::common::command::{Folder, run, run_with};
use crate::common::fixture::{self, Fixture};
use crate::common::outcome;
use std::fs;
use whodropped::report::FlowRow;
use whodropped::verdict::words::Status;

/// Captures whose evidence, read alone, says something else. What other connections showed is not in it.
const DIFFERENT: &[(&str, &str)] = &[
    ("asymmetric-route@client", UNHEARD),
    ("asymmetric-route@router", UNHEARD),
    ("asymmetric-route@server", UNHEARD),
    ("happy-eyeballs@client", UNHEARD),
    ("happy-eyeballs@router", UNHEARD),
    (
        "router-reject-rst@client",
        "only other connections show the server's own TTL",
    ),
    (
        "router-reject-rst@router",
        "only other connections show the server's own TTL",
    ),
    (
        "server-input-drop@server",
        "only other connections show that the capture was taken at the server",
    ),
    ("single-syn@client", UNHEARD),
    ("single-syn@router", UNHEARD),
    ("spoofed-syn@client", UNHEARD),
    ("spoofed-syn@router", UNHEARD),
];
const UNHEARD: &str = "only other connections show that an answer would have been captured";

fn failed(bytes: &[u8]) -> Vec<FlowRow> {
    let rows = outcome::judged(bytes).into_iter().map(|judged| judged.row);
    rows.filter(|row| row.status == Status::Failed).collect()
}

fn verdict(row: &FlowRow) -> String {
    let cause = row.cause.unwrap_or("-");
    format!(
        "{} > {}: {} {} {cause} {}",
        row.client, row.server, row.handshake, row.ending, row.culprit
    )
}

#[test]
fn evidence_leads_to_the_same_verdicts() {
    let folder = Folder::new("evidence");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for capture in fixture::all() {
        let path = folder.at("evidence.pcapng");
        run(&[
            "analyze",
            "-q",
            &capture.path.display().to_string(),
            "--evidence",
            &path,
        ])
        .is_fine();
        let before: Vec<String> = failed(&capture.bytes()).iter().map(verdict).collect();
        let after: Vec<String> = failed(&fs::read(&path).expect("it was written"))
            .iter()
            .map(verdict)
            .collect();
        compared += before.len();
        let known = DIFFERENT.iter().find(|(name, _)| *name == capture.name());
        if let Some((name, why)) = known {
            assert_ne!(before, after, "{name} is the same by now ({why}): take it off the list");
        } else if before != after {
            wrong.push(format!(
                "{}:\n  {}\n  {}",
                capture.name(),
                before.join("\n  "),
                after.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 150, "{compared}");
}

#[test]
fn evidence_holds_the_failed_connections_and_nothing_else() {
    let folder = Folder::new("evidence-only");
    let path = folder.at("evidence.pcapng");
    let capture = Fixture::of("icmp-mid-stream", "client");
    run(&[
        "analyze",
        "-q",
        &capture.path.display().to_string(),
        "--evidence",
        &path,
    ])
    .is_fine();
    let bytes = fs::read(&path).expect("it was written");
    let rows: Vec<FlowRow> = outcome::judged(&bytes).into_iter().map(|judged| judged.row).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.status == Status::Failed));
    let said = b"whodropped, connection 2: ";
    assert!(
        bytes.windows(said.len()).any(|part| part == said),
        "its verdict is a packet comment"
    );
}

#[test]
fn evidence_of_a_pipe_is_refused_and_of_nothing_is_empty() {
    let folder = Folder::new("evidence-none");
    let path = folder.at("evidence.pcapng");
    let bytes = Fixture::of("outage", "client").bytes();
    run_with(&["analyze", "-", "--evidence", &path], &bytes).is_refused(&["--evidence", "twice", "standard input"]);
    assert!(fs::metadata(&path).is_err());
    let healthy = Fixture::of("healthy-mix", "client").path.display().to_string();
    run(&["analyze", "-q", &healthy, "--evidence", &path]).is_fine();
    assert!(outcome::judged(&fs::read(&path).expect("it was written")).is_empty());
}
