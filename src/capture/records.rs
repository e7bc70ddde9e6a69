//! The records of a batch, in places that are used again and again: what is written where it stays is not moved.

use super::{LinkType, Record};
use crate::base::Stamp;
use crate::base::limits::BATCH_RECORDS;

/// Places that there are at first: as many as a block of packets of usual size needs.
const FIRST_PLACES: usize = 512;

/// What stands in a place before its first record.
const BLANK: Record = Record {
    number: 0,
    stamp: Stamp(0),
    start: 0,
    captured: 0,
    original: 0,
    interface: 0,
    link: LinkType(0),
};

/// At most [`BATCH_RECORDS`] of them, in the order in which they were taken.
#[derive(Debug, Default)]
pub(super) struct Records {
    places: Vec<Record>,
    count: usize,
}

impl Records {
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// So many are taken.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// No more may be taken.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.count >= BATCH_RECORDS
    }

    /// Those that are taken.
    pub(super) fn taken(&self) -> &[Record] {
        self.places.get(..self.count).unwrap_or_default()
    }

    /// Places for those that come next; none where it is full.
    #[inline]
    pub(super) fn free(&mut self) -> &mut [Record] {
        if self.count == self.places.len() {
            let wanted = (2 * self.count).clamp(FIRST_PLACES, BATCH_RECORDS);
            self.places.resize(wanted.max(self.count), BLANK);
        }
        self.places.get_mut(self.count..).unwrap_or_default()
    }

    /// The first `count` of [`Records::free`] are taken.
    pub(super) fn take(&mut self, count: usize) {
        self.count = (self.count + count).min(self.places.len());
    }

    /// Takes `record`; where it is full, nothing.
    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        if let Some(place) = self.free().first_mut() {
            *place = record;
            self.take(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_there_in_order_until_it_is_full() {
        let mut records = Records::default();
        for round in 0..3 {
            records.clear();
            assert!(records.is_empty() && records.taken().is_empty());
            for number in 0..BATCH_RECORDS as u64 + 5 {
                assert_eq!(records.is_full(), number >= BATCH_RECORDS as u64);
                records.push(Record { number, ..BLANK });
            }
            let numbers = records.taken().iter().map(|record| record.number);
            assert!(numbers.eq(0..BATCH_RECORDS as u64), "round {round}");
            assert!(records.free().is_empty());
        }
    }
}
