//! What Zeek's record takes from the packets that go the short ways through the tracker: what [`Zeek::on_segment`] would.

use super::{ACK, DATA, End, Often, SHORTEST_TIMER, Zeek, on_fin};
use crate::base::{Seq, Stamp};
use crate::flow::conn_state::State;
use crate::flow::steady::pair;
use crate::wire::{Flags, Segment};

impl Zeek {
    /// Where most segments from a side change it: offset and length.
    #[cfg(test)]
    pub(in crate::flow) const fn changed(side: usize) -> [(usize, usize); 2] {
        let end = std::mem::offset_of!(Self, ends) + side * size_of::<End>();
        [
            (end, size_of::<End>()),
            (std::mem::offset_of!(Self, last), size_of::<Stamp>()),
        ]
    }

    /// See [`crate::flow::Flow::touch`].
    pub(in crate::flow) fn touch(&self) -> u32 {
        self.last.0 as u32
    }

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

    /// As [`Zeek::on_segment`], for an ACK or a FIN of an established connection that closes no window; `false` leaves
    /// everything as it was.
    pub(super) fn on_plain(&mut self, segment: &Segment) -> bool {
        let is_plain = |end: &End| matches!(end.state, State::Established | State::Closed);
        let is_fin = segment.flags.is_fin();
        let (own, peer) = pair(&mut self.ends, segment.dir);
        let Some(last) = own.last.filter(|_| is_plain(own) && is_plain(peer)) else {
            return false;
        };
        if segment.flags.0 & (Flags::SYN | Flags::RST | Flags::ACK) != Flags::ACK
            || segment.window == 0
            || self.is_written
            || segment.stamp - self.started >= SHORTEST_TIMER && self.is_over(segment)
        {
            return false;
        }
        self.last = self.last.max(segment.stamp);
        if is_fin {
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
        let behind = segment.seq.plus(segment.length).plus(is_fin.into());
        if behind.is_after(Seq(last)) {
            end.last = Some(behind.0);
        } else if segment.length > 0 {
            self.note_often(segment.dir, Often::Again);
        }
        true
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
