//! Frames for the tests of this room: one TCP segment in every wrapping that we look through.

use super::{Heard, Segment, decode};
use crate::base::Stamp;
use crate::capture::{LinkType, Record};
use etherparse::PacketBuilder;

/// A frame that carries the segment of [`packet_v4`] or [`packet_v6`].
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) link: u16,
    pub(super) bytes: Vec<u8>,
}

/// A record of packet 7 with these bytes and, on the wire, `original` bytes.
pub(super) fn record(link: u16, captured: usize, original: usize) -> Record {
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
pub(super) fn heard(link: u16, bytes: &[u8]) -> Heard {
    decode(&record(link, bytes.len(), bytes.len()), bytes)
}

/// As [`heard`], where it has to be a segment.
pub(super) fn segment(link: u16, bytes: &[u8]) -> Segment {
    match heard(link, bytes) {
        Heard::Segment(segment) => segment,
        other => panic!("no segment but {other:?} in {bytes:02x?}"),
    }
}

/// Asserts that every sample gives the segment that was put into it.
pub(super) fn assert_all_are_heard(samples: &[Sample]) {
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
pub(super) fn packet_v4() -> Vec<u8> {
    let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 61).tcp(40_000, 80, 1000, 512);
    let mut bytes = Vec::new();
    let options = [1, 1, 8, 10, 0, 0, 0, 11, 0, 0, 0, 12];
    let builder = builder.ack(2000).psh().options_raw(&options).unwrap();
    builder.write(&mut bytes, b"hello").unwrap();
    bytes
}

/// As [`packet_v4`], over IPv6.
pub(super) fn packet_v6() -> Vec<u8> {
    let ip = |last: u8| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let builder = PacketBuilder::ipv6(ip(1), ip(2), 61).tcp(40_000, 80, 1000, 512);
    let mut bytes = Vec::new();
    let options = [1, 1, 8, 10, 0, 0, 0, 11, 0, 0, 0, 12];
    let builder = builder.ack(2000).psh().options_raw(&options).unwrap();
    builder.write(&mut bytes, b"hello").unwrap();
    bytes
}

/// The TCP segment alone.
pub(super) fn tcp() -> Vec<u8> {
    packet_v4()[20..].to_vec()
}

/// `header` (in hexadecimal, spaces allowed) before `payload`.
pub(super) fn before(header: &str, payload: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = header.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    bytes.extend(payload);
    bytes
}

/// An Ethernet frame whose type field and further headers are `rest`. The addresses begin with 6 to tempt MPLS.
pub(super) fn ethernet(rest: &str, payload: &[u8]) -> Vec<u8> {
    before(&format!("62aabbccddee 66aabbccddff {rest}"), payload)
}

/// An IPv4 packet from 192.0.2.1 to 192.0.2.2 with this protocol, and a header in hexadecimal before `payload`.
pub(super) fn outer_v4(protocol: u8, header: &str, payload: &[u8]) -> Vec<u8> {
    let content = before(header, payload);
    let start = format!(
        "4500 {:04x} 0000 0000 40 {protocol:02x} 0000 c0000201 c0000202",
        content.len() + 20
    );
    before(&start, &content)
}

/// As [`outer_v4`], over IPv6 from `2001:db8:ffff::1` to `2001:db8:ffff::2`.
pub(super) fn outer_v6(next: u8, header: &str, payload: &[u8]) -> Vec<u8> {
    let content = before(header, payload);
    let start = format!(
        "60000000 {:04x} {next:02x} 3d 20010db8ffff00000000000000000001 20010db8ffff00000000000000000002",
        content.len()
    );
    before(&start, &content)
}

/// A UDP datagram to `port` in IPv4.
pub(super) fn udp(port: u16, header: &str, payload: &[u8]) -> Vec<u8> {
    let content = before(header, payload);
    outer_v4(17, &format!("c000 {port:04x} {:04x} 0000", content.len() + 8), &content)
}

/// All samples of all files.
pub(super) fn all() -> Vec<Sample> {
    [links(), ethers(), wifis(), packets(), tunnels(), udp_tunnels()]
        .into_iter()
        .flatten()
        .collect()
}

fn sample(name: &'static str, link: u16, bytes: Vec<u8>) -> Sample {
    Sample { name, link, bytes }
}

/// One per link type.
pub(super) fn links() -> Vec<Sample> {
    let (v4, v6) = (packet_v4(), packet_v6());
    let cooked = |rest: &str, payload: &[u8]| before(&format!("0000 {rest}"), payload);
    let cooked_v2 = |protocol: &str, payload: &[u8]| {
        before(
            &format!("{protocol} 0000 00000002 0001 00 06 aabbccddeeff 0000"),
            payload,
        )
    };
    vec![
        sample("null, little-endian", 0, before("02000000", &v4)),
        sample("null, big-endian", 0, before("00000002", &v4)),
        sample("null, IPv6 on Linux", 0, before("0a000000", &v6)),
        sample("null, IPv6 on NetBSD", 0, before("18000000", &v6)),
        sample("null, IPv6 on FreeBSD", 0, before("1c000000", &v6)),
        sample("null, IPv6 on macOS", 0, before("1e000000", &v6)),
        sample("null, Ethernet type", 0, before("000086dd", &v6)),
        sample("loop", 108, before("00000002", &v4)),
        sample("loop, IPv6", 108, before("00000018", &v6)),
        sample("Ethernet", 1, ethernet("0800", &v4)),
        sample("Ethernet, IPv6", 1, ethernet("86dd", &v6)),
        sample("raw 12", 12, v4.clone()),
        sample("raw 14", 14, v6.clone()),
        sample("raw 101", 101, v6.clone()),
        sample("IPv4", 228, v4.clone()),
        sample("IPv6", 229, v6.clone()),
        sample("SLIP", 8, before("00 4500000000000000000000000000 00", &v4)),
        sample("cooked", 113, cooked("0001 0006 aabbccddeeff 0000 0800", &v4)),
        sample(
            "cooked, VLAN",
            113,
            cooked("0001 0006 aabbccddeeff 0000 8100 0007 86dd", &v6),
        ),
        sample(
            "cooked, LLC",
            113,
            cooked("0001 0006 aabbccddeeff 0000 0004 aaaa03 000000 0800", &v4),
        ),
        sample(
            "cooked, radiotap",
            113,
            cooked(
                "0323 0000 000000000000 0000 0004 0000 0800 00000000 0800 0000 aaaaaaaaaaaa bbbbbbbbbbbb cccccccccccc 1000 aaaa03 000000 0800",
                &v4,
            ),
        ),
        sample("cooked 2", 276, cooked_v2("0800", &v4)),
        sample("cooked 2, IPv6", 276, cooked_v2("86dd", &v6)),
        sample("PPP", 9, before("ff03 0021", &v4)),
        sample("PPP, bare", 9, before("0057", &v6)),
        sample("PPP, short protocol", 9, before("21", &v4)),
        sample("PPP, MPLS", 9, before("ff03 0281 00010140", &v4)),
        sample("PPP, multilink", 9, before("ff03 003d c0000001 0021", &v4)),
        sample("PPP serial", 50, before("ff03 0021", &v4)),
        sample("PPP serial, HDLC", 50, before("0f00 0800", &v4)),
        sample("PPP over Ethernet", 51, before("1100 0001 0000 0021", &v4)),
        sample("PPP daemon", 166, before("0103 0057", &v6)),
        sample("HDLC", 104, before("0f00 86dd", &v6)),
        sample("frame relay", 107, before("1841 03 cc", &v4)),
        sample("frame relay, SNAP", 107, before("1841 03 00 80 000000 86dd", &v6)),
        sample(
            "frame relay, bridged",
            107,
            before("1841 03 00 80 0080c2 0007 aaaaaaaaaaaa bbbbbbbbbbbb 0800", &v4),
        ),
        sample("frame relay, Cisco", 107, before("1841 0800", &v4)),
        sample(
            "FDDI",
            10,
            before("50 aaaaaaaaaaaa bbbbbbbbbbbb aaaa03 000000 0800", &v4),
        ),
        sample(
            "token ring",
            6,
            before("1040 aaaaaaaaaaaa 0bbbbbbbbbbb aaaa03 000000 0800", &v4),
        ),
        sample(
            "token ring, routed",
            6,
            before("1040 aaaaaaaaaaaa 80bbbbbbbbbb 0630 0001 0010 aaaa03 000000 0800", &v4),
        ),
        sample(
            "PPI",
            192,
            before("00 00 0800 01000000 aaaaaaaaaaaa bbbbbbbbbbbb 0800", &v4),
        ),
        sample("InfiniBand", 242, before("0800 0000", &v4)),
        sample(
            "netfilter log",
            239,
            before("02 00 0000 0800 0100 08000100 0600 0a00 6100 0000 3d00 0900", &v4),
        ),
    ]
}

/// What Ethernet types announce.
pub(super) fn ethers() -> Vec<Sample> {
    let (v4, v6) = (packet_v4(), packet_v6());
    let eth = |name, rest: &str, payload: &[u8]| sample(name, 1, ethernet(rest, payload));
    let llc = format!("{:04x} aaaa03 000000 0800", v4.len() + 8);
    vec![
        eth("one VLAN", "8100 2007 0800", &v4),
        eth("one VLAN, IPv6", "8100 0007 86dd", &v6),
        eth("provider VLANs", "88a8 0007 8100 0008 0800", &v4),
        eth("old provider tags", "9100 0007 9200 0008 86dd", &v6),
        eth(
            "five VLANs",
            "8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800",
            &v4,
        ),
        eth("LLC/SNAP", &llc, &v4),
        eth("LLC, IP", &format!("{:04x} 060603", v4.len() + 3), &v4),
        eth("MPLS", "8847 00010040 00020140", &v4),
        eth("MPLS, IPv6", "8848 00002140", &v6),
        eth("MPLS, Ethernet", "8847 00010140 62aabbccddee 66aabbccddff 0800", &v4),
        eth("MPLS, Ethernet, 4", "8847 00010140 45aabbccddee 66aabbccddff 0800", &v4),
        eth(
            "MPLS, control word",
            "8847 00010140 00000007 62aabbccddee 66aabbccddff 0800",
            &v4,
        ),
        eth("PPPoE", &format!("8864 1100 0001 {:04x} 0021", v4.len() + 2), &v4),
        eth("FabricPath", "8903 0040 aaaaaaaaaaaa bbbbbbbbbbbb 8100 0007 0800", &v4),
        eth("802.1ah", "88e7 00000009 aaaaaaaaaaaa bbbbbbbbbbbb 0800", &v4),
        eth("E-TAG", "893f 0000 0001 0000 0800", &v4),
        eth("VN-Tag", "8926 0000 0001 0800", &v4),
        eth("MetaData", "8909 01 01 0001 0007 0800", &v4),
        eth(
            "NSH",
            "894f 0fc6 01 01 00000102 00000000 00000000 00000000 00000000",
            &v4,
        ),
        eth(
            "NSH, Ethernet",
            "894f 0fc2 02 03 00000102 aaaaaaaaaaaa bbbbbbbbbbbb 0800",
            &v4,
        ),
        eth("MACsec, clear", "88e5 20 00 00000001 aabbccddeeff0001 0800", &v4),
    ]
}

/// 802.11 and what comes before it.
pub(super) fn wifis() -> Vec<Sample> {
    let v4 = packet_v4();
    let addresses = "aaaaaaaaaaaa bbbbbbbbbbbb cccccccccccc 1000";
    let snap = "aaaa03 000000 0800";
    let plain = format!("0801 0000 {addresses} {snap}");
    let subframe = format!("dddddddddddd eeeeeeeeeeee {:04x}", v4.len() + 8);
    vec![
        sample("802.11", 105, before(&plain, &v4)),
        sample(
            "802.11 QoS",
            105,
            before(&format!("8801 0000 {addresses} 0000 {snap}"), &v4),
        ),
        sample(
            "802.11 QoS, HTC",
            105,
            before(&format!("8881 0000 {addresses} 0000 00000000 {snap}"), &v4),
        ),
        sample(
            "802.11 four addresses",
            105,
            before(&format!("0803 0000 {addresses} dddddddddddd {snap}"), &v4),
        ),
        sample(
            "802.11 A-MSDU",
            105,
            before(&format!("8802 0000 {addresses} 8000 {subframe} {snap}"), &v4),
        ),
        sample("radiotap", 127, before(&format!("0000 0900 02000000 00 {plain}"), &v4)),
        sample(
            "radiotap, padded",
            127,
            before(
                &format!(
                    "0000 1900 030000a0 00000000 00000000 1122334455667788 20 8801 0000 {addresses} 0000 0000 {snap}"
                ),
                &v4,
            ),
        ),
        sample(
            "prism",
            119,
            before(&format!("00000044 0c000000 00000000 {plain}"), &v4),
        ),
        sample("AVS", 163, before(&format!("80211001 0000000c 00000000 {plain}"), &v4)),
        sample(
            "AVS as prism",
            119,
            before(&format!("80211001 0000000c 00000000 {plain}"), &v4),
        ),
        sample("PPI, 802.11", 192, before(&format!("00 00 0800 69000000 {plain}"), &v4)),
    ]
}

/// IP headers of every shape.
pub(super) fn packets() -> Vec<Sample> {
    let (v4, v6, tcp) = (packet_v4(), packet_v6(), tcp());
    let with = |next: u8, header: &str| {
        let mut packet = before("60000000 0000 00 3d", &v6[8..40]);
        packet[6] = next;
        packet.extend(before(header, &tcp));
        let length = packet.len() as u16 - 40;
        packet[4..6].copy_from_slice(&length.to_be_bytes());
        packet
    };
    let mut options = v4.clone();
    options[0] = 0x46;
    options[3] += 4;
    options.splice(20..20, [1, 1, 1, 0]);
    let mut offload = v4.clone();
    offload[2..4].copy_from_slice(&[0, 0]);
    let mut offload_v6 = v6.clone();
    offload_v6[4..6].copy_from_slice(&[0, 0]);
    let authenticated = {
        let mut packet = v4.clone();
        packet[9] = 51;
        packet[3] += 24;
        packet.splice(
            20..20,
            before("06 04 0000 00000001 00000001 000000000000000000000000", &[]),
        );
        packet
    };
    let mut padded = ethernet("0800", &v4);
    padded.extend([0; 9]);
    let raw = |name, bytes| sample(name, 101, bytes);
    vec![
        raw("IPv4 options", options),
        raw("IPv4 offload", offload),
        raw("IPv6 offload", offload_v6),
        raw("IPv4 AH", authenticated),
        sample("Ethernet padding", 1, padded),
        raw("hop-by-hop", with(0, "06 00 01 04 00000000")),
        raw("destination options", with(60, "06 01 01 0c 000000000000000000000000")),
        raw("mobility", with(135, "06 00 0000 00000000")),
        raw("AH", with(51, "06 04 0000 00000001 00000001 000000000000000000000000")),
        raw("two headers", with(0, "3c 00 01 04 00000000 06 00 01 04 00000000")),
        raw(
            "used source route",
            with(43, "06 02 00 00 00000000 20010db8000000000000000000000099"),
        ),
        raw("atomic fragment", with(44, "06 00 0000 00000001")),
    ]
}

/// Tunnels that are not in UDP.
pub(super) fn tunnels() -> Vec<Sample> {
    let (v4, v6) = (packet_v4(), packet_v6());
    let frame = ethernet("0800", &v4);
    let v4_in = |name, protocol, header: &str, payload: &[u8]| {
        sample(name, 1, ethernet("0800", &outer_v4(protocol, header, payload)))
    };
    let v6_in = |name, protocol, header: &str, payload: &[u8]| {
        sample(name, 1, ethernet("86dd", &outer_v6(protocol, header, payload)))
    };
    vec![
        v4_in("IP in IP", 4, "", &v4),
        v4_in("6in4", 41, "", &v6),
        v6_in("4in6", 4, "", &v4),
        v6_in("6in6", 41, "", &v6),
        v4_in("EtherIP", 97, "3000", &frame),
        v4_in("MPLS in IP", 137, "00010140", &v4),
        v6_in("Ethernet in IPv6", 143, "", &frame),
        v4_in("GRE", 47, "0000 0800", &v4),
        v4_in("GRE, all fields", 47, "b000 86dd 00000000 00000005 00000001", &v6),
        v4_in("GRE, Ethernet", 47, "0000 6558", &frame),
        v4_in("GRE, PPTP", 47, "3081 880b 0040 0001 00000001 00000002 ff03 0021", &v4),
        v4_in("GRE, EoIP", 47, "2001 6400 0040 0007", &frame),
        v4_in("GRE, WCCP", 47, "0000 883e 00000000", &v4),
        v4_in("ERSPAN I", 47, "0000 88be", &frame),
        v4_in("ERSPAN II", 47, "1000 88be 00000001 1007 0001 00000000", &frame),
        v4_in(
            "ERSPAN III",
            47,
            "1000 22eb 00000001 2007 0001 00000000 0000 0000",
            &frame,
        ),
        v4_in(
            "ERSPAN III, subheader",
            47,
            "1000 22eb 00000001 2007 0001 00000000 0000 0001 0000000000000000",
            &frame,
        ),
        v4_in(
            "GRE, 802.11",
            47,
            "0000 8200 0801 0000 aaaaaaaaaaaa bbbbbbbbbbbb cccccccccccc 1000 aaaa03 000000 0800",
            &v4,
        ),
    ]
}

/// Tunnels in UDP.
pub(super) fn udp_tunnels() -> Vec<Sample> {
    let (v4, v6) = (packet_v4(), packet_v6());
    let frame = ethernet("0800", &v4);
    let udp = |name, port, header: &str, payload: &[u8]| sample(name, 1, ethernet("0800", &udp(port, header, payload)));
    vec![
        udp("VXLAN", 4789, "08000000 00000500", &frame),
        udp(
            "VXLAN, old port",
            8472,
            "08000000 00000500",
            &ethernet("8100 0007 86dd", &v6),
        ),
        udp("VXLAN-GPE", 4790, "0c000001 00000500", &v4),
        udp("VXLAN-GPE, NSH", 4790, "0c000004 00000500 0fc2 02 01 00000102", &v4),
        udp("GENEVE", 6081, "0000 6558 00000500", &frame),
        udp("GENEVE, options", 6081, "0200 86dd 00000500 0102 80 01 00000009", &v6),
        udp("GTP-U", 2152, "30 ff 0000 00000001", &v4),
        udp(
            "GTP-U, extensions",
            2152,
            "36 ff 0000 00000001 0001 00 85 01 10 01 c0 01 00 01 00",
            &v6,
        ),
        udp("Teredo", 3544, "", &v6),
        udp(
            "Teredo, indications",
            3544,
            "0001 01 02 aa bbbb 0000000000000000 00 0000 efef f5fffffe",
            &v6,
        ),
        udp("L2TP", 1701, "4802 0000 0001 0002 0000 0000 ff03 0021", &v4),
        udp("L2TP, offset", 1701, "0202 0001 0002 0002 0000 0021", &v4),
        udp("LISP", 4341, "c0000001 00000001", &v4),
        udp("MPLS in UDP", 6635, "00010140", &v4),
        udp("GRE in UDP", 4754, "0000 0800", &v4),
        udp(
            "AYIYA",
            5072,
            "41 52 11 29 00000000 00000000000000000000000000000000 0000000000000000000000000000000000000000",
            &v6,
        ),
    ]
}
