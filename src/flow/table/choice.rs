//! Which flow a segment belongs to, where several connections share a 4-tuple.

use super::{Conversation, Table};
use crate::base::limits;
use crate::flow::Flow;
use crate::flow::facts::Sighting;
use crate::wire::Segment;

impl Table {
    /// Which flow of its 4-tuple a segment belongs to, the newest being `newest`.
    pub(super) fn choose(&mut self, newest: u32, segment: &Segment, restarted: bool) -> Choice {
        let Some(flow) = self.store.open(newest, &segment.key) else {
            return Choice::Flow(newest);
        };
        if flow.path() != segment.path {
            let (fits, others) = (flow.fits(segment), flow.conversation.others.clone());
            let home = others.iter().copied().find(|&other| self.is_home(other, segment));
            if home.is_some() || !fits {
                return self.go_elsewhere(newest, home, segment);
            }
        }
        let Some(flow) = self.store.open(newest, &segment.key) else {
            return Choice::Flow(newest);
        };
        match flow.relation(segment, restarted) {
            Relation::Same => Choice::Flow(newest),
            Relation::New => {
                flow.on_superseded(Sighting::from(segment));
                Choice::New(flow.take_conversation(), false)
            }
            Relation::Retry => Choice::New(flow.take_conversation(), true),
        }
    }

    /// Flow `number` lives in this segment's VLAN or tunnel, and the segment continues its numbers.
    fn is_home(&mut self, number: u32, segment: &Segment) -> bool {
        // Once flows are forgotten, the number may have become another's, even one of which a SYN is all.
        if self.store.is_lone(number) {
            return false;
        }
        let flow = self.store.open(number, &segment.key);
        flow.is_some_and(|flow| flow.facts.key == segment.key && flow.path() == segment.path && flow.fits(segment))
    }

    /// The same 4-tuple in another VLAN or tunnel, with numbers of its own: an overlapping address plan.
    fn go_elsewhere(&mut self, newest: u32, home: Option<u32>, segment: &Segment) -> Choice {
        let Some(flow) = self.store.open(newest, &segment.key) else {
            return Choice::Flow(newest);
        };
        let mut conversation = flow.take_conversation();
        let others = conversation.others.make_mut();
        others.retain(|&other| Some(other) != home);
        if others.len() < limits::MAX_OVERLAPS {
            others.push(newest);
        }
        let Some(number) = home else {
            return Choice::New(conversation, false);
        };
        if let Some(flow) = self.store.open(number, &segment.key) {
            flow.conversation = conversation;
        }
        self.set_newest(segment.key, number);
        Choice::Flow(number)
    }
}

/// Where a segment goes.
pub(super) enum Choice {
    Flow(u32),
    /// To a new flow; `true`: the same attempt tried again.
    New(Conversation, bool),
}

/// What a segment is to the flow that holds its ports.
enum Relation {
    Same,
    New,
    /// New, but the same attempt tried again.
    Retry,
}

impl Flow {
    /// SEMANTICS 6.1: a SYN with another ISN, or any SYN after both FINs or a RST, starts a new flow.
    /// A stream that Wireshark starts is a new flow too.
    fn relation(&self, segment: &Segment, stream_restarted: bool) -> Relation {
        let copies = &self.copies[segment.dir.index()];
        if segment.flags.is_syn() {
            let isn = self.facts.sides[segment.dir.index()].isn;
            return match isn {
                _ if stream_restarted => Relation::New,
                Some(isn) if isn != segment.seq => Relation::New,
                Some(_) if self.is_over() && !copies.holds(segment) => Relation::Retry,
                None if self.is_over() => Relation::New,
                _ => Relation::Same,
            };
        }
        // The SYN was not captured: another SYN-ACK, for another SYN, after the end.
        let callers_isn = self.facts.sides[segment.dir.flip().index()].isn;
        let answers_ours = callers_isn.is_some_and(|isn| segment.ack == isn.plus(1));
        if segment.flags.is_syn_ack() && self.is_over() && !answers_ours && !self.fits(segment) {
            return Relation::New;
        }
        Relation::Same
    }
}
