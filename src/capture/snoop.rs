//! Sun's snoop format (RFC 1761): a file header, then records padded to any length.

use super::bytes::Order;
use super::health::Tally;
use super::reader::{Format, Stop};
use super::records::Records;
use super::window::Window;
use super::{CaptureError, CaptureInfo, LinkType, Record};
use crate::base::Stamp;
use crate::base::limits::MAX_RECORD;

/// Bytes before each packet: original length, captured length, record length, drops so far, seconds, microseconds.
const HEADER: usize = 24;

/// The link type in a file header; `None` unless it is of version 2 and one that can carry TCP here.
pub(super) fn link(head: &[u8]) -> Option<LinkType> {
    let ours = head.starts_with(b"snoop\0\0\0") && Order::Big.u32(head, 8)? == 2;
    match Order::Big.u32(head, 12)? {
        0 | 4 if ours => Some(LinkType(1)),
        2 if ours => Some(LinkType(6)),
        8 if ours => Some(LinkType(10)),
        _ => None,
    }
}

/// The state of reading a snoop file.
pub(super) struct Snoop {
    link: LinkType,
    number: u64,
    previous: Option<Stamp>,
}

impl Snoop {
    pub(super) fn new(link: LinkType) -> Self {
        Self {
            link,
            number: 0,
            previous: None,
        }
    }
}

impl Format for Snoop {
    fn walk(&mut self, window: &mut Window, records: &mut Records, info: &mut CaptureInfo) -> Stop {
        while !records.is_full() {
            let (rest, start) = (window.rest(), window.start() + HEADER);
            let field = |at| Order::Big.u32(rest, at).unwrap_or(0);
            if rest.len() < HEADER {
                return Stop::Starved;
            }
            let (original, captured, len, drops) = (field(0), field(4), field(8) as usize, field(12));
            let room = len.checked_sub(HEADER);
            if room.is_none_or(|room| room > MAX_RECORD || captured as usize > room) {
                return Stop::Damaged(format!("a record of {len} bytes that claims {captured} captured ones"));
            }
            if rest.len() < len {
                return Stop::Starved;
            }
            let stamp = Stamp::new(i64::from(field(16)), i64::from(field(20)) * 1000);
            let original = original.max(captured);
            let mut tally = Tally::after(self.previous.replace(stamp));
            tally.count(Some(stamp), captured, original);
            tally.add_to(info, 0);
            if let Some(interface) = info.interfaces.first_mut() {
                interface.dropped = Some(u64::from(drops));
            }
            self.number += 1;
            records.push(Record {
                number: self.number,
                stamp,
                start: start as u32,
                captured,
                original,
                interface: 0,
                link: self.link,
            });
            window.take(len);
        }
        Stop::Full
    }

    /// A format this old is not worth a search: what is behind the damage is given up, and the report says so.
    fn recover(&mut self, _: &mut Window, _: &str) -> Result<bool, CaptureError> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Stamp;
    use crate::capture::testing::read_all;

    #[test]
    fn records_end_where_they_say_and_drops_are_kept() {
        let mut file = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec();
        for (seconds, drops) in [(1, 0), (2, 9)] {
            for word in [100_u32, 5, 24 + 8, drops, seconds, 7] {
                file.extend(word.to_be_bytes());
            }
            file.extend(b"hello\0\0\0");
        }
        let seen = read_all(&file).unwrap();
        assert_eq!(seen.info.format, "snoop");
        assert_eq!(seen.packets.len(), 2);
        let last = &seen.packets[1];
        assert_eq!(
            (last.stamp, last.original, &last.bytes[..]),
            (Stamp(2_000_007_000), 100, &b"hello"[..])
        );
        assert_eq!(seen.info.interfaces[0].dropped, Some(9));

        // Too long, and shorter than its own header.
        for damage in [[0xff; 24], [0; 24]] {
            let seen = read_all(&[&file[..], &damage].concat()).unwrap();
            assert_eq!(seen.packets.len(), 2);
            assert_eq!(seen.info.health.first_damage.as_ref().map(|damage| damage.0), Some(80));
        }
    }
}
