//! Record to segment: one captured packet is decoded to the innermost TCP segment, or to the reason why not.

pub mod segment;
pub mod icmp;

pub use icmp::IcmpError;
pub use segment::{Flags, Options, PayloadKind, Segment};

use crate::base::{Endpoint, Stamp};
use std::net::IpAddr;

/// What one record turned out to carry.
#[derive(Debug)]
pub enum Heard {
    /// A TCP segment.
    Segment(Segment),
    /// An ICMP or `ICMPv6` error that quotes a TCP segment.
    IcmpError(IcmpError),
    /// A fragment of an IP datagram; the reassembler decides what becomes of it.
    Fragment(Fragment),
    /// A DNS answer that gives names to addresses.
    Dns(Box<DnsAnswer>),
    /// Another host that was heard speaking, without TCP (UDP, ICMP echo, ARP …): it proves that its direction is visible.
    Other {
        /// Its (outermost) source address.
        source: Option<IpAddr>,
    },
    /// Nothing could be made of it.
    Skipped(Why),
}

/// Names that a resolver gave to addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer {
    /// When the answer was captured.
    pub stamp: Stamp,
    /// Who had asked.
    pub client: IpAddr,
    /// Who answered.
    pub server: Endpoint,
    /// The name asked for, and an address in the answer.
    pub names: Vec<(String, IpAddr)>,
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
    /// Not IP at all (ARP, LLDP, STP …).
    NotIp,
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
            Self::NotIp => "not-ip",
        }
    }
}
