//! Client, router and server in network namespaces, with real firewall rules: where live capture is tested.

use super::command::{Folder, Ran};
use super::say;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Client, router and server, each in a network namespace of its own; removed at the end.
pub(crate) struct Lab {
    prefix: String,
    servers: Vec<Child>,
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
        self.serve(SERVE);
        self
    }

    /// Runs this Python at the server, to the end of the test; it says `ready` when it is.
    pub(crate) fn serve(&mut self, script: &str) {
        let mut server = self
            .inside("s", "python3", &["-c", script])
            .stdin(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut word = [0; 5];
        let out = server.stdout.as_mut().expect("it is piped");
        out.read_exact(&mut word).expect("the server is ready");
        self.servers.push(server);
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
