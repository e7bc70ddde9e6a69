//! Packet by packet against tshark 4.0: the same `tcp.analysis.*` marks, the same stream numbers; over all fixtures, and
//! over captures made up on the spot, the same ones on every run.

use crate::common::capture::merged;
use crate::common::command::Folder;
use crate::common::frame::readdress;
use crate::common::making::Making;
use crate::common::{fixture, outcome, say};
use std::collections::BTreeSet;
use std::process::Command;

/// What is said of one packet: its number, the stream's, the mark, and which duplicate ACK it is.
type Said = (u64, u64, String, u64);

/// Differences that may stay: mark, which side alone says it, and why.
const ACCEPTED: &[(&str, &str, &str)] = &[];

/// Captures that are made up, each from its own seed.
const MADE_UP: u64 = 12;

#[test]
fn fixtures_get_the_marks_that_tshark_gives() {
    let mut captures = Vec::new();
    for (number, fixture) in fixture::all().iter().enumerate() {
        let mut capture = fixture.capture();
        readdress(&mut capture, number);
        captures.push(capture);
    }
    compare("fixtures", &merged(&captures));
}

#[test]
fn made_up_captures_get_the_marks_that_tshark_gives() {
    for seed in 1..=MADE_UP {
        compare(&format!("seed {seed}"), &Making::new(seed).capture().pcap());
    }
}

/// Wireshark takes the last four bytes of such a frame for its check sequence, which most captures do not hold.
#[test]
fn made_up_captures_in_fabric_path_frames_get_the_marks_that_tshark_gives() {
    let mut capture = Making::new(77).capture();
    capture.link = 1;
    // ICMP errors are judged by the packet as it is.
    capture.packets.retain(|packet| packet.bytes[9] == 6);
    for packet in &mut capture.packets {
        let header = [[2; 12].as_slice(), &[0x89, 3, 0, 0x40], &[4; 12], &[8, 0]].concat();
        packet.original += header.len() as u32;
        packet.bytes.splice(0..0, header);
    }
    compare("fabric path", &capture.pcap());
}

fn compare(name: &str, bytes: &[u8]) {
    let Some(theirs) = their_marks(name, bytes) else { return };
    let ours: BTreeSet<Said> = outcome::marks(bytes).into_iter().collect();
    let mut differences = Vec::new();
    for (who, a, b) in [("we", &ours, &theirs), ("tshark", &theirs, &ours)] {
        let alone = a.difference(b).filter(|said| {
            !ACCEPTED
                .iter()
                .any(|accepted| accepted.0 == said.2 && accepted.1 == who)
        });
        differences.extend(alone.map(|said| {
            format!(
                "only {who} say: packet {} of stream {}, {} {}",
                said.0, said.1, said.2, said.3
            )
        }));
    }
    assert!(theirs.len() > 50, "{name}: only {} marks", theirs.len());
    let count = differences.len();
    differences.truncate(20);
    assert!(
        count == 0,
        "{name}: {count} differences among {} marks\n{}",
        theirs.len(),
        differences.join("\n")
    );
}

/// Marks by tshark's names, in the order in which they are asked for.
const FIELDS: [&str; 15] = [
    "retransmission",
    "fast_retransmission",
    "spurious_retransmission",
    "out_of_order",
    "duplicate_ack",
    "lost_segment",
    "ack_lost_segment",
    "keep_alive",
    "keep_alive_ack",
    "zero_window",
    "zero_window_probe",
    "zero_window_probe_ack",
    "window_full",
    "window_update",
    "reused_ports",
];

fn their_marks(name: &str, bytes: &[u8]) -> Option<BTreeSet<Said>> {
    if !is_wireshark_4_0() {
        assert!(
            std::env::var_os("CI").is_none(),
            "tshark 4.0 is not installed, and this is CI"
        );
        say("NOT TESTED: no marks were compared with tshark, because there is no tshark 4.0 on the PATH.");
        return None;
    }
    let folder = Folder::new(&format!("marks {name}"));
    let mut tshark = Command::new("tshark");
    tshark.env("WIRESHARK_CONFIG_DIR", folder.path());
    tshark.args([
        "-n",
        "-r",
        &folder.file("marks.pcap", bytes),
        "-T",
        "fields",
        "-E",
        "occurrence=f",
    ]);
    tshark.args([
        "-o",
        "tcp.desegment_tcp_streams:FALSE",
        "-o",
        "tcp.check_checksum:FALSE",
    ]);
    // Headers quoted in ICMP errors are judged as little as they are here.
    tshark.args(["-Y", "tcp.analysis.flags && !icmp && !icmpv6"]);
    tshark.args([
        "-e",
        "frame.number",
        "-e",
        "tcp.stream",
        "-e",
        "tcp.analysis.duplicate_ack_num",
    ]);
    let fields: Vec<String> = FIELDS.iter().map(|field| format!("tcp.analysis.{field}")).collect();
    tshark.args(fields.iter().flat_map(|field| ["-e", field]));
    let output = tshark.output().expect("tshark can be run");
    assert!(
        output.status.success(),
        "tshark: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("tshark writes text");
    Some(text.lines().flat_map(said_in).collect())
}

fn is_wireshark_4_0() -> bool {
    let version = Command::new("tshark").arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("TShark (Wireshark) 4.0."))
}

fn said_in(line: &str) -> Vec<Said> {
    let fields: Vec<&str> = line.split('\t').collect();
    let number = |at: usize| fields[at].parse().unwrap_or_default();
    let marks = FIELDS.iter().zip(&fields[3..]).filter(|(_, value)| !value.is_empty());
    marks
        .map(|(name, _)| {
            let duplicate = if *name == "duplicate_ack" { number(2) } else { 0 };
            (number(0), number(1), name.replace('_', "-"), duplicate)
        })
        .collect()
}
