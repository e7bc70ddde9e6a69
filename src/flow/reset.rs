//! Resets: which ones a receiver would accept, where in the flow they came, and what tells who sent them.

use super::Flow;
use super::facts::{AfterReset, Reset, ResetStage, SideFacts, Sighting};
use super::sender::Sender;
use crate::base::{Dir, Seq, Span};
use crate::wire::Segment;

/// RSTs so close together in both directions were not sent by the two ends (SEMANTICS 5.3).
const BOTH_WAYS: Span = Span::from_millis(1);
/// A segment of the reset's "sender" this much later was not just overtaken by the reset.
const OVERTAKEN: Span = Span::from_millis(50);
/// Later than this, packets on the same ports may be another connection.
const SAME_CONNECTION: Span = Span::from_secs(60);
/// A client that acknowledges a SYN-ACK so long after a RST of its own did not just cross it.
const OWN_STACKS: Span = Span::from_secs(1);
/// A window field without a known scale may mean up to 2^14 times as much (RFC 7323 2.3).
const LARGEST_SHIFT: u8 = 14;

impl Flow {
    /// Takes in a RST that is no copy.
    pub(super) fn on_reset(&mut self, segment: &Segment) {
        let at = Sighting::from(segment);
        let valid = self.is_valid_reset(segment);
        let side = &mut self.facts.sides[segment.dir.index()];
        let troubles = side.troubles.make_mut();
        troubles.rsts = troubles.rsts.saturating_add(1);
        troubles.first_rst.get_or_insert(at);
        self.infer_from_reset(segment);
        if let Some(first) = self.facts.reset {
            self.on_further_reset(segment, &first);
        } else if valid {
            let reset = self.describe_reset(segment);
            self.facts.troubles.make_mut().reset = Some(reset);
        } else {
            self.facts.troubles.make_mut().invalid_resets.on(at);
        }
    }

    /// A server that acknowledges more than the SYN, be it in a RST, has had data from the client: the handshake completed.
    fn infer_from_reset(&mut self, segment: &Segment) {
        let opening = &mut self.facts.opening;
        let acked = self.sides[segment.dir.flip().index()].sender.acked();
        if segment.dir != self.facts.client
            && segment.flags.is_ack()
            && opening.syn_ack.count > 0
            && acked.is_some_and(|acked| segment.ack.is_after(acked) && segment.ack.since(acked) < 1 << 20)
        {
            opening.infer(Sighting::from(segment));
        }
    }

    /// RFC 9293 3.10.7.3 and 3.10.7.4: in SYN-SENT the ACK must cover the SYN; later the sequence number must be in the window.
    fn is_valid_reset(&self, segment: &Segment) -> bool {
        let facts = &self.facts;
        let (from, to) = (segment.dir.index(), segment.dir.flip().index());
        let opening = &facts.opening;
        let answers_syn = facts.roles_seen && segment.dir != facts.client && opening.syn.count > 0;
        if answers_syn && opening.syn_ack.count == 0 && opening.inferred.is_none() {
            let acked = facts.sides[to].isn.map_or(0, |isn| segment.ack.since(isn));
            let most = i64::from(self.sides[to].sender.syn_data()) + 1;
            return segment.flags.is_ack() && (1..=most).contains(&i64::from(acked));
        }
        // The client's own reaction to a stale answer carries the acknowledged number (RFC 9293 3.10.7.3).
        if opening.stale_answer.is_some() && segment.dir == facts.client {
            return true;
        }
        let Some(base) = self.sides[from].sender.acked().or(self.sides[from].sender.next()) else {
            return true;
        };
        let next = self.sides[from].sender.next().unwrap_or(base);
        let Some(window) = self.sides[to].receiver.window() else {
            return true;
        };
        let shift = match (
            facts.sides[from].isn,
            facts.sides[from].window_scale,
            facts.sides[to].window_scale,
        ) {
            (Some(_), Some(_), Some(shift)) => shift.min(LARGEST_SHIFT),
            (Some(_), None, _) => 0,
            _ => LARGEST_SHIFT,
        };
        let right_edge = base.plus((u32::from(window) << shift).max(1)).later(next);
        segment.seq.is_at_least(base.minus(1)) && !segment.seq.is_after(right_edge)
    }

    fn describe_reset(&self, segment: &Segment) -> Reset {
        let (from, to) = (segment.dir.index(), segment.dir.flip().index());
        let (sender, peer) = (&self.facts.sides[from], &self.facts.sides[to]);
        let trigger = peer.last;
        let before_trigger = trigger.map_or(segment.stamp, |seen| seen.stamp);
        let sender_last = sender.last.map_or(self.facts.first.stamp, |seen| seen.stamp);
        let idle = self
            .idle
            .filter(|&(_, ended)| ended > sender_last && ended <= before_trigger);
        Reset {
            at: Sighting::from(segment),
            from: segment.dir,
            stage: self.reset_stage(segment),
            has_ack: segment.flags.is_ack(),
            has_timestamps: segment.options.timestamps.is_some(),
            window: segment.window,
            payload: segment.length,
            ttl: segment.ttl,
            ttl_distance: sender.ttl.distance(segment.ttl),
            ttl_known: sender.ttl.first != 0,
            ip_id_odd: is_ip_id_odd(sender, segment.ip_id),
            ip_id_continues: does_ip_id_continue(sender, segment.ip_id),
            since_trigger: trigger
                .map(|seen| segment.stamp - seen.stamp)
                .filter(|span| span.0 >= 0),
            trigger,
            sender_silent: segment.stamp - sender_last,
            idle_before: idle.map_or(Span::ZERO, |(span, _)| span).max(Span::ZERO),
            seq_is_triggers_ack: self.sides[from].sender.acked() == Some(segment.seq),
            rtt: self.rtt_to(segment.dir),
            sender_unacked: self.sides[from].sender.unacked(),
            peer_unacked: peer_unacked(&self.sides[to].sender, segment),
            refuses_late_data: refuses_late_data(sender, peer, self.sides[to].sender.unacked()),
            sender_spoke_last: self.last_speaker == Some(segment.dir),
        }
    }

    /// Smallest time in which the sender of direction `dir` has answered so far, in the handshake or later.
    fn rtt_to(&self, dir: Dir) -> Option<Span> {
        let opening = &self.facts.opening;
        let handshake = if dir == self.facts.client {
            let answered = opening.completed.zip(opening.syn_ack.last());
            answered
                .map(|(ack, syn_ack)| ack.stamp - syn_ack.stamp)
                .filter(|rtt| rtt.0 >= 0)
        } else {
            opening.server_rtt
        };
        [handshake, self.facts.sides[dir.flip().index()].min_rtt]
            .into_iter()
            .flatten()
            .min()
    }

    fn reset_stage(&self, segment: &Segment) -> ResetStage {
        let facts = &self.facts;
        let (own_fin, peer_fin) = (
            facts.sides[segment.dir.index()].has_closed(),
            facts.sides[segment.dir.flip().index()].has_closed(),
        );
        if !facts.is_established() {
            return if facts.opening.syn_ack.count > 0 {
                ResetStage::Handshake
            } else {
                ResetStage::Syn
            };
        }
        match (own_fin, peer_fin) {
            (true, true) => ResetStage::AfterBothFins,
            (true, false) => ResetStage::AfterOwnFin,
            (false, true) => ResetStage::AfterPeerFin,
            // What was said before the capture began is unknown.
            (false, false) if facts.server().bytes > 0 || facts.is_mid_stream() => ResetStage::MidTransfer,
            (false, false) if facts.client().bytes > 0 => ResetStage::AfterRequest,
            (false, false) => ResetStage::BeforeData,
        }
    }

    fn on_further_reset(&mut self, segment: &Segment, first: &Reset) {
        let after: &mut AfterReset = &mut self.facts.troubles.make_mut().after_reset;
        let since = segment.stamp - first.at.stamp;
        if segment.dir != first.from {
            after.both_ways |= since.0.unsigned_abs() <= BOTH_WAYS.0.unsigned_abs();
            return;
        }
        // No stack resets beyond what it sent; a forger who does not know the next number tries several (SEMANTICS 5.3).
        let next: Option<Seq> = self.sides[segment.dir.index()].sender.next();
        if since < Span::from_secs(1) && next.is_some_and(|next| segment.seq.is_after(next)) {
            after.guesses = after.guesses.saturating_add(1);
        }
    }

    /// Something other than a RST, after the first valid RST.
    pub(super) fn on_segment_after_reset(&mut self, segment: &Segment) {
        let Some(reset) = self.facts.reset else { return };
        let since = segment.stamp - reset.at.stamp;
        if since > SAME_CONNECTION || segment.flags.is_syn() {
            return;
        }
        if segment.dir != reset.from {
            self.on_answer_after_reset(segment, &reset);
            return;
        }
        // A scanner speaks through two stacks: its kernel resets what its own program goes on with, much later.
        if reset.stage == ResetStage::Handshake && segment.dir == self.facts.client && since > OWN_STACKS {
            return;
        }
        let beyond = self.sides[segment.dir.index()]
            .sender
            .next()
            .map_or(0, |next| segment.seq.since(next));
        let goes_beyond = segment.length > 0 && beyond >= 0;
        // Its payload was counted as data by the one who sent it: the flag was set on the way.
        let counts_its_payload = goes_beyond && reset.payload > 0 && beyond.unsigned_abs() == reset.payload;
        if goes_beyond && since > Span::from_millis(1) || counts_its_payload || since > OVERTAKEN {
            let after = &mut self.facts.troubles.make_mut().after_reset;
            after.sender_went_on = after.sender_went_on.saturating_add(1);
            after.first.get_or_insert(Sighting::from(segment));
        }
    }

    /// Whoever believes a RST acknowledges nothing any more.
    fn on_answer_after_reset(&mut self, segment: &Segment, reset: &Reset) {
        let sender = &self.sides[reset.from.index()].sender;
        let is_new = self.facts.after_reset.sender_went_on > 0
            && segment.flags.is_ack()
            && sender.next().is_some_and(|next| next.is_at_least(segment.ack))
            && sender.acked().is_some_and(|old| segment.ack.is_after(old));
        self.facts.troubles.make_mut().after_reset.survived |= is_new;
    }
}

/// Payload sent after the other side's FIN had been acknowledged, and never acknowledged itself. Payload that crossed the
/// FIN on its way is no such thing: that is how closing looks.
fn refuses_late_data(sender: &SideFacts, peer: &SideFacts, peer_unacked: u32) -> bool {
    let knew = sender
        .fin_acked
        .zip(peer.last_data)
        .is_some_and(|(fin, data)| data.number() >= fin.number());
    knew && peer_unacked > 0
}

/// What the other side had outstanding, less what the RST itself acknowledges.
fn peer_unacked(peer: &Sender, reset: &Segment) -> u32 {
    let acked = peer.acked().filter(|_| reset.flags.is_ack());
    let newly = acked.map_or(0, |acked| u32::try_from(reset.ack.since(acked)).unwrap_or(0));
    peer.unacked().saturating_sub(newly)
}

/// Zero among identifications that count, or the other way round.
fn is_ip_id_odd(sender: &SideFacts, id: Option<u16>) -> bool {
    match (sender.ip_ids.last, id) {
        (Some(last), Some(0)) => last != 0,
        _ => false,
    }
}

/// The next number of a sender that counts (a few packets of other flows may lie between).
fn does_ip_id_continue(sender: &SideFacts, id: Option<u16>) -> bool {
    match (sender.ip_ids.last, id) {
        (Some(last), Some(id)) => id != 0 && (1..=64).contains(&id.wrapping_sub(last)),
        _ => false,
    }
}
