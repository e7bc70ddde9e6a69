//! Packets of one interface that stand one behind the other, read in one go: nearly all of a pcapng file.

use super::{MAX_FOUND, PcapNg, blocks};
use crate::base::limits::{MAX_INTERFACES, MAX_RECORD};
use crate::capture::bytes::Order;
use crate::capture::health::Tally;
use crate::capture::records::Records;
use crate::capture::{CaptureInfo, Record};

/// Bytes of an enhanced packet block before the packet.
const PACKET_HEADER: usize = 28;

impl PcapNg {
    /// Takes the enhanced packet blocks of one interface that stand one behind the other from `at` on. Where one is not as
    /// it should be, it stops and leaves it to the long way. Gives the place behind the last one.
    pub(super) fn take_run(&mut self, data: &[u8], at: usize, records: &mut Records, info: &mut CaptureInfo) -> usize {
        match self.order {
            Order::Little => self.run::<false>(data, at, records, info),
            Order::Big => self.run::<true>(data, at, records, info),
        }
    }

    fn run<const BIG: bool>(
        &mut self,
        data: &[u8],
        mut at: usize,
        records: &mut Records,
        info: &mut CaptureInfo,
    ) -> usize {
        let header = |at: usize| data.get(at..)?.first_chunk::<PACKET_HEADER>().map(words::<BIG>);
        let Some([_, _, first, ..]) = header(at) else { return at };
        // What is read as the last of too many interfaces goes the long way.
        let Some(port) = self
            .ports
            .get_mut(first as usize)
            .filter(|_| first < MAX_INTERFACES as u32 - 1)
        else {
            return at;
        };
        let mut tally = Tally::after(port.previous);
        let before = records.len();
        while !records.is_full() {
            let Some([kind, len, interface, high, low, captured, original]) = header(at) else {
                break;
            };
            let end = at + len as usize;
            let is_sound = len % 4 == 0
                && captured as usize <= MAX_RECORD
                && len as usize >= PACKET_HEADER + 4 + captured as usize;
            if kind != blocks::ENHANCED || interface != first || !is_sound || len as usize > MAX_FOUND {
                break;
            }
            let again = data.get(..end).and_then(|block| block.last_chunk::<4>());
            if again.is_none_or(|again| word::<BIG>(*again) != len) {
                break;
            }
            let stamp = port.ticks.stamp(u64::from(high) << 32 | u64::from(low));
            let original = original.max(captured);
            tally.count(Some(stamp), captured, original);
            self.number += 1;
            records.push(Record {
                number: self.number,
                stamp,
                start: (at + PACKET_HEADER) as u32,
                captured,
                original,
                interface: port.index,
                link: port.link,
            });
            at = end;
        }
        if records.len() > before {
            tally.add_to(info, port.index);
            port.previous = tally.previous();
        }
        at
    }
}

/// The number in four bytes.
#[inline]
fn word<const BIG: bool>(bytes: [u8; 4]) -> u32 {
    if BIG {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    }
}

/// The numbers at the start of an enhanced packet block: type, length, interface, both halves of the stamp, captured and
/// original length.
#[inline]
fn words<const BIG: bool>(header: &[u8; PACKET_HEADER]) -> [u32; 7] {
    let word_at = |at: usize| header.get(at..).and_then(|rest| rest.first_chunk::<4>());
    std::array::from_fn(|number| word_at(4 * number).map_or(0, |bytes| word::<BIG>(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;
    use crate::capture::testing::Writer;

    /// All that the blocks from the start of `bytes` give, up to the first that is none; and where that is.
    fn read(bytes: &[u8], with_runs: bool) -> (String, usize) {
        let (mut format, mut info) = (PcapNg::new(None), CaptureInfo::default());
        let (mut records, mut at) = (Records::default(), 0);
        loop {
            if with_runs {
                at = format.take_run(bytes, at, &mut records, &mut info);
            }
            let Found::Block(block) = format.find(&bytes[at..]) else {
                return (
                    format!("{:?} {info:?} {} {:?}", records.taken(), format.number, format.ports),
                    at,
                );
            };
            format.on_block(&block, at, at as u64, &mut records, &mut info);
            at += block.len;
        }
    }

    fn capture(writer: Writer, dice: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let mut bytes = [
            writer.section(),
            writer.interface(1, 96, &[(9, &[9])]),
            writer.interface(113, 0, &[]),
            writer.interface(101, 0, &[(9, &[0x8a]), (14, &writer.u64(7))]),
        ]
        .concat();
        for number in 0..40 {
            // Mostly the same interface as before, sometimes one that nobody described, sometimes a step back.
            let interface = [0, 0, 0, 1, 1, 2, 3][dice(7)];
            let ticks = 1_700_000_000_000_000 + number * 1000 - dice(3000) as u64;
            for again in 0..dice(4) as u64 {
                bytes.extend(writer.packet(interface, ticks + again, &[7; 9][..dice(9)]));
            }
        }
        bytes
    }

    #[test]
    fn runs_and_single_blocks_give_the_same_whatever_is_damaged() {
        let mut state = 1_u32;
        let mut dice = |sides: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % sides
        };
        let mut to_the_end = 0;
        for round in 0..2000 {
            let writer = Writer { big: round % 2 == 1 };
            let mut bytes = capture(writer, &mut dice);
            for _ in 0..round % 6 {
                let at = dice(bytes.len());
                bytes[at] = [0, 1, 4, 0x7f, 0xff][dice(5)];
            }
            let single = read(&bytes, false);
            assert_eq!(read(&bytes, true), single, "round {round}");
            to_the_end += usize::from(single.1 == bytes.len());
        }
        assert!(to_the_end > 300, "{to_the_end}");
    }
}
