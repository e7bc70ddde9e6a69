//! What a sender of which nothing is missing or repeated does with ordinary segments and acknowledgments: little.

use super::super::facts::{SideFacts, Sighting};
use super::{FARTHEST, Sender};
use crate::base::Seq;
use crate::wire::Segment;

impl Sender {
    /// Nothing is missing or repeated.
    pub fn is_calm(&self) -> bool {
        self.started && self.acked.is_some() && self.holes.is_empty()
    }

    /// The segment follows what this side has sent.
    pub fn is_next(&self, segment: &Segment) -> bool {
        segment.seq == self.next
    }

    /// Of a calm sender: is this an acknowledgment of something new? `None` leaves it to the long way.
    #[inline]
    pub fn is_calm_ack(&self, segment: &Segment, used: u32) -> Option<bool> {
        let advance = segment.ack.since(self.acked?);
        let is_new = (1..=FARTHEST).contains(&advance) && self.next.is_at_least(segment.ack);
        // What uses numbers of its own need not acknowledge anything new.
        (is_new || used > 0 && advance <= 0).then_some(is_new)
    }

    /// Of a calm sender: its next segment, which uses so many numbers.
    #[inline]
    pub fn on_calm_data(&mut self, segment: &Segment, used: u32, facts: &mut SideFacts) {
        facts.bytes += u64::from(segment.length);
        self.next = segment.seq.plus(used);
        self.next_at = segment.stamp;
        if !self.is_timed {
            self.time(self.next, segment.stamp);
        }
    }

    /// Of a calm sender: all that it has sent so far ends in a FIN.
    pub fn on_calm_fin(&mut self) {
        self.fin_end = Some(self.next);
    }

    /// Of a calm sender: an acknowledgment of something new.
    #[inline]
    pub fn on_calm_ack(&mut self, ack: Seq, at: Sighting, facts: &mut SideFacts) {
        self.acked = Some(ack);
        self.duplicates = 0;
        facts.last_acked = Some(at);
        self.take_time(ack, at, facts);
    }
}
