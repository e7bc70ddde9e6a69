//! Ethernet and what its type field announces: VLAN tags, LLC/SNAP, provider bridging, `PPPoE`, ARP.

use super::walk::{Layer, Step, Tag, Walk};
use super::{Part, Why};
use std::net::IpAddr;

/// IEEE 802.3: two addresses and a type or length.
pub(super) fn read(part: Part<'_>) -> Result<Step<'_>, Why> {
    let kind = part.u16(12)?;
    Ok(Step::Into(Layer::EtherType(kind), part.skip(14)?))
}

/// What follows a type field (or, up to 1500, a length field) of value `kind`.
pub(super) fn read_type<'a>(walk: &mut Walk, kind: u16, part: Part<'a>) -> Result<Step<'a>, Why> {
    match kind {
        0x0800 | 0x86dd => Ok(Step::Into(Layer::Ip, part)),
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
            walk.tag(Tag::Vlan, u32::from(part.u16(0)? & 0x0fff));
            next_type(part, 2)
        }
        0x8847 | 0x8848 => walk.enter(Layer::Mpls, part),
        0x8864 => read_pppoe(walk, part),
        0x0806 => read_arp(part),
        0x6558 => walk.enter(Layer::Ethernet, part),
        0x880b => walk.enter(Layer::Ppp, part),
        0x8903 => {
            walk.on_fcs(part); // Cisco FabricPath: tree and TTL, then the whole frame.
            walk.enter(Layer::Ethernet, part.skip(2)?)
        }
        0x88e7 => {
            walk.tag(Tag::Service, part.u32(0)? & 0x00ff_ffff); // IEEE 802.1ah I-TAG
            walk.enter(Layer::Ethernet, part.skip(4)?)
        }
        0x893f | 0x8909 => next_type(part, 6), // IEEE 802.1BR E-TAG, Cisco MetaData
        0x8926 | 0x892f | 0xf1c1 => next_type(part, 4), // Cisco VN-Tag, IEC 62439-3 HSR, IEEE 802.1CB R-TAG
        0x894f => read_nsh(walk, part),
        0x22f3 => {
            let options = usize::from(part.u16(0)? >> 6 & 0x1f) * 4; // RFC 6325 3: TRILL
            walk.enter(Layer::Ethernet, part.skip(6 + options)?)
        }
        0x88e5 => read_macsec(part),
        0x8870 => Ok(Step::Into(Layer::Llc, part)),
        length @ 0..=1500 => Ok(Step::Into(Layer::Llc, part.take(length.into()))),
        _ => Err(Why::NotIp),
    }
}

/// A tag of `at` bytes, then the type of what it tags.
fn next_type(part: Part<'_>, at: usize) -> Result<Step<'_>, Why> {
    let kind = part.u16(at)?;
    Ok(Step::Into(Layer::EtherType(kind), part.skip(at + 2)?))
}

/// IEEE 802.2. SNAP with the organisation codes that carry an Ethernet type (RFC 1042, IEEE 802.1H, Cisco),
/// bridged Ethernet (RFC 2427 4.2), or IP by its own access point.
pub(super) fn read_llc(part: Part<'_>) -> Result<Step<'_>, Why> {
    let [target, _, control] = part.array(0)?;
    let length = if control & 0x03 == 0x03 { 3 } else { 4 };
    let rest = part.skip(length)?;
    match target {
        0xaa => read_snap(rest),
        0x06 => Ok(Step::Into(Layer::Ip, rest)),
        _ => Err(Why::NotIp),
    }
}

/// The organisation code and protocol of SNAP.
pub(super) fn read_snap(part: Part<'_>) -> Result<Step<'_>, Why> {
    let [a, b, c, high, low] = part.array(0)?;
    let rest = part.skip(5)?;
    match ([a, b, c], u16::from_be_bytes([high, low])) {
        ([0, 0, 0 | 0xf8 | 0x0c], kind) if kind > 1500 => Ok(Step::Into(Layer::EtherType(kind), rest)),
        ([0, 0x80, 0xc2], 1 | 7) => Ok(Step::Into(Layer::Ethernet, rest)),
        _ => Err(Why::NotIp),
    }
}

/// RFC 2516 4: the session stage; its length field excludes padding.
fn read_pppoe<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let [_, code, _, _, high, low] = part.array(0)?;
    if code != 0 {
        return Err(Why::NotIp);
    }
    let length = u16::from_be_bytes([high, low]);
    walk.enter(Layer::Ppp, part.skip(6)?.take(length.into()))
}

/// RFC 826: an IPv4 host speaks.
fn read_arp(part: Part<'_>) -> Result<Step<'_>, Why> {
    let [
        _,
        _,
        protocol_high,
        protocol_low,
        hardware_length,
        protocol_length,
        _,
        _,
    ] = part.array(0)?;
    let source = match (u16::from_be_bytes([protocol_high, protocol_low]), protocol_length) {
        (0x0800, 4) => part.array::<4>(8 + usize::from(hardware_length)).map(IpAddr::from).ok(),
        _ => None,
    };
    Ok(Step::Other(source))
}

/// RFC 8300 2: network service header.
pub(super) fn read_nsh<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let [_, length, _, next] = part.array(0)?;
    let rest = part.skip(usize::from(length & 0x3f).max(2) * 4)?;
    match next {
        1 | 2 => walk.enter(Layer::Ip, rest),
        3 => walk.enter(Layer::Ethernet, rest),
        _ => Err(Why::NotIp),
    }
}

/// IEEE 802.1AE: readable only where the frame is authenticated but neither encrypted nor changed.
fn read_macsec(part: Part<'_>) -> Result<Step<'_>, Why> {
    let control = part.u8(0)?;
    if control & 0x0c != 0 {
        return Err(Why::Encrypted);
    }
    next_type(part, if control & 0x20 == 0 { 6 } else { 14 })
}

#[cfg(test)]
mod tests {
    use crate::wire::{Heard, Why, samples};

    #[test]
    fn every_ether_header_is_looked_through() {
        samples::assert_all_are_heard(&samples::ethers());
    }

    #[test]
    fn vlan_ids_make_the_path_and_priorities_do_not() {
        let path = |rest: &str| samples::segment(1, &samples::ethernet(rest, &samples::packet_v4())).path;
        assert_eq!(path("0800"), 0);
        assert_eq!(path("8100 e000 0800"), 0, "priority tag");
        assert_eq!(path("8100 e007 0800"), path("8100 0007 0800"));
        assert_eq!(
            path("88a8 0007 0800"),
            path("8100 0007 0800"),
            "short way and long way agree"
        );
        assert_ne!(path("8100 0007 0800"), path("8100 0008 0800"));
        assert_eq!(path("8847 00010140"), 0, "labels differ by direction");
    }

    #[test]
    fn wireshark_takes_the_end_of_a_fabric_path_frame_for_its_check_sequence() {
        let taken = |end: &[u8]| {
            let mut frame = samples::ethernet("8903 0040 aaaaaaaaaaaa bbbbbbbbbbbb 0800", &samples::packet_v4());
            frame.extend(end);
            let segment = samples::segment(1, &frame);
            (segment.length, segment.length_in_wireshark())
        };
        assert_eq!(taken(&[]), (5, Some(1)));
        assert_eq!(taken(&[0; 2]), (5, Some(3)));
        assert_eq!(taken(&[0; 4]), (5, Some(5)));
    }

    #[test]
    fn arp_is_a_host_heard() {
        let frame = samples::ethernet(
            "0806 0001 0800 06 04 0001 aaaaaaaaaaaa 0a000009 000000000000 0a000001",
            &[],
        );
        let Heard::Other { source } = samples::heard(1, &frame) else {
            panic!()
        };
        assert_eq!(source, Some([10, 0, 0, 9].into()));
    }

    #[test]
    fn what_is_not_ip_or_not_readable_is_said_to_be_so() {
        let why = |rest: &str| samples::heard(1, &samples::ethernet(rest, &[0; 40]));
        assert!(matches!(why("88cc 0207"), Heard::Skipped(Why::NotIp)));
        assert!(matches!(why("0026 424203"), Heard::Skipped(Why::NotIp)));
        assert!(matches!(why("88e5 2c 00 00000001"), Heard::Skipped(Why::Encrypted)));
    }
}
