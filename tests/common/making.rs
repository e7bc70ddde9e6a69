//! Captures made up of random segments, the same ones for the same seed: everything that can happen to a few connections.

use super::capture::{Capture, Packet};
use super::noise::Noise;

/// How long each capture is.
const PACKETS: usize = 4_000;

/// Both sides of a made-up connection.
#[derive(Clone, Copy, Debug)]
struct Side {
    seq: u32,
    window: u16,
}

/// A capture while it is made up: a few connections, and everything that can happen to them.
pub struct Making {
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
    options: Option<[u8; 12]>,
    length: usize,
    /// In words, where it is not the header's true length.
    offset: Option<u8>,
    /// How much of the header and payload was captured.
    captured: usize,
}

/// Options that matter, and some that are not what they should be; filled up with no-operations.
fn options(noise: &mut Noise) -> [u8; 12] {
    const ODD: [&[u8]; 8] = [
        &[3, 3, 2],
        &[3, 3, 15],
        &[3, 1],
        &[2, 4, 5, 180],
        &[8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        &[5, 10, 0, 0, 0, 1, 0, 0, 0, 9],
        &[30, 4, 0, 0],
        &[34, 10, 1, 2, 3, 4, 5, 6, 7, 8],
    ];
    filled(ODD[noise.below(ODD.len())])
}

fn filled(option: &[u8]) -> [u8; 12] {
    std::array::from_fn(|at| option.get(at).copied().unwrap_or(1))
}

impl Making {
    /// The same capture for the same seed.
    pub fn new(seed: u64) -> Self {
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

    /// All of it.
    pub fn capture(mut self) -> Capture {
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
        let scale = |noise: &mut Noise| (noise.below(3) > 0).then(|| filled(&[3, 3, noise.below(4) as u8]));
        for (from, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
            let options = if flags & SYN == 0 { None } else { scale(&mut self.noise) };
            let header = Header {
                flags,
                options,
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
            options: None,
            length: 0,
            offset: None,
            captured: usize::MAX,
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
        match self.noise.below(72) {
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
            63 => self.quote(),
            64..=66 => {
                let options = Some(options(&mut self.noise));
                self.send(Header {
                    options,
                    length: length % 3,
                    ..plain
                });
            }
            // Headers that seem too short, or to reach beyond the segment.
            67..=68 => self.send(Header {
                flags: [ACK, ACK, SYN, SYN | ACK][usize::from(any % 4)],
                offset: Some([0, 4, 15][length / 100 % 3]),
                length,
                ..plain
            }),
            // Data in a SYN.
            69 => self.send(Header {
                flags: SYN | any & ACK,
                length,
                ..plain
            }),
            70 => {
                let options = Some(filled(&[8, 10, 0, 0, 0, 1, 0, 0, 0, 2]));
                self.send(Header {
                    options,
                    captured: 16 + usize::from(any) % 20,
                    length,
                    ..plain
                });
            }
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

    /// An ICMP error that quotes one of the last packets, or a packet that was never sent.
    fn quote(&mut self) {
        let last = self.capture.packets.len();
        let mut packet = self.capture.packets[last - 1 - self.noise.below(last.min(8))].clone();
        // The options of a quoted SYN count in Wireshark, and not here.
        if packet.bytes[9] != 6 || packet.bytes[33] & SYN != 0 {
            return;
        }
        packet.bytes[27] ^= self.noise.below(2) as u8;
        let outer = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 10, 7, 0, 9, 10, 7, 0, 1];
        packet.bytes.truncate([28, 40, 44, 60][self.noise.below(4)]);
        packet
            .bytes
            .splice(0..0, outer.into_iter().chain([3, 3, 0, 0, 0, 0, 0, 0]));
        let original = packet.bytes.len() as u32;
        packet.bytes[2..4].copy_from_slice(&(original as u16).to_be_bytes());
        self.capture.packets.push(Packet {
            micros: self.micros,
            original,
            ..packet
        });
    }

    fn send(&mut self, header: Header) {
        let port = 61_000 + header.connection as u16;
        let mut ends = [([10, 7, 0, 1], port), ([10, 7, 0, 2], 62_000)];
        if header.from == 1 {
            ends.reverse();
        }
        let options = header.options.as_ref().map_or(&[][..], |options| options);
        let total = 40 + options.len() + header.length;
        let mut bytes = vec![0x45, 0];
        bytes.extend((total as u16).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        bytes.extend(ends.iter().flat_map(|(ip, _)| *ip));
        bytes.extend(ends.iter().flat_map(|(_, port)| port.to_be_bytes()));
        bytes.extend(header.seq.to_be_bytes());
        bytes.extend(header.ack.to_be_bytes());
        let words = header.offset.unwrap_or(5 + options.len() as u8 / 4);
        bytes.extend([words << 4, header.flags]);
        bytes.extend(header.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(options);
        bytes.resize(total, b'x');
        let original = total as u32;
        bytes.truncate(header.captured.saturating_add(20));
        self.capture.packets.push(Packet {
            micros: self.micros,
            original,
            bytes,
        });
    }
}
