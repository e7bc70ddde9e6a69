//! `live --probe` in network namespaces, with real firewall rules: what the application saw, and what the wire showed.

use crate::common::command::{Folder, Ran, finish, run};
use crate::common::lab::Lab;
use crate::common::say;
use crate::live::open_to_all;
use serde_json::Value;
use std::fs;
use std::io::Read;

/// On the way: dropped, rejected, reset; a ClientHello swallowed, or answered with a RST.
const ROUTER: &str = "
add table inet f
add chain inet f forward { type filter hook forward priority 0; }
add rule inet f forward tcp dport 8081 drop
add rule inet f forward tcp dport 8082 reject
add rule inet f forward tcp dport 8083 reject with tcp reset
add rule inet f forward tcp dport 8084 meta length > 400 drop
add rule inet f forward tcp dport 8085 meta length > 400 reject with tcp reset
";

/// On the client itself: nothing leaves, refused before it leaves, the answer dropped on arrival.
const CLIENT: &str = "
add table inet f
add chain inet f output { type filter hook output priority 0; }
add rule inet f output tcp dport 8091 drop
add rule inet f output tcp dport 8092 reject with tcp reset
add chain inet f input { type filter hook input priority 0; }
add rule inet f input tcp sport 8093 drop
";

/// A port for each way to answer. The ServerHello is one by hand: TLS 1.3, and a record that is none of the client's business.
const SERVE: &str = "
import socket, threading, sys, time
hello = bytes([3, 3]) + bytes(32) + bytes([0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4])
message = bytes([2, 0, 0, len(hello)]) + hello
tls = bytes([22, 3, 3, 0, len(message)]) + message + bytes([23, 3, 3, 0, 4, 1, 2, 3, 4])
unavailable = b'HTTP/1.1 503 Service Unavailable\\r\\nContent-Length: 0\\r\\n\\r\\n'
says = {8080: b'', 8093: b'', 9022: b'', 9443: tls, 9040: bytes([21, 3, 3, 0, 2, 2, 40]), 8084: tls, 8085: tls,
    9000: b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok', 9503: unavailable, 9002: None}
def serve(port):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('0.0.0.0', port)); s.listen(8)
    while True:
        c, _ = s.accept(); threading.Thread(target=answer, args=(c, port), daemon=True).start()
def answer(c, port):
    try:
        if port == 9022: c.sendall(b'SSH-2.0-lab\\r\\n')
        c.recv(2000)
        if says[port] is None: time.sleep(30)
        c.sendall(says[port])
        c.settimeout(1); c.recv(2000)
    except OSError: pass
    c.close()
for port in says:
    threading.Thread(target=serve, args=(port,), daemon=True).start()
time.sleep(.2); print('ready', flush=True)
sys.stdin.read()
";

fn lab(folder: &Folder) -> Option<Lab> {
    let mut lab = Lab::new()?;
    lab.does("r", &["nft", "-f", &folder.file("router", ROUTER.as_bytes())]);
    lab.does("c", &["nft", "-f", &folder.file("client", CLIENT.as_bytes())]);
    lab.serve(SERVE);
    Some(lab)
}

fn probe(lab: &Lab, arguments: &[&str]) -> Ran {
    let mut all = vec!["live"];
    all.extend(arguments);
    finish(lab.inside("c", env!("CARGO_BIN_EXE_whodropped"), &all))
}

fn targets(ports: &[u16]) -> String {
    let each: Vec<_> = ports.iter().map(|port| format!("10.7.2.2:{port}")).collect();
    each.join(",")
}

fn objects(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("every line is an object"))
        .collect()
}

/// Port, worked, the application's error, and what the wire says, by port.
fn both_sides(lines: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let of = |object: &Value| {
        let (error, cause) = (text(&object["app_error"]), text(&object["wire"]["cause"]));
        let (port, worked) = (&object["server_port"], &object["worked"]);
        format!("{port} {worked} {error} {} {cause}", text(&object["wire"]["status"]))
    };
    let objects = objects(lines);
    let probes = objects.iter().filter(|object| object["type"] == "probe");
    let mut all: Vec<String> = probes.map(of).collect();
    all.sort();
    all
}

#[track_caller]
fn said(lines: &str, port: u16, key: &str) -> String {
    let objects = objects(lines);
    let object = objects
        .iter()
        .find(|object| object["type"] == "probe" && object["server_port"] == port);
    object.expect("an attempt at this port")[key].to_string()
}

#[test]
fn the_wire_and_the_application_are_told_side_by_side() {
    let folder = Folder::new("probe-connect");
    let Some(lab) = lab(&folder) else { return };
    let (json, pcapng) = (folder.at("all.jsonl"), folder.at("all.pcapng"));
    let ports = [8080, 8081, 8082, 8083, 8089, 8091, 8092, 8093, 9022];
    let ran = probe(
        &lab,
        &[
            "--probe",
            &format!("{},10.7.1.77:80", targets(&ports)),
            "--probe-count",
            "1",
            "--json",
            &json,
            "--write",
            &pcapng,
        ],
    );
    assert_eq!((ran.status, &*ran.err), (Some(0), ""), "{}", ran.out);
    let lines = fs::read_to_string(&json).expect("rows");
    let told = both_sides(&lines);
    let expected = [
        "8080 true - ok -",
        "8081 false ETIMEDOUT failed syn-silent",
        "8082 false ECONNREFUSED failed icmp-rejected",
        "8089 false ECONNREFUSED failed refused-by-rst",
        "8091 false ETIMEDOUT - -",
        "8092 false ECONNREFUSED - -",
        "9022 true - ok -",
    ];
    for line in expected {
        assert!(told.iter().any(|each| each == line), "{line} in {told:#?}");
    }
    assert!(
        told.iter()
            .any(|line| line.starts_with("8083 false ECONNREFUSED failed refused-by-")),
        "{told:#?}"
    );
    assert!(said(&lines, 8091, "no_packets").contains("own firewall drops it before it leaves"));
    assert!(said(&lines, 8092, "no_packets").contains("this machine itself refused it"));
    let nobody = said(&lines, 80, "no_packets");
    assert!(
        nobody.contains("10.7.1.77 did not answer") && nobody.contains("ARP request"),
        "{nobody}"
    );
    let arrived = said(&lines, 8093, "together");
    assert!(
        arrived.contains("10.7.2.2:8093 answered") && arrived.contains("own firewall"),
        "{arrived}"
    );
    assert!(said(&lines, 9022, "steps").contains("SSH-2.0-lab"));
    // The words of the run: what is done and how long it takes, both sides, and the report.
    for words in [
        "Capturing on eth0;",
        "about 8 s where nothing does",
        " s  timed out (ETIMEDOUT)",
        "failed: syn-silent [path, high confidence]",
        "connected, from 10.7.1.2",
        "10.7.2.2:8080: 1 of 1 worked",
        "(on the wire: syn-silent)",
        "FAILED: ",
    ] {
        assert!(ran.out.contains(words), "{words} in {}", ran.out);
    }
    assert!(
        !ran.out.contains("  FAILED  "),
        "no second line for what an attempt tells: {}",
        ran.out
    );
    let read = run(&["analyze", &pcapng, "--json", "-"]);
    let causes = |lines: &str| {
        let objects = objects(lines);
        let flows = objects
            .iter()
            .filter(|object| object["type"] == "flow" && object["status"] != "unknown");
        let mut all: Vec<String> = flows
            .map(|flow| format!("{} {}", flow["server_port"], flow["cause"]))
            .collect();
        all.sort();
        all
    };
    assert_eq!(
        causes(&read.is_fine().out),
        causes(&lines),
        "the recording says the same"
    );
}

#[test]
fn a_client_hello_that_is_cut_differs_from_one_that_is_refused_or_answered() {
    let folder = Folder::new("probe-tls");
    let Some(lab) = lab(&folder) else { return };
    let json = folder.at("all.jsonl");
    let ports = [8084, 8085, 9000, 9002, 9040, 9443];
    let ran = probe(
        &lab,
        &[
            "--probe",
            &targets(&ports),
            "--tls",
            "--sni",
            "lab.example",
            "--probe-count",
            "1",
            "--json",
            &json,
        ],
    );
    assert_eq!((ran.status, &*ran.err), (Some(0), ""), "{}", ran.out);
    let lines = fs::read_to_string(&json).expect("rows");
    assert_eq!(
        both_sides(&lines),
        [
            "8084 false ETIMEDOUT failed stall",
            "8085 false ECONNRESET failed reset-after-request",
            "9000 false - failed tls-mismatch",
            "9002 false ETIMEDOUT failed no-response",
            "9040 false - failed tls-alert",
            "9443 true - ok -",
        ]
    );
    let steps = |port| said(&lines, port, "steps");
    assert!(
        steps(8084).contains("no ServerHello to the ClientHello for lab.example: "),
        "{}",
        steps(8084)
    );
    assert!(steps(9040).contains("alert handshake_failure (40)"), "{}", steps(9040));
    assert!(
        steps(9443).contains("ServerHello: TLS 1.3; left there, nothing was verified"),
        "{}",
        steps(9443)
    );
    assert!(
        said(&lines, 9040, "wire").contains("lab.example"),
        "the name was in the ClientHello"
    );
}

#[test]
fn a_page_is_asked_for_and_a_name_that_is_not_found_is_told() {
    let folder = Folder::new("probe-http");
    let Some(lab) = lab(&folder) else { return };
    let json = folder.at("all.jsonl");
    let ran = probe(
        &lab,
        &[
            "-i",
            "eth0",
            "--probe",
            &targets(&[9000, 9503]),
            "--http",
            "/health",
            "--probe-count",
            "2",
            "--json",
            &json,
            "--fail-on",
            "failed",
        ],
    );
    assert_eq!(
        (ran.status, &*ran.err),
        (Some(1), ""),
        "a 503 is a failure: {}",
        ran.out
    );
    let lines = fs::read_to_string(&json).expect("rows");
    assert_eq!(
        both_sides(&lines),
        [
            "9000 true - ok -",
            "9000 true - ok -",
            "9503 false - degraded http-error",
            "9503 false - degraded http-error"
        ]
    );
    assert!(said(&lines, 9503, "steps").contains("HTTP 503 Service Unavailable"));
    assert!(said(&lines, 9503, "wire").contains("GET /health"));
    assert!(
        ran.out.contains("9503: 0 of 2 worked") && ran.out.contains("2 × http: HTTP 503"),
        "{}",
        ran.out
    );

    let ran = probe(
        &lab,
        &["--probe", "nowhere.invalid:80", "--probe-count", "1", "--json", &json],
    );
    assert_eq!((ran.status, &*ran.err), (Some(0), ""), "{}", ran.out);
    let lines = fs::read_to_string(&json).expect("rows");
    let objects = objects(&lines);
    let attempt = objects
        .iter()
        .find(|object| object["type"] == "probe")
        .expect("an attempt");
    assert_eq!(
        (&attempt["steps"][0]["step"], &attempt["worked"]),
        (&"look-up".into(), &false.into())
    );
    assert!(
        attempt["names"]
            .as_str()
            .is_some_and(|names| names.contains("nowhere.invalid")),
        "{attempt}"
    );
    assert_eq!(attempt["server_ip"], Value::Null);
    assert!(
        ran.out.contains("nowhere.invalid:80: 0 of 1 worked") && !ran.out.contains("FAILED"),
        "{}",
        ran.out
    );
}

#[test]
fn without_permission_the_probe_is_made_all_the_same() {
    let folder = Folder::new("probe-nobody");
    let Some(lab) = lab(&folder) else { return };
    let copy = folder.at("whodropped");
    fs::copy(env!("CARGO_BIN_EXE_whodropped"), &copy).expect("the command can be copied");
    open_to_all(folder.path());
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups", &copy, "live"];
    let targets = targets(&[8080, 8089]);
    let asked = ["--probe", &targets, "--probe-count", "1"];
    let ran = finish(lab.inside("c", "setpriv", &[&user[..], &asked].concat()));
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    for words in [
        "the wire was not watched: capturing on eth0 is not permitted",
        "setcap cap_net_raw",
    ] {
        assert!(ran.err.contains(words), "{words} in {}", ran.err);
    }
    for words in [
        "The wire cannot be watched",
        "was not watched",
        "8080: 1 of 1 worked",
        "8089: 0 of 1 worked",
    ] {
        assert!(ran.out.contains(words), "{words} in {}", ran.out);
    }
    let ran = probe(&lab, &["-i", "eth7", "--probe", &targets]);
    ran.is_refused(&["no interface eth7", "eth0"]);
}

/// As whoever the tests run as: both sides, or the application's alone.
#[test]
fn this_machine_itself_can_be_probed_by_anyone() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Until the other side closes.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let ran = run(&["live", "--probe", &target, "--probe-count", "2", "--json", "-"]);
    let objects = objects(&ran.out);
    let attempts: Vec<&Value> = objects.iter().filter(|object| object["type"] == "probe").collect();
    assert_eq!(attempts.len(), 2, "{ran:?}");
    let watched = attempts[0]["watched"] == true;
    if !watched {
        say("NOT TESTED: a probe of this machine itself, watched, because capturing is not possible here.");
    }
    assert_eq!(ran.status, Some(if watched { 0 } else { 2 }), "{ran:?}");
    for attempt in attempts {
        assert_eq!(
            (&attempt["worked"], &attempt["target"]),
            (&true.into(), &target.as_str().into())
        );
        assert_eq!(
            attempt["wire"]["status"],
            if watched { "ok".into() } else { Value::Null }
        );
    }
    assert_eq!(objects.last().map(|last| &last["type"]), Some(&"summary".into()));
}

#[test]
fn a_probe_that_makes_no_sense_is_refused() {
    run(&["live", "--probe", "db.example"]).is_refused(&["a host and a port"]);
    run(&["live", "--probe", "2001:db8::1:443"]).is_refused(&["[2001:db8::1]:443"]);
    run(&["live", "--probe", "a:1", "--probe-count", "0"]).is_refused(&["--probe-count"]);
    run(&["live", "-i", "lo", "--tls"]).is_refused(&["--probe"]);
    run(&["live", "--probe", "a:1", "--sni", "b"]).is_refused(&["--tls"]);
    run(&["live", "--probe", "a:1", "--tls", "--http"]).is_refused(&["--tls", "--http"]);
    run(&["live", "--probe", "a:1", "--http", "health"]).is_refused(&["a path begins with /"]);
}
