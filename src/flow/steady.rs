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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Map, Rare};
    use crate::capture::{self, Batch};
    use crate::flow::stream::Stream;
    use crate::flow::table::Conversation;
    use crate::wire::{Heard, decode};
    use std::path::Path;

    fn flow_of(segment: &Segment) -> Flow {
        let conversation = Conversation {
            stream: Stream::new(segment.packet),
            others: Rare::default(),
        };
        Flow::new(segment, 0, conversation)
    }

    /// Every flow of a capture twice: only the long way, and the short way where it is enough. Says how often it was.
    fn compare(batch: Batch<'_>, flows: &mut Map<crate::base::FlowKey, (Flow, Flow)>) -> usize {
        let mut short_ones = 0;
        for record in batch.records {
            let Heard::Segment(segment) = decode(record, batch.bytes(record)) else {
                continue;
            };
            let (long, both) = flows
                .entry(segment.key)
                .or_insert_with(|| (flow_of(&segment), flow_of(&segment)));
            for flow in [&mut *long, &mut *both] {
                let from = segment.dir.index();
                let stream = &mut flow.conversation.stream;
                stream.on_header(segment.packet, from, segment.seq, segment.ack, segment.flags);
            }
            let is_copy = long.on_segment(&segment);
            let is_short = both.on_steady(&segment);
            assert_eq!(is_copy, !is_short && both.on_segment(&segment));
            short_ones += usize::from(is_short);
            both.is_steady = false;
            assert!(format!("{long:?}") == format!("{both:?}"), "packet {}", segment.packet);
        }
        short_ones
    }

    #[test]
    fn the_short_way_does_what_the_long_way_does() {
        let mut short_ones = 0;
        for situation in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"))
            .unwrap()
            .flatten()
        {
            let files = std::fs::read_dir(situation.path()).into_iter().flatten().flatten();
            for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "pcap")) {
                let mut source = capture::open(&file.path()).unwrap();
                let mut flows = Map::default();
                while let Some(batch) = source.next_batch().unwrap() {
                    short_ones += compare(batch, &mut flows);
                }
            }
        }
        assert!(short_ones > 1_000, "{short_ones}");
    }
}
