//! All flows of one shard: finds the flow of a segment, splits connections that share a 4-tuple, counts Wireshark's streams.

mod ahead;
mod choice;
mod marking;
mod news;
mod room;

pub use super::store::Shelf;
pub use ahead::Ahead;
use choice::Choice;
use marking::Marking;

pub use news::News;

use super::finished::Finished;
use super::lone::LoneSyn;
use super::mark::Marked;
use super::newest::{Found, Newest};
use super::store::Store;
use super::stream::{Effect, Stream};
use crate::base::{FlowKey, Map, Rare, limits};
use crate::wire::{Flags, IcmpError, Segment};

/// The flows of one shard.
#[derive(Debug, Default)]
pub struct Table {
    newest: Newest,
    store: Store,
    /// Streams that only headers quoted in ICMP errors belong to so far.
    bare: Map<FlowKey, Stream>,
    /// Packets that started a stream without a flow of its own.
    other_streams: Vec<u64>,
    /// Bytes that it may take.
    room: Option<usize>,
    /// Segments of flows that there was no room for.
    refused: u64,
    /// Copies of packets captured before.
    copies: u64,
    /// Where marks are wanted.
    marking: Option<Marking>,
    marked: Vec<Marked>,
    /// The flow of the last segment, the newest of its 4-tuple; none where that was a copy, or is all of its flow.
    listener: Option<u32>,
    /// Bytes that flows have put aside.
    aside: usize,
    /// Flows whose first bytes were given up for want of room.
    deaf: u64,
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
        let found = self.newest.look(&segment.key, self.newest.home(&segment.key));
        self.on_segment_of(found, segment, capture);
    }

    /// Takes in a segment of whose 4-tuple this was found.
    #[expect(
        clippy::inline_always,
        reason = "most segments end in here, and a call costs as much as a check"
    )]
    #[inline(always)]
    fn on_segment_of(&mut self, found: Found, segment: &Segment, capture: u16) {
        self.store.on_time(segment.stamp);
        self.listener = None;
        let Some(newest) = found.number else {
            self.on_first(found, segment, capture);
            return;
        };
        let Some(flow) = self.store.open(newest, &segment.key) else {
            self.refused += 1;
            return;
        };
        // What goes the short way stays where it is, and changes nothing in its stream.
        if flow.path() != segment.path || !flow.on_short(segment) {
            self.on_any(newest, segment, capture);
            return;
        }
        self.listener = Some(newest);
        if segment.flags.any(Flags::FIN | Flags::RST) {
            self.check_over(newest);
        }
        if self.is_watched() {
            self.tell_of_steady(newest, segment);
        }
    }

    /// A FIN or RST came: is the flow over?
    #[inline(never)]
    fn check_over(&mut self, number: u32) {
        if self.store.opened(number).is_some_and(|flow| flow.is_over()) {
            self.store.on_over(number);
        }
    }

    /// A segment of a 4-tuple that has no flow, and would be where it was not found.
    #[inline(never)]
    fn on_first(&mut self, found: Found, segment: &Segment, capture: u16) {
        // Few captures have any; then the key need not be hashed.
        let bare = if self.bare.is_empty() {
            None
        } else {
            self.bare.remove(&segment.key)
        };
        let mut stream = bare.unwrap_or_else(|| Stream::new(segment.packet));
        let effect = on_header(&mut stream, segment);
        let conversation = Conversation {
            stream,
            others: Rare::default(),
        };
        if let Some(number) = self.start_flow(segment, conversation, capture, false) {
            if let Some(marking) = &mut self.marking {
                marking.on_newest(number, None);
            }
            self.newest.add(segment.key, number, found);
            self.mark(segment, effect, number, stream.start);
        }
    }

    /// Someone watches, or wants marks.
    #[inline(never)]
    fn tell_of_steady(&mut self, number: u32, segment: &Segment) {
        let Some(flow) = self.store.open(number, &segment.key) else {
            return;
        };
        let (is_question, start) = (flow.is_question(segment), flow.conversation.stream.start);
        self.mark(segment, Effect::None, number, start);
        if is_question {
            self.touch(number);
        }
    }

    /// Whatever goes the long way, or to another flow of the 4-tuple, or begins one.
    #[inline(never)]
    fn on_any(&mut self, newest: u32, segment: &Segment, capture: u16) {
        let Some(flow) = self.store.open(newest, &segment.key) else {
            return;
        };
        let effect = on_header(&mut flow.conversation.stream, segment);
        if effect != Effect::None {
            flow.forget_pace();
        }
        let start = flow.conversation.stream.start;
        match self.choose(newest, segment, effect == Effect::Restarted) {
            Choice::Flow(number) => {
                if effect == Effect::Restarted {
                    self.other_streams.push(segment.packet);
                }
                self.mark(segment, effect, number, start);
                self.touch(number);
                if let Some(flow) = self.store.open(number, &segment.key) {
                    let is_copy = flow.on_segment(segment);
                    self.copies += u64::from(is_copy);
                    self.listener = (!is_copy).then_some(number);
                }
                if segment.flags.any(Flags::FIN | Flags::RST) {
                    self.check_over(number);
                }
            }
            Choice::New(conversation, is_retry) => {
                self.touch(newest);
                if let Some(number) = self.start_flow(segment, conversation, capture, is_retry) {
                    self.set_newest(segment.key, number);
                    self.mark(segment, effect, number, start);
                }
            }
        }
    }

    /// Flow `number` is the newest of its 4-tuple now.
    fn set_newest(&mut self, key: FlowKey, number: u32) {
        if let Some(marking) = &mut self.marking {
            marking.on_newest(number, self.newest.get(&key));
        }
        self.newest.set(key, number);
    }

    /// A 4-tuple has no newest flow any more.
    fn forget_newest(&mut self, key: &FlowKey) {
        if let Some((marking, number)) = self.marking.as_mut().zip(self.newest.get(key)) {
            marking.on_forgotten(number);
        }
        self.newest.forget(key);
    }

    /// The payload, as captured, of `segment`, which was taken in last. Most flows want only their first ones.
    pub fn on_payload(&mut self, segment: &Segment, bytes: &[u8]) {
        let flow = self.listener.and_then(|number| self.store.open(number, &segment.key));
        let Some(flow) = flow.filter(|flow| flow.wants_payload(segment)) else {
            return;
        };
        let (before, was_limited) = (flow.aside(), flow.is_deaf());
        let room = limits::MAX_ASIDE_PER_SHARD.saturating_sub(self.aside) + before;
        flow.on_bytes(segment, bytes, room);
        self.aside = (self.aside + flow.aside()).saturating_sub(before);
        self.deaf += u64::from(flow.is_deaf() && !was_limited);
    }

    /// A flow that begins with `segment`, not yet found by its 4-tuple; `None` where there is no room.
    fn start_flow(
        &mut self,
        segment: &Segment,
        conversation: Conversation,
        capture: u16,
        is_retry: bool,
    ) -> Option<u32> {
        if !self.has_room() {
            self.refused += 1;
            self.forget_newest(&segment.key);
            return None;
        }
        // Only the first flow of a 4-tuple, whose stream is its own, can be told from its SYN alone.
        let is_plain = !is_retry && conversation.others.is_empty() && conversation.stream.start == segment.packet;
        let number = if is_plain && LoneSyn::fits(segment) {
            self.store.add_lone(segment, capture)
        } else {
            let (number, flow) = self.store.add();
            flow.start(segment, capture, conversation);
            if is_retry {
                flow.facts.opening.troubles.make_mut().repeats_attempt = true;
            }
            self.copies += u64::from(flow.on_segment(segment));
            self.listener = Some(number);
            number
        };
        if let Some(news) = &mut self.news {
            news.started.push((segment.packet, number, segment.key));
        }
        Some(number)
    }

    /// Takes in an ICMP error.
    pub fn on_icmp(&mut self, error: &IcmpError) {
        let newest = self.newest.get(&error.key);
        // Wireshark dissects a quoted header of 20 bytes and more like any other: it joins or starts a stream.
        if error.quoted >= 20 {
            self.on_quoted_header(error, newest);
        }
        if let Some(number) = newest {
            self.touch(number);
        }
        if let Some(flow) = newest.and_then(|number| self.store.open(number, &error.key)) {
            flow.on_icmp(error);
        }
    }

    fn on_quoted_header(&mut self, error: &IcmpError, newest: Option<u32>) {
        let flow = newest.and_then(|number| self.store.open(number, &error.key));
        let is_new = flow.is_none() && !self.bare.contains_key(&error.key);
        let stream = match flow {
            Some(flow) => &mut flow.conversation.stream,
            None => self.bare.entry(error.key).or_insert_with(|| Stream::new(error.packet)),
        };
        // It is not analysed, so that it fixes no sequence number.
        let effect = stream.effect(error.packet, error.dir.index(), error.seq, error.flags);
        if is_new || effect == Effect::Restarted {
            self.other_streams.push(error.packet);
        }
        if let Some((marking, number)) = self.marking.as_mut().zip(newest) {
            let state = marking.state_of(number);
            state.on_quoted(error.dir.index(), error.flags, error.stamp, effect);
        }
    }

    /// All flows, to be read in order, and the streams without one.
    #[must_use]
    pub fn finish(self) -> Finished {
        let mut finished = self.leave();
        finished.end_each(|_, _, _, _| ());
        finished
    }

    /// The same before [`Finished::end_each`].
    #[must_use]
    pub fn leave(self) -> Finished {
        let mut finished = Finished::new(self.store, self.newest.into_keys());
        finished.other_streams = self.other_streams;
        finished.marked = self.marked;
        finished.refused = self.refused;
        finished.copies = self.copies;
        finished.deaf = self.deaf;
        finished
    }
}

/// What the header of `segment` does to its stream.
pub(super) fn on_header(stream: &mut Stream, segment: &Segment) -> Effect {
    let from = segment.dir.index();
    if segment.length_in_wireshark().is_none() {
        return stream.effect(segment.packet, from, segment.seq, segment.flags);
    }
    stream.on_header(segment.packet, from, segment.seq, segment.ack, segment.flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Endpoint, Span};
    use crate::flow::{Flow, FlowFacts};
    use crate::script::Script;

    #[test]
    fn a_flow_costs_what_the_limits_say() {
        assert_eq!(size_of::<LoneSyn>(), limits::LONE_SYN);
        assert!(size_of::<Flow>() <= limits::OPEN_FLOW, "{}", size_of::<Flow>());
        // What a healthy flow and its sides do not need is kept elsewhere.
        assert!(size_of::<FlowFacts>() <= 912, "{}", size_of::<FlowFacts>());
    }

    /// SYNs from ever new addresses.
    fn flood(count: u32) -> impl Iterator<Item = Segment> {
        let script = Script::parse("0 > S 0:0(0) <mss 1460>").expect("a SYN");
        let syn = script.segments().next().expect("one").clone();
        (0..count).map(move |number| {
            let from = |ip: u32, port| Endpoint {
                ip: std::net::Ipv4Addr::from(ip).into(),
                port,
            };
            let (key, dir) =
                FlowKey::between(from(0x0b00_0000 + number, 40_000), from(0x0a00_0001, 80)).expect("both IPv4");
            Segment {
                key,
                dir,
                packet: u64::from(number) + 1,
                ..syn.clone()
            }
        })
    }

    #[test]
    fn a_table_stays_in_its_room_and_counts_what_has_none() {
        const ROOM: usize = 1 << 20;
        let mut table = Table::default();
        table.set_room(ROOM);
        flood(50_000).for_each(|segment| table.on_segment(&segment, 0));
        assert!(table.bytes() <= ROOM + 100, "{}", table.bytes());
        let finished = table.finish();
        assert!(finished.len() > 5_000, "{}", finished.len());
        assert_eq!(finished.len() as u64 + finished.refused, 50_000);
    }

    #[test]
    fn what_is_over_is_packed_soon_where_there_are_many() {
        let script = Script::parse("0 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1").expect("a refusal");
        let refusal: Vec<Segment> = script.segments().cloned().collect();
        let mut table = Table::default();
        let (mut least, mut most) = (usize::MAX, 0);
        // One every ten milliseconds.
        for (number, syn) in (0_u32..).zip(flood(limits::FEW_PER_SHARD as u32 + 2_000)) {
            for segment in &refusal {
                let dir = if segment.flags.is_rst() {
                    syn.dir.flip()
                } else {
                    syn.dir
                };
                let stamp = segment.stamp + Span::from_millis(10 * i64::from(number));
                let packet = 2 * u64::from(number) + u64::from(segment.flags.is_rst()) + 1;
                let segment = Segment {
                    key: syn.key,
                    dir,
                    stamp,
                    packet,
                    ..segment.clone()
                };
                table.on_segment(&segment, 0);
            }
            if number as usize > limits::FEW_PER_SHARD + 1_000 {
                least = least.min(table.store.open_flows());
                most = most.max(table.store.open_flows());
            }
        }
        // Not by halves, when there is no more room.
        assert!(most - least < 5, "{least} to {most}");
        assert!(table.finish().flows().all(|flow| flow.reset.is_some()));
    }
}
