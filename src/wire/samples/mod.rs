//! Frames for the tests of this room: one TCP segment in every wrapping that we look through.

mod frames;
mod links;
mod tunnels;

pub(in crate::wire) use frames::{ethers, wifis};
pub(in crate::wire) use links::links;
pub(in crate::wire) use tunnels::{packets, tunnels, udp_tunnels};

use super::{Heard, Segment, decode};
use crate::base::Stamp;
use crate::capture::{LinkType, Record};
use etherparse::PacketBuilder;

/// A frame that carries the segment of [`packet_v4`] or [`packet_v6`].
pub(in crate::wire) struct Sample {
    pub(in crate::wire) name: &'static str,
    pub(in crate::wire) link: u16,
    pub(in crate::wire) bytes: Vec<u8>,
}

impl Sample {
    fn new(name: &'static str, link: u16, bytes: Vec<u8>) -> Self {
        Self { name, link, bytes }
    }
}

/// A record of packet 7 with these bytes and, on the wire, `original` bytes.
pub(in crate::wire) fn record(link: u16, captured: usize, original: usize) -> Record {
    Record {
        number: 7,
        stamp: Stamp(1),
        start: 0,
        captured: captured as u32,
        original: original as u32,
        interface: 3,
        link: LinkType(link),
    }
}

/// What a frame that was captured whole carries.
pub(in crate::wire) fn heard(link: u16, bytes: &[u8]) -> Heard {
    decode(&record(link, bytes.len(), bytes.len()), bytes)
}

/// As [`heard`], where it has to be a segment.
pub(in crate::wire) fn segment(link: u16, bytes: &[u8]) -> Segment {
    match heard(link, bytes) {
        Heard::Segment(segment) => segment,
        other => panic!("no segment but {other:?} in {bytes:02x?}"),
    }
}

/// Asserts that every sample gives the segment that was put into it.
pub(in crate::wire) fn assert_all_are_heard(samples: &[Sample]) {
    for sample in samples {
        let segment = segment(sample.link, &sample.bytes);
        let (from, to) = (segment.key.sender(segment.dir), segment.key.sender(segment.dir.flip()));
        let ends = (from.to_string(), to.to_string());
        let v4 = ("10.0.0.1:40000".to_owned(), "10.0.0.2:80".to_owned());
        let v6 = ("[2001:db8::1]:40000".to_owned(), "[2001:db8::2]:80".to_owned());
        assert!(ends == v4 || ends == v6, "{}: {ends:?}", sample.name);
        let numbers = (
            segment.seq.0,
            segment.ack.0,
            segment.flags.0,
            segment.length,
            segment.window,
        );
        assert_eq!(numbers, (1000, 2000, 0x18, 5, 512), "{}", sample.name);
        assert_eq!(segment.options.timestamps, Some((11, 12)), "{}", sample.name);
        let about = (segment.packet, segment.interface, segment.header_cut, segment.ttl);
        assert_eq!(about, (7, 3, false, 61), "{}", sample.name);
    }
}

/// An IPv4 packet with a TCP segment: 12 bytes of options, 5 of payload.
pub(in crate::wire) fn packet_v4() -> Vec<u8> {
    let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 61).tcp(40_000, 80, 1000, 512);
    let mut bytes = Vec::new();
    let options = [1, 1, 8, 10, 0, 0, 0, 11, 0, 0, 0, 12];
    let builder = builder.ack(2000).psh().options_raw(&options).unwrap();
    builder.write(&mut bytes, b"hello").unwrap();
    bytes
}

/// As [`packet_v4`], over IPv6.
pub(in crate::wire) fn packet_v6() -> Vec<u8> {
    let ip = |last: u8| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let builder = PacketBuilder::ipv6(ip(1), ip(2), 61).tcp(40_000, 80, 1000, 512);
    let mut bytes = Vec::new();
    let options = [1, 1, 8, 10, 0, 0, 0, 11, 0, 0, 0, 12];
    let builder = builder.ack(2000).psh().options_raw(&options).unwrap();
    builder.write(&mut bytes, b"hello").unwrap();
    bytes
}

/// The TCP segment alone.
pub(in crate::wire) fn tcp() -> Vec<u8> {
    packet_v4()[20..].to_vec()
}

/// `header` (in hexadecimal, spaces allowed) before `payload`.
pub(in crate::wire) fn before(header: &str, payload: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = header.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    bytes.extend(payload);
    bytes
}

/// An Ethernet frame whose type field and further headers are `rest`. The addresses begin with 6 to tempt MPLS.
pub(in crate::wire) fn ethernet(rest: &str, payload: &[u8]) -> Vec<u8> {
    before(&format!("62aabbccddee 66aabbccddff {rest}"), payload)
}

/// An IPv4 packet from 192.0.2.1 to 192.0.2.2 with this protocol, and a header in hexadecimal before `payload`.
pub(in crate::wire) fn outer_v4(protocol: u8, header: &str, payload: &[u8]) -> Vec<u8> {
    let content = before(header, payload);
    let start = format!(
        "4500 {:04x} 0000 0000 40 {protocol:02x} 0000 c0000201 c0000202",
        content.len() + 20
    );
    before(&start, &content)
}

/// As [`outer_v4`], over IPv6 from `2001:db8:ffff::1` to `2001:db8:ffff::2`.
pub(in crate::wire) fn outer_v6(next: u8, header: &str, payload: &[u8]) -> Vec<u8> {
    let content = before(header, payload);
    let start = format!(
        "60000000 {:04x} {next:02x} 3d 20010db8ffff00000000000000000001 20010db8ffff00000000000000000002",
        content.len()
    );
    before(&start, &content)
}

/// A UDP datagram to `port` in IPv4.
pub(in crate::wire) fn udp(port: u16, header: &str, payload: &[u8]) -> Vec<u8> {
    let content = before(header, payload);
    outer_v4(17, &format!("c000 {port:04x} {:04x} 0000", content.len() + 8), &content)
}

/// All samples of all files.
pub(in crate::wire) fn all() -> Vec<Sample> {
    [links(), ethers(), wifis(), packets(), tunnels(), udp_tunnels()]
        .into_iter()
        .flatten()
        .collect()
}
