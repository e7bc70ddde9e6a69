//! Link layers: what a capture's frames begin with, by its link type (tcpdump.org registry of LINKTYPE values).

use super::walk::{Layer, Step, Walk};
use super::{Part, Why, ether, wifi};
use crate::capture::LinkType;

/// Reads the outermost header of a frame captured on `link`.
pub(super) fn read<'a>(walk: &mut Walk, link: LinkType, part: Part<'a>) -> Result<Step<'a>, Why> {
    match link.0 {
        1 => Ok(Step::Into(Layer::Ethernet, part)),
        0 | 108 => read_loopback(part),
        12 | 14 | 101 | 228 | 229 => Ok(Step::Into(Layer::Ip, part)),
        117 => read_pflog(part),
        109 => Ok(Step::Into(Layer::Ip, part.skip(12)?)), // OpenBSD enc: family, key index, flags
        11 | 100 => Ok(Step::Into(Layer::Llc, part)),     // RFC 2684: LLC over ATM
        122 => Ok(Step::Into(Layer::Llc, part.skip(16)?)), // RFC 2625: IP over Fibre Channel
        123 => read_sun_atm(part),
        138 => ether_type_at(part, 16, 18), // Apple's IP over IEEE 1394
        178 => read_juniper_ethernet(part),
        204 => Ok(Step::Into(Layer::Ppp, part.skip(1)?)), // The same as 9, 104 and 107, behind a byte for the direction
        205 => Ok(Step::Into(Layer::Hdlc, part.skip(1)?)),
        206 => read_frame_relay(part.skip(1)?),
        149 | 258 => read_pktap(walk, part), // 149 in Apple's own tools
        8 | 15 => Ok(Step::Into(Layer::Ip, part.skip(16)?)), // BSD SLIP: direction and 15 bytes of compressed header
        113 => read_cooked(walk, part),
        276 => read_cooked_v2(walk, part),
        9 | 50 | 166 => Ok(Step::Into(Layer::Ppp, part)),
        51 => Ok(Step::Into(Layer::Ppp, part.skip(6)?)), // PPPoE from its own header on
        104 => Ok(Step::Into(Layer::Hdlc, part)),
        107 => read_frame_relay(part),
        10 => Ok(Step::Into(Layer::Llc, part.skip(13)?)), // FDDI: frame control and two addresses
        6 => read_token_ring(part),
        105 => Ok(Step::Into(Layer::Wifi, part)),
        127 => wifi::read_radiotap(part),
        119 => wifi::read_prism(part),
        163 => wifi::read_avs(part),
        192 => read_ppi(walk, part),
        242 => ether_type_at(part, 40, 44), // IP over InfiniBand, after a global routing header
        7 => read_arcnet(part, 2),
        129 => read_arcnet(part, 4),
        197 => read_erf(walk, part),
        239 => read_nflog(part),
        other => Err(Why::LinkType(other)),
    }
}

/// An Ethernet type at offset `at`, and its payload at offset `payload`.
fn ether_type_at(part: Part<'_>, at: usize, payload: usize) -> Result<Step<'_>, Why> {
    Ok(Step::Into(Layer::EtherType(part.u16(at)?), part.skip(payload)?))
}

/// BSD loopback: an address family in the byte order of the machine (NULL) or of the network (LOOP).
/// `AF_INET6` is 10, 23, 24, 28 or 30, by system. Some writers put an Ethernet type there, or plain PPP.
fn read_loopback(part: Part<'_>) -> Result<Step<'_>, Why> {
    let family = part.u32(0)?;
    if family >> 16 == 0xff03 {
        return Ok(Step::Into(Layer::Ppp, part));
    }
    let rest = part.skip(4)?;
    match if family > 0xffff { family.swap_bytes() } else { family } {
        2 | 10 | 23 | 24 | 28 | 30 => Ok(Step::Into(Layer::Ip, rest)),
        kind @ 0x0600..=0xffff => Ok(Step::Into(Layer::EtherType(kind as u16), rest)),
        _ => Err(Why::NotIp),
    }
}

/// OpenBSD's packet filter log: its own length without padding to four bytes, address family, verdict, interface.
fn read_pflog(part: Part<'_>) -> Result<Step<'_>, Why> {
    match part.u8(0)? {
        length @ 44.. => Ok(Step::Into(
            Layer::Ip,
            part.skip(usize::from(length).next_multiple_of(4))?,
        )),
        _ => Err(Why::Malformed),
    }
}

/// `LINKTYPE_SUNATM`: direction and kind of traffic, virtual path, virtual circuit.
fn read_sun_atm(part: Part<'_>) -> Result<Step<'_>, Why> {
    match part.u8(0)? & 0x0f {
        2 => Ok(Step::Into(Layer::Llc, part.skip(4)?)),
        _ => Err(Why::NotIp),
    }
}

/// `LINKTYPE_JUNIPER_ETHER`: "MGC" and flags; extensions of a stated length where the highest flag says so.
fn read_juniper_ethernet(part: Part<'_>) -> Result<Step<'_>, Why> {
    let [a, b, c, flags] = part.array(0)?;
    if [a, b, c] != *b"MGC" || flags & 0x02 != 0 {
        return Err(Why::NotIp);
    }
    let length = if flags & 0x80 == 0 {
        4
    } else {
        6 + usize::from(part.u16(4)?)
    };
    Ok(Step::Into(Layer::Ethernet, part.skip(length)?))
}

/// `LINKTYPE_PKTAP`, Apple's: its own length, a kind, and the link type of what follows, little-endian.
fn read_pktap<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let [length, kind, link] = [0, 4, 8].map(|at| part.u32(at).map(u32::swap_bytes));
    let (length, link) = (length? as usize, link?);
    if length < 12 || kind? != 1 {
        return Err(Why::NotIp);
    }
    let link = u16::try_from(link).map_err(|_| Why::Malformed)?;
    walk.enter(Layer::Link(LinkType(link)), part.skip(length)?)
}

/// `LINKTYPE_LINUX_SLL`: packet type, ARPHRD type, address, protocol.
fn read_cooked<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let (device, protocol) = (part.u16(2)?, part.u16(14)?);
    read_cooked_protocol(walk, device, protocol, part.skip(16)?)
}

/// `LINKTYPE_LINUX_SLL2`: protocol, interface, ARPHRD type, packet type, address.
fn read_cooked_v2<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let (protocol, device) = (part.u16(0)?, part.u16(8)?);
    read_cooked_protocol(walk, device, protocol, part.skip(20)?)
}

fn read_cooked_protocol<'a>(walk: &mut Walk, device: u16, protocol: u16, rest: Part<'a>) -> Result<Step<'a>, Why> {
    match (device, protocol) {
        (801, _) => Ok(Step::Into(Layer::Wifi, rest)),
        (803, _) => wifi::read_radiotap(rest),
        (770, _) => read_frame_relay(rest),
        (824, _) | (_, 1) => Err(Why::NotIp), // netlink; Novell's own 802.3
        (_, 4) => Ok(Step::Into(Layer::Llc, rest)),
        (_, kind) => ether::read_type(walk, kind, rest),
    }
}

/// RFC 1661 and RFC 1662: address and control (ff 03) may be left out, and the protocol field shortened to its odd byte.
/// A first byte 0x0f or 0x8f is Cisco HDLC (`LINKTYPE_PPP_HDLC`); 166 has a direction byte in place of the address.
pub(super) fn read_ppp(part: Part<'_>) -> Result<Step<'_>, Why> {
    let part = match (part.u8(0)?, part.u8(1)?) {
        (0xff | 0x00 | 0x01, 0x03) => part.skip(2)?,
        (0x0f | 0x8f, 0x00) => return Ok(Step::Into(Layer::Hdlc, part)),
        _ => part,
    };
    let first = part.u8(0)?;
    let (protocol, rest) = if first & 1 == 1 {
        (first.into(), part.skip(1)?)
    } else {
        (part.u16(0)?, part.skip(2)?)
    };
    match protocol {
        0x0021 | 0x0057 => Ok(Step::Into(Layer::Ip, rest)),
        0x0281 | 0x0283 => Ok(Step::Into(Layer::Mpls, rest)),
        0x003d => read_multilink(rest),
        0x0053 | 0x0055 => Err(Why::Encrypted), // RFC 1968
        _ => Err(Why::NotIp),
    }
}

/// RFC 1990, long sequence numbers: only a packet that is whole in one fragment can be read alone.
fn read_multilink(part: Part<'_>) -> Result<Step<'_>, Why> {
    match part.u8(0)? & 0xc0 {
        0xc0 => Ok(Step::Into(Layer::Ppp, part.skip(4)?)),
        _ => Err(Why::NotIp),
    }
}

/// Cisco HDLC: address, control, Ethernet type.
pub(super) fn read_hdlc(part: Part<'_>) -> Result<Step<'_>, Why> {
    ether_type_at(part, 2, 4)
}

/// RFC 2427: an address of two to four bytes, then control and NLPID; or Cisco's own, an Ethernet type.
fn read_frame_relay(part: Part<'_>) -> Result<Step<'_>, Why> {
    let address = (0..4)
        .take_while(|&at| part.u8(at).is_ok_and(|byte| byte & 1 == 0))
        .count()
        + 1;
    if part.u8(address)? != 0x03 {
        return ether_type_at(part, address, address + 2);
    }
    let pad = usize::from(part.u8(address + 1)? == 0);
    let rest = part.skip(address + 2 + pad)?;
    match part.u8(address + 1 + pad)? {
        0xcc | 0x8e => Ok(Step::Into(Layer::Ip, rest)),
        0x80 => ether::read_snap(rest),
        0xcf => Ok(Step::Into(Layer::Ppp, rest)), // RFC 1973
        _ => Err(Why::NotIp),
    }
}

/// IEEE 802.5: access and frame control, two addresses, a route where the source says so, LLC.
fn read_token_ring(part: Part<'_>) -> Result<Step<'_>, Why> {
    let route = if part.u8(8)? & 0x80 == 0 {
        0
    } else {
        part.u8(14)? & 0x1f
    };
    Ok(Step::Into(Layer::Llc, part.skip(14 + usize::from(route))?))
}

/// `LINKTYPE_PPI`: a header that names its own length and the link type of what follows, little-endian.
fn read_ppi<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let [_, _, low, high, a, b, _, _] = part.array(0)?;
    let length = u16::from_le_bytes([low, high]);
    if length < 8 {
        return Err(Why::Malformed);
    }
    let link = LinkType(u16::from_le_bytes([a, b]));
    walk.enter(Layer::Link(link), part.skip(length.into())?)
}

/// ARCNET, its packet type at offset `at` (Linux puts an offset before it): RFC 1201 has a split flag and a number, and
/// four bytes of filling where the flag is 0xff; RFC 1051 has nothing.
fn read_arcnet(part: Part<'_>, at: usize) -> Result<Step<'_>, Why> {
    let length = match (part.u8(at)?, part.u8(at + 1)?) {
        (0xd4, 0xff) => 8, // flag, two bytes, flag, number
        (0xd4, 0) => 4,
        (0xf0, _) => 1,
        _ => return Err(Why::NotIp),
    };
    Ok(Step::Into(Layer::Ip, part.skip(at + length)?))
}

/// Endace's extensible record format: time, type, flags, lengths; extension headers while their top bit says so.
fn read_erf<'a>(walk: &mut Walk, part: Part<'a>) -> Result<Step<'a>, Why> {
    let kind = part.u8(8)?;
    let mut rest = part.skip(16)?;
    let mut more = kind & 0x80 != 0;
    while more {
        more = rest.u8(0)? & 0x80 != 0;
        rest = rest.skip(8)?;
    }
    match kind & 0x7f {
        1 => walk.enter(Layer::Hdlc, rest),
        2 | 11 | 16 | 20 => walk.enter(Layer::Ethernet, rest.skip(2)?),
        22 | 23 => walk.enter(Layer::Ip, rest),
        _ => Err(Why::NotIp),
    }
}

/// `LINKTYPE_NFLOG`: type-length-value fields in host order, padded to four bytes; type 9 is the packet.
/// Its address family is the second last byte before the fields, but the IP header says it as well.
fn read_nflog(part: Part<'_>) -> Result<Step<'_>, Why> {
    let mut fields = part.skip(4)?;
    loop {
        let [a, b, c, d] = fields.array(0)?;
        let little = u16::from_le_bytes([a, b]);
        let length = if little >= 0x0400 {
            u16::from_be_bytes([a, b])
        } else {
            little
        };
        let kind = if c == 0 { d } else { c };
        // The payload may be longer than 1 KiB, and then the guess at byte order fails: its kind decides.
        let length = match (kind, c) {
            (9, 9) => little,
            (9, _) => u16::from_be_bytes([a, b]),
            _ => length,
        };
        if length < 4 {
            return Err(Why::Malformed);
        }
        if kind & 0x7f == 9 {
            return Ok(Step::Into(Layer::Ip, fields.take(length.into()).skip(4)?));
        }
        fields = fields.skip(usize::from(length).next_multiple_of(4))?;
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::{Heard, Why, samples};

    #[test]
    fn every_link_type_is_looked_through() {
        samples::assert_all_are_heard(&samples::links());
    }

    #[test]
    fn a_link_type_that_we_do_not_read_is_named() {
        let heard = samples::heard(147, &samples::packet_v4());
        assert!(matches!(heard, Heard::Skipped(Why::LinkType(147))), "{heard:?}");
    }

    #[test]
    fn endless_netfilter_fields_end() {
        let bytes = samples::before("02000000 04000100 04000100 00000100", &[]);
        assert!(matches!(samples::heard(239, &bytes), Heard::Skipped(Why::Malformed)));
    }
}
