//! The short way through the tracker, for what most packets are: in-order data and new acknowledgments of an established
//! connection in which nothing is amiss. It does what [`Flow::track`] and all below it would do, and no more; whatever it
//! cannot be sure of goes the long way.

use super::facts::{SideFacts, SideTroubles, Sighting};
use super::{Flow, IDLE, Side};
use crate::base::Span;
use crate::wire::{Flags, Segment};

impl Flow {
    /// Takes in `segment` if the short way is enough; `false` leaves everything as it was.
    #[inline]
    pub(super) fn on_steady(&mut self, segment: &Segment) -> bool {
        if !is_plain(segment) || !(self.is_steady || self.is_steady_now()) {
            return false;
        }
        self.is_steady = true;
        let (from, to) = (segment.dir.index(), segment.dir.flip().index());
        let silence = segment.stamp - self.facts.last.stamp;
        let is_in_time = (0..IDLE.0).contains(&silence.0);
        let is_next = self.sides[from].sender.is_next(segment);
        if !is_in_time || !is_next {
            return false;
        }
        let Some(is_new_ack) = self.sides[to].sender.is_steady_ack(segment) else {
            return false;
        };
        self.on_steady_time(segment, silence);
        let at = Sighting::from(segment);
        let (side, facts) = (&mut self.sides[from], &mut self.facts.sides[from]);
        side.on_steady(segment, facts);
        facts.last = Some(at);
        self.zeek.on_steady(segment);
        if segment.length > 0 {
            facts.data_segments += 1;
            facts.first_data.get_or_insert(at);
            facts.last_data = Some(at);
            self.last_speaker = Some(segment.dir);
        }
        self.on_payload(segment);
        if is_new_ack {
            let (peer, facts) = (&mut self.sides[to], &mut self.facts.sides[to]);
            peer.sender.on_steady_ack(segment.ack, at, facts);
        }
        self.facts.progress_after_icmp |= segment.length > 0 || is_new_ack;
        true
    }

    /// Established, both sides heard, nothing outstanding that an ordinary segment would settle.
    fn is_steady_now(&self) -> bool {
        let facts = &self.facts;
        let is_established = facts.opening.completed.is_some() || facts.is_mid_stream();
        is_established
            && facts.reset.is_none()
            && !facts.only_odd_flags
            && self.conversation.stream.knows_both()
            && self.zeek.is_steady(facts.last.stamp)
            && (0..2).all(|side| {
                self.zeek.is_at(side, self.sides[side].sender.next())
                    && self.sides[side].sender.is_steady()
                    && is_calm(&facts.sides[side])
            })
    }

    fn on_steady_time(&mut self, segment: &Segment, silence: Span) {
        self.facts.max_silence = self.facts.max_silence.max(silence);
        let number = self.facts.last.number().max(segment.packet);
        self.facts.last = Sighting::new(number, segment.stamp);
    }
}

/// An ordinary ACK, with payload or without, that carries nothing to take note of.
fn is_plain(segment: &Segment) -> bool {
    segment.flags.0 & !Flags::PSH == Flags::ACK
        && segment.window > 0
        && segment.options.sack.is_none()
        && !segment.header_cut
        && !segment.bad_offset
}

/// Nothing of this side is closed, repeated or waited for.
fn is_calm(side: &SideFacts) -> bool {
    side.fin.is_none() && side.first.is_some() && (side.troubles.is_usual() || is_settled(side))
}

/// Nothing of what was amiss is still going on.
fn is_settled(side: &SideTroubles) -> bool {
    !side.window_is_zero
        && side.window_closed.is_none()
        && side.unanswered_keep_alives.count == 0
        && side.resends.count == 0
        && side.deaf_resends.count == 0
        && side.smallest_resent == 0
        && !side.sacked_beyond
}

impl Side {
    fn on_steady(&mut self, segment: &Segment, facts: &mut SideFacts) {
        self.copies.remember(segment);
        self.receiver.on_steady(segment);
        self.sender.on_steady(segment, facts);
        facts.packets += 1;
        facts.ttl.on(segment.ttl);
        facts.timestamps |= segment.options.timestamps.is_some();
        facts.ip_ids.on(segment.ip_id);
    }
}
