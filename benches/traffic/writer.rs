//! Packets to a classic pcap stream: Ethernet, IPv4 or IPv6, TCP or ICMP. Checksums are left zero, as offload leaves them.

use super::packet::{ACK, DEVICE_TTL, Line, Look, Packet, Payload, ROUTER_V4, ROUTER_V6, RST, SYN, Side};
use super::random::Random;
use std::io::{self, Write};
use std::net::IpAddr;

/// The capture begins here: 2024-05-01 08:00:00 UTC, in microseconds.
const START: u64 = 1_714_550_400_000_000;
const NOISE: usize = 1 << 18;

/// Writes packets, and counts them.
pub struct Writer<W> {
    out: W,
    noise: Vec<u8>,
    place: usize,
    pub packets: u64,
    pub bytes: u64,
}

/// A packet's headers under construction.
struct Head {
    bytes: [u8; 256],
    length: usize,
}

impl Head {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

impl<W: Write> Writer<W> {
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
        let mut random = Random::new(99);
        // With the top bit set, nothing in it looks like the beginning of a known protocol.
        let noise = (0..NOISE).map(|_| random.next() as u8 | 0x80).collect();
        Ok(Self {
            out,
            noise,
            place: 0,
            packets: 0,
            bytes: 24,
        })
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    pub fn packet(&mut self, line: &mut Line, packet: &Packet) -> io::Result<()> {
        let mut head = Head {
            bytes: [0; 256],
            length: 16,
        };
        match packet.look {
            Look::Icmp(kind, code) => icmp(&mut head, line, packet, kind, code),
            _ => tcp(&mut head, line, packet),
        }
        let payload = if matches!(packet.look, Look::Icmp(..)) {
            0
        } else {
            usize::from(packet.length)
        };
        let mut opening = [0; 256];
        let opened = begin(&mut opening, line, packet.payload, payload);
        let total = (head.length - 16 + payload) as u32;
        let micros = START + packet.at / 1000;
        head.bytes[..4].copy_from_slice(&((micros / 1_000_000) as u32).to_le_bytes());
        head.bytes[4..8].copy_from_slice(&((micros % 1_000_000) as u32).to_le_bytes());
        head.bytes[8..12].copy_from_slice(&total.to_le_bytes());
        head.bytes[12..16].copy_from_slice(&total.to_le_bytes());
        self.out.write_all(&head.bytes[..head.length])?;
        if payload > 0 {
            self.out.write_all(&opening[..opened])?;
            let rest = payload - opened;
            self.place = (self.place + 1447) % (NOISE - (1 << 16));
            self.out.write_all(&self.noise[self.place..self.place + rest])?;
        }
        self.packets += 1;
        self.bytes += u64::from(total) + 16;
        Ok(())
    }
}

fn ethernet(head: &mut Head, from: Side, is_v6: bool) {
    let (near, far) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let (target, source) = match from {
        Side::Client => (far, near),
        Side::Server => (near, far),
    };
    head.put(&target);
    head.put(&source);
    head.put(if is_v6 { &[0x86, 0xdd] } else { &[8, 0] });
}

/// An IP header for `length` bytes of payload.
fn ip(head: &mut Head, ips: (IpAddr, IpAddr), ttl: u8, id: u16, protocol: u8, length: usize) {
    match ips {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            head.put(&[0x45, 0]);
            head.put(&(20 + length as u16).to_be_bytes());
            head.put(&id.to_be_bytes());
            head.put(&[0x40, 0, ttl, protocol, 0, 0]);
            head.put(&source.octets());
            head.put(&target.octets());
        }
        (source, target) => {
            head.put(&[0x60, 0, 0, 0]);
            head.put(&(length as u16).to_be_bytes());
            head.put(&[protocol, ttl]);
            for ip in [source, target] {
                if let IpAddr::V6(ip) = ip {
                    head.put(&ip.octets());
                }
            }
        }
    }
}

fn tcp(head: &mut Head, line: &mut Line, packet: &Packet) {
    let (from, to) = (packet.from as usize, packet.from.other() as usize);
    let is_strange = packet.look != Look::Ordinary;
    let mut options = [0; 40];
    let optioned = if is_strange {
        0
    } else {
        options_of(&mut options, line, packet)
    };
    let header = 20 + optioned;
    let is_linux_syn_ack = packet.flags & (SYN | ACK) == SYN | ACK && line.timestamps;
    let id = if is_strange || is_linux_syn_ack {
        0
    } else {
        line.ids[from] = line.ids[from].wrapping_add(1).max(1);
        line.ids[from]
    };
    let ttl = if packet.look == Look::Device {
        DEVICE_TTL
    } else {
        line.ttls[from]
    };
    ethernet(head, packet.from, line.ips[0].is_ipv6());
    ip(
        head,
        (line.ips[from], line.ips[to]),
        ttl,
        id,
        6,
        header + usize::from(packet.length),
    );
    head.put(&line.ports[from].to_be_bytes());
    head.put(&line.ports[to].to_be_bytes());
    head.put(&packet.seq.to_be_bytes());
    let ack = if packet.flags & ACK == 0 { 0 } else { packet.ack };
    head.put(&ack.to_be_bytes());
    head.put(&[(header as u8 / 4) << 4, packet.flags]);
    head.put(&packet.window.to_be_bytes());
    head.put(&[0; 4]);
    head.put(&options[..optioned]);
    if !is_strange {
        line.last[from] = (packet.seq, ack, packet.flags);
    }
}

/// Options as Linux (with timestamps) and Windows (without) write them.
fn options_of(options: &mut [u8; 40], line: &mut Line, packet: &Packet) -> usize {
    let from = packet.from as usize;
    let mut length = 0;
    let mut put = |bytes: &[u8]| {
        options[length..length + bytes.len()].copy_from_slice(bytes);
        length += bytes.len();
    };
    let is_syn = packet.flags & SYN != 0;
    if is_syn {
        put(&[2, 4]);
        put(&line.mss.to_be_bytes());
    }
    let clock = line.clocks[from].wrapping_add((packet.at / 1_000_000) as u32);
    if line.timestamps {
        put(if is_syn { &[4, 2] } else { &[1, 1] });
        put(&[8, 10]);
        put(&clock.to_be_bytes());
        let echo = if packet.flags & ACK == 0 {
            0
        } else {
            line.heard[1 - from]
        };
        put(&echo.to_be_bytes());
        line.heard[from] = clock;
    }
    if is_syn {
        put(&[1, 3, 3, line.scales[from]]);
        if !line.timestamps {
            put(&[1, 1, 4, 2]);
        }
    } else if packet.sack.0 != packet.sack.1 && packet.flags & RST == 0 {
        put(&[1, 1, 5, 10]);
        put(&packet.sack.0.to_be_bytes());
        put(&packet.sack.1.to_be_bytes());
    }
    length
}

/// An ICMP error to `packet.from`'s peer, which quotes the first eight TCP bytes of its last packet.
fn icmp(head: &mut Head, line: &mut Line, packet: &Packet, kind: u8, code: u8) {
    let (from, to) = (packet.from as usize, packet.from.other() as usize);
    let is_v6 = line.ips[0].is_ipv6();
    let router = if is_v6 {
        IpAddr::from(ROUTER_V6)
    } else {
        IpAddr::from(ROUTER_V4)
    };
    let (quoted, protocol) = if is_v6 { (40 + 20, 58) } else { (20 + 8, 1) };
    ethernet(head, packet.from, is_v6);
    ip(head, (router, line.ips[to]), DEVICE_TTL, 0, protocol, 8 + quoted);
    head.put(&[kind, code, 0, 0, 0, 0, 0, 0]);
    let (seq, ack, flags) = line.last[to];
    ip(
        head,
        (line.ips[to], line.ips[from]),
        line.ttls[to].saturating_sub(2),
        line.ids[to],
        6,
        40,
    );
    head.put(&line.ports[to].to_be_bytes());
    head.put(&line.ports[from].to_be_bytes());
    head.put(&seq.to_be_bytes());
    if is_v6 {
        head.put(&ack.to_be_bytes());
        head.put(&[0xa0, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    }
}

/// The first bytes of a payload of `length` bytes; says how many.
fn begin(into: &mut [u8; 256], line: &Line, payload: Payload, length: usize) -> usize {
    let mut put = |text: &[u8]| {
        let size = text.len().min(length);
        into[..size].copy_from_slice(&text[..size]);
        size
    };
    let record = (length.saturating_sub(5)).min(16_384) as u16;
    let [high, low] = record.to_be_bytes();
    match payload {
        Payload::Noise => 0,
        Payload::TlsData => put(&[0x17, 3, 3, high, low]),
        Payload::ServerHello => put(&[0x16, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3]),
        Payload::HttpRequest => put(format!(
            "GET /{:x} HTTP/1.1\r\nHost: h{}.example.net\r\nX: ",
            line.name, line.name
        )
        .as_bytes()),
        Payload::ClientHello => put(&hello(line.name, length)),
    }
}

/// A ClientHello of `length` bytes in all, padded (RFC 7685) behind its server name. It may go on in the next segment.
fn hello(name: u32, length: usize) -> Vec<u8> {
    let name = format!("h{name}.example.net");
    let size = length.max(200);
    let be = |value: usize| (value as u16).to_be_bytes();
    let mut bytes = vec![0x16, 3, 1];
    bytes.extend(be(size - 5));
    bytes.extend([1, 0]);
    bytes.extend(be(size - 9));
    bytes.extend([3, 3]);
    bytes.extend([7; 32]);
    bytes.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    bytes.extend(be(size - bytes.len() - 2));
    bytes.extend([0, 0]);
    bytes.extend(be(name.len() + 5));
    bytes.extend(be(name.len() + 3));
    bytes.push(0);
    bytes.extend(be(name.len()));
    bytes.extend(name.as_bytes());
    bytes.extend([0, 21]);
    bytes.extend(be(size - bytes.len() - 2));
    bytes
}
