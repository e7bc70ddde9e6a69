//! How a flow begins: a blank one is copied, a constant in one piece, and what its first packet tells is filled in where it
//! stays. It is too large to be made elsewhere and moved.

use super::copies::Copies;
use super::facts::{OpeningFacts, SideFacts, Sighting};
use super::receiver::Receiver;
use super::sender::Sender;
use super::stream::Stream;
use super::table::Conversation;
use super::zeek::Zeek;
use super::{ConnState, Flow, FlowFacts, History, Side, roles};
use crate::base::{Dir, FlowKey, Rare, Span};
use crate::wire::Segment;

impl Side {
    const BLANK: Self = Self {
        sender: Sender::BLANK,
        receiver: Receiver::BLANK,
    };
}

impl Flow {
    /// To be started.
    pub(super) const BLANK: Self = Self {
        facts: FlowFacts {
            key: FlowKey::V4([0; 4], [0; 4], 0, 0),
            client: Dir::Up,
            roles_seen: false,
            interface: 0,
            capture: 0,
            first: Sighting::BLANK,
            last: Sighting::BLANK,
            stream_start: 0,
            sides: [SideFacts::BLANK, SideFacts::BLANK],
            opening: OpeningFacts::BLANK,
            progress_after_icmp: false,
            only_odd_flags: true,
            max_silence: Span::ZERO,
            header_cut: false,
            limited: false,
            name: None,
            talk: None,
            conn_state: ConnState::Oth,
            originator: None,
            history: History::EMPTY,
            troubles: Rare::USUAL,
        },
        sides: [Side::BLANK, Side::BLANK],
        copies: [Copies::NONE; 2],
        conversation: Conversation {
            stream: Stream::new(0),
            others: Rare::USUAL,
        },
        path: 0,
        idle: None,
        last_speaker: None,
        syns_acked: [false; 2],
        zeek: Zeek::BLANK,
        first_syn_asked: (false, false),
        is_steady: false,
        is_calm: false,
    };

    /// A blank flow is that whose first packet is `segment`, the newest of its 4-tuple.
    pub(super) fn start(&mut self, segment: &Segment, capture: u16, conversation: Conversation) {
        let (facts, at) = (&mut self.facts, Sighting::from(segment));
        facts.key = segment.key;
        facts.client = roles::guess_client(segment);
        facts.interface = segment.interface;
        facts.capture = capture;
        (facts.first, facts.last) = (at, at);
        facts.stream_start = conversation.stream.start;
        self.conversation = conversation;
        self.path = segment.path;
        self.zeek.start(segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::mem::offset_of;

    /// What an ordinary segment changes that acknowledges something new. Not asked for: which of the last packets it takes the
    /// place of, and which part of the round trips is counted; each is a line of its own.
    #[test]
    fn what_most_segments_change_lies_in_eight_lines_of_memory() {
        macro_rules! field {
            ($whole:ident.$field:ident: $type:ty) => {
                (offset_of!($whole, $field), size_of::<$type>())
            };
        }
        assert_eq!((align_of::<Flow>(), size_of::<Side>()), (64, 64));
        for (own, peer) in [(0, 1), (1, 0)] {
            let facts = offset_of!(Flow, facts);
            let side = |side: usize| facts + offset_of!(FlowFacts, sides) + side * size_of::<SideFacts>();
            let live = |side: usize| (offset_of!(Flow, sides) + side * size_of::<Side>(), size_of::<Side>());
            let groups: [(usize, Vec<(usize, usize)>); 5] = [
                (
                    0,
                    vec![
                        field!(Flow.path: u32),
                        field!(Flow.is_steady: bool),
                        field!(Flow.last_speaker: Option<Dir>),
                        live(own),
                        live(peer),
                        (offset_of!(Flow, copies) + own * size_of::<Copies>(), Copies::HEAD),
                    ],
                ),
                (offset_of!(Flow, zeek), Zeek::changed(own).to_vec()),
                (
                    facts,
                    vec![
                        field!(FlowFacts.last: Sighting),
                        field!(FlowFacts.max_silence: Span),
                        field!(FlowFacts.progress_after_icmp: bool),
                    ],
                ),
                (
                    side(own),
                    vec![
                        field!(SideFacts.packets: u64),
                        field!(SideFacts.data_segments: u64),
                        field!(SideFacts.bytes: u64),
                        field!(SideFacts.last: Option<Sighting>),
                        field!(SideFacts.last_data: Option<Sighting>),
                        field!(SideFacts.ip_ids: u64),
                        field!(SideFacts.kinds: u16),
                        field!(SideFacts.ttl: [u8; 3]),
                        field!(SideFacts.timestamps: bool),
                    ],
                ),
                (
                    side(peer),
                    vec![
                        field!(SideFacts.last_acked: Option<Sighting>),
                        field!(SideFacts.min_rtt: Option<Span>),
                        field!(SideFacts.rtts: u64),
                    ],
                ),
            ];
            let changed = groups.iter().flat_map(|(start, fields)| {
                fields
                    .iter()
                    .flat_map(move |(offset, length)| [start + offset, start + offset + length - 1])
            });
            let lines: BTreeSet<usize> = changed.map(|byte| byte / 64).collect();
            assert_eq!(lines.len(), 8, "{lines:?}");
        }
    }
}
