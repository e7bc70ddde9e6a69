//! Where the command writes, and when: standard output, files, devices, pipes.

use crate::cli::{bad, fixture};
use crate::common::command::{Folder, command, run, run_with};
use crate::common::fixture::Fixture;
use std::fs;
use std::io::Read;
#[cfg(unix)]
use std::process::Command;

#[test]
fn standard_output_carries_one_thing_alone() {
    run(&["analyze", "--csv", "-", "--json", "-", &bad()]).is_refused(&["--csv", "--json", "standard output"]);
    let ran = run(&["analyze", "--csv", "-", &bad()]);
    let lines: Vec<&str> = ran.is_fine().out.lines().collect();
    assert!(
        lines[0].starts_with("flow,capture,tcp_stream,") && lines.len() > 3,
        "{lines:?}"
    );
    let ran = run(&["analyze", "--json", "/dev/stdout", &bad()]);
    for line in ran.is_fine().out.lines() {
        let object: serde_json::Value = serde_json::from_str(line).expect("every line is an object");
        assert_eq!(object["v"], 1);
    }
    assert_eq!(run(&["analyze", "--quiet", &bad()]).is_fine().out, "");
}

#[test]
fn a_failed_run_leaves_no_file_behind() {
    let folder = Folder::new("failed");
    let text = folder.file("notes.txt", b"no capture at all, just words and words and words");
    let old = folder.file("old.csv", b"from yesterday");
    run(&["analyze", "--csv", &old, "--json", &folder.at("new.json"), &text]).is_refused(&["notes.txt"]);
    assert_eq!(folder.names(), ["notes.txt", "old.csv"]);
    assert_eq!(fs::read(&old).expect("it is still there"), b"from yesterday");
}

#[test]
fn files_appear_whole_beside_the_report() {
    let folder = Folder::new("files");
    let [csv, findings, json] = ["a.csv", "b.csv", "c.json"].map(|name| folder.at(name));
    let ran = run(&[
        "analyze",
        "--csv",
        &csv,
        "--findings",
        &findings,
        "--json",
        &json,
        &bad(),
    ]);
    assert!(
        ran.is_fine().out.contains("failed"),
        "the report is printed all the same"
    );
    assert_eq!(folder.names(), ["a.csv", "b.csv", "c.json"]);
    let read = |name: &String| fs::read_to_string(name).expect("it was written");
    assert!(read(&csv).starts_with("flow,capture,"));
    assert!(read(&findings).starts_with("flow,capture,time,id,severity,confidence,side,packets,summary"));
    assert!(
        read(&json)
            .lines()
            .last()
            .is_some_and(|line| line.contains("\"type\":\"summary\""))
    );
}

#[cfg(unix)]
#[test]
fn devices_and_pipes_are_written_and_never_replaced() {
    use std::os::unix::fs::FileTypeExt;
    run(&["analyze", "--csv", "/dev/null", "--json", "/dev/null", &bad()]).is_fine();
    let null = fs::metadata("/dev/null").expect("there is a /dev/null");
    assert!(null.file_type().is_char_device());
    let folder = Folder::new("fifo");
    let fifo = folder.at("pipe");
    let made = Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .expect("mkfifo is everywhere");
    assert!(made.success());
    let reader = {
        let fifo = fifo.clone();
        std::thread::spawn(move || fs::read_to_string(fifo).expect("the pipe can be read"))
    };
    run(&["analyze", "--quiet", "--csv", &fifo, &bad()]).is_fine();
    assert!(reader.join().expect("the reader ends").starts_with("flow,capture,"));
    assert!(fs::metadata(&fifo).expect("it is still there").file_type().is_fifo());
    assert_eq!(folder.names(), ["pipe"]);
}

#[cfg(unix)]
#[test]
fn a_capture_may_come_through_a_pipe_with_a_name() {
    let folder = Folder::new("fifo-in");
    let fifo = folder.at("capture");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo is everywhere")
            .success()
    );
    let writer = {
        let (fifo, bytes) = (fifo.clone(), Fixture::of("closed-port", "client").bytes());
        std::thread::spawn(move || fs::write(fifo, bytes).expect("the pipe is read"))
    };
    let ran = run(&["analyze", "--csv", "-", &fifo]);
    writer.join().expect("the writer ends");
    assert_eq!(
        ran.is_fine().out.lines().count(),
        run(&["analyze", "--csv", "-", &bad()]).out.lines().count()
    );
}

#[test]
fn standard_input_is_a_capture_with_and_without_a_dash() {
    let bytes = Fixture::of("closed-port", "client").bytes();
    let dash = run_with(&["analyze", "-"], &bytes);
    let bare = run_with(&["analyze"], &bytes);
    assert_eq!(dash.is_fine().out, bare.is_fine().out);
    let folder = Folder::new("stdin");
    run_with(&["analyze", "--quiet", "--csv", &folder.at("a.csv"), "-"], &bytes).is_fine();
    let rows = fs::read_to_string(folder.at("a.csv")).expect("it was written");
    assert!(rows.lines().nth(1).is_some_and(|row| row.starts_with("1,-,")), "{rows}");
    let piped = run_with(&["analyze", "--csv", "-", "-"], &bytes);
    assert_eq!(piped.is_fine().out, rows, "a filter in a pipe");
    run_with(&["analyze", "-"], b"").is_refused(&["standard input", "empty"]);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let folder = Folder::new("head");
    // Enough rows that the pipe is full when its reader leaves.
    let captures: Vec<String> = (0..40).map(|_| fixture("healthy-mix")).collect();
    let mut arguments = vec!["analyze".to_string(), "--csv".to_string(), "-".to_string()];
    arguments.extend(captures.iter().enumerate().map(|(at, path)| {
        fs::copy(path, folder.path().join(format!("{at}.pcap"))).expect("it can be copied");
        folder.at(&format!("{at}.pcap"))
    }));
    let mut child = command(&arguments).spawn().expect("it can be started");
    let mut out = child.stdout.take().expect("it has an output");
    let mut some = [0; 64];
    out.read_exact(&mut some).expect("it says something");
    drop(out);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}
