//! Classic pcap: a file header and records one behind the other.

use super::bytes::Order;
use super::health::Tally;
use super::pcap_layout::Layout;
use super::reader::{Format, Stop};
use super::records::Records;
use super::window::Window;
use super::{CaptureError, CaptureInfo, Interface, Record};
use crate::base::Stamp;
use crate::base::limits::MAX_RECORD;

/// Records that must stand one behind the other before reading goes on after damage.
const PROOF: usize = 3;

/// The state of reading a classic pcap file, behind its file header.
pub(super) struct Pcap {
    layout: Layout,
    settled: bool,
    number: u64,
    previous: Option<Stamp>,
}

impl Pcap {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            settled: false,
            number: 0,
            previous: None,
        }
    }

    /// The one interface of a classic pcap file.
    pub(super) fn interface(layout: &Layout) -> Interface {
        let digits = if layout.nanos_per_tick == 1 { 9 } else { 6 };
        Interface {
            fcs_bytes: layout.fcs_bytes,
            ..Interface::new(layout.link, layout.snaplen, digits)
        }
    }

    /// The loop that everything waits for; one copy per byte order, and nothing in it that a record does not need.
    fn run<const BIG: bool>(&mut self, data: &[u8], at: &mut usize, records: &mut Records, tally: &mut Tally) -> Stop {
        let Layout {
            record_header,
            nanos_per_tick,
            lengths,
            link,
            ..
        } = self.layout;
        let mut rest = data.get(*at..).unwrap_or_default();
        let stop = loop {
            let free = records.free();
            let (places, mut taken, mut stop) = (free.len(), 0, Stop::Full);
            for place in free {
                let Some(header) = rest.first_chunk::<16>() else {
                    stop = Stop::Starved;
                    break;
                };
                let [seconds, ticks, mut captured, mut original] = words::<BIG>(*header);
                if captured != original {
                    (captured, original) = lengths.sort(captured, original);
                    original = original.max(captured);
                }
                if captured as usize > MAX_RECORD {
                    stop = too_long(captured);
                    break;
                }
                let Some(behind) = rest.get(record_header + captured as usize..) else {
                    stop = Stop::Starved;
                    break;
                };
                // Cannot overflow: 2^32 seconds and 2^32 microseconds stay below 2^62 nanoseconds.
                let stamp = Stamp(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * nanos_per_tick);
                tally.count(Some(stamp), captured, original);
                taken += 1;
                *place = Record {
                    number: self.number + taken,
                    stamp,
                    start: (data.len() - rest.len() + record_header) as u32,
                    captured,
                    original,
                    interface: 0,
                    link,
                };
                rest = behind;
            }
            self.number += taken;
            records.take(taken as usize);
            if taken as usize != places || places == 0 {
                break stop;
            }
        };
        *at = data.len() - rest.len();
        stop
    }
}

#[cold]
fn too_long(captured: u32) -> Stop {
    Stop::Damaged(format!("a record that claims {captured} captured bytes"))
}

/// The four numbers of a record header.
#[inline]
fn words<const BIG: bool>(header: [u8; 16]) -> [u32; 4] {
    if BIG {
        let all = u128::from_be_bytes(header);
        [96, 64, 32, 0].map(|shift| (all >> shift) as u32)
    } else {
        let all = u128::from_le_bytes(header);
        [0, 32, 64, 96].map(|shift| (all >> shift) as u32)
    }
}

impl Format for Pcap {
    fn walk(&mut self, window: &mut Window, records: &mut Records, info: &mut CaptureInfo) -> Stop {
        if !self.settled {
            self.settled = self.layout.settle(window.rest(), window.ended());
            if !self.settled {
                return Stop::Starved;
            }
        }
        let mut tally = Tally::after(self.previous);
        let from = window.start();
        let mut at = from;
        let stop = match self.layout.order {
            Order::Little => self.run::<false>(window.data(), &mut at, records, &mut tally),
            Order::Big => self.run::<true>(window.data(), &mut at, records, &mut tally),
        };
        window.take(at - from);
        self.previous = tally.previous();
        tally.add_to(info, 0);
        stop
    }

    fn recover(&mut self, window: &mut Window, what: &str) -> Result<bool, CaptureError> {
        let Some(previous) = self.previous else {
            return Err(CaptureError::Broken {
                offset: window.offset(),
                what: format!("the first record is {what}, so this is no pcap file that can be read"),
            });
        };
        let near = previous.0.div_euclid(1_000_000_000) as u32;
        Ok(window.search(|rest, ended| self.layout.chain(rest, near, ended, PROOF))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::capture::testing::{Outcome, Writer, read_all, read_in_pieces};

    const LITTLE: Writer = Writer { big: false };
    const BIG: Writer = Writer { big: true };
    const MICRO: u32 = 0xa1b2_c3d4;

    fn ethernet(len: usize) -> Vec<u8> {
        (0..len).map(|at| 0x80 | at as u8).collect()
    }

    /// A record of 60 bytes at `seconds`, one microsecond (or tick) past.
    fn record(writer: Writer, seconds: u32) -> Vec<u8> {
        writer.record((seconds, 1), (60, 60), &[], &ethernet(60))
    }

    fn file(writer: Writer, records: u32) -> Vec<u8> {
        let mut out = writer.pcap_header(MICRO, 4, 1);
        (0..records).for_each(|at| out.extend(record(writer, 1_700_000_000 + at)));
        out
    }

    fn stamps(outcome: &Outcome) -> Vec<i64> {
        outcome.packets.iter().map(|packet| packet.stamp.0).collect()
    }

    #[test]
    fn both_byte_orders_and_both_resolutions_tell_the_same() {
        for writer in [LITTLE, BIG] {
            for (magic, nanos, digits) in [
                (MICRO, 1000, 6),
                (0xa1b2_3c4d, 1, 9),
                (0x1c00_01ab, 1000, 6),
                (0x1c00_01ac, 1, 9),
            ] {
                let mut bytes = writer.pcap_header(magic, 4, 113);
                if magic >> 16 == 0x1c00 {
                    bytes.extend([0; 4]);
                }
                bytes.extend(writer.record((5, 7), (3, 9), &[], b"abc"));
                bytes.extend(writer.record((6, 7), (3, 9), &[], b"def"));
                let seen = read_all(&bytes).unwrap();
                assert_eq!(stamps(&seen), [5_000_000_000 + 7 * nanos, 6_000_000_000 + 7 * nanos]);
                let last = &seen.packets[1];
                assert_eq!(
                    (&last.bytes[..], last.original, last.link, last.number),
                    (&b"def"[..], 9, 113, 2)
                );
                let interface = &seen.info.interfaces[0];
                assert_eq!(
                    (interface.stamp_digits, interface.snaplen, interface.packets),
                    (digits, 65_535, 2)
                );
                assert_eq!((seen.info.bytes, seen.info.health.truncated), (18, 2));
            }
        }
    }

    #[test]
    fn longer_record_headers_are_recognised_by_the_records() {
        for writer in [LITTLE, BIG] {
            for (magic, extra) in [
                (0xa1b2_cd34, 8),
                (0xa1b2_cd34, 0),
                (0xa1b2_cd34, 12),
                (MICRO, 4),
                (MICRO, 8),
                (0xa12b_3c4d, 0),
            ] {
                for count in [2, 3] {
                    let mut bytes = writer.pcap_header(magic, 4, 1);
                    for seconds in 0..count {
                        let packet = ethernet(60);
                        bytes.extend(writer.record((1_700_000_000 + seconds, 1), (60, 60), &vec![0; extra], &packet));
                    }
                    let seen = read_all(&bytes).unwrap();
                    assert_eq!(seen.numbers().len(), count as usize, "{magic:x} {extra}");
                    assert!(
                        seen.packets.iter().all(|packet| packet.bytes == ethernet(60)),
                        "{magic:x} {extra}"
                    );
                    assert_eq!(seen.info.health.cut, None);
                }
            }
        }
    }

    #[test]
    fn old_versions_swap_the_lengths() {
        for (minor, lengths) in [(2, [(70, 60), (80, 60)]), (3, [(70, 60), (60, 80)])] {
            let mut bytes = BIG.pcap_header(MICRO, minor, 1);
            bytes.extend(BIG.record((1, 0), lengths[0], &[], &ethernet(60)));
            bytes.extend(BIG.record((2, 0), lengths[1], &[], &ethernet(60)));
            let seen = read_all(&bytes).unwrap();
            let originals: Vec<_> = seen.packets.iter().map(|packet| packet.original).collect();
            assert_eq!(originals, [70, 80]);
        }
    }

    #[test]
    fn aix_counts_nanoseconds_and_names_links_its_own_way() {
        let mut bytes = BIG.pcap_header(MICRO, 2, 6);
        bytes.extend(BIG.record((1, 2), (70, 60), &[], &ethernet(60)));
        let seen = read_all(&bytes).unwrap();
        assert_eq!((stamps(&seen), seen.packets[0].link), (vec![1_000_000_002], 1));
    }

    #[test]
    fn upper_bits_of_the_link_type_tell_the_check_sequence() {
        let bytes = LITTLE.pcap_header(MICRO, 4, 0x2400_0001);
        let seen = read_all(&bytes).unwrap();
        assert_eq!(
            (seen.info.interfaces[0].link, seen.info.interfaces[0].fcs_bytes),
            (LinkType(1), 4)
        );
        let bytes = LITTLE.pcap_header(MICRO, 4, 0x3000_0084);
        let seen = read_all(&bytes).unwrap();
        assert_eq!(
            (seen.info.interfaces[0].link, seen.info.interfaces[0].fcs_bytes),
            (LinkType(0x84), 0)
        );
    }

    #[test]
    fn oddities_that_do_no_harm_are_read() {
        let mut bytes = file(LITTLE, 1);
        // Microseconds past a second; captured above original; seconds beyond 2038.
        bytes.extend(LITTLE.record((1_700_000_001, 1_500_000), (60, 60), &[], &ethernet(60)));
        bytes.extend(LITTLE.record((1_700_000_001, 0), (60, 50), &[], &ethernet(60)));
        bytes.extend(LITTLE.record((0xffff_ffff, 0), (0, 0), &[], &[]));
        // Above the snaplen of the file header.
        bytes.extend(LITTLE.record((0xffff_ffff, 1), (70_000, 70_000), &[], &ethernet(70_000)));
        let seen = read_all(&bytes).unwrap();
        assert_eq!(seen.numbers(), [1, 2, 3, 4, 5]);
        assert_eq!(seen.packets[1].stamp, Stamp(1_700_000_002_500_000_000));
        assert_eq!(seen.packets[2].original, 60);
        assert_eq!(seen.packets[4].stamp, Stamp(4_294_967_295_000_001_000));
        assert_eq!(seen.info.health.steps_back, 1);
        assert_eq!(seen.info.health.first_damage, None);
    }

    #[test]
    fn cut_anywhere_gives_the_whole_records_before() {
        for writer in [LITTLE, BIG] {
            let whole = file(writer, 4);
            for len in 0..=whole.len() {
                let outcome = read_all(&whole[..len]);
                if len < 24 {
                    assert!(matches!(outcome, Err(CaptureError::NotACapture(_))), "{len}");
                    continue;
                }
                let seen = outcome.unwrap();
                let records = (len - 24) / 76;
                assert_eq!(seen.numbers(), (1..=records as u64).collect::<Vec<_>>());
                let at = 24 + records * 76;
                assert_eq!(seen.info.health.cut, (at < len).then_some(at as u64), "{len}");
                assert_eq!(seen.info.health.skipped, 0);
            }
        }
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        let whole = file(LITTLE, 50);
        let expected = read_all(&whole).unwrap();
        assert_eq!(expected.packets.len(), 50);
        for piece in [1, 7, 76, 1000] {
            let seen = read_in_pieces(&whole, piece).unwrap();
            assert_eq!(seen.packets, expected.packets);
        }
    }

    #[test]
    fn batches_and_blocks_are_crossed_without_loss() {
        let mut bytes = LITTLE.pcap_header(MICRO, 4, 1);
        let count = 3 * crate::base::limits::BATCH_RECORDS as u32 + 5;
        for at in 0..count {
            let len = if at % 97 == 0 { 9000 } else { at % 40 };
            bytes.extend(LITTLE.record((at, 0), (len, len), &[], &vec![at as u8; len as usize]));
        }
        let seen = read_all(&bytes).unwrap();
        assert_eq!(seen.packets.len(), count as usize);
        for (at, packet) in seen.packets.iter().enumerate() {
            assert_eq!(packet.stamp, Stamp(at as i64 * 1_000_000_000));
            assert!(packet.bytes.iter().all(|&byte| byte == at as u8));
        }
        assert_eq!(seen.info.health, crate::capture::Health::default());
    }

    #[test]
    fn reading_goes_on_behind_damage() {
        for (damage, piece) in [(1, 1 << 20), (1, 1), (100_000, 4096)] {
            let mut bytes = file(LITTLE, 3);
            let at = bytes.len() as u64;
            bytes.extend(LITTLE.record((1_700_000_003, 0), (0x7fff_ffff, 60), &[], &vec![0xee; damage]));
            (4..9).for_each(|second| bytes.extend(record(LITTLE, 1_700_000_000 + second)));
            let seen = read_in_pieces(&bytes, piece).unwrap();
            assert_eq!(seen.numbers(), (1..=8).collect::<Vec<_>>());
            assert_eq!(seen.packets[3].stamp, Stamp(1_700_000_004_000_001_000));
            assert_eq!(seen.info.health.skipped, 1);
            let (offset, what) = seen.info.health.first_damage.unwrap();
            assert!(offset == at && what.contains("2147483647"), "{offset} {what}");
        }
    }

    #[test]
    fn one_byte_more_than_the_largest_record_is_damage() {
        for (len, expected) in [(MAX_RECORD, 3), (MAX_RECORD + 1, 2)] {
            let mut bytes = file(LITTLE, 1);
            bytes.extend(LITTLE.record((1_700_000_001, 0), (len as u32, len as u32), &[], &vec![1; len]));
            bytes.extend(record(LITTLE, 1_700_000_002));
            let seen = read_all(&bytes).unwrap();
            assert_eq!(
                (seen.packets.len(), seen.info.health.skipped),
                (expected, 3 - expected as u64)
            );
        }
    }

    #[test]
    fn damage_with_nothing_behind_it_ends_the_capture() {
        let mut bytes = file(BIG, 3);
        bytes.extend([0xff; 5000]);
        let seen = read_all(&bytes).unwrap();
        assert_eq!((seen.numbers().len(), seen.info.health.skipped), (3, 1));
        assert_eq!(seen.info.health.first_damage.unwrap().0, 24 + 3 * 76);
    }

    #[test]
    fn a_record_that_swallows_others_is_found_out_at_the_end() {
        let mut bytes = file(LITTLE, 3);
        bytes.extend(LITTLE.record((1_700_000_003, 0), (100_000, 100_000), &[], &ethernet(60)));
        (4..9).for_each(|second| bytes.extend(record(LITTLE, 1_700_000_000 + second)));
        let seen = read_all(&bytes).unwrap();
        assert_eq!(
            (seen.numbers().len(), seen.info.health.skipped, seen.info.health.cut),
            (8, 1, None)
        );
    }

    #[test]
    fn a_first_record_without_sense_is_an_error_with_its_place() {
        let mut bytes = LITTLE.pcap_header(MICRO, 4, 1);
        bytes.extend([0xff; 5000]);
        let error = read_all(&bytes).unwrap_err().to_string();
        assert!(error.contains("byte 24") && error.contains("4294967295"), "{error}");
    }
}
