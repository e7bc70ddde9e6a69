//! The short way for most packets there are: Ethernet with or without VLAN tags, Linux cooked or no link header, IP without
//! options or fragments, TCP with its fixed header captured. It gives what the long way would, and leaves everything else to that.

use super::Places;
use super::segment::{self, Tcp};
use super::walk::{self, Net, Origin, Pair, Tag};
use super::whole;
use crate::capture::{LinkType, Record};

/// Reads the TCP segment in these captured `bytes` into a place for its flow, of which nothing stays; gives it and its
/// payload. `None` leaves the packet to the long way.
#[expect(
    clippy::inline_always,
    reason = "so that a segment is made where it stays, and is not copied from step to step"
)]
#[inline(always)]
pub(super) fn read<'a, P: Places>(
    record: &'a Record,
    bytes: &'a [u8],
    packet: u64,
    places: P,
) -> Option<(P::Place, &'a [u8])> {
    let way = Way {
        record,
        bytes,
        packet,
        path: 0,
    };
    // Each its own copy of what follows, made for its kind of key.
    match bytes.split_first_chunk::<14>() {
        Some(([.., 0x08, 0x00], ip)) if record.link == LinkType(1) => way.read_v4(ip, places),
        Some(([.., 0x86, 0xdd], ip)) if record.link == LinkType(1) => way.read_v6(ip, places),
        _ => read_behind(way, places),
    }
}

/// As [`read`], where the network header does not stand right behind an Ethernet header: kept apart from what most packets
/// need.
#[inline(never)]
fn read_behind<P: Places>(way: Way<'_>, places: P) -> Option<(P::Place, &[u8])> {
    let (kind, path, ip) = find_packet(way.record.link, way.bytes)?;
    let way = Way { path, ..way };
    match kind {
        V4 => way.read_v4(ip, places),
        V6 => way.read_v6(ip, places),
        _ => None,
    }
}

/// EtherType of IPv4 (RFC 894).
const V4: u16 = 0x0800;
/// EtherType of IPv6 (RFC 2464).
const V6: u16 = 0x86dd;

/// EtherType, path, and the packet from its network header on.
fn find_packet(link: LinkType, bytes: &[u8]) -> Option<(u16, u32, &[u8])> {
    let (kind, device, rest) = match link {
        LinkType(1) => {
            return find_behind_tags(bytes.split_at_checked(12)?.1);
        }
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

/// EtherType, path, and the packet behind the VLAN tags (IEEE 802.1Q, 802.1ad, and what came before it) at the start.
fn find_behind_tags(mut bytes: &[u8]) -> Option<(u16, u32, &[u8])> {
    let mut path = 0;
    while let ([0x81 | 0x91 | 0x92, 0] | [0x88, 0xa8], [high, low, rest @ ..]) = bytes.split_first_chunk::<2>()? {
        let id = u16::from_be_bytes([high & 0x0f, *low]);
        if id != 0 {
            path = walk::mix(path, Tag::Vlan, id.into());
        }
        bytes = rest;
    }
    let (kind, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*kind), path, rest))
}

/// What is known before the network header.
#[derive(Clone, Copy)]
struct Way<'a> {
    record: &'a Record,
    bytes: &'a [u8],
    packet: u64,
    path: u32,
}

impl<'a> Way<'a> {
    /// A TCP segment right after the 20 bytes of an IPv4 header.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn read_v4<P: Places>(&self, ip: &'a [u8], places: P) -> Option<(P::Place, &'a [u8])> {
        let (head, rest) = ip.split_first_chunk::<20>()?;
        // Length, identification, flags and fragment offset, TTL, protocol.
        let word = u64::from_be_bytes([head[2], head[3], head[4], head[5], head[6], head[7], head[8], head[9]]);
        if word & 0x3fff_00ff != 6 {
            return None;
        }
        if head[0] != 0x45 {
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
        self.read_tcp(&net, rest, ((word >> 48) as usize).checked_sub(20)?, places)
    }

    /// As [`Way::read_v4`], for IPv6 without extension headers.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn read_v6<P: Places>(&self, ip: &'a [u8], places: P) -> Option<(P::Place, &'a [u8])> {
        let (head, rest) = ip.split_first_chunk::<40>()?;
        let (about, addresses) = head.split_first_chunk::<8>()?;
        let (source, target) = addresses.split_first_chunk::<16>()?;
        if about[0] >> 4 != 6 || about[6] != 6 {
            return None;
        }
        let net = Net {
            pair: Pair::V6(*source, *target.first_chunk::<16>()?),
            ttl: about[7],
            ip_id: None,
        };
        self.read_tcp(&net, rest, u16::from_be_bytes([about[4], about[5]]).into(), places)
    }

    /// The segment of `length` bytes in the `rest` of a record, if its fixed header was captured and the frame is that long.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn read_tcp<P: Places>(&self, net: &Net, rest: &'a [u8], length: usize, places: P) -> Option<(P::Place, &'a [u8])> {
        let captured = match rest.get(..length) {
            Some(all) => all,
            None if !self.is_on_the_wire(length, rest) => return None,
            None => rest,
        };
        let (head, rest) = captured.split_first_chunk::<20>()?;
        let origin = || Origin {
            packet: self.packet,
            ..self.record.into()
        };
        let tcp = Tcp { head, rest, length };
        Some(segment::read_into(places, origin, self.path, net, &tcp))
    }

    /// The frame had `length` bytes where `rest` was captured.
    fn is_on_the_wire(&self, length: usize, rest: &[u8]) -> bool {
        whole(self.record, self.bytes).wire() - (self.bytes.len() - rest.len()) >= length
    }
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

    fn read<'a>(record: &'a crate::capture::Record, bytes: &'a [u8], segment: &mut Segment) -> Option<&'a [u8]> {
        super::read(record, bytes, record.number, segment).map(|(_, payload)| payload)
    }

    /// What the long way gives, and the payload where it is a segment.
    fn read_long<'a>(record: &crate::capture::Record, part: Part<'a>) -> (Heard, Option<&'a [u8]>) {
        let layer = Layer::Link(record.link);
        let found = Walk::new(record.into(), 0).find_tcp(layer, part);
        let payload = found.ok().and_then(|(_, tcp)| crate::wire::behind_header(tcp.bytes()));
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
                let Some(payload) = read(&record, bytes, &mut segment) else {
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
                let Some(payload) = read(&record, &bytes[..captured], &mut segment) else {
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

    /// Both ways, which have to agree; whether the short one was taken.
    fn assert_same(link: u16, bytes: &[u8], original: usize) -> bool {
        let record = samples::record(link, bytes.len(), original);
        let mut segment = used();
        let Some(payload) = read(&record, bytes, &mut segment) else {
            return false;
        };
        let (Heard::Segment(long), long_payload) = read_long(&record, Part::new(bytes, original)) else {
            panic!("{link} {bytes:02x?} of {original}")
        };
        assert_eq!(segment, long, "{link} {bytes:02x?} of {original}");
        assert_eq!(Some(payload), long_payload, "{link} {bytes:02x?} of {original}");
        true
    }

    #[test]
    fn they_agree_whatever_the_lengths_say_and_wherever_the_capture_cuts() {
        let mut short_ones = 0;
        for (link, head) in [
            (1, "0800"),
            (1, "8100 0007 0800"),
            (1, "88a8 0007 8100 0000 9100 0009 0800"),
            (1, "86dd"),
            (228, ""),
        ] {
            let is_v6 = head == "86dd";
            let packet = if is_v6 {
                samples::packet_v6()
            } else {
                samples::packet_v4()
            };
            let whole = match link {
                1 => samples::ethernet(head, &packet),
                _ => packet.clone(),
            };
            let ip = whole.len() - packet.len();
            let (length_at, offset_at) = if is_v6 { (ip + 4, ip + 52) } else { (ip + 2, ip + 32) };
            for length in 0..packet.len() as u8 + 8 {
                for words in 0..16 {
                    let mut bytes = whole.clone();
                    // Padding, or the beginning of what is longer than it says.
                    bytes.extend([0; 6]);
                    bytes[length_at + 1] = length;
                    bytes[offset_at] = words << 4;
                    for captured in (0..=bytes.len()).rev().step_by(3) {
                        for original in [captured, bytes.len(), bytes.len() + 9] {
                            short_ones += usize::from(assert_same(link, &bytes[..captured], original));
                        }
                    }
                }
            }
        }
        assert!(short_ones > 10_000, "{short_ones}");
    }
}
