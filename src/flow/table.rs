//! All flows of one shard: finds the flow of a segment, splits connections that share a 4-tuple, counts Wireshark's streams.

mod news;

pub use news::News;

use super::Flow;
use super::facts::Sighting;
use super::finished::Finished;
use super::lone::LoneSyn;
use super::mark::Marked;
use super::store::Store;
use super::wireshark::{Effect, Stream, Wireshark};
use crate::base::{FlowKey, Map, Rare, limits};
use crate::wire::{IcmpError, Segment};
use std::hash::{Hash, Hasher};

/// An IPv4 flow's key without the tag of [`FlowKey`]: most flows there are, and 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyV4(u32, u32, u32);

/// In one word.
impl Hash for KeyV4 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ips = u64::from(self.0) << 32 | u64::from(self.1);
        state.write_u128(u128::from(ips) << 64 | u128::from(self.2));
    }
}

impl KeyV4 {
    pub(super) fn new(low: [u8; 4], high: [u8; 4], low_port: u16, high_port: u16) -> Self {
        let ports = u32::from(low_port) << 16 | u32::from(high_port);
        Self(u32::from_be_bytes(low), u32::from_be_bytes(high), ports)
    }

    /// The key that it was made of.
    pub(super) fn key(self) -> FlowKey {
        let (low, high) = (self.0.to_be_bytes(), self.1.to_be_bytes());
        FlowKey::V4(low, high, (self.2 >> 16) as u16, self.2 as u16)
    }
}

/// The same for IPv6, as it is.
type KeyV6 = ([u8; 16], [u8; 16], u16, u16);

/// The flows of one shard.
#[derive(Debug, Default)]
pub struct Table {
    /// Number of the newest flow of every 4-tuple.
    v4: Map<KeyV4, u32>,
    v6: Map<KeyV6, u32>,
    store: Store,
    /// Streams that only headers quoted in ICMP errors belong to so far.
    bare: Map<FlowKey, Stream>,
    /// Packets that started a stream without a flow of its own.
    other_streams: Vec<u64>,
    /// Segments of flows that there was no room for.
    refused: u64,
    /// Copies of packets captured before.
    copies: u64,
    /// Where marks are wanted: Wireshark's own state of every 4-tuple; it knows no VLANs.
    wireshark: Option<Map<FlowKey, Wireshark>>,
    marked: Vec<Marked>,
    /// For someone who watches: what happened since they last asked.
    news: Option<News>,
}

/// What a flow knows of its 4-tuple as long as it is the newest one there.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) stream: Stream,
    /// Flows on the same 4-tuple in other VLANs or tunnels, still apart from this one.
    pub(super) others: Rare<Vec<u32>>,
}

super::pack::pack_fields!(Conversation { stream others });

impl Table {
    /// Keeps so many flows unpacked. Changes the memory needed and no answer.
    pub fn set_open_flows(&mut self, count: usize) {
        self.store.set_open_flows(count);
    }

    /// Takes in a segment of capture number `capture`.
    pub fn on_segment(&mut self, segment: &Segment, capture: u16) {
        self.store.on_time(segment.stamp);
        let Some(newest) = self.newest(&segment.key) else {
            let mut stream = self
                .bare
                .remove(&segment.key)
                .unwrap_or_else(|| Stream::new(segment.packet));
            let effect = on_header(&mut stream, segment);
            let number = self.start_flow(
                segment,
                Conversation {
                    stream,
                    others: Rare::default(),
                },
                capture,
                false,
            );
            self.mark(segment, effect, number, stream.start);
            return;
        };
        let Some(flow) = self.store.open(newest, segment.key) else {
            self.refused += 1;
            return;
        };
        // What goes the short way stays where it is, and changes nothing in its stream.
        if flow.path() == segment.path && flow.on_steady(segment) {
            if self.wireshark.is_some() {
                let start = flow.conversation.stream.start;
                self.mark(segment, Effect::None, Some(newest), start);
            }
            return;
        }
        let effect = on_header(&mut flow.conversation.stream, segment);
        let start = flow.conversation.stream.start;
        match self.choose(newest, segment, effect == Effect::Restarted) {
            Choice::Flow(number) => {
                if effect == Effect::Restarted {
                    self.other_streams.push(segment.packet);
                }
                self.mark(segment, effect, Some(number), start);
                self.touch(number);
                if let Some(flow) = self.store.open(number, segment.key) {
                    self.copies += u64::from(flow.on_segment(segment));
                }
            }
            Choice::New(conversation, is_retry) => {
                self.touch(newest);
                let number = self.start_flow(segment, conversation, capture, is_retry);
                self.mark(segment, effect, number, start);
            }
        }
    }

    /// Which flow of its 4-tuple a segment belongs to, the newest being `newest`.
    fn choose(&mut self, newest: u32, segment: &Segment, restarted: bool) -> Choice {
        let Some(flow) = self.store.open(newest, segment.key) else {
            return Choice::Flow(newest);
        };
        if flow.path() != segment.path {
            let (fits, others) = (flow.fits(segment), flow.conversation.others.clone());
            let home = others.iter().copied().find(|&other| self.is_home(other, segment));
            if home.is_some() || !fits {
                return self.go_elsewhere(newest, home, segment);
            }
        }
        let Some(flow) = self.store.open(newest, segment.key) else {
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
        let flow = self.store.open(number, segment.key);
        flow.is_some_and(|flow| flow.facts.key == segment.key && flow.path() == segment.path && flow.fits(segment))
    }

    /// The same 4-tuple in another VLAN or tunnel, with numbers of its own: an overlapping address plan.
    fn go_elsewhere(&mut self, newest: u32, home: Option<u32>, segment: &Segment) -> Choice {
        let Some(flow) = self.store.open(newest, segment.key) else {
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
        if let Some(flow) = self.store.open(number, segment.key) {
            flow.conversation = conversation;
        }
        self.set_newest(segment.key, number);
        Choice::Flow(number)
    }

    /// A flow that begins with `segment`; `None` where there is no room.
    fn start_flow(
        &mut self,
        segment: &Segment,
        conversation: Conversation,
        capture: u16,
        is_retry: bool,
    ) -> Option<u32> {
        if self.store.used() >= self.most_flows() {
            self.refused += 1;
            self.forget(&segment.key);
            return None;
        }
        // Only the first flow of a 4-tuple, whose stream is its own, can be told from its SYN alone.
        let is_plain = !is_retry && conversation.others.is_empty() && conversation.stream.start == segment.packet;
        let number = match LoneSyn::new(segment, capture) {
            Some(syn) if is_plain => self.store.add_lone(syn),
            _ => {
                let mut flow = Box::new(Flow::new(segment, capture, conversation));
                flow.facts.opening.repeats_attempt = is_retry;
                self.copies += u64::from(flow.on_segment(segment));
                self.store.add(flow)
            }
        };
        self.set_newest(segment.key, number);
        if let Some(news) = &mut self.news {
            news.started.push((segment.packet, number, segment.key));
        }
        Some(number)
    }

    fn newest(&self, key: &FlowKey) -> Option<u32> {
        match *key {
            FlowKey::V4(a, b, c, d) => self.v4.get(&KeyV4::new(a, b, c, d)).copied(),
            FlowKey::V6(a, b, c, d) => self.v6.get(&(a, b, c, d)).copied(),
        }
    }

    fn set_newest(&mut self, key: FlowKey, number: u32) {
        match key {
            FlowKey::V4(a, b, c, d) => self.v4.insert(KeyV4::new(a, b, c, d), number),
            FlowKey::V6(a, b, c, d) => self.v6.insert((a, b, c, d), number),
        };
    }

    /// There was no room for the newest flow of a 4-tuple: its segments must not be taken for the old one's.
    fn forget(&mut self, key: &FlowKey) {
        match *key {
            FlowKey::V4(a, b, c, d) => self.v4.remove(&KeyV4::new(a, b, c, d)),
            FlowKey::V6(a, b, c, d) => self.v6.remove(&(a, b, c, d)),
        };
    }

    fn mark(&mut self, segment: &Segment, effect: Effect, flow: Option<u32>, stream_start: u64) {
        let Some(states) = &mut self.wireshark else { return };
        let marks = states.entry(segment.key).or_default().on_segment(segment, effect);
        if let (false, Some(flow)) = (marks.is_empty(), flow) {
            self.marked.push(Marked::new(segment, flow, stream_start, marks));
        }
    }

    /// From now on, marks are wanted or not.
    pub fn want_marks(&mut self, wanted: bool) {
        self.wireshark = wanted.then(Map::default);
    }

    /// Marked packets so far.
    #[must_use]
    pub fn marked(&self) -> usize {
        self.marked.len()
    }

    /// Takes in an ICMP error.
    pub fn on_icmp(&mut self, error: &IcmpError) {
        let newest = self.newest(&error.key);
        // Wireshark dissects a quoted header of 20 bytes and more like any other: it joins or starts a stream.
        if error.quoted >= 20 {
            self.on_quoted_header(error, newest);
        }
        if let Some(number) = newest {
            self.touch(number);
        }
        if let Some(flow) = newest.and_then(|number| self.store.open(number, error.key)) {
            flow.on_icmp(error);
        }
    }

    fn on_quoted_header(&mut self, error: &IcmpError, newest: Option<u32>) {
        let flow = newest.and_then(|number| self.store.open(number, error.key));
        let is_new = flow.is_none() && !self.bare.contains_key(&error.key);
        let stream = match flow {
            Some(flow) => &mut flow.conversation.stream,
            None => self.bare.entry(error.key).or_insert_with(|| Stream::new(error.packet)),
        };
        let effect = stream.on_header(error.packet, error.dir.index(), error.seq, error.ack, error.flags);
        if is_new || effect == Effect::Restarted {
            self.other_streams.push(error.packet);
        }
        if let (Effect::Restarted, Some(states)) = (effect, &mut self.wireshark) {
            states.remove(&error.key);
        }
    }

    /// All flows, to be read in order, and the streams without one.
    #[must_use]
    pub fn finish(self) -> Finished {
        let v4 = self.v4.into_iter().map(|(key, number)| (number, key.key()));
        let v6 = self
            .v6
            .into_iter()
            .map(|((a, b, c, d), number)| (number, FlowKey::V6(a, b, c, d)));
        let mut finished = Finished::new(self.store, v4.chain(v6));
        finished.other_streams = self.other_streams;
        finished.marked = self.marked;
        finished.refused = self.refused;
        finished.copies = self.copies;
        finished
    }
}

fn on_header(stream: &mut Stream, segment: &Segment) -> Effect {
    let from = segment.dir.index();
    if segment.bad_offset {
        return stream.effect(segment.packet, from, segment.seq, segment.flags);
    }
    stream.on_header(segment.packet, from, segment.seq, segment.ack, segment.flags)
}

/// Where a segment goes.
enum Choice {
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
