//! `--evidence`: the packets of failed connections, and the same verdicts when they are read alone.

use crate::common::capture::PACKS;
use crate::common::command::{Folder, run, run_with};
#[cfg(unix)]
use crate::common::command::{command, finish};
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
fn a_pipe_gives_the_evidence_that_a_file_gives() {
    let folder = Folder::new("evidence-pipe");
    let (one, other) = (folder.at("file.pcapng"), folder.at("pipe.pcapng"));
    let capture = Fixture::of("outage", "client");
    run(&["analyze", "-q", &capture.path.display().to_string(), "--evidence", &one]).is_fine();
    for bytes in [capture.bytes(), PACKS[0].1(&capture.bytes())] {
        run_with(&["analyze", "-q", "-", "--evidence", &other], &bytes).is_fine();
        assert_eq!(
            fs::read(&one).expect("it is there"),
            fs::read(&other).expect("it is there")
        );
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_cannot_be_kept_is_refused_before_it_is_read() {
    let folder = Folder::new("evidence-no-room");
    let path = folder.at("evidence.pcapng");
    let mut command = command(&["analyze", "-", "--evidence", &path]);
    command.env("TMPDIR", folder.at("missing"));
    finish(command).is_refused(&["temporary file", "missing", "set TMPDIR"]);
    assert!(folder.names().is_empty(), "nothing is left behind");
}

#[test]
fn evidence_of_nothing_is_empty() {
    let folder = Folder::new("evidence-none");
    let path = folder.at("evidence.pcapng");
    let healthy = Fixture::of("healthy-mix", "client").path.display().to_string();
    run(&["analyze", "-q", &healthy, "--evidence", &path]).is_fine();
    assert!(outcome::judged(&fs::read(&path).expect("it was written")).is_empty());
}
