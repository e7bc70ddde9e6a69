//! Record to segment: one captured packet is decoded to the innermost TCP segment, or to the reason why not.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod part;
mod place;
mod inside;
mod plain;
mod walk;
mod link;
mod ether;
mod wifi;
mod ip;
mod tunnel;
pub mod segment;
pub mod options;
mod hello;
pub mod talk;
pub mod icmp;
mod dns;
pub mod fragment;
#[cfg(test)]
mod samples;

pub use dns::{DnsMessage, dns_in_tcp};
pub use fragment::{Reassembled, Reassembler};
pub use icmp::IcmpError;
pub use options::Options;
pub use place::{Place, Places};
pub use segment::{Flags, PayloadKind, Segment};

use crate::base::{Stamp, limits};
use crate::capture::Record;
use part::Part;
use std::net::IpAddr;
use walk::{Layer, Origin, Walk};

/// What the record with these captured `bytes` carries, seen through all its encapsulations. Pure and total: any bytes
/// will do, and the same ones give the same answer on every thread.
#[must_use]
pub fn decode(record: &Record, bytes: &[u8]) -> Heard {
    let mut segment = Segment::blank();
    match plain::read(record, bytes, record.number, &mut segment) {
        Some(_) => Heard::Segment(segment),
        None => decode_any(record, bytes),
    }
}

/// As [`decode`], for packet number `packet` of the recording, into a place that is used again and again: whatever stands
/// there is replaced.
#[inline(never)]
pub fn decode_into(record: &Record, bytes: &[u8], packet: u64, heard: &mut Heard) {
    if !matches!(heard, Heard::Segment(_)) {
        *heard = Heard::Segment(Segment::blank());
    }
    if let Heard::Segment(segment) = heard {
        let found = match decode_plain(record, bytes, packet, &mut *segment) {
            Some(_) => Ok(()),
            None => decode_other(record, bytes, packet, segment).map(drop),
        };
        if let Err(other) = found {
            *heard = other;
        }
    }
}

/// As [`decode_plain`], for whatever there is; what is no segment is given as it is, and so are the odd ones among them.
///
/// # Errors
/// What there is instead.
#[expect(
    clippy::result_large_err,
    reason = "what is no segment is neither small nor an error"
)]
#[inline(never)]
pub fn decode_other<'a, P: Places>(
    record: &'a Record,
    bytes: &'a [u8],
    packet: u64,
    places: P,
) -> Result<(P::Place, &'a [u8]), Heard> {
    let origin = Origin {
        packet,
        ..record.into()
    };
    Walk::new(origin, 0).run_into(Layer::Link(record.link), whole(record, bytes), places)
}

/// What most packets carry: a TCP segment behind headers of the usual kinds. It is read into a place that `places` has
/// for its flow, of which nothing stays; gives it and its payload. `None` leaves the packet to [`decode_other`].
#[expect(
    clippy::inline_always,
    reason = "so that one loop reads and deals, and hands on little"
)]
#[inline(always)]
pub fn decode_plain<'a, P: Places>(
    record: &'a Record,
    bytes: &'a [u8],
    packet: u64,
    places: P,
) -> Option<(P::Place, &'a [u8])> {
    plain::read(record, bytes, packet, places)
}

/// The long way, through any headers there are.
fn decode_any(record: &Record, bytes: &[u8]) -> Heard {
    Walk::new(record.into(), 0).run(Layer::Link(record.link), whole(record, bytes))
}

/// What a payload begins with, and the server's name if it states one.
#[must_use]
pub fn payload_kind(payload: &[u8]) -> (PayloadKind, Option<Box<str>>) {
    hello::read(payload)
}

/// The payload of the TCP segment in this record, as captured; `None` where [`decode`] finds no segment in it. For the few
/// segments whose bytes matter: it reads the headers once more.
#[must_use]
#[inline(never)]
pub fn payload<'a>(record: &'a Record, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let mut segment = Segment::blank();
    let short = plain::read(record, bytes, record.number, &mut segment);
    short.map(|(_, payload)| payload).or_else(|| {
        let layer = Layer::Link(record.link);
        let found = Walk::new(record.into(), 0).find_tcp(layer, whole(record, bytes));
        behind_header(found.ok()?.1.bytes())
    })
}

/// What comes behind the header of a TCP segment, as far as captured. Padding behind the packet is none of it.
fn behind_header(segment: &[u8]) -> Option<&[u8]> {
    let header_length = usize::from(segment.get(12)? >> 4) * 4;
    Some(segment.get(header_length.max(20)..).unwrap_or_default())
}

/// The whole frame. A length on the wire beyond any frame's is a damaged record's, and not to be believed.
fn whole<'a>(record: &Record, bytes: &'a [u8]) -> Part<'a> {
    Part::new(bytes, (record.original as usize).min(limits::MAX_RECORD))
}

/// What one record turned out to carry.
#[derive(Debug)]
pub enum Heard {
    /// A TCP segment.
    Segment(Segment),
    /// An ICMP or `ICMPv6` error that quotes a TCP segment.
    IcmpError(IcmpError),
    /// A fragment of an IP datagram; the reassembler decides what becomes of it.
    Fragment(Fragment),
    /// A DNS question or answer.
    Dns(Box<DnsMessage>),
    /// A host looks for another on its link, or answers.
    Neighbor(Neighbor),
    /// Another host that was heard speaking, without TCP (UDP, ICMP echo, ARP …): it proves that its direction is visible.
    Other {
        /// Its (outermost) source address.
        source: Option<IpAddr>,
    },
    /// Nothing could be made of it.
    Skipped(Why),
}

/// One host asks the link for another one's address, or says that it has it: ARP (RFC 826), neighbour discovery (RFC 4861).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Its packet.
    pub packet: u64,
    /// When it was captured.
    pub stamp: Stamp,
    /// Interface index.
    pub interface: u16,
    /// Who speaks.
    pub sender: IpAddr,
    /// Whom it asks for; `None` where it says that it is there itself.
    pub wanted: Option<IpAddr>,
}

/// An IP fragment, to be given to the reassembler in capture order.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// Number of the record.
    pub packet: u64,
    /// Capture time.
    pub stamp: Stamp,
    /// Interface index.
    pub interface: u16,
    /// Source, target, IP identification and protocol together name the datagram (RFC 791, RFC 8200 4.5).
    pub source: IpAddr,
    /// See `source`.
    pub target: IpAddr,
    /// See `source`.
    pub identification: u32,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// Offset of the payload in the datagram, in bytes.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// TTL or hop limit.
    pub ttl: u8,
    /// VLAN tags and tunnels around it, as in [`Segment::path`].
    pub path: u32,
    /// Start of the payload in the record's captured bytes.
    pub start: u32,
    /// Captured length of the payload.
    pub captured: u32,
    /// Length of the payload by the IP header.
    pub length: u32,
}

/// Why a record gave nothing to track. Counted per reason and reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// The link type is not one we read.
    LinkType(u16),
    /// The capture cut the packet before its TCP ports could be read.
    CutShort,
    /// A length or offset contradicts the packet.
    Malformed,
    /// More encapsulations than `limits::MAX_TUNNELS`.
    TooDeep,
    /// A fragment whose datagram never became complete.
    FragmentIncomplete,
    /// A later or earlier part of a fragmented datagram that did become complete: charged to its last fragment.
    FragmentPart,
    /// Encrypted 802.11 or ESP.
    Encrypted,
    /// IP payload compression: what it holds may be TCP.
    Compressed,
    /// Not IP at all (ARP, LLDP, STP …).
    NotIp,
    /// Left out by the user's capture filter.
    Filtered,
}

impl Why {
    /// The word for reports, in kebab case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::LinkType(_) => "link-type",
            Self::CutShort => "cut-short",
            Self::Malformed => "malformed",
            Self::TooDeep => "too-deep",
            Self::FragmentIncomplete => "fragment-incomplete",
            Self::FragmentPart => "fragment-part",
            Self::Encrypted => "encrypted",
            Self::Compressed => "compressed",
            Self::NotIp => "not-ip",
            Self::Filtered => "filtered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the TCP header begins: its ports and numbers occur once.
    fn tcp_start(bytes: &[u8]) -> usize {
        let wanted = &samples::tcp()[..12];
        bytes.windows(12).position(|window| window == wanted).unwrap()
    }

    #[test]
    fn every_cut_after_the_flags_still_gives_the_segment() {
        for sample in samples::all() {
            let whole = samples::segment(sample.link, &sample.bytes);
            let flags_end = tcp_start(&sample.bytes) + 14;
            for end in 0..sample.bytes.len() {
                let record = samples::record(sample.link, end, sample.bytes.len());
                match decode(&record, &sample.bytes[..end]) {
                    Heard::Segment(cut) => {
                        let same = (cut.key, cut.dir, cut.flags, cut.seq, cut.ack, cut.length, cut.path)
                            == (
                                whole.key,
                                whole.dir,
                                whole.flags,
                                whole.seq,
                                whole.ack,
                                whole.length,
                                whole.path,
                            );
                        assert!(same && end >= flags_end, "{} at {end}", sample.name);
                        assert_eq!(cut.header_cut, end < flags_end + 18, "{} at {end}", sample.name);
                    }
                    other => assert!(end < flags_end, "{} at {end}: {other:?}", sample.name),
                }
            }
        }
    }

    #[test]
    fn every_mutation_of_a_byte_is_survived() {
        for sample in samples::all() {
            for at in 0..sample.bytes.len() {
                for value in [0, 1, 4, 6, 0x0f, 0x7f, 0x80, 0xff] {
                    let mut bytes = sample.bytes.clone();
                    bytes[at] = value;
                    let heard = samples::heard(sample.link, &bytes);
                    if let Heard::Fragment(fragment) = heard {
                        let end = fragment.start as usize + fragment.captured as usize;
                        assert!(end <= bytes.len());
                        let _ = Reassembler::default().on_fragment(&fragment, &bytes);
                    }
                }
            }
        }
    }

    #[test]
    fn noise_on_every_link_is_survived() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        for link in (0..300).flat_map(|link| [link; 20]) {
            let mut bytes = [0; 120];
            for byte in &mut bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
            let _ = samples::heard(link, &bytes);
        }
    }

    #[test]
    fn a_segment_stays_small() {
        assert!(size_of::<Segment>() <= 176, "{}", size_of::<Segment>());
    }
}
