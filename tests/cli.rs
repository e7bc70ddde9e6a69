//! The command as users meet it: what it refuses and how, what it selects and explains, and with which exit status.

use crate::common::command::{Folder, Ran, run};
#[cfg(unix)]
use crate::common::command::{command, finish, kill};
use crate::common::fixture::Fixture;
#[cfg(unix)]
use crate::common::say;
use std::fs;
#[cfg(unix)]
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
#[cfg(unix)]
use std::process::{Command, Stdio};
use whodropped::finding::catalogue;
use whodropped::verdict::words;

pub fn fixture(folder: &str) -> String {
    Fixture::of(folder, "client").path.display().to_string()
}

/// Failed connections.
pub fn bad() -> String {
    fixture("closed-port")
}

/// None that failed.
pub fn good() -> String {
    fixture("port-reuse")
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let folder = Folder::new("no-capture");
    let text = folder.file("notes.txt", b"dear diary, today the network was slow\n");
    run(&["analyze", &text]).is_refused(&["notes.txt", "text"]);
    let empty = folder.file("empty.pcap", b"");
    run(&["analyze", &empty]).is_refused(&["empty.pcap", "empty"]);
    run(&["analyze", &folder.at("")]).is_refused(&["directory"]);
    // Windows has its own words.
    let reason = if cfg!(unix) { "No such file" } else { "" };
    run(&["analyze", &folder.at("missing.pcap")]).is_refused(&["missing.pcap", reason]);
    let header = folder.file("header.pcap", &Fixture::of("closed-port", "client").bytes()[..9]);
    run(&["analyze", &header]).is_refused(&["header.pcap", "9 bytes"]);
    assert_eq!(folder.names(), ["empty.pcap", "header.pcap", "notes.txt"]);
}

#[test]
fn a_capture_without_packets_is_a_capture() {
    let folder = Folder::new("no-packets");
    let file = folder.file("quiet.pcap", &Fixture::of("closed-port", "client").bytes()[..24]);
    assert!(run(&["analyze", &file]).is_fine().out.contains("quiet.pcap"));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("forbidden");
    let file = folder.file("secret.pcap", &Fixture::of("closed-port", "client").bytes());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("it is ours");
    if fs::File::open(&file).is_err() {
        run(&["analyze", &file]).is_refused(&["secret.pcap", "ermission denied"]);
        return;
    }
    // Root may read anything: the command runs as nobody, from a place that nobody may enter.
    let program = folder.at("whodropped");
    fs::copy(env!("CARGO_BIN_EXE_whodropped"), &program).expect("the command can be copied");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut nobody = Command::new("setpriv");
    nobody
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            &program,
            "analyze",
            &file,
        ])
        .stdin(Stdio::null());
    match nobody.output() {
        Ok(output) if !output.stderr.starts_with(b"setpriv") => {
            finish(nobody).is_refused(&["secret.pcap", "ermission denied"]);
        }
        _ => say("NOT TESTED: no permission to read. This is root, and setpriv cannot make it anybody else."),
    }
}

#[test]
fn a_link_type_that_is_not_read_is_said_and_counted() {
    let folder = Folder::new("link-type");
    let mut capture = Fixture::of("closed-port", "client").capture();
    capture.link = 147;
    let file = folder.file("strange.pcap", &capture.pcap());
    let ran = run(&["analyze", &file]);
    assert!(matches!(ran.status, Some(0 | 2)), "{ran:?}");
    assert!(format!("{}{}", ran.out, ran.err).contains("147"), "{ran:?}");
}

#[test]
fn arguments_that_make_no_sense_are_refused_in_one_line() {
    run(&["analyze", "--port", "99999", &bad()]).is_refused(&["99999", "65535"]);
    run(&["analyze", "--host", "example.org", &bad()]).is_refused(&["example.org"]);
    run(&["analyze", "--host", "10.0.0.0/33", &bad()]).is_refused(&["32"]);
    run(&["analyze", "--threads", "0", &bad()]).is_refused(&["--threads"]);
    run(&["analyze", "--only", "broken", &bad()]).is_refused(&["broken", "failed"]);
    run(&["analyze", "--cvs", "x", &bad()]).is_refused(&["--cvs"]);
    run(&["anlyze", &bad()]).is_refused(&["anlyze"]);
    run(&["analyze", "-", "-"]).is_refused(&["only once"]);
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_anything_is_read() {
    let folder = Folder::new("unwritable");
    run(&["analyze", "--csv", &folder.at("no/such/place.csv"), &bad()]).is_refused(&[
        "place.csv",
        "no folder",
        "make it first",
    ]);
    run(&["analyze", "--csv", &folder.at(""), &bad()]).is_refused(&["directory"]);
    run(&["analyze", "--json", "/proc/whodropped.json", &bad()]).is_refused(&["/proc/whodropped.json"]);
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn an_output_is_never_the_capture_that_is_read() {
    let folder = Folder::new("overwrite");
    let bytes = Fixture::of("closed-port", "client").bytes();
    let file = folder.file("only-copy.pcap", &bytes);
    run(&["analyze", "--csv", &file, &file]).is_refused(&["only-copy.pcap", "overwrite"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&file, folder.at("link.csv")).expect("links can be made");
        run(&["analyze", "--csv", &folder.at("link.csv"), &file]).is_refused(&["overwrite"]);
    }
    assert_eq!(fs::read(&file).expect("it is still there"), bytes);
}

#[test]
fn the_exit_status_is_what_was_asked_for() {
    let status = |arguments: &[&str]| {
        let ran = run(arguments);
        assert_eq!(ran.err, "");
        ran.status
    };
    assert_eq!(status(&["analyze", &bad()]), Some(0));
    assert_eq!(status(&["analyze", "--fail-on", "never", &bad()]), Some(0));
    assert_eq!(status(&["analyze", "--fail-on", "failed", &bad()]), Some(1));
    assert_eq!(status(&["analyze", "--fail-on", "degraded", &bad()]), Some(1));
    assert_eq!(status(&["analyze", "--fail-on", "failed", &good()]), Some(0));
    // What is not selected does not count.
    assert_eq!(
        status(&["analyze", "--fail-on", "failed", "--port", "8080", &bad()]),
        Some(0)
    );
    assert_eq!(status(&["analyze", "--fail-on", "failed", "--quiet", &bad()]), Some(1));
    assert_eq!(status(&["--version"]), Some(0));
    assert_eq!(status(&["--help"]), Some(0));
}

#[test]
fn a_cut_capture_is_analysed_up_to_the_cut_and_said_to_be_cut() {
    let folder = Folder::new("cut");
    let bytes = Fixture::of("closed-port", "client").bytes();
    let file = folder.file("cut.pcap", &bytes[..bytes.len() - 7]);
    let ran = run(&["analyze", &file]);
    assert!(ran.is_fine().out.contains("cut"), "{}", ran.out);
    assert!(ran.out.contains("failed"), "{}", ran.out);
}

#[test]
fn several_captures_are_one_recording_in_whatever_order_they_are_named() {
    let folder = Folder::new("pieces");
    let whole = Fixture::of("port-reuse", "client").capture();
    let half = whole.packets.len() / 2;
    let first = folder.file("b.pcap", &whole.with(&whole.packets[..half]).pcap());
    let second = folder.file("a.pcap", &whole.with(&whole.packets[half..]).pcap());
    let there = run(&["analyze", "--csv", "-", &first, &second]);
    let back = run(&["analyze", "--csv", "-", &second, &first]);
    assert_eq!(there.is_fine().out, back.is_fine().out);
    assert_eq!(
        there.out.lines().count(),
        run(&["analyze", "--csv", "-", &good()]).out.lines().count()
    );
}

#[test]
fn selecting_keeps_what_matches_port_and_host() {
    let rows = |arguments: &[&str]| {
        let path = bad();
        let mut all = vec!["analyze", "--csv", "-"];
        all.extend(arguments);
        all.push(&path);
        run(&all).is_fine().out.lines().count() - 1
    };
    assert_eq!(rows(&[]), 5);
    assert_eq!(rows(&["--port", "8081"]), 3);
    assert_eq!(rows(&["--port", "8081,8080"]), 5);
    assert_eq!(rows(&["--port", "8081", "--host", "fd07::/16"]), 1);
    assert_eq!(rows(&["--host", "192.0.2.1"]), 0);
    assert_eq!(rows(&["--only", "failed"]), 3);
}

#[test]
fn every_finding_and_every_word_can_be_explained() {
    let explained = |id: &str| {
        let ran = run(&["explain", id]);
        assert!(ran.is_fine().out.len() > 40, "{id}: {}", ran.out);
    };
    for meta in catalogue() {
        explained(meta.id);
    }
    macro_rules! words_explained {
        ($($set:ident)+) => { $(for word in words::$set::ALL { explained(word.word()); })+ };
    }
    words_explained!(Handshake Ending Status Stage Culprit Doubt AppError);
    let list = run(&["explain", "--list"]);
    for meta in catalogue() {
        assert!(list.is_fine().out.contains(meta.id), "{} is not listed", meta.id);
    }
    run(&["explain", "sin-silent"]).is_refused(&["sin-silent", "syn-silent"]);
}

#[test]
fn what_applications_print_leads_to_the_error() {
    for (text, error) in [
        ("dial tcp 10.0.0.1:80: i/o timeout", "ETIMEDOUT"),
        ("connect: connection refused", "ECONNREFUSED"),
        (
            "No connection could be made because the target machine actively refused it.",
            "ECONNREFUSED",
        ),
        (
            "wsarecv: An existing connection was forcibly closed by the remote host.",
            "ECONNRESET",
        ),
        ("java.net.SocketException: Connection reset", "ECONNRESET"),
        ("java.net.ConnectException: Connection timed out", "ETIMEDOUT"),
        ("[Errno 111] Connection refused", "ECONNREFUSED"),
        ("[Errno 113] No route to host", "EHOSTUNREACH"),
        ("[Errno 32] Broken pipe", "EPIPE"),
        (
            "curl: (7) Failed to connect to example.org port 443: Connection refused",
            "ECONNREFUSED",
        ),
        (
            "curl: (28) Failed to connect to example.org port 443 after 130000 ms: Connection timed out",
            "ETIMEDOUT",
        ),
        ("curl: (35) Recv failure: Connection reset by peer", "ECONNRESET"),
        ("connect: network is unreachable", "ENETUNREACH"),
        ("connect EHOSTUNREACH 10.0.0.1:80", "EHOSTUNREACH"),
    ] {
        let ran = run(&["explain", "--error", text]);
        assert!(ran.is_fine().out.contains(error), "{text}: {}", ran.out);
    }
    let ran = run(&["explain", "--error", "the printer is on fire"]);
    assert!(matches!(ran.status, Some(0 | 2)), "{ran:?}");
}

/// Windows allows no such name.
#[cfg(unix)]
#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let folder = Folder::new("hostile");
    let name = "evil\u{1b}[31m\nname.pcap";
    let file = folder.file(name, b"");
    let ran = run(&["analyze", &file]);
    assert_eq!((ran.status, ran.err.lines().count()), (Some(2), 1), "{ran:?}");
    assert!(!ran.err.contains('\u{1b}'));
    let capture = folder.file("good\u{1b}[31m.pcap", &Fixture::of("closed-port", "client").bytes());
    assert!(!run(&["analyze", &capture]).is_fine().out.contains('\u{1b}'));
}

/// A pipe may be slow: whoever writes into it is read no further than to what comes next.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_reading_and_leaves_the_report_of_what_was_read() {
    for threads in ["1", "2", "3"] {
        let folder = Folder::new(&format!("interrupt-{threads}"));
        let csv = folder.at("flows.csv");
        let mut child = command(&["analyze", "-", "--threads", threads, "--csv", &csv])
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut pipe = child.stdin.take().expect("it has an input");
        pipe.write_all(&Fixture::of("closed-port", "client").bytes())
            .expect("it reads");
        // Its outputs are opened when it listens to signals.
        while folder.names().is_empty() {
            std::thread::yield_now();
        }
        kill(&["INT"], &child);
        let mut said = BufReader::new(child.stderr.take().expect("it has an output for errors"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it is UTF-8");
        assert!(line.contains("the report of what was read follows"), "{line}");
        // Frames of 1,400 zeros: more than fits into a pipe, and few.
        let mut record = [[0; 4], [0; 4], 1400_u32.to_le_bytes(), 1400_u32.to_le_bytes()].concat();
        record.resize(record.len() + 1400, 0);
        assert!(pipe.write_all(&record.repeat(300)).is_err(), "it reads on");
        let ended = child.wait_with_output().expect("it ends");
        let out = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && out.contains("Stopped by Ctrl-C"), "{out}");
        assert_eq!(folder.names(), ["flows.csv"]);
        assert!(fs::read_to_string(&csv).expect("it was written").contains("refused"));
    }
}

#[test]
fn colours_stay_on_terminals_unless_asked_for() {
    let escape = '\u{1b}';
    assert!(!run(&["analyze", &bad()]).is_fine().out.contains(escape));
    assert!(
        run(&["analyze", "--color", "always", &bad()])
            .is_fine()
            .out
            .contains(escape)
    );
    assert!(
        !run(&["analyze", "--color", "never", &bad()])
            .is_fine()
            .out
            .contains(escape)
    );
}

#[test]
fn just_naming_a_capture_analyses_it() {
    let ran: Ran = run(&[bad()]);
    assert_eq!(ran.is_fine().out, run(&["analyze", &bad()]).out);
    assert!(Path::new(&bad()).exists());
}
