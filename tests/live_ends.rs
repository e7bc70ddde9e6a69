//! Live capture that goes on for long or ends badly: full disks, signals, interfaces that vanish, files in turn, terminals.

use crate::common::command::{Folder, Ran, kill, run};
use crate::common::lab::{Lab, finish, ip, wait_for};
use crate::live::verdicts;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Some 500 kB in 400 connections that work.
const MANY: &str = "
import socket
for n in range(400):
    s = socket.create_connection(('10.7.2.2', 8080)); s.sendall(b'x' * 300); s.recv(100); s.close()
";

const ONE: &str = "
import socket
s = socket.create_connection(('10.7.2.2', 8080)); s.sendall(b'x'); s.recv(100); s.close()
";

/// A file system of its own, soon full; taken away at the end.
struct Disk(String);

impl Disk {
    fn new(place: String, size: &str) -> Self {
        fs::create_dir_all(&place).expect("the folder is writable");
        let options = format!("size={size}");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none", &place])
            .status();
        assert!(done.expect("mount starts").success());
        Self(place)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}

#[test]
fn on_a_full_disk_each_file_is_given_up_with_a_sentence_and_the_rest_goes_on() {
    let folder = Folder::new("live-full");
    let Some(lab) = Lab::new() else { return };
    let lab = lab.with_rules_and_server(&folder);
    let disk = Disk::new(folder.at("small"), "48k");
    let on_disk = |name: &str| format!("{}/{name}", disk.0);
    let (csv, pcapng, json, out) = (
        on_disk("rows.csv"),
        on_disk("x.pcapng"),
        folder.at("all.json"),
        folder.at("out"),
    );
    let child = lab.live(
        "c",
        &["-i", "eth0", "--csv", &csv, "--write", &pcapng, "--json", &json],
        &out,
    );
    lab.does("c", &["python3", "-c", MANY]);
    // The last connection has its row where there is room.
    wait_for(&json, "\"flow\":400,");
    kill(&["TERM"], &child);
    let ran = finish(child, &out);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    for file in [&csv, &pcapng] {
        let sentence =
            format!("whodropped: cannot write {file}: No space left on device; the capture goes on without it");
        assert_eq!(ran.err.matches(&sentence).count(), 1, "{}", ran.err);
    }
    assert_eq!(ran.err.lines().count(), 3, "and that it was told to stop: {}", ran.err);
    assert!(ran.out.contains("400 TCP connections"), "{}", ran.out);
    let last = fs::read_to_string(&json).expect("it is there");
    assert!(
        last.lines()
            .last()
            .is_some_and(|line| line.contains("\"type\":\"summary\""))
    );
    // What was written is whole.
    let mut rows = csv::Reader::from_path(&csv).expect("it is there");
    let rows: Result<Vec<_>, _> = rows.records().collect();
    assert!(rows.expect("as long as their heading").len() < 400);
    assert!(fs::read_to_string(&csv).expect("rows").ends_with('\n'));
    let read = run(&["analyze", &pcapng]);
    assert!(!read.is_fine().out.contains("middle of a packet"), "{}", read.out);
}

#[test]
fn the_evidence_is_the_packets_of_what_failed() {
    let folder = Folder::new("live-evidence");
    let Some(lab) = Lab::new() else { return };
    let lab = lab.with_rules_and_server(&folder);
    let (all, some, out) = (folder.at("all.pcapng"), folder.at("some.pcapng"), folder.at("out"));
    // The same without a recording.
    let (alone, page, quiet) = (folder.at("alone.pcapng"), folder.at("page.html"), folder.at("quiet"));
    let unrecorded = lab.live(
        "c",
        &[
            "-i",
            "eth0",
            "--evidence",
            &alone,
            "--html",
            &page,
            "--until-failures",
            "1",
        ],
        &quiet,
    );
    let child = lab.live(
        "c",
        &[
            "-i",
            "eth0",
            "--write",
            &all,
            "--evidence",
            &some,
            "--until-failures",
            "1",
        ],
        &out,
    );
    lab.does("c", &["python3", "-c", ONE]);
    lab.does(
        "c",
        &[
            "python3",
            "-c",
            "import socket; socket.socket().connect_ex(('10.7.2.2', 8089))",
        ],
    );
    assert_eq!(finish(child, &out).status, Some(0));
    let read = |file: &str| {
        let read = run(&["analyze", file, "--csv", "-"]);
        verdicts(&read.is_fine().out)
    };
    assert_eq!(
        read(&all),
        ["8080 ok completed fin ", "8089 failed rst none refused-by-rst"]
    );
    assert_eq!(read(&some), ["8089 failed rst none refused-by-rst"]);
    assert_eq!(finish(unrecorded, &quiet).status, Some(0));
    assert_eq!(read(&alone), read(&some));
    let page = fs::read_to_string(&page).expect("a page");
    assert!(
        page.contains("cause-refused-by-rst") && page.contains("--&gt; S "),
        "{page}"
    );
}

#[test]
fn the_first_signal_ends_it_with_a_report_and_the_second_at_once() {
    let folder = Folder::new("live-signals");
    let Some(lab) = Lab::new() else { return };
    let (one, two) = (folder.at("one"), folder.at("two"));
    let asked = lab.live("c", &["-i", "eth0"], &one);
    kill(&["TERM"], &asked);
    let ran = finish(asked, &one);
    assert!(ran.status == Some(0) && ran.out.contains("live, Ethernet"), "{ran:?}");
    assert!(ran.err.contains("stopping") && ran.err.lines().count() == 1, "{ran:?}");
    let hurried = lab.live("c", &["-i", "eth0"], &two);
    kill(&["INT", "TERM"], &hurried);
    let ran = finish(hurried, &two);
    assert!(matches!(ran.status, Some(130 | 143)), "{ran:?}");
    assert!(!ran.out.contains("live, Ethernet"), "{ran:?}");
}

#[test]
fn of_several_interfaces_one_may_vanish_and_the_others_go_on() {
    let folder = Folder::new("live-several");
    let Some(lab) = Lab::new() else { return };
    let lab = lab.with_rules_and_server(&folder);
    let (json, out) = (folder.at("all.json"), folder.at("out"));
    let child = lab.live("r", &["-i", "eth1", "-i", "eth2", "--json", &json], &out);
    lab.does("c", &["python3", "-c", ONE]);
    wait_for(&json, "\"type\":\"flow\"");
    ip(&format!("-n {} link del eth2", lab.ns("r")));
    wait_for(&out, "gone       eth2 cannot be captured on any longer");
    // No answer comes from behind it any more, and that is seen.
    lab.does(
        "c",
        &[
            "python3",
            "-c",
            "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('10.7.1.1', 9)); s.close()",
        ],
    );
    wait_for(&out, "refused-by-rst");
    kill(&["INT"], &child);
    let ran = finish(child, &out);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(
        ran.err.contains("eth2 cannot be captured on any longer") && ran.err.contains("the others go on"),
        "{ran:?}"
    );
    let report = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("what came later is not known"), "{report}");
    let text = fs::read_to_string(&json).expect("rows");
    let objects: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |kind: &str| objects.iter().filter(|each| each["type"] == kind).collect::<Vec<_>>();
    let (first, last) = (of("capture"), of("capture-end"));
    assert_eq!((first.len(), last.len(), of("summary").len()), (1, 1, 1));
    assert_eq!(
        (&objects[0]["type"], &first[0]["interfaces"][1]["name"]),
        (&"capture".into(), &"eth2".into())
    );
    assert!(last[0]["packets"].as_u64() > Some(10) && last[0]["interfaces"][0]["ended_early"].is_null());
    assert!(
        last[0]["interfaces"][1]["ended_early"]
            .as_str()
            .is_some_and(|why| why.starts_with("eth2"))
    );
    // Seen on both interfaces, it is one connection all the same, with every packet twice.
    let flow = of("flow")[0];
    assert_eq!(
        (&flow["status"], &flow["server_port"]),
        (&"ok".into(), &8080.into()),
        "{flow}"
    );
}

#[test]
fn a_ring_keeps_the_last_files_and_each_can_be_read() {
    let folder = Folder::new("live-ring");
    let Some(lab) = Lab::new() else { return };
    let lab = lab.with_rules_and_server(&folder);
    let (ring, json, out) = (folder.at("ring.pcapng"), folder.at("all.json"), folder.at("out"));
    let child = lab.live(
        "c",
        &["-i", "eth0", "--write", &ring, "--ring", "3x64k", "--json", &json],
        &out,
    );
    lab.does("c", &["python3", "-c", MANY]);
    wait_for(&json, "\"flow\":400,");
    kill(&["INT"], &child);
    assert_eq!(finish(child, &out).status, Some(0));
    let names: Vec<_> = folder
        .names()
        .into_iter()
        .filter(|name| name.starts_with("ring"))
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let number = |name: &String| name[5..10].parse::<u32>().expect("a number");
    assert!(
        number(&names[0]) > 1 && number(&names[2]) == number(&names[0]) + 2,
        "{names:?}"
    );
    let paths: Vec<_> = names.iter().map(|name| folder.at(name)).collect();
    let sizes: Vec<_> = paths
        .iter()
        .map(|path| fs::metadata(path).expect("it is there").len())
        .collect();
    assert!(
        sizes[..2].iter().all(|size| (65_536..67_000).contains(size)),
        "{sizes:?}"
    );
    for path in &paths {
        let read = run(&["analyze", path]);
        assert!(
            !read.is_fine().out.contains("damaged") && !read.out.contains("middle"),
            "{}",
            read.out
        );
    }
    // Together they are one recording: but for the first and the last, every connection in it worked.
    let mut all = vec!["analyze", "--only", "failed", "--json", "-"];
    all.extend(paths.iter().map(String::as_str));
    let last = run(&all)
        .is_fine()
        .out
        .lines()
        .last()
        .map(str::to_owned)
        .expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    assert!(
        summary["flows"].as_u64() > Some(80) && summary["status"]["failed"] == 0,
        "{last}"
    );
}

/// On a terminal of its own; all that was shown there.
fn on_a_terminal(lab: &Lab, arguments: &[&str]) -> Ran {
    const SHOW: &str = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let mut all = vec!["-c", SHOW, env!("CARGO_BIN_EXE_whodropped"), "live"];
    all.extend(arguments);
    let output = lab
        .inside("c", "python3", &all)
        .env("TERM", "xterm")
        .output()
        .expect("python3 starts");
    Ran {
        status: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_terminal_has_a_status_line_and_a_pipe_has_none() {
    let Some(lab) = Lab::new() else { return };
    let shown = on_a_terminal(&lab, &["-i", "eth0", "--for", "2s"]);
    assert_eq!(shown.status, Some(0), "{shown:?}");
    assert!(
        shown.out.contains("0 connections   0 failed   0 degraded   0 lost"),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("\u{1b}["), "it is redrawn in place: {}", shown.out);
    let quiet = on_a_terminal(
        &lab,
        &["-i", "eth0", "--for", "1s", "--progress", "never", "--color", "never"],
    );
    assert!(!quiet.out.contains("degraded   "), "{}", quiet.out);
    let folder = Folder::new("live-pipe");
    let out = folder.at("out");
    let ran = finish(lab.live("c", &["-i", "eth0", "--for", "1s"], &out), &out);
    assert_eq!((ran.status, &*ran.err), (Some(0), ""));
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    assert!(Path::new(&out).exists());
}
