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
        copies: Copies::NONE,
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
