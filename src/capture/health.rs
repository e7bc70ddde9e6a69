//! What the capture says about itself, and what it itself missed.

use super::LinkType;
use crate::base::Stamp;

impl Interface {
    /// An interface with nothing read from it yet.
    #[must_use]
    pub(super) fn new(link: LinkType, snaplen: u32, stamp_digits: u8) -> Self {
        Self {
            name: None,
            link,
            snaplen,
            fcs_bytes: 0,
            stamp_digits,
            packets: 0,
            last: None,
            dropped: None,
            addresses: Vec::new(),
            ended: None,
        }
    }
}

/// One interface that packets were captured on. Classic pcap has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// From pcapng's `if_name`, if any.
    pub name: Option<String>,
    /// Link type of its packets.
    pub link: LinkType,
    /// Largest captured length; 0 means no limit.
    pub snaplen: u32,
    /// Bytes of frame check sequence that the capture says stand behind each frame (they are part of the captured bytes).
    pub fcs_bytes: u8,
    /// Decimal digits of its time stamps that mean something (6 for microseconds, 9 for nanoseconds).
    pub stamp_digits: u8,
    /// Packets read from it.
    pub packets: u64,
    /// Latest stamp of any of its packets, or the end of the capture on it, where that is known (pcapng `isb_endtime`).
    pub last: Option<Stamp>,
    /// Packets that the interface or the kernel dropped before they could be captured (pcapng `isb_ifdrop` + `isb_osdrop`).
    pub dropped: Option<u64>,
    /// Its own addresses (pcapng `if_IPv4addr`, `if_IPv6addr`): what it sends and what it is sent, it sees.
    pub addresses: Vec<std::net::IpAddr>,
    /// Why capturing on it ended before anybody asked for that (live), in one sentence.
    pub ended: Option<String>,
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

impl Health {
    /// Remembers what is wrong at byte `offset`, if it is the first such thing.
    pub(super) fn note(&mut self, offset: u64, what: impl FnOnce() -> String) {
        if self.first_damage.is_none() {
            self.first_damage = Some((offset, what()));
        }
    }

    /// As [`Health::note`], where a record or block is lost by it.
    pub(super) fn skip(&mut self, offset: u64, what: impl FnOnce() -> String) {
        self.skipped += 1;
        self.note(offset, what);
    }
}

/// Counts of a run of packets of one interface, kept aside so that the loop over a batch stays short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    packets: u64,
    bytes: u64,
    truncated: u64,
    steps_back: u64,
    /// The stamp of the last packet that had one, or the earliest there is.
    previous: Stamp,
    /// Earliest stamp, and the latest one that a step back was made from.
    span: Option<(Stamp, Stamp)>,
}

/// Before any packet.
const NEVER: Stamp = Stamp(i64::MIN);

impl Tally {
    /// Counts on after a packet with stamp `previous`.
    pub(super) fn after(previous: Option<Stamp>) -> Self {
        Self {
            packets: 0,
            bytes: 0,
            truncated: 0,
            steps_back: 0,
            previous: previous.unwrap_or(NEVER),
            span: None,
        }
    }

    /// Counts a packet; one without a stamp of its own has no place in the order.
    #[inline]
    pub(super) fn count(&mut self, stamp: Option<Stamp>, captured: u32, original: u32) {
        self.packets += 1;
        self.bytes += u64::from(original);
        self.truncated += u64::from(captured < original);
        let Some(stamp) = stamp else { return };
        // Most packets are later than the one before, and move nothing but the end.
        if stamp < self.previous || self.span.is_none() {
            self.on_turn(stamp);
        }
        self.previous = stamp;
    }

    /// The first stamp, or one earlier than that of the packet before: one late packet is one step back.
    #[cold]
    fn on_turn(&mut self, stamp: Stamp) {
        self.steps_back += u64::from(stamp < self.previous);
        self.span = Some(match self.span {
            Some((first, last)) => (first.min(stamp), last.max(self.previous)),
            None => (stamp, stamp),
        });
    }

    /// The stamp of the last packet that had one.
    pub(super) fn previous(&self) -> Option<Stamp> {
        Some(self.previous).filter(|&previous| previous != NEVER)
    }

    /// Adds the counts to those of the capture and of its interface `index`.
    pub(super) fn add_to(&self, info: &mut CaptureInfo, index: u16) {
        info.packets += self.packets;
        info.bytes += self.bytes;
        info.health.truncated += self.truncated;
        info.health.steps_back += self.steps_back;
        let Some((first, last)) = self.span else {
            if let Some(interface) = info.interfaces.get_mut(usize::from(index)) {
                interface.packets += self.packets;
            }
            return;
        };
        let last = last.max(self.previous);
        info.span = Some(info.span.map_or((first, last), |(f, l)| (f.min(first), l.max(last))));
        if let Some(interface) = info.interfaces.get_mut(usize::from(index)) {
            interface.packets += self.packets;
            interface.last = interface.last.max(Some(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_late_packet_is_one_step_back() {
        let mut tally = Tally::after(Some(Stamp(10)));
        // The same stamp twice is no step.
        for stamp in [20, 5, 31, 31] {
            tally.count(Some(Stamp(stamp)), 10, 20);
        }
        tally.count(None, 20, 20);
        let mut info = CaptureInfo {
            interfaces: vec![Interface::new(LinkType(1), 0, 6)],
            ..CaptureInfo::default()
        };
        tally.add_to(&mut info, 0);
        assert_eq!((info.packets, info.bytes), (5, 100));
        assert_eq!((info.health.steps_back, info.health.truncated), (1, 4));
        assert_eq!(info.span, Some((Stamp(5), Stamp(31))));
        assert_eq!(info.interfaces[0].last, Some(Stamp(31)));
        assert_eq!(info.interfaces[0].packets, 5);
    }

    #[test]
    fn only_the_first_damage_is_told() {
        let mut health = Health::default();
        health.skip(7, || "first".to_owned());
        health.skip(9, || "second".to_owned());
        assert_eq!(health.skipped, 2);
        assert_eq!(health.first_damage, Some((7, "first".to_owned())));
    }
}
