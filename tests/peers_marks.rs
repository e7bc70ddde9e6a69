//! Packet by packet against tshark 4.0: the same `tcp.analysis.*` marks, the same stream numbers; over all fixtures, and
//! over captures made up on the spot, the same ones on every run.

use crate::common::capture::{Capture, Packet, merged};
use crate::common::command::Folder;
use crate::common::frame::readdress;
use crate::common::noise::Noise;
use crate::common::{fixture, outcome, say};
use std::collections::BTreeSet;
use std::process::Command;

/// What is said of one packet: its number, the stream's, the mark, and which duplicate ACK it is.
type Said = (u64, u64, String, u64);

/// Differences that may stay: mark, which side alone says it, and why.
const ACCEPTED: &[(&str, &str, &str)] = &[];

/// Captures that are made up, each from its own seed, and how long each is.
const MADE_UP: u64 = 12;
const PACKETS: usize = 4_000;

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

/// Both sides of a made-up connection.
#[derive(Clone, Copy, Debug)]
struct Side {
    seq: u32,
    window: u16,
}

/// A capture while it is made up: a few connections, and everything that can happen to them.
struct Making {
    noise: Noise,
    micros: u64,
    sides: Vec<[Side; 2]>,
    capture: Capture,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// What makes up one packet.
#[derive(Clone, Copy, Debug)]
struct Header {
    connection: usize,
    from: usize,
    flags: u8,
    seq: u32,
    ack: u32,
    window: u16,
    scale: Option<u8>,
    length: usize,
}

impl Making {
    fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        // Near the wrap, so that it happens.
        let mut side = || Side {
            seq: 0_u32.wrapping_sub(noise.below(40_000) as u32),
            window: 8192,
        };
        let sides = (0..6).map(|_| [side(), side()]).collect();
        let capture = Capture {
            link: 101,
            ..Capture::ethernet()
        };
        Self {
            noise,
            micros: 1_700_000_000_000_000,
            sides,
            capture,
        }
    }

    fn capture(mut self) -> Capture {
        for connection in 0..4 {
            self.handshake(connection);
        }
        while self.capture.packets.len() < PACKETS {
            self.step();
        }
        self.capture
    }

    fn wait(&mut self) {
        let waits = [0, 10, 700, 2_990, 3_000, 3_010, 9_000, 19_990, 20_000, 60_000];
        self.micros += waits[self.noise.below(waits.len())];
        if self.noise.below(300) == 0 {
            self.micros -= 5_000;
        }
    }

    /// Two of three offer window scaling, on both sides or on one.
    fn handshake(&mut self, connection: usize) {
        let scale = |noise: &mut Noise| (noise.below(3) > 0).then(|| noise.below(4) as u8);
        for (from, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            let scale = if flags & SYN == 0 { None } else { scale(&mut self.noise) };
            let header = Header {
                flags,
                scale,
                ..self.plain(connection, from)
            };
            let side = &mut self.sides[connection][from];
            side.seq = side.seq.wrapping_add(u32::from(flags & SYN != 0));
            self.send(Header {
                ack: if flags & ACK == 0 { 0 } else { header.ack },
                ..header
            });
        }
    }

    /// An empty acknowledgment of all that the other side sent.
    fn plain(&self, connection: usize, from: usize) -> Header {
        let [own, peer] = [from, 1 - from].map(|side| self.sides[connection][side]);
        Header {
            connection,
            from,
            flags: ACK,
            seq: own.seq,
            ack: peer.seq,
            window: own.window,
            scale: None,
            length: 0,
        }
    }

    fn step(&mut self) {
        self.wait();
        let (connection, from) = (self.noise.below(self.sides.len()), self.noise.below(2));
        let plain = self.plain(connection, from);
        let length = 1 + self.noise.below(4) * 100;
        let any = self.noise.below(64) as u8;
        let back = [0, 1, 100, 101, 201, 400][self.noise.below(6)];
        let ahead = [0, 1, 100, 300, 1 << 31][self.noise.below(5)];
        match self.noise.below(64) {
            0..=19 => self.speak(plain, length, 0),
            20..=21 => self.speak(plain, length, ahead),
            22..=27 => self.send(Header {
                seq: plain.seq.wrapping_sub(length as u32 + back),
                length,
                ..plain
            }),
            28..=37 => self.send(plain),
            38..=44 => self.send(Header {
                ack: plain.ack.wrapping_sub(back),
                ..plain
            }),
            45 => self.send(Header {
                ack: plain.ack.wrapping_add(ahead),
                ..plain
            }),
            46..=48 => self.send(Header {
                seq: plain.seq.wrapping_sub(1),
                length: usize::from(any % 2),
                ..plain
            }),
            49..=52 => self.change_window(connection, from),
            53..=54 => self.fill_window(plain),
            55 => self.speak(plain, 1, 0),
            56 => self.send(Header {
                flags: RST | if back == 0 { ACK } else { 0 },
                ack: back,
                window: 0,
                ..plain
            }),
            57 => self.send(Header {
                flags: FIN | ACK,
                length: length % 2 * 100,
                ..plain
            }),
            58 => self.send(Header {
                flags: SYN,
                seq: plain.seq.wrapping_sub(back),
                ack: 0,
                ..plain
            }),
            59 => self.send(Header {
                flags: SYN | ACK,
                seq: plain.seq.wrapping_sub(back),
                ..plain
            }),
            60 => self.handshake(connection),
            61 => self.send(Header {
                flags: any,
                length: length % 3,
                ..plain
            }),
            62 => self.repeat(),
            _ => self.send(Header {
                flags: 0,
                length,
                ..plain
            }),
        }
    }

    /// New bytes, perhaps behind a gap.
    fn speak(&mut self, header: Header, length: usize, gap: u32) {
        let seq = header.seq.wrapping_add(gap);
        if gap < 1 << 31 {
            self.sides[header.connection][header.from].seq = seq.wrapping_add(length as u32);
        }
        self.send(Header { seq, length, ..header });
    }

    fn change_window(&mut self, connection: usize, from: usize) {
        self.sides[connection][from].window = [0, 0, 100, 301, 8192][self.noise.below(5)];
        self.send(self.plain(connection, from));
    }

    /// As many bytes as the other side's window has room for, if that is no more than a packet.
    fn fill_window(&mut self, header: Header) {
        let room = usize::from(self.sides[header.connection][1 - header.from].window);
        self.speak(header, room.min(1_400), 0);
    }

    /// One of the last packets, captured again.
    fn repeat(&mut self) {
        let last = self.capture.packets.len();
        let packet = self.capture.packets[last - 1 - self.noise.below(last.min(8))].clone();
        self.capture.packets.push(Packet {
            micros: self.micros,
            ..packet
        });
    }

    fn send(&mut self, header: Header) {
        let port = 61_000 + header.connection as u16;
        let mut ends = [([10, 7, 0, 1], port), ([10, 7, 0, 2], 62_000)];
        if header.from == 1 {
            ends.reverse();
        }
        let options: Vec<u8> = header.scale.map_or(Vec::new(), |shift| vec![3, 3, shift, 0]);
        let total = 40 + options.len() + header.length;
        let mut bytes = vec![0x45, 0];
        bytes.extend((total as u16).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        bytes.extend(ends.iter().flat_map(|(ip, _)| *ip));
        bytes.extend(ends.iter().flat_map(|(_, port)| port.to_be_bytes()));
        bytes.extend(header.seq.to_be_bytes());
        bytes.extend(header.ack.to_be_bytes());
        bytes.extend([(5 + options.len() as u8 / 4) << 4, header.flags]);
        bytes.extend(header.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(options);
        bytes.resize(total, b'x');
        let original = total as u32;
        self.capture.packets.push(Packet {
            micros: self.micros,
            original,
            bytes,
        });
    }
}
