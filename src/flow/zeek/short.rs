//! What Zeek's record takes from the packets that go the short ways through the tracker: what [`Zeek::on_segment`] would.

use super::{ACK, DATA, End, SHORTEST_TIMER, Zeek, on_fin};
use crate::base::{Seq, Stamp};
use crate::flow::conn_state::State;
use crate::flow::steady::pair;
use crate::wire::Segment;

impl Zeek {
    /// Neither opening nor closing, and heard last at `last`: only numbers and times change with an ordinary segment.
    pub(in crate::flow) fn is_steady(&self, last: Stamp) -> bool {
        !self.is_written
            && self.last == last
            && self
                .ends
                .iter()
                .all(|end| matches!(end.state, State::Partial | State::Established))
    }

    /// This side's numbers end here.
    pub(in crate::flow) fn is_at(&self, side: usize, next: Option<Seq>) -> bool {
        self.ends[side].last == next.map(|next| next.0)
    }

    /// The next segment of a steady connection, which ends at `next`.
    #[expect(clippy::inline_always, reason = "most segments end in here")]
    #[inline(always)]
    pub(in crate::flow) fn on_steady(&mut self, segment: &Segment, next: Seq) {
        self.last = segment.stamp;
        let end = &mut self.ends[segment.dir.index()];
        end.last = Some(next.0);
        if segment.length > 0 {
            end.sent_data = true;
            self.note_once(segment.dir, DATA, b'D');
        } else {
            self.note_once(segment.dir, ACK, b'A');
        }
    }

    /// As [`Zeek::on_segment`], for an ordinary segment or a FIN in order that closes no window: with the end of an
    /// established connection, little happens.
    pub(in crate::flow) fn on_calm(&mut self, segment: &Segment, used: u32) {
        let is_plain = |end: &End| matches!(end.state, State::Established | State::Closed);
        let is_next = self.ends[segment.dir.index()].last == Some(segment.seq.0);
        let is_young = segment.stamp - self.started < SHORTEST_TIMER;
        if self.is_written || !self.ends.iter().all(is_plain) || !is_next || !(is_young || !self.is_over(segment)) {
            self.on_segment(segment, false);
            return;
        }
        self.last = self.last.max(segment.stamp);
        if segment.flags.is_fin() {
            self.note_control(segment, 1, b'F');
            let (own, peer) = pair(&mut self.ends, segment.dir);
            on_fin(own, peer);
        } else if segment.length > 0 {
            self.note_once(segment.dir, DATA, b'D');
        } else {
            self.note_once(segment.dir, ACK, b'A');
        }
        let end = &mut self.ends[segment.dir.index()];
        end.sent_data |= segment.length > 0;
        end.last = Some(segment.seq.plus(used).0);
    }

    /// The SYN that a record starts with.
    pub(in crate::flow) fn on_first_syn(&mut self, segment: &Segment) {
        self.note_control(segment, 0, b'S');
        let end = &mut self.ends[segment.dir.index()];
        end.start = segment.seq.0;
        end.last = Some(segment.seq.plus(1).0);
        end.set(State::SynSent);
    }

    /// A young record of which the other side's SYN is all.
    pub(in crate::flow) fn awaits(&self, segment: &Segment) -> bool {
        let [own, peer] = self.pair(segment.dir);
        !self.is_written
            && self.originator != segment.dir
            && (own.state, peer.state) == (State::Inactive, State::SynSent)
            && (own.last, own.once) == (None, 0)
            && segment.stamp - self.started < SHORTEST_TIMER
    }

    /// The SYN-ACK that it awaits.
    pub(in crate::flow) fn on_answer(&mut self, segment: &Segment) {
        self.last = self.last.max(segment.stamp);
        self.note_control(segment, 0, b'H');
        let end = &mut self.ends[segment.dir.index()];
        end.start = segment.seq.0;
        end.last = Some(segment.seq.plus(1).0);
        self.ends.iter_mut().for_each(|end| end.set(State::Established));
    }
}
