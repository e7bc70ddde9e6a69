//! Flow by flow against tshark: the same streams, the same ends, the same flags, the same ICMP errors.
//!
//! All fixtures are looked at in one go, as one pcapng in which each has an interface and addresses of its own.

use crate::common::capture::{Capture, merged};
use crate::common::command::Folder;
use crate::common::fixture;
use crate::common::frame::readdress;
use crate::common::{outcome, say};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io;
use std::process::Command;
use std::sync::OnceLock;
use whodropped::capture::open_reader;
use whodropped::flow::FlowFacts;
use whodropped::flow::table::Table;
use whodropped::wire::{Heard, decode};

/// Differences that are ours to answer for: fixture, what differs, and why it may.
const ACCEPTED: &[(&str, &str, &str)] = &[];

/// One stream, as either side sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stream {
    /// Number of its first packet.
    first: u64,
    /// `address port` of both ends.
    ends: BTreeSet<String>,
    /// Senders of SYNs.
    clients: BTreeSet<String>,
    packets: u64,
    syns: u64,
    syn_acks: u64,
    fins: u64,
    rsts: u64,
    /// Errors that end connections.
    icmp_errors: u64,
    /// Copies among the packets: their flags are counted by tshark, and not by us.
    copies: u64,
}

/// Both views of all fixtures.
struct Views {
    /// Packets before each fixture.
    starts: Vec<(u64, String)>,
    ours: BTreeMap<u64, Stream>,
    theirs: BTreeMap<u64, Stream>,
}

impl Views {
    fn fixture_of(&self, stream: &Stream) -> &str {
        let place = self.starts.partition_point(|(before, _)| *before < stream.first);
        &self.starts[place - 1].1
    }

    /// Compares `part` of every stream.
    fn agree<T: PartialEq + Debug>(&self, name: &str, part: impl Fn(&Stream) -> T) {
        let mut differences = Vec::new();
        for (number, theirs) in &self.theirs {
            let ours = self.ours.get(number).cloned().unwrap_or_default();
            if part(&ours) == part(theirs) {
                continue;
            }
            let fixture = self.fixture_of(theirs);
            if !ACCEPTED
                .iter()
                .any(|accepted| accepted.0 == fixture && accepted.1 == name)
            {
                let (ours, theirs) = (part(&ours), part(theirs));
                differences.push(format!("{fixture}, stream {number}: {ours:?}, tshark says {theirs:?}"));
            }
        }
        let (count, all) = (differences.len(), self.theirs.len());
        assert!(
            differences.is_empty(),
            "{name}: {count} of {all} streams differ\n{}",
            differences.join("\n")
        );
    }
}

/// Both views, made once; `None` where there is no tshark.
fn views() -> Option<&'static Views> {
    static VIEWS: OnceLock<Option<Views>> = OnceLock::new();
    VIEWS.get_or_init(look).as_ref()
}

fn look() -> Option<Views> {
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "tshark is not installed, and this is CI"
        );
        say("NOT TESTED: nothing was compared with tshark, because there is none on the PATH.");
        return None;
    }
    let (mut captures, mut starts, mut before) = (Vec::new(), Vec::new(), 0);
    for (number, fixture) in fixture::all().iter().enumerate() {
        let mut capture: Capture = fixture.capture();
        readdress(&mut capture, number);
        starts.push((before, fixture.name()));
        before += capture.packets.len() as u64;
        captures.push(capture);
    }
    let bytes = merged(&captures);
    Some(Views {
        starts,
        ours: our_view(&bytes),
        theirs: their_view(&bytes),
    })
}

fn our_view(bytes: &[u8]) -> BTreeMap<u64, Stream> {
    let facts: BTreeMap<u64, FlowFacts> = facts_of(bytes)
        .into_iter()
        .map(|facts| (facts.first.number(), facts))
        .collect();
    let mut streams: BTreeMap<u64, Stream> = BTreeMap::new();
    for flow in outcome::judged(bytes) {
        let row = flow.row;
        let facts = &facts[&row.first_packet];
        let stream = streams
            .entry(row.tcp_stream.expect("every flow has a stream"))
            .or_default();
        let [client, server] = [row.client, row.server].map(|end| format!("{} {}", end.ip, end.port));
        if stream.packets == 0 {
            stream.first = row.first_packet;
            stream.ends = [client, server].into();
        }
        for dir in [facts.client, facts.client.flip()] {
            let side = &facts.sides[dir.index()];
            if side.syns > 0 {
                let end = facts.key.sender(dir);
                stream.clients.insert(format!("{} {}", end.ip, end.port));
            }
            stream.fins += u64::from(side.fins);
            stream.rsts += u64::from(side.rsts);
            stream.copies += side.copies;
        }
        stream.packets += row.client_side.packets + row.server_side.packets;
        stream.syns += row.syns;
        stream.syn_acks += row.syn_acks;
        stream.icmp_errors += u64::from(facts.icmp_errors);
    }
    streams
}

/// The tracker's facts, without the driver around it.
fn facts_of(bytes: &[u8]) -> Vec<FlowFacts> {
    let mut table = Table::default();
    let reader = Box::new(io::Cursor::new(bytes.to_vec()));
    let mut source = open_reader("all", reader, None).expect("it is a capture");
    while let Some(batch) = source.next_batch().expect("it is whole") {
        for record in batch.records {
            match decode(record, batch.bytes(record)) {
                Heard::Segment(segment) => table.on_segment(&segment, 0),
                Heard::IcmpError(error) => table.on_icmp(&error),
                _ => {}
            }
        }
    }
    table.finish().flows().collect::<Vec<_>>()
}

const FIELDS: [&str; 13] = [
    "frame.number",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "tcp.flags",
    "icmp.type",
    "icmp.code",
    "icmpv6.type",
    "icmpv6.code",
];

fn their_view(bytes: &[u8]) -> BTreeMap<u64, Stream> {
    let folder = Folder::new("peers");
    let mut tshark = Command::new("tshark");
    tshark.env("WIRESHARK_CONFIG_DIR", folder.path());
    tshark.args([
        "-n",
        "-r",
        &folder.file("all.pcapng", bytes),
        "-T",
        "fields",
        "-E",
        "occurrence=f",
    ]);
    tshark.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = tshark.output().expect("tshark can be run");
    assert!(
        output.status.success(),
        "tshark: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut streams = BTreeMap::new();
    for line in String::from_utf8(output.stdout).expect("tshark writes text").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        if let Ok(number) = fields[1].parse() {
            let stream: &mut Stream = streams.entry(number).or_default();
            stream.on_line(&fields);
        }
    }
    streams
}

impl Stream {
    fn on_line(&mut self, fields: &[&str]) {
        let number = |at: usize| fields[at].parse::<u64>().ok();
        if let Some(kind) = number(9).or(number(11)) {
            let code = number(10).or(number(12)).unwrap_or_default();
            let is_hard = if number(9).is_some() {
                (kind == 3 && code != 4) || (kind, code) == (11, 0)
            } else {
                (kind == 1 && code != 2) || (kind, code) == (3, 0) || (kind, code) == (4, 1)
            };
            self.icmp_errors += u64::from(is_hard);
            return;
        }
        let end = |v4: usize, port: usize| {
            let ip = if fields[v4].is_empty() {
                fields[v4 + 1]
            } else {
                fields[v4]
            };
            format!("{ip} {}", fields[port])
        };
        let (source, target) = (end(2, 4), end(5, 7));
        let flags = u16::from_str_radix(fields[8].trim_start_matches("0x"), 16).unwrap_or_default();
        if self.packets == 0 {
            self.first = number(0).unwrap_or_default();
            self.ends = [source.clone(), target].into();
        }
        self.packets += 1;
        match flags & 0x12 {
            0x02 => {
                self.syns += 1;
                self.clients.insert(source);
            }
            0x12 => self.syn_acks += 1,
            _ => {}
        }
        self.fins += u64::from(flags & 1);
        self.rsts += u64::from(flags >> 2 & 1);
    }
}

#[test]
fn streams_have_the_same_numbers_and_ends() {
    let Some(views) = views() else { return };
    let with_packets = |streams: &BTreeMap<u64, Stream>| streams.values().filter(|stream| stream.packets > 0).count();
    assert!(with_packets(&views.theirs) > 700, "only {} streams", views.theirs.len());
    assert_eq!(with_packets(&views.ours), with_packets(&views.theirs));
    views.agree("first packet and ends", |stream| (stream.first, stream.ends.clone()));
}

#[test]
fn the_sender_of_the_syn_is_the_same() {
    let Some(views) = views() else { return };
    views.agree("SYN senders", |stream| stream.clients.clone());
}

#[test]
fn streams_have_as_many_packets_syns_and_syn_acks() {
    let Some(views) = views() else { return };
    views.agree("packets", |stream| stream.packets);
    views.agree("SYNs", |stream| stream.syns);
    views.agree("SYN-ACKs", |stream| stream.syn_acks);
}

#[test]
fn streams_have_as_many_fins_and_resets() {
    let Some(views) = views() else { return };
    let mut plain = Views {
        starts: views.starts.clone(),
        ours: views.ours.clone(),
        theirs: views.theirs.clone(),
    };
    plain
        .theirs
        .retain(|number, _| views.ours.get(number).is_none_or(|stream| stream.copies == 0));
    assert!(
        plain.theirs.len() * 10 > views.theirs.len() * 8,
        "copies are the exception"
    );
    plain.agree("FINs", |stream| stream.fins);
    plain.agree("RSTs", |stream| stream.rsts);
}

#[test]
fn icmp_errors_belong_to_the_same_streams() {
    let Some(views) = views() else { return };
    let attached = views.theirs.values().filter(|stream| stream.icmp_errors > 0).count();
    assert!(attached > 10, "only {attached} streams met an ICMP error");
    views.agree("ICMP errors", |stream| stream.icmp_errors);
}
