//! The dialects of classic pcap: what the file header says, and what only the records can tell.

use super::LinkType;
use super::bytes::Order;
use super::window::Fit;
use crate::base::limits::MAX_RECORD;

/// Bytes of the file header that all dialects share.
pub(super) const FILE_HEADER: usize = 24;

/// Seconds that a record found after damage may be away from the last good one.
const NEAR: u32 = 86_400;

/// How the two lengths of a record header stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    /// Captured, then original.
    Straight,
    /// Original, then captured (before version 2.3).
    Swapped,
    /// Either; the smaller one is the captured one (version 2.3, written by both kinds of programs).
    Unknown,
}

impl Lengths {
    /// The captured and the original length, out of the two in their places.
    pub(super) fn sort(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::Straight => (first, second),
            Self::Swapped => (second, first),
            Self::Unknown => (first.min(second), first.max(second)),
        }
    }
}

/// How the records of a pcap file are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) order: Order,
    /// Bytes before the first record.
    pub(super) file_header: usize,
    /// Bytes before each packet.
    pub(super) record_header: usize,
    pub(super) nanos_per_tick: i64,
    pub(super) lengths: Lengths,
    pub(super) snaplen: u32,
    pub(super) link: LinkType,
    pub(super) fcs_bytes: u8,
    /// Other record header sizes that files with this magic were seen with.
    others: &'static [usize],
}

/// Four header numbers of a record, in the order that the layout gives them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) seconds: u32,
    pub(super) ticks: u32,
    pub(super) captured: u32,
    pub(super) original: u32,
}

struct Dialect {
    order: Order,
    nanos_per_tick: i64,
    file_header: usize,
    record_header: usize,
    others: &'static [usize],
}

/// Magic numbers as in the tcpdump.org registry and in Wireshark's and libpcap's readers.
fn dialect(head: &[u8]) -> Option<Dialect> {
    [Order::Little, Order::Big].into_iter().find_map(|order| {
        let (nanos_per_tick, file_header, record_header, others): (_, _, _, &'static [usize]) =
            match order.u32(head, 0)? {
                // 24: an early form of Kuznetzov's patch that kept the magic; 20: Nokia's IPSO.
                0xa1b2_c3d4 => (1000, FILE_HEADER, 16, &[24, 20]),
                0xa1b2_3c4d => (1, FILE_HEADER, 16, &[]),
                // Kuznetzov's patch: interface index, protocol, packet type and padding; 28 with two CPU numbers.
                0xa1b2_cd34 => (1000, FILE_HEADER, 24, &[16, 28]),
                // IXIA lcap, hardware and software stamps: the length of all records stands behind the file header.
                0x1c00_01ac => (1, FILE_HEADER + 4, 16, &[]),
                0x1c00_01ab => (1000, FILE_HEADER + 4, 16, &[]),
                // Navtel and F. Mesquire: registered, their record headers nowhere described.
                0xa12b_3c4d | 0xa1b2_34cd => (1000, FILE_HEADER, 16, &[24, 28]),
                _ => return None,
            };
        Some(Dialect {
            order,
            nanos_per_tick,
            file_header,
            record_header,
            others,
        })
    })
}

/// The bytes are those of a classic pcap file.
pub(super) fn is_pcap(head: &[u8]) -> bool {
    dialect(head).is_some()
}

impl Layout {
    /// Reads a file header; `None` if the magic is of another format or bytes are missing.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let Dialect {
            order,
            mut nanos_per_tick,
            file_header,
            record_header,
            others,
        } = dialect(head)?;
        let (major, minor) = (order.u16(head, 4)?, order.u16(head, 6)?);
        let network = order.u32(head, 20)?;
        let lengths = match (major, minor) {
            (2, 3) => Lengths::Unknown,
            // 543: an old DG/UX tcpdump, as libpcap knows it.
            (2, 0..=2) | (543, _) => Lengths::Swapped,
            _ => Lengths::Straight,
        };
        let mut link = LinkType(network as u16);
        let aix = Some(network).filter(|_| (major, minor, file_header) == (2, 2, FILE_HEADER));
        if let Some(aix) = aix.and_then(aix_link) {
            // AIX's tcpdump: the interface type of RFC 1573 for a link type, and nanoseconds.
            (link, nanos_per_tick) = (aix, 1);
        }
        Some(Self {
            order,
            file_header,
            record_header,
            nanos_per_tick,
            lengths,
            snaplen: order.u32(head, 16)?,
            link,
            fcs_bytes: fcs_bytes(network),
            others,
        })
    }

    /// The header numbers of the record at `at`.
    pub(super) fn header(&self, data: &[u8], at: usize) -> Option<Header> {
        let mut header = Header {
            seconds: self.order.u32(data, at)?,
            ticks: self.order.u32(data, at + 4)?,
            captured: self.order.u32(data, at + 8)?,
            original: self.order.u32(data, at + 12)?,
        };
        (header.captured, header.original) = self.lengths.sort(header.captured, header.original);
        Some(header)
    }

    /// Settles the record header's size by what stands in `data`, which starts with the first record: the first size
    /// with which two records follow each other without any oddity, or else the one that goes with the magic.
    /// `false` if more bytes are needed to say.
    pub(super) fn settle(&mut self, data: &[u8], ended: bool) -> bool {
        let Some(first) = self.header(data, 0) else {
            return ended;
        };
        let sizes = std::iter::once(self.record_header).chain(self.others.iter().copied());
        for record_header in sizes {
            let trial = Self { record_header, ..*self };
            // Another size than the magic's own must show a second record; that a single one ends with the file is not
            // enough, since the file may be cut just there.
            let proven = record_header == self.record_header
                || trial.header(data, record_header + first.captured as usize).is_some();
            match trial.chain(data, first.seconds, ended, 2) {
                Fit::Yes if !proven => {}
                Fit::Yes => {
                    *self = trial;
                    return true;
                }
                Fit::Unsure => return false,
                Fit::No => {}
            }
        }
        true
    }

    /// Whether `count` records stand one behind the other in `data`, or fewer that end exactly with the stream.
    /// They must be without any oddity and of about the time `near`, in seconds: this guards against chance.
    pub(super) fn chain(&self, data: &[u8], near: u32, ended: bool, count: usize) -> Fit {
        let mut at = 0;
        for _ in 0..count {
            if ended && at == data.len() {
                return Fit::Yes;
            }
            let Some(header) = self.header(data, at) else {
                return if ended { Fit::No } else { Fit::Unsure };
            };
            if !self.is_plain(&header, near) {
                return Fit::No;
            }
            at += self.record_header + header.captured as usize;
        }
        Fit::Yes
    }

    fn is_plain(&self, header: &Header, near: u32) -> bool {
        header.captured as usize <= MAX_RECORD
            && header.original > 0
            && header.captured <= header.original
            && (self.snaplen == 0 || header.captured <= self.snaplen)
            && i64::from(header.ticks) * self.nanos_per_tick < 1_000_000_000
            && header.seconds.abs_diff(near) <= NEAR
    }
}

/// AIX writes interface types: 6 Ethernet, 9 token ring, 15 FDDI, 24 loopback.
fn aix_link(network: u32) -> Option<LinkType> {
    match network {
        6 => Some(LinkType(1)),
        9 => Some(LinkType(6)),
        15 => Some(LinkType(10)),
        24 => Some(LinkType(0)),
        _ => None,
    }
}

/// The upper bits of the link type: bit 26 says that a frame check sequence is there, bits 28 to 31 its 16-bit words.
fn fcs_bytes(network: u32) -> u8 {
    if network & 0x0400_0000 == 0 {
        0
    } else {
        (network >> 28) as u8 * 2
    }
}
