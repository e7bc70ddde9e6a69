//! Encapsulations: MPLS, GRE and ERSPAN, and what is carried in UDP: VXLAN, GENEVE, GTP-U, Teredo, L2TP, LISP …

use super::walk::{Layer, Net, Step, Tag, Walk};
use super::{Part, Why, dns, ether};

/// RFC 3032 2.1: labels up to the bottom of the stack; what follows is known by convention only (RFC 4928 3):
/// 4 and 6 are IP, 0 is a pseudowire's control word before Ethernet (RFC 4448 4.6), else Ethernet without one.
pub(super) fn read_mpls(mut part: Part<'_>) -> Result<Step<'_>, Why> {
    loop {
        let label = part.u32(0)?;
        part = part.skip(4)?;
        if label & 0x100 != 0 {
            break;
        }
    }
    match part.u8(0)? >> 4 {
        4 | 6 if is_ip(part) => Ok(Step::Into(Layer::Ip, part)),
        0 if has_type(part, 12) && !has_type(part, 16) => Ok(Step::Into(Layer::Ethernet, part)),
        0 => Ok(Step::Into(Layer::Ethernet, part.skip(4)?)),
        1 => Err(Why::NotIp), // RFC 5586: associated channel
        _ => Ok(Step::Into(Layer::Ethernet, part)),
    }
}

/// Is the type of a usual Ethernet frame at offset `at`: IP or a VLAN tag?
fn has_type(part: Part<'_>, at: usize) -> bool {
    matches!(part.u16(at), Ok(0x0800 | 0x86dd | 0x8100 | 0x88a8))
}

/// Could this be an IP header, rather than an Ethernet address that begins with 4 or 6?
fn is_ip(part: Part<'_>) -> bool {
    match part.array::<6>(0) {
        Ok([first @ 0x45..=0x4f, _, high, low, _, _]) => {
            let total = usize::from(u16::from_be_bytes([high, low]));
            total == 0 || (usize::from(first & 0x0f) * 4..=part.wire()).contains(&total)
        }
        Ok([0x60..=0x6f, _, _, _, high, low]) => usize::from(u16::from_be_bytes([high, low])) + 40 <= part.wire(),
        Ok(_) => false,
        Err(_) => true,
    }
}

/// RFC 2784 and RFC 2890 (version 0), RFC 2637 4.1 (version 1, PPTP).
pub(super) fn read_gre<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let (flags, kind) = (part.u16(0)?, part.u16(2)?);
    let has = |bit: u16| flags & bit != 0;
    let mut length = 4;
    if kind == 0x6400 {
        walk.tag(Tag::Gre, u32::from(part.u16(6)?)); // MikroTik EoIP: payload length and tunnel number as the key.
        return walk.enter(Layer::Ethernet, part.skip(8)?);
    }
    if flags & 0x07 == 1 {
        // Key: payload length and call; calls are numbered per direction, so they are no part of the path.
        length += 4 + if has(0x1000) { 4 } else { 0 } + if has(0x0080) { 4 } else { 0 };
        if length >= part.wire() {
            return Ok(walk.other()); // A bare acknowledgment.
        }
        return walk.enter(Layer::Ppp, part.skip(length)?);
    }
    if has(0xc000) {
        length += 4; // Checksum and offset
    }
    if has(0x2000) {
        walk.tag(Tag::Gre, part.u32(length)?);
        length += 4;
    }
    if has(0x1000) {
        length += 4;
    }
    if has(0x4000) {
        length += length_of_routes(part.skip(length)?)?;
    }
    read_gre_payload(walk, kind, has(0x1000), part.skip(length)?)
}

/// RFC 1701: source routes of a family, an offset and a length each, up to an empty one. Later GRE has none.
fn length_of_routes(part: Part<'_>) -> Result<usize, Why> {
    let mut length = 0;
    while let [_, _, _, route @ 1..=255] = part.array::<4>(length)? {
        length += 4 + usize::from(route);
    }
    Ok(length + 4)
}

fn read_gre_payload<'a>(walk: &mut Walk, kind: u16, numbered: bool, part: Part<'a>) -> Result<Step<'a>, Why> {
    match kind {
        0x88be if !numbered => walk.enter(Layer::Ethernet, part), // ERSPAN type I
        0x88be => read_erspan(walk, part, 8),
        0x22eb => {
            let optional = if part.u8(11)? & 1 == 1 { 8 } else { 0 };
            read_erspan(walk, part, 12 + optional)
        }
        0x8200..=0x83f0 if kind.trailing_zeros() >= 4 => walk.enter(Layer::Wifi, part), // Aruba access points
        // WCCP: version 2 has four bytes of its own before the IP header.
        0x883e if part.u8(0)? >> 4 == 4 => walk.enter(Layer::Ip, part),
        0x883e => walk.enter(Layer::Ip, part.skip(4)?),
        0x0800 | 0x86dd => walk.enter(Layer::Ip, part),
        0..=1500 => Ok(walk.other()),
        _ => Ok(Step::Into(Layer::EtherType(kind), part)),
    }
}

/// draft-foschiano-erspan 4: the VLAN of the mirrored frame stands in the first word.
fn read_erspan<'a>(walk: &mut Walk, part: Part<'a>, length: usize) -> Result<Step<'a>, Why> {
    walk.tag(Tag::Vlan, u32::from(part.u16(0)? & 0x0fff));
    walk.enter(Layer::Ethernet, part.skip(length)?)
}

/// RFC 768. A tunnel is recognised by either port, the target's first; nonsense inside means that it was none.
pub(super) fn read_udp<'a>(walk: &mut Walk, net: &Net, part: Part<'a>) -> Result<Step<'a>, Why> {
    let Ok([a, b, c, d, high, low, _, _]) = part.array(0) else {
        return Ok(walk.other());
    };
    let (source, target) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let payload = match u16::from_be_bytes([high, low]) {
        0..8 => part.skip(8)?,
        length => part.take(length.into()).skip(8)?,
    };
    if matches!(source, 53 | 5353) {
        let answer = dns::read(walk.origin.stamp, net, source, payload.bytes());
        return Ok(answer.map_or_else(|| walk.other(), Step::Dns));
    }
    let before = *walk;
    for port in [target, source] {
        match read_port(walk, port, payload) {
            Ok(Some(step)) => return Ok(step),
            Err(Why::TooDeep) => return Err(Why::TooDeep),
            Ok(None) | Err(_) => *walk = before,
        }
    }
    Ok(walk.other())
}

fn read_port<'a>(walk: &mut Walk, number: u16, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    match number {
        4789 | 8472 => read_vxlan(walk, part),
        4790 => read_vxlan_gpe(walk, part),
        6081 => read_geneve(walk, part),
        2152 => read_gtp(walk, part),
        3544 => read_teredo(walk, part),
        1701 => read_l2tp(walk, part),
        // LISP, Juniper's mirror
        4341 | 30030 if matches!(part.u8(8)? >> 4, 4 | 6) => into(walk, Layer::Ip, part, 8),
        6635 => into(walk, Layer::Mpls, part, 0),
        4754 => read_gre(walk, part).map(Some),
        5072 => read_ayiya(walk, part),
        37008 => read_tzsp(walk, part),
        5247 => read_capwap(walk, part),
        12222 | 12223 if part.u8(0)? & 0xc4 == 0 => into(walk, Layer::Wifi, part, 6), // LWAPP data (RFC 5412 3)
        3386 => read_gtp_v0(walk, part),
        _ => Ok(None),
    }
}

fn into<'a>(walk: &mut Walk, layer: Layer, part: Part<'a>, length: usize) -> Result<Option<Step<'a>>, Why> {
    walk.enter_guessed(layer, part.skip(length)?).map(Some)
}

/// RFC 7348 5.
fn read_vxlan<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    if part.u8(0)? & 0x08 == 0 {
        return Ok(None);
    }
    walk.tag(Tag::Vni, part.u32(4)? >> 8);
    into(walk, Layer::Ethernet, part, 8)
}

/// draft-ietf-nvo3-vxlan-gpe 3.
fn read_vxlan_gpe<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    let [flags, _, _, next] = part.array(0)?;
    if flags & 0x08 != 0 {
        walk.tag(Tag::Vni, part.u32(4)? >> 8);
    }
    match next {
        _ if flags & 0x04 == 0 => into(walk, Layer::Ethernet, part, 8),
        1 | 2 => into(walk, Layer::Ip, part, 8),
        3 => into(walk, Layer::Ethernet, part, 8),
        4 => ether::read_nsh(walk, part.skip(8)?).map(Some),
        _ => Ok(None),
    }
}

/// RFC 8926 3.4.
fn read_geneve<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    let first = part.u8(0)?;
    if first >> 6 != 0 {
        return Ok(None);
    }
    walk.tag(Tag::Vni, part.u32(4)? >> 8);
    let kind = part.u16(2)?;
    let length = 8 + usize::from(first & 0x3f) * 4;
    match kind {
        0x6558 => into(walk, Layer::Ethernet, part, length),
        kind => into(walk, Layer::EtherType(kind), part, length),
    }
}

/// 3GPP TS 29.281 5: a T-PDU, with its optional fields and chain of extension headers.
/// The tunnel id is chosen by each receiver, so it is no part of the path.
fn read_gtp<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    let [flags, message] = part.array(0)?;
    if flags & 0xf0 != 0x30 || message != 0xff {
        return Ok(None);
    }
    let mut length = 8;
    if flags & 0x07 != 0 {
        length = 12;
        let mut next = if flags & 0x04 == 0 { 0 } else { part.u8(11)? };
        while next != 0 {
            length += usize::from(part.u8(length)?).max(1) * 4;
            next = part.u8(length - 1)?;
        }
    }
    into(walk, Layer::Ip, part, length)
}

/// ETSI GSM 09.60: GTP version 0, a T-PDU behind 20 bytes.
fn read_gtp_v0<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    match part.array(0)? {
        [0x1e | 0x1f, 0xff] => into(walk, Layer::Ip, part, 20),
        _ => Ok(None),
    }
}

/// TaZmen Sniffer Protocol: version, type, kind of frame, then tagged fields up to an end tag (1); 0 is padding.
fn read_tzsp<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    let [version, kind, _, inner] = part.array(0)?;
    if version != 1 || kind > 1 {
        return Ok(None);
    }
    let mut length = 4;
    loop {
        match part.u8(length)? {
            0 => length += 1,
            1 => break,
            _ => length += 2 + usize::from(part.u8(length + 1)?),
        }
    }
    match inner {
        1 => into(walk, Layer::Ethernet, part, length + 1),
        18 => into(walk, Layer::Wifi, part, length + 1),
        _ => Ok(None),
    }
}

/// RFC 5415 4.3: header length in words, and flags that tell a native frame and fragments. Only whole Ethernet frames:
/// access points write native 802.11 headers in more ways than one.
fn read_capwap<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    let [preamble, first, second, flags] = part.array(0)?;
    let is_native = second & 0x01 != 0;
    if preamble != 0 || is_native || flags & 0x80 != 0 {
        return Ok(None);
    }
    into(walk, Layer::Ethernet, part, usize::from(first >> 3) * 4)
}

/// RFC 4380 5.1.1: authentication and origin indications may come before the IPv6 packet.
fn read_teredo<'a>(walk: &mut Walk, mut part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    if part.u16(0)? == 1 {
        let [client, value] = part.skip(2)?.array(0)?;
        part = part.skip(13 + usize::from(client) + usize::from(value))?;
    }
    if part.u16(0)? == 0 {
        part = part.skip(8)?;
    }
    if part.u8(0)? >> 4 != 6 {
        return Ok(None);
    }
    into(walk, Layer::Ip, part, 0)
}

/// RFC 2661 3.1: a data message of version 2.
fn read_l2tp<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    let flags = part.u16(0)?;
    if flags & 0x8000 != 0 || flags & 0x0f != 2 {
        return Ok(None);
    }
    let mut length = if flags & 0x4000 == 0 { 6 } else { 8 };
    if flags & 0x0800 != 0 {
        length += 4;
    }
    if flags & 0x0200 != 0 {
        length += 2 + usize::from(part.u16(length)?);
    }
    into(walk, Layer::Ppp, part, length)
}

/// draft-massar-v6ops-ayiya 3: identity and signature of stated lengths, then IPv6.
fn read_ayiya<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Option<Step<'a>>, Why> {
    let [identity, signature, _, next] = part.array(0)?;
    if !matches!(next, 4 | 41) {
        return Ok(None);
    }
    let length = 8 + (1 << (identity >> 4)) + usize::from(signature >> 4) * 4;
    into(walk, Layer::Ip, part, length)
}

#[cfg(test)]
mod tests {
    use crate::base::limits;
    use crate::wire::{Heard, Why, samples};

    #[test]
    fn every_tunnel_is_looked_through() {
        samples::assert_all_are_heard(&samples::tunnels());
        samples::assert_all_are_heard(&samples::udp_tunnels());
    }

    #[test]
    fn the_port_alone_makes_no_tunnel() {
        for port in [
            4789, 8472, 4790, 6081, 2152, 3544, 1701, 4341, 6635, 5072, 37008, 5247, 12222, 3386, 30030,
        ] {
            for filler in [0, 8, 0x33, 0xff] {
                let heard = samples::heard(228, &samples::udp(port, "", &[filler; 60]));
                assert!(
                    matches!(heard, Heard::Other { source: Some(_) }),
                    "{port} {filler} {heard:?}"
                );
            }
        }
    }

    #[test]
    fn network_identifiers_make_the_path_and_tunnel_ends_do_not() {
        let frame = samples::ethernet("0800", &samples::packet_v4());
        let vxlan = |vni: &str| samples::segment(228, &samples::udp(4789, &format!("08000000 {vni}00"), &frame)).path;
        assert_eq!(vxlan("000005"), vxlan("000005"));
        assert_ne!(vxlan("000005"), vxlan("000006"));
        let gtp = samples::udp(2152, "30 ff 0000 00000001", &samples::packet_v4());
        assert_eq!(samples::segment(228, &gtp).path, 0);
    }

    #[test]
    fn too_many_tunnels_are_too_deep() {
        let mut packet = samples::packet_v4();
        for _ in 0..limits::MAX_TUNNELS {
            packet = samples::outer_v4(4, "", &packet);
        }
        assert_eq!(samples::segment(228, &packet).seq.0, 1000);
        for deeper in [
            samples::outer_v4(4, "", &packet),
            samples::udp(2152, "30 ff 0000 00000001", &packet),
        ] {
            assert!(matches!(samples::heard(228, &deeper), Heard::Skipped(Why::TooDeep)));
        }
    }

    #[test]
    fn long_label_stacks_and_tag_stacks_need_no_stack() {
        for word in ["88470000", "81000001"] {
            let frame = samples::ethernet(&word.repeat(60_000), &[]);
            assert!(matches!(samples::heard(1, &frame), Heard::Skipped(_)));
        }
    }
}
