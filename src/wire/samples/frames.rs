//! What Ethernet types announce, and 802.11.

use super::{Sample, before, ethernet, packet_v4, packet_v6};

/// What Ethernet types announce.
pub(in crate::wire) fn ethers() -> Vec<Sample> {
    let (v4, v6) = (packet_v4(), packet_v6());
    let eth = |name, rest: &str, payload: &[u8]| Sample::new(name, 1, ethernet(rest, payload));
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
        eth("HSR", "892f 1045 0001 0800", &v4),
        eth("R-TAG", "f1c1 0000 0001 86dd", &v6),
        eth(
            "TRILL",
            "22f3 005f 0001 0002 00000000 aaaaaaaaaaaa bbbbbbbbbbbb 0800",
            &v4,
        ),
        eth("MPLS, Ethernet, 0", "8847 00010140 00aabbccddee 66aabbccddff 0800", &v4),
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
pub(in crate::wire) fn wifis() -> Vec<Sample> {
    let v4 = packet_v4();
    let addresses = "aaaaaaaaaaaa bbbbbbbbbbbb cccccccccccc 1000";
    let snap = "aaaa03 000000 0800";
    let plain = format!("0801 0000 {addresses} {snap}");
    let subframe = format!("dddddddddddd eeeeeeeeeeee {:04x}", v4.len() + 8);
    vec![
        Sample::new("802.11", 105, before(&plain, &v4)),
        Sample::new(
            "802.11 QoS",
            105,
            before(&format!("8801 0000 {addresses} 0000 {snap}"), &v4),
        ),
        Sample::new(
            "802.11 QoS, HTC",
            105,
            before(&format!("8881 0000 {addresses} 0000 00000000 {snap}"), &v4),
        ),
        Sample::new(
            "802.11 four addresses",
            105,
            before(&format!("0803 0000 {addresses} dddddddddddd {snap}"), &v4),
        ),
        Sample::new(
            "802.11 A-MSDU",
            105,
            before(&format!("8802 0000 {addresses} 8000 {subframe} {snap}"), &v4),
        ),
        Sample::new("radiotap", 127, before(&format!("0000 0900 02000000 00 {plain}"), &v4)),
        Sample::new(
            "radiotap, padded",
            127,
            before(
                &format!(
                    "0000 1900 030000a0 00000000 00000000 1122334455667788 20 8801 0000 {addresses} 0000 0000 {snap}"
                ),
                &v4,
            ),
        ),
        Sample::new(
            "prism",
            119,
            before(&format!("00000044 0c000000 00000000 {plain}"), &v4),
        ),
        Sample::new("AVS", 163, before(&format!("80211001 0000000c 00000000 {plain}"), &v4)),
        Sample::new(
            "AVS as prism",
            119,
            before(&format!("80211001 0000000c 00000000 {plain}"), &v4),
        ),
        Sample::new("PPI, 802.11", 192, before(&format!("00 00 0800 69000000 {plain}"), &v4)),
    ]
}
