//! The short way for most packets there are: Ethernet with at most one VLAN tag, Linux cooked or no link header, IP without
//! options or fragments, TCP with its fixed header captured. It gives what the long way would, and leaves everything else to that.

use super::segment::{self, Segment, Tcp};
use super::walk::{self, Net, Origin, Pair, Tag};
use super::whole;
use crate::capture::{LinkType, Record};

/// Reads the TCP segment in these captured `bytes` into `segment` and gives its payload; `None` leaves the packet to the
/// long way, and in `segment` whatever there was.
#[expect(
    clippy::inline_always,
    reason = "so that a segment is made where it stays, and is not copied from step to step"
)]
#[inline(always)]
pub(super) fn read<'a>(record: &Record, bytes: &'a [u8], packet: u64, segment: &mut Segment) -> Option<&'a [u8]> {
    let (kind, tag, ip) = find_packet(record.link, bytes)?;
    let origin = Origin {
        packet,
        ..record.into()
    };
    let path = if tag == 0 { 0 } else { walk::mix(0, Tag::Vlan, tag) };
    // Each its own copy of what follows, made for its kind of key.
    let payload = match kind {
        V4 => {
            let (net, tcp) = read_v4(ip, record, bytes)?;
            segment::read_into(segment, origin, path, &net, &tcp)
        }
        V6 => {
            let (net, tcp) = read_v6(ip, record, bytes)?;
            segment::read_into(segment, origin, path, &net, &tcp)
        }
        _ => return None,
    };
    Some(payload)
}

/// EtherType of IPv4 (RFC 894).
const V4: u16 = 0x0800;
/// EtherType of IPv6 (RFC 2464).
const V6: u16 = 0x86dd;
/// EtherType of a VLAN tag (IEEE 802.1Q).
const VLAN: u16 = 0x8100;

/// EtherType, VLAN id, and the packet from its network header on.
#[inline]
fn find_packet(link: LinkType, bytes: &[u8]) -> Option<(u16, u32, &[u8])> {
    if link == LinkType(1) {
        let (head, rest) = bytes.split_first_chunk::<14>()?;
        let kind = u16::from_be_bytes([head[12], head[13]]);
        if kind != VLAN {
            return Some((kind, 0, rest));
        }
        let (tag, rest) = rest.split_first_chunk::<4>()?;
        let id = u16::from_be_bytes([tag[0] & 0x0f, tag[1]]);
        return Some((u16::from_be_bytes([tag[2], tag[3]]), id.into(), rest));
    }
    find_elsewhere(link, bytes)
}

/// As [`find_packet`], where there is no Ethernet; kept apart from what most packets need.
#[inline(never)]
fn find_elsewhere(link: LinkType, bytes: &[u8]) -> Option<(u16, u32, &[u8])> {
    let (kind, device, rest) = match link {
        // IP with nothing before it; the version tells which.
        LinkType(12 | 14 | 101 | 228 | 229) => match bytes.first()? >> 4 {
            4 => return Some((V4, 0, bytes)),
            6 => return Some((V6, 0, bytes)),
            _ => return None,
        },
        LinkType(113) => {
            let (head, rest) = bytes.split_first_chunk::<16>()?;
            ([head[14], head[15]], [head[2], head[3]], rest)
        }
        LinkType(276) => {
            let (head, rest) = bytes.split_first_chunk::<20>()?;
            ([head[0], head[1]], [head[8], head[9]], rest)
        }
        _ => return None,
    };
    // Devices of type 1 (Ethernet) and 772 (loopback) only.
    matches!(u16::from_be_bytes(device), 1 | 772).then_some((u16::from_be_bytes(kind), 0, rest))
}

/// An IPv4 packet that carries a TCP segment right after 20 bytes.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn read_v4<'a>(ip: &'a [u8], record: &Record, bytes: &[u8]) -> Option<(Net, Tcp<'a>)> {
    let (head, rest) = ip.split_first_chunk::<20>()?;
    // Length, identification, flags and fragment offset, TTL, protocol.
    let word = u64::from_be_bytes([head[2], head[3], head[4], head[5], head[6], head[7], head[8], head[9]]);
    let is_whole_tcp = word & 0x3fff_00ff == 6;
    if head[0] != 0x45 || !is_whole_tcp {
        return None;
    }
    let net = Net {
        pair: Pair::V4(
            [head[12], head[13], head[14], head[15]],
            [head[16], head[17], head[18], head[19]],
        ),
        ttl: (word >> 8) as u8,
        ip_id: Some((word >> 32) as u16),
    };
    let length = ((word >> 48) as usize).checked_sub(20)?;
    Some((net, find_tcp(rest, length, record, bytes)?))
}

/// As [`read_v4`], for IPv6 without extension headers.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn read_v6<'a>(ip: &'a [u8], record: &Record, bytes: &[u8]) -> Option<(Net, Tcp<'a>)> {
    let (head, rest) = ip.split_first_chunk::<8>()?;
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let (target, rest) = rest.split_first_chunk::<16>()?;
    let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
    if head[0] >> 4 != 6 || head[6] != 6 {
        return None;
    }
    let net = Net {
        pair: Pair::V6(*source, *target),
        ttl: head[7],
        ip_id: None,
    };
    Some((net, find_tcp(rest, length, record, bytes)?))
}

/// The segment of `length` bytes in the `rest` of a record, if its fixed header was captured and the frame is that long.
#[inline]
fn find_tcp<'a>(rest: &'a [u8], length: usize, record: &Record, bytes: &[u8]) -> Option<Tcp<'a>> {
    let captured = match rest.get(..length) {
        Some(all) => all,
        None if whole(record, bytes).wire() - (bytes.len() - rest.len()) < length => return None,
        None => rest,
    };
    let (head, rest) = captured.split_first_chunk::<20>()?;
    Some(Tcp { head, rest, length })
}

#[cfg(test)]
mod tests {
    use crate::base::Seq;
    use crate::wire::part::Part;
    use crate::wire::walk::{Layer, Walk};
    use crate::wire::{Flags, Heard, Options, PayloadKind, Segment, samples};

    /// A place where something quite different stood.
    fn used() -> Segment {
        Segment {
            packet: 99,
            flags: Flags(0x1ff),
            window: 9,
            options: Options {
                mss: Some(9),
                window_scale: Some(9),
                sack_permitted: true,
                timestamps: Some((9, 9)),
                sack: Some((Seq(9), Seq(9))),
                second_sack: Some((Seq(9), Seq(9))),
                fast_open_cookie: true,
                multipath: true,
                damaged: true,
            },
            ip_id: Some(9),
            path: 9,
            header_cut: true,
            bad_offset: true,
            short_offset: true,
            as_fcs: 3,
            kind: PayloadKind::TlsClientHello,
            name: Some("before.example".into()),
            ..Segment::blank()
        }
    }

    /// What the long way gives, and the payload where it is a segment.
    fn read_long<'a>(record: &crate::capture::Record, part: Part<'a>) -> (Heard, Option<&'a [u8]>) {
        let layer = Layer::Link(record.link);
        let found = Walk::new(record.into(), 0).find_tcp(layer, part);
        let payload = found.and_then(|tcp| crate::wire::behind_header(tcp.bytes()));
        (Walk::new(record.into(), 0).run(layer, part), payload)
    }

    #[test]
    fn the_short_way_and_the_long_way_agree_whatever_stood_there_before() {
        let mut short_ones = 0;
        for sample in samples::all() {
            for end in 0..=sample.bytes.len() {
                let bytes = &sample.bytes[..end];
                let record = samples::record(sample.link, end, sample.bytes.len());
                let mut segment = used();
                let Some(payload) = super::read(&record, bytes, record.number, &mut segment) else {
                    continue;
                };
                short_ones += 1;
                let (long, long_payload) = read_long(&record, Part::new(bytes, sample.bytes.len()));
                let Heard::Segment(long) = long else {
                    panic!("{}", sample.name)
                };
                assert_eq!(segment, long, "{} at {end}", sample.name);
                assert_eq!(Some(payload), long_payload, "{} at {end}", sample.name);
            }
        }
        assert!(short_ones > 50, "{short_ones}");
    }

    #[test]
    fn they_agree_on_every_header_length_option_and_beginning_of_a_payload() {
        let mut short_ones = 0;
        let mut dice = 1_u32;
        for sample in samples::all() {
            for _ in 0..2000 {
                let mut bytes = sample.bytes.clone();
                // Behind the ports, so that it mostly stays TCP.
                for _ in 0..4 {
                    dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = bytes.len() - 1 - (dice >> 8) as usize % 60.min(bytes.len());
                    bytes[at] =
                        [0x50, 0x80, 0xa0, 1, 8, 10, 22, 3, b'G', (dice >> 16) as u8][(dice >> 24) as usize % 10];
                }
                let captured = bytes.len() - (dice >> 4) as usize % 4 * 7 % bytes.len();
                let record = samples::record(sample.link, captured, bytes.len());
                let mut segment = used();
                let Some(payload) = super::read(&record, &bytes[..captured], record.number, &mut segment) else {
                    continue;
                };
                short_ones += 1;
                let (long, long_payload) = read_long(&record, Part::new(&bytes[..captured], bytes.len()));
                let Heard::Segment(long) = long else {
                    panic!("{}", sample.name)
                };
                assert_eq!(segment, long, "{} {bytes:02x?}", sample.name);
                assert_eq!(Some(payload), long_payload, "{}", sample.name);
            }
        }
        assert!(short_ones > 2000, "{short_ones}");
    }
}
