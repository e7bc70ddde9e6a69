//! The short way into the tunnels that traffic is most often mirrored through: VXLAN, GRE and ERSPAN over Ethernet and IPv4.
//! It finds what [`super::walk::Walk::find_tcp`] would, step after step without asking what may come, and leaves everything
//! else to that.

use super::Part;
use super::walk::{Net, Pair, Tag, mix};

/// EtherType of IPv4 (RFC 894).
const V4: u16 = 0x0800;
/// EtherType of IPv6 (RFC 2464).
const V6: u16 = 0x86dd;

/// A TCP segment, what is below it, and the path to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside<'a> {
    pub(super) path: u32,
    pub(super) net: Net,
    pub(super) segment: Part<'a>,
}

/// The TCP segment in the tunnel that this Ethernet `frame` belongs to.
pub(super) fn find(frame: Part<'_>) -> Option<Inside<'_>> {
    let (kind, path, packet) = behind_ethernet(0, frame)?;
    let (protocol, _, payload) = behind_ip(kind, packet).filter(|_| kind == V4)?;
    let (kind, path, packet) = match protocol {
        17 => behind_vxlan(path, payload),
        47 => behind_gre(path, payload),
        _ => None,
    }?;
    let (protocol, net, segment) = behind_ip(kind, packet)?;
    (protocol == 6).then_some(Inside { path, net, segment })
}

/// EtherType, path, and what follows the header and its VLAN tags.
#[inline]
fn behind_ethernet(mut path: u32, frame: Part<'_>) -> Option<(u16, u32, Part<'_>)> {
    let mut at = 12;
    loop {
        match frame.u16(at).ok()? {
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                path = tagged(path, Tag::Vlan, u32::from(frame.u16(at + 2).ok()? & 0x0fff));
                at += 4;
            }
            kind => return Some((kind, path, frame.skip(at + 2).ok()?)),
        }
    }
}

/// As [`super::walk::Walk::tag`].
fn tagged(path: u32, tag: Tag, id: u32) -> u32 {
    if id == 0 { path } else { mix(path, tag, id) }
}

/// Protocol, addresses and payload of a whole IP packet without options.
#[inline]
fn behind_ip(kind: u16, packet: Part<'_>) -> Option<(u8, Net, Part<'_>)> {
    match kind {
        V4 => behind_v4(packet),
        V6 => behind_v6(packet),
        _ => None,
    }
}

#[inline]
fn behind_v4(packet: Part<'_>) -> Option<(u8, Net, Part<'_>)> {
    let head = packet.array::<20>(0).ok()?;
    let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let place = u16::from_be_bytes([head[6], head[7]]);
    if head[0] != 0x45 || place & 0x3fff != 0 || total < 20 {
        return None;
    }
    let net = Net {
        pair: Pair::V4(
            [head[12], head[13], head[14], head[15]],
            [head[16], head[17], head[18], head[19]],
        ),
        ttl: head[8],
        ip_id: Some(u16::from_be_bytes([head[4], head[5]])),
    };
    Some((head[9], net, packet.take(total).skip(20).ok()?))
}

#[inline]
fn behind_v6(packet: Part<'_>) -> Option<(u8, Net, Part<'_>)> {
    let head = packet.array::<8>(0).ok()?;
    let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
    if head[0] >> 4 != 6 || length == 0 {
        return None;
    }
    let net = Net {
        pair: Pair::V6(packet.array(8).ok()?, packet.array(24).ok()?),
        ttl: head[7],
        ip_id: None,
    };
    Some((head[6], net, packet.skip(40).ok()?.take(length)))
}

/// What a UDP datagram to a port of VXLAN carries (RFC 7348 5); an answer to a DNS question may go to one, too.
#[inline]
fn behind_vxlan(path: u32, datagram: Part<'_>) -> Option<(u16, u32, Part<'_>)> {
    let [a, b, c, d, high, low, _, _] = datagram.array(0).ok()?;
    let (source, target) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let length = usize::from(u16::from_be_bytes([high, low]));
    if !matches!(target, 4789 | 8472) || matches!(source, 53 | 5353) || length < 8 {
        return None;
    }
    let payload = datagram.take(length).skip(8).ok()?;
    let flags = payload.u8(0).ok()?;
    if flags & 0x08 == 0 {
        return None;
    }
    let path = tagged(path, Tag::Vni, payload.u32(4).ok()? >> 8);
    behind_ethernet(path, payload.skip(8).ok()?)
}

/// What GRE carries (RFC 2784, RFC 2890): IP, Ethernet, or a mirrored frame (ERSPAN type II).
#[inline]
fn behind_gre(mut path: u32, part: Part<'_>) -> Option<(u16, u32, Part<'_>)> {
    let (flags, kind) = (part.u16(0).ok()?, part.u16(2).ok()?);
    let has = |bit: u16| flags & bit != 0;
    // No routes, and no other version.
    if has(0x4007) {
        return None;
    }
    let mut length = if has(0x8000) { 8 } else { 4 };
    if has(0x2000) {
        path = tagged(path, Tag::Gre, part.u32(length).ok()?);
        length += 4;
    }
    if has(0x1000) {
        length += 4;
    }
    let payload = part.skip(length).ok()?;
    match kind {
        V4 | V6 => Some((kind, path, payload)),
        0x6558 => behind_ethernet(path, payload),
        0x88be if has(0x1000) => {
            path = tagged(path, Tag::Vlan, u32::from(payload.u16(0).ok()? & 0x0fff));
            behind_ethernet(path, payload.skip(8).ok()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::wire::samples;
    use crate::wire::walk::{Layer, Walk};

    /// Both ways, which have to agree; whether the short one was taken.
    #[track_caller]
    fn assert_same(bytes: &[u8], original: usize) -> bool {
        let frame = Part::new(bytes, original);
        let Some(found) = find(frame) else { return false };
        let record = samples::record(1, bytes.len(), original);
        let mut walk = Walk::new((&record).into(), 0);
        let long = walk.find_tcp(Layer::Link(LinkType(1)), frame);
        let (net, segment) = long.unwrap_or_else(|heard| panic!("{heard:?} in {bytes:02x?}"));
        let inside = Inside {
            path: walk.path,
            net,
            segment,
        };
        assert_eq!(
            format!("{found:?}"),
            format!("{inside:?}"),
            "{bytes:02x?} of {original}"
        );
        assert!(!walk.has_fcs());
        true
    }

    #[test]
    fn tunnels_are_found_the_short_way_as_the_long_way_finds_them_wherever_they_are_cut() {
        let mut found = Vec::new();
        for sample in samples::all().into_iter().filter(|sample| sample.link == 1) {
            let whole = sample.bytes.len();
            for end in 0..=whole {
                for original in [end, whole, whole + 9] {
                    if assert_same(&sample.bytes[..end], original) {
                        found.push(sample.name);
                    }
                }
            }
        }
        found.dedup();
        for name in ["VXLAN", "GRE", "ERSPAN"] {
            assert!(found.iter().any(|found| found.contains(name)), "{name}: {found:?}");
        }
    }

    #[test]
    fn they_are_whatever_their_bytes() {
        let mut found = 0;
        let mut dice = 1_u32;
        for sample in samples::all().into_iter().filter(|sample| sample.link == 1) {
            for at in 12..sample.bytes.len() {
                for value in [0, 1, 4, 6, 8, 0x0f, 0x10, 0x45, 0x60, 0x80, 0x81, 0xff] {
                    let mut bytes = sample.bytes.clone();
                    bytes[at] = value;
                    dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let other = 12 + (dice >> 8) as usize % (bytes.len() - 12);
                    found += usize::from(assert_same(&bytes, bytes.len()));
                    bytes[other] ^= (dice >> 24) as u8;
                    found += usize::from(assert_same(&bytes, bytes.len() + (dice >> 6) as usize % 3));
                }
            }
        }
        assert!(found > 1_000, "{found}");
    }
}
