//! What the capture says about itself, and what it itself missed.

use super::LinkType;
use crate::base::Stamp;

/// One interface that packets were captured on. Classic pcap has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// From pcapng's `if_name`, if any.
    pub name: Option<String>,
    /// Link type of its packets.
    pub link: LinkType,
    /// Largest captured length; 0 means no limit.
    pub snaplen: u32,
    /// Decimal digits of its time stamps that mean something (6 for microseconds, 9 for nanoseconds).
    pub stamp_digits: u8,
    /// Packets read from it.
    pub packets: u64,
    /// Latest stamp of any of its packets.
    pub last: Option<Stamp>,
    /// Packets that the interface or the kernel dropped before they could be captured (pcapng `isb_ifdrop` + `isb_osdrop`).
    pub dropped: Option<u64>,
}

/// What is wrong with the capture itself. All of it ends up in the head of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The file ends inside a record; the offset (in the decompressed stream) of that record.
    pub cut: Option<u64>,
    /// The compressed stream is damaged or ends early: what the decompressor said.
    pub broken_compression: Option<String>,
    /// Records or blocks that had to be skipped because they contradict themselves.
    pub skipped: u64,
    /// The first such damage: offset and what was wrong.
    pub first_damage: Option<(u64, String)>,
    /// Packets whose stamp is earlier than the one before on the same interface.
    pub steps_back: u64,
    /// Records whose captured length is less than their original length.
    pub truncated: u64,
}

/// A capture's description: format, interfaces and health.
#[derive(Clone, Debug, Default)]
pub struct CaptureInfo {
    /// What to call it in reports: the path as given, or `-`.
    pub name: String,
    /// `pcap`, `pcapng`, with ` (gzip)` and the like behind.
    pub format: String,
    /// In order of first appearance; pcapng sections continue the list.
    pub interfaces: Vec<Interface>,
    /// Records read.
    pub packets: u64,
    /// Sum of their original lengths.
    pub bytes: u64,
    /// Earliest and latest stamp.
    pub span: Option<(Stamp, Stamp)>,
    /// Damage and losses.
    pub health: Health,
    /// Names for addresses from pcapng name resolution blocks.
    pub names: Vec<(std::net::IpAddr, String)>,
}
