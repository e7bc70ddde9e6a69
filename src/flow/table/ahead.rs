//! A few segments are looked up before the first of them is taken in: most flows lie in far memory, and the processor
//! waits for all of them at once.

use super::Table;
use crate::wire::Segment;
use std::hint::black_box;

/// Segments that are looked up at once: about as many as a core waits for side by side.
const AT_ONCE: usize = 16;

/// What was found for the next few segments, and as of when.
#[derive(Debug, Default)]
pub struct Ahead {
    newest: [Option<u32>; AT_ONCE],
    changes: u64,
}

impl Ahead {
    /// Segments that are looked up at once.
    pub const AT_ONCE: usize = AT_ONCE;

    /// Looks up the flows of at most [`Ahead::AT_ONCE`] segments, by their places.
    pub fn look<'s>(&mut self, table: &Table, segments: impl Iterator<Item = Option<&'s Segment>>) {
        self.changes = table.newest.changes();
        let found = segments.map(|segment| table.newest.get(&segment?.key));
        self.newest
            .iter_mut()
            .zip(found)
            .for_each(|(place, newest)| *place = newest);
        let found = self.newest.iter().flatten();
        black_box(found.fold(0, |all, newest| all ^ table.store.touch(*newest)));
    }
}

impl Table {
    /// As [`Table::on_segment`], for the segment that was looked up at `place`.
    #[inline]
    pub fn on_next(&mut self, ahead: &Ahead, place: usize, segment: &Segment, capture: u16) {
        match ahead.newest.get(place) {
            Some(&newest) if ahead.changes == self.newest.changes() => self.on_segment_of(newest, segment, capture),
            _ => self.on_segment(segment, capture),
        }
    }
}
