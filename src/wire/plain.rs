//! The short way for most packets there are: Ethernet with at most one VLAN tag or Linux cooked, IP without options or
//! fragments, TCP with its fixed header captured. It gives what the long way would, and leaves everything else to that.

use super::segment;
use super::walk::{self, Net, Pair, Tag};
use super::{Heard, whole};
use crate::capture::{LinkType, Record};

/// The TCP segment in these captured `bytes`; `None` leaves the packet to the long way.
#[expect(
    clippy::inline_always,
    reason = "so that a segment is made where it stays, and is not copied from step to step"
)]
#[inline(always)]
pub(super) fn read(record: &Record, bytes: &[u8]) -> Option<Heard> {
    let Found { net, tag, tcp, length } = find(record, bytes)?;
    let (head, rest) = tcp.split_first_chunk::<20>()?;
    let path = if tag == 0 { 0 } else { walk::mix(0, Tag::Vlan, tag) };
    Some(Heard::Segment(segment::read_head(
        record.into(),
        path,
        &net,
        head,
        rest,
        length,
    )))
}

/// The payload of the TCP segment in these captured `bytes`; `None` leaves the packet to the long way.
#[inline]
pub(super) fn payload<'a>(record: &Record, bytes: &'a [u8]) -> Option<&'a [u8]> {
    super::behind_header(find(record, bytes)?.tcp)
}

/// A whole TCP segment in a plain packet.
struct Found<'a> {
    net: Net,
    /// VLAN id, or 0.
    tag: u32,
    /// Its captured bytes.
    tcp: &'a [u8],
    /// How long it was.
    length: usize,
}

#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn find<'a>(record: &Record, bytes: &'a [u8]) -> Option<Found<'a>> {
    let (kind, tag, start) = find_packet(record.link, bytes)?;
    let packet = bytes.get(start..)?;
    let (net, header_length, length) = match kind {
        [0x08, 0x00] => read_v4(packet)?,
        [0x86, 0xdd] => read_v6(packet)?,
        _ => return None,
    };
    let wire = whole(record, bytes).wire() - start;
    if header_length + length > wire {
        return None;
    }
    let tcp = packet.get(header_length..packet.len().min(header_length + length))?;
    Some(Found { net, tag, tcp, length })
}

/// Type, VLAN id and start of the network header.
#[inline]
fn find_packet(link: LinkType, bytes: &[u8]) -> Option<([u8; 2], u32, usize)> {
    Some(match link {
        LinkType(1) => match bytes.get(12..18)? {
            [0x81, 0x00, high, low, kind, kind_low] => {
                let tag = u16::from_be_bytes([*high & 0x0f, *low]);
                ([*kind, *kind_low], u32::from(tag), 18)
            }
            [kind, kind_low, ..] => ([*kind, *kind_low], 0, 14),
            _ => return None,
        },
        // Devices of type 1 (Ethernet) and 772 (loopback) only.
        LinkType(113) => match bytes {
            [_, _, 0, 1, rest @ ..] | [_, _, 3, 4, rest @ ..] => (*rest.get(10..)?.first_chunk()?, 0, 16),
            _ => return None,
        },
        LinkType(276) => match bytes {
            [kind, low, _, _, _, _, _, _, 0, 1, ..] | [kind, low, _, _, _, _, _, _, 3, 4, ..] => ([*kind, *low], 0, 20),
            _ => return None,
        },
        _ => return None,
    })
}

/// Header and payload length of an IPv4 packet that carries a whole TCP segment right after 20 bytes.
#[inline]
fn read_v4(packet: &[u8]) -> Option<(Net, usize, usize)> {
    let head = packet.first_chunk::<20>()?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]])).checked_sub(20)?;
    let is_fragment = u16::from_be_bytes([head[6], head[7]]) & 0x3fff != 0;
    if head[0] != 0x45 || head[9] != 6 || is_fragment || length < 20 {
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
    Some((net, 20, length))
}

/// As [`read_v4`], for IPv6 without extension headers.
#[inline]
fn read_v6(packet: &[u8]) -> Option<(Net, usize, usize)> {
    let (head, rest) = packet.split_first_chunk::<8>()?;
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
    if head[0] >> 4 != 6 || head[6] != 6 || length < 20 {
        return None;
    }
    let net = Net {
        pair: Pair::V6(*source, *rest.first_chunk::<16>()?),
        ttl: head[7],
        ip_id: None,
    };
    Some((net, 40, length))
}

#[cfg(test)]
mod tests {
    use crate::wire::part::Part;
    use crate::wire::walk::{Layer, Walk};
    use crate::wire::{Heard, samples};

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        let mut short_ones = 0;
        for sample in samples::all() {
            for end in 0..=sample.bytes.len() {
                let bytes = &sample.bytes[..end];
                let record = samples::record(sample.link, end, sample.bytes.len());
                let Some(Heard::Segment(short)) = super::read(&record, bytes) else {
                    continue;
                };
                short_ones += 1;
                let part = Part::new(bytes, sample.bytes.len());
                let long = Walk::new((&record).into(), 0).run(Layer::Link(record.link), part);
                let Heard::Segment(long) = long else {
                    panic!("{}", sample.name)
                };
                assert_eq!(short, long, "{} at {end}", sample.name);
                let found = Walk::new((&record).into(), 0).find_tcp(Layer::Link(record.link), part);
                let payload = found.and_then(|tcp| crate::wire::behind_header(tcp.bytes()));
                assert_eq!(super::payload(&record, bytes), payload, "{} at {end}", sample.name);
            }
        }
        assert!(short_ones > 50, "{short_ones}");
    }
}
