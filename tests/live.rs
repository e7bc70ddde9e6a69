//! Live capture in network namespaces, with real firewall rules: what is said, when, and at all three places.

use crate::common::command::{Folder, Ran, run};
use crate::common::say;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Client, router and server, each in a network namespace of its own; removed at the end.
pub(crate) struct Lab {
    prefix: String,
    pub servers: Vec<Child>,
}

/// Ports of the laboratory, and what happens to connections to them.
const RULES: &str = "
add table inet f
add chain inet f forward { type filter hook forward priority 0; }
add rule inet f forward tcp dport 8081 drop
add rule inet f forward tcp dport 8082 reject
add rule inet f forward tcp dport 8083 reject with tcp reset
add rule inet f forward tcp dport 8084 meta length > 500 drop
";

const SERVE: &str = "
import socket, threading, sys
def serve(address, port):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((address, port)); s.listen(8)
    while True:
        c, _ = s.accept(); threading.Thread(target=answer, args=(c,), daemon=True).start()
def answer(c):
    c.recv(1000); c.sendall(b'hello'); c.close()
for address, port in (('0.0.0.0', 8080), ('0.0.0.0', 8084), ('127.0.0.1', 8085)):
    threading.Thread(target=serve, args=(address, port), daemon=True).start()
print('ready', flush=True)
sys.stdin.read()
";

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

impl Lab {
    /// `None`, said loudly, where there can be none.
    pub(crate) fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("wt{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let lab = Self {
            prefix,
            servers: Vec::new(),
        };
        for place in ["c", "r", "s"] {
            let made = Command::new("ip").args(["netns", "add", &lab.ns(place)]).output();
            if !made.is_ok_and(|made| made.status.success()) {
                say(
                    "NOT TESTED: live capture, because there are no network namespaces here (it takes root and iproute2).",
                );
                return None;
            }
        }
        let (c, r, s) = (lab.ns("c"), lab.ns("r"), lab.ns("s"));
        ip(&format!("link add eth0 netns {c} type veth peer name eth1 netns {r}"));
        ip(&format!("link add eth2 netns {r} type veth peer name eth0 netns {s}"));
        let ends = [
            (&c, "eth0", "10.7.1.2"),
            (&r, "eth1", "10.7.1.1"),
            (&r, "eth2", "10.7.2.1"),
            (&s, "eth0", "10.7.2.2"),
        ];
        for (ns, link, address) in ends {
            ip(&format!("-n {ns} addr add {address}/24 dev {link}"));
            ip(&format!("-n {ns} link set {link} up"));
            ip(&format!("-n {ns} link set lo up"));
        }
        ip(&format!("-n {c} route add default via 10.7.1.1"));
        ip(&format!("-n {s} route add default via 10.7.2.1"));
        lab.does("r", &["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
        lab.does("c", &["sysctl", "-qw", "net.ipv4.tcp_retries2=1"]);
        Some(lab)
    }

    pub(crate) fn ns(&self, place: &str) -> String {
        format!("{}{place}", self.prefix)
    }

    pub(crate) fn inside(&self, place: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.ns(place), program])
            .args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn does(&self, place: &str, words: &[&str]) {
        let done = self.inside(place, words[0], &words[1..]).output().expect("it starts");
        assert!(
            done.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    pub(crate) fn with_rules_and_server(mut self, folder: &Folder) -> Self {
        let rules = folder.file("rules", RULES.as_bytes());
        self.does("r", &["nft", "-f", &rules]);
        let mut server = self
            .inside("s", "python3", &["-c", SERVE])
            .stdin(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut word = [0; 5];
        server
            .stdout
            .as_mut()
            .expect("it is piped")
            .read_exact(&mut word)
            .expect("the server is ready");
        self.servers.push(server);
        self
    }

    /// `whodropped live` at a place, once it captures.
    pub(crate) fn live(&self, place: &str, arguments: &[&str], out: &str) -> Child {
        let mut all = vec!["live"];
        all.extend(arguments);
        let file = fs::File::create(out).expect("the folder is writable");
        let mut child = self.inside(place, env!("CARGO_BIN_EXE_whodropped"), &all);
        let child = child.stdout(file).spawn().expect("it starts");
        wait_for(out, "Capturing on");
        child
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        for place in ["c", "r", "s"] {
            let _ = Command::new("ip").args(["netns", "del", &self.ns(place)]).output();
        }
    }
}

#[track_caller]
pub(crate) fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).output().expect("ip starts");
    assert!(
        done.status.success(),
        "ip {line}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[track_caller]
pub(crate) fn wait_for(file: &str, words: &str) {
    let since = Instant::now();
    while !fs::read_to_string(file).is_ok_and(|text| text.contains(words)) {
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "`{words}` never came: {:?}",
            fs::read_to_string(file)
        );
        sleep(Duration::from_millis(20));
    }
}

pub(crate) fn finish(child: Child, out: &str) -> Ran {
    let output = child.wait_with_output().expect("it ends");
    Ran {
        status: output.status.code(),
        out: fs::read_to_string(out).expect("it wrote"),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

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
