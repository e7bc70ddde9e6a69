//! The short ways for the first two packets of most connections: the SYN, and the SYN-ACK that answers it. They do what
//! [`Flow::on_segment`] would do, and no more; whatever they cannot be sure of goes the long way.

use super::facts::{SideFacts, Sighting};
use super::steady::pair;
use super::{Flow, IDLE, opening, table};
use crate::base::Dir;
use crate::wire::{Flags, Segment};

impl Flow {
    /// Takes in `segment`, with which this flow was made and which is all of it, if it is an ordinary SYN; `false` leaves
    /// everything as it was.
    pub(super) fn on_first_syn(&mut self, segment: &Segment) -> bool {
        if !is_plain(segment, Flags::SYN) || segment.dir != self.facts.client {
            return false;
        }
        let at = Sighting::from(segment);
        let (own, _) = pair(&mut self.sides, segment.dir);
        self.copies[segment.dir.index()].remember(segment);
        own.sender.on_first_syn(segment);
        own.receiver.on_syn(segment);
        self.facts.roles_seen = true;
        self.facts.only_odd_flags = false;
        opening::on_first_syn(self, segment);
        let (facts, _) = pair(&mut self.facts.sides, segment.dir);
        facts.syns = 1;
        facts.ip_ids.on(segment.ip_id);
        note_first(facts, segment, at);
        self.zeek.on_first_syn(segment);
        true
    }

    /// Takes in `segment` if it is the first SYN-ACK, and one SYN is all that came before; `false` leaves everything as it was.
    #[inline(never)]
    pub(super) fn on_answer(&mut self, segment: &Segment) -> bool {
        if !is_plain(segment, Flags::SYN | Flags::ACK) || !self.awaits(segment) {
            return false;
        }
        let at = Sighting::from(segment);
        self.forget_pace();
        self.note_time(segment);
        table::on_header(&mut self.conversation.stream, segment);
        self.note_answer(segment, at);
        let (own, peer) = pair(&mut self.sides, segment.dir);
        let (facts, peer_facts) = pair(&mut self.facts.sides, segment.dir);
        let copies = &mut self.copies[segment.dir.index()];
        copies.answers_once = true;
        copies.remember(segment);
        own.sender.on_first_syn(segment);
        own.receiver.on_steady(segment);
        peer.sender.on_calm_ack(segment.ack, at, peer_facts);
        facts.syn_acks = 1;
        note_first(facts, segment, at);
        self.zeek.on_answer(segment);
        true
    }

    /// One SYN of the other side is all that was seen, nothing but time passed since, and this acknowledges it.
    fn awaits(&self, segment: &Segment) -> bool {
        let facts = &self.facts;
        let [own, peer] = [segment.dir, segment.dir.flip()].map(Dir::index);
        let silence = segment.stamp - facts.last.stamp;
        (facts.sides[own].packets, facts.sides[peer].packets) == (0, 1)
            && segment.dir != facts.client
            && self.conversation.stream.takes_answer(own, segment.seq)
            && facts.opening.syn.count == 1
            && facts.sides[peer].isn.is_some_and(|isn| isn.plus(1) == segment.ack)
            && self.sides[peer].sender.next() == Some(segment.ack)
            && self.sides[peer].sender.is_calm()
            && self.sides[own].sender.next().is_none()
            && (0..IDLE.0).contains(&silence.0)
            && facts.troubles.is_usual()
            && facts.sides.iter().all(|side| side.troubles.is_usual())
            && self.zeek.awaits(segment)
    }

    fn note_answer(&mut self, segment: &Segment, at: Sighting) {
        self.syns_acked[segment.dir.index()] = true;
        self.facts.only_odd_flags = false;
        self.facts.progress_after_icmp = true;
        let opening = &mut self.facts.opening;
        let rtt = opening.syn.last().map(|syn| segment.stamp - syn.stamp);
        opening.server_rtt = rtt.filter(|rtt| rtt.0 >= 0);
        opening.syn_ack.on_first(at);
    }
}

/// The first packet of its side.
fn note_first(side: &mut SideFacts, segment: &Segment, at: Sighting) {
    side.packets = 1;
    (side.first, side.last, side.isn) = (Some(at), Some(at), Some(segment.seq));
    side.ttl.on(segment.ttl);
    side.timestamps = segment.options.timestamps.is_some();
    side.window_scale = segment.options.window_scale;
    side.mss = segment.options.mss;
    side.kinds.add(segment.kind);
}

/// Has these flags, and ECN's perhaps; without payload, and with nothing to take note of.
fn is_plain(segment: &Segment, flags: u16) -> bool {
    const ECN: u16 = Flags::ECE | Flags::CWR;
    segment.flags.0 & !ECN == flags
        && segment.length == 0
        && segment.window > 0
        && segment.name.is_none()
        && segment.options.sack.is_none()
        && !segment.header_cut
        && !segment.bad_offset
}
