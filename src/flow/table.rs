//! All flows of one shard: finds the flow of a segment, splits connections that share a 4-tuple, counts Wireshark's streams.

use super::Flow;
use super::facts::{FlowFacts, Sighting};
use super::mark::{Marked, Marks};
use super::wireshark::{Effect, Stream, Wireshark};
use crate::base::{FlowKey, Map, limits};
use crate::wire::{IcmpError, Segment};

/// What one 4-tuple has seen: the stream that Wireshark would count, and the flow that its packets belong to.
#[derive(Clone, Debug)]
struct Conversation {
    stream: Stream,
    /// Index into `Table::flows` of the newest flow.
    current: u32,
    /// Flows on the same 4-tuple in other VLANs or tunnels, still apart from the current one.
    others: Vec<u32>,
    /// Where marks are wanted: Wireshark's own state of the stream, which knows no VLANs.
    wireshark: Option<Box<Wireshark>>,
}

/// The flows of one shard.
#[derive(Debug, Default)]
pub struct Table {
    conversations: Map<FlowKey, Conversation>,
    flows: Vec<Flow>,
    /// Packets that started a stream without a flow of its own (headers quoted in ICMP errors).
    other_streams: Vec<u64>,
    /// Segments of flows that there was no room for.
    refused: u64,
    /// Copies of packets captured before.
    copies: u64,
    /// ICMP errors whose quoted packet was not captured.
    unmatched_icmp: u64,
    /// Marks are wanted.
    wants_marks: bool,
    marked: Vec<Marked>,
}

const NO_FLOW: u32 = u32::MAX;

impl Table {
    /// Takes in a segment of capture number `capture`.
    pub fn on_segment(&mut self, segment: &Segment, capture: u16) {
        let conversation = self
            .conversations
            .entry(segment.key)
            .or_insert_with(|| Conversation::new(segment.packet));
        let effect = conversation.on_header(segment);
        let index = conversation.flow_for(segment, effect == Effect::Restarted, &mut self.flows, capture);
        if self.wants_marks {
            let marks = conversation.marks(segment, effect);
            let stream = conversation.stream.start;
            if let (false, Some(flow)) = (marks.is_empty(), index) {
                self.marked.push(Marked::new(segment, flow, stream, marks));
            }
        }
        let flow = index.and_then(|index| self.flows.get_mut(index as usize));
        if effect == Effect::Restarted
            && flow
                .as_ref()
                .is_none_or(|flow| flow.facts.stream_start != segment.packet)
        {
            self.other_streams.push(segment.packet);
        }
        match flow {
            Some(flow) => self.copies += u64::from(flow.on_segment(segment)),
            None => self.refused += 1,
        }
    }

    /// From now on, marks are wanted or not.
    pub fn want_marks(&mut self, wanted: bool) {
        self.wants_marks = wanted;
    }

    /// Marked packets so far.
    #[must_use]
    pub fn marked(&self) -> usize {
        self.marked.len()
    }

    /// Takes in an ICMP error.
    pub fn on_icmp(&mut self, error: &IcmpError) {
        // Wireshark dissects a quoted header of 20 bytes and more like any other: it joins or starts a stream.
        let is_whole = error.quoted >= 20;
        if is_whole && !self.conversations.contains_key(&error.key) {
            self.conversations.insert(error.key, Conversation::new(error.packet));
            self.other_streams.push(error.packet);
        }
        let Some(conversation) = self.conversations.get_mut(&error.key) else {
            self.unmatched_icmp += 1;
            return;
        };
        if is_whole {
            let effect =
                conversation
                    .stream
                    .on_header(error.packet, error.dir.index(), error.seq, error.ack, error.flags);
            if effect == Effect::Restarted {
                self.other_streams.push(error.packet);
                conversation.wireshark = None;
            }
        }
        match self.flows.get_mut(conversation.current as usize) {
            Some(flow) => flow.on_icmp(error),
            None => self.unmatched_icmp += 1,
        }
    }

    /// All flows' facts, and the streams without one.
    #[must_use]
    pub fn finish(self) -> Finished {
        Finished {
            flows: self.flows.into_iter().map(Flow::finish).collect(),
            other_streams: self.other_streams,
            refused: self.refused,
            copies: self.copies,
            unmatched_icmp: self.unmatched_icmp,
            marked: self.marked,
        }
    }
}

/// What a table leaves behind.
#[derive(Debug, Default)]
pub struct Finished {
    /// In no particular order.
    pub flows: Vec<FlowFacts>,
    /// Packets that started a stream without a flow.
    pub other_streams: Vec<u64>,
    /// Segments of flows that there was no room for.
    pub refused: u64,
    /// Copies of packets captured before.
    pub copies: u64,
    /// ICMP errors whose quoted packet was not captured.
    pub unmatched_icmp: u64,
    /// Packets with marks, in order.
    pub marked: Vec<Marked>,
}

impl Conversation {
    fn new(start: u64) -> Self {
        Self {
            stream: Stream::new(start),
            current: NO_FLOW,
            others: Vec::new(),
            wireshark: None,
        }
    }

    fn on_header(&mut self, segment: &Segment) -> Effect {
        let from = segment.dir.index();
        if segment.bad_offset {
            return self.stream.effect(segment.packet, from, segment.seq, segment.flags);
        }
        self.stream
            .on_header(segment.packet, from, segment.seq, segment.ack, segment.flags)
    }

    fn marks(&mut self, segment: &Segment, effect: Effect) -> Marks {
        self.wireshark.get_or_insert_default().on_segment(segment, effect)
    }

    /// The flow that `segment` belongs to, made if need be; `None` where there is no room.
    /// `restarted`: Wireshark starts another stream with it.
    fn flow_for(&mut self, segment: &Segment, restarted: bool, flows: &mut Vec<Flow>, capture: u16) -> Option<u32> {
        let Some(flow) = flows.get(self.current as usize) else {
            return self.start_flow(segment, flows, capture, false);
        };
        if flow.path() != segment.path && (self.home_of(segment, flows).is_some() || !flow.fits(segment)) {
            return self.flow_elsewhere(segment, flows, capture);
        }
        let flow = flows.get_mut(self.current as usize)?;
        match flow.relation(segment, restarted) {
            Relation::Same => Some(self.current),
            Relation::New => {
                flow.on_superseded(Sighting::from(segment));
                self.start_flow(segment, flows, capture, false)
            }
            Relation::Retry => self.start_flow(segment, flows, capture, true),
        }
    }

    /// Place in `others` of a flow in this segment's VLAN or tunnel whose numbers it continues.
    fn home_of(&self, segment: &Segment, flows: &[Flow]) -> Option<usize> {
        self.others.iter().position(|&other| {
            flows
                .get(other as usize)
                .is_some_and(|flow| flow.path() == segment.path && flow.fits(segment))
        })
    }

    /// The same 4-tuple in another VLAN or tunnel, with numbers of its own: an overlapping address plan.
    fn flow_elsewhere(&mut self, segment: &Segment, flows: &mut Vec<Flow>, capture: u16) -> Option<u32> {
        let home = self.home_of(segment, flows);
        let old = self.current;
        if let Some(place) = home {
            self.current = self.others.swap_remove(place);
        } else {
            self.start_flow(segment, flows, capture, false)?;
        }
        if self.others.len() < limits::MAX_OVERLAPS {
            self.others.push(old);
        }
        Some(self.current)
    }

    fn start_flow(&mut self, segment: &Segment, flows: &mut Vec<Flow>, capture: u16, is_retry: bool) -> Option<u32> {
        if flows.len() >= limits::MAX_FLOWS_PER_SHARD {
            return None;
        }
        self.current = flows.len() as u32;
        let mut flow = Flow::new(segment, capture, self.stream.start);
        flow.facts.opening.repeats_attempt = is_retry;
        flows.push(flow);
        Some(self.current)
    }
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
        let side = &self.sides[segment.dir.index()];
        if segment.flags.is_syn() {
            let isn = self.facts.sides[segment.dir.index()].isn;
            return match isn {
                _ if stream_restarted => Relation::New,
                Some(isn) if isn != segment.seq => Relation::New,
                Some(_) if self.is_over() && !side.copies.holds(segment) => Relation::Retry,
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
