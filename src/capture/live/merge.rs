//! Packets of several interfaces in order of time: one waits until all others have been heard up to its stamp.

use super::Packets;
use crate::base::Stamp;
use crate::capture::{Batch, Record};
use std::collections::VecDeque;

/// Packets held back at most, of all interfaces: beyond, order gives way to memory.
const MOST_HELD: usize = 1 << 18;

/// Puts packets in order.
#[derive(Debug)]
pub(super) struct Merge {
    lanes: Vec<Lane>,
    /// What is lent.
    out: Packets,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Packets>,
    /// Records of the first that were lent already.
    taken: usize,
    until: Stamp,
    ended: bool,
}

impl Merge {
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            out: Packets::default(),
        }
    }

    /// Packets of an interface, all of them stamped after those before; up to `until` no others will come.
    pub(super) fn add(&mut self, index: u16, packets: Packets, until: Stamp) {
        let Some(lane) = self.lanes.get_mut(usize::from(index)) else {
            return;
        };
        let last = packets.records.last().map_or(until, |record| record.stamp);
        lane.until = lane.until.max(until).max(last);
        if !packets.records.is_empty() {
            lane.waiting.push_back(packets);
        }
    }

    /// Nothing more will come from this interface.
    pub(super) fn end(&mut self, index: u16) {
        if let Some(lane) = self.lanes.get_mut(usize::from(index)) {
            lane.ended = true;
        }
    }

    /// Up to here, nothing is still to come.
    pub(super) fn heard_until(&self) -> Stamp {
        let live = self.lanes.iter().filter(|lane| !lane.ended).map(|lane| lane.until);
        let all = self.lanes.iter().map(|lane| lane.until);
        live.min().or_else(|| all.max()).unwrap_or_default()
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.waiting.is_empty())
    }

    /// Makes the next batch; `false` if it is empty. `all`: nothing more will come from anywhere.
    pub(super) fn advance(&mut self, all: bool) -> bool {
        self.out.data.clear();
        self.out.records.clear();
        if let [lane] = self.lanes.as_mut_slice() {
            // A single interface is in order already: nothing is copied.
            if let Some(packets) = lane.waiting.pop_front() {
                self.out = packets;
            }
            // Several processors deliver to one interface: their packets come a few microseconds out of order.
            if !self.out.records.is_sorted_by_key(|record| record.stamp) {
                self.out.records.sort_by_key(|record| record.stamp);
            }
            return !self.out.records.is_empty();
        }
        let held: usize = self
            .lanes
            .iter()
            .flat_map(|lane| &lane.waiting)
            .map(|each| each.records.len())
            .sum();
        let until = if all || held > MOST_HELD {
            Stamp(i64::MAX)
        } else {
            self.heard_until()
        };
        for lane in &mut self.lanes {
            lane.take(until, &mut self.out);
        }
        self.out.records.sort_by_key(|record| record.stamp);
        !self.out.records.is_empty()
    }

    pub(super) fn records_mut(&mut self) -> &mut [Record] {
        &mut self.out.records
    }

    pub(super) fn batch(&self) -> Batch<'_> {
        Batch {
            data: &self.out.data,
            records: &self.out.records,
        }
    }
}

impl Lane {
    /// Moves what is stamped up to `until`.
    fn take(&mut self, until: Stamp, out: &mut Packets) {
        while let Some(packets) = self.waiting.front() {
            let rest = packets.records.get(self.taken..).unwrap_or_default();
            let ready = rest.iter().take_while(|record| record.stamp <= until).count();
            for record in rest.iter().take(ready) {
                let start = record.start as usize;
                let bytes = packets
                    .data
                    .get(start..start + record.captured as usize)
                    .unwrap_or_default();
                out.push(record.stamp, bytes, record.original, record.interface, record.link);
            }
            if ready < rest.len() {
                self.taken += ready;
                return;
            }
            self.taken = 0;
            self.waiting.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    fn packets(interface: u16, stamps: &[i64]) -> Packets {
        let mut packets = Packets::default();
        for &stamp in stamps {
            packets.push(Stamp(stamp), &stamp.to_be_bytes(), 100, interface, LinkType(1));
        }
        packets
    }

    fn lent(merge: &Merge) -> Vec<i64> {
        let batch = merge.batch();
        for record in batch.records {
            assert_eq!(
                batch.bytes(record),
                record.stamp.0.to_be_bytes(),
                "bytes stay with their record"
            );
        }
        batch.records.iter().map(|record| record.stamp.0).collect()
    }

    #[test]
    fn two_interfaces_come_out_in_order() {
        let mut merge = Merge::new(2);
        merge.add(0, packets(0, &[10, 20, 40]), Stamp(9));
        assert!(!merge.advance(false), "the other may still bring an earlier one");
        merge.add(1, packets(1, &[15, 30]), Stamp(5));
        assert!(merge.advance(false));
        assert_eq!(lent(&merge), [10, 15, 20, 30]);
        merge.add(1, packets(1, &[]), Stamp(100));
        assert!(merge.advance(false));
        assert_eq!(lent(&merge), [40]);
        assert!(merge.is_empty() && !merge.advance(true));
    }

    #[test]
    fn an_interface_that_ended_is_not_waited_for() {
        let mut merge = Merge::new(2);
        merge.add(0, packets(0, &[10]), Stamp(11));
        merge.end(1);
        assert!(merge.advance(false));
        assert_eq!((lent(&merge), merge.heard_until()), (vec![10], Stamp(11)));
    }
}
