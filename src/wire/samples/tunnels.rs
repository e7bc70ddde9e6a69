//! IP headers of every shape, and tunnels.

use super::{Sample, before, ethernet, outer_v4, outer_v6, packet_v4, packet_v6, tcp, udp};

/// IP headers of every shape.
pub(in crate::wire) fn packets() -> Vec<Sample> {
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
    let raw = |name, bytes| Sample::new(name, 101, bytes);
    vec![
        raw("IPv4 options", options),
        raw("IPv4 offload", offload),
        raw("IPv6 offload", offload_v6),
        raw("IPv4 AH", authenticated),
        Sample::new("Ethernet padding", 1, padded),
        raw("hop-by-hop", with(0, "06 00 01 04 00000000")),
        raw("destination options", with(60, "06 01 01 0c 000000000000000000000000")),
        raw("mobility", with(135, "06 00 0000 00000000")),
        raw("AH", with(51, "06 04 0000 00000001 00000001 000000000000000000000000")),
        raw("away from home", {
            let mut packet = with(
                60,
                &format!("06 02 01 00 c9 10 {} 0100", "20010db8000000000000000000000001"),
            );
            packet[8..24].fill(0x3f);
            packet
        }),
        raw("two headers", with(0, "3c 00 01 04 00000000 06 00 01 04 00000000")),
        raw(
            "used source route",
            with(43, "06 02 00 00 00000000 20010db8000000000000000000000099"),
        ),
        raw("atomic fragment", with(44, "06 00 0000 00000001")),
    ]
}

/// Tunnels that are not in UDP.
pub(in crate::wire) fn tunnels() -> Vec<Sample> {
    let (v4, v6) = (packet_v4(), packet_v6());
    let frame = ethernet("0800", &v4);
    let v4_in = |name, protocol, header: &str, payload: &[u8]| {
        Sample::new(name, 1, ethernet("0800", &outer_v4(protocol, header, payload)))
    };
    let v6_in = |name, protocol, header: &str, payload: &[u8]| {
        Sample::new(name, 1, ethernet("86dd", &outer_v6(protocol, header, payload)))
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
        v4_in(
            "GRE, source routes",
            47,
            "4000 0800 0000 0000 0800 00 04 0a000009 00000000",
            &v4,
        ),
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
pub(in crate::wire) fn udp_tunnels() -> Vec<Sample> {
    let (v4, v6) = (packet_v4(), packet_v6());
    let frame = ethernet("0800", &v4);
    let in_udp =
        |name, port, header: &str, payload: &[u8]| Sample::new(name, 1, ethernet("0800", &udp(port, header, payload)));
    vec![
        in_udp("VXLAN", 4789, "08000000 00000500", &frame),
        in_udp(
            "VXLAN, old port",
            8472,
            "08000000 00000500",
            &ethernet("8100 0007 86dd", &v6),
        ),
        in_udp("VXLAN-GPE", 4790, "0c000001 00000500", &v4),
        in_udp("VXLAN-GPE, NSH", 4790, "0c000004 00000500 0fc2 02 01 00000102", &v4),
        in_udp("GENEVE", 6081, "0000 6558 00000500", &frame),
        in_udp("GENEVE, options", 6081, "0200 86dd 00000500 0102 80 01 00000009", &v6),
        in_udp("GTP-U", 2152, "30 ff 0000 00000001", &v4),
        in_udp(
            "GTP-U, extensions",
            2152,
            "36 ff 0000 00000001 0001 00 85 01 10 01 c0 01 00 01 00",
            &v6,
        ),
        in_udp("Teredo", 3544, "", &v6),
        in_udp(
            "Teredo, indications",
            3544,
            "0001 01 02 aa bbbb 0000000000000000 00 0000 efef f5fffffe",
            &v6,
        ),
        in_udp("L2TP", 1701, "4802 0000 0001 0002 0000 0000 ff03 0021", &v4),
        in_udp("L2TP, offset", 1701, "0202 0001 0002 0002 0000 0021", &v4),
        in_udp("LISP", 4341, "c0000001 00000001", &v4),
        in_udp("MPLS in UDP", 6635, "00010140", &v4),
        in_udp("GRE in UDP", 4754, "0000 0800", &v4),
        in_udp(
            "LWAPP",
            12222,
            "0000 0045 0000 0801 0000 aaaaaaaaaaaa bbbbbbbbbbbb cccccccccccc 1000 aaaa03 000000 0800",
            &v4,
        ),
        in_udp("CAPWAP", 5247, "00 10 02 00 00000000", &frame),
        in_udp("TZSP", 37008, "01 00 0001 00 0a 01 c8 01", &frame),
        in_udp(
            "GTP, version 0",
            3386,
            "1e ff 0041 0001 0001 ff ffffff 0000000000000005",
            &v4,
        ),
        in_udp("Juniper mirror", 30030, "00000001 00000002", &v6),
        in_udp(
            "AYIYA",
            5072,
            "41 52 11 29 00000000 00000000000000000000000000000000 0000000000000000000000000000000000000000",
            &v6,
        ),
    ]
}
