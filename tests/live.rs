//! Live capture in network namespaces, with real firewall rules: what is said, when, and at all three places.

use crate::common::command::{Folder, Ran, run};
use crate::common::lab::{Lab, finish, ip, wait_for};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const CALL: &str = "
import socket, threading, time
def call(port, request):
    s = socket.socket(); s.settimeout(3)
    try:
        s.connect(('10.7.2.2', port)); s.sendall(request); s.recv(100)
        if port == 8084: time.sleep(3)
    except OSError: pass
    s.close()
threads = [threading.Thread(target=call, args=(8080 + n, b'x' * (1000 if n == 4 else 10))) for n in (0, 1, 2, 3, 4, 5, 9)]
[t.start() for t in threads]; [t.join() for t in threads]
";

/// Server port, status, handshake and ending of each row, by port.
pub(crate) fn verdicts(csv: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns = reader.headers().expect("a heading").clone();
    let place = |name: &str| columns.iter().position(|column| column == name).expect("a column");
    let wanted = ["server_port", "status", "handshake", "ending", "cause"].map(place);
    let rows = reader.records().map(|row| row.expect("a row"));
    let mut rows: Vec<_> = rows
        .map(|row| wanted.map(|place| row[place].to_owned()).join(" "))
        .collect();
    rows.sort();
    rows
}

#[test]
fn every_failure_is_told_while_it_happens_at_client_router_and_server() {
    let folder = Folder::new("live-failures");
    let Some(lab) = Lab::new() else { return };
    let lab = lab.with_rules_and_server(&folder);
    let place = |name: &str| ["out", "csv", "pcapng", "html"].map(|end| folder.at(&format!("{name}.{end}")));
    let at = [("c", "eth0"), ("r", "eth1"), ("s", "eth0")];
    let running: Vec<_> = at
        .iter()
        .map(|(name, link)| {
            let [out, csv, pcapng, html] = place(name);
            let child = lab.live(
                name,
                &[
                    "-i", link, "--for", "9s", "--csv", &csv, "--write", &pcapng, "--html", &html,
                ],
                &out,
            );
            (*name, child, out, csv, pcapng)
        })
        .collect();
    lab.does("c", &["python3", "-c", CALL]);
    for (name, child, out, csv, pcapng) in running {
        let ran = finish(child, &out);
        assert_eq!((ran.status, &*ran.err), (Some(0), ""), "{name}: {}", ran.out);
        let lines: Vec<&str> = ran.out.lines().take_while(|line| !line.contains("end   ")).collect();
        let line = |word: &str, port: u16| {
            let port = format!(":{port}  ");
            lines.iter().any(|line| line.contains(word) && line.contains(&port))
        };
        let rows = verdicts(&fs::read_to_string(&csv).expect("rows"));
        let told: &[(&str, u16)] = match name {
            "s" => &[("refused-by-rst", 8085), ("refused-by-rst", 8089)],
            _ => &[
                ("syn-silent", 8081),
                ("icmp-rejected", 8082),
                ("refused-by-", 8083),
                ("stall", 8084),
                ("refused-by-rst", 8085),
                ("refused-by-rst", 8089),
            ],
        };
        for (cause, port) in told {
            assert!(line(cause, *port), "{name}: {cause} {port} in {lines:#?}");
        }
        assert!(!line("FAILED", 8080), "{lines:#?}");
        if name == "s" {
            let classic = "no process listens on 10.7.2.2:8085; 127.0.0.1:8085 is held by python3 (";
            assert!(line(classic, 8085), "{lines:#?}");
            assert!(
                ran.out.replace('\n', " ").contains("no process listens on port 8089"),
                "{}",
                ran.out
            );
        }
        assert!(rows.contains(&"8080 ok completed fin ".to_owned()), "{name}: {rows:#?}");
        let page = fs::read_to_string(place(name)[3].as_str()).expect("a page");
        assert!(
            page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"),
            "{name}"
        );
        assert!(
            page.contains("--&gt; S "),
            "a connection of each kind packet by packet: {name}"
        );
        assert!(page.contains("What settles it: "), "{name}: {page}");
        // The recording says the same when it is read.
        let read = run(&["analyze", &pcapng, "--csv", "-"]);
        assert_eq!(verdicts(&read.is_fine().out), rows, "{name}");
    }
}

#[test]
fn an_interrupt_a_lost_interface_a_full_disk_and_a_closed_pipe_are_survived() {
    let folder = Folder::new("live-ends");
    let Some(lab) = Lab::new() else { return };
    let lab = lab.with_rules_and_server(&folder);
    let out = |name: &str| folder.at(name);
    let json = folder.at("rows.json");
    let interrupted = lab.live(
        "s",
        &["-i", "any", "--port", "8080,8089", "--json", &json],
        &out("interrupted"),
    );
    let vanishing = lab.live("c", &["-i", "eth0"], &out("vanishing"));
    let until = lab.live("c", &["-i", "eth0", "--until-failures", "1"], &out("until"));
    let mut closed = lab
        .inside("c", env!("CARGO_BIN_EXE_whodropped"), &["live", "-i", "eth0"])
        .spawn()
        .expect("it starts");
    drop(closed.stdout.take());
    let full = lab
        .inside(
            "c",
            env!("CARGO_BIN_EXE_whodropped"),
            &["live", "-i", "eth0", "--write", "/dev/full", "--for", "9s"],
        )
        .spawn()
        .expect("it starts");
    sleep(Duration::from_millis(500));
    lab.does("c", &["python3", "-c", "import socket\nfor port in (8080, 8089):\n s = socket.socket(); s.connect_ex(('10.7.2.2', port)); s.close()"]);

    let ran = finish(until, &out("until"));
    assert!(
        ran.status == Some(0) && ran.out.contains("FAILED: 1 connection"),
        "{ran:?}"
    );
    assert_eq!(
        closed.wait().expect("it ends").code(),
        Some(0),
        "a closed pipe is success"
    );
    let full = full.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&full.stderr);
    assert!(
        full.status.code() == Some(2) && said.contains("cannot write /dev/full: No space left"),
        "{said}"
    );
    assert!(
        String::from_utf8_lossy(&full.stdout).contains("live, Ethernet"),
        "what was seen is reported all the same"
    );

    // Rows come while it runs.
    wait_for(&json, "\"server_port\":8089");
    ip(&format!("-n {} link del eth0", lab.ns("c")));
    let ran = finish(vanishing, &out("vanishing"));
    assert!(
        ran.err.contains("eth0 cannot be captured on any longer") && ran.err.lines().count() == 1,
        "{ran:?}"
    );
    assert!(
        ran.status == Some(0) && ran.out.contains("FAILED: 1 connection"),
        "{ran:?}"
    );

    let pid = interrupted.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .expect("kill starts")
            .success()
    );
    let ran = finish(interrupted, &out("interrupted"));
    assert!(
        ran.status == Some(0) && ran.out.contains("FAILED: 1 connection"),
        "{ran:?}"
    );
    let json = fs::read_to_string(&json).expect("rows");
    assert!(
        json.lines()
            .last()
            .is_some_and(|line| line.contains("\"type\":\"summary\"")),
        "{json}"
    );
}

#[test]
fn what_cannot_be_captured_on_is_refused_in_one_sentence() {
    let Some(lab) = Lab::new() else { return };
    let of = |mut command: Command| {
        let output = command.output().expect("it starts");
        Ran {
            status: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    let program = env!("CARGO_BIN_EXE_whodropped");
    of(lab.inside("c", program, &["live", "-i", "eth7"])).is_refused(&["no interface eth7", "eth0", "any"]);
    of(lab.inside("c", program, &["live", "-i", "eth0", "--filter", "tcp prot 80"]))
        .is_refused(&["--filter 'tcp prot 80'", "eth0"]);
    let listed = of(lab.inside("c", program, &["interfaces"]));
    assert!(
        listed
            .out
            .lines()
            .any(|line| line.starts_with("eth0 ") && line.contains("10.7.1.2")),
        "{listed:?}"
    );
    let folder = Folder::new("live-nobody");
    let copy = folder.at("whodropped");
    fs::copy(program, &copy).expect("the command can be copied");
    open_to_all(folder.path());
    let nobody = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        &copy,
        "live",
        "-i",
        "eth0",
    ];
    of(lab.inside("c", "setpriv", &nobody)).is_refused(&["not permitted", "setcap cap_net_raw,cap_net_admin=eip"]);
}

pub fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

#[test]
fn arguments_of_live_that_make_no_sense_are_refused() {
    run(&["live"]).is_refused(&["--interface"]);
    run(&["live", "-i", "lo", "--for", "soon"]).is_refused(&["a time is"]);
    run(&["live", "-i", "lo", "--ring", "10x1M"]).is_refused(&["--write"]);
}
