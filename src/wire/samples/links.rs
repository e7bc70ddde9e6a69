//! One frame per link type.

use super::{Sample, before, packet_v4, packet_v6};

/// Which packet follows the header.
#[derive(Clone, Copy)]
enum Carried {
    V4,
    V6,
}
use Carried::{V4, V6};

/// Name, link type, header.
#[rustfmt::skip]
const FRAMES: &[(&str, u16, &str, Carried)] = &[
    ("null, little-endian", 0, "02000000", V4),
    ("null, big-endian", 0, "00000002", V4),
    ("null, IPv6 on Linux", 0, "0a000000", V6),
    ("null, IPv6 on NetBSD", 0, "18000000", V6),
    ("null, IPv6 on FreeBSD", 0, "1c000000", V6),
    ("null, IPv6 on macOS", 0, "1e000000", V6),
    ("null, Ethernet type", 0, "000086dd", V6),
    ("loop", 108, "00000002", V4),
    ("loop, IPv6", 108, "00000018", V6),
    ("Ethernet", 1, "62aabbccddee 66aabbccddff 0800", V4),
    ("Ethernet, IPv6", 1, "62aabbccddee 66aabbccddff 86dd", V6),
    ("raw 12", 12, "", V4),
    ("raw 14", 14, "", V6),
    ("raw 101", 101, "", V6),
    ("IPv4", 228, "", V4),
    ("IPv6", 229, "", V6),
    ("packet filter log", 117, "3d 02 00 00 656d30000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 000000", V4),
    ("OpenBSD enc", 109, "02000000 00000000 00000000", V4),
    ("ATM", 100, "aaaa03 000000 0800", V4),
    ("ATM, old number", 11, "aaaa03 000000 86dd", V6),
    ("Fibre Channel", 122, "0000aaaaaaaaaaaa 0000bbbbbbbbbbbb aaaa03 000000 0800", V4),
    ("SunATM", 123, "02 00 0005 aaaa03 000000 0800", V4),
    ("IEEE 1394", 138, "00000000000000000000000000000000 0800", V4),
    ("Juniper Ethernet", 178, "4d4743 01 aaaaaaaaaaaa bbbbbbbbbbbb 0800", V4),
    ("Juniper Ethernet, extended", 178, "4d4743 81 0002 0102 aaaaaaaaaaaa bbbbbbbbbbbb 0800", V4),
    ("PPP, direction", 204, "00 ff03 0021", V4),
    ("HDLC, direction", 205, "01 0f00 86dd", V6),
    ("frame relay, direction", 206, "01 1841 03 cc", V4),
    ("packet tap", 258, "10000000 01000000 01000000 00000000 aaaaaaaaaaaa bbbbbbbbbbbb 0800", V4),
    ("packet tap on macOS", 149, "10000000 01000000 0c000000 00000000", V4),
    ("SLIP", 8, "00 4500000000000000000000000000 00", V4),
    ("cooked", 113, "0000 0001 0006 aabbccddeeff 0000 0800", V4),
    ("cooked, VLAN", 113, "0000 0001 0006 aabbccddeeff 0000 8100 0007 86dd", V6),
    ("cooked, LLC", 113, "0000 0001 0006 aabbccddeeff 0000 0004 aaaa03 000000 0800", V4),
    ("cooked, radiotap", 113, "0000 0323 0000 000000000000 0000 0004 0000 0800 00000000 0800 0000 aaaaaaaaaaaa bbbbbbbbbbbb cccccccccccc 1000 aaaa03 000000 0800", V4),
    ("cooked 2", 276, "0800 0000 00000002 0001 00 06 aabbccddeeff 0000", V4),
    ("cooked 2, IPv6", 276, "86dd 0000 00000002 0001 00 06 aabbccddeeff 0000", V6),
    ("PPP", 9, "ff03 0021", V4),
    ("PPP, bare", 9, "0057", V6),
    ("PPP, short protocol", 9, "21", V4),
    ("PPP, MPLS", 9, "ff03 0281 00010140", V4),
    ("PPP, multilink", 9, "ff03 003d c0000001 0021", V4),
    ("PPP serial", 50, "ff03 0021", V4),
    ("PPP serial, HDLC", 50, "0f00 0800", V4),
    ("PPP over Ethernet", 51, "1100 0001 0000 0021", V4),
    ("PPP daemon", 166, "0103 0057", V6),
    ("HDLC", 104, "0f00 86dd", V6),
    ("frame relay", 107, "1841 03 cc", V4),
    ("frame relay, SNAP", 107, "1841 03 00 80 000000 86dd", V6),
    ("frame relay, bridged", 107, "1841 03 00 80 0080c2 0007 aaaaaaaaaaaa bbbbbbbbbbbb 0800", V4),
    ("frame relay, Cisco", 107, "1841 0800", V4),
    ("FDDI", 10, "50 aaaaaaaaaaaa bbbbbbbbbbbb aaaa03 000000 0800", V4),
    ("token ring", 6, "1040 aaaaaaaaaaaa 0bbbbbbbbbbb aaaa03 000000 0800", V4),
    ("token ring, routed", 6, "1040 aaaaaaaaaaaa 80bbbbbbbbbb 0630 0001 0010 aaaa03 000000 0800", V4),
    ("PPI", 192, "00 00 0800 01000000 aaaaaaaaaaaa bbbbbbbbbbbb 0800", V4),
    ("InfiniBand", 242, "00000000000000000000000000000000000000000000000000000000000000000000000000000000 0800 0000", V4),
    ("ARCNET", 129, "be50 0653 d4 00 0001", V4),
    ("ARCNET, filled", 7, "be50 d4 ff ffff ff 00 0001", V4),
    ("ARCNET, RFC 1051", 7, "be50 f0", V4),
    ("ERF, HDLC", 197, "0000000000000000 01 04 0100 0000 0100 0f00 0800", V4),
    ("ERF, extended", 197, "0000000000000000 82 04 0100 0000 0100 8400000000000000 0400000000000000 0000 aaaaaaaaaaaa bbbbbbbbbbbb 0800", V4),
    ("netfilter log", 239, "02 00 0000 0800 0100 08000100 0600 0a00 6100 0000 3d00 0900", V4),
];

pub(in crate::wire) fn links() -> Vec<Sample> {
    let build = |&(name, link, header, carried)| {
        let packet = match carried {
            V4 => packet_v4(),
            V6 => packet_v6(),
        };
        Sample::new(name, link, before(header, &packet))
    };
    FRAMES.iter().map(build).collect()
}
